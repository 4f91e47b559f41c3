//! What the commands show, as plain data. The commands fill these in; [`terminal`](super::terminal) prints them, and
//! `--format json` prints them as they are.

use crate::verify::findings::{Finding, Status};
use crate::verify::guarantee::Guarantee;
use crate::verify::verdict::Strength;
use serde::{Deserialize, Serialize};

/// One planted fault, or one near-miss, as `narrowcast faults` lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultRow {
    /// Its id.
    pub id: String,
    /// What is wrong with it, in one sentence; of a near-miss what is unusual about it.
    pub defect: String,
    /// The real incident it is shaped after.
    pub incident: String,
    /// The guarantees it breaks; of a near-miss none.
    pub breaks: Vec<Guarantee>,
    /// The methods expected to find it.
    pub methods: Vec<String>,
}

/// One way in which a guarantee is checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplainedCheck {
    /// The method.
    pub method: String,
    /// How strong it is.
    pub strength: Strength,
    /// What it does.
    pub what: String,
    /// Within which bounds, in words.
    pub bounds: String,
}

/// What `narrowcast explain` says of a guarantee.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// Which guarantee.
    pub guarantee: Guarantee,
    /// What it promises.
    pub statement: String,
    /// Why anybody should care.
    pub why: String,
    /// How this build checks it; empty if it cannot.
    pub checks: Vec<ExplainedCheck>,
    /// The planted faults that these checks find.
    pub faults: Vec<FaultRow>,
    /// What is not shown even if it holds.
    pub limits: Vec<String>,
}

/// How a replay ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplayOutcome {
    /// The finding appeared again.
    Reproduced,
    /// The same schedule runs, and the finding is gone.
    Gone,
    /// The code has changed so that the schedule no longer fits.
    Stale,
}

impl ReplayOutcome {
    /// The exit code of `narrowcast replay`.
    pub fn exit_code(self) -> u8 {
        match self {
            ReplayOutcome::Reproduced => 10,
            ReplayOutcome::Gone => 0,
            ReplayOutcome::Stale => 11,
        }
    }

    /// In JSON and on the terminal.
    pub fn word(self) -> &'static str {
        match self {
            ReplayOutcome::Reproduced => "reproduced",
            ReplayOutcome::Gone => "gone",
            ReplayOutcome::Stale => "stale",
        }
    }
}

/// What `narrowcast replay` shows, beside the history of the replayed run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replay {
    /// The file that was replayed.
    pub file: String,
    /// The counterexample's id.
    pub id: String,
    /// What it breaks.
    pub guarantee: Guarantee,
    /// The router it was found in.
    pub subject: String,
    /// The method that found it.
    pub method: String,
    /// What happens in it, in one sentence.
    pub scenario: String,
    /// In hexadecimal.
    pub seed: String,
    /// Its schedule.
    pub schedule: String,
    /// Which thread is cut short, and how, if one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut: Option<String>,
    /// How the replay ended.
    pub outcome: ReplayOutcome,
    /// Why, if it is stale; else empty.
    pub why: String,
    /// What the judge found in the replayed run.
    pub findings: Vec<Finding>,
    /// The steps in words, for methods that record no history (loom, shuttle).
    pub trace: Vec<String>,
    /// Of a difference between two runs: both, lane by lane.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sides: Vec<Side>,
}

/// What one thread or stream of an observer was told, in two runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Side {
    /// Who.
    pub lane: String,
    /// Beside other jobs.
    pub beside_others: Vec<String>,
    /// Alone.
    pub alone: Vec<String>,
}

/// One claim of the seed's analysis, on both routers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevisitRow {
    /// Its number.
    pub number: u32,
    /// In the seed's words.
    pub claim: String,
    /// Whether it holds on the seed's own router.
    pub seed: Status,
    /// How that was seen, in one line.
    pub seed_evidence: String,
    /// Whether it holds on ours.
    pub ours: Status,
    /// How that was seen, in one line.
    pub ours_evidence: String,
}

/// What ordinary tests notice, and what narrowcast finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrdinaryTests {
    /// How many planted faults were tried.
    pub planted: u32,
    /// How many of them sequential tests in the seed's style notice.
    pub noticed: u32,
    /// How many of them narrowcast finds.
    pub found: u32,
}

/// What `narrowcast revisit` shows, beside the history of the first claim that fails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revisit {
    /// The claims, in the seed's order.
    pub rows: Vec<RevisitRow>,
    /// The number of the claim whose failure is drawn, if one failed.
    pub pictured: Option<u32>,
    /// The lines of that history which show it, from 1.
    pub witness: Vec<usize>,
    /// The comparison with ordinary tests.
    pub ordinary_tests: OrdinaryTests,
}
