//! G6: whether the deliveries and markers of one stream account for every event of its incarnation.

use super::channel::Channel;
use super::facts::{Fate, NEVER, Position, Seen, Stream};
use super::order::Order;
use std::collections::BTreeSet;

/// What is owed to a stream after all that it delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tail {
    /// It ended: every event has come or was counted.
    Nothing,
    /// It was drained at this line: only events that can have taken effect after it may still be to come.
    After(usize),
    /// It was left or stopped: nothing is owed.
    Waived,
    /// It is open and was never drained.
    Unjudged,
}

/// What a stream was still owed in the end. From the invoke of an unsubscribe, and after it was stopped, no tail is
/// owed; an end or a drained line that came before that is judged.
pub(super) fn tail(stream: &Stream<'_>) -> Tail {
    let gone = stream.gone();
    match (stream.end(), stream.drained) {
        (Some(end), _) if end < gone => Tail::Nothing,
        (_, Some(drained)) if drained < gone => Tail::After(drained),
        _ if gone != NEVER => Tail::Waived,
        _ => Tail::Unjudged,
    }
}

/// The events of a stream's incarnation, under one choice.
pub(super) struct Choice<'o> {
    pub order: &'o Order,
    /// Events that under this choice may as well belong to another incarnation, or never have taken effect.
    pub elsewhere: &'o BTreeSet<usize>,
    pub way: Way,
}

/// How a stream began, under one choice.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way {
    /// It was opened when its incarnation had been closed.
    pub sealed: bool,
    /// It was opened before the event at which it resumes was accepted.
    pub early: bool,
}

/// An event of `U`: where it may be placed. Places are numbered in their order: 0 is before the start, `i + 1` is gap
/// `i`, and the last is after all.
struct Missing {
    emit: usize,
    /// The first and the last place that `P` leaves it beside the stream's deliveries.
    least: usize,
    most: usize,
    /// It need not have a place.
    nowhere: bool,
}

/// Whether every event of the incarnation that was not delivered on the stream can be given a place, so that the places
/// respect `P` and exactly as many events lie in each gap as its markers count (`docs/history.md`, "G6 in full").
pub(super) fn accounted(channel: &Channel<'_>, stream: usize, choice: &Choice<'_>) -> bool {
    let ledger = Ledger::of(channel, stream, choice);
    let span = &ledger.stream.span;
    if ledger.start == Start::Instant {
        (span.invoke..span.up).any(|instant| ledger.balances(instant))
    } else {
        ledger.balances(0)
    }
}

/// Which events may be placed before the start.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    /// `now`: as one instant of the subscribe allows.
    Instant,
    /// `start`: none.
    Nothing,
    /// A sealed stream: every event.
    Everything,
    /// Resumed at an event of the same incarnation: those that `P` does not put after it.
    NotAfter(usize),
    /// Resumed at anything else: those invoked before the subscribe returned; a head marker may carry any number.
    Foreign,
}

struct Ledger<'c> {
    channel: &'c Channel<'c>,
    stream: &'c Stream<'c>,
    order: &'c Order,
    start: Start,
    /// A resume position that is not of this incarnation: a head marker may carry any number.
    any_head: bool,
    tail: Tail,
    missing: Vec<Missing>,
    /// The markers of each gap: their lines and numbers.
    gaps: Vec<Vec<(usize, u64)>>,
}

