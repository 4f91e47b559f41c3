//! Outcomes: what an observer could see of one run, and nothing else.
//!
//! Noninterference (G8; Goguen and Meseguer, Security Policies and Security Models, S&P 1982) is a statement about sets of
//! these: purge from a program whatever is done to other jobs ([`Program::purged`](super::program::Program::purged)), and
//! the set of outcomes that some schedule shows the observer must stay what it was. With schedules nobody can foresee
//! that is a statement about two *sets* of runs and not about any one run (a hyperproperty; Clarkson and Schneider, JCS
//! 2010): no judge of single histories can make it.
//!
//! An outcome holds what every operation on the observed jobs was answered, thread by thread in its own order, and what
//! each of their streams delivered: kinds, reasons, tokens, digests, positions, counts, ends. It does not hold how the
//! turns of different threads lay between each other, which no thread can see but through such answers.

use super::history::{Action, Delivered, Kind, Line, parse_line};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What an observer could see of one run, a line of JSON for each answer; comparable, and fit to be printed.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Outcome {
    /// By process: what its operations were answered, and what it read.
    answers: BTreeMap<i64, Vec<String>>,
    /// By stream: what was left for it to deliver when no thread could move any more.
    rest: BTreeMap<String, Vec<String>>,
}

impl Outcome {
    /// What those could see who have to do with the jobs of these names (with all jobs, if none are given), of a run of so
    /// many threads.
    pub fn seen(history: &[Line], threads: usize, jobs: &[&str]) -> Outcome {
        let mut outcome = Outcome::default();
        let is_own = |job: Option<&str>| jobs.is_empty() || job.is_some_and(|job| jobs.contains(&job));
        let clears_up = |process: i64| process < 0 || process > threads as i64;
        for line in history.iter().filter(|line| line.kind != Kind::Invoke) {
            match &line.action {
                Action::Create { job, .. } | Action::Close { job, .. } if is_own(Some(job)) => {}
                Action::Emit { job, .. } if is_own(job.as_deref()) => {}
                Action::Subscribe { job, stream, .. } if is_own(job.as_deref()) => {
                    outcome.rest.entry(stream.clone()).or_default();
                }
                Action::Unsubscribe { stream } if outcome.rest.contains_key(stream) => {}
                Action::Receive { stream, .. } | Action::Drained { stream } => {
                    let Some(rest) = outcome.rest.get_mut(stream) else { continue };
                    if clears_up(line.process) {
                        rest.push(told(line));
                        continue;
                    }
                }
                _ => continue,
            }
            outcome.answers.entry(line.process).or_default().push(told(line));
        }
        outcome
    }

    /// What each thread and stream was told, a lane each: its name, and what was told it in order.
    pub fn lanes(&self) -> Vec<(String, Vec<String>)> {
        let answers = self.answers.iter().map(|(process, told)| (format!("thread {process}"), told.clone()));
        let rest = self.rest.iter().map(|(stream, told)| (format!("{stream}, at last"), told.clone()));
        answers.chain(rest).filter(|(_, told)| !told.is_empty()).collect()
    }

    /// In how many answers, counted lane by lane from the first, two outcomes are alike.
    pub fn in_common(&self, other: &Outcome) -> usize {
        let others: BTreeMap<String, Vec<String>> = other.lanes().into_iter().collect();
        let alike = |(lane, told): (String, Vec<String>)| {
            let theirs = others.get(&lane).map(Vec::as_slice).unwrap_or_default();
            told.iter().zip(theirs).take_while(|(one, other)| one == other).count()
        };
        self.lanes().into_iter().map(alike).sum()
    }
}

/// A line without the number of whoever wrote it: a stream that is drained at the end is read by another.
fn told(line: &Line) -> String {
    Line { process: 0, ..line.clone() }.to_json()
}

/// What a line of an outcome says, in a few words.
pub fn in_words(told: &str) -> String {
    let Ok(Some(line)) = parse_line(told) else { return told.to_owned() };
    let Some(action) = line.action else { return told.to_owned() };
    let answer = match (line.kind, &line.reason) {
        (Kind::Ok, _) => "done".to_owned(),
        (Kind::Fail, Some(reason)) => {
            format!("refused ({})", serde_json::to_string(reason).unwrap_or_default().trim_matches('"'))
        }
        (kind, _) => format!("{kind:?}").to_lowercase(),
    };
    let shown = line.shown.map(|shown| format!(" at {shown}")).unwrap_or_default();
    match action {
        Action::Receive { stream, what } => match what {
            Delivered::Event { event, .. } => format!("{event} by {stream}{shown}"),
            Delivered::Lagged(n) => format!("{n} lagged by {stream}{shown}"),
            Delivered::End(_) => format!("the end by {stream}"),
            Delivered::Stopped(why) => format!("that {stream} is stopped ({why})"),
        },
        Action::Drained { stream } => format!("that {stream} has nothing more"),
        Action::Emit { event, .. } => format!("emit of {event} {answer}"),
        Action::Subscribe { stream, .. } => format!("subscribe of {stream} {answer}"),
        Action::Unsubscribe { stream } => format!("leaving {stream} {answer}"),
        Action::Create { job, .. } => format!("create of {job:?} {answer}"),
        Action::Close { job, .. } => format!("close of {job:?} {answer}"),
        Action::Retained { .. } | Action::Expired { .. } => told.to_owned(),
    }
}
