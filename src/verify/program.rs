//! Concurrent programs: what several threads do to a router, as plain data.
//!
//! A program says which operations each thread performs and in which order; who goes when is the schedule's business
//! (the methods'). One program runs unchanged under every method, and a counterexample file holds it as JSON.

use super::history::Outcome;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a few threads do to a router with a few jobs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Program {
    /// The names that `job` indices stand for.
    pub jobs: Vec<String>,
    /// How many events the router retains for a job.
    pub retain: usize,
    /// What happens first, in order, before any thread runs.
    pub prelude: Vec<Op>,
    /// What the threads do, each in order.
    pub threads: Vec<Vec<Op>>,
    /// Which thread does not get to its end, if one is not to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut: Option<Cut>,
}

/// One thread is cut short: what its job's neighbours must not notice (G7). `interleaved` obeys it; the other methods run
/// programs that have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Cut {
    /// Which, counted from 0.
    pub thread: usize,
    /// After so many of its own turns. One that is done by then is not cut.
    pub after: usize,
    /// In which way.
    pub how: Way,
}

/// How a thread is cut short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// It is never polled again, and all that it holds it keeps.
    Stalled,
    /// Its future is dropped, in a turn of its own.
    Cancelled,
    /// Its future is dropped, in a turn of its own, while a panic unwinds.
    Panicked,
    /// It is never polled again, and whoever wakes it meets a panic in its waker.
    WakePanics,
}

impl Way {
    /// All of them. First those that give up what they hold: what they are found by says more than that somebody held it.
    pub const ALL: [Way; 4] = [Way::Cancelled, Way::Panicked, Way::Stalled, Way::WakePanics];

    /// What befalls the thread, in words.
    pub fn words(self) -> &'static str {
        match self {
            Way::Stalled => "is never polled again",
            Way::Cancelled => "is cancelled",
            Way::Panicked => "panics",
            Way::WakePanics => "is never polled again, and its waker panics,",
        }
    }
}

/// By which right an operation reaches its job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Door {
    /// By the newest handle that a create of this job has returned; waits until there is one.
    Handle,
    /// By the oldest handle: that of a straggler, once the job has been closed and created again.
    Straggler,
    /// By name, like one who did not create it.
    Name,
}

/// How long a read goes on. It also stops at an end or a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Until {
    /// So many deliveries of any kind have come.
    Deliveries(u32),
    /// So many events have come or been counted as lagged.
    Accounted(u64),
    /// The end has come.
    End,
}

/// Where a new stream starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum From {
    /// With what comes from now on.
    Now,
    /// With all that is retained.
    Start,
}

/// One operation. `job` is an index into [`Program::jobs`]; `stream` a number of the program's own, used by one thread
/// (or by the prelude and then one thread).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the fields are described at the type")]
pub enum Op {
    /// Opens a job.
    Create { job: usize },
    /// Narrates an event to a job. Its text names the operation, so every event identifies itself.
    Emit { job: usize, door: Door },
    /// Narrates an event to the operators.
    EmitSystem,
    /// Opens a stream of a job.
    Subscribe { job: usize, stream: usize, from: From, door: Door },
    /// Opens the operators' stream.
    SubscribeSystem { stream: usize },
    /// Reads from a stream; does nothing if it was never opened or is over.
    Read { stream: usize, until: Until },
    /// Polls a stream once: takes what is there, and gives the read up if there is nothing.
    Poll { stream: usize },
    /// Drops a stream.
    Leave { stream: usize },
    /// Ends a job.
    Close { job: usize, outcome: Outcome, door: Door },
    /// Drops the newest handle that a create of this job has returned, without closing the job. No other thread may
    /// use the job's handles.
    Drop { job: usize },
}

/// Most threads of a program, and most streams: more than any schedule could make sense of.
const MOST: usize = 200;

impl Program {
    /// How many operations it has, the prelude's included.
    pub fn operations(&self) -> usize {
        self.prelude.len() + self.threads.iter().map(Vec::len).sum::<usize>()
    }

