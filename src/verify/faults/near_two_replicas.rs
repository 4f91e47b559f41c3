//! Near-miss: a job has two channels, its readers are dealt out among them, and an emit goes to both in one step.
//!
//! Each replica has an order of its own; they agree because a lock keeps everybody out between the two pushes of an emit.
//! (It once had none, and was right wherever nothing preempts an operation that does not await; threads of the operating
//! system do.)
//!
//! One edit away from [`unlocked_fan_out`](super::unlocked_fan_out), where somebody can: [`FanOut::deliver`].

use super::about::{About, Kind};
use super::support::{Channel, Life, Names, Reader, lock};
use crate::verify::subject::{Delivery, Outcome, Refused, Setup, Since, Subject};
use std::marker::PhantomData;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

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
    fn deliver(pair: &Pair, event: &str) -> impl Future<Output = Result<(), Refused>> + Send;
}

/// With nobody in between.
#[derive(Debug)]
pub struct Sequenced;

impl FanOut for Sequenced {
    async fn deliver(pair: &Pair, event: &str) -> Result<(), Refused> {
        let _nobody_in_between = lock(&pair.sequencer);
        pair.replicas[0].push(event)?;
        pair.replicas[1].push(event)
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
    pub(super) replicas: [Arc<Channel>; 2],
    /// Held over whatever both replicas are to see in one order.
    sequencer: Mutex<()>,
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
        self.jobs.open(name, Arc::new(Pair { replicas, sequencer: Mutex::default(), opened: AtomicUsize::new(0) }))
    }

    async fn emit(&self, job: &Arc<Pair>, event: &str) -> Result<(), Refused> {
        F::deliver(job, event).await
    }

    async fn subscribe(&self, job: &Arc<Pair>, since: Since<'_>) -> Result<Reader, Refused> {
        if job.replicas.iter().any(|replica| replica.is_read_out()) {
            return Err(Refused::Unknown);
        }
        job.replicas[job.opened.fetch_add(1, Ordering::Relaxed) % 2].reader(since)
    }

    async fn next(stream: &mut Reader) -> Delivery {
        stream.next().await
    }

    async fn close(&self, job: &Arc<Pair>, outcome: Outcome) -> Result<(), Refused> {
        let _nobody_in_between = lock(&job.sequencer);
        job.replicas[0].seal(outcome)?;
        job.replicas[1].seal(outcome)
    }

    async fn find(&self, name: &str) -> Result<Arc<Pair>, Refused> {
        self.jobs.find(name)
    }
}
