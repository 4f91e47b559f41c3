//! Outcomes: what an observer could see of one run, and nothing else.
//!
//! Noninterference (G8; Goguen and Meseguer, 1982) is a statement about sets of these: purge from a program whatever
//! is done to other jobs, and the set of outcomes that some schedule shows the observer must stay what it was. So an
//! outcome holds what each of the observer's threads was answered, in its own order, and what each of its streams
//! delivered: kinds, reasons, tokens, digests, counts, ends. It does not hold how the turns of different threads lay
//! between each other, which no thread can see but through such answers.

use super::history::{Action, Kind, Line};
use std::collections::{BTreeMap, BTreeSet};

/// What an observer could see of one run, a line of JSON for each answer; comparable, and fit to be printed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Outcome {
    /// By thread.
    answers: BTreeMap<i64, Vec<String>>,
    /// By stream: what was left for it to deliver when no thread could move any more.
    deliveries: BTreeMap<String, Vec<String>>,
}

impl Outcome {
    /// What the threads of these process numbers could see, who also own every stream that one of them (or the
    /// prelude, for a job of theirs) opened on a job in `jobs`.
    pub fn seen(history: &[Line], observers: &BTreeSet<i64>, jobs: &BTreeSet<&str>) -> Outcome {
        let mut outcome = Outcome { answers: BTreeMap::new(), deliveries: BTreeMap::new() };
        for line in history.iter().filter(|line| line.kind != Kind::Invoke) {
            match &line.action {
                Action::Subscribe { job: Some(job), stream, .. } if jobs.contains(job.as_str()) => {
                    if line.kind == Kind::Ok {
                        outcome.deliveries.entry(stream.clone()).or_default();
                    }
                }
                Action::Receive { stream, .. } | Action::Drained { stream } if !observers.contains(&line.process) => {
                    if let Some(deliveries) = outcome.deliveries.get_mut(stream) {
                        deliveries.push(told(line));
                    }
                    continue;
                }
                _ => {}
            }
            if observers.contains(&line.process) {
                outcome.answers.entry(line.process).or_default().push(told(line));
            }
        }
        outcome
    }

    /// One line for each thread and stream.
    pub fn lines(&self) -> Vec<String> {
        let answers = self.answers.iter().map(|(process, told)| format!("thread {process}: {}", told.join(" ")));
        let deliveries = self.deliveries.iter().map(|(stream, told)| format!("stream {stream}: {}", told.join(" ")));
        answers.chain(deliveries).collect()
    }
}

/// A line without the number of whoever wrote it: a stream that is drained at the end is read by another.
fn told(line: &Line) -> String {
    Line { process: 0, ..line.clone() }.to_json()
}
