//! The judge of G7, the quiet neighbour: what a job's own operations came to while another job's thread was cut short.
//!
//! A run is judged whose program has a [cut](super::program::Cut). The *load* is the thread that is cut, with every thread
//! and stream that has business with a job of its; the *observers* are all others. What an observer may expect is what it
//! has when it is [`alone`]: so the judge first looks at every run of the observers alone, and speaks only where
//! those are without any trouble. Then any trouble beside the load was brought by the load:
//!
//! - an operation that never returned though nobody can move any more, or whose caller a panic took away,
//! - one that took more of its caller's own turns than it ever does alone (time does not count, nor do others' turns, nor
//!   turns in which a reader was owed nothing),
//! - a refusal,
//! - a stream that lagged, misses an event, or ended otherwise than by its own job's close.
//!
//! Pure: it reads the program, what was recorded, and whose turns it took; it knows no router.

use super::findings::Finding;
use super::guarantee::Guarantee;
use super::history::{Action, Delivered, Kind, Line};
use super::program::{Cut, Op, Program, Way};
use std::collections::{BTreeMap, BTreeSet};

// === how a run went ===

/// One operation of a thread: when it began, and when it returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pass {
    /// In which of its thread's turns it began, from 1; 0 where nobody counts turns.
    pub begun: usize,
    /// How many lines were recorded by then.
    pub from: usize,
    /// In which turn it returned, and how many lines were recorded by then.
    pub returned: Option<(usize, usize)>,
}

/// The instant of a cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// How many lines were recorded by then.
    pub line: usize,
    /// The operation that the thread was at, from 0; none between two.
    pub amid: Option<usize>,
}

/// How a run went, besides what was recorded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Course {
    /// How many lines were recorded before each step of the schedule.
    pub lines: Vec<usize>,
    /// The operations of each thread.
    pub passes: Vec<Vec<Pass>>,
    /// Threads that a panic took away, with its words.
    pub panics: BTreeMap<usize, String>,
    /// When the program's cut was made, if it was.
    pub cut: Option<Taken>,
    /// It went on and on until it was stopped, under a schedule that need not be fair.
    pub hung: bool,
}

/// A run to be judged.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'r> {
    /// What was run.
    pub program: &'r Program,
    /// Who of it observes.
    pub observers: &'r Observers,
    /// What was recorded.
    pub history: &'r [Line],
    /// Whose turn it was.
    pub schedule: &'r [u8],
    /// How it went.
    pub course: &'r Course,
}

// === who is who ===

/// The observers of a program: all that has no business with the thread that is cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observers {
    /// Their threads, in order.
    pub threads: Vec<usize>,
    /// By job: whether it is theirs.
    jobs: Vec<bool>,
    /// By stream: the job on which it is opened, where that is theirs.
    streams: BTreeMap<usize, usize>,
}

/// What an operation has business with: a job, or what a stream was opened on. The system counts as one more job.
fn business(program: &Program, op: &Op, opened_on: &BTreeMap<usize, usize>) -> Option<usize> {
    match op {
        Op::EmitSystem | Op::SubscribeSystem { .. } => Some(program.jobs.len()),
        _ => op.job().or_else(|| op.stream().and_then(|stream| opened_on.get(&stream).copied())),
    }
}

impl Observers {
    /// Those of a program; all of its threads, if none is cut.
    pub fn of(program: &Program) -> Observers {
        let all = || program.prelude.iter().chain(program.threads.iter().flatten());
        let none = BTreeMap::new();
        let streams: BTreeMap<usize, usize> =
            all().filter_map(|op| Some((op.stream()?, business(program, op, &none)?))).collect();
        let jobs_of = |ops: &[Op]| ops.iter().filter_map(|op| business(program, op, &streams)).collect::<BTreeSet<_>>();
        let of_threads: Vec<BTreeSet<usize>> = program.threads.iter().map(|ops| jobs_of(ops)).collect();
        let mut load: BTreeSet<usize> =
            program.cut.and_then(|cut| of_threads.get(cut.thread).cloned()).unwrap_or_default();
        let mut threads: Vec<usize> = (0..program.threads.len()).collect();
        threads.retain(|thread| program.cut.is_none_or(|cut| cut.thread != *thread));
        // Whoever has business with a job of the load's belongs to the load, and so do all jobs of his.
        while let Some(at) = threads.iter().position(|thread| !of_threads[*thread].is_disjoint(&load)) {
            load.extend(&of_threads[threads.remove(at)]);
        }
        let jobs: Vec<bool> = (0..=program.jobs.len()).map(|job| !load.contains(&job)).collect();
        let streams = streams.into_iter().filter(|(_, job)| jobs[*job]).collect();
        Observers { threads, jobs, streams }
    }

