//! Premises: what must have happened in a run before its silence about a guarantee means anything.
//!
//! Each is a property of one recorded history (or of its run) that only concurrency can bring about: with everything forced
//! sequential, none of those that a guarantee needs is reached, and the verdict must be `vacuous` (`guarantees.md`, what
//! counts as evidence). They read histories only, like the judges. Where a race can go two ways, either way counts only
//! where the same two operations of one program were seen to go the other way too
//! ([`Bench::end_program`](super::methods::Bench::end_program)).

use super::guarantee::Guarantee;
use super::history::{Action, Delivered, Kind, Line, Reason};
use std::collections::BTreeSet;

/// One premise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Premise {
    /// Between two operations of one thread on a job, another thread operated on another job, and something was delivered.
    JobsInterleaved,
    /// An emit by name came before the create of its job by another thread.
    EmitBeforeCreate,
    /// An emit by name, in a thread that did not create the job, came after the create.
    EmitAfterCreate,
    /// An emit was accepted although another thread then closed the job.
    EmitBeforeClose,
    /// An emit was refused because another thread had closed the job.
    EmitAfterClose,
    /// A reader found nothing, waited, and was woken.
    ReaderWaited,
    /// A reader was told of a lag while the emitter was not yet done.
    LagMetRead,
    /// An actor of an old incarnation acted after the name had been created again.
    StragglerMetNewLife,
    /// The system and a job narrated in turns, by two threads, and events of both were delivered.
    SystemInterleaved,
    /// Two threads emitted to one job in turns, and a stream delivered events of both.
    EmittersInterleaved,
    /// Two threads were creating one job at the same time.
    CreatesOverlapped,
    /// Two threads were closing one job at the same time.
    ClosesOverlapped,
    /// A subscribe came between two emits of another thread to the same job.
    SubscribeAmidEmits,
    /// A subscribe that returned a stream overlapped a close of the job by another thread.
    SubscribeDuringClose,
    /// A stream of an old incarnation had its end while another thread was creating the name again.
    EndDuringCreate,
    /// A stream was opened, the job's first, and then another thread closed the job.
    SubscribeBeforeClose,
    /// A stream was opened, the job's first, after another thread had closed the job.
    SubscribeAfterClose,
    /// A subscribe was answered, and then another thread's stream of the job had its end.
    SubscribeBeforeEnd,
    /// A subscribe was refused because another thread's stream of the job had had its end.
    SubscribeAfterEnd,
}

impl Premise {
    /// All of them.
    pub const ALL: [Premise; 19] = [
        Premise::JobsInterleaved,
        Premise::EmitBeforeCreate,
        Premise::EmitAfterCreate,
        Premise::EmitBeforeClose,
        Premise::EmitAfterClose,
        Premise::ReaderWaited,
        Premise::LagMetRead,
        Premise::StragglerMetNewLife,
        Premise::SystemInterleaved,
        Premise::EmittersInterleaved,
        Premise::CreatesOverlapped,
        Premise::ClosesOverlapped,
        Premise::SubscribeAmidEmits,
        Premise::SubscribeDuringClose,
        Premise::EndDuringCreate,
        Premise::SubscribeBeforeClose,
        Premise::SubscribeAfterClose,
        Premise::SubscribeBeforeEnd,
        Premise::SubscribeAfterEnd,
    ];

