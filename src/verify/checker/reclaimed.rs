//! G10 reclaimed.
//!
//! > A `retained` line that says more jobs than can be held: more than there are creates, not refused and invoked
//! > before it, of which none is known to have opened nothing and none was *read out* before it. An `ok` subscribe that
//! > can belong to no life but such as were read out before its invoke. A subscribe (not by `resume`) refused as
//! > `unknown` or `closed`, or without a reason, of a life that was closed before its invoke and that nobody can have
//! > read out, nor its linger limit have passed, before its completion.
//!
//! What *over*, *surely* and *read out* mean stands in `docs/history.md`: each is a comparison of a few lines, so that
//! nothing here depends on how the lives of entangled names are told apart.
//!
//! Search: creates are sorted by their invokes. The life that an operation through the name meets can only be that of
//! the last create invoked before its completion, and whether all before that one are over is a running maximum. What
//! can be held is counted by differences at the `retained` lines, whenever a name is judged.
//!
//! Witness: the create, the close and the end that gave the life up, and the operation; for a `retained` line itself.

use super::super::guarantee::Guarantee::G10;
use super::super::history::Reason;
use super::Case;
use super::incarnation::Handle;
use super::record::{Create, From, Job, LineNo, NEVER, Stream, Via};
use super::report::Report;
use std::collections::HashMap;

/// Whether a subscribe refused for this reason was told that there is no such job.
pub(super) fn is_missing(reason: Option<&Reason>) -> bool {
    matches!(reason, None | Some(Reason::Unknown | Reason::Closed))
}

/// What the router said it holds, and what it can hold.
#[derive(Debug, Default)]
pub(super) struct Retention {
    /// The `retained` lines and their numbers.
    asked: Vec<(LineNo, u64)>,
    /// How many lives more, or fewer, can be held at each of them than at the one before; the last entry is that of
    /// the line still to come.
    change: Vec<i64>,
}

impl Retention {
    pub(super) fn asked(&mut self, line: LineNo, jobs: u64) {
        self.asked.push((line, jobs));
    }

    pub(super) fn was_asked(&self) -> bool {
        !self.asked.is_empty()
    }

    /// A life can be held between these lines.
    fn hold(&mut self, from: LineNo, until: LineNo) {
        self.change.resize(self.asked.len() + 1, 0);
        let first_after = |line: LineNo| self.asked.partition_point(|(asked, _)| *asked <= line);
        let (begin, end) = (first_after(from), first_after(until));
        self.change[begin] += 1;
        if until != NEVER {
            self.change[end] -= 1;
        }
    }

    /// Judges the `retained` lines, once all names have been.
    pub(super) fn judge(self, report: &mut Report) {
        let mut most = 0;
        for ((line, said), change) in self.asked.iter().zip(self.change.iter().chain(std::iter::repeat(&0))) {
            most += change;
            if i128::from(*said) > i128::from(most) {
                report.breach(G10, [*line], || {
                    let jobs = if *said == 1 { "job" } else { "jobs" };
                    format!("the router holds something of {said} {jobs}, though at most {most} can be open or unread")
                });
            }
        }
    }
}

/// A close that certainly ended a life.
#[derive(Debug, Clone, Copy)]
struct Ending {
    invoke: LineNo,
    ret: LineNo,
}

const NO_ENDING: Ending = Ending { invoke: NEVER, ret: NEVER };

/// The creates of a name that did not fail, with what became of each one's life.
struct Ledger<'a> {
    job: &'a Job,
    /// Their indices in the job, by invoke.
    creates: Vec<u32>,
    /// By index in the job: the close that returned first among those that certainly ended it.
    endings: Vec<Ending>,
    /// By index in the job: the line from which on it was certainly closed and read to its end.
    read_out: Vec<LineNo>,
    /// By place in `creates`: the latest return of an ending among those before it.
    over_before: Vec<LineNo>,
}

