//! A plain router that is right, with a place to go wrong at every operation.
//!
//! Most exhibits need a whole router and differ from a right one in a single step. They are [`Design`]s of this one: each of its
//! operations has a right default, and an exhibit overrides the one it gets wrong. A design is also a value, one for each
//! router, in which an exhibit keeps what a right router would not have: a current sender, a free list, a clock.

use super::support::{Channel, Names, Reader};
use crate::verify::subject::{Delivery, Outcome, Refused, Setup, Since, Subject};
use std::any::Any;
use std::collections::VecDeque;
use std::future::{Future, ready};
use std::sync::Arc;

/// How a [`Workbench`] does what it does. Every default is right.
pub trait Design: Default + Send + Sync + 'static {
    /// Opens a job.
    fn create(bench: &Workbench<Self>, name: &str) -> impl Future<Output = Result<Job, Refused>> + Send {
        ready(bench.open(name))
    }

    /// Looks a job up.
    fn find(bench: &Workbench<Self>, name: &str) -> impl Future<Output = Result<Job, Refused>> + Send {
        ready(bench.look_up(name))
    }

    /// Narrates to a job.
    fn emit(bench: &Workbench<Self>, job: &Job, event: &str) -> impl Future<Output = Result<(), Refused>> + Send {
        let _ = bench;
        ready(job.channel.push(event))
    }

    /// Opens a stream.
    fn subscribe(
        bench: &Workbench<Self>,
        job: &Job,
        since: Since<'_>,
    ) -> impl Future<Output = Result<Stream<Self>, Refused>> + Send {
        ready(job.channel.reader(since).map(|reader| bench.stream(reader)))
    }

    /// Waits for a stream's next delivery.
    fn next(stream: &mut Stream<Self>) -> impl Future<Output = Delivery> + Send {
        stream.in_turn()
    }

    /// Ends a job.
    fn close(bench: &Workbench<Self>, job: &Job, outcome: Outcome) -> impl Future<Output = Result<(), Refused>> + Send {
        let _ = bench;
        ready(job.channel.seal(outcome))
    }

    /// Narrates to the operators.
    fn emit_system(bench: &Workbench<Self>, event: &str) -> impl Future<Output = Result<(), Refused>> + Send {
        ready(bench.system.push(event))
    }

    /// What a reader is shown beside a delivery, if anything.
    fn position(stream: &Stream<Self>) -> Option<String> {
        let _ = stream;
        None
    }

    /// How many jobs it holds something of, if it counts them.
    fn live(bench: &Workbench<Self>) -> Option<usize> {
        let _ = bench;
        None
    }
}

/// The router.
#[derive(Debug)]
pub struct Workbench<D> {
    pub(super) jobs: Names<Channel>,
    pub(super) system: Arc<Channel>,
    pub(super) retain: usize,
    /// What the design keeps.
    pub(super) own: Arc<D>,
}

/// One incarnation, with its name.
#[derive(Debug, Clone)]
pub struct Job {
    pub(super) name: Arc<str>,
    pub(super) channel: Arc<Channel>,
}

impl Job {
    pub(super) fn new(name: &str, channel: Arc<Channel>) -> Job {
        Job { name: name.into(), channel }
    }
}

/// A cursor in a channel, and what comes before it.
#[derive(Debug)]
pub struct Stream<D> {
    pub(super) reader: Reader,
    /// Delivered before the reader is asked.
    pub(super) ahead: VecDeque<Delivery>,
    /// A number that the design keeps for each stream.
    pub(super) mark: u64,
    /// What the design keeps for each stream, dropped with it.
    pub(super) kept: Option<Arc<dyn Any + Send + Sync>>,
    pub(super) own: Arc<D>,
}

impl<D> Workbench<D> {
    /// Opens a job, as is right.
    pub(super) fn open(&self, name: &str) -> Result<Job, Refused> {
        self.jobs.open(name, Channel::new(self.retain)).map(|channel| Job::new(name, channel))
    }

    /// Finds a job, as is right.
    pub(super) fn look_up(&self, name: &str) -> Result<Job, Refused> {
        self.jobs.find(name).map(|channel| Job::new(name, channel))
    }

    pub(super) fn stream(&self, reader: Reader) -> Stream<D> {
        Stream { reader, ahead: VecDeque::new(), mark: 0, kept: None, own: Arc::clone(&self.own) }
    }
}

impl<D> Stream<D> {
    /// What lies ahead, then what the channel has.
    pub(super) async fn in_turn(&mut self) -> Delivery {
        match self.ahead.pop_front() {
            Some(delivery) => delivery,
            None => self.reader.next().await,
        }
    }
}

impl<D: Design> Subject for Workbench<D> {
    type Job = Job;
    type Stream = Stream<D>;

    fn fresh(setup: Setup) -> Self {
        let system = Channel::new(usize::MAX);
        Workbench { jobs: Names::default(), system, retain: setup.retain_events, own: Arc::default() }
    }

    async fn create(&self, name: &str) -> Result<Job, Refused> {
        D::create(self, name).await
    }

    async fn find(&self, name: &str) -> Result<Job, Refused> {
        D::find(self, name).await
    }

    async fn emit(&self, job: &Job, event: &str) -> Result<(), Refused> {
        D::emit(self, job, event).await
    }

    async fn subscribe(&self, job: &Job, since: Since<'_>) -> Result<Stream<D>, Refused> {
        D::subscribe(self, job, since).await
    }

    async fn next(stream: &mut Stream<D>) -> Delivery {
        D::next(stream).await
    }

    async fn close(&self, job: &Job, outcome: Outcome) -> Result<(), Refused> {
        D::close(self, job, outcome).await
    }

    async fn emit_system(&self, event: &str) -> Result<(), Refused> {
        D::emit_system(self, event).await
    }

    async fn subscribe_system(&self) -> Result<Stream<D>, Refused> {
        self.system.reader(Since::Now).map(|reader| self.stream(reader))
    }

    fn position(stream: &Stream<D>) -> Option<String> {
        D::position(stream)
    }

    fn live(&self) -> Option<usize> {
        D::live(self)
    }
}
