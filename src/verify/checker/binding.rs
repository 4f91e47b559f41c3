//! Bindings: which incarnation each event and each stream can belong to.
//!
//! Alone, each can belong to the lives that its interval meets ([`Lives::holding`]). What deliveries tie together
//! shares one, so sets of lives are intersected along deliveries (a union-find over streams and events). A delivery
//! that would leave no life in common ties nothing: it breaks confinement.
//!
//! In most histories a name has one possible life, or each of its events one and the same as its stream; then the
//! ties say nothing new and none is followed.

use super::Case;
use super::incarnation::{Life, Lives};
use super::record::{Fate, Job, NEVER, Via, What};
use std::collections::{HashMap, HashSet};

/// A set of lives; an index into [`Bonds::sets`].
pub(super) type SetId = u32;

/// The empty set.
pub(super) const NO_LIFE: SetId = 0;

/// Sets of lives, each stored once.
#[derive(Debug)]
struct Sets {
    list: Vec<Box<[Life]>>,
    ids: HashMap<Box<[Life]>, SetId>,
}

impl Sets {
    fn new() -> Self {
        Sets { list: vec![Box::default()], ids: HashMap::from([(Box::default(), 0)]) }
    }

    fn id(&mut self, set: &[Life]) -> SetId {
        if let Some(&id) = self.ids.get(set) {
            return id;
        }
        let (id, set) = (self.list.len() as SetId, Box::<[Life]>::from(set));
        self.list.push(set.clone());
        self.ids.insert(set, id);
        id
    }

    fn common(&mut self, a: SetId, b: SetId) -> SetId {
        if a == b {
            return a;
        }
        let other = &self.list[b as usize];
        let both = self.list[a as usize].iter().copied().filter(|life| other.binary_search(life).is_ok());
        let both: Vec<Life> = both.collect();
        self.id(&both)
    }
}

/// The bindings of one name's events and streams.
#[derive(Debug)]
pub(super) struct Bonds {
    sets: Sets,
    /// For each event alone, without its ties; empty for a refused one.
    pub(super) alone: Vec<SetId>,
    /// For each event, with its ties.
    events: Vec<SetId>,
    /// For each stream alone, and with its ties.
    streams_alone: Vec<SetId>,
    streams: Vec<SetId>,
    /// For each event and each stream, the knot of things that it is tied with.
    event_knots: Vec<u32>,
    stream_knots: Vec<u32>,
    /// The deliveries (stream, index of its item) that tie together what can share no incarnation.
    pub(super) torn: HashSet<(u32, u32)>,
}

impl Bonds {
    pub(super) fn of(job: &Job, lives: &Lives) -> Self {
        let mut bonds = Bonds {
            sets: Sets::new(),
            alone: Vec::with_capacity(job.events.len()),
            events: Vec::new(),
            streams_alone: Vec::with_capacity(job.streams.len()),
            streams: Vec::new(),
            event_knots: (0..job.events.len() as u32).collect(),
            stream_knots: (job.events.len() as u32..(job.events.len() + job.streams.len()) as u32).collect(),
            torn: HashSet::new(),
        };
        let mut held = Vec::new();
        for event in &job.events {
            held.clear();
            if !event.span.failed() {
                lives.holding(event.span.invoke, event.span.up(), lives.handle(event.via), &mut held);
            }
            let set = bonds.sets.id(&held);
            bonds.alone.push(set);
        }
        for stream in &job.streams {
            held.clear();
            if !stream.span.failed() {
                let (invoke, up, via) = (stream.span.invoke, stream.span.up(), lives.handle(stream.via));
                lives.holding(invoke, up, via, &mut held);
                held.extend(lives.sealed(invoke, up, via));
                held.sort_unstable();
                held.dedup();
            }
            let set = bonds.sets.id(&held);
            bonds.streams_alone.push(set);
        }
        bonds.events = bonds.alone.clone();
        bonds.streams = bonds.streams_alone.clone();
        // Timelines know what a label means, and are asked for knots; intervals have to be told the labels.
        let by_timelines = lives.timelines().is_some();
        if by_timelines || !bonds.tied_already(job) {
            bonds.tie(job, !by_timelines);
        }
        bonds
    }

    /// Whether every delivery joins two equal sets of at most one life, and no label has several.
    fn tied_already(&self, job: &Job) -> bool {
        let several = |&set: &SetId| self.sets.list[set as usize].len() > 1;
        let labelled = job.events.iter().map(|event| event.via).chain(job.streams.iter().map(|stream| stream.via));
        let sets = self.events.iter().chain(&self.streams);
        if labelled.zip(sets).any(|(via, set)| via != Via::Name && several(set)) {
            return false;
        }
        job.streams.iter().zip(&self.streams).all(|(stream, &set)| {
            let single = self.sets.list[set as usize].len() <= 1;
            stream.items.iter().all(|item| match item.what {
                What::Event(event) => {
                    single
                        && (self.events[event as usize] == set && set != 0 || job.events[event as usize].span.failed())
                }
                _ => true,
            })
        })
    }

