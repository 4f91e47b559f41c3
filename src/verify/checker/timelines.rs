//! Timelines: every way in which the creates and closes of one name can have taken effect, tried.
//!
//! A sweep goes through the slots at which an answer can change. In each, every operation that may take effect there
//! does so or waits, in every order; what was done in two ways with the same outcome is one state from there on. An
//! `ok` operation must have taken effect when its return comes, an unknown one may wait for ever. What the states have
//! become at the end are the timelines.
//!
//! An opening is written down as the last line before it that openings are ever compared with, and a closing likewise:
//! so instants between which nobody can tell are one. The number of steps is bounded; a name that would take more is
//! judged by its intervals.

use super::incarnation::{Closing, Handle, Life};
use super::record::{Fate, Job, LineNo, NEVER, Span, Via};
use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

/// How many creates and closes a name may have: one bit each.
const MOST_ACTS: usize = 64;

/// One incarnation of one timeline.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Incarnation {
    opened: LineNo,
    /// [`NEVER`] if it was not.
    closed: LineNo,
    /// The close that did it, as an index into [`Timelines::closes`].
    closer: Option<u32>,
    /// When the first close that returned `ok` found it (or, by its name, a later life) closed or closed it.
    confirmed: LineNo,
    /// The labelled creates that opened it or found it open, one bit each.
    bearers: u64,
}

impl Incarnation {
    fn bears(&self, via: Handle) -> bool {
        match via {
            Handle::Name => true,
            Handle::Life(create) => self.bearers & 1 << create != 0,
            Handle::Nothing => false,
        }
    }

    fn holds(&self, invoke: LineNo, up: LineNo, via: Handle) -> bool {
        self.opened < up && invoke <= self.closed && self.bears(via)
    }
}

/// All timelines of one name, their incarnations in one list: the place in it is the [`Life`].
#[derive(Debug)]
pub(super) struct Timelines {
    lives: Vec<Incarnation>,
    /// The incarnations of each timeline.
    ranges: Vec<Range<Life>>,
    /// The timeline of each incarnation.
    timeline: Vec<u32>,
    creates: Vec<Span>,
    closes: Vec<Closing>,
}

impl Timelines {
    /// Whether some create or close of a name that was created more than once overlaps something else of it.
    pub(super) fn are_needed(job: &Job) -> bool {
        let creates = job.creates.iter().map(|create| &create.span).filter(|span| !span.failed());
        let closes = job.closes.iter().map(|close| &close.span).filter(|span| !span.failed());
        if job.is_system() || creates.clone().nth(1).is_none() || job.creates.len() + job.closes.len() > MOST_ACTS {
            return false;
        }
        let others = || uses(job).map(|(span, _)| span).chain(creates.clone()).chain(closes.clone());
        creates.clone().chain(closes.clone()).any(|act| {
            let meets = |other: &&Span| act.invoke < other.ret() && other.invoke < act.ret();
            others().filter(meets).nth(1).is_some()
        })
    }

    /// Tries the instants; none if that takes more than so many steps.
    pub(super) fn of(job: &Job, handle: impl Fn(Via) -> Handle, steps: &mut usize) -> Option<Self> {
        let closes = job.closes.iter().enumerate().filter(|(_, close)| !close.span.failed());
        let closes: Vec<Closing> =
            closes.map(|(index, close)| Closing { span: close.span, via: handle(close.via), index }).collect();
        let found = Sweep::of(job, &closes).run(steps)?;
        let mut timelines = Timelines {
            lives: Vec::new(),
            ranges: Vec::new(),
            timeline: Vec::new(),
            creates: job.creates.iter().map(|create| create.span).filter(|span| !span.failed()).collect(),
            closes,
        };
        let things = job.events.len() + job.streams.len();
        let choices: usize = found.iter().map(Vec::len).sum();
        *steps = steps.checked_sub(choices.saturating_mul(things))?;
        timelines.fill(found);
        timelines.heed_use(job);
        timelines.heed_ends(job, handle);
        Some(timelines)
    }

