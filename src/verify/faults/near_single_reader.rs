//! Near-miss: a job can be read once, and says so.
//!
//! The first subscribe takes the receiver; every later one is refused with [`Refused::Limit`], the job's own stated
//! limit of one reader. That is inconvenient and honest: who is refused knows that the job is there and that somebody
//! reads it.
//!
//! One edit away from [`stolen_receiver`](super::stolen_receiver): what a later reader is told,
//! [`Latecomer::refusal`].

use super::about::{About, Kind};
use super::support::{Channel, Life, Names, Reader, lock};
use crate::verify::subject::{Delivery, Outcome, Refused, Setup, Since, Subject};
use std::marker::PhantomData;
use std::sync::{Arc, Mutex};

/// The exhibit.
pub const ABOUT: About = About {
    id: "near-single-reader",
    kind: Kind::NearMiss,
    defect: "none: one reader a job is its stated limit, and a second reader is refused by that name; told \
             \"no such job\" instead, it is stolen-receiver",
    incident: "channels with one consumer (mpsc, a pipe) whose owner says so",
    expected: &[],
    methods: &[],
};

/// How whoever comes second is refused.
pub trait Latecomer: Send + Sync + 'static {
    /// The refusal.
    fn refusal() -> Refused;
}

/// By the name of the limit.
#[derive(Debug)]
pub struct Told;

impl Latecomer for Told {
    fn refusal() -> Refused {
        Refused::Limit
    }
}

/// The router.
#[derive(Debug)]
pub struct SingleReader<L = Told> {
    jobs: Names<Once>,
    retain: usize,
    latecomer: PhantomData<fn() -> L>,
}

/// A channel whose receiver can be taken once.
#[derive(Debug)]
pub struct Once {
    channel: Arc<Channel>,
    receiver: Mutex<Option<Arc<Channel>>>,
}

impl Life for Once {
    fn is_open(&self) -> bool {
        self.channel.is_open()
    }
}

impl<L: Latecomer> Subject for SingleReader<L> {
    type Job = Arc<Once>;
    type Stream = Reader;

    fn fresh(setup: Setup) -> Self {
        SingleReader { jobs: Names::default(), retain: setup.retain_events, latecomer: PhantomData }
    }

    async fn create(&self, name: &str) -> Result<Arc<Once>, Refused> {
        let channel = Channel::new(self.retain);
        let receiver = Mutex::new(Some(Arc::clone(&channel)));
        self.jobs.open(name, Arc::new(Once { channel, receiver }))
    }

    async fn emit(&self, job: &Arc<Once>, event: &str) -> Result<(), Refused> {
        job.channel.push(event)
    }

    async fn subscribe(&self, job: &Arc<Once>, since: Since<'_>) -> Result<Reader, Refused> {
        if let Since::After(_) = since {
            return Err(Refused::Unsupported);
        }
        lock(&job.receiver).take().ok_or_else(L::refusal)?.reader(since)
    }

    async fn next(stream: &mut Reader) -> Delivery {
        stream.next().await
    }

    async fn close(&self, job: &Arc<Once>, outcome: Outcome) -> Result<(), Refused> {
        job.channel.seal(outcome)
    }

    async fn find(&self, name: &str) -> Result<Arc<Once>, Refused> {
        self.jobs.find(name)
    }
}
