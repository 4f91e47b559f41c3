//! The models: what [`loom`](super::loom) runs in every interleaving inside the shipped kernel.
//!
//! Each is one race, as few operations as it takes to have it, and small enough that a second or two suffices for three
//! preemptions. Each names what must have been reached before its silence means anything, and for each there is a
//! planted patch (`verify/faults/patches/`) that no other model finds: a model without one would be decoration.

use crate::verify::guarantee::Guarantee;
use crate::verify::history::Outcome;
use crate::verify::premises::Premise;
use crate::verify::program::{Door, From, Op, Program, Until};

/// One model: a program, and what it is for.
#[derive(Debug, Clone)]
pub struct Model {
    /// Its name.
    pub id: &'static str,
    /// The race it is about, in one sentence.
    pub race: &'static str,
    /// What is run.
    pub program: Program,
    /// It is too large to be explored without a bound on preemptions: the largest bound that ends in minutes.
    pub most_preemptions: Option<usize>,
    /// The guarantees that it says something about, and what must have been reached before it does.
    pub claims: Vec<(Guarantee, Vec<Premise>)>,
}

// One word each, so that a program reads as a program. Job 0 is `a`, job 1 is `b`.
const CREATE: Op = Op::Create { job: 0 };
const EMIT: Op = emit(0, Door::Handle);
const EMIT_BY_NAME: Op = emit(0, Door::Name);

const fn emit(job: usize, door: Door) -> Op {
    Op::Emit { job, door }
}

const fn subscribe(job: usize, stream: usize, from: From) -> Op {
    Op::Subscribe { job, stream, from, door: Door::Handle }
}

const fn read(stream: usize, events: u64) -> Op {
    Op::Read { stream, until: Until::Accounted(events) }
}

const fn read_to_end(stream: usize) -> Op {
    Op::Read { stream, until: Until::End }
}

const fn close(outcome: Outcome) -> Op {
    Op::Close { job: 0, outcome, door: Door::Handle }
}

/// A program with the job `a` alone and room for four events.
fn program(prelude: Vec<Op>, threads: Vec<Vec<Op>>) -> Program {
    Program { jobs: vec!["a".into()], retain: 4, prelude, threads, cut: None }
}

/// The models.
pub fn models() -> Vec<Model> {
    vec![
        create_against_emit(),
        create_against_create(),
        subscribe_against_emit(),
        close_against_emit(),
        close_against_subscribe(),
        close_against_new_life(),
        two_jobs(),
        lag_against_read(),
        leave_against_emit(),
        drop_against_subscribe(),
        cancel_against_completion(),
        end_against_end(),
    ]
}

/// The seed's background task: it knows the job's name, and nobody knows whether the job exists yet.
fn create_against_emit() -> Model {
    Model {
        id: "create-against-emit",
        race: "a background task emits by name while the job is created",
        program: program(vec![], vec![vec![CREATE, subscribe(0, 0, From::Start)], vec![EMIT_BY_NAME]]),
        most_preemptions: None,
        claims: vec![
            (Guarantee::G2, vec![Premise::EmitBeforeCreate]),
            (Guarantee::G4, vec![Premise::EmitBeforeCreate, Premise::EmitAfterCreate]),
            (Guarantee::G6, vec![Premise::EmitBeforeCreate, Premise::EmitAfterCreate]),
        ],
    }
}

/// Two rivals who both think that they are first. Whoever loses works with the winner's job.
fn create_against_create() -> Model {
    Model {
        id: "create-against-create",
        race: "two rivals create one job, of whom one emits to it and the other reads it",
        program: program(vec![], vec![vec![CREATE, EMIT], vec![CREATE, subscribe(0, 0, From::Start)]]),
        most_preemptions: None,
        claims: vec![
            (Guarantee::G4, vec![Premise::CreatesOverlapped]),
            (Guarantee::G6, vec![Premise::CreatesOverlapped]),
        ],
    }
}

