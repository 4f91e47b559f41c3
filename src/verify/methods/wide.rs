//! Wide programs: too many threads to enumerate their schedules, as a proptest strategy.
//!
//! Eight jobs; each is opened by an owner's thread or before any thread runs, emits eight events by its owner's handle and by
//! a helper's, read by three readers in threads of their own, and is closed, dropped, left open, or closed and created
//! again with a straggler of its old life at work: forty threads in all, none of which has business with another job's.

use crate::verify::history::Outcome;
use crate::verify::program::{Door, From, Op, Program, Until};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// How many jobs a wide program has.
pub const JOBS: usize = 8;
/// How many events each of them is sent in its first life.
pub const EVENTS: usize = 8;
/// How many readers each has.
pub const READERS: usize = 3;
/// The threads of each job: its owner, its helper, its readers.
const THREADS: usize = 2 + READERS;

/// What becomes of a job.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Closed(Outcome),
    /// The owner drops it.
    Abandoned,
    Open,
    /// Closed, created again, and then met by a straggler.
    Reborn(Outcome),
}

#[derive(Debug, Clone, Copy)]
struct Reading {
    from: From,
    door: Door,
    /// Subscribes before any thread runs, if the job is open by then.
    early: bool,
    /// Leaves after so many deliveries.
    leaves_after: Option<u32>,
}

/// One job's part.
#[derive(Debug, Clone)]
struct Part {
    open_first: bool,
    fate: Fate,
    /// How many of its events the owner emits; the helper emits the others.
    by_owner: usize,
    helpers_door: Door,
    readings: Vec<Reading>,
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![Just(Outcome::Completed), Just(Outcome::Failed), Just(Outcome::Cancelled)]
}

fn part() -> impl Strategy<Value = Part> {
    let fate = prop_oneof![
        3 => outcome().prop_map(Fate::Closed),
        1 => Just(Fate::Abandoned),
        1 => Just(Fate::Open),
        2 => outcome().prop_map(Fate::Reborn),
    ];
    let from = prop_oneof![Just(From::Start), Just(From::Now)];
    let door = || prop_oneof![Just(Door::Handle), Just(Door::Name)];
    let leaves = prop_oneof![4 => Just(None), 1 => (1..4_u32).prop_map(Some)];
    let reading = (from, door(), any::<bool>(), leaves).prop_map(|(from, door, early, leaves_after)| Reading {
        from,
        door,
        early,
        leaves_after,
    });
    let readings = proptest::collection::vec(reading, READERS);
    (any::<bool>(), fate, 0..=EVENTS, door(), readings).prop_map(|(open_first, fate, by_owner, door, readings)| {
        // Whoever drops the last handle must be the only one who has it.
        let helpers_door = if matches!(fate, Fate::Abandoned) { Door::Name } else { door };
        Part { open_first, fate, by_owner, helpers_door, readings }
    })
}

impl Part {
    fn add(&self, job: usize, program: &mut Program) {
        let handle = Door::Handle;
        let mut owner = Vec::new();
        if self.open_first {
            program.prelude.push(Op::Create { job });
        } else {
            owner.push(Op::Create { job });
        }
        owner.extend((0..self.by_owner).map(|_| Op::Emit { job, door: handle }));
        match self.fate {
            Fate::Closed(outcome) => owner.push(Op::Close { job, outcome, door: handle }),
            Fate::Abandoned => owner.push(Op::Drop { job }),
            Fate::Open => {}
            Fate::Reborn(outcome) => owner.extend([
                Op::Close { job, outcome, door: handle },
                Op::Create { job },
                Op::Emit { job, door: Door::Straggler },
                Op::Emit { job, door: handle },
            ]),
        }
        program.threads.push(owner);
        let mut helper: Vec<Op> = (self.by_owner..EVENTS).map(|_| Op::Emit { job, door: self.helpers_door }).collect();
        if matches!(self.fate, Fate::Reborn(_)) {
            helper.push(Op::Emit { job, door: Door::Straggler });
        }
        program.threads.push(helper);
        for (reader, reading) in self.readings.iter().enumerate() {
            let ops = self.read(job, job * READERS + reader, reading, &mut program.prelude);
            program.threads.push(ops);
        }
    }

    fn read(&self, job: usize, stream: usize, reading: &Reading, prelude: &mut Vec<Op>) -> Vec<Op> {
        let mut ops = Vec::new();
        let door = if matches!(self.fate, Fate::Abandoned) { Door::Name } else { reading.door };
        let subscribe = Op::Subscribe { job, stream, from: reading.from, door };
        let to = if reading.early && self.open_first { prelude } else { &mut ops };
        to.push(subscribe);
        match (reading.leaves_after, self.fate) {
            (Some(n), _) => ops.extend([Op::Read { stream, until: Until::Deliveries(n) }, Op::Leave { stream }]),
            (None, Fate::Open) => ops.push(Op::Read { stream, until: Until::Accounted(EVENTS as u64) }),
            (None, _) => ops.push(Op::Read { stream, until: Until::End }),
        }
        ops
    }
}

/// Wide programs.
pub fn wide() -> impl Strategy<Value = Program> {
    (1..=4_usize, proptest::collection::vec(part(), JOBS)).prop_map(|(retain, parts)| {
        let jobs = (0..JOBS).map(|job| format!("job-{job}")).collect();
        let mut program =
            Program { jobs, retain, prelude: Vec::new(), threads: Vec::with_capacity(JOBS * THREADS), cut: None };
        for (job, part) in parts.iter().enumerate() {
            part.add(job, &mut program);
        }
        program.threads.retain(|thread| !thread.is_empty());
        program
    })
}

/// The wide program that a seed stands for.
pub fn draw(seed: u64) -> Program {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    wide().new_tree(&mut runner).expect("nothing is filtered out").current()
}
