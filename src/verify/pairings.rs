//! Observers, and what goes on beside them: the programs of [`noninterference`](super::methods::noninterference).
//!
//! Each *pairing* is one observer: a program of the first job alone, whose threads come first, and whose outcome is not one
//! alone (an observer that always sees the same would be told nothing by anybody). It is run beside every *load*, which is
//! all that another job can do; and beside all loads at once, each on a job of its own, as a *crowd*.

use super::history::Outcome;
use super::program::{Cut, Door, From, Op, Program, Until, Way};
use serde::{Deserialize, Serialize};

/// An observer, and what goes on beside it, one at a time.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Pairing {
    /// What the observer does, in a few words.
    pub observer: String,
    /// The observer beside each load.
    pub loads: Vec<Load>,
    /// The observer beside all of them.
    pub crowd: Program,
}

/// An observer beside one load.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Load {
    /// What becomes of the other job, in a few words.
    pub id: String,
    /// Both. The observed job is the first.
    pub program: Program,
}

impl Pairing {
    /// The pairing as the kernel can run it under explorers that cut no thread short: it has no system narration.
    pub fn inside_the_kernel(mut self) -> Pairing {
        let is_system = |op: &Op| matches!(op, Op::EmitSystem | Op::SubscribeSystem { .. });
        let runs = |program: &Program| {
            program.cut.is_none() && !program.prelude.iter().chain(program.threads.iter().flatten()).any(is_system)
        };
        self.loads.retain(|load| runs(&load.program));
        self
    }

    /// The observer alone.
    pub fn alone(&self) -> Program {
        self.crowd.purged(OWN)
    }
}

/// The observed job.
pub const OWN: usize = 0;
/// Streams of loads are numbered from here, so that they are never the observer's.
const STREAMS: usize = 8;

fn create(job: usize) -> Op {
    Op::Create { job }
}

fn emit(job: usize, door: Door) -> Op {
    Op::Emit { job, door }
}

fn subscribe(job: usize, stream: usize, from: From) -> Op {
    Op::Subscribe { job, stream, from, door: Door::Handle }
}

fn close(job: usize, outcome: Outcome) -> Op {
    Op::Close { job, outcome, door: Door::Handle }
}

/// What one thread does to another job, which may have been opened before.
struct Other {
    id: &'static str,
    prelude: Vec<Op>,
    thread: Vec<Op>,
}

/// All that may go on beside an observer, on this job.
fn others(job: usize) -> Vec<Other> {
    let stream = STREAMS + job;
    let open = || vec![create(job), subscribe(job, stream, From::Start)];
    let own = || emit(job, Door::Handle);
    let poll = || Op::Poll { stream };
    let other = |id, prelude, thread| Other { id, prelude, thread };
    vec![
        other("narrates", open(), vec![own(), own()]),
        other("floods", open(), vec![own(); 5]),
        // Its reader waits for what comes, and is never seen again.
        other("stalls", open(), vec![poll(), own(), own()]),
        other("lags", open(), vec![own(), own(), own(), poll(), poll()]),
        other("ends", open(), vec![own(), close(job, Outcome::Failed)]),
        other(
            "is created again",
            open(),
            vec![close(job, Outcome::Cancelled), create(job), emit(job, Door::Straggler)],
        ),
        other("is not there", Vec::new(), vec![emit(job, Door::Name), create(job), emit(job, Door::Name)]),
        other("is read and left", open(), vec![own(), Op::Leave { stream }, own()]),
        other("is dropped", vec![create(job)], vec![own(), Op::Drop { job }]),
    ]
}

/// The operators, to whom the system narrates.
fn operators() -> Other {
    let prelude = vec![Op::SubscribeSystem { stream: STREAMS }];
    Other { id: "is the system, which narrates", prelude, thread: vec![Op::EmitSystem, Op::EmitSystem] }
}

impl Program {
    fn beside(mut self, other: Other) -> Program {
        self.prelude.extend(other.prelude);
        self.threads.push(other.thread);
        self
    }
}

fn pairing(observer: &str, alone: Program) -> Pairing {
    // Names of the kind that is confused: one begins the other, they differ in case, or in nothing but white space.
    let names = ["ab", "abc", "AB", "ab ", "ab/c", "a", "a*", "*", "a.b", "ab\n"].map(str::to_owned);
    let alone = Program { jobs: names.to_vec(), ..alone };
    let load = |other: Other| Load { id: other.id.into(), program: alone.clone().beside(other) };
    // Each load is on a job of another name.
    let mut loads: Vec<Load> = (0..others(1).len()).map(|at| load(others(at + 1).swap_remove(at))).collect();
    loads.push(load(operators()));
    // One whose thread unwinds from a panic, with whatever it holds.
    let mut panics = load(others(1).swap_remove(0));
    panics.id = "panics".into();
    panics.program.cut = Some(Cut { thread: alone.threads.len(), after: 1, how: Way::Panicked });
    loads.push(panics);
    let crowded = |crowd: Program, at: usize| crowd.beside(others(at + 1).swap_remove(at));
    let crowd = (0..others(1).len()).fold(alone.clone(), crowded);
    Pairing { observer: observer.into(), loads, crowd }
}

/// The observers, each beside every load.
pub fn pairings() -> Vec<Pairing> {
    let own = |door| emit(OWN, door);
    let program = |retain, prelude, threads| Program { retain, prelude, threads, ..Program::default() };
    vec![
        pairing(
            "polls while its job narrates",
            program(
                4,
                vec![create(OWN), subscribe(OWN, 0, From::Now)],
                vec![vec![own(Door::Handle), own(Door::Handle)], vec![Op::Poll { stream: 0 }, Op::Poll { stream: 0 }]],
            ),
        ),
        pairing(
            "falls behind its job",
            program(
                1,
                vec![create(OWN), subscribe(OWN, 0, From::Start)],
                vec![
                    vec![own(Door::Handle), own(Door::Handle), own(Door::Handle)],
                    vec![Op::Read { stream: 0, until: Until::Accounted(3) }],
                ],
            ),
        ),
        pairing(
            "ends amid its narration",
            program(
                4,
                vec![create(OWN), subscribe(OWN, 0, From::Start)],
                vec![
                    vec![own(Door::Handle), close(OWN, Outcome::Completed)],
                    vec![own(Door::Name), Op::Read { stream: 0, until: Until::End }],
                ],
            ),
        ),
        pairing(
            "is created while it is narrated to by name",
            program(
                4,
                Vec::new(),
                vec![vec![create(OWN), subscribe(OWN, 0, From::Start)], vec![own(Door::Name), own(Door::Name)]],
            ),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_observer_is_the_same_alone_whatever_goes_on_beside_it() {
        for pairing in pairings() {
            let alone = pairing.alone();
            assert!(alone.threads.len() == 2 && alone.operations() >= 4, "{alone}");
            for load in &pairing.loads {
                assert_eq!(load.program.purged(OWN), alone, "{} beside a job that {}", pairing.observer, load.id);
                assert!(load.program.operations() > alone.operations());
                assert_eq!(load.program.check(), Ok(()));
            }
            assert_eq!(pairing.crowd.check(), Ok(()));
        }
    }
}