impl<'a> Ledger<'a> {
    fn of(job: &'a Job) -> Self {
        let creates = (0..job.creates.len() as u32).filter(|&at| !job.creates[at as usize].span.failed()).collect();
        let mut ledger = Ledger { job, creates, endings: endings(job), read_out: Vec::new(), over_before: vec![0] };
        let mut latest = 0;
        for &create in &ledger.creates {
            latest = ledger.endings[create as usize].ret.max(latest);
            ledger.over_before.push(latest);
        }
        ledger.read_out = vec![NEVER; job.creates.len()];
        for stream in &job.streams {
            let (Some(end), Some(create)) = (stream.ended, ledger.surely(stream)) else { continue };
            let ending = ledger.endings[create as usize];
            if end > ending.invoke {
                let read_out = &mut ledger.read_out[create as usize];
                *read_out = end.max(ending.ret).min(*read_out);
            }
        }
        ledger
    }

    fn create(&self, index: u32) -> &'a Create {
        &self.job.creates[index as usize]
    }

    /// How many creates were invoked before a line.
    fn begun(&self, line: LineNo) -> usize {
        self.creates.partition_point(|&create| self.create(create).span.invoke < line)
    }

    /// The create to whose life an operation through the name belongs, if only one can have been meant by then: the
    /// last, with all others over before it.
    fn last(&self, before: LineNo) -> Option<u32> {
        let place = self.begun(before).checked_sub(1)?;
        let last = self.creates[place];
        (self.over_before[place] < self.create(last).span.invoke).then_some(last)
    }

    /// The create whose life a stream surely read.
    fn surely(&self, stream: &Stream) -> Option<u32> {
        let create = match stream.via {
            Via::Nothing => None,
            Via::Create(create) => Some(create),
            Via::Name => {
                let only = self.begun(stream.span.ret()) == 1;
                let last = self.last(stream.span.ret());
                last.filter(|&create| only || self.create(create).span.ret() < stream.span.invoke)
            }
        };
        create.filter(|&create| stream.span.ok() && self.create(create).span.ok())
    }

    /// The last create whose life a subscribe can have met, if all that it can have met were read out before it began,
    /// or lay behind a later one.
    fn came_late(&self, stream: &Stream) -> Option<u32> {
        let span = &stream.span;
        let was_read = |create: u32| self.read_out[create as usize] < span.invoke;
        match stream.via {
            Via::Nothing => None,
            Via::Create(create) => Some(create).filter(|&create| was_read(create)),
            Via::Name => {
                let begun = self.begun(span.ret());
                let last = *self.creates[..begun].last()?;
                let known = self.creates[..begun].iter().rev().map(|&create| &self.create(create).span);
                let newest = known.filter(|create| create.ret() < span.invoke).map(|create| create.invoke).next();
                let behind = |over: LineNo| newest.is_some_and(|newest| over < newest);
                for place in (0..begun).rev() {
                    if behind(self.over_before[place + 1]) {
                        break;
                    }
                    let create = self.creates[place];
                    if !behind(self.endings[create as usize].ret) && !was_read(create) {
                        return None;
                    }
                }
                Some(last)
            }
        }
    }

    /// The create whose life a refused subscribe found gone, though it was closed and nobody can have read it to its
    /// end, nor its time have passed.
    fn went_early(&self, stream: &Stream, readers: &Readers) -> Option<u32> {
        let span = &stream.span;
        let last = self.last(span.end)?;
        let create = self.create(last);
        let meant = match stream.via {
            Via::Name => true,
            Via::Create(create) => create == last,
            Via::Nothing => false,
        };
        let closed = create.span.ret() < span.invoke && self.endings[last as usize].ret < span.invoke;
        let next = self.job.expired.partition_point(|&line| line < create.span.invoke);
        let expired = self.job.expired.get(next).is_some_and(|&line| line < span.end);
        (meant && closed && !expired && !readers.any(last, create.span.invoke, span.end)).then_some(last)
    }

    /// The lines that show how a life was closed.
    fn witness(&self, create: u32) -> impl Iterator<Item = LineNo> {
        let Ending { invoke, ret } = self.endings[create as usize];
        self.create(create).span.lines().chain([invoke, ret])
    }
}

