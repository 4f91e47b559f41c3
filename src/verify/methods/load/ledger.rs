//! What one stream must have heard, given what its job accepted: a pure function, and an exact one.
//!
//! The server tells an emitter the position of each event that it accepts, so that once all is over the order of the
//! whole job is known, whoever emitted. A stream's deliveries and lag markers are walked along it: position by position
//! each event was delivered, or counted by a marker that stands where it would have stood.

use crate::narration::Outcome;
use serde::{Deserialize, Serialize};
use std::ops::AddAssign;

/// What one job accepted, and how it was closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Accepted {
    /// Of each emitter, in its order, the position that it was told; `None` for an event that was refused.
    pub(super) positions: Vec<Vec<Option<u64>>>,
    /// The outcome that was given at the close.
    pub(super) outcome: Outcome,
}

impl Accepted {
    /// How many, the creation included.
    pub(super) fn total(&self) -> u64 {
        1 + self.positions.iter().flatten().flatten().count() as u64
    }

    fn position(&self, Mark { source, sequence }: Mark) -> Option<u64> {
        *self.positions.get(usize::from(source))?.get(usize::try_from(sequence).ok()?)?
    }
}

/// Which event of its job: the emitter's number, and its event's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) source: u16,
    pub(super) sequence: u32,
}

/// What a stream heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// The creation of its own job, which the service narrates as its first event.
    Created,
    /// An event of its own job, byte for byte.
    Event(Mark),
    /// An event with the token of its own job, and other bytes than were emitted.
    Altered(Mark),
    /// Anything else that is narrated.
    Foreign,
    /// So many were counted as lost.
    Lagged(u64),
    /// An end.
    Done(Outcome),
    /// A stop, or a kind of message that no stream has.
    Unknown,
    /// The body ended in good order.
    Over,
    /// The connection broke.
    BrokenOff,
}

/// What became of the events that some streams were owed, and what else came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Account {
    /// Streams.
    pub streams: u64,
    /// Events that came, each for the first time, where it belongs.
    pub delivered: u64,
    /// Events that were counted as lost, by their exact number and at their place.
    pub lagged: u64,
    /// Events of another job, of none, of another run; or that were refused to their emitter.
    pub foreign: u64,
    /// Events of the stream's own job, with other bytes than were emitted.
    pub altered: u64,
    /// Events that neither came nor were counted.
    pub missing: u64,
    /// Events that came again.
    pub repeated: u64,
    /// Events that came behind a later one, or behind a marker that had counted them as lost.
    pub misplaced: u64,
    /// Events that a marker counted beyond what the job accepted.
    pub overcounted: u64,
    /// Streams that had exactly one end, last of all, with the outcome that was given at the close.
    pub true_ends: u64,
    /// Ends that were false, repeated or missing, and whatever came after one.
    pub false_ends: u64,
    /// Messages of a kind that these streams cannot have.
    pub unknown: u64,
    /// Streams whose connection broke.
    pub broken_off: u64,
}

impl Account {
    /// How much of this breaks a promise. Counted loss does not.
    pub fn breaches(&self) -> u64 {
        let Account { foreign, altered, missing, repeated, misplaced, overcounted, false_ends, unknown, .. } = *self;
        foreign + altered + missing + repeated + misplaced + overcounted + false_ends + unknown + self.broken_off
    }
}

impl AddAssign for Account {
    fn add_assign(&mut self, more: Account) {
        let sums = [
            (&mut self.streams, more.streams),
            (&mut self.delivered, more.delivered),
            (&mut self.lagged, more.lagged),
            (&mut self.foreign, more.foreign),
            (&mut self.altered, more.altered),
            (&mut self.missing, more.missing),
            (&mut self.repeated, more.repeated),
            (&mut self.misplaced, more.misplaced),
            (&mut self.overcounted, more.overcounted),
            (&mut self.true_ends, more.true_ends),
            (&mut self.false_ends, more.false_ends),
            (&mut self.unknown, more.unknown),
            (&mut self.broken_off, more.broken_off),
        ];
        sums.into_iter().for_each(|(sum, more)| *sum += more);
    }
}

/// One stream, as it is walked.
struct Walk {
    account: Account,
    /// The position that comes next.
    next: u64,
    came: Vec<bool>,
}

impl Walk {
    fn place(&mut self, position: u64) {
        let at = usize::try_from(position).unwrap_or(usize::MAX);
        if at >= self.came.len() {
            self.came.resize(at + 1, false);
        }
        if std::mem::replace(&mut self.came[at], true) {
            self.account.repeated += 1;
        } else if position < self.next {
            self.account.misplaced += 1;
        } else {
            self.account.missing += position - self.next;
            self.account.delivered += 1;
            self.next = position + 1;
        }
    }

    /// All that was owed should have come.
    fn tail(&mut self, total: u64) {
        self.account.missing += total.saturating_sub(self.next);
        self.account.overcounted += self.next.saturating_sub(total);
    }
}

