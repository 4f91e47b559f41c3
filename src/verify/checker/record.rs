//! What the checker keeps of the lines it has read: for each job name its operations and streams, as intervals of line
//! numbers and small integers instead of the strings they were recorded with.

use super::super::history::Outcome;
use std::sync::Arc;

/// The number of a line, from 1. The instants between line `k` and line `k + 1` are together called *slot* `k`.
pub(super) type LineNo = u32;

/// Later than every line: an operation that never returned.
pub(super) const NEVER: LineNo = LineNo::MAX;

/// How an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It has not, so far.
    Open,
    Ok,
    Fail,
    Info,
}

/// The interval within which an operation took effect, if it did.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) invoke: LineNo,
    /// The completion's line, whatever it says.
    pub(super) end: LineNo,
    pub(super) fate: Fate,
    /// The first line that shows the effect.
    pub(super) shown: LineNo,
}

impl Span {
    pub(super) fn begin(invoke: LineNo) -> Self {
        Span { invoke, end: NEVER, fate: Fate::Open, shown: NEVER }
    }

    pub(super) fn complete(&mut self, end: LineNo, fate: Fate) {
        self.end = end;
        self.fate = fate;
    }

    /// Notes a line that shows the effect; a line before the invoke shows nothing.
    pub(super) fn show(&mut self, line: LineNo) {
        if line > self.invoke {
            self.shown = self.shown.min(line);
        }
    }

    /// `ret(o)` of the rules: the completion of an `ok`, else never.
    pub(super) fn ret(&self) -> LineNo {
        if self.fate == Fate::Ok { self.end } else { NEVER }
    }

    /// `up(o)` of the rules: the effect, if any, was before this line.
    pub(super) fn up(&self) -> LineNo {
        self.ret().min(self.shown)
    }

    pub(super) fn failed(&self) -> bool {
        self.fate == Fate::Fail
    }

    pub(super) fn ok(&self) -> bool {
        self.fate == Fate::Ok
    }

    /// The lines that show this operation, for a witness.
    pub(super) fn lines(&self) -> impl Iterator<Item = LineNo> {
        [self.invoke, self.end].into_iter().filter(|&line| line != NEVER)
    }
}

/// Through what an operation reached its job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Via {
    /// Through its name.
    Name,
    /// Through the handle of this create of the job (an index into [`Job::creates`]).
    Create(u32),
    /// Through the handle of a create of another job, or of one long forgotten: it can belong to no incarnation.
    Nothing,
}

#[derive(Debug)]
pub(super) struct Create {
    pub(super) span: Span,
    pub(super) life: Option<Arc<str>>,
}

#[derive(Debug)]
pub(super) struct Close {
    pub(super) span: Span,
    pub(super) via: Via,
    pub(super) outcome: Option<Outcome>,
}

#[derive(Debug)]
pub(super) struct Event {
    pub(super) token: Arc<str>,
    /// The emitter, as a small number.
    pub(super) process: u32,
    pub(super) span: Span,
    pub(super) via: Via,
    pub(super) digest: Option<Box<str>>,
    /// Its first delivery anywhere, lawful or not.
    pub(super) delivered: LineNo,
}

/// Where a stream starts; see [`Since`](super::super::history::Since).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum From {
    Now,
    Start,
    After(Arc<str>),
}

#[derive(Debug)]
pub(super) struct Stream {
    pub(super) id: Arc<str>,
    pub(super) span: Span,
    pub(super) via: Via,
    pub(super) from: From,
    /// What it delivered, without the deliveries that were wrong at first sight (another job's event, another digest).
    pub(super) items: Vec<Item>,
    /// The invokes of its unsubscribes that did not fail, so far.
    pub(super) leaving: Vec<LineNo>,
    /// Its last `drained` line.
    pub(super) drained: Option<LineNo>,
    /// Its first end.
    pub(super) ended: Option<LineNo>,
    /// Its first `stopped`.
    pub(super) stopped: Option<LineNo>,
    /// Its subscribe was refused as one of a job that is not there.
    pub(super) missed: bool,
    /// Nothing more is owed on it, as far as its own lines say; see [`Job::unsettled`].
    pub(super) settled: bool,
}

impl Stream {
    /// From when on no tail and no end is owed: it was left, or stopped.
    pub(super) fn gone(&self) -> LineNo {
        self.leaving.iter().copied().chain(self.stopped).min().unwrap_or(NEVER)
    }

    /// The outcome that its first end stated.
    pub(super) fn outcome(&self) -> Option<Outcome> {
        self.ended?;
        self.items.iter().rev().find_map(|item| if let What::End(outcome) = item.what { outcome } else { None })
    }
}

/// One `receive` that was not wrong at first sight.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item {
    pub(super) line: LineNo,
    pub(super) what: What,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum What {
    /// An event of the stream's own job (an index into [`Job::events`]).
    Event(u32),
    Lagged(u64),
    End(Option<Outcome>),
}

/// A refused emit or subscribe whose reason does not excuse it.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) span: Span,
    pub(super) via: Via,
    /// What was refused, for the message.
    pub(super) what: String,
}

/// All that was done to one name, or to the system.
#[derive(Debug)]
pub(super) struct Job {
    /// `None` is the system.
    pub(super) name: Option<Arc<str>>,
    pub(super) creates: Vec<Create>,
    pub(super) closes: Vec<Close>,
    /// In the order of their invokes.
    pub(super) events: Vec<Event>,
    pub(super) streams: Vec<Stream>,
    pub(super) refusals: Vec<Refusal>,
    /// Its `expired` lines.
    pub(super) expired: Vec<LineNo>,
    /// Operations that are open.
    pub(super) open: u32,
    /// Creates that are open.
    pub(super) creating: u32,
    /// The last return of a create, and the last invoke of a close that returned.
    pub(super) created: LineNo,
    pub(super) closed: LineNo,
    /// Streams that may still owe something.
    pub(super) unsettled: u32,
    /// Operations of unknown outcome: they may take effect at any time, so the name can never be forgotten.
    pub(super) unknown: u32,
    /// How many lines spoke of it, and how many of them were counted as lines of a quiet name.
    pub(super) lines: usize,
    pub(super) counted: usize,
}

impl Job {
    pub(super) fn new(name: Option<Arc<str>>) -> Self {
        Job {
            name,
            creates: Vec::new(),
            closes: Vec::new(),
            events: Vec::new(),
            streams: Vec::new(),
            refusals: Vec::new(),
            expired: Vec::new(),
            open: 0,
            creating: 0,
            created: 0,
            closed: 0,
            unsettled: 0,
            unknown: 0,
            lines: 0,
            counted: 0,
        }
    }

    pub(super) fn is_system(&self) -> bool {
        self.name.is_none()
    }

    /// The job in words, for messages.
    pub(super) fn title(&self) -> String {
        match &self.name {
            Some(name) => format!("job {name:?}"),
            None => "the system".to_owned(),
        }
    }

    /// Whether every incarnation is closed for certain: a close that returned began after every create had returned.
    pub(super) fn certainly_over(&self) -> bool {
        self.creating == 0 && self.unknown == 0 && self.closed > self.created
    }

    /// Whether everything that was owed is settled, so that the name may be judged and forgotten.
    pub(super) fn is_quiet(&self) -> bool {
        self.open == 0 && self.unsettled == 0 && self.certainly_over()
    }
}
