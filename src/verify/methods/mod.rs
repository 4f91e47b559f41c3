//! The methods: one file for each way of running a program against a router.
//!
//! Each runs programs through the [`runner`](super::runner), judges what was recorded by the
//! [`checker`], and says how far it looked.

pub mod fuzzed;
pub mod interleaved;
pub mod loom;
pub mod minimise;
pub mod models;

use super::checker;
use super::findings::Findings;
use super::history::History;
use super::premises::Premise;
use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

/// Judges histories, each different one once, and counts which premises they reached.
///
/// A history is remembered by 128 bits of digest, not by its lines: a night's run sees millions of different ones.
/// That two of them share a digest, and the second goes unjudged, is less likely than that the memory they would have
/// filled lies.
#[derive(Debug, Default)]
pub struct Bench {
    judged: HashMap<[u64; 2], Judged>,
    executions: u64,
    /// Of the programs that are done.
    premises: BTreeMap<Premise, u64>,
    /// Of the program that is being run.
    reached: BTreeMap<Premise, u64>,
}

/// Two orders of one race. Either alone is what a sequential run reaches too: it counts only where the same program was seen
/// to go the other way as well.
const RACES: [[Premise; 2]; 2] =
    [[Premise::EmitBeforeCreate, Premise::EmitAfterCreate], [Premise::EmitBeforeClose, Premise::EmitAfterClose]];

/// Two SipHashes of one history, apart by what they absorb first. Only whether anybody waited matters to the
/// premises; how often varies without end.
fn digest(history: &History, waits: u64) -> [u64; 2] {
    [0_u8, 1].map(|salt| {
        let mut hasher = DefaultHasher::new();
        (salt, waits > 0, history).hash(&mut hasher);
        hasher.finish()
    })
}

#[derive(Debug, Clone)]
struct Judged {
    findings: Option<Findings>,
    reached: Vec<Premise>,
}

impl Bench {
    /// Judges one execution. `Some` if it is in breach.
    pub fn judge(&mut self, history: &History, waits: u64) -> Option<Findings> {
        let judged = self.judged.entry(digest(history, waits)).or_insert_with(|| {
            let findings = checker::check(history);
            let reached = Premise::ALL.into_iter().filter(|premise| premise.reached(history, waits)).collect();
            Judged { findings: (!findings.violated().is_empty()).then_some(findings), reached }
        });
        self.executions += 1;
        for premise in &judged.reached {
            *self.reached.entry(*premise).or_default() += 1;
        }
        judged.findings.clone()
    }

    /// Counts an execution whose history was judged before; `None` if it was not, and then nothing is counted.
    pub fn recall(&mut self, history: &History, waits: u64) -> Option<Option<Findings>> {
        self.judged.contains_key(&digest(history, waits)).then(|| self.judge(history, waits))
    }

    /// The program is done: what it reached is added to the premises.
    pub fn end_program(&mut self) {
        let reached = std::mem::take(&mut self.reached);
        let counts = |premise: &Premise| {
            RACES.iter().filter(|race| race.contains(premise)).all(|race| race.iter().all(|p| reached.contains_key(p)))
        };
        for (premise, n) in reached.iter().filter(|(premise, _)| counts(premise)) {
            *self.premises.entry(*premise).or_default() += n;
        }
    }

    /// Executions judged so far.
    pub fn executions(&self) -> u64 {
        self.executions
    }

    /// How many of them were different.
    pub fn distinct(&self) -> u64 {
        self.judged.len() as u64
    }

    /// In how many executions each premise was reached, over the programs that are done.
    pub fn premises(&self) -> &BTreeMap<Premise, u64> {
        &self.premises
    }
}
