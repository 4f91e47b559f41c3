//! The programs that `interleaved` tries: a handful so small that all their schedules are tried, and generated ones beyond.

use super::history::Outcome;
use super::program::{Door, From, Op, Program, Until};
use super::strategies::Programs;

/// A small program with a name, each about one kind of race.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Its name.
    pub id: &'static str,
    /// What it is about.
    pub about: &'static str,
    /// What is run.
    pub program: Program,
    /// It needs the subject's system narration, and is skipped where there is none.
    pub system: bool,
}

// One word each, so that a program reads as a program.
fn create(job: usize) -> Op {
    Op::Create { job }
}
fn emit(job: usize) -> Op {
    Op::Emit { job, door: Door::Handle }
}
fn emit_by_name(job: usize) -> Op {
    Op::Emit { job, door: Door::Name }
}
fn straggle(job: usize) -> Op {
    Op::Emit { job, door: Door::Straggler }
}
fn subscribe(job: usize, stream: usize, from: From) -> Op {
    Op::Subscribe { job, stream, from, door: Door::Handle }
}
fn subscribe_by_name(job: usize, stream: usize, from: From) -> Op {
    Op::Subscribe { job, stream, from, door: Door::Name }
}
fn read(stream: usize, n: u32) -> Op {
    Op::Read { stream, until: Until::Deliveries(n) }
}
fn read_to_end(stream: usize) -> Op {
    Op::Read { stream, until: Until::End }
}
fn subscribe_system(stream: usize) -> Op {
    Op::SubscribeSystem { stream }
}
fn close(job: usize, outcome: Outcome) -> Op {
    Op::Close { job, outcome, door: Door::Handle }
}