    fn fill(&mut self, timelines: impl IntoIterator<Item = Vec<Incarnation>>) {
        (self.lives, self.ranges, self.timeline) = (Vec::new(), Vec::new(), Vec::new());
        for (number, lives) in timelines.into_iter().enumerate() {
            let from = self.lives.len() as Life;
            self.lives.extend(lives);
            self.ranges.push(from..self.lives.len() as Life);
            self.timeline.resize(self.lives.len(), number as u32);
        }
    }

    /// Keeps these timelines, unless none is among them.
    fn retain(&mut self, keeps: impl Fn(&Self, &Range<Life>) -> bool) {
        let kept: Vec<&Range<Life>> = self.ranges.iter().filter(|range| keeps(self, range)).collect();
        if !kept.is_empty() && kept.len() < self.ranges.len() {
            let kept: Vec<_> =
                kept.into_iter().map(|r| self.lives[r.start as usize..r.end as usize].to_vec()).collect();
            self.fill(kept);
        }
    }

    /// An accepted emit or subscribe shows that some create took effect before it returned: the first life was open.
    fn heed_use(&mut self, job: &Job) {
        let first = self.creates.iter().map(|span| span.invoke).min().unwrap_or(NEVER);
        let shown = uses(job).map(|(span, _)| span.ret()).filter(|&ret| ret != NEVER && ret > first).min();
        if let Some(shown) = shown {
            self.retain(|all, range| !range.is_empty() && all.lives[range.start as usize].opened < shown);
        }
    }

    /// An end shows that a life to which its stream can belong was closed: earlier ends are heard first.
    fn heed_ends(&mut self, job: &Job, handle: impl Fn(Via) -> Handle) {
        let mut ends: Vec<(LineNo, usize)> =
            job.streams.iter().zip(0..).filter_map(|(stream, at)| Some((stream.ended?, at))).collect();
        ends.sort_unstable();
        for (end, at) in ends.into_iter().filter(|&(_, at)| !job.streams[at].span.failed()) {
            let (span, via) = (&job.streams[at].span, handle(job.streams[at].via));
            self.retain(|all, range| {
                let closed = |life: &Life| all.lives[*life as usize].closed < end;
                range.clone().filter(closed).any(|life| {
                    all.lives[life as usize].holds(span.invoke, span.up(), via)
                        || all.is_sealed(life, span.invoke, span.up(), via)
                })
            });
        }
    }

