//! The guarantees, one function each: `true` says that it is broken. Each looks at one channel, except where a name's
//! openness alone is asked for.

use super::super::history::Outcome;
use super::channel::{Bundle, Channel, Stance, Thing, Whole};
use super::facts::{Facts, Fate, Life, Seen, Span, Stream};
use super::loss::{self, Choice, Tail, Way};
use super::order::Order;
use super::timeline::Incarnation;
use std::collections::BTreeSet;

/// G1. A delivered event was never emitted in this history, or its invoke line comes after the delivery; or it was
/// emitted to another job; or the delivery ties together streams and events that can share no incarnation; or carries
/// another digest than its emit, where both have one; or stands on a stream whose subscribe failed, or that is bound to
/// no incarnation. What breaks G3 does not break G1 as well.
pub(super) fn confinement(channel: &Channel<'_>) -> bool {
    channel.faults.iter().any(|faults| faults.unconfined)
}

/// G2. An `ok` emit to a job that can belong to no incarnation; or a refused emit that is delivered anywhere.
pub(super) fn no_fallback(channel: &Channel<'_>) -> bool {
    let accepted = |emit: usize| channel.facts.emits[emit].span.fate == Fate::Ok;
    // Judged by its own interval alone: what it was delivered on is G1's affair.
    let homeless = |emit: usize| {
        let emit = &channel.facts.emits[emit];
        !channel.timelines.iter().flatten().any(|life| life.admits(&emit.span, emit.life))
    };
    let stray = channel.job.is_some() && channel.emits().any(|emit| accepted(emit) && homeless(emit));
    stray || channel.faults.iter().any(|faults| faults.refused)
}

/// G3. A system event on a job's stream, or a job's event on the system stream.
pub(super) fn system_separation(channel: &Channel<'_>) -> bool {
    channel.faults.iter().any(|faults| faults.crossed)
}

/// G4. A refused emit or subscribe, with a reason other than `limit` or `forbidden` (or with none), on a job that was
/// certainly open throughout its whole interval; with a label, on one whose labelled life was. The system is always
/// open.
pub(super) fn open_before_emit(channel: &Channel<'_>) -> bool {
    let facts = channel.facts;
    let emits = channel.emits().map(|emit| (&facts.emits[emit].span, facts.emits[emit].life));
    let streams = channel.streams().map(|stream| (&facts.streams[stream].span, facts.streams[stream].life));
    emits.chain(streams).any(|(span, life)| {
        let open = channel.job.is_none_or(|job| certainly_open(channel, job, life, span));
        span.failed() && !span.excused && open
    })
}

/// A job is certainly open throughout an interval if there is an `ok` create `c` with `ret(c)` before it, and every
/// close that is not a `fail` returned `ok` before `inv(c)` or began after the interval. For a labelled operation `c`
/// is the create of that label, and closes that carry the label of another life do not count; labels of two creates
/// that can have opened and found open the same incarnation are labels of one life.
pub(super) fn certainly_open(channel: &Channel<'_>, job: usize, life: Life, span: &Span) -> bool {
    let facts = channel.facts;
    let one_life = |a: usize, b: usize| {
        let both = |incarnation: &Incarnation| incarnation.bears(Some(a)) && incarnation.bears(Some(b));
        channel.timelines.iter().flatten().any(both)
    };
    facts.creates.iter().enumerate().any(|(index, create)| {
        let fits = create.job == job && create.span.ret() < span.invoke && life.is_none_or(|life| life == index);
        let mut closes = facts.closes.iter().filter(|close| {
            let another = life.is_some() && close.life.is_some_and(|other| !one_life(index, other));
            close.job == job && !close.span.failed() && !another
        });
        fits && closes.all(|close| close.span.ret() < create.span.invoke || close.span.invoke > span.completion)
    })
}

