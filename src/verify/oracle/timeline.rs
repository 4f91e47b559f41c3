//! Every way in which the creates and closes of one name can have taken effect.
//!
//! An instant lies in a *gap*, between two lines; several instants in one gap have an order. Gap `g` is the time after
//! line `g` and before the next line that matters, so an instant in it is after line `n` iff `g >= n`.

use super::facts::{Facts, Fate, Life, NEVER, Span};
use std::collections::BTreeSet;

/// One life of a name, under one choice of instants.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Incarnation {
    /// The gap in which it was opened.
    pub opened: usize,
    /// The gap in which it was closed, or [`NEVER`].
    pub closed: usize,
    /// The close that did it.
    pub closer: Option<usize>,
    /// The gap in which the first close that returned `ok` took effect on it: closed it, or (or a later life of its
    /// name) found it closed.
    pub confirmed: usize,
    /// The labelled creates that opened it or found it open.
    pub lives: Vec<usize>,
}

/// The lives of one name, in order.
pub(super) type Timeline = Vec<Incarnation>;

impl Incarnation {
    fn open(gap: usize) -> Self {
        Incarnation { opened: gap, closed: NEVER, closer: None, confirmed: NEVER, lives: vec![] }
    }

    /// The system is one incarnation, open throughout.
    pub(super) fn system() -> Self {
        Self::open(0)
    }

    /// Whether it was open at an instant of the interval, and is the one that the label names.
    ///
    /// An instant strictly between `max(invoke, opened)` and `min(up, closed)` exists iff each of the first two is
    /// before each of the last two, since the order inside a gap has room between any two instants.
    pub(super) fn admits(&self, span: &Span, life: Life) -> bool {
        self.opened < span.up && self.closed >= span.invoke && self.bears(life)
    }

    /// Whether an operation of this label can belong to it.
    pub(super) fn bears(&self, life: Life) -> bool {
        life.is_none_or(|create| self.lives.contains(&create))
    }
}

#[derive(Clone, Copy)]
enum Act {
    Create(usize),
    Close(usize),
}

struct Operation<'f> {
    act: Act,
    span: &'f Span,
}

/// A choice for all instants up to some gap: which operations have taken effect, and what came of it.
type Partial = (u64, Timeline);

/// The lines between which one name's instants are told apart.
///
/// Nothing is lost by leaving out all others: every rule compares an instant only with the invoke, `up` or completion
/// of an operation on the same name, or with an `end` or `drained` line of one of its streams. And nothing is lost by
/// writing the instant of an opening (a closing) down as the last of those lines before it *that openings (closings)
/// are compared with*, once its order among the other instants has been chosen.
#[derive(Default)]
struct Marks {
    all: BTreeSet<usize>,
    opening: BTreeSet<usize>,
    closing: BTreeSet<usize>,
}

impl Marks {
    fn of(facts: &Facts<'_>, job: usize, operations: &[Operation<'_>]) -> Marks {
        let mut marks = Marks::default();
        let emits = facts.emits.iter().filter(|e| e.job == Some(job)).map(|e| (&e.span, e.span.fate == Fate::Unknown));
        let streams = facts.streams.iter().filter(|s| s.job == Some(job));
        for (span, late) in emits.chain(streams.clone().map(|s| (&s.span, false))) {
            marks.opening.extend([span.up, span.completion]);
            marks.opening.extend(late.then_some(span.invoke));
            marks.closing.insert(span.invoke);
        }
        for stream in streams {
            marks.opening.insert(stream.span.invoke);
            marks.closing.insert(stream.span.up);
            marks.closing.extend(stream.end().into_iter().chain(stream.drained));
        }
        marks.all.extend(marks.opening.iter().chain(&marks.closing));
        marks.all.extend(operations.iter().flat_map(|o| [o.span.invoke, o.span.up]));
        marks.all.remove(&NEVER);
        marks
    }

    fn last(of: &BTreeSet<usize>, gap: usize) -> usize {
        of.range(..=gap).next_back().copied().unwrap_or(0)
    }
}

