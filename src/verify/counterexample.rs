//! Counterexample files: `narrowcast.counterexample/v1`, one JSON document each.
//!
//! A file holds all that a replay needs (which subject, program, seed and schedule) and all that a reader wants (what
//! was recorded and what the judge said). Replaying runs it again; the recorded history is not believed.

use super::findings::Findings;
use super::guarantee::Guarantee;
use super::history::{Line, parse_line};
use super::methods::interleaved::{self, Schedule};
use super::methods::loom;
use super::program::Program;
use serde::{Deserialize, Serialize};

/// A counterexample.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Counterexample {
    /// Always [`SCHEMA`](Counterexample::SCHEMA).
    pub schema: String,
    /// Its name in the evidence.
    pub id: String,
    /// What is broken.
    pub guarantee: Guarantee,
    /// In which router: `reference`, or a planted fault's id.
    pub subject: String,
    /// In which program it was found.
    pub scenario: String,
    /// The seed of the run, in hexadecimal.
    pub seed: String,
    /// The smallest program that shows it.
    pub program: Program,
    /// How many operations the program had in which it was found.
    pub minimised_from: u64,
    /// How to run it again.
    pub how: How,
    /// What was recorded, a line of `narrowcast.history/v1` each.
    pub history: Vec<String>,
    /// What the judge said; none if the run ended in a deadlock or a panic and the judge could name nothing.
    pub findings: Option<Findings>,
    /// The digest of the sources of the program that found it.
    pub sources: String,
}

/// By which method, and what that method needs to run it again.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "lowercase")]
pub enum How {
    /// Our executor: whose turn it was at each step, from 0.
    Interleaved {
        /// The schedule.
        schedule: Schedule,
    },
    /// shuttle's threads: whose turn it was at each step, from 0.
    Shuttle {
        /// The schedule.
        schedule: Schedule,
    },
    /// loom: its exploration is deterministic, so the iteration names the interleaving.
    Loom {
        /// The model in which it was found; the program is what is left of it.
        model: String,
        /// The bound on preemptions within which the program shows it; none means all.
        preemptions: Option<usize>,
        /// The iteration within that bound, from 1.
        iteration: u64,
        /// What loom or the subject said as it ended, if it did not end in the ordinary way.
        abnormal: Option<String>,
    },
}

impl How {
    /// The method's name.
    pub fn method(&self) -> &'static str {
        match self {
            How::Interleaved { .. } => "interleaved",
            How::Shuttle { .. } => "shuttle",
            How::Loom { .. } => "loom",
        }
    }

    /// The schedule in words.
    pub fn schedule(&self) -> String {
        match self {
            // Threads are counted from 1 where people read them, as in the history's processes.
            How::Interleaved { schedule } | How::Shuttle { schedule } => {
                schedule.iter().map(|thread| (thread + 1).to_string()).collect::<Vec<_>>().join(" ")
            }
            How::Loom { preemptions: Some(most), iteration, .. } => {
                let plural = if *most == 1 { "" } else { "s" };
                format!("iteration {iteration} of those with at most {most} preemption{plural}")
            }
            How::Loom { preemptions: None, iteration, .. } => format!("iteration {iteration} of all"),
        }
    }
}

impl Counterexample {
    /// The schema's name.
    pub const SCHEMA: &'static str = "narrowcast.counterexample/v1";

    /// From a breach that `interleaved` found.
    pub fn of_interleaved(id: String, subject: &str, seed: u64, found: &interleaved::Found) -> Self {
        Counterexample {
            schema: Self::SCHEMA.into(),
            id,
            guarantee: found.guarantee,
            subject: subject.into(),
            scenario: found.scenario.clone(),
            seed: format!("{seed:#x}"),
            program: found.program.clone(),
            minimised_from: found.minimised_from,
            how: How::Interleaved { schedule: found.schedule.clone() },
            history: found.history.clone(),
            findings: Some(found.findings.clone()),
            sources: env!("NARROWCAST_SOURCES").into(),
        }
    }

    /// From a breach that shuttle found.
    pub fn of_shuttle(id: String, subject: &str, seed: u64, found: &interleaved::Found) -> Self {
        let how = How::Shuttle { schedule: found.schedule.clone() };
        Counterexample { how, ..Counterexample::of_interleaved(id, subject, seed, found) }
    }

    /// From a breach that loom found.
    pub fn of_loom(id: String, subject: &str, model: &loom::Model, found: &loom::Found) -> Self {
        Counterexample {
            schema: Self::SCHEMA.into(),
            id,
            guarantee: found.guarantee,
            subject: subject.into(),
            scenario: model.race.into(),
            seed: "0x0".into(),
            program: found.program.clone(),
            minimised_from: model.program.operations() as u64,
            how: How::Loom {
                model: model.id.into(),
                preemptions: found.breach.preemptions,
                iteration: found.breach.iteration,
                abnormal: found.breach.abnormal.clone(),
            },
            history: found.breach.history.clone(),
            findings: found.breach.findings.clone(),
            sources: env!("NARROWCAST_SOURCES").into(),
        }
    }

    /// How many operations it has.
    pub fn steps(&self) -> u64 {
        self.program.operations() as u64
    }

    /// What happens, in one sentence: the judge's, or how the run ended.
    pub fn message(&self) -> String {
        let findings = self.findings.iter().flat_map(|findings| &findings.findings);
        let found = findings.into_iter().find(|finding| finding.guarantee == self.guarantee);
        match (found, &self.how) {
            (Some(finding), _) => finding.message.clone(),
            (None, How::Loom { abnormal: Some(said), .. }) => said.lines().next().unwrap_or_default().to_owned(),
            (None, _) => format!("in {}", self.scenario),
        }
    }

    /// The recorded history.
    ///
    /// # Errors
    /// What is wrong with a line, and with which.
    pub fn lines(&self) -> Result<Vec<Line>, String> {
        let parsed = self.history.iter().enumerate().map(|(at, text)| {
            let wrong = |why: String| format!("line {} of the counterexample's history: {why}", at + 1);
            let parsed = parse_line(text).map_err(wrong)?.ok_or_else(|| wrong("it is empty".into()))?;
            let action = parsed.action.ok_or_else(|| wrong("it has no value".into()))?;
            Ok(Line { process: parsed.process, kind: parsed.kind, action, reason: parsed.reason, shown: parsed.shown })
        });
        parsed.collect()
    }
}
