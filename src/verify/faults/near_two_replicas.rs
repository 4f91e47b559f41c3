//! Near-miss: a job has two channels, its readers are dealt out among them, and an emit goes to both in one step.
//!
//! Each replica has an order of its own; they agree because nobody comes between the two pushes of an emit.
//!
//! One edit away from [`unlocked_fan_out`](super::unlocked_fan_out), where somebody can: [`FanOut::deliver`].

use super::about::{About, Kind};
use super::support::{Channel, Life, Names, Reader};
use crate::verify::subject::{Delivery, Outcome, Refused, Setup, Since, Subject};
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The exhibit.
pub const ABOUT: About = About {
    id: "near-two-replicas",
    kind: Kind::NearMiss,
    defect: "none: each event is written to both of a job's replicas in one step; in two, it is unlocked-fan-out",
    incident: "brokers that fan out under one sequencer",
    expected: &[],
    methods: &[],
};

/// How an event reaches both replicas.
pub trait FanOut: Send + Sync + 'static {
    /// Writes it to the first and to the second.
    fn deliver(first: &Channel, second: &Channel, event: &str) -> impl Future<Output = Result<(), Refused>> + Send;
}

/// With nobody in between.
#[derive(Debug)]
pub struct Sequenced;

impl FanOut for Sequenced {
    async fn deliver(first: &Channel, second: &Channel, event: &str) -> Result<(), Refused> {
        first.push(event)?;
        second.push(event)
    }
}

/// The router.
#[derive(Debug)]
pub struct TwoReplicas<F = Sequenced> {
    jobs: Names<Pair>,
    retain: usize,
    fan_out: PhantomData<fn() -> F>,
}

/// One incarnation.
#[derive(Debug)]
pub struct Pair {
    replicas: [Arc<Channel>; 2],
    /// How many streams were opened; the next one reads from the replica of that parity.
    opened: AtomicUsize,
}

impl Life for Pair {
    fn is_open(&self) -> bool {
        self.replicas[0].is_open()
    }
}

impl<F: FanOut> Subject for TwoReplicas<F> {
    type Job = Arc<Pair>;
    type Stream = Reader;

    fn fresh(setup: Setup) -> Self {
        TwoReplicas { jobs: Names::default(), retain: setup.retain_events, fan_out: PhantomData }
    }

    async fn create(&self, name: &str) -> Result<Arc<Pair>, Refused> {
        let replicas = [Channel::new(self.retain), Channel::new(self.retain)];
        self.jobs.open(name, Arc::new(Pair { replicas, opened: AtomicUsize::new(0) }))
    }

    async fn emit(&self, job: &Arc<Pair>, event: &str) -> Result<(), Refused> {
        F::deliver(&job.replicas[0], &job.replicas[1], event).await
    }

    async fn subscribe(&self, job: &Arc<Pair>, since: Since<'_>) -> Result<Reader, Refused> {
        job.replicas[job.opened.fetch_add(1, Ordering::Relaxed) % 2].reader(since)
    }

    async fn next(stream: &mut Reader) -> Delivery {
        stream.next().await
    }

    async fn close(&self, job: &Arc<Pair>, outcome: Outcome) -> Result<(), Refused> {
        job.replicas[0].seal(outcome)?;
        job.replicas[1].seal(outcome)
    }

    async fn find(&self, name: &str) -> Result<Arc<Pair>, Refused> {
        self.jobs.find(name)
    }
}