    fn has(&self, thread: usize) -> bool {
        self.threads.contains(&thread)
    }
}

/// The observers' program without the load: its threads, and of the prelude what is theirs.
pub fn alone(program: &Program) -> Program {
    let observers = Observers::of(program);
    let is_theirs = |op: &&Op| match op {
        Op::EmitSystem | Op::SubscribeSystem { .. } => observers.jobs[program.jobs.len()],
        _ => match op.job() {
            Some(job) => observers.jobs[job],
            None => op.stream().is_some_and(|stream| observers.streams.contains_key(&stream)),
        },
    };
    Program {
        jobs: program.jobs.clone(),
        retain: program.retain,
        prelude: program.prelude.iter().filter(is_theirs).cloned().collect(),
        threads: observers.threads.iter().map(|thread| program.threads[*thread].clone()).collect(),
        cut: None,
    }
}

// === turns ===

/// The most of its caller's own turns that each operation took: by place among the observers' threads, and there by the
/// operation's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Turns(Vec<Vec<usize>>);

impl Turns {
    /// Takes the turns of a run into account. The run must be one of the observers alone.
    pub fn add(&mut self, seen: &Seen<'_>) {
        let observers = seen.observers;
        self.0.resize(self.0.len().max(observers.threads.len()), Vec::new());
        for (most, thread) in self.0.iter_mut().zip(&observers.threads) {
            let passes = seen.course.passes.get(*thread).map(Vec::as_slice).unwrap_or_default();
            most.resize(most.len().max(passes.len()), 0);
            for (at, pass) in passes.iter().enumerate().filter(|(_, pass)| pass.returned.is_some()) {
                if raw_turns(pass) > most[at] {
                    most[at] = most[at].max(turns_of(seen, *thread, at, pass));
                }
            }
        }
    }

    /// The most that any operation took.
    pub fn most(&self) -> usize {
        self.0.iter().flatten().copied().max().unwrap_or(0)
    }
}

/// All of its thread's turns from the one in which it began to the one in which it returned.
fn raw_turns(pass: &Pass) -> usize {
    pass.returned.map_or(0, |(last, _)| last + 1 - pass.begun)
}

/// The turns that count: of a read those at whose begin the stream was owed something, of any other operation those since
/// its invoke (before that it waited for its handle, which its own job gives it).
fn turns_of(seen: &Seen<'_>, thread: usize, at: usize, pass: &Pass) -> usize {
    let Some((last, to)) = pass.returned else { return 0 };
    let steps: Vec<usize> =
        (0..seen.schedule.len()).filter(|&step| usize::from(seen.schedule[step]) == thread).collect();
    let lines_at = |turn: usize| steps.get(turn - 1).map_or(0, |step| seen.course.lines[*step]);
    match &seen.program.threads[thread][at] {
        Op::Read { stream, .. } | Op::Poll { stream } => {
            let owed = |turn: &usize| is_owed(seen, *stream, lines_at(*turn));
            (pass.begun..=last).filter(owed).count()
        }
        _ => {
            let process = thread as i64 + 1;
            let own = |line: &usize| seen.history[*line].process == process && seen.history[*line].kind == Kind::Invoke;
            let Some(invoke) = (pass.from..to.min(seen.history.len())).find(own) else { return 0 };
            (pass.begun..=last).filter(|turn| *turn == last || lines_at(turn + 1) > invoke).count()
        }
    }
}

/// Whether a stream had something to deliver once so many lines were recorded: an accepted event, or its end.
fn is_owed(seen: &Seen<'_>, stream: usize, lines: usize) -> bool {
    let Some(told) = Told::of(seen, stream, &seen.history[..lines.min(seen.history.len())]) else {
        return false;
    };
    let accounted = told.delivered.len() as u64 + told.lagged;
    accounted < told.accepted.len() as u64 || (told.closed.is_some() && told.end.is_none())
}

// === what a stream was told ===