    /// The program without one operation, counted through the prelude and then each thread; threads left empty go.
    ///
    /// # Panics
    /// If there is no such operation.
    pub fn without(&self, operation: usize) -> Program {
        let mut program = self.clone();
        let mut index = operation;
        let lists = std::iter::once(&mut program.prelude).chain(program.threads.iter_mut());
        for list in lists {
            if index < list.len() {
                list.remove(index);
                program.drop_idle_threads();
                return program;
            }
            index -= list.len();
        }
        panic!("operation {operation} of a program that has {}", self.operations());
    }

    /// The program purged of whatever is done to other jobs than this one (Goguen and Meseguer's *purge*), and to the system:
    /// what is left are the operations on this job and on streams that are opened on it. A thread that has nothing left
    /// keeps its place if another follows, so that threads keep their numbers. An event is named after its place in its
    /// thread: it keeps its name if nothing that goes stands before it there.
    pub fn purged(&self, job: usize) -> Program {
        let all = || self.prelude.iter().chain(self.threads.iter().flatten());
        let opened = |op: &Op| matches!(op, Op::Subscribe { job: of, .. } if *of == job);
        let streams: Vec<usize> = all().filter(|op| opened(op)).filter_map(Op::stream).collect();
        let stays = |op: &&Op| match op.job() {
            Some(of) => of == job,
            None => op.stream().is_some_and(|stream| streams.contains(&stream)),
        };
        let keep = |ops: &Vec<Op>| ops.iter().filter(stays).cloned().collect::<Vec<Op>>();
        let mut threads: Vec<Vec<Op>> = self.threads.iter().map(keep).collect();
        while threads.last().is_some_and(Vec::is_empty) {
            threads.pop();
        }
        let cut = self.cut.filter(|cut| threads.get(cut.thread).is_some_and(|ops| !ops.is_empty()));
        Program { jobs: self.jobs.clone(), retain: self.retain, prelude: keep(&self.prelude), threads, cut }
    }

    /// Threads without operations go; the others move up, and with them the number of the one that is cut.
    fn drop_idle_threads(&mut self) {
        self.cut = self.cut.filter(|cut| self.threads.get(cut.thread).is_some_and(|ops| !ops.is_empty()));
        if let Some(cut) = &mut self.cut {
            cut.thread -= self.threads[..cut.thread].iter().filter(|ops| ops.is_empty()).count();
        }
        self.threads.retain(|ops| !ops.is_empty());
    }

    /// The highest stream number plus one.
    pub fn streams(&self) -> usize {
        let all = self.prelude.iter().chain(self.threads.iter().flatten());
        all.filter_map(Op::stream).max().map_or(0, |last| last + 1)
    }

    /// Why the program cannot be run, if it cannot: an index without a name, a stream that two threads use, a handle
    /// that one thread drops and another uses (then it is not the drop that lets go of it), or a cut of no thread.
    pub fn check(&self) -> Result<(), String> {
        if self.threads.len() > MOST {
            return Err(format!("{} threads; at most {MOST} can be scheduled", self.threads.len()));
        }
        if let Some(cut) = self.cut.filter(|cut| cut.thread >= self.threads.len()) {
            return Err(format!("thread {} is to be cut, and there are {}", cut.thread + 1, self.threads.len()));
        }
        let ops = || self.prelude.iter().chain(self.threads.iter().flatten());
        if let Some(stream) = ops().filter_map(Op::stream).find(|stream| *stream >= MOST) {
            return Err(format!("stream {stream}; streams are numbered below {MOST}"));
        }
        let mut user = vec![None; self.streams()];
        for (thread, ops) in self.threads.iter().enumerate() {
            for op in ops {
                if let Some(stream) = op.stream()
                    && *user[stream].get_or_insert(thread) != thread
                {
                    return Err(format!("stream {stream} is used by two threads"));
                }
            }
        }
        for op in self.prelude.iter().chain(self.threads.iter().flatten()) {
            if let Some(job) = op.job()
                && job >= self.jobs.len()
            {
                return Err(format!("job {job} has no name"));
            }
        }
        for (thread, ops) in self.threads.iter().enumerate() {
            for dropped in ops.iter().filter(|op| matches!(op, Op::Drop { .. })).filter_map(Op::job) {
                let others = self.threads.iter().enumerate().filter(|(other, _)| *other != thread);
                if others.flat_map(|(_, ops)| ops).any(|op| op.handle() == Some(dropped)) {
                    return Err(format!(
                        "thread {} drops the handle of job {dropped}, and another uses it",
                        thread + 1
                    ));
                }
            }
        }
        Ok(())
    }
}