/// The small programs. Jobs are called `a` and `ab`, so that a router that compares names by their beginning is found out.
pub fn scenarios() -> Vec<Scenario> {
    use From::{Now, Start};
    use Outcome::{Cancelled, Completed, Failed};
    let scenario = |id, about, retain, prelude: Vec<Op>, threads: Vec<Vec<Op>>| Scenario {
        id,
        about,
        program: Program { jobs: vec!["a".into(), "ab".into()], retain, prelude, threads, cut: None },
        system: false,
    };
    // First, since they are few and small, and nothing else says anything about G3.
    let mut all = Vec::from(beside_the_system());
    all.extend([
        scenario(
            "two-jobs",
            "two jobs narrate at once, each to a reader of its own",
            4,
            vec![create(0), create(1), subscribe(0, 0, Start), subscribe(1, 1, Now)],
            vec![vec![emit(0), emit(0)], vec![emit(1), emit(1)], vec![read(0, 2)]],
        ),
        scenario(
            "create-against-emit",
            "emits by name come before, between and after the creates of their jobs",
            4,
            vec![create(1), subscribe(1, 1, Start)],
            vec![
                vec![create(0), subscribe(0, 0, Start)],
                vec![emit_by_name(0), emit_by_name(1), emit_by_name(0)],
                vec![subscribe_by_name(0, 2, Start), read(2, 1)],
            ],
        ),
        scenario(
            "create-against-create",
            "two rivals create one job, a third emits to it by name",
            4,
            vec![create(1)],
            vec![
                vec![create(0), emit(0), subscribe(0, 0, Start)],
                vec![create(0), subscribe_by_name(0, 1, Start)],
                vec![emit_by_name(0), emit_by_name(0)],
            ],
        ),
        scenario(
            "rivals-and-the-end",
            "two rivals create one job; one reads it to its end, the other closes it",
            4,
            vec![create(1)],
            vec![vec![create(0), subscribe(0, 0, Start), read_to_end(0)], vec![create(0), close(0, Completed)]],
        ),
        scenario(
            "close-against-emit",
            "one emits, one closes, a reader waits for the end; another job goes on",
            4,
            vec![create(0), create(1), subscribe(0, 0, Now), subscribe(1, 1, Now)],
            vec![vec![emit(0), emit(0)], vec![close(0, Failed), emit(1)], vec![read_to_end(0)]],
        ),
        scenario(
            "lag-against-read",
            "an emitter overflows what is retained while a reader reads and waits; another job's reader must not notice",
            2,
            vec![create(0), create(1), subscribe(0, 0, Start), subscribe(1, 1, Start)],
            vec![vec![emit(0); 4], vec![Op::Read { stream: 0, until: Until::Accounted(4) }], vec![emit(1)]],
        ),
        scenario(
            "name-reused",
            "a job is closed and its name created again while a straggler of the old life still emits",
            4,
            vec![create(0), create(1), subscribe(0, 0, Start)],
            vec![
                vec![close(0, Completed), create(0), subscribe(0, 1, Start), emit(0)],
                vec![straggle(0), straggle(0)],
                vec![read_to_end(0), emit_by_name(0)],
            ],
        ),
        scenario(
            "two-readers",
            "two readers of one job, one of whom comes by name while it narrates",
            4,
            vec![create(0), create(1), emit(0)],
            vec![
                vec![subscribe(0, 0, Start), read(0, 2)],
                vec![subscribe_by_name(0, 1, Start), read(1, 2)],
                vec![emit(0), emit(1)],
            ],
        ),
        scenario(
            "reader-leaves",
            "one of two readers leaves while the job narrates and ends",
            2,
            vec![create(0), create(1), subscribe(0, 0, Now), subscribe(0, 1, Now)],
            vec![
                vec![emit(0), emit(0), close(0, Completed)],
                vec![read(0, 1), Op::Leave { stream: 0 }],
                vec![read_to_end(1), emit(1)],
            ],
        ),
        scenario(
            "two-emitters",
            "two threads emit to one job with two readers",
            4,
            vec![create(0), create(1), subscribe(0, 0, Start), subscribe(0, 1, Start)],
            vec![vec![emit(0), emit(0)], vec![emit(0), emit(1)], vec![read(0, 2)]],
        ),
        scenario(
            "two-waiters",
            "two readers of one job wait for one event",
            4,
            vec![create(0), create(1), subscribe(0, 0, Now), subscribe(0, 1, Now)],
            vec![vec![read(0, 1)], vec![read(1, 1)], vec![emit(0), emit(1)]],
        ),
        scenario(
            "cancel-against-finish",
            "one cancels a job and another finishes it; a reader waits for the end, and one comes later",
            4,
            vec![create(0), create(1), subscribe(0, 0, Now)],
            vec![
                vec![close(0, Cancelled), emit(1)],
                vec![emit(0), close(0, Completed), subscribe(0, 1, Start)],
                vec![read_to_end(0)],
            ],
        ),
        scenario(
            "name-taken-over",
            "a rival creates a name again while its first bearer is still closing it",
            4,
            vec![create(0), create(1)],
            vec![
                vec![close(0, Completed)],
                vec![create(0), subscribe(0, 0, Start), emit_by_name(0)],
                vec![emit(0), emit_by_name(0)],
            ],
        ),
    ]);
    all.extend(closed_and_read());
    all.extend([
        look_alikes("prefix", "one name begins another", ["a", "ab"]),
        look_alikes("case", "two names differ in case only", ["a", "A"]),
        look_alikes("separator", "one name is another with a separator and a number", ["a", "a:1"]),
        look_alikes("tenants", "two names agree after the separator", ["x/a", "y/a"]),
        look_alikes("unicode", "two names differ in how one letter is written", ["\u{e9}", "e\u{301}"]),
        look_alikes("long", "two long names differ in their last byte", long_names()),
        look_alikes("sentinel", "one name is a word that routers have taken for everybody", ["a", "*"]),
    ]);
    all
}

/// Longer than a column of 255 bytes, and alike up to there.
fn long_names() -> [String; 2] {
    ["x", "y"].map(|last| "n".repeat(255) + last)
}