/// What a history says of one stream: what it is owed, and what it had. Line numbers are from 1.
struct Told<'h> {
    name: &'h str,
    accepted: BTreeMap<&'h str, usize>,
    delivered: BTreeSet<&'h str>,
    lagged: u64,
    /// The line of the first lag.
    lag: Option<usize>,
    /// The close of its job that succeeded.
    closed: Option<(usize, &'h Action)>,
    /// A close of its job was asked for.
    closing: bool,
    /// What ended it.
    end: Option<(usize, &'h Delivered)>,
    drained: Option<usize>,
}

impl<'h> Told<'h> {
    /// What is said of the observers' stream of this number; `None` if it was not opened. Of its job only one life is
    /// known: an observer creates it once.
    fn of(seen: &Seen<'h>, number: usize, history: &'h [Line]) -> Option<Told<'h>> {
        let job = seen.program.jobs.get(*seen.observers.streams.get(&number)?)?;
        let (opened, name, from_start) = opening(history, job, number)?;
        let mut told = Told {
            name,
            accepted: BTreeMap::new(),
            delivered: BTreeSet::new(),
            lagged: 0,
            lag: None,
            closed: None,
            closing: false,
            end: None,
            drained: None,
        };
        let mut invoked: BTreeMap<&str, usize> = BTreeMap::new();
        for (at, line) in (1..).zip(history) {
            match &line.action {
                Action::Emit { job: Some(of), event, .. } if of == job => {
                    if line.kind == Kind::Invoke {
                        invoked.insert(event, at);
                    } else if line.kind == Kind::Ok
                        && (from_start || invoked.get(&**event).is_some_and(|at| *at > opened))
                    {
                        told.accepted.insert(event, at);
                    }
                }
                Action::Close { job: of, .. } if of == job => {
                    told.closing = true;
                    if line.kind == Kind::Ok {
                        told.closed.get_or_insert((at, &line.action));
                    }
                }
                Action::Receive { stream, what } if stream == name => told.receive(at, what),
                Action::Drained { stream } if stream == name => told.drained = Some(at),
                _ => {}
            }
        }
        Some(told)
    }

    fn receive(&mut self, at: usize, what: &'h Delivered) {
        match what {
            Delivered::Event { event, .. } => {
                self.delivered.insert(event);
            }
            Delivered::Lagged(n) => {
                self.lagged += n;
                self.lag.get_or_insert(at);
            }
            Delivered::End(_) | Delivered::Stopped(_) => {
                self.end.get_or_insert((at, what));
            }
        }
    }

    /// What went wrong with the stream, if anything did, with the lines that show it.
    fn trouble(&self) -> Option<(String, Vec<usize>)> {
        let name = self.name;
        if let Some(at) = self.lag {
            return Some((format!("`{name}` lagged by {}, though there was room for all", self.lagged), vec![at]));
        }
        match (self.end, &self.closed) {
            (Some((at, Delivered::Stopped(why))), _) => {
                return Some((format!("`{name}` was stopped: {why}"), vec![at]));
            }
            (Some((at, _)), _) if !self.closing => {
                return Some((format!("`{name}` ended, though nobody closed its job"), vec![at]));
            }
            (Some((at, Delivered::End(Some(told)))), Some((closed, Action::Close { outcome: Some(gave), .. })))
                if told != gave =>
            {
                let what = format!("`{name}` ended as {told:?}, though its job was closed as {gave:?}");
                return Some((what.to_lowercase(), vec![*closed, at]));
            }
            (None, Some((closed, _))) if self.drained.is_some() => {
                let lines = [Some(*closed), self.drained].into_iter().flatten().collect();
                return Some((format!("`{name}` never had its end"), lines));
            }
            _ => {}
        }
        let over = self.drained.or(self.end.map(|(at, _)| at))?;
        let (event, at) = self.accepted.iter().find(|(event, _)| !self.delivered.contains(*event))?;
        Some((format!("`{name}` misses {event}, which was accepted"), vec![*at, over]))
    }
}

/// Where a stream of this number was opened on a job, its name, and whether it is owed all from the start. (A number that is
/// subscribed again gets another name; an observer's is not.)
fn opening<'h>(history: &'h [Line], job: &str, number: usize) -> Option<(usize, &'h str, bool)> {
    let wanted = format!("s{number}");
    (1..).zip(history).find_map(|(at, line)| match &line.action {
        Action::Subscribe { job: Some(of), stream, since, .. } if line.kind == Kind::Ok && of == job => {
            let from_start = matches!(since, super::history::Since::Start);
            (*stream == wanted).then_some((at, stream.as_str(), from_start))
        }
        _ => None,
    })
}