impl<'c> Ledger<'c> {
    fn of(channel: &'c Channel<'c>, index: usize, choice: &'c Choice<'c>) -> Ledger<'c> {
        let stream = &channel.facts.streams[index];
        let delivered: Vec<usize> = channel.delivered[index].iter().map(|d| d.emit).collect();
        let order = choice.order;
        let missing = order.events.iter().copied().filter(|e| !delivered.contains(e)).map(|emit| {
            let least = delivered.iter().rposition(|d| order.puts(*d, emit)).map_or(0, |i| i + 2);
            let most = delivered.iter().position(|d| order.puts(emit, *d)).map_or(delivered.len() + 2, |i| i + 1);
            let unknown = channel.facts.emits[emit].span.fate == Fate::Unknown;
            Missing { emit, least, most, nowhere: unknown || choice.elsewhere.contains(&emit) }
        });
        let position = match stream.since {
            Position::Now => Start::Instant,
            Position::Start => Start::Nothing,
            Position::After(Some(r)) if order.events.contains(&r) && !choice.way.early => Start::NotAfter(r),
            Position::After(_) => Start::Foreign,
        };
        Ledger {
            channel,
            stream,
            order,
            start: if choice.way.sealed { Start::Everything } else { position },
            any_head: position == Start::Foreign,
            tail: tail(stream),
            missing: missing.collect(),
            gaps: gaps(channel, index),
        }
    }

    /// Whether places can be found, if the stream's own start was at this instant: in the gap after this line.
    fn balances(&self, instant: usize) -> bool {
        assert!(self.missing.len() <= 64, "the oracle judges small histories: at most 64 undelivered events");
        let optional: Vec<usize> = (0..self.missing.len()).filter(|i| self.missing[*i].nowhere).collect();
        // Every choice of events that have no place at all; then places from the first to the last.
        let mut choices: BTreeSet<u64> = BTreeSet::from([0]);
        for i in optional {
            choices.extend(choices.clone().into_iter().map(|placed| placed | 1 << i));
        }
        for place in 0..self.gaps.len() + 2 {
            let mut reached = BTreeSet::new();
            for placed in choices {
                self.fill(place, instant, placed, &mut reached);
            }
            choices = reached;
        }
        let all = if self.missing.len() == 64 { u64::MAX } else { (1 << self.missing.len()) - 1 };
        choices.contains(&all)
    }

    /// Every way to put further events into one place: each in its allowed range, none before one that `P` puts first.
    fn fill(&self, place: usize, instant: usize, placed: u64, reached: &mut BTreeSet<u64>) {
        let mut tried = BTreeSet::from([placed]);
        let mut frontier = vec![placed];
        while let Some(now) = frontier.pop() {
            if self.counted(place, now & !placed) {
                reached.insert(now);
            }
            if self.room(place).is_some_and(|room| u64::from((now & !placed).count_ones()) >= room) {
                continue;
            }
            for (i, missing) in self.missing.iter().enumerate() {
                let ready =
                    |(j, other): (usize, &Missing)| now & 1 << j != 0 || !self.order.puts(other.emit, missing.emit);
                let next = now | 1 << i;
                if next != now
                    && self.allows(place, instant, missing)
                    && self.missing.iter().enumerate().all(ready)
                    && tried.insert(next)
                {
                    frontier.push(next);
                }
            }
        }
    }

    /// Whether an event may be put into a place.
    fn allows(&self, place: usize, instant: usize, missing: &Missing) -> bool {
        let span = &self.channel.facts.emits[missing.emit].span;
        if place < missing.least || place > missing.most {
            return false;
        }
        if place == 0 {
            return match self.start {
                Start::Instant => span.invoke <= instant,
                Start::Nothing => false,
                Start::Everything => true,
                Start::NotAfter(r) => !self.order.puts(r, missing.emit),
                Start::Foreign => span.invoke < self.stream.span.ret(),
            };
        }
        let started = self.start != Start::Instant || instant < span.up;
        if place <= self.gaps.len() {
            return started && self.gaps[place - 1].last().is_some_and(|(line, _)| span.invoke < *line);
        }
        started
            && match self.tail {
                Tail::Nothing => false,
                Tail::After(drained) => span.up >= drained,
                Tail::Waived | Tail::Unjudged => true,
            }
    }

    /// How many events a place has to hold; `None` for any number.
    fn room(&self, place: usize) -> Option<u64> {
        if place == 0 || place > self.gaps.len() || (place == 1 && self.any_head) {
            return None;
        }
        Some(self.gaps[place - 1].iter().fold(0u64, |sum, (_, n)| sum.saturating_add(*n)))
    }

    /// Whether exactly these events can lie in a place: in a gap there are as many of them as the markers count, and
    /// each was invoked before a marker that counts it. Before the start and after all there may be any number.
    fn counted(&self, place: usize, events: u64) -> bool {
        let Some(room) = self.room(place) else { return true };
        if room != u64::from(events.count_ones()) {
            return false;
        }
        let markers = &self.gaps[place - 1];
        let units = markers.iter().flat_map(|(line, n)| (0..*n).map(move |_| *line));
        let here = (0..self.missing.len()).filter(|i| events & 1 << i != 0);
        let mut invokes: Vec<usize> =
            here.map(|i| self.channel.facts.emits[self.missing[i].emit].span.invoke).collect();
        invokes.sort_unstable();
        invokes.into_iter().zip(units).all(|(invoke, marker)| invoke < marker)
    }
}

/// The markers before the first lawful delivery of a stream, between neighbours, and after the last.
fn gaps(channel: &Channel<'_>, stream: usize) -> Vec<Vec<(usize, u64)>> {
    let deliveries = &channel.delivered[stream];
    let mut gaps = vec![vec![]; deliveries.len() + 1];
    for receive in &channel.facts.streams[stream].receives {
        if let Seen::Lagged(n) = receive.what {
            gaps[deliveries.iter().filter(|d| d.line < receive.line).count()].push((receive.line, n));
        }
    }
    gaps
}