    fn tie(&mut self, job: &Job, labels_too: bool) {
        let mut deliveries: Vec<(u32, u32, u32, u32)> = Vec::new();
        for (at, stream) in job.streams.iter().enumerate() {
            for (index, item) in stream.items.iter().enumerate() {
                if let What::Event(event) = item.what
                    && !job.events[event as usize].span.failed()
                {
                    deliveries.push((item.line, at as u32, index as u32, event));
                }
            }
        }
        deliveries.sort_unstable();
        let offset = job.events.len() as u32;
        let mut knots = Knots::new(self.events.iter().chain(&self.streams).copied().collect());
        for (_, stream, index, event) in deliveries {
            if !knots.tie(event, offset + stream, &mut self.sets) {
                self.torn.insert((stream, index));
            }
        }
        // A label ties too (what bears it and took effect belongs to the one incarnation of its create), but after the
        // deliveries: those are judged by what they tie themselves.
        let events = job.events.iter().map(|event| (event.via, &event.span));
        let labelled = events.chain(job.streams.iter().map(|stream| (stream.via, &stream.span)));
        let mut bearers: HashMap<u32, u32> = HashMap::new();
        for ((via, span), thing) in labelled.zip(0..) {
            if let Via::Create(create) = via
                && labels_too
                && span.ok()
            {
                let first = *bearers.entry(create).or_insert(thing);
                knots.tie(first, thing, &mut self.sets);
            }
        }
        for event in 0..offset {
            let root = knots.root(event);
            self.event_knots[event as usize] = root;
            self.events[event as usize] = knots.sets[root as usize];
        }
        for stream in 0..self.streams.len() as u32 {
            let root = knots.root(offset + stream);
            self.stream_knots[stream as usize] = root;
            self.streams[stream as usize] = knots.sets[root as usize];
        }
    }

    /// The lives that an event can belong to, with all that it is tied with.
    pub(super) fn event(&self, event: u32) -> &[Life] {
        &self.sets.list[self.events[event as usize] as usize]
    }

    /// The lives that a stream can belong to, with all that it is tied with.
    pub(super) fn stream(&self, stream: u32) -> &[Life] {
        &self.sets.list[self.streams[stream as usize] as usize]
    }

    /// The lives that a stream can belong to by its subscribe alone.
    pub(super) fn stream_alone(&self, stream: u32) -> &[Life] {
        &self.sets.list[self.streams_alone[stream as usize] as usize]
    }

    pub(super) fn stream_set(&self, stream: u32) -> SetId {
        self.streams[stream as usize]
    }

    pub(super) fn lives(&self, set: SetId) -> &[Life] {
        &self.sets.list[set as usize]
    }

    pub(super) fn event_knot(&self, event: u32) -> u32 {
        self.event_knots[event as usize]
    }

    pub(super) fn stream_knot(&self, stream: u32) -> u32 {
        self.stream_knots[stream as usize]
    }
}

/// A union-find whose classes each carry the set of lives that all members share.
struct Knots {
    parents: Vec<u32>,
    sets: Vec<SetId>,
    sizes: Vec<u32>,
}

impl Knots {
    fn new(sets: Vec<SetId>) -> Self {
        Knots { parents: (0..sets.len() as u32).collect(), sizes: vec![1; sets.len()], sets }
    }

    fn root(&mut self, mut of: u32) -> u32 {
        while self.parents[of as usize] != of {
            let parent = self.parents[of as usize];
            self.parents[of as usize] = self.parents[parent as usize];
            of = parent;
        }
        of
    }

    /// Ties two together, unless they would then share no life.
    fn tie(&mut self, a: u32, b: u32, sets: &mut Sets) -> bool {
        let (mut a, mut b) = (self.root(a), self.root(b));
        let common = sets.common(self.sets[a as usize], self.sets[b as usize]);
        if common == 0 {
            return false;
        }
        if a == b {
            return true;
        }
        if self.sizes[a as usize] < self.sizes[b as usize] {
            std::mem::swap(&mut a, &mut b);
        }
        self.parents[b as usize] = a;
        self.sizes[a as usize] += self.sizes[b as usize];
        self.sets[a as usize] = common;
        true
    }
}

/// Whether an emit of unknown outcome left the life that can have been open at its invoke for one that was certainly
/// opened later. One with a label cannot: it belongs to its life alone.
pub(super) fn took_effect_late(case: &Case<'_>, event: u32) -> bool {
    let Case { job, lives, bonds } = *case;
    let record = &job.events[event as usize];
    let unknown = matches!(record.span.fate, Fate::Open | Fate::Info) && record.via == Via::Name;
    if !unknown || record.span.shown == NEVER || job.is_system() {
        return false;
    }
    let bound = bonds.event(event);
    !bound.is_empty() && lives.left_another(bound, record.span.invoke)
}