// === the judgement ===

/// Something that an observer would not meet alone.
struct Trouble {
    what: String,
    /// The lines that show it, from 1.
    witness: Vec<usize>,
    /// It is no more than that an operation took long.
    is_slow: bool,
}

/// What is wrong in a run, the gravest first: in its observers' operations, then in their streams. Without a bound on turns,
/// none is held against an operation: so the observers alone are judged.
pub fn judge(seen: &Seen<'_>, bound: Option<&Turns>) -> Vec<Finding> {
    let operations = seen.observers.threads.iter().zip(0..).flat_map(|(thread, place)| {
        let passes = seen.course.passes.get(*thread).map(Vec::as_slice).unwrap_or_default();
        let bound = bound.and_then(|turns| turns.0.get(place)).map(Vec::as_slice);
        passes.iter().enumerate().filter_map(move |(at, pass)| operation_trouble(seen, *thread, (at, pass), bound))
    });
    let streams = seen.observers.streams.keys();
    let streams = streams.filter_map(|stream| Told::of(seen, *stream, seen.history)?.trouble());
    let streams = streams.map(|(what, witness)| Trouble { what, witness, is_slow: false });
    let mut troubles: Vec<Trouble> = operations.chain(streams).collect();
    troubles.sort_by_key(|trouble| trouble.is_slow);
    let finding = |Trouble { what, witness, .. }| Finding {
        guarantee: Guarantee::G7,
        name: Guarantee::G7.name().into(),
        message: format!("{what}{}", meanwhile(seen)),
        witness,
    };
    troubles.into_iter().map(finding).collect()
}

/// What the load did, and what became of it, in words; nothing, if there is none.
fn meanwhile(seen: &Seen<'_>) -> String {
    let program = seen.program;
    let Some(cut) = program.cut else { return String::new() };
    let does = |thread: usize| {
        let all: Vec<String> = program.threads[thread].iter().map(|op| program.describe(op)).collect();
        format!("thread {} does `{}`", thread + 1, all.join("; "))
    };
    let others = (0..program.threads.len()).filter(|thread| *thread != cut.thread && !seen.observers.has(*thread));
    let mut told: Vec<String> = others.map(does).collect();
    let fate = seen.course.cut.map(|taken| {
        let amid = taken.amid.and_then(|at| program.threads[cut.thread].get(at));
        let amid = amid.map(|op| format!(", amid `{}`", program.describe(op))).unwrap_or_default();
        let turns = if cut.after == 1 { "turn" } else { "turns" };
        format!(" and {} after {} {turns}{amid}", cut.how.words(), cut.after)
    });
    told.push(does(cut.thread) + &fate.unwrap_or_default());
    format!("; meanwhile, on other jobs, {}", told.join(", "))
}

fn operation_trouble(
    seen: &Seen<'_>,
    thread: usize,
    (at, pass): (usize, &Pass),
    bound: Option<&[usize]>,
) -> Option<Trouble> {
    let op = seen.program.threads[thread].get(at)?;
    let process = thread as i64 + 1;
    let to = pass.returned.map_or(seen.history.len(), |(_, to)| to.min(seen.history.len()));
    let own = (pass.from..to).filter(|line| seen.history[*line].process == process).map(|line| line + 1);
    let own: Vec<usize> = own.collect();
    let most = bound.and_then(|bound| bound.get(at)).copied();
    let (what, is_slow) = if pass.returned.is_none() {
        (never_returned(seen, thread, pass, most)?, false)
    } else if let Some(line) = own.iter().find(|line| seen.history[**line - 1].kind == Kind::Fail) {
        let reason = seen.history[*line - 1].reason.as_ref();
        (
            format!("was refused{}", reason.map_or(String::new(), |reason| format!(" ({reason:?})").to_lowercase())),
            false,
        )
    } else {
        let most = most.filter(|most| raw_turns(pass) > *most)?;
        let took = Some(turns_of(seen, thread, at, pass)).filter(|took| *took > most)?;
        (format!("took {took} turns of its own, and alone it never takes more than {most}"), true)
    };
    let what = format!("thread {}'s `{}` {what}", thread + 1, seen.program.describe(op));
    // An operation that has written nothing is shown by what was written last before it.
    let witness = if own.is_empty() { vec![pass.from.max(1)] } else { own };
    Some(Trouble { what, witness, is_slow })
}

