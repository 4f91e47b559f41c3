//! How one program is drawn: its swarm first, then what it does.

use super::Programs;
use crate::verify::history::Outcome;
use crate::verify::program::{Door, From, Op, Program, Until};
use proptest::prelude::Rng as _;
use proptest::test_runner::TestRng;
use std::ops::RangeInclusive;

/// What one program is made of, drawn once for each: weights of the kinds of operation and of the doors, many of them
/// zero. A program that leaves most kinds out does the rest often enough for their rare combinations to come (Groce et
/// al., Swarm testing, ISSTA 2012).
struct Swarm {
    kinds: [u64; KINDS.len()],
    doors: [u64; 3],
    /// More events than are retained go to one job.
    overflows: bool,
    /// A name is closed and created again.
    recreates: bool,
    /// The system narrates too.
    system: bool,
}

/// The kinds of operation that a thread draws from.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Emit,
    Subscribe,
    Create,
    Close,
    Read,
    Poll,
    Leave,
    EmitSystem,
}

const KINDS: [Kind; 8] = {
    use Kind::*;
    [Emit, Subscribe, Create, Close, Read, Poll, Leave, EmitSystem]
};

const DOORS: [Door; 3] = [Door::Handle, Door::Name, Door::Straggler];

/// One program as it grows.
pub(super) struct Draw<'d> {
    rng: &'d mut TestRng,
    params: &'d Programs,
    swarm: Swarm,
    program: Program,
    next_stream: usize,
    /// The streams that each thread may read.
    streams: Vec<Vec<usize>>,
}

fn below(rng: &mut TestRng, n: u64) -> u64 {
    rng.next_u64() % n.max(1)
}

fn within(rng: &mut TestRng, range: &RangeInclusive<usize>) -> usize {
    let width = range.end().saturating_sub(*range.start()) as u64 + 1;
    range.start() + below(rng, width) as usize
}

impl Swarm {
    fn draw(rng: &mut TestRng, params: &Programs) -> Swarm {
        let mut weight = || [0, 1, 1, 4][below(rng, 4) as usize];
        let mut kinds = KINDS.map(|_| weight());
        let mut doors = DOORS.map(|_| weight());
        // A program in which nobody says anything shows nothing; and somebody must come by some door.
        kinds[0] = kinds[0].max(1);
        doors[0] = doors[0].max(1);
        let mut coin = |often: u64| below(rng, 3) < often;
        let system = params.system && coin(1);
        if !system {
            kinds[Kind::EmitSystem as usize] = 0;
        }
        Swarm { kinds, doors, overflows: coin(2), recreates: coin(2), system }
    }
}

impl<'d> Draw<'d> {
    /// Draws one program over these names.
    pub(super) fn program(rng: &'d mut TestRng, params: &'d Programs, jobs: Vec<String>) -> Program {
        let swarm = Swarm::draw(rng, params);
        let retain = within(rng, &params.retain).max(1);
        let threads = within(rng, &params.threads).max(1);
        let program = Program { jobs, retain, prelude: Vec::new(), threads: vec![Vec::new(); threads], cut: None };
        let mut draw = Draw { rng, params, swarm, program, next_stream: 0, streams: vec![Vec::new(); threads] };
        draw.prelude();
        (0..threads).for_each(|thread| draw.thread(thread));
        (0..draw.program.jobs.len()).for_each(|job| draw.crowd(job));
        if draw.params.crowded() && draw.swarm.overflows {
            draw.overflow();
        }
        if draw.params.crowded() && draw.swarm.recreates {
            draw.recreate();
        }
        draw.program
    }

    fn below(&mut self, n: usize) -> usize {
        below(self.rng, n as u64) as usize
    }

    /// One of these, by their weights. One of them is not zero.
    fn weighted(&mut self, weights: &[u64]) -> usize {
        let mut left = below(self.rng, weights.iter().sum());
        weights.iter().position(|weight| left.checked_sub(*weight).map(|rest| left = rest).is_none()).unwrap_or(0)
    }

