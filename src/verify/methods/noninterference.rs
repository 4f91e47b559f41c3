//! Noninterference (G8) by sets of outcomes.
//!
//! An *observer*'s program is run alone, under every schedule, and the set of [outcomes](crate::verify::outcomes) that
//! it can see is written down. Then the same program is run beside a *load*: threads that do nothing but work on another
//! job. Whatever they do, the observer's set must be the same. An outcome that only the busy runs show tells the observer
//! of the other job; one that only the quiet runs show was taken from him by it.
//!
//! The loads multiply the schedules, so the busy runs are bounded in preemptions: by the smallest bound at which the
//! observer alone already shows his complete, unbounded set. Every outcome of the observer alone is then within the bound
//! of the busy runs too (the load goes first, or last), so that a difference is one of the router and none of the bound.
//!
//! What it cannot see: timing; what a load of another shape would show; preemption inside an operation that never awaits
//! (of the kernel, loom's outcome sets show that).

use super::Bench;
use super::interleaved::{Execution, Start, every_on, start};
use crate::verify::outcomes::Outcome;
use crate::verify::program::{Op, Program};
use crate::verify::subject::Subject;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What the other job's threads do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Load {
    /// Its name.
    pub id: String,
    /// What happens before any thread runs, after the observer's own prelude.
    pub prelude: Vec<Op>,
    /// What its threads do.
    pub threads: Vec<Vec<Op>>,
}

/// A program of one job, and what may go on beside it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Pairing {
    /// Its name.
    pub id: String,
    /// The observer's program. Its first job is the observer's; the others are for loads.
    pub observer: Program,
    /// What goes on beside it, one at a time.
    pub loads: Vec<Load>,
}

impl Pairing {
    /// The observer's program beside a load. The observer's threads come first, so that their numbers, and with them
    /// the tokens of their events, stay the same.
    pub fn busy(&self, load: &Load) -> Program {
        let mut program = self.observer.clone();
        program.prelude.extend(load.prelude.iter().cloned());
        program.threads.extend(load.threads.iter().cloned());
        program
    }
}

/// One side of a comparison: each outcome with the first schedule that showed it.
#[derive(Debug, Clone, Default)]
struct Side {
    outcomes: BTreeMap<Outcome, Vec<u8>>,
    schedules: u64,
    frontier_emptied: bool,
    /// A panic or a hang.
    abnormal: Option<String>,
}

/// What came of one comparison.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Compared {
    /// The pairing.
    pub pairing: String,
    /// The load.
    pub load: String,
    /// The bound on preemptions of the busy runs.
    pub preemptions: usize,
    /// How many different outcomes the observer has alone. One alone would show nothing.
    pub outcomes: u64,
    /// Schedules of the observer alone, without a bound, and beside the load.
    pub schedules: [u64; 2],
    /// Both sets are complete, within the bound.
    pub frontier_emptied: bool,
    /// How the sets differ, if they do.
    pub difference: Option<Difference>,
    /// A panic or a hang, of either side.
    pub abnormal: Option<String>,
}

/// An outcome that one side shows and the other does not.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Difference {
    /// It is shown beside the load, and never alone; else it is the other way round.
    pub only_busy: bool,
    /// What the observer sees, a line for each thread and stream.
    pub seen: Vec<String>,
    /// Of the other side's outcomes that with the most lines in common.
    pub nearest: Vec<String>,
    /// The program that shows it.
    pub program: Program,
    /// Under this schedule.
    pub schedule: Vec<u8>,
}

/// Compares one observer beside one load with the same observer alone.
pub fn compare<S: Subject>(pairing: &Pairing, load: &Load, seed: u64, most: u64, bench: &mut Bench) -> Compared {
    compare_on(start::<S>, pairing, load, seed, most, bench)
}

fn compare_on(start: Start, pairing: &Pairing, load: &Load, seed: u64, most: u64, bench: &mut Bench) -> Compared {
    let observer = Observer::of(pairing);
    let quiet = Arc::new(pairing.observer.clone());
    let busy = Arc::new(pairing.busy(load));
    let alone = observer.watch(start, &quiet, seed, (most, None), &mut Bench::default());
    let (preemptions, _) = (0..)
        .map(|bound| (bound, observer.watch(start, &quiet, seed, (most, Some(bound)), &mut Bench::default())))
        .find(|(_, side)| side.outcomes.len() == alone.outcomes.len())
        .expect("without a bound is with a large one");
    let beside = observer.watch(start, &busy, seed, (most, Some(preemptions)), bench);
    bench.end_program();
    let complete = alone.frontier_emptied && beside.frontier_emptied;
    // What is missing beside the load is missing only if everything beside it was seen; what is new is new at once.
    let new = differ(&beside, &alone, true, &busy).filter(|_| alone.frontier_emptied);
    let difference = new.or_else(|| differ(&alone, &beside, false, &quiet).filter(|_| complete));
    Compared {
        pairing: pairing.id.clone(),
        load: load.id.clone(),
        preemptions,
        outcomes: alone.outcomes.len() as u64,
        schedules: [alone.schedules, beside.schedules],
        frontier_emptied: complete,
        difference,
        abnormal: alone.abnormal.or(beside.abnormal),
    }
}

/// Whose sight an outcome is.
struct Observer<'p> {
    processes: BTreeSet<i64>,
    jobs: BTreeSet<&'p str>,
}

impl<'p> Observer<'p> {
    fn of(pairing: &'p Pairing) -> Self {
        Observer {
            processes: (1..=pairing.observer.threads.len() as i64).collect(),
            jobs: pairing.observer.jobs.first().map(String::as_str).into_iter().collect(),
        }
    }

    fn watch(
        &self,
        start: Start,
        program: &Arc<Program>,
        seed: u64,
        bounds: (u64, Option<usize>),
        bench: &mut Bench,
    ) -> Side {
        let mut side = Side::default();
        let mut see = |execution: &Execution| {
            bench.judge(&execution.history, execution.waits);
            let outcome = Outcome::seen(&execution.history, &self.processes, &self.jobs);
            side.outcomes.entry(outcome).or_insert_with(|| execution.schedule.clone());
            if let Some(abnormal) = &execution.abnormal {
                side.abnormal.get_or_insert_with(|| format!("{abnormal:?}"));
            }
        };
        let every = every_on(start, program, seed, bounds, &mut see);
        (side.schedules, side.frontier_emptied) = (every.schedules, every.frontier_emptied);
        side
    }
}

/// The first outcome of one side that the other does not show.
fn differ(one: &Side, other: &Side, only_busy: bool, program: &Program) -> Option<Difference> {
    let (outcome, schedule) = one.outcomes.iter().find(|(outcome, _)| !other.outcomes.contains_key(outcome))?;
    let seen = outcome.lines();
    let in_common = |candidate: &&Outcome| candidate.lines().iter().filter(|line| seen.contains(line)).count();
    let nearest = other.outcomes.keys().max_by_key(in_common).map(Outcome::lines).unwrap_or_default();
    Some(Difference { only_busy, seen, nearest, program: program.clone(), schedule: schedule.clone() })
}