/// A reader comes while an emitter is at it. One stream is owed what is retained and a count of what is not, the other
/// what is new.
fn subscribe_against_emit() -> Model {
    let threads = vec![vec![EMIT, EMIT], vec![subscribe(0, 0, From::Start), subscribe(0, 1, From::Now), read(0, 2)]];
    Model {
        id: "subscribe-against-emit",
        race: "one emits twice into a history of one while streams are opened, from the start and from now",
        program: Program { retain: 1, ..program(vec![CREATE], threads) },
        most_preemptions: None,
        claims: vec![
            (Guarantee::G1, vec![Premise::SubscribeAmidEmits]),
            (Guarantee::G5, vec![Premise::SubscribeAmidEmits]),
            (Guarantee::G6, vec![Premise::SubscribeAmidEmits, Premise::ReaderWaited]),
        ],
    }
}

/// An emitter, a closer and a reader that waits for the end.
fn close_against_emit() -> Model {
    let both = vec![Premise::ReaderWaited, Premise::EmitBeforeClose, Premise::EmitAfterClose];
    Model {
        id: "close-against-emit",
        race: "one emits, one closes, and a reader waits for the end",
        program: program(
            vec![CREATE, subscribe(0, 0, From::Start)],
            vec![vec![EMIT], vec![close(Outcome::Completed)], vec![read_to_end(0)]],
        ),
        most_preemptions: Some(5),
        claims: vec![
            (Guarantee::G2, vec![Premise::EmitAfterClose]),
            (Guarantee::G6, vec![Premise::ReaderWaited, Premise::EmitBeforeClose]),
            (Guarantee::G9, both),
        ],
    }
}

/// A reader comes as the job ends, another when it has ended and may be given up at any moment: whoever is let in has to
/// learn of the end.
fn close_against_subscribe() -> Model {
    Model {
        id: "close-against-subscribe",
        race: "one closes a job that has spoken, and then subscribes, while another subscribes and waits for the end",
        program: program(
            vec![CREATE, EMIT],
            vec![
                vec![close(Outcome::Failed), subscribe(0, 1, From::Now)],
                vec![subscribe(0, 0, From::Start), read_to_end(0)],
            ],
        ),
        most_preemptions: None,
        claims: vec![
            (Guarantee::G9, vec![Premise::SubscribeDuringClose, Premise::ReaderWaited]),
            (
                Guarantee::G10,
                vec![Premise::SubscribeBeforeClose, Premise::SubscribeAfterClose, Premise::SubscribeAfterEnd],
            ),
        ],
    }
}

/// A name is used again while the old life is read to its end, and its last actor has not heard of it.
fn close_against_new_life() -> Model {
    let old = Door::Straggler;
    Model {
        id: "close-against-new-life",
        race: "a job is closed, read to its end and emitted to by one who has not heard that its name was created again",
        program: program(
            vec![CREATE, subscribe(0, 0, From::Start)],
            vec![
                vec![CREATE, EMIT_BY_NAME],
                vec![Op::Close { job: 0, outcome: Outcome::Completed, door: old }, read_to_end(0), emit(0, old)],
            ],
        ),
        most_preemptions: None,
        claims: vec![
            (Guarantee::G1, vec![Premise::StragglerMetNewLife]),
            (Guarantee::G2, vec![Premise::StragglerMetNewLife, Premise::EndDuringCreate]),
            (Guarantee::G4, vec![Premise::EndDuringCreate]),
            (Guarantee::G10, vec![Premise::EndDuringCreate]),
        ],
    }
}

/// Two jobs in one shard, one of them just being created, and a name that is nobody's.
fn two_jobs() -> Model {
    Model {
        id: "two-jobs",
        race: "two emit to two jobs, one of them just being created, and to a third that nobody creates; a reader waits",
        program: Program {
            jobs: vec!["a".into(), "b".into(), "c".into()],
            retain: 4,
            prelude: vec![Op::Create { job: 1 }, subscribe(1, 1, From::Start)],
            threads: vec![
                vec![CREATE, subscribe(0, 0, From::Start), read(1, 1)],
                vec![EMIT],
                vec![emit(2, Door::Name), emit(1, Door::Handle)],
            ],
            cut: None,
        },
        most_preemptions: None,
        claims: vec![
            (Guarantee::G1, vec![Premise::JobsInterleaved, Premise::ReaderWaited]),
            (Guarantee::G2, vec![Premise::JobsInterleaved]),
            (Guarantee::G6, vec![Premise::JobsInterleaved, Premise::ReaderWaited]),
        ],
    }
}

