//! Near-miss: the two ends of a channel stand in two maps under two locks, and create holds both at once.
//!
//! One edit away from [`torn_maps`](super::torn_maps), which releases the first before it takes the second.

use super::about::{About, Kind};
use super::support::{Channel, Life, Reader, lock};
use crate::verify::subject::{Delivery, Outcome, Refused, Setup, Since, Subject};
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex};

/// The exhibit.
pub const ABOUT: About = About {
    id: "near-joined-maps",
    kind: Kind::NearMiss,
    defect: "none: senders and receivers stand in two maps under two locks, but create writes both while it \
             holds both; one lock after the other, and it is torn-maps",
    incident: "the usual repair of a two-map tear, short of one map",
    expected: &[],
    methods: &[],
};

/// How create enters a channel into the two maps.
pub trait Entry: Send + Sync + 'static {
    /// Enters the channel and answers its generation.
    fn enter(maps: &Maps, name: &str, channel: Arc<Channel>) -> impl Future<Output = Result<u64, Refused>> + Send;
}

/// One channel's end, with the number of its name's closes before it: creates with no close between are one
/// incarnation.
#[derive(Debug, Clone)]
pub struct End {
    pub(super) generation: u64,
    pub(super) channel: Arc<Channel>,
}

/// The two maps.
#[derive(Debug, Default)]
pub struct Maps {
    pub(super) senders: Mutex<BTreeMap<String, End>>,
    pub(super) receivers: Mutex<BTreeMap<String, End>>,
}

/// Which generation a create would open.
///
/// # Errors
/// [`Refused::InUse`] while the last one is open.
pub(super) fn vacant(receivers: &BTreeMap<String, End>, name: &str) -> Result<u64, Refused> {
    match receivers.get(name) {
        None => Ok(0),
        Some(last) if last.channel.is_open() => Err(Refused::InUse),
        Some(last) => Ok(last.generation + 1),
    }
}

/// Both maps in one step.
#[derive(Debug)]
pub struct Joined;

impl Entry for Joined {
    async fn enter(maps: &Maps, name: &str, channel: Arc<Channel>) -> Result<u64, Refused> {
        let (mut receivers, mut senders) = (lock(&maps.receivers), lock(&maps.senders));
        let end = End { generation: vacant(&receivers, name)?, channel };
        senders.insert(name.to_owned(), end.clone());
        receivers.insert(name.to_owned(), end.clone());
        Ok(end.generation)
    }
}

/// The router.
#[derive(Debug)]
pub struct TwoMaps<E = Joined> {
    maps: Maps,
    retain: usize,
    entry: PhantomData<fn() -> E>,
}

/// A name and which life of it.
#[derive(Debug, Clone)]
pub struct Job {
    name: String,
    generation: u64,
}

/// The channel that a map has for a job.
fn end_of(map: &Mutex<BTreeMap<String, End>>, job: &Job) -> Result<Arc<Channel>, Refused> {
    match lock(map).get(&job.name) {
        None => Err(Refused::Unknown),
        Some(end) if end.generation != job.generation => Err(Refused::Closed),
        Some(end) => Ok(Arc::clone(&end.channel)),
    }
}

impl<E: Entry> Subject for TwoMaps<E> {
    type Job = Job;
    type Stream = Reader;

    fn fresh(setup: Setup) -> Self {
        TwoMaps { maps: Maps::default(), retain: setup.retain_events, entry: PhantomData }
    }

    async fn create(&self, name: &str) -> Result<Job, Refused> {
        let generation = E::enter(&self.maps, name, Channel::new(self.retain)).await?;
        Ok(Job { name: name.to_owned(), generation })
    }

    async fn emit(&self, job: &Job, event: &str) -> Result<(), Refused> {
        end_of(&self.maps.senders, job)?.push(event)
    }

    async fn subscribe(&self, job: &Job, since: Since<'_>) -> Result<Reader, Refused> {
        end_of(&self.maps.receivers, job)?.reader(since)
    }

    async fn next(stream: &mut Reader) -> Delivery {
        stream.next().await
    }

    async fn close(&self, job: &Job, outcome: Outcome) -> Result<(), Refused> {
        end_of(&self.maps.senders, job)?.seal(outcome)
    }

    async fn find(&self, name: &str) -> Result<Job, Refused> {
        let generation = lock(&self.maps.senders).get(name).ok_or(Refused::Unknown)?.generation;
        Ok(Job { name: name.to_owned(), generation })
    }
}
