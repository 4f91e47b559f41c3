//! The methods: one file for each way of running a program against a router.
//!
//! Each runs programs through the [`runner`](super::runner), judges what was recorded by the
//! [`checker`], and says how far it looked.

mod crew;
pub mod fuzzed;
pub mod hunt;
pub mod interleaved;
pub mod load;
pub mod loom;
pub mod loom_outcomes;
pub mod minimise;
pub mod models;
pub mod noninterference;
pub mod quiet;
pub mod replayed;
pub mod shuttle;
pub mod threads;
pub mod wide;
pub mod wire;

use super::checker;
use super::findings::Findings;
use super::history::History;
use super::premises::{Premise, Step};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

/// Judges histories, each different one once, and counts which premises they reached.
///
/// A history is remembered by 128 bits of digest, not by its lines: a night's run sees millions of different ones.
/// That two of them share a digest, and the second goes unjudged, is less likely than that the memory they would have
/// filled lies. What was found out about it is remembered until its program is done, since other programs seldom show
/// it: of a wide program's that is kilobytes each.
#[derive(Debug, Default)]
pub struct Bench {
    seen: HashSet<[u64; 2]>,
    /// Of the program that is being run.
    judged: HashMap<[u64; 2], Judged>,
    executions: u64,
    /// Of the programs that are done.
    premises: BTreeMap<Premise, u64>,
    /// Of the program that is being run.
    reached: BTreeMap<Premise, u64>,
    /// Which of its operations went which way, where a race can go two ways.
    raced: HashSet<Raced>,
}

/// Two operations of one program, and the order in which they were seen to go.
type Raced = (Premise, Step, Step);

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
    raced: Box<[Raced]>,
}

impl Bench {
    /// Judges one execution. `Some` if it is in breach.
    pub fn judge(&mut self, history: &History, waits: u64) -> Option<Findings> {
        let digest = digest(history, waits);
        let judged = self.judged.entry(digest).or_insert_with(|| {
            self.seen.insert(digest);
            let findings = checker::check(history);
            let reached = Premise::ALL.into_iter().filter(|premise| premise.reached(history, waits)).collect();
            let races = Premise::RACES.into_iter().flatten();
            let raced = races.flat_map(|p| p.pairs(history).into_iter().map(move |(emit, other)| (p, emit, other)));
            Judged { findings: (!findings.violated().is_empty()).then_some(findings), reached, raced: raced.collect() }
        });
        self.executions += 1;
        for premise in &judged.reached {
            *self.reached.entry(*premise).or_default() += 1;
        }
        self.raced.extend(judged.raced.iter().copied());
        judged.findings.clone()
    }

    /// Counts an execution whose history this program has shown before; `None` if it has not, and then nothing is counted.
    pub fn recall(&mut self, history: &History, waits: u64) -> Option<Option<Findings>> {
        self.judged.contains_key(&digest(history, waits)).then(|| self.judge(history, waits))
    }

    /// The program is done: what it reached is added to the premises. The sides of a race are, only if some two of its
    /// operations went both ways.
    pub fn end_program(&mut self) {
        self.judged = HashMap::new();
        let reached = std::mem::take(&mut self.reached);
        let raced = std::mem::take(&mut self.raced);
        let both_ways =
            |[one, other]: [Premise; 2]| raced.iter().any(|&(p, a, b)| p == one && raced.contains(&(other, a, b)));
        for (premise, n) in reached {
            let mut sided = Premise::RACES.into_iter().filter(|race| race.contains(&premise));
            if sided.all(both_ways) {
                *self.premises.entry(premise).or_default() += n;
            }
        }
    }

    /// Executions judged so far.
    pub fn executions(&self) -> u64 {
        self.executions
    }

    /// How many of them were different.
    pub fn distinct(&self) -> u64 {
        self.seen.len() as u64
    }

    /// In how many executions each premise was reached, over the programs that are done.
    pub fn premises(&self) -> &BTreeMap<Premise, u64> {
        &self.premises
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::history::{Action, Kind, Line};

    fn created(job: &str) -> History {
        let create = Action::Create { job: job.into(), life: None };
        vec![Line::new(0, Kind::Invoke, create.clone()), Line::new(0, Kind::Ok, create)]
    }

    #[test]
    fn what_was_judged_goes_with_its_program_and_what_was_seen_stays_counted() {
        let mut bench = Bench::default();
        for _program in 0..3 {
            for history in [created("a"), created("b"), created("a")] {
                assert!(bench.judge(&history, 0).is_none());
            }
            assert!(bench.recall(&created("b"), 0).is_some(), "of this program");
            bench.end_program();
            assert!(bench.recall(&created("b"), 0).is_none(), "a night's memory would be full of what nobody asks for");
        }
        assert_eq!((bench.executions(), bench.distinct(), bench.judged.capacity()), (12, 2, 0));
    }
}