/// What befell an operation that did not return, if that is held against anybody.
fn never_returned(seen: &Seen<'_>, thread: usize, pass: &Pass, most: Option<usize>) -> Option<String> {
    if let Some(said) = seen.course.panics.get(&thread) {
        return Some(format!("was taken away by a panic ({said})"));
    }
    if !seen.course.hung {
        return Some("never returned".into());
    }
    // Others may have had all the turns. That it is not done after more of its own than it ever takes counts.
    let had = seen.schedule.iter().filter(|turn| usize::from(**turn) == thread).count() + 1 - pass.begun;
    (had > most.unwrap_or(0)).then(|| format!("did not return in {had} turns of its own"))
}

// === premises ===

/// What must have happened somewhere for a silence about G7 to mean anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reached {
    /// A load was cut before it was done.
    LoadWasCut,
    /// It was cut amid an operation that it had begun.
    CutAmidOperation,
    /// An observer began an operation after the cut.
    ObserverMovedAfterTheCut,
    /// A reader that stalled was owed at least as much as is retained, and then an observer emitted.
    ReaderStalledFull,
    /// A thread of the load's woke the one whose waker panics.
    WakerPanicked,
}

impl Reached {
    /// All of them.
    pub const ALL: [Reached; 5] = [
        Reached::LoadWasCut,
        Reached::CutAmidOperation,
        Reached::ObserverMovedAfterTheCut,
        Reached::ReaderStalledFull,
        Reached::WakerPanicked,
    ];

    /// Its name in the evidence.
    pub fn id(self) -> &'static str {
        match self {
            Reached::LoadWasCut => "load_was_cut",
            Reached::CutAmidOperation => "cut_amid_operation",
            Reached::ObserverMovedAfterTheCut => "observer_moved_after_the_cut",
            Reached::ReaderStalledFull => "reader_stalled_full",
            Reached::WakerPanicked => "waker_panicked",
        }
    }

    /// Whether this run reached it.
    pub fn reached(self, seen: &Seen<'_>) -> bool {
        let (Some(taken), Some(cut)) = (seen.course.cut, seen.program.cut) else { return false };
        let observers = seen.observers;
        let begins_after = |line: usize, is_it: fn(&Action) -> bool| {
            seen.history.iter().enumerate().skip(line).any(|(_, line)| {
                let theirs = usize::try_from(line.process - 1).is_ok_and(|thread| observers.has(thread));
                theirs && line.kind == Kind::Invoke && is_it(&line.action)
            })
        };
        match self {
            Reached::LoadWasCut => true,
            Reached::CutAmidOperation => taken.amid.is_some(),
            Reached::ObserverMovedAfterTheCut => begins_after(taken.line, |_| true),
            Reached::ReaderStalledFull => {
                let is_emit = |action: &Action| matches!(action, Action::Emit { .. });
                cut.how == Way::Stalled && full_from(seen, cut).is_some_and(|line| begins_after(line, is_emit))
            }
            Reached::WakerPanicked => {
                cut.how == Way::WakePanics && seen.course.panics.keys().any(|thread| !observers.has(*thread))
            }
        }
    }
}

/// From which line on a stalled thread's stream was owed at least as much as is retained.
fn full_from(seen: &Seen<'_>, cut: Cut) -> Option<usize> {
    let stream = seen.program.threads.get(cut.thread)?.iter().find_map(Op::stream)?;
    let name = format!("s{stream}");
    let job = seen.history.iter().find_map(|line| match &line.action {
        Action::Subscribe { job: Some(job), stream, .. } if line.kind == Kind::Ok && *stream == name => Some(job),
        _ => None,
    })?;
    let mut owed = 0_u64;
    for (at, line) in (1..).zip(seen.history) {
        match &line.action {
            Action::Emit { job: Some(of), .. } if of == job && line.kind == Kind::Ok => owed += 1,
            Action::Receive { stream, what: Delivered::Event { .. } } if *stream == name => {
                owed = owed.saturating_sub(1)
            }
            Action::Receive { stream, what: Delivered::Lagged(n) } if *stream == name => owed = owed.saturating_sub(*n),
            _ => {}
        }
        if owed >= seen.program.retain as u64 {
            return Some(at);
        }
    }
    None
}