    /// Its name in the evidence.
    pub fn id(self) -> &'static str {
        match self {
            Premise::JobsInterleaved => "jobs_interleaved",
            Premise::EmitBeforeCreate => "emit_before_create",
            Premise::EmitAfterCreate => "emit_after_create",
            Premise::EmitBeforeClose => "emit_before_close",
            Premise::EmitAfterClose => "emit_after_close",
            Premise::ReaderWaited => "reader_waited",
            Premise::LagMetRead => "lag_met_read",
            Premise::StragglerMetNewLife => "straggler_met_new_life",
            Premise::SystemInterleaved => "system_interleaved",
            Premise::EmittersInterleaved => "emitters_interleaved",
            Premise::CreatesOverlapped => "creates_overlapped",
            Premise::ClosesOverlapped => "closes_overlapped",
            Premise::SubscribeAmidEmits => "subscribe_amid_emits",
            Premise::SubscribeDuringClose => "subscribe_during_close",
            Premise::EndDuringCreate => "end_during_create",
            Premise::SubscribeBeforeClose => "subscribe_before_close",
            Premise::SubscribeAfterClose => "subscribe_after_close",
            Premise::SubscribeBeforeEnd => "subscribe_before_end",
            Premise::SubscribeAfterEnd => "subscribe_after_end",
        }
    }

    /// Finds a premise by its name in the evidence.
    pub fn by_id(id: &str) -> Option<Premise> {
        Premise::ALL.into_iter().find(|premise| premise.id() == id)
    }

    /// What must have been reached before a run says anything about a guarantee, over all programs together.
    pub fn needed(guarantee: Guarantee) -> &'static [Premise] {
        match guarantee {
            Guarantee::G1 => &[Premise::JobsInterleaved, Premise::StragglerMetNewLife],
            Guarantee::G2 => &[Premise::EmitBeforeCreate, Premise::EmitAfterClose],
            Guarantee::G3 => &[Premise::SystemInterleaved],
            Guarantee::G4 => &[Premise::EmitBeforeCreate, Premise::EmitAfterCreate],
            Guarantee::G5 => &[Premise::EmittersInterleaved],
            Guarantee::G6 => &[Premise::LagMetRead, Premise::ReaderWaited],
            Guarantee::G9 => &[Premise::ReaderWaited, Premise::EmitBeforeClose, Premise::EmitAfterClose],
            Guarantee::G10 => &[Premise::SubscribeAfterClose, Premise::SubscribeAfterEnd],
            _ => &[Premise::JobsInterleaved],
        }
    }

    /// An operation of the subject without which it cannot be reached, and which is not there. The operations that a router
    /// may lack are those with a default in [`Subject`](super::subject::Subject).
    pub fn lacking(self, lacks: &BTreeSet<String>) -> Option<&'static str> {
        let needed: &[&str] = match self {
            Premise::EmitBeforeCreate | Premise::EmitAfterCreate => &["find"],
            Premise::SystemInterleaved => &["emit_system", "subscribe_system"],
            _ => &[],
        };
        needed.iter().copied().find(|operation| lacks.contains(*operation))
    }

    /// Whether this run reached it. `waits` is how often a reader had to wait.
    pub fn reached(self, history: &[Line], waits: u64) -> bool {
        match self {
            Premise::JobsInterleaved => jobs_interleaved(history),
            Premise::EmitBeforeCreate
            | Premise::EmitAfterCreate
            | Premise::EmitBeforeClose
            | Premise::EmitAfterClose
            | Premise::SubscribeBeforeClose
            | Premise::SubscribeAfterClose
            | Premise::SubscribeBeforeEnd
            | Premise::SubscribeAfterEnd => !self.pairs(history).is_empty(),
            Premise::ReaderWaited => waits > 0,
            Premise::LagMetRead => lag_met_read(history),
            Premise::StragglerMetNewLife => straggler_met_new_life(history),
            Premise::SystemInterleaved => system_interleaved(history),
            Premise::EmittersInterleaved => emitters_interleaved(history),
            Premise::CreatesOverlapped => overlapped(history, "create", "create"),
            Premise::ClosesOverlapped => overlapped(history, "close", "close"),
            Premise::SubscribeAmidEmits => subscribe_amid_emits(history),
            Premise::SubscribeDuringClose => overlapped(history, "subscribe", "close"),
            Premise::EndDuringCreate => end_during_create(history),
        }
    }
}

/// One operation of a program, the same in all its executions: its thread, and the how-manieth it is there.
pub type Step = (i64, usize);

impl Premise {
    /// Two orders of one race. Either alone is what a sequential run reaches too.
    pub const RACES: [[Premise; 2]; 4] = [
        [Premise::EmitBeforeCreate, Premise::EmitAfterCreate],
        [Premise::EmitBeforeClose, Premise::EmitAfterClose],
        [Premise::SubscribeBeforeClose, Premise::SubscribeAfterClose],
        [Premise::SubscribeBeforeEnd, Premise::SubscribeAfterEnd],
    ];

