//! What a history says, line by line, before anybody judges it: operations with their intervals, streams with what
//! they delivered. No rule of judgment stands here but the three of [`Span::up`].

use super::super::history::{Action, Delivered, Kind, Line, Outcome, Reason, Since};
use std::collections::BTreeMap;

/// The line number of what never happens.
pub(super) const NEVER: usize = usize::MAX;

/// How an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It took effect.
    Ok,
    /// It had no effect.
    Failed,
    /// `info`, or still open at the end of the history: it may take effect at any later time, or never.
    Unknown,
}

/// The interval of an operation.
#[derive(Debug, Clone)]
pub(super) struct Span {
    /// `inv(o)`.
    pub invoke: usize,
    /// The line of its completion, whatever that says; [`NEVER`] if it stayed open.
    pub completion: usize,
    /// How it ended.
    pub fate: Fate,
    /// `up(o)`: it took effect strictly before this line, if it did at all.
    ///
    /// For creates and closes only the completion is counted here. What ends and use show of them is a choice among
    /// several creates or closes, and therefore a condition on whole timelines (`Channel::new`).
    pub up: usize,
    /// Refused for `limit` or `forbidden`, which no rule holds against a router.
    pub excused: bool,
    /// Refused as of a job that is not there: as `unknown` or `closed`, or without a reason.
    pub missing: bool,
}

impl Span {
    fn from(invoke: usize) -> Span {
        Span { invoke, completion: NEVER, fate: Fate::Unknown, up: NEVER, excused: false, missing: false }
    }

    fn complete(&mut self, at: usize, line: &Line) {
        self.completion = at;
        match line.kind {
            Kind::Ok => (self.fate, self.up) = (Fate::Ok, at),
            Kind::Fail => self.fate = Fate::Failed,
            Kind::Info | Kind::Invoke => {}
        }
        self.excused = matches!(line.reason, Some(Reason::Limit | Reason::Forbidden));
        self.missing = self.failed() && matches!(line.reason, None | Some(Reason::Unknown | Reason::Closed));
    }

    /// `ret(o)`: infinite unless it returned `ok`.
    pub(super) fn ret(&self) -> usize {
        if self.fate == Fate::Ok { self.completion } else { NEVER }
    }

    pub(super) fn failed(&self) -> bool {
        self.fate == Fate::Failed
    }
}

/// Through which handle an operation went: `None` if its recorder does not say, else the index of the create of that
/// label, or [`NEVER`] where no create of the same job bears it.
pub(super) type Life = Option<usize>;

#[derive(Debug)]
pub(super) struct Create {
    pub span: Span,
    pub job: usize,
    pub labelled: bool,
}

#[derive(Debug)]
pub(super) struct Close {
    pub span: Span,
    pub job: usize,
    pub life: Life,
    pub outcome: Option<Outcome>,
}

#[derive(Debug)]
pub(super) struct Emit<'h> {
    pub span: Span,
    pub process: i64,
    /// `None` is the system.
    pub job: Option<usize>,
    pub life: Life,
    pub digest: Option<&'h str>,
}

/// One subscribe, and all that came of it. A stream id whose subscribe failed may be named again: that is another
/// stream, to which all lines after its own invoke belong.
#[derive(Debug)]
pub(super) struct Stream<'h> {
    pub span: Span,
    /// `None` is the system.
    pub job: Option<usize>,
    pub life: Life,
    pub since: Position,
    pub receives: Vec<Receive<'h>>,
    /// The invoke of the first unsubscribe that did not fail.
    pub left: usize,
    /// The last `drained` line.
    pub drained: Option<usize>,
}

/// Where a stream asked to start.
#[derive(Debug, Clone, Copy)]
pub(super) enum Position {
    Now,
    Start,
    /// Just after this emit; `None` if no such event was ever emitted.
    After(Option<usize>),
}

#[derive(Debug)]
pub(super) struct Receive<'h> {
    pub line: usize,
    pub what: Seen<'h>,
}

#[derive(Debug)]
pub(super) enum Seen<'h> {
    /// `None` if no such event was ever emitted.
    Event {
        emit: Option<usize>,
        digest: Option<&'h str>,
    },
    Lagged(u64),
    End(Option<Outcome>),
    Stopped,
}