impl Op {
    /// The stream that it opens, reads or drops.
    pub fn stream(&self) -> Option<usize> {
        match self {
            Op::Subscribe { stream, .. }
            | Op::SubscribeSystem { stream }
            | Op::Read { stream, .. }
            | Op::Poll { stream }
            | Op::Leave { stream } => Some(*stream),
            Op::Create { .. } | Op::Emit { .. } | Op::EmitSystem | Op::Close { .. } | Op::Drop { .. } => None,
        }
    }

    /// The job that it is about.
    pub fn job(&self) -> Option<usize> {
        match self {
            Op::Create { job }
            | Op::Emit { job, .. }
            | Op::Subscribe { job, .. }
            | Op::Close { job, .. }
            | Op::Drop { job } => Some(*job),
            Op::EmitSystem | Op::SubscribeSystem { .. } | Op::Read { .. } | Op::Poll { .. } | Op::Leave { .. } => None,
        }
    }

    /// The same, to be changed.
    pub(super) fn job_mut(&mut self) -> Option<&mut usize> {
        match self {
            Op::Create { job }
            | Op::Emit { job, .. }
            | Op::Subscribe { job, .. }
            | Op::Close { job, .. }
            | Op::Drop { job } => Some(job),
            Op::EmitSystem | Op::SubscribeSystem { .. } | Op::Read { .. } | Op::Poll { .. } | Op::Leave { .. } => None,
        }
    }

    /// The job whose handle it uses, or makes.
    fn handle(&self) -> Option<usize> {
        match self {
            Op::Emit { door: Door::Name, .. }
            | Op::Subscribe { door: Door::Name, .. }
            | Op::Close { door: Door::Name, .. } => None,
            _ => self.job(),
        }
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |ops: &[Op]| ops.iter().map(|op| self.describe(op)).collect::<Vec<_>>().join("; ");
        writeln!(f, "retain {}", self.retain)?;
        if !self.prelude.is_empty() {
            writeln!(f, "first     {}", line(&self.prelude))?;
        }
        for (thread, ops) in self.threads.iter().enumerate() {
            writeln!(f, "thread {}  {}", thread + 1, line(ops))?;
        }
        if let Some(cut) = self.cut {
            writeln!(f, "{cut}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "thread {} {} after {} of its turns", self.thread + 1, self.how.words(), self.after)
    }
}

impl Program {
    /// One operation in words.
    pub fn describe(&self, op: &Op) -> String {
        let name = |job: &usize| format!("{:?}", self.jobs.get(*job).map_or("?", String::as_str));
        let by = |door: &Door| match door {
            Door::Handle => "",
            Door::Straggler => " by its old handle",
            Door::Name => " by name",
        };
        match op {
            Op::Create { job } => format!("create {}", name(job)),
            Op::Emit { job, door } => format!("emit to {}{}", name(job), by(door)),
            Op::EmitSystem => "emit to the system".into(),
            Op::Subscribe { job, stream, from, door } => {
                let from = match from {
                    From::Now => "now",
                    From::Start => "start",
                };
                format!("subscribe s{stream} to {} from {from}{}", name(job), by(door))
            }
            Op::SubscribeSystem { stream } => format!("subscribe s{stream} to the system"),
            Op::Read { stream, until } => match until {
                Until::Deliveries(n) => format!("read {n} from s{stream}"),
                Until::Accounted(n) => format!("read s{stream} until {n} are accounted for"),
                Until::End => format!("read s{stream} to its end"),
            },
            Op::Poll { stream } => format!("poll s{stream} once"),
            Op::Leave { stream } => format!("leave s{stream}"),
            Op::Close { job, outcome, door } => {
                let outcome = format!("{outcome:?}").to_lowercase();
                format!("close {} as {outcome}{}", name(job), by(door))
            }
            Op::Drop { job } => format!("drop the handle of {}", name(job)),
        }
    }
}