    fn job(&mut self) -> usize {
        self.below(self.program.jobs.len())
    }

    fn door(&mut self) -> Door {
        let weights = self.swarm.doors;
        DOORS[self.weighted(&weights)]
    }

    fn from(&mut self) -> From {
        if self.below(2) == 0 { From::Start } else { From::Now }
    }

    fn outcome(&mut self) -> Outcome {
        [Outcome::Completed, Outcome::Failed, Outcome::Cancelled][self.below(3)]
    }

    /// A number for a new stream, which this thread will read.
    fn stream(&mut self, thread: usize) -> usize {
        self.streams[thread].push(self.next_stream);
        self.next_stream += 1;
        self.next_stream - 1
    }

    /// Most jobs are there from the beginning, and half of those have a reader; the system has one, if it narrates.
    fn prelude(&mut self) {
        let threads = self.program.threads.len();
        for job in 0..self.program.jobs.len() {
            if self.below(4) > 0 {
                self.program.prelude.push(Op::Create { job });
                if self.below(2) == 0 {
                    let reader = self.below(threads);
                    let (stream, from) = (self.stream(reader), self.from());
                    self.program.prelude.push(Op::Subscribe { job, stream, from, door: Door::Handle });
                }
            }
        }
        if self.swarm.system {
            let reader = self.below(threads);
            let stream = self.stream(reader);
            self.program.prelude.push(Op::SubscribeSystem { stream });
        }
    }

    fn thread(&mut self, thread: usize) {
        let operations = within(self.rng, &self.params.operations);
        let mut last = None;
        for _ in 0..operations {
            let weights = self.swarm.kinds;
            let kind = KINDS[self.weighted(&weights)];
            let op = self.operation(thread, kind);
            // Whoever reads to the end may wait for ever: what he had to do he does before.
            match op {
                Op::Read { until: Until::End, .. } => last = Some(op),
                op => self.program.threads[thread].push(op),
            }
        }
        self.program.threads[thread].extend(last);
    }

    fn operation(&mut self, thread: usize, kind: Kind) -> Op {
        let (job, door) = (self.job(), self.door());
        let newest = self.streams[thread].last().copied();
        match (kind, newest) {
            (Kind::Subscribe, _) => {
                let (stream, from) = (self.stream(thread), self.from());
                Op::Subscribe { job, stream, from, door }
            }
            (Kind::Create, _) => Op::Create { job },
            (Kind::Close, _) => Op::Close { job, outcome: self.outcome(), door },
            (Kind::Read, Some(stream)) => Op::Read { stream, until: self.until() },
            (Kind::Poll, Some(stream)) => Op::Poll { stream },
            (Kind::Leave, Some(stream)) => Op::Leave { stream },
            (Kind::EmitSystem, _) => Op::EmitSystem,
            (Kind::Emit | Kind::Read | Kind::Poll | Kind::Leave, _) => Op::Emit { job, door },
        }
    }

    fn until(&mut self) -> Until {
        let n = 1 + self.below(3);
        [Until::Deliveries(n as u32), Until::Accounted(n as u64), Until::End][self.below(3)]
    }

    /// Sees to it that a job has as many emitters and readers as the bounds ask for, and that somebody creates it.
    fn crowd(&mut self, job: usize) {
        if !self.params.crowded() {
            return;
        }
        let ops = || self.program.prelude.iter().chain(self.program.threads.iter().flatten());
        if !ops().any(|op| matches!(op, Op::Create { job: of } if *of == job)) {
            let thread = self.below(self.program.threads.len());
            self.program.threads[thread].insert(0, Op::Create { job });
        }
        let threads = self.program.threads.len();
        let first = self.below(threads);
        for thread in (0..threads).map(|n| (first + n) % threads) {
            if self.emitters(job) >= self.params.emitters_each.min(threads) {
                break;
            }
            if !self.emits(thread, job) {
                let door = self.door();
                self.insert(thread, Op::Emit { job, door });
            }
        }
        while self.readers(job) < self.params.readers_each {
            let thread = self.below(threads);
            let (stream, from, door) = (self.stream(thread), self.from(), self.door());
            self.insert(thread, Op::Subscribe { job, stream, from, door });
            let n = 1 + self.below(2) as u32;
            self.after(thread, stream, Op::Read { stream, until: Until::Deliveries(n) });
        }
        self.read_what_is_open(job);
    }