/// G5. An event comes twice on one stream; or, for one incarnation, each emitter's accepted events in their order and
/// the order of deliveries of every stream have a cycle together, under every choice for what is tied to a delivery.
pub(super) fn one_order(channel: &Channel<'_>) -> bool {
    let whole = channel.whole();
    let cyclic = |bundle: &Bundle| {
        // What may be elsewhere can only add to a cycle.
        !companies(channel, &whole, bundle).iter().any(|company| !company.order(channel, &[]).has_cycle())
    };
    let mut tied = channel.bundles.iter().filter(|bundle| bundle.things.len() > 1);
    channel.faults.iter().any(|faults| faults.repeated) || tied.any(cyclic)
}

/// G6. A stream that is bound to an incarnation and whose subscribe returned `ok` has deliveries and markers that do
/// not account for every event of its incarnation, under any choice.
pub(super) fn counted_loss(channel: &Channel<'_>) -> bool {
    let whole = channel.whole();
    channel.streams().filter(|stream| owes(channel, *stream)).any(|stream| !accounted(channel, &whole, stream))
}

/// The streams that G6 judges.
fn owes(channel: &Channel<'_>, stream: usize) -> bool {
    channel.facts.streams[stream].span.fate == Fate::Ok && channel.bundle(Thing::Stream(stream)).can_belong()
}

/// Whether some choice explains what a stream delivered and what it did not.
///
/// Where everything that can join an incarnation leaves a cycle in its order, G5 is broken and the emitters' orders
/// and the stream's own remain; where some has none, the others are no explanations.
fn accounted(channel: &Channel<'_>, whole: &Whole, stream: usize) -> bool {
    let bundle = channel.bundle(Thing::Stream(stream));
    companies(channel, whole, bundle).iter().any(|company| {
        let ways = company.ways(channel, stream);
        let mut cyclic = Vec::new();
        let mut ordered = false;
        for (joined, elsewhere) in company.joinings(channel, stream) {
            let order = company.order(channel, &joined);
            if order.has_cycle() {
                cyclic.push((order.events, elsewhere));
                continue;
            }
            ordered = true;
            let explains = |way: &Way| {
                loss::accounted(channel, stream, &Choice { order: &order, elsewhere: &elsewhere, way: *way })
            };
            if ways.iter().any(explains) {
                return true;
            }
        }
        !ordered
            && cyclic.iter().any(|(events, elsewhere)| {
                let order = Order::of_one_stream(channel, events, stream);
                ways.iter().any(|way| loss::accounted(channel, stream, &Choice { order: &order, elsewhere, way: *way }))
            })
    })
}

/// Under one choice of a timeline and of a bundle's incarnation: what else belongs to that incarnation, as indices of
/// bundles. Timelines that come to the same company are the same explanation for orders and losses.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Company {
    /// Those that can belong to no other incarnation, and the bundle itself.
    certain: Vec<usize>,
    /// Those that may as well belong to another one, or (an unknown emit that was not delivered) may never have taken
    /// effect.
    open: Vec<usize>,
    /// How each stream of the bundle can have met this incarnation.
    stances: Vec<(usize, Stance)>,
}

/// Every company of a bundle, under the timelines that are whole choices (under all of its own, if none of those has a
/// place for it).
fn companies(channel: &Channel<'_>, whole: &Whole, bundle: &Bundle) -> BTreeSet<Company> {
    let choices = whole.choices_for(bundle).into_iter();
    choices
        .map(|(t, k)| {
            let stances = bundle.streams().map(|stream| (stream, channel.stance(stream, t, k))).collect();
            let mut company = Company { certain: vec![], open: vec![], stances };
            for (index, other) in channel.bundles.iter().enumerate() {
                let may_be_nothing = other.things.len() == 1
                    && other.emits().any(|emit| channel.facts.emits[emit].span.fate == Fate::Unknown);
                if std::ptr::eq(other, bundle) || (other.homes[t] == 1 << k && !may_be_nothing) {
                    company.certain.push(index);
                } else if other.homes[t] & 1 << k != 0 {
                    company.open.push(index);
                }
            }
            company
        })
        .collect()
}

impl Company {
    /// The order `P` of the certain members and these others.
    fn order(&self, channel: &Channel<'_>, joined: &[usize]) -> Order {
        let members = self.certain.iter().chain(joined).map(|index| &channel.bundles[*index]);
        let events: Vec<usize> = members.clone().flat_map(Bundle::emits).collect();
        let streams: Vec<usize> = members.flat_map(Bundle::streams).collect();
        Order::of(channel, &events, &streams)
    }