    /// The emits or subscribes, each with the create, close or read that it raced and that it went before, or after, as
    /// this premise says. None for a premise that is no side of a race.
    pub fn pairs(self, history: &[Line]) -> Vec<(Step, Step)> {
        match self {
            Premise::EmitBeforeCreate => emits_before_create(history),
            Premise::EmitAfterCreate => emits_after_create(history),
            Premise::EmitBeforeClose => emits_before_close(history),
            Premise::EmitAfterClose => emits_after_close(history),
            Premise::SubscribeBeforeClose => first_subscribes(history, |subscribe, close| subscribe < close),
            Premise::SubscribeAfterClose => first_subscribes(history, |subscribe, close| close < subscribe),
            Premise::SubscribeBeforeEnd => {
                subscribes_and_ends(history, &[Kind::Ok, Kind::Fail], |subscribe, end| subscribe < end)
            }
            Premise::SubscribeAfterEnd => subscribes_and_ends(history, &[Kind::Fail], |subscribe, end| end < subscribe),
            _ => Vec::new(),
        }
    }
}

/// The operation to which a line belongs. A thread does one after the other: its last invocation is the one.
fn step(history: &[Line], at: usize) -> Step {
    let process = history[at].process;
    let invoked = history[..=at].iter().filter(|line| line.process == process && line.kind == Kind::Invoke);
    (process, invoked.count())
}

fn job(line: &Line) -> Option<&str> {
    match &line.action {
        Action::Create { job, .. } | Action::Close { job, .. } => Some(job),
        Action::Emit { job, .. } | Action::Subscribe { job, .. } => job.as_deref(),
        _ => None,
    }
}

/// Operations of the threads (not of the prelude, process 0), by their invoke lines.
fn invokes(history: &[Line]) -> impl Iterator<Item = (usize, &Line, &str)> {
    let invoked = history.iter().enumerate().filter(|(_, line)| line.kind == Kind::Invoke && line.process > 0);
    invoked.filter_map(|(at, line)| Some((at, line, job(line)?)))
}

/// Completions of one kind of action with one result.
fn completed<'h>(history: &'h [Line], f: &'static str, kind: Kind) -> impl Iterator<Item = (usize, &'h Line, &'h str)> {
    let lines = history.iter().enumerate().filter(move |(_, line)| line.kind == kind && line.action.f() == f);
    lines.filter_map(|(at, line)| Some((at, line, job(line)?)))
}

fn jobs_interleaved(history: &[Line]) -> bool {
    let delivered =
        history.iter().any(|line| matches!(&line.action, Action::Receive { what: Delivered::Event { .. }, .. }));
    let operations: Vec<_> = invokes(history).collect();
    delivered
        && operations.windows(3).any(|three| {
            let [(_, a, job_a), (_, b, job_b), (_, c, job_c)] = three else { return false };
            a.process == c.process && job_a == job_c && b.process != a.process && job_b != job_a
        })
}

fn by_name(line: &Line) -> bool {
    line.action.f() == "emit" && line.life().is_none()
}

/// These emits (or subscribes), each with every `ok` operation `f` on its job by another thread that completed on the side asked for.
fn paired<'h>(
    history: &'h [Line],
    emits: impl Iterator<Item = (usize, &'h Line, &'h str)>,
    f: &'static str,
    side: impl Fn(usize, usize) -> bool,
) -> Vec<(Step, Step)> {
    let mut pairs = Vec::new();
    for (at, emit, job) in emits.filter(|(_, emit, _)| emit.process > 0) {
        let others = completed(history, f, Kind::Ok).filter(|(then, other, of)| {
            *of == job && other.process != emit.process && other.process > 0 && side(at, *then)
        });
        pairs.extend(others.map(|(then, ..)| (step(history, at), step(history, then))));
    }
    pairs
}