    // --- what falls where ---

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.ranges.len()
    }

    /// The timeline of a life, and which of its incarnations it is.
    pub(super) fn place(&self, life: Life) -> (usize, u32) {
        let timeline = self.timeline[life as usize] as usize;
        (timeline, life - self.ranges[timeline].start)
    }

    pub(super) fn holding(&self, invoke: LineNo, up: LineNo, via: Handle, found: &mut Vec<Life>) {
        found.extend((0..).zip(&self.lives).filter(|(_, life)| life.holds(invoke, up, via)).map(|(at, _)| at));
    }

    pub(super) fn is_sealed(&self, life: Life, invoke: LineNo, up: LineNo, via: Handle) -> bool {
        let incarnation = &self.lives[life as usize];
        let next = life + 1;
        let last = || {
            let same = self.ranges[self.timeline[life as usize] as usize].contains(&next);
            !same || self.lives[next as usize].opened >= invoke
        };
        incarnation.closed < up && incarnation.bears(via) && (via != Handle::Name || last())
    }

    pub(super) fn sealed(&self, invoke: LineNo, up: LineNo, via: Handle) -> Vec<Life> {
        (0..self.lives.len() as Life).filter(|&life| self.is_sealed(life, invoke, up, via)).collect()
    }

    /// The close that closed this life, if that was before a line.
    pub(super) fn closer(&self, life: Life, before: LineNo) -> Option<&Closing> {
        let life = &self.lives[life as usize];
        life.closer.filter(|_| life.closed < before).map(|close| &self.closes[close as usize])
    }

    /// Whether a close that returned `ok` took effect on this life before a line; if so, one that can have.
    pub(super) fn over(&self, life: Life, before: LineNo) -> Option<&Closing> {
        let life = &self.lives[life as usize];
        let fits = |close: &&Closing| close.span.ok() && close.span.invoke < before && close.span.end > life.opened;
        self.closes.iter().filter(|_| life.confirmed < before).find(fits)
    }

    /// See [`Lives::certainly_open`](super::incarnation::Lives::certainly_open), through the handle of a create. Labels
    /// that can meet in one life are labels of one life.
    pub(super) fn certainly_open(&self, invoke: LineNo, end: LineNo, create: u32) -> Option<Span> {
        let span = self.creates[create as usize];
        let meet = |other: u32| {
            self.lives.iter().any(|life| life.bears(Handle::Life(create)) && life.bears(Handle::Life(other)))
        };
        let closed = self.closes.iter().any(|close| {
            let counts = match close.via {
                Handle::Name => true,
                Handle::Life(other) => meet(other),
                Handle::Nothing => false,
            };
            counts && close.span.ret() >= span.invoke && close.span.invoke <= end
        });
        (span.ret() < invoke && !closed).then_some(span)
    }

    /// See [`Lives::are_one`](super::incarnation::Lives::are_one): in each timeline that has room for both.
    pub(super) fn are_one(&self, a: &[Life], b: &[Life]) -> bool {
        let room = |set: &[Life]| -> BTreeMap<usize, u64> {
            set.iter().fold(BTreeMap::new(), |mut room, &life| {
                let (timeline, incarnation) = self.place(life);
                *room.entry(timeline).or_default() |= 1 << incarnation;
                room
            })
        };
        let (a, b) = (room(a), room(b));
        let mut both = a.iter().filter_map(|(timeline, own)| Some((own, b.get(timeline)?))).peekable();
        both.peek().is_some() && both.all(|(own, other)| own == other && own.count_ones() == 1)
    }

    pub(super) fn left_another(&self, bound: &[Life], line: LineNo) -> bool {
        let was_open = |life: &Incarnation| life.opened < line && line <= life.closed;
        let earlier = |&life: &Life| {
            let from = self.ranges[self.timeline[life as usize] as usize].start;
            self.lives[from as usize..life as usize].iter().any(was_open)
        };
        bound.iter().all(|&life| self.lives[life as usize].opened >= line) && bound.iter().any(earlier)
    }
}

/// The emits and subscribes of a name that did not fail, and whether they may take effect late.
fn uses(job: &Job) -> impl Iterator<Item = (&Span, bool)> {
    let unknown = |span: &Span| matches!(span.fate, Fate::Open | Fate::Info);
    let emits = job.events.iter().map(move |event| (&event.span, unknown(&event.span)));
    emits.chain(job.streams.iter().map(|stream| (&stream.span, false))).filter(|(span, _)| !span.failed())
}

/// A create or a close, by its index among those that did not fail.
#[derive(Debug, Clone, Copy)]
enum Act {
    Create { labelled: Option<u32> },
    Close(u32),
}

/// What has taken effect up to some slot, one bit each, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    done: u64,
    lives: Vec<Incarnation>,
}

struct Sweep<'a> {
    acts: Vec<(Act, Span)>,
    closes: &'a [Closing],
    slots: Vec<LineNo>,
    /// The lines with which openings, and with which closings, are compared.
    opening: Vec<LineNo>,
    closing: Vec<LineNo>,
}

impl<'a> Sweep<'a> {
    fn of(job: &Job, closes: &'a [Closing]) -> Self {
        let creates = job.creates.iter().filter(|create| !create.span.failed());
        let mut acts: Vec<(Act, Span)> = (0..)
            .zip(creates)
            .map(|(at, create)| (Act::Create { labelled: create.life.is_some().then_some(at) }, create.span))
            .collect();
        acts.extend((0..).zip(closes).map(|(at, close)| (Act::Close(at), close.span)));
        let (mut opening, mut closing) = (Vec::new(), Vec::new());
        for (span, late) in uses(job) {
            opening.extend([span.up(), span.end]);
            opening.extend(late.then_some(span.invoke));
            closing.push(span.invoke);
        }
        for stream in &job.streams {
            opening.push(stream.span.invoke);
            closing.push(stream.span.up());
            closing.extend(stream.ended.into_iter().chain(stream.drained));
        }
        let covered = |line: &LineNo| acts.iter().any(|(_, span)| (span.invoke..span.ret()).contains(line));
        let mut slots: Vec<LineNo> = opening.iter().chain(&closing).copied().filter(covered).collect();
        slots.extend(acts.iter().flat_map(|(_, span)| [span.invoke, span.ret()]));
        for lines in [&mut opening, &mut closing, &mut slots] {
            lines.retain(|&line| line != NEVER);
            lines.sort_unstable();
            lines.dedup();
        }
        Sweep { acts, closes, slots, opening, closing }
    }

