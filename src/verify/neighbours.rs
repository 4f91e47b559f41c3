//! Observers and loads: the programs of [`quiet`](super::methods::quiet).
//!
//! Each observer has room for all that it narrates, closes its own job once it has emitted all, and reads to the end: alone
//! it is refused nothing and loses nothing, whatever the schedule. Each load is what a neighbour might be in the middle of.

use super::history::Outcome;
use super::program::{Door, From, Op, Program, Until};
use serde::{Deserialize, Serialize};

/// The observer's job.
const OWN: usize = 0;
/// The first of the load's jobs.
const OTHER: usize = 1;
/// Streams of loads are numbered from here, so that they are never the observer's.
const STREAM: usize = 8;
/// How many events a job retains.
const RETAIN: usize = 2;
/// How many jobs the greediest load creates.
const MANY: usize = 3;

/// An observer beside a load.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    /// Its name.
    pub id: String,
    /// What is run. No thread of it is cut yet.
    pub program: Program,
    /// The thread that is to be cut.
    pub load: usize,
}

/// What happens first, and what the threads do.
struct Part {
    id: &'static str,
    prelude: Vec<Op>,
    threads: Vec<Vec<Op>>,
}

fn create(job: usize) -> Op {
    Op::Create { job }
}

fn emit(job: usize, door: Door) -> Op {
    Op::Emit { job, door }
}

fn subscribe(job: usize, stream: usize, door: Door) -> Op {
    Op::Subscribe { job, stream, from: From::Start, door }
}

fn close(job: usize) -> Op {
    Op::Close { job, outcome: Outcome::Completed, door: Door::Handle }
}

fn to_end(stream: usize) -> Op {
    Op::Read { stream, until: Until::End }
}

fn read(stream: usize, events: u64) -> Op {
    Op::Read { stream, until: Until::Accounted(events) }
}

fn observers() -> Vec<Part> {
    let own = |door| emit(OWN, door);
    let by_handle = Door::Handle;
    vec![
        Part {
            id: "a job's whole life in one thread",
            prelude: Vec::new(),
            threads: vec![vec![
                create(OWN),
                subscribe(OWN, 0, by_handle),
                own(by_handle),
                read(0, 1),
                own(by_handle),
                close(OWN),
                to_end(0),
            ]],
        },
        Part {
            id: "a job that is worked on by name",
            prelude: vec![create(OWN)],
            threads: vec![vec![own(Door::Name), subscribe(OWN, 0, Door::Name), own(Door::Name), read(0, 2)]],
        },
        Part {
            id: "an emitter and a reader",
            prelude: vec![create(OWN), subscribe(OWN, 0, by_handle)],
            threads: vec![vec![own(by_handle), own(by_handle), close(OWN)], vec![to_end(0)]],
        },
        Part {
            id: "an emitter, a reader and a closer",
            prelude: vec![create(OWN), subscribe(OWN, 0, by_handle), subscribe(OWN, 1, by_handle)],
            threads: vec![vec![own(by_handle)], vec![to_end(0)], vec![read(1, 1), close(OWN)]],
        },
    ]
}

/// The thread that is to be cut comes last.
fn loads() -> Vec<Part> {
    let other = || emit(OTHER, Door::Handle);
    let open = || vec![create(OTHER), subscribe(OTHER, STREAM, Door::Handle)];
    let mut loads = vec![
        Part { id: "two emitters of one job", prelude: open(), threads: vec![vec![other()], vec![other(), other()]] },
        Part {
            id: "a reader that waits, and stalls before a full queue",
            prelude: open(),
            threads: vec![vec![other(); RETAIN + 1], vec![to_end(STREAM)]],
        },
        Part { id: "a flood that nobody reads", prelude: open(), threads: vec![vec![other(); RETAIN + 2]] },
        Part {
            id: "another job's whole life",
            prelude: Vec::new(),
            threads: vec![vec![
                create(OTHER),
                subscribe(OTHER, STREAM, Door::Handle),
                other(),
                read(STREAM, 1),
                close(OTHER),
                to_end(STREAM),
            ]],
        },
        Part {
            id: "a name that is used again",
            prelude: open(),
            threads: vec![vec![close(OTHER), create(OTHER), emit(OTHER, Door::Straggler), emit(OTHER, Door::Name)]],
        },
        Part {
            id: "many jobs, each with a stream and an event",
            prelude: Vec::new(),
            threads: vec![
                (0..MANY)
                    .flat_map(|n| {
                        let job = OTHER + n;
                        [create(job), subscribe(job, STREAM + n, Door::Handle), emit(job, Door::Handle)]
                    })
                    .collect(),
            ],
        },
    ];
    loads.extend(dropped_handles());
    loads
}

/// A handle that is dropped after each step of its thread's work; what follows comes by name.
fn dropped_handles() -> Vec<Part> {
    const IDS: [&str; 3] =
        ["a handle dropped at once", "a handle dropped after an emit", "a handle dropped while it is read"];
    let work = || vec![emit(OTHER, Door::Name), subscribe(OTHER, STREAM, Door::Name)];
    let dropped = |(at, id)| {
        let mut ops = work();
        ops.insert(at, Op::Drop { job: OTHER });
        ops.insert(0, create(OTHER));
        ops.push(Op::Poll { stream: STREAM });
        Part { id, prelude: Vec::new(), threads: vec![ops] }
    };
    IDS.into_iter().enumerate().map(dropped).collect()
}

/// Every observer beside every load.
pub fn pairs() -> Vec<Pair> {
    let jobs = ["a", "ab", "b", "c"].map(str::to_owned).to_vec();
    let beside = |observer: &Part, load: &Part| {
        let together = |one: &[Op], other: &[Op]| [one, other].concat();
        let threads = [observer.threads.as_slice(), load.threads.as_slice()].concat();
        Pair {
            id: format!("{}, beside {}", observer.id, load.id),
            load: threads.len() - 1,
            program: Program {
                jobs: jobs.clone(),
                retain: RETAIN,
                prelude: together(&observer.prelude, &load.prelude),
                threads,
                cut: None,
            },
        }
    };
    let (observers, loads) = (observers(), loads());
    observers.iter().flat_map(|observer| loads.iter().map(move |load| beside(observer, load))).collect()
}