/// What one stream heard, beside what its job accepted.
pub(super) fn judge(accepted: &Accepted, heard: &[Heard]) -> Account {
    let mut walk = Walk { account: Account { streams: 1, ..Account::default() }, next: 0, came: Vec::new() };
    let (mut ends, mut true_ends, mut after_the_end) = (0_u64, 0_u64, 0_u64);
    let mut broken = false;
    for heard in heard {
        if ends > 0 && !matches!(heard, Heard::Over | Heard::BrokenOff | Heard::Done(_)) {
            after_the_end += 1;
        }
        match *heard {
            Heard::Created => walk.place(0),
            Heard::Altered(mark) | Heard::Event(mark) => {
                walk.account.altered += u64::from(matches!(heard, Heard::Altered(_)));
                match accepted.position(mark) {
                    Some(position) => walk.place(position),
                    None => walk.account.foreign += 1,
                }
            }
            Heard::Foreign => walk.account.foreign += 1,
            Heard::Lagged(lost) => {
                walk.next = walk.next.saturating_add(lost);
                walk.account.lagged += lost;
            }
            Heard::Done(outcome) => {
                if ends == 0 {
                    walk.tail(accepted.total());
                }
                ends += 1;
                true_ends += u64::from(outcome == accepted.outcome);
            }
            Heard::Unknown => walk.account.unknown += 1,
            Heard::Over => {}
            Heard::BrokenOff => broken = true,
        }
    }
    let is_true = (ends, true_ends, after_the_end, broken) == (1, 1, 0, false);
    let mut account = walk.account;
    account.true_ends = u64::from(is_true);
    account.broken_off = u64::from(broken);
    // Of a stream that broke off, the rest is unknown, and so is its end.
    let missing_end = u64::from(ends == 0 && !broken);
    account.false_ends = (ends - true_ends) + true_ends.saturating_sub(1) + after_the_end + missing_end;
    if missing_end == 1 {
        account.missing += accepted.total().saturating_sub(walk.next);
    }
    account
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two emitters in turns, behind the creation at 0: positions 1, 3, 5 and 2, 4, 6; one of the second was refused.
    fn accepted() -> Accepted {
        let positions = vec![vec![Some(1), Some(3), Some(5)], vec![Some(2), Some(4), None, Some(6)]];
        Accepted { positions, outcome: Outcome::Failed }
    }

    fn event(source: u16, sequence: u32) -> Heard {
        Heard::Event(Mark { source, sequence })
    }

    fn whole() -> Vec<Heard> {
        let events = [(0, 0), (1, 0), (0, 1), (1, 1), (0, 2), (1, 3)];
        let events = events.into_iter().map(|(source, sequence)| event(source, sequence));
        [Heard::Created].into_iter().chain(events).chain([Heard::Done(Outcome::Failed), Heard::Over]).collect()
    }

    /// Of the whole stream, with these items in the place of some.
    fn with(range: std::ops::Range<usize>, items: &[Heard]) -> Account {
        let mut heard = whole();
        heard.splice(range, items.iter().copied());
        judge(&accepted(), &heard)
    }

    #[test]
    fn a_whole_stream_and_one_that_counts_its_losses_break_nothing() {
        let fine = Account { streams: 1, delivered: 7, true_ends: 1, ..Account::default() };
        assert_eq!(with(0..0, &[]), fine);
        for (range, lost) in [(0..2, 2), (3..4, 1), (2..6, 4), (5..7, 2), (0..7, 7)] {
            let counted = with(range.clone(), &[Heard::Lagged(lost)]);
            assert_eq!(counted, Account { delivered: 7 - lost, lagged: lost, ..fine }, "{range:?}");
            assert_eq!(counted.breaches(), 0);
        }
    }

    #[test]
    fn each_breach_is_counted_as_what_it_is() {
        let fine = Account { streams: 1, delivered: 7, true_ends: 1, ..Account::default() };
        let no_end = Account { true_ends: 0, false_ends: 1, ..fine };
        let mark = Mark { source: 0, sequence: 1 };
        for (what, found, expected) in [
            ("dropped", with(3..4, &[]), Account { delivered: 6, missing: 1, ..fine }),
            ("the last dropped", with(6..7, &[]), Account { delivered: 6, missing: 1, ..fine }),
            ("repeated", with(4..4, &[event(0, 1)]), Account { repeated: 1, ..fine }),
            (
                "swapped",
                with(3..5, &[event(1, 1), event(0, 1)]),
                Account { delivered: 6, missing: 1, misplaced: 1, ..fine },
            ),
            ("foreign", with(3..4, &[Heard::Foreign]), Account { delivered: 6, missing: 1, foreign: 1, ..fine }),
            ("refused", with(3..3, &[event(1, 2)]), Account { foreign: 1, ..fine }),
            ("never emitted", with(3..3, &[event(2, 0)]), Account { foreign: 1, ..fine }),
            ("altered", with(3..4, &[Heard::Altered(mark)]), Account { altered: 1, ..fine }),
            (
                "one too few counted",
                with(2..5, &[Heard::Lagged(2)]),
                Account { delivered: 4, lagged: 2, missing: 1, ..fine },
            ),
            (
                "one too many counted",
                with(2..4, &[Heard::Lagged(3)]),
                Account { delivered: 4, lagged: 3, misplaced: 1, ..fine },
            ),
            (
                "too many at the tail",
                with(6..7, &[Heard::Lagged(2)]),
                Account { delivered: 6, lagged: 2, overcounted: 1, ..fine },
            ),
            ("no end", with(7..8, &[]), no_end),
            ("two ends", with(8..8, &[Heard::Done(Outcome::Failed)]), no_end),
            ("another outcome", with(7..8, &[Heard::Done(Outcome::Completed)]), no_end),
            ("a forged end, then the true one", with(7..7, &[Heard::Done(Outcome::Completed)]), no_end),
            ("more after the end", with(8..8, &[event(1, 3)]), Account { repeated: 1, ..no_end }),
            ("a stop", with(7..8, &[Heard::Unknown]), Account { unknown: 1, ..no_end }),
            (
                "broken off",
                with(5..9, &[Heard::BrokenOff]),
                Account { delivered: 5, true_ends: 0, broken_off: 1, ..fine },
            ),
        ] {
            assert_eq!(found, expected, "{what}");
            assert!(found.breaches() > 0, "{what}");
        }
    }
}