/// Enumerates the timelines of a job, each once.
///
/// Gap by gap, every order of every selection of the operations that may take effect there is tried. An `ok`
/// operation must have taken effect when its `up` comes; an unknown one may wait for ever. Choices that have led to
/// the same lives and have the same operations left are one choice from there on.
pub(super) fn timelines(facts: &Facts<'_>, job: usize) -> Vec<Timeline> {
    let creates = facts.creates.iter().enumerate().filter(|(_, c)| c.job == job && !c.span.failed());
    let closes = facts.closes.iter().enumerate().filter(|(_, c)| c.job == job && !c.span.failed());
    let operations: Vec<Operation<'_>> = creates
        .map(|(i, c)| Operation { act: Act::Create(i), span: &c.span })
        .chain(closes.map(|(i, c)| Operation { act: Act::Close(i), span: &c.span }))
        .collect();
    assert!(operations.len() <= 64, "the oracle judges small histories: at most 64 creates and closes of one name");
    let marks = Marks::of(facts, job, &operations);
    let mut choices: BTreeSet<Partial> = BTreeSet::from([(0, vec![])]);
    for &gap in &marks.all {
        let due = marks.all.range(gap + 1..).next().copied().unwrap_or(NEVER);
        choices = within_gap(facts, &operations, &marks, gap, choices);
        choices.retain(|(taken, _)| {
            operations
                .iter()
                .enumerate()
                .all(|(i, o)| taken & 1 << i != 0 || o.span.fate != Fate::Ok || o.span.up > due)
        });
    }
    let distinct: BTreeSet<Timeline> = choices.into_iter().map(|(_, timeline)| timeline).collect();
    distinct.into_iter().collect()
}

/// All that can come of these choices when any further operations take effect, in any order, inside one gap.
fn within_gap(
    facts: &Facts<'_>,
    operations: &[Operation<'_>],
    marks: &Marks,
    gap: usize,
    choices: BTreeSet<Partial>,
) -> BTreeSet<Partial> {
    let mut frontier: Vec<Partial> = choices.iter().cloned().collect();
    let mut reached = choices;
    while let Some((taken, timeline)) = frontier.pop() {
        for (i, operation) in operations.iter().enumerate() {
            if taken & 1 << i != 0 || operation.span.invoke > gap || operation.span.up <= gap {
                continue;
            }
            let after = replay(facts, operation.act, &timeline, marks, gap);
            // An unknown operation that would change nothing may as well not have taken effect yet.
            if operation.span.fate == Fate::Unknown && after == timeline {
                continue;
            }
            let choice = (taken | 1 << i, after);
            if reached.insert(choice.clone()) {
                frontier.push(choice);
            }
        }
    }
    reached
}

/// One operation takes effect: a create on a closed job opens an incarnation, on an open one it finds it open; a close
/// on an open job closes it, on a closed one it changes nothing. A close with a label acts on that life alone.
fn replay(facts: &Facts<'_>, act: Act, timeline: &Timeline, marks: &Marks, gap: usize) -> Timeline {
    let mut timeline = timeline.clone();
    match act {
        Act::Create(create) => {
            if timeline.last().is_none_or(|life| life.closed != NEVER) {
                timeline.push(Incarnation::open(Marks::last(&marks.opening, gap)));
            }
            if let (true, Some(life)) = (facts.creates[create].labelled, timeline.last_mut()) {
                life.lives.push(create);
                life.lives.sort_unstable();
            }
        }
        Act::Close(index) => {
            let close = &facts.closes[index];
            let at = Marks::last(&marks.closing, gap);
            let target = match close.life {
                None => timeline.last_mut(),
                Some(_) => timeline.iter_mut().find(|life| life.bears(close.life)),
            };
            if let Some(life) = target {
                if life.closed == NEVER {
                    (life.closed, life.closer) = (at, Some(index));
                }
                if close.span.fate == Fate::Ok && life.confirmed == NEVER {
                    life.confirmed = at;
                }
            }
            // By its name a close that returned says of every earlier life too that it is over.
            if close.life.is_none() && close.span.fate == Fate::Ok {
                timeline.iter_mut().filter(|life| life.confirmed == NEVER).for_each(|life| life.confirmed = at);
            }
        }
    }
    timeline
}
