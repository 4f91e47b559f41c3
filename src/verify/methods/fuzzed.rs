//! `fuzzed`: bytes become a concurrent program *and* its schedule.
//!
//! The body of the fuzz target `operations` (fuzz/fuzz_targets/operations.rs is its three-line caller). A
//! coverage-guided fuzzer mutates the bytes; every input is a program over a few jobs and the decisions of our
//! executor, so what the fuzzer learns about the router's branches it learns about schedules too. The same body runs
//! over the committed corpus in `cargo test` (`tests/fuzz_corpus.rs`), where no fuzzer is needed.
//!
//! ```text
//! byte 0    retention 1-4 and number of jobs 2-3
//! byte 1    number of operations n, at most 32
//! 2n bytes  the operations: which thread and kind, which job, door and stream
//! rest      at each step of the schedule, who of those that can move goes next; after the last one, the first
//! ```

use super::Bench;
use super::interleaved::{self, Breach};
use crate::verify::history::Outcome;
use crate::verify::program::{Door, From, Op, Program, Until};
use crate::verify::subject::erased::Fresh;
use std::sync::Arc;

/// The most operations of a decoded program: more only make an input slow.
const MOST_OPERATIONS: usize = 32;
/// Threads of a decoded program; the prelude is one more.
const THREADS: usize = 3;
/// Names that a router might take for one another.
const NAMES: [&str; 3] = ["a", "ab", "A"];

/// The program and the decisions that these bytes stand for. Every input is some program.
pub fn decode(bytes: &[u8]) -> (Program, &[u8]) {
    let at = |index: usize| bytes.get(index).copied().unwrap_or(0);
    let jobs = 2 + usize::from(at(0) >> 2) % 2;
    let operations = usize::from(at(1)) % (MOST_OPERATIONS + 1);
    let mut program = Program {
        jobs: NAMES[..jobs].iter().map(|name| (*name).to_owned()).collect(),
        retain: 1 + usize::from(at(0) % 4),
        prelude: Vec::new(),
        threads: vec![Vec::new(); THREADS],
        cut: None,
    };
    // Of each list (the prelude and the threads): the streams that it may read. The prelude's go to the first thread.
    let mut streams: [Vec<usize>; THREADS + 1] = Default::default();
    for index in 0..operations {
        let (what, whom) = (at(2 + 2 * index), at(3 + 2 * index));
        let list = usize::from(what % (THREADS as u8 + 1));
        let op = operation(what / (THREADS as u8 + 1), whom, jobs, index, &mut streams[list]);
        match list {
            0 => program.prelude.extend(op.filter(is_quick)),
            thread => program.threads[thread - 1].extend(op),
        }
    }
    let from = bytes.len().min(2 + 2 * operations);
    (program, &bytes[from..])
}

/// Whether it can stand in the prelude, which runs alone and so must not wait.
fn is_quick(op: &Op) -> bool {
    match op {
        Op::Create { .. } | Op::EmitSystem | Op::SubscribeSystem { .. } => true,
        Op::Emit { door, .. } | Op::Subscribe { door, .. } | Op::Close { door, .. } => *door == Door::Name,
        Op::Read { .. } | Op::Poll { .. } | Op::Leave { .. } | Op::Drop { .. } => false,
    }
}

fn operation(kind: u8, whom: u8, jobs: usize, index: usize, streams: &mut Vec<usize>) -> Option<Op> {
    let job = usize::from(whom) % jobs;
    let door = [Door::Handle, Door::Name, Door::Straggler, Door::Name][usize::from(whom >> 2) % 4];
    let many = u32::from(whom >> 4);
    let newest = streams.last().copied();
    Some(match kind % 10 {
        0 | 1 => Op::Create { job },
        2..=4 => Op::Emit { job, door },
        5 | 6 => {
            streams.push(index);
            let from = if whom & 0x80 == 0 { From::Start } else { From::Now };
            Op::Subscribe { job, stream: index, from, door }
        }
        7 => {
            let until = [Until::Deliveries(1 + many % 4), Until::Accounted(1 + u64::from(many % 4)), Until::End];
            Op::Read { stream: newest?, until: until[usize::from(whom >> 2) % 3] }
        }
        8 => {
            let outcomes = [Outcome::Completed, Outcome::Failed, Outcome::Cancelled, Outcome::Abandoned];
            Op::Close { job, outcome: outcomes[many as usize % 4], door }
        }
        _ => Op::Leave { stream: newest? },
    })
}

/// Runs the program of these bytes on a router, judges it, and answers the breach if there is one.
pub fn operations(fresh: Fresh, bytes: &[u8]) -> Option<Breach> {
    let (program, decisions) = decode(bytes);
    interleaved::steer(fresh, &Arc::new(program), decisions, &mut Bench::default())
}