    /// Every choice of how a stream met the incarnation, and of whether the position at which it resumes was there by
    /// then: an emit can have taken effect after the subscribe if that began before the emit's `up`.
    fn ways(&self, channel: &Channel<'_>, stream: usize) -> Vec<Way> {
        let invoke = channel.facts.streams[stream].span.invoke;
        let early = channel.resumed_at(stream).is_some_and(|r| invoke < channel.facts.emits[r].span.up);
        let mine = self.stances.iter().filter(|(of, _)| *of == stream);
        let sealed = mine.flat_map(|(_, stance)| [(stance.open, false), (stance.sealed, true)]);
        let sealed = sealed.filter(|(can, _)| *can).map(|(_, sealed)| sealed);
        sealed
            .flat_map(|sealed| [(true, false), (early, true)].map(|(can, early)| (can, Way { sealed, early })))
            .filter(|(can, _)| *can)
            .map(|(_, way)| way)
            .collect()
    }

    /// Every choice of the open members that belong here. An event that no stream delivered is no choice of ours: it
    /// joins as one that may be elsewhere, since it changes neither the order of others nor the meaning of a resume
    /// position (unless it is that position itself).
    fn joinings(&self, channel: &Channel<'_>, stream: usize) -> Vec<(Vec<usize>, BTreeSet<usize>)> {
        let position = channel.resumed_at(stream);
        let matters = |index: &usize| {
            let bundle = &channel.bundles[*index];
            bundle.things.len() > 1 || bundle.emits().any(|emit| Some(emit) == position)
        };
        let (choosing, alone): (Vec<usize>, Vec<usize>) = self.open.iter().copied().partition(matters);
        let elsewhere: BTreeSet<usize> = alone.iter().flat_map(|index| channel.bundles[*index].emits()).collect();
        assert!(choosing.len() < 32, "the oracle judges small histories: too many free streams");
        let chosen =
            |set: u32| choosing.iter().enumerate().filter(move |(i, _)| set & 1 << i != 0).map(|(_, index)| *index);
        (0..1u32 << choosing.len())
            .map(|set| (chosen(set).chain(alone.iter().copied()).collect(), elsewhere.clone()))
            .collect()
    }
}

/// G9. An end before the invoke of any close that can close its incarnation; or whose outcome differs from that of
/// every close that can have closed it, where both state one; a second end; an event, marker or end after an end; an
/// end on a stream that is bound to no incarnation, or on the system stream; a missing end; or two ends of one
/// incarnation that state different outcomes.
pub(super) fn one_end(channel: &Channel<'_>) -> bool {
    let mut streams = channel.streams();
    streams.any(|index| ends_wrongly(channel, index)) || outcomes_differ(channel)
}

fn ends_wrongly(channel: &Channel<'_>, index: usize) -> bool {
    let stream = &channel.facts.streams[index];
    let bundle = channel.bundle(Thing::Stream(index));
    let forged = |line: usize, outcome| channel.job.is_none() || !end_explained(channel, bundle, line, outcome);
    let mut ended = false;
    let heard = stream.receives.iter().any(|receive| match receive.what {
        Seen::End(outcome) => std::mem::replace(&mut ended, true) || forged(receive.line, outcome),
        Seen::Event { .. } | Seen::Lagged(_) | Seen::Stopped => ended,
    });
    heard || end_missing(channel, bundle, stream)
}

/// Two streams that certainly share one incarnation were told different outcomes: no choice binds them to two.
fn outcomes_differ(channel: &Channel<'_>) -> bool {
    let told = |stream: usize| {
        let ends = channel.facts.streams[stream].receives.iter();
        let mut ends = ends.filter_map(|r| if let Seen::End(outcome) = r.what { Some(outcome) } else { None });
        ends.next().flatten().map(|outcome| (stream, outcome))
    };
    let told: Vec<(usize, Outcome)> = channel.streams().filter_map(told).collect();
    told.iter().any(|(a, one)| told.iter().any(|(b, other)| one != other && one_life(channel, *a, *b)))
}