fn emits_before_create(history: &[Line]) -> Vec<(Step, Step)> {
    let refused = completed(history, "emit", Kind::Fail)
        .filter(|(_, emit, _)| by_name(emit) && emit.reason == Some(Reason::Unknown));
    paired(history, refused, "create", |emit, create| emit < create)
}

fn emits_after_create(history: &[Line]) -> Vec<(Step, Step)> {
    let emits = invokes(history).filter(|(_, emit, _)| by_name(emit));
    paired(history, emits, "create", |emit, create| create < emit)
}

fn emits_before_close(history: &[Line]) -> Vec<(Step, Step)> {
    paired(history, completed(history, "emit", Kind::Ok), "close", |emit, close| emit < close)
}

fn emits_after_close(history: &[Line]) -> Vec<(Step, Step)> {
    paired(history, completed(history, "emit", Kind::Fail), "close", |emit, close| close < emit)
}

/// The first subscribe of each job that opened a stream, with the closes by other threads on one side of it.
fn first_subscribes(history: &[Line], side: impl Fn(usize, usize) -> bool) -> Vec<(Step, Step)> {
    let opened = || completed(history, "subscribe", Kind::Ok);
    let first = opened().filter(|(at, _, job)| !opened().any(|(before, _, of)| before < *at && of == *job));
    paired(history, first, "close", side)
}

/// Subscribes that came to this, with the ends on one side of them that other threads' streams of the job had.
fn subscribes_and_ends(history: &[Line], to: &[Kind], side: impl Fn(usize, usize) -> bool) -> Vec<(Step, Step)> {
    let ends = history.iter().enumerate().filter_map(|(at, line)| match &line.action {
        Action::Receive { stream, what: Delivered::End(_) } => {
            Some((at, line, opening(history, stream).and_then(job)?))
        }
        _ => None,
    });
    let ends: Vec<_> = ends.filter(|(_, line, _)| line.process > 0).collect();
    let mut pairs = Vec::new();
    let answered = to.iter().flat_map(|kind| completed(history, "subscribe", *kind));
    for (at, subscribe, name) in answered.filter(|(_, line, _)| line.process > 0) {
        let others = ends.iter().filter(|(_, line, of)| *of == name && line.process != subscribe.process);
        let met = others.filter(|(then, ..)| side(at, *then));
        pairs.extend(met.map(|(then, ..)| (step(history, at), step(history, *then))));
    }
    pairs
}

fn lag_met_read(history: &[Line]) -> bool {
    let last_emit = completed(history, "emit", Kind::Ok).map(|(at, ..)| at).last();
    let lag =
        history.iter().position(|line| matches!(&line.action, Action::Receive { what: Delivered::Lagged(_), .. }));
    lag.zip(last_emit).is_some_and(|(lag, emit)| lag < emit)
}

fn straggler_met_new_life(history: &[Line]) -> bool {
    invokes(history).any(|(at, line, job)| {
        line.action.f() != "create"
            && line.life().is_some_and(|life| {
                let creates = completed(history, "create", Kind::Ok);
                let last = creates.filter(|(then, _, of)| *then < at && *of == job).last();
                last.is_some_and(|(_, create, _)| create.life() != Some(life) && create.process != line.process)
            })
    })
}

/// The threads' accepted emits in the order of their completions: by whom, to whom (nobody: the operators), and what.
fn accepted(history: &[Line]) -> Vec<(i64, Option<&str>, &str)> {
    let lines = history.iter().filter(|line| line.kind == Kind::Ok && line.process > 0);
    let emit = lines.filter_map(|line| match &line.action {
        Action::Emit { job, event, .. } => Some((line.process, job.as_deref(), event.as_str())),
        _ => None,
    });
    emit.collect()
}

/// Every delivery of an event: by which stream, and what.
fn delivered(history: &[Line]) -> Vec<(&str, &str)> {
    let events = history.iter().filter_map(|line| match &line.action {
        Action::Receive { stream, what: Delivered::Event { event, .. } } => Some((stream.as_str(), event.as_str())),
        _ => None,
    });
    events.collect()
}

