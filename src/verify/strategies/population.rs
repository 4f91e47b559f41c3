//! What the programs of a run were like, all of them together.

use crate::verify::program::{Op, Program};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A count of drawn programs. The *least* of a kind is over all programs and, within each, over its jobs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Population {
    /// Programs.
    pub programs: u64,
    /// Jobs of the program that has fewest, and of the one that has most.
    pub jobs: [u64; 2],
    /// Threads, likewise.
    pub threads: [u64; 2],
    /// Operations, likewise.
    pub operations: [u64; 2],
    /// Events retained, likewise.
    pub retained: [u64; 2],
    /// Events emitted, likewise.
    pub events: [u64; 2],
    /// Streams, likewise.
    pub streams: [u64; 2],
    /// Threads that emit to one job, over all jobs of all programs.
    pub emitters_each: [u64; 2],
    /// Streams of one job, likewise.
    pub readers_each: [u64; 2],
    /// Programs in which more events go to one job than it retains.
    pub overflowing: u64,
    /// Programs in which a job is closed, and created more than once.
    pub recreating: u64,
    /// Programs in which one thread closes a job to which another emits.
    pub closing_amid_emits: u64,
}

impl Population {
    /// Counts one more program.
    pub fn add(&mut self, program: &Program) {
        let first = self.programs == 0;
        let widen = |range: &mut [u64; 2], n: usize, first: bool| {
            let n = n as u64;
            *range = if first { [n, n] } else { [range[0].min(n), range[1].max(n)] };
        };
        let jobs: Vec<Job> = (0..program.jobs.len()).map(|job| Job::of(program, job)).collect();
        let ops = || program.prelude.iter().chain(program.threads.iter().flatten());
        let count = |wanted: fn(&Op) -> bool| ops().filter(|op| wanted(op)).count();
        widen(&mut self.jobs, jobs.len(), first);
        widen(&mut self.threads, program.threads.len(), first);
        widen(&mut self.operations, program.operations(), first);
        widen(&mut self.retained, program.retain, first);
        widen(&mut self.events, count(|op| matches!(op, Op::Emit { .. } | Op::EmitSystem)), first);
        widen(&mut self.streams, count(|op| matches!(op, Op::Subscribe { .. } | Op::SubscribeSystem { .. })), first);
        for (at, job) in jobs.iter().enumerate() {
            widen(&mut self.emitters_each, job.emitters.len(), first && at == 0);
            widen(&mut self.readers_each, job.streams, first && at == 0);
        }
        self.programs += 1;
        self.overflowing += u64::from(jobs.iter().any(|job| job.events > program.retain));
        self.recreating += u64::from(jobs.iter().any(|job| job.creates > 1 && !job.closers.is_empty()));
        let amid = |job: &Job| job.closers.iter().any(|closer| job.emitters.iter().any(|emitter| emitter != closer));
        self.closing_amid_emits += u64::from(jobs.iter().any(amid));
    }
}

/// What is done to one job. The prelude counts as nobody's thread.
#[derive(Debug, Default)]
struct Job {
    emitters: BTreeSet<usize>,
    closers: BTreeSet<usize>,
    events: usize,
    streams: usize,
    creates: usize,
}

impl Job {
    fn of(program: &Program, job: usize) -> Job {
        let mut found = Job::default();
        let prelude = program.prelude.iter().map(|op| (None, op));
        let threads = program.threads.iter().enumerate();
        let threads = threads.flat_map(|(thread, ops)| ops.iter().map(move |op| (Some(thread), op)));
        for (thread, op) in prelude.chain(threads) {
            match op {
                Op::Create { job: of } if *of == job => found.creates += 1,
                Op::Subscribe { job: of, .. } if *of == job => found.streams += 1,
                Op::Emit { job: of, .. } if *of == job => {
                    found.events += 1;
                    found.emitters.extend(thread);
                }
                Op::Close { job: of, .. } | Op::Drop { job: of } if *of == job => found.closers.extend(thread),
                _ => {}
            }
        }
        found
    }
}