/// Whether some choice binds two streams to one incarnation, and none binds them to two.
fn one_life(channel: &Channel<'_>, a: usize, b: usize) -> bool {
    let (a, b) = (channel.bundle(Thing::Stream(a)), channel.bundle(Thing::Stream(b)));
    if std::ptr::eq(a, b) {
        return a.can_belong();
    }
    let mut both = a.homes.iter().zip(&b.homes).filter(|(a, b)| **a != 0 && **b != 0).peekable();
    both.peek().is_some() && both.all(|(a, b)| a == b && a.count_ones() == 1)
}

/// Whether some close of the stream's incarnation took effect before the end, and stated no other outcome.
fn end_explained(channel: &Channel<'_>, bundle: &Bundle, line: usize, outcome: Option<Outcome>) -> bool {
    bundle.choices().any(|(t, k)| {
        let incarnation = &channel.timelines[t][k];
        let stated = incarnation.closer.and_then(|close| channel.facts.closes[close].outcome);
        incarnation.closed < line && (stated.is_none() || outcome.is_none() || stated == outcome)
    })
}

/// A stream with a `drained` line (the last one counts), no end and no stop before it, that had not been left by
/// then, and whose incarnation was certainly closed before that line by a close that returned `ok`. A subscribe that
/// did not return `ok` is owed nothing.
fn end_missing(channel: &Channel<'_>, bundle: &Bundle, stream: &Stream<'_>) -> bool {
    let Some(drained) = stream.drained else { return false };
    let over = stream.end().is_some_and(|end| end < drained) || stream.gone() < drained;
    let closed = bundle.choices().all(|(t, k)| channel.timelines[t][k].confirmed < drained);
    stream.span.fate == Fate::Ok && !over && bundle.can_belong() && closed
}

/// How many streams that G6 judges are open and were never drained.
pub(super) fn tails_unjudged(channel: &Channel<'_>) -> u64 {
    let unjudged =
        |stream: &usize| owes(channel, *stream) && loss::tail(&channel.facts.streams[*stream]) == Tail::Unjudged;
    channel.streams().filter(unjudged).count() as u64
}

/// How many `info` emits that can have been emitted to an open incarnation were delivered in one that was certainly
/// opened after their invoke. An emit with a label cannot: it belongs to its life alone.
pub(super) fn late_effects(channel: &Channel<'_>) -> u64 {
    let late = |bundle: &Bundle, emit: usize| {
        let emit = &channel.facts.emits[emit];
        let invoke = emit.span.invoke;
        let later = bundle.choices().all(|(t, k)| channel.timelines[t][k].opened >= invoke);
        let was_open = |life: &Incarnation| life.opened < invoke && life.closed >= invoke;
        let left = bundle.choices().any(|(t, k)| channel.timelines[t][..k].iter().any(was_open));
        emit.span.fate == Fate::Unknown && emit.life.is_none() && later && left
    };
    let tied = channel.bundles.iter().filter(|bundle| bundle.things.len() > 1);
    tied.map(|bundle| bundle.emits().filter(|emit| late(bundle, *emit)).count() as u64).sum()
}

/// Whether two different names were certainly open at one time: a create had returned, or use had proved it, and no
/// close had begun since.
pub(super) fn names_overlapped(facts: &Facts<'_>, lines: usize) -> bool {
    let open = |job: usize, gap: usize| {
        let closes: Vec<&Span> =
            facts.closes.iter().filter(|c| c.job == job && !c.span.failed()).map(|c| &c.span).collect();
        let proves = |span: &Span, may_be_sealed: bool| {
            span.ret() <= gap && closes.iter().all(|c| c.invoke > gap || (c.ret() < span.invoke && !may_be_sealed))
        };
        facts.creates.iter().any(|c| c.job == job && proves(&c.span, false))
            || facts.emits.iter().any(|e| e.job == Some(job) && proves(&e.span, false))
            || facts.streams.iter().any(|s| s.job == Some(job) && proves(&s.span, true))
    };
    (1..=lines).any(|gap| (0..facts.jobs).filter(|job| open(*job, gap)).nth(1).is_some())
}