/// For each create, the close that returned first among those that certainly ended its life: through the name or its
/// own handle, returned `ok`, and begun after the create had returned.
fn endings(job: &Job) -> Vec<Ending> {
    let closes = job.closes.iter().filter(|close| close.span.ok());
    let ending = |close: &super::record::Close| Ending { invoke: close.span.invoke, ret: close.span.end };
    let mut by_name: Vec<Ending> = closes.clone().filter(|close| close.via == Via::Name).map(ending).collect();
    let mut by_handle: HashMap<u32, Vec<Ending>> = HashMap::new();
    for close in closes {
        if let Via::Create(create) = close.via {
            by_handle.entry(create).or_default().push(ending(close));
        }
    }
    let invokes: Vec<LineNo> = by_name.iter().map(|ending| ending.invoke).collect();
    // From each on, the one that returned first.
    for at in (1..by_name.len()).rev() {
        if by_name[at].ret < by_name[at - 1].ret {
            by_name[at - 1] = by_name[at];
        }
    }
    let of = |(index, create): (u32, &Create)| {
        let ret = create.span.ret();
        let named = by_name.get(invokes.partition_point(|&invoke| invoke < ret));
        let handled = by_handle.get(&index).into_iter().flatten().filter(|ending| ending.invoke > ret);
        let first = named.into_iter().chain(handled).min_by_key(|ending| ending.ret);
        first.copied().filter(|_| create.span.ok()).unwrap_or(NO_ENDING)
    };
    (0..).zip(&job.creates).map(of).collect()
}

/// Who can have read which life: the subscribes that did not fail.
struct Readers {
    /// Through each create's handle: the first one's invoke.
    by_handle: HashMap<u32, LineNo>,
    /// Through the name: invokes, ascending, each with the latest return up to there.
    by_name: Vec<(LineNo, LineNo)>,
}

impl Readers {
    fn of(job: &Job) -> Self {
        let mut readers = Readers { by_handle: HashMap::new(), by_name: Vec::new() };
        let mut latest = 0;
        for stream in job.streams.iter().filter(|stream| !stream.span.failed()) {
            match stream.via {
                Via::Nothing => {}
                Via::Create(create) => {
                    readers.by_handle.entry(create).or_insert(stream.span.invoke);
                }
                Via::Name => {
                    latest = stream.span.ret().max(latest);
                    readers.by_name.push((stream.span.invoke, latest));
                }
            }
        }
        readers
    }

    /// Whether somebody can have read this create's life, invoked at `created`, before a line.
    fn any(&self, create: u32, created: LineNo, before: LineNo) -> bool {
        let by_name = self.by_name.partition_point(|(invoke, _)| *invoke < before);
        self.by_handle.get(&create).is_some_and(|&invoke| invoke < before)
            || by_name > 0 && self.by_name[by_name - 1].1 > created
    }
}

/// Judges the subscribes of a name, and counts its lives for the `retained` lines.
pub(super) fn judge(case: &Case<'_>, report: &mut Report) {
    let Case { job, lives, .. } = *case;
    if job.is_system() || job.creates.is_empty() {
        return;
    }
    let ledger = Ledger::of(job);
    let readers = Readers::of(job);
    for stream in &job.streams {
        if stream.span.ok()
            && let Some(create) = ledger.came_late(stream)
        {
            report.breach(G10, ledger.witness(create).chain(stream.span.lines()), || {
                format!("stream {:?} was opened on {} after that had been read to its end", stream.id, job.title())
            });
        }
        if stream.missed
            && !matches!(stream.from, From::After(_))
            && let Some(create) = ledger.went_early(stream, &readers)
        {
            report.breach(G10, ledger.witness(create).chain(stream.span.lines()), || {
                let (id, title) = (&stream.id, job.title());
                format!("the subscribe of stream {id:?} was refused, though {title} was closed and nobody had read it")
            });
        }
    }
    for &create in &ledger.creates {
        let span = &ledger.create(create).span;
        let opened_nothing = span.ok() && lives.certainly_open(span.invoke, span.end, Handle::Name).is_some();
        if !opened_nothing {
            report.retention.hold(span.invoke, ledger.read_out[create as usize]);
        }
    }
}