/// Two jobs whose names somebody might confuse. The second is emitted to by name before, while and after it is there.
fn look_alikes<N: Into<String>>(id: &'static str, about: &'static str, names: [N; 2]) -> Scenario {
    let program = Program {
        jobs: names.map(N::into).into(),
        retain: 4,
        prelude: vec![create(0), subscribe(0, 0, From::Start)],
        threads: vec![
            vec![create(1), subscribe(1, 1, From::Start), close(1, Outcome::Completed)],
            vec![emit_by_name(0), emit_by_name(1), emit(0)],
            vec![subscribe_by_name(0, 2, From::Start), emit(1)],
        ],
        cut: None,
    };
    Scenario { id, about, program, system: false }
}

/// A close overtakes readers, and one reader's end another's subscribe: what is over must stay until somebody has read
/// it, and no longer.
fn closed_and_read() -> [Scenario; 4] {
    let scenario = |id, about, prelude, threads| Scenario {
        id,
        about,
        program: Program { jobs: vec!["a".into(), "ab".into()], retain: 4, prelude, threads, cut: None },
        system: false,
    };
    let by_old_handle = |stream| Op::Subscribe { job: 0, stream, from: From::Start, door: Door::Straggler };
    [
        scenario(
            "fast-job",
            "a job is done before, while or after its two readers come, of whom one comes by name",
            vec![create(0), create(1), subscribe(1, 2, From::Start)],
            vec![
                vec![emit(0), close(0, Outcome::Failed)],
                vec![subscribe_by_name(0, 0, From::Start), read_to_end(0)],
                vec![subscribe(0, 1, From::Start), emit(1)],
            ],
        ),
        scenario(
            "read-and-asked-again",
            "one stream has its end while others are opened, and the other reader leaves",
            vec![create(0), create(1), emit(0), subscribe(0, 0, From::Start)],
            vec![
                vec![read_to_end(0), emit(1)],
                vec![close(0, Outcome::Completed), subscribe(0, 1, From::Start)],
                vec![subscribe_by_name(0, 2, From::Start), Op::Leave { stream: 2 }],
            ],
        ),
        scenario(
            "owner-gone",
            "the owner's handle is dropped while two readers come by name",
            vec![create(0), create(1), emit(0)],
            vec![
                vec![Op::Drop { job: 0 }, emit(1)],
                vec![subscribe_by_name(0, 0, From::Start), read_to_end(0)],
                vec![subscribe_by_name(0, 1, From::Start)],
            ],
        ),
        scenario(
            "old-life-read",
            "a closed job's name is created again before, while or after the old life is read by its handle",
            vec![create(0), create(1), emit(0), close(0, Outcome::Completed)],
            vec![
                vec![create(0), emit(0), subscribe(0, 2, From::Start)],
                vec![by_old_handle(0), read_to_end(0)],
                vec![by_old_handle(1), emit(1)],
            ],
        ),
    ]
}

/// Programs in which the system narrates.
fn beside_the_system() -> [Scenario; 2] {
    let scenario = |id, about, names: [&str; 2], prelude, threads| Scenario {
        id,
        about,
        program: Program { jobs: names.map(str::to_owned).into(), retain: 4, prelude, threads, cut: None },
        system: true,
    };
    [
        scenario(
            "system-apart",
            "the system narrates while a job does",
            ["a", "ab"],
            vec![create(0), create(1), subscribe(0, 0, From::Start), subscribe_system(1)],
            vec![vec![Op::EmitSystem, Op::EmitSystem], vec![emit(0), emit(0)], vec![emit(1), read(1, 2)]],
        ),
        scenario(
            "system-namesake",
            "the system narrates while a job of that name is looked for, created and narrated to",
            ["a", "system"],
            vec![create(0), subscribe(0, 0, From::Start), subscribe_system(1)],
            vec![
                vec![Op::EmitSystem, Op::EmitSystem],
                vec![emit_by_name(1), create(1), emit(1)],
                vec![subscribe_by_name(1, 2, From::Start), emit(0)],
            ],
        ),
    ]
}

/// A little program drawn from a seed, of the kind that [`Programs::small`] describes.
pub fn generate(seed: u64) -> Program {
    Programs::small().drawn(seed)
}