    fn emits(&self, thread: usize, job: usize) -> bool {
        self.program.threads[thread].iter().any(|op| matches!(op, Op::Emit { job: of, .. } if *of == job))
    }

    fn emitters(&self, job: usize) -> usize {
        (0..self.program.threads.len()).filter(|thread| self.emits(*thread, job)).count()
    }

    fn readers(&self, job: usize) -> usize {
        let ops = self.program.prelude.iter().chain(self.program.threads.iter().flatten());
        ops.filter(|op| matches!(op, Op::Subscribe { job: of, .. } if *of == job)).count()
    }

    /// A stream of the job that nobody reads is read, by whom it was dealt to.
    fn read_what_is_open(&mut self, job: usize) {
        let opened = self.program.prelude.iter().chain(self.program.threads.iter().flatten());
        let opened = opened.filter_map(|op| match op {
            Op::Subscribe { job: of, stream, .. } if *of == job => Some(*stream),
            _ => None,
        });
        for stream in opened.collect::<Vec<_>>() {
            let owner = self.streams.iter().position(|own| own.contains(&stream)).unwrap_or(0);
            let is_read = self.program.threads[owner]
                .iter()
                .any(|op| matches!(op, Op::Read { stream: of, .. } | Op::Poll { stream: of } if *of == stream));
            if !is_read {
                let n = 1 + self.below(2) as u32;
                self.after(owner, stream, Op::Read { stream, until: Until::Deliveries(n) });
            }
        }
    }

    /// Puts an operation somewhere into a thread, before what may wait for ever.
    fn insert(&mut self, thread: usize, op: Op) {
        let room = self.room(thread);
        let at = self.below(room + 1);
        self.program.threads[thread].insert(at, op);
    }

    /// Puts an operation somewhere after the opening of its stream.
    fn after(&mut self, thread: usize, stream: usize, op: Op) {
        let ops = &self.program.threads[thread];
        let opened = ops.iter().position(|op| matches!(op, Op::Subscribe { stream: of, .. } if *of == stream));
        let from = opened.map_or(0, |at| at + 1);
        let room = self.room(thread).max(from);
        let at = from + self.below(room - from + 1);
        self.program.threads[thread].insert(at, op);
    }

    /// How many operations stand before a last one that may wait for ever.
    fn room(&self, thread: usize) -> usize {
        let ops = &self.program.threads[thread];
        ops.len() - usize::from(matches!(ops.last(), Some(Op::Read { until: Until::End, .. })))
    }

    /// More events to one job than it retains.
    fn overflow(&mut self) {
        let job = self.job();
        let thread = self.below(self.program.threads.len());
        let ops = self.program.prelude.iter().chain(self.program.threads.iter().flatten());
        let there = ops.filter(|op| matches!(op, Op::Emit { job: of, .. } if *of == job)).count();
        for _ in there..self.program.retain + 1 {
            let door = if self.below(2) == 0 { Door::Handle } else { Door::Name };
            self.insert(thread, Op::Emit { job, door });
        }
    }

    /// A name that is there is closed and created again, while a straggler of its old life may still speak.
    fn recreate(&mut self) {
        let job = self.job();
        let thread = self.below(self.program.threads.len());
        let at = self.room(thread);
        let at = self.below(at + 1);
        let outcome = self.outcome();
        let again = [Op::Close { job, outcome, door: Door::Handle }, Op::Create { job }];
        self.program.threads[thread].splice(at..at, again);
        if !self.program.prelude.contains(&Op::Create { job }) {
            self.program.prelude.insert(0, Op::Create { job });
        }
        let other = self.below(self.program.threads.len());
        self.insert(other, Op::Emit { job, door: Door::Straggler });
    }
}
