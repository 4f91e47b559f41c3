//! The methods: one file for each way of running a program against a router.
//!
//! Each runs programs through the [`runner`](super::runner), judges what was recorded by the
//! [`checker`](super::checker), and says how far it looked.

pub mod fuzzed;
pub mod interleaved;
pub mod loom;
pub mod minimise;

use super::checker;
use super::findings::Findings;
use super::history::History;
use super::premises::Premise;
use std::collections::{BTreeMap, HashMap};

/// Judges histories, each different one once, and counts which premises they reached.
#[derive(Debug, Default)]
pub struct Bench {
    judged: HashMap<(History, bool), Judged>,
    executions: u64,
    premises: BTreeMap<Premise, u64>,
}

#[derive(Debug, Clone)]
struct Judged {
    findings: Option<Findings>,
    reached: Vec<Premise>,
}

impl Bench {
    /// Judges one execution. `Some` if it is in breach.
    pub fn judge(&mut self, history: History, waits: u64) -> Option<Findings> {
        self.executions += 1;
        // Only whether anybody waited matters to the premises; how often varies without end.
        let judged = self.judged.entry((history, waits > 0)).or_insert_with_key(|(history, waited)| {
            let findings = checker::check(history);
            let reached = Premise::ALL.into_iter().filter(|p| p.reached(history, u64::from(*waited))).collect();
            Judged { findings: (!findings.violated().is_empty()).then_some(findings), reached }
        });
        for premise in &judged.reached {
            *self.premises.entry(*premise).or_default() += 1;
        }
        judged.findings.clone()
    }

    /// Counts an execution whose history was judged before; `None` if it was not, and then nothing is counted.
    pub fn recall(&mut self, history: &History, waits: u64) -> Option<Option<Findings>> {
        let judged = self.judged.get(&(history.clone(), waits > 0))?;
        self.executions += 1;
        for premise in &judged.reached {
            *self.premises.entry(*premise).or_default() += 1;
        }
        Some(judged.findings.clone())
    }

    /// Executions judged so far.
    pub fn executions(&self) -> u64 {
        self.executions
    }

    /// How many of them were different.
    pub fn distinct(&self) -> u64 {
        self.judged.len() as u64
    }

    /// In how many executions each premise was reached.
    pub fn premises(&self) -> &BTreeMap<Premise, u64> {
        &self.premises
    }
}
