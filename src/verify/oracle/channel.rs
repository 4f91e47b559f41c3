//! One channel (a job name, or the system) with every choice for it: its timelines, what can belong to which
//! incarnation under each, and what its streams' deliveries tie together.

use super::facts::{Emit, Facts, Fate, NEVER, Position, Seen, Stream};
use super::timeline::{Incarnation, Timeline, timelines};
use std::collections::BTreeSet;

/// Under each timeline, the incarnations to which something can belong: bit `k` for the `k`th.
pub(super) type Homes = Vec<u64>;

/// Something that belongs to an incarnation, by its index in [`Facts`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Thing {
    Emit(usize),
    Stream(usize),
}

/// A delivery that breaks none of G1, G2 and G3, and is the first of its event on its stream.
#[derive(Debug, Clone, Copy)]
pub(super) struct Delivery {
    pub line: usize,
    pub emit: usize,
}

/// What is wrong with one delivery.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Faults {
    pub unconfined: bool,
    pub refused: bool,
    pub crossed: bool,
    pub repeated: bool,
}

/// Things that deliveries tie together, transitively: they share one incarnation.
#[derive(Debug, Clone)]
pub(super) struct Bundle {
    pub things: Vec<Thing>,
    pub homes: Homes,
}

impl Bundle {
    pub(super) fn emits(&self) -> impl Iterator<Item = usize> {
        self.things.iter().filter_map(|thing| if let Thing::Emit(e) = thing { Some(*e) } else { None })
    }

    pub(super) fn streams(&self) -> impl Iterator<Item = usize> {
        self.things.iter().filter_map(|thing| if let Thing::Stream(s) = thing { Some(*s) } else { None })
    }

    /// Whether some choice gives it an incarnation.
    pub(super) fn can_belong(&self) -> bool {
        self.homes.iter().any(|homes| *homes != 0)
    }

    /// Every choice of a timeline and of an incarnation under it.
    pub(super) fn choices(&self) -> impl Iterator<Item = (usize, usize)> {
        self.homes.iter().enumerate().flat_map(|(t, homes)| {
            let homes = *homes;
            (0..64).filter(move |k| homes & 1 << k != 0).map(move |k| (t, k))
        })
    }
}

/// Which timelines are whole choices; see [`Channel::whole`].
pub(super) struct Whole {
    whole: Vec<bool>,
    telling: Vec<bool>,
}

impl Whole {
    /// The choices of a timeline and an incarnation for a bundle: among the whole timelines, or among all if none of
    /// those has a place for it.
    pub(super) fn choices_for(&self, bundle: &Bundle) -> Vec<(usize, usize)> {
        let among = |timelines: &[bool]| bundle.choices().filter(|(t, _)| timelines[*t]).collect::<Vec<_>>();
        let whole = among(&self.whole);
        if whole.is_empty() { among(&self.telling) } else { whole }
    }
}

/// How a stream can have met an incarnation under one timeline: while it was open, or when it had been closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stance {
    pub open: bool,
    pub sealed: bool,
}

pub(super) struct Channel<'f> {
    pub facts: &'f Facts<'f>,
    pub job: Option<usize>,
    pub timelines: Vec<Timeline>,
    pub bundles: Vec<Bundle>,
    /// The lawful deliveries of each stream, by its index in [`Facts`].
    pub delivered: Vec<Vec<Delivery>>,
    /// What is wrong with the others.
    pub faults: Vec<Faults>,
}

