//! Observers, and what goes on beside them: the programs of [`noninterference`](super::methods::noninterference).

use super::history::Outcome;
use super::methods::noninterference::{Load, Pairing};
use super::program::{Door, From, Op, Program, Until};

const OWN: usize = 0;
const OTHER: usize = 1;
/// Streams of loads are numbered from here, so that they are never the observer's.
const STREAM: usize = 8;

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

fn load(id: &str, prelude: Vec<Op>, threads: Vec<Vec<Op>>) -> Load {
    Load { id: id.into(), prelude, threads }
}

/// What may go on beside an observer: all of it on a job of another name.
fn loads() -> Vec<Load> {
    let open = || vec![create(OTHER), subscribe(OTHER, STREAM, From::Start)];
    let other = || emit(OTHER, Door::Handle);
    vec![
        load("narrates", open(), vec![vec![other(), other()]]),
        load("floods", open(), vec![vec![other(); 5]]),
        load("stalls", open(), vec![vec![other(), Op::Read { stream: STREAM, until: Until::End }]]),
        load(
            "lags",
            open(),
            vec![vec![other(), other(), other(), Op::Read { stream: STREAM, until: Until::Deliveries(2) }]],
        ),
        load("ends", open(), vec![vec![other(), close(OTHER, Outcome::Failed)]]),
        load(
            "is created again",
            open(),
            vec![vec![close(OTHER, Outcome::Cancelled), create(OTHER), emit(OTHER, Door::Straggler)]],
        ),
        load("is not there", Vec::new(), vec![vec![emit(OTHER, Door::Name), create(OTHER), emit(OTHER, Door::Name)]]),
        load("is read and left", open(), vec![vec![other(), Op::Leave { stream: STREAM }, other()]]),
        load("is dropped", vec![create(OTHER)], vec![vec![other(), Op::Drop { job: OTHER }]]),
    ]
}

/// Observers whose outcome is not one alone, each beside every load.
pub fn pairings() -> Vec<Pairing> {
    let pairing = |id: &str, retain, prelude: Vec<Op>, threads: Vec<Vec<Op>>| Pairing {
        id: id.into(),
        observer: Program { jobs: vec!["a".into(), "ab".into()], retain, prelude, threads, cut: None },
        loads: loads(),
    };
    let own = |door| emit(OWN, door);
    vec![
        pairing(
            "a reader polls while its job narrates",
            4,
            vec![create(OWN), subscribe(OWN, 0, From::Now)],
            vec![vec![own(Door::Handle), own(Door::Handle)], vec![Op::Poll { stream: 0 }, Op::Poll { stream: 0 }]],
        ),
        pairing(
            "a reader falls behind",
            1,
            vec![create(OWN), subscribe(OWN, 0, From::Start)],
            vec![
                vec![own(Door::Handle), own(Door::Handle), own(Door::Handle)],
                vec![Op::Read { stream: 0, until: Until::Accounted(3) }],
            ],
        ),
        pairing(
            "a job ends amid its narration",
            4,
            vec![create(OWN), subscribe(OWN, 0, From::Start)],
            vec![
                vec![own(Door::Handle), close(OWN, Outcome::Completed)],
                vec![own(Door::Name), own(Door::Name)],
                vec![Op::Read { stream: 0, until: Until::End }],
            ],
        ),
        pairing(
            "a job is created while it is narrated to by name",
            4,
            Vec::new(),
            vec![vec![create(OWN), subscribe(OWN, 0, From::Start)], vec![own(Door::Name), own(Door::Name)]],
        ),
    ]
}