impl Stream<'_> {
    /// The first end.
    pub(super) fn end(&self) -> Option<usize> {
        self.receives.iter().find(|r| matches!(r.what, Seen::End(_))).map(|r| r.line)
    }

    /// The line from which on nothing more is owed to this stream: it was left, or stopped.
    pub(super) fn gone(&self) -> usize {
        let stopped = self.receives.iter().find(|r| matches!(r.what, Seen::Stopped)).map_or(NEVER, |r| r.line);
        self.left.min(stopped)
    }
}

/// A history, sorted out.
#[derive(Debug, Default)]
pub(super) struct Facts<'h> {
    pub jobs: usize,
    pub creates: Vec<Create>,
    pub closes: Vec<Close>,
    pub emits: Vec<Emit<'h>>,
    pub streams: Vec<Stream<'h>>,
    /// The `retained` lines, each with the number that the router said.
    pub retained: Vec<(usize, u64)>,
    /// The `expired` lines, each with its job.
    pub expired: Vec<(usize, usize)>,
}

/// The operation that a process has open.
enum Open {
    Create(usize),
    Close(usize),
    Emit(usize),
    Stream(usize),
    Unsubscribe(usize),
}

/// What names mean: tables that are filled before the lines are read, so that a delivery may name a later emit.
struct Names<'h> {
    jobs: BTreeMap<&'h str, usize>,
    /// A label's create and that create's job.
    lives: BTreeMap<&'h str, (usize, usize)>,
    emits: BTreeMap<&'h str, usize>,
}

impl<'h> Names<'h> {
    fn of(history: &'h [Line]) -> Self {
        let mut names = Names { jobs: BTreeMap::new(), lives: BTreeMap::new(), emits: BTreeMap::new() };
        let (mut creates, mut emits) = (0, 0);
        for line in history.iter().filter(|line| line.kind == Kind::Invoke) {
            let job = match &line.action {
                Action::Create { job, .. } | Action::Close { job, .. } => Some(job),
                Action::Emit { job, .. } | Action::Subscribe { job, .. } => job.as_ref(),
                _ => None,
            };
            let next = names.jobs.len();
            let job = job.map(|job| *names.jobs.entry(job).or_insert(next));
            match &line.action {
                Action::Create { life, .. } => {
                    if let (Some(life), Some(job)) = (life, job) {
                        names.lives.insert(life, (creates, job));
                    }
                    creates += 1;
                }
                Action::Emit { event, .. } => {
                    names.emits.insert(event, emits);
                    emits += 1;
                }
                _ => {}
            }
        }
        names
    }

    /// The system has one life, of which no create tells: a label says nothing there.
    fn life(&self, life: &Option<String>, job: Option<usize>) -> Life {
        let (label, job) = (life.as_deref()?, job?);
        let create = self.lives.get(label).filter(|(_, of)| *of == job);
        Some(create.map_or(NEVER, |(create, _)| *create))
    }
}