/// An emitter that overflows what is retained, and a reader that keeps reading.
fn lag_against_read() -> Model {
    let prelude = vec![CREATE, subscribe(0, 0, From::Start)];
    Model {
        id: "lag-against-read",
        race: "one emits three events into a history of one while a reader reads and waits",
        program: Program { retain: 1, ..program(prelude, vec![vec![EMIT; 3], vec![read(0, 3)]]) },
        most_preemptions: None,
        claims: vec![
            (Guarantee::G1, vec![Premise::ReaderWaited]),
            (Guarantee::G6, vec![Premise::LagMetRead, Premise::ReaderWaited]),
        ],
    }
}

/// Readers wait for one job, give up, wait again and leave; what one of them gives up must not be another's. Stream 2
/// has the first place among those that wait, stream 0 the second.
fn leave_against_emit() -> Model {
    let (poll, again) = (|stream| Op::Poll { stream }, 2);
    let mut prelude = vec![CREATE];
    prelude.extend((0..3).map(|stream| subscribe(0, stream, From::Start)));
    prelude.extend([poll(again), poll(0)]);
    Model {
        id: "leave-against-emit",
        race: "one emits, waits again for one stream, leaves another and emits again while a third waits for both events",
        program: program(
            prelude,
            vec![vec![EMIT, poll(again), poll(again), Op::Leave { stream: 0 }, EMIT], vec![read(1, 2)]],
        ),
        most_preemptions: None,
        claims: vec![(Guarantee::G6, vec![Premise::ReaderWaited])],
    }
}

/// The owner is gone, and nobody closed; somebody comes by name to read.
fn drop_against_subscribe() -> Model {
    let by_name = Op::Subscribe { job: 0, stream: 0, from: From::Now, door: Door::Name };
    Model {
        id: "drop-against-subscribe",
        race: "the owner's handle is dropped while a reader subscribes by name and waits for the end",
        program: program(vec![CREATE], vec![vec![Op::Drop { job: 0 }], vec![by_name, read_to_end(0)]]),
        most_preemptions: None,
        claims: vec![(Guarantee::G9, vec![Premise::SubscribeDuringClose, Premise::ReaderWaited])],
    }
}

/// A job is cancelled at the moment at which it completes: one of the two decides, and everybody is told the same.
fn cancel_against_completion() -> Model {
    Model {
        id: "cancel-against-completion",
        race: "one completes the job, another cancels it, and two readers are told the end",
        program: program(
            vec![CREATE, subscribe(0, 0, From::Start), subscribe(0, 1, From::Start)],
            vec![vec![close(Outcome::Completed)], vec![close(Outcome::Cancelled)], vec![read_to_end(0)]],
        ),
        most_preemptions: None,
        claims: vec![
            (Guarantee::G9, vec![Premise::ClosesOverlapped, Premise::ReaderWaited]),
            (Guarantee::G10, vec![Premise::ClosesOverlapped, Premise::ReaderWaited]),
        ],
    }
}

/// Two readers have the end, and one of them asks again. The other may have had it first, and be about to give the job
/// up.
fn end_against_end() -> Model {
    let close = Op::Close { job: 0, outcome: Outcome::Completed, door: Door::Handle };
    Model {
        id: "end-against-end",
        race: "two readers of a closed job have its end, and one of them subscribes again",
        program: program(
            vec![CREATE, subscribe(0, 0, From::Start), subscribe(0, 1, From::Start), close],
            vec![vec![read_to_end(0)], vec![read_to_end(1), subscribe(0, 2, From::Start)]],
        ),
        most_preemptions: None,
        claims: vec![(Guarantee::G10, vec![Premise::SubscribeBeforeEnd, Premise::SubscribeAfterEnd])],
    }
}
