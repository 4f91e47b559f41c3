//! Incarnations: the lives of one name, and what can belong to which.
//!
//! Where the creates and closes of a name lie apart from all else that was done to it, each question about a life is
//! one about its own windows, and [`Intervals`] answers it from a few extreme lines: that is nearly every name, however
//! long. Where they overlap other things, the answers hang together: one event says that a life was opened early,
//! another that it was opened late, and only an instant that suits both explains the two. Such names are rare and
//! short, so their instants are tried ([`Timelines`]), within a bound.
//!
//! Both answer in [`Life`] numbers, which mean something to the one that gave them only.

use super::intervals::{Intervals, Shown};
use super::record::{Job, LineNo, Span, Stream, Via};
use super::timelines::Timelines;

/// A life of a name: with intervals, that which one create opened; with timelines, one incarnation of one of them.
pub(super) type Life = u32;

/// A close that did not fail.
#[derive(Debug, Clone, Copy)]
pub(super) struct Closing {
    pub(super) span: Span,
    pub(super) via: Handle,
    /// Its index in [`Job::closes`].
    pub(super) index: usize,
}

/// [`Via`], by the create's index among those that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Handle {
    Name,
    Life(u32),
    Nothing,
}

/// The possible lives of one name.
#[derive(Debug)]
pub(super) struct Lives {
    intervals: Intervals,
    timelines: Option<Timelines>,
}

impl Lives {
    /// The lives by intervals alone, with what the name's ends have shown so far.
    pub(super) fn by_intervals(job: &Job, shown: &Shown) -> Self {
        Lives { intervals: Intervals::of(job, shown), timelines: None }
    }

    /// The lives by timelines, if the name needs that and `steps` are enough.
    pub(super) fn by_timelines(job: &Job, steps: &mut usize) -> Option<Self> {
        if !Timelines::are_needed(job) {
            return None;
        }
        let intervals = Intervals::of(job, &Shown::default());
        let timelines = Timelines::of(job, |via| intervals.handle(via), steps)?;
        Some(Lives { intervals, timelines: Some(timelines) })
    }

    /// The timelines, if the instants were tried.
    pub(super) fn timelines(&self) -> Option<&Timelines> {
        self.timelines.as_ref()
    }

    /// The intervals, which are known in any case; their lives are not those of the timelines.
    pub(super) fn intervals(&self) -> &Intervals {
        &self.intervals
    }

    pub(super) fn handle(&self, via: Via) -> Handle {
        self.intervals.handle(via)
    }

    /// Adds the lives that can have been open at an instant of an operation's interval, ascending.
    pub(super) fn holding(&self, invoke: LineNo, up: LineNo, via: Handle, found: &mut Vec<Life>) {
        match &self.timelines {
            None => self.intervals.holding(invoke, up, via, found),
            Some(timelines) => timelines.holding(invoke, up, via, found),
        }
    }

    /// The lives that can have been the last one at an instant of a subscribe's interval at which none was open;
    /// through a handle the life need not be the last.
    pub(super) fn sealed(&self, invoke: LineNo, up: LineNo, via: Handle) -> Vec<Life> {
        match &self.timelines {
            None => self.intervals.sealed(invoke, up, via),
            Some(timelines) => timelines.sealed(invoke, up, via),
        }
    }

    /// The closes that can have closed this life before a line.
    pub(super) fn closers(&self, life: Life, before: LineNo) -> Vec<&Closing> {
        match &self.timelines {
            None => self.intervals.closers(life, before).collect(),
            Some(timelines) => timelines.closer(life, before).into_iter().collect(),
        }
    }

    /// Whether this life was over before a line under every choice, by a close that returned `ok`; if so, such a close.
    /// What belongs to the life was over before the line `until`.
    pub(super) fn certainly_over(&self, life: Life, until: LineNo, before: LineNo) -> Option<&Closing> {
        match &self.timelines {
            None => self.intervals.certainly_over(life, until, before),
            Some(timelines) => timelines.over(life, before),
        }
    }

    /// Whether a subscribe or an emit, refused throughout these lines, met a job that was certainly open; if so, the
    /// create that proves it.
    pub(super) fn certainly_open(&self, invoke: LineNo, end: LineNo, via: Handle) -> Option<Span> {
        match (&self.timelines, via) {
            (Some(timelines), Handle::Life(create)) => timelines.certainly_open(invoke, end, create),
            _ => self.intervals.certainly_open(invoke, end, via),
        }
    }

    /// The slots in which the name was certainly open, as half-open ranges.
    pub(super) fn certain_ranges(&self, job: &Job) -> Vec<(LineNo, LineNo)> {
        self.intervals.certain_ranges(job)
    }

    /// Whether what can belong to these lives was certainly opened later than this line, and can have left another
    /// life that was open at it.
    pub(super) fn left_another(&self, bound: &[Life], line: LineNo) -> bool {
        match &self.timelines {
            None => {
                let later = !bound.iter().any(|&life| self.intervals.can_precede(life, line));
                later && self.intervals.spanning(line).any(|life| !bound.contains(&life))
            }
            Some(timelines) => timelines.left_another(bound, line),
        }
    }

    /// Whether two streams, each bound to one of a set of lives, are certainly bound to one and the same.
    pub(super) fn are_one(&self, a: &[Life], b: &[Life]) -> bool {
        match &self.timelines {
            None => a == b && a.len() == 1,
            Some(timelines) => timelines.are_one(a, b),
        }
    }

    /// Notes what the end of a stream shows, for [`Lives::by_intervals`]; whether that is new.
    pub(super) fn heed_end(&self, lives: &[Life], stream: &Stream, end: LineNo, shown: &mut Shown) -> bool {
        self.intervals.heed_end(lives, stream, end, shown)
    }
}