impl<'h> Facts<'h> {
    pub(super) fn of(history: &'h [Line]) -> Facts<'h> {
        let names = Names::of(history);
        let mut facts = Facts { jobs: names.jobs.len(), ..Facts::default() };
        let mut open: BTreeMap<i64, Open> = BTreeMap::new();
        let mut streams: BTreeMap<&str, usize> = BTreeMap::new();
        let mut unsubscribes: Vec<(usize, Span)> = Vec::new();
        for (line, at) in history.iter().zip(1..) {
            if !line.action.is_operation() {
                facts.observe(line, at, &names, &streams);
            } else if line.kind == Kind::Invoke {
                let begun = facts.begin(line, at, &names, &mut streams, &mut unsubscribes);
                open.insert(line.process, begun);
            } else if let Some(begun) = open.remove(&line.process) {
                let span = match begun {
                    Open::Create(i) => &mut facts.creates[i].span,
                    Open::Close(i) => &mut facts.closes[i].span,
                    Open::Emit(i) => &mut facts.emits[i].span,
                    Open::Stream(i) => &mut facts.streams[i].span,
                    Open::Unsubscribe(i) => &mut unsubscribes[i].1,
                };
                span.complete(at, line);
            }
        }
        for (stream, span) in unsubscribes.iter().filter(|(_, span)| !span.failed()) {
            let left = &mut facts.streams[*stream].left;
            *left = span.invoke.min(*left);
        }
        facts.show();
        facts
    }

    /// An event's delivery shows its emit, and the subscribe of its stream. Any delivery of it, also an unlawful one,
    /// so long as it does not come before the invoke.
    fn show(&mut self) {
        for stream in &mut self.streams {
            for receive in &stream.receives {
                let Seen::Event { emit, .. } = receive.what else { continue };
                stream.span.up = stream.span.up.min(receive.line);
                if let Some(emit) = emit.map(|i| &mut self.emits[i])
                    && emit.span.invoke < receive.line
                {
                    emit.span.up = emit.span.up.min(receive.line);
                }
            }
        }
    }

    fn begin(
        &mut self,
        line: &'h Line,
        at: usize,
        names: &Names<'h>,
        streams: &mut BTreeMap<&'h str, usize>,
        unsubscribes: &mut Vec<(usize, Span)>,
    ) -> Open {
        let span = Span::from(at);
        match &line.action {
            Action::Create { job, life } => {
                self.creates.push(Create { span, job: names.jobs[job.as_str()], labelled: life.is_some() });
                Open::Create(self.creates.len() - 1)
            }
            Action::Close { job, life, outcome } => {
                let job = names.jobs[job.as_str()];
                let life = names.life(life, Some(job));
                self.closes.push(Close { span, job, life, outcome: *outcome });
                Open::Close(self.closes.len() - 1)
            }
            Action::Emit { job, life, digest, .. } => {
                let job = job.as_ref().map(|job| names.jobs[job.as_str()]);
                let life = names.life(life, job);
                self.emits.push(Emit { span, process: line.process, job, life, digest: digest.as_deref() });
                Open::Emit(self.emits.len() - 1)
            }
            Action::Subscribe { job, life, stream, since } => {
                let job = job.as_ref().map(|job| names.jobs[job.as_str()]);
                let life = names.life(life, job);
                let since = match since {
                    Since::Now => Position::Now,
                    Since::Start => Position::Start,
                    Since::After(event) => Position::After(names.emits.get(event.as_str()).copied()),
                };
                streams.insert(stream, self.streams.len());
                self.streams.push(Stream { span, job, life, since, receives: vec![], left: NEVER, drained: None });
                Open::Stream(self.streams.len() - 1)
            }
            Action::Unsubscribe { stream } => {
                unsubscribes.push((streams[stream.as_str()], span));
                Open::Unsubscribe(unsubscribes.len() - 1)
            }
            Action::Receive { .. } | Action::Drained { .. } | Action::Retained { .. } | Action::Expired { .. } => {
                unreachable!("no operations")
            }
        }
    }

    fn observe(&mut self, line: &'h Line, at: usize, names: &Names<'h>, streams: &BTreeMap<&'h str, usize>) {
        match &line.action {
            Action::Drained { stream } => self.streams[streams[stream.as_str()]].drained = Some(at),
            Action::Retained { jobs } => self.retained.push((at, u64::from(*jobs))),
            // Of a job that nobody ever asked anything of it says nothing.
            Action::Expired { job } => self.expired.extend(names.jobs.get(job.as_str()).map(|job| (at, *job))),
            Action::Receive { stream, what } => {
                let what = match what {
                    Delivered::Event { event, digest } => {
                        Seen::Event { emit: names.emits.get(event.as_str()).copied(), digest: digest.as_deref() }
                    }
                    Delivered::Lagged(n) => Seen::Lagged(*n),
                    Delivered::End(outcome) => Seen::End(*outcome),
                    Delivered::Stopped(_) => Seen::Stopped,
                };
                self.streams[streams[stream.as_str()]].receives.push(Receive { line: at, what });
            }
            _ => unreachable!("operations are begun and completed"),
        }
    }
}