fn system_interleaved(history: &[Line]) -> bool {
    let (emits, delivered) = (accepted(history), delivered(history));
    let heard = |token: &str| delivered.iter().any(|(_, event)| *event == token);
    let in_turns = emits.windows(3).any(|three| {
        let [(a, from, _), (b, between, _), (c, to, _)] = three else { return false };
        a == c && a != b && from == to && from.is_none() != between.is_none()
    });
    in_turns
        && emits.iter().any(|(_, job, token)| job.is_none() && heard(token))
        && emits.iter().any(|(_, job, token)| job.is_some() && heard(token))
}

fn emitters_interleaved(history: &[Line]) -> bool {
    let (emits, delivered) = (accepted(history), delivered(history));
    // Somebody read both emitters, so that an order of theirs was seen.
    let read_together = |first: &str, second: &str| {
        delivered.iter().any(|(stream, event)| *event == first && delivered.contains(&(*stream, second)))
    };
    emits.windows(3).any(|three| {
        let [(a, job, first), (b, of, second), (c, again, _)] = three else { return false };
        job.is_some() && job == of && job == again && a == c && a != b && read_together(first, second)
    })
}

/// The completion of the operation that this line invokes, if it has one.
fn completion(history: &[Line], invoke: usize) -> Option<(usize, &Line)> {
    let of = &history[invoke];
    let own = |line: &Line| line.process == of.process && line.action.f() == of.action.f() && line.kind != Kind::Invoke;
    history.iter().enumerate().skip(invoke + 1).find(|(_, line)| own(line))
}

/// An `ok` operation of one kind, and one of the other by another thread on the same job, were under way at one time.
fn overlapped(history: &[Line], one: &str, other: &str) -> bool {
    let spans = |f: &str| -> Vec<(usize, usize, &Line, bool)> {
        let of_kind = invokes(history).filter(|(_, line, _)| line.action.f() == f);
        let span = of_kind.filter_map(|(at, line, _)| completion(history, at).map(|(end, ret)| (at, end, line, ret)));
        span.map(|(at, end, line, ret)| (at, end, line, ret.kind == Kind::Ok)).collect()
    };
    let others = spans(other);
    spans(one).iter().filter(|(.., ok)| *ok).any(|(begun, done, line, _)| {
        others.iter().any(|(from, to, there, _)| {
            there.process != line.process && job(there) == job(line) && begun < to && from < done
        })
    })
}

/// The accepted emits to a job: where they completed, and by whom.
fn accepted_by<'h>(history: &'h [Line], name: &'h str) -> impl Iterator<Item = (usize, i64)> {
    let emits = completed(history, "emit", Kind::Ok).filter(move |(_, emit, of)| emit.process > 0 && *of == name);
    emits.map(|(at, emit, _)| (at, emit.process))
}

fn subscribe_amid_emits(history: &[Line]) -> bool {
    completed(history, "subscribe", Kind::Ok).filter(|(_, line, _)| line.process > 0).any(|(at, subscribe, name)| {
        let before = accepted_by(history, name).filter(|&(then, by)| then < at && by != subscribe.process);
        before.map(|(_, by)| by).any(|by| accepted_by(history, name).any(|(then, again)| then > at && again == by))
    })
}

/// The subscribe that opened this stream.
fn opening<'h>(history: &'h [Line], stream: &str) -> Option<&'h Line> {
    history.iter().find(|line| {
        line.kind == Kind::Ok && matches!(&line.action, Action::Subscribe { stream: opened, .. } if opened == stream)
    })
}

fn end_during_create(history: &[Line]) -> bool {
    history.iter().enumerate().any(|(at, line)| {
        let Action::Receive { stream, what: Delivered::End(_) } = &line.action else { return false };
        let name = opening(history, stream).and_then(job);
        invokes(history).any(|(begun, create, of)| {
            create.action.f() == "create"
                && Some(of) == name
                && create.process != line.process
                && begun < at
                && completion(history, begun).is_none_or(|(done, _)| at < done)
        })
    })
}