    /// The timelines, each once and in a fixed order.
    fn run(&self, steps: &mut usize) -> Option<Vec<Vec<Incarnation>>> {
        let mut states = HashSet::from([State { done: 0, lives: Vec::new() }]);
        for (at, &slot) in self.slots.iter().enumerate() {
            let due = self.slots.get(at + 1).copied().unwrap_or(NEVER);
            states = self.within(slot, states, steps)?;
            states.retain(|state| {
                let late = |(_, (_, span)): &(usize, &(Act, Span))| span.ok() && span.ret() <= due;
                self.acts.iter().enumerate().filter(late).all(|(act, _)| state.done & 1 << act != 0)
            });
        }
        let mut timelines: Vec<Vec<Incarnation>> = states.into_iter().map(|state| state.lives).collect();
        timelines.sort_unstable();
        timelines.dedup();
        Some(timelines)
    }

    /// All that can come of these states when any further acts take effect in one slot, in any order.
    fn within(&self, slot: LineNo, states: HashSet<State>, steps: &mut usize) -> Option<HashSet<State>> {
        let ready = |(_, (_, span)): &(usize, &(Act, Span))| span.invoke <= slot && slot < span.ret();
        let ready: Vec<(usize, &(Act, Span))> = self.acts.iter().enumerate().filter(ready).collect();
        let mut open: Vec<State> = states.iter().cloned().collect();
        let mut reached = states;
        while let Some(state) = open.pop() {
            *steps = steps.checked_sub(1 + ready.len())?;
            for &(bit, (act, span)) in ready.iter().filter(|(bit, _)| state.done & 1 << bit == 0) {
                let lives = self.after(*act, &state.lives, slot);
                // An unknown act that changes nothing may as well wait.
                if span.ok() || lives != state.lives {
                    let next = State { done: state.done | 1 << bit, lives };
                    if !reached.contains(&next) {
                        reached.insert(next.clone());
                        open.push(next);
                    }
                }
            }
        }
        Some(reached)
    }

    /// A create on a closed job opens a life and finds an open one open; a close closes an open life, and changes
    /// nothing on a closed one. Through a handle it acts on that life alone.
    fn after(&self, act: Act, lives: &[Incarnation], slot: LineNo) -> Vec<Incarnation> {
        let last = |lines: &[LineNo]| match lines.partition_point(|&line| line <= slot) {
            0 => 0,
            at => lines[at - 1],
        };
        let mut lives = lives.to_vec();
        match act {
            Act::Create { labelled } => {
                if lives.last().is_none_or(|life| life.closed != NEVER) {
                    let opened = last(&self.opening);
                    lives.push(Incarnation { opened, closed: NEVER, closer: None, confirmed: NEVER, bearers: 0 });
                }
                if let (Some(create), Some(life)) = (labelled, lives.last_mut()) {
                    life.bearers |= 1 << create;
                }
            }
            Act::Close(index) => {
                let Closing { span, via, .. } = self.closes[index as usize];
                let at = last(&self.closing);
                let target = match via {
                    Handle::Name => lives.len().checked_sub(1),
                    _ => lives.iter().position(|life| life.bears(via)),
                };
                if let Some(life) = target.map(|target| &mut lives[target])
                    && life.closed == NEVER
                {
                    (life.closed, life.closer) = (at, Some(index));
                }
                // By its name, a close that returned says of every earlier life too that it is over.
                let told = match via {
                    Handle::Name => 0..lives.len(),
                    _ => target.map_or(0..0, |target| target..target + 1),
                };
                for life in lives[told].iter_mut().filter(|life| span.ok() && life.confirmed == NEVER) {
                    life.confirmed = at;
                }
            }
        }
        lives
    }
}