impl<'f> Channel<'f> {
    pub(super) fn new(facts: &'f Facts<'f>, job: Option<usize>) -> Channel<'f> {
        let mut channel = Channel {
            facts,
            job,
            timelines: vec![vec![Incarnation::system()]],
            bundles: vec![],
            delivered: vec![vec![]; facts.streams.len()],
            faults: vec![],
        };
        if let Some(job) = job {
            channel.timelines = timelines(facts, job);
            channel.heed_use(job);
            channel.heed_ends();
        }
        for emit in channel.emits() {
            let homes = channel.homes_of_emit(&facts.emits[emit]);
            channel.bundles.push(Bundle { things: vec![Thing::Emit(emit)], homes });
        }
        for stream in channel.streams() {
            let homes = channel.homes_of_stream(stream);
            channel.bundles.push(Bundle { things: vec![Thing::Stream(stream)], homes });
        }
        channel.tie();
        channel
    }

    pub(super) fn emits(&self) -> impl Iterator<Item = usize> + use<'f> {
        let job = self.job;
        self.facts.emits.iter().enumerate().filter(move |(_, e)| e.job == job).map(|(i, _)| i)
    }

    pub(super) fn streams(&self) -> impl Iterator<Item = usize> + use<'f> {
        let job = self.job;
        self.facts.streams.iter().enumerate().filter(move |(_, s)| s.job == job).map(|(i, _)| i)
    }

    pub(super) fn bundle(&self, thing: Thing) -> &Bundle {
        self.bundles.iter().find(|bundle| bundle.things.contains(&thing)).expect("every thing has its bundle")
    }

    /// An `ok` emit or subscribe on a job shows that some create of it took effect before that completion, where some
    /// create can have. Since the earliest create always opens, that is a bound on the first opening.
    fn heed_use(&mut self, job: usize) {
        let creates = self.facts.creates.iter().filter(|c| c.job == job && !c.span.failed());
        let Some(first) = creates.map(|c| c.span.invoke).min() else { return };
        let emits = self.facts.emits.iter().filter(|e| e.job == Some(job)).map(|e| &e.span);
        let streams = self.facts.streams.iter().filter(|s| s.job == Some(job)).map(|s| &s.span);
        let shown = emits.chain(streams).map(|span| span.ret()).filter(|ret| *ret != NEVER && *ret > first).min();
        if let Some(shown) = shown {
            self.timelines.retain(|timeline| timeline.first().is_some_and(|life| life.opened < shown));
        }
    }

    /// An end shows a close of its job: the incarnation of its stream was closed before it, where it can have been.
    /// Where only one close can have done that, every timeline that is left has that one before the end.
    fn heed_ends(&mut self) {
        let mut ends: Vec<(usize, usize)> =
            self.streams().filter_map(|s| Some((self.facts.streams[s].end()?, s))).collect();
        ends.sort_unstable();
        for (end, stream) in ends {
            let homes = self.homes_of_stream(stream);
            let explains = |timeline: &Timeline, homes: u64| {
                timeline.iter().enumerate().any(|(k, life)| homes & 1 << k != 0 && life.closed < end)
            };
            let kept: Vec<Timeline> = self
                .timelines
                .iter()
                .zip(&homes)
                .filter(|(timeline, homes)| explains(timeline, **homes))
                .map(|(timeline, _)| timeline.clone())
                .collect();
            if !kept.is_empty() {
                self.timelines = kept;
            }
        }
    }

    /// Under each timeline, the incarnations in which this emit can have been accepted.
    fn homes_of_emit(&self, emit: &Emit<'_>) -> Homes {
        self.homes(|timeline, k| !emit.span.failed() && timeline[k].admits(&emit.span, emit.life))
    }

    /// Under each timeline, the incarnations to which this stream can belong. A choice gives the subscribe an instant
    /// too: at that instant an incarnation is open, which is then the stream's; or none is, and the last one before
    /// it is the stream's (of its label, if it has one), sealed.
    fn homes_of_stream(&self, stream: usize) -> Homes {
        self.homes(|timeline, k| self.opened_in(stream, timeline, k) || self.opened_after(stream, timeline, k))
    }

    /// Whether a timeline's `k`th incarnation was open at an instant of the subscribe.
    fn opened_in(&self, stream: usize, timeline: &Timeline, k: usize) -> bool {
        let Stream { span, life, .. } = &self.facts.streams[stream];
        !span.failed() && timeline[k].admits(span, *life)
    }

    /// Whether it was the last one (that of the stream's label, if it has one) and closed at such an instant.
    fn opened_after(&self, stream: usize, timeline: &Timeline, k: usize) -> bool {
        let Stream { span, life, .. } = &self.facts.streams[stream];
        let over = timeline[k].closed < span.up && timeline[k].bears(*life);
        let last = life.is_some() || timeline.get(k + 1).is_none_or(|next| next.opened >= span.invoke);
        !span.failed() && over && last
    }

    /// How a stream can have met the `k`th incarnation of a timeline.
    pub(super) fn stance(&self, stream: usize, t: usize, k: usize) -> Stance {
        let timeline = &self.timelines[t];
        Stance { open: self.opened_in(stream, timeline, k), sealed: self.opened_after(stream, timeline, k) }
    }

    fn homes(&self, belongs: impl Fn(&Timeline, usize) -> bool) -> Homes {
        let of = |timeline: &Timeline| {
            (0..timeline.len()).filter(|k| belongs(timeline, *k)).fold(0, |homes, k| homes | 1 << k)
        };
        self.timelines.iter().map(of).collect()
    }

    /// Takes the deliveries of this channel's streams line by line: each lawful one ties its event to its stream, and
    /// one that would tie together what can share no incarnation is the one that breaks G1.
    fn tie(&mut self) {
        let facts = self.facts;
        let mut deliveries: Vec<(usize, usize, Option<usize>, Option<&str>)> = vec![];
        for stream in self.streams() {
            for receive in &facts.streams[stream].receives {
                if let Seen::Event { emit, digest } = receive.what {
                    deliveries.push((receive.line, stream, emit, digest));
                }
            }
        }
        deliveries.sort_unstable();
        for (line, stream, emit, digest) in deliveries {
            let mut faults = self.faults_of(line, stream, emit, digest);
            if let (Some(emit), true) = (emit, faults == Faults::default()) {
                if !self.bind(emit, stream) {
                    faults.unconfined = true;
                } else if self.delivered[stream].iter().any(|delivery| delivery.emit == emit) {
                    faults.repeated = true;
                } else {
                    self.delivered[stream].push(Delivery { line, emit });
                }
            }
            self.faults.push(faults);
        }
    }

    /// What is wrong with a delivery, whatever else was delivered. The definitions stand in `rules`.
    fn faults_of(&self, line: usize, stream: usize, emit: Option<usize>, digest: Option<&str>) -> Faults {
        let Some(emit) = emit.map(|emit| &self.facts.emits[emit]) else {
            return Faults { unconfined: true, ..Faults::default() };
        };
        let refused = emit.span.failed();
        if emit.job.is_none() != self.job.is_none() {
            return Faults { crossed: true, refused, ..Faults::default() };
        }
        let homeless = !self.bundle(Thing::Stream(stream)).can_belong();
        let forged = matches!((emit.digest, digest), (Some(sent), Some(came)) if sent != came);
        let unconfined = emit.span.invoke > line || emit.job != self.job || forged || homeless;
        Faults { unconfined, refused, ..Faults::default() }
    }

    /// Ties an event to a stream, unless what is tied to the one can share no incarnation with what is tied to the
    /// other.
    fn bind(&mut self, emit: usize, stream: usize) -> bool {
        let at = |thing| self.bundles.iter().position(|bundle| bundle.things.contains(&thing));
        let (Some(here), Some(there)) = (at(Thing::Emit(emit)), at(Thing::Stream(stream))) else { return false };
        if here == there {
            return true;
        }
        let homes: Homes =
            self.bundles[here].homes.iter().zip(&self.bundles[there].homes).map(|(a, b)| a & b).collect();
        if homes.iter().all(|homes| *homes == 0) {
            return false;
        }
        let mut things = self.bundles[here].things.clone();
        things.extend(&self.bundles[there].things);
        self.bundles[here.min(there)] = Bundle { things, homes };
        self.bundles.remove(here.max(there));
        true
    }

    /// The timelines that differ in what can belong where, open or sealed: the first of each kind. For orders and
    /// losses, which ask for nothing else, the others are the same choice again.
    fn telling(&self) -> Vec<bool> {
        let mut seen = BTreeSet::new();
        let row = |t: usize| {
            let homes: Vec<u64> = self.bundles.iter().map(|bundle| bundle.homes[t]).collect();
            let lives = 0..self.timelines[t].len();
            let stances = |stream| lives.clone().map(move |k| self.stance(stream, t, k));
            (homes, self.streams().flat_map(stances).collect::<Vec<Stance>>())
        };
        (0..self.timelines.len()).map(|t| seen.insert(row(t))).collect()
    }

    /// The timelines that give an incarnation to every accepted event, and to all that deliveries tie together, as far
    /// as anything can: with bindings to their incarnations these are the whole choices, under which the orders and
    /// losses of a channel are judged. If no timeline does all of it at once, each does for what it explains.
    pub(super) fn whole(&self) -> Whole {
        let must = |bundle: &&Bundle| {
            let accepted = bundle.emits().any(|emit| self.facts.emits[emit].span.fate == Fate::Ok);
            (accepted || bundle.things.len() > 1) && bundle.can_belong()
        };
        let must: Vec<&Bundle> = self.bundles.iter().filter(must).collect();
        let telling = self.telling();
        let explains_all = |t: usize| must.iter().all(|bundle| bundle.homes[t] != 0);
        let whole = telling.iter().enumerate().map(|(t, telling)| *telling && explains_all(t)).collect();
        Whole { whole, telling }
    }

    /// The event after which a stream asked to start.
    pub(super) fn resumed_at(&self, stream: usize) -> Option<usize> {
        match self.facts.streams[stream].since {
            Position::After(emit) => emit,
            Position::Now | Position::Start => None,
        }
    }
}
