//! Near-miss: a job that is over is kept until somebody has read it to its end, and then given up whole.
//!
//! The router keeps a list of the lives that it holds something of, and says how many they are. A life leaves the list
//! with its first end, by identity: neither at its close, since nobody may have read it yet, nor by its name, which
//! another may bear by then.
//!
//! One edit away from four faults, one for each choice of a [`Reclaim`]:
//! [`happy_path_cleanup`](super::happy_path_cleanup), [`removed_at_close`](super::removed_at_close),
//! [`shadowed_life`](super::shadowed_life) and [`history_outlives_job`](super::history_outlives_job).

use super::about::{About, Kind};
use super::support::{Channel, Life, lock};
use super::workbench::{Design, Job, Stream, Workbench};
use crate::verify::subject::{Delivery, Outcome, Refused, Since};
use std::marker::PhantomData;
use std::sync::{Arc, Mutex};

/// The exhibit.
pub const ABOUT: About = About {
    id: "near-lingering",
    kind: Kind::NearMiss,
    defect: "none: a closed job is kept until one stream has had its end, and then given up by identity; given up at \
             its close, it is removed-at-close",
    incident: "queues whose last message is kept until a consumer has acknowledged it",
    expected: &[],
    methods: &[],
};

/// When a life is given up. Every default is right.
pub trait Reclaim: Send + Sync + 'static {
    /// Whether its close gives it up.
    fn at_close() -> bool {
        false
    }

    /// Whether an end gives it up that tells this outcome, of a life that is, or is not, the newest of its name.
    fn at_end(outcome: Option<Outcome>, newest: bool) -> bool {
        let _ = (outcome, newest);
        true
    }

    /// Opens a stream of a life that was given up.
    ///
    /// # Errors
    /// As of a job that never was.
    fn after(job: &Job, since: Since<'_>) -> Result<super::support::Reader, Refused> {
        let _ = (job, since);
        Err(Refused::Unknown)
    }
}

/// With the first end, and never before.
#[derive(Debug)]
pub struct AtFirstEnd;

impl Reclaim for AtFirstEnd {}

/// The lives that something is held of, oldest first.
#[derive(Debug)]
pub struct Lingering<R> {
    held: Mutex<Vec<Job>>,
    reclaim: PhantomData<fn() -> R>,
}

impl<R> Default for Lingering<R> {
    fn default() -> Self {
        Lingering { held: Mutex::default(), reclaim: PhantomData }
    }
}

/// The newest life of a name.
fn newest<'j>(held: &'j [Job], name: &str) -> Option<&'j Job> {
    held.iter().rfind(|job| *job.name == *name)
}

impl<R> Lingering<R> {
    /// Gives one life up, and no other that bears its name, if `condemns` says so: told whether it is the newest.
    fn give_up(&self, life: &Arc<Channel>, condemns: impl FnOnce(bool) -> bool) {
        let mut held = lock(&self.held);
        let Some(at) = held.iter().position(|job| Arc::ptr_eq(&job.channel, life)) else { return };
        let is_newest = newest(&held, &held[at].name).is_some_and(|job| Arc::ptr_eq(&job.channel, life));
        if condemns(is_newest) {
            held.remove(at);
        }
    }
}

impl<R: Reclaim> Design for Lingering<R> {
    async fn create(bench: &Workbench<Self>, name: &str) -> Result<Job, Refused> {
        let mut held = lock(&bench.own.held);
        if newest(&held, name).is_some_and(|job| job.channel.is_open()) {
            return Err(Refused::InUse);
        }
        let job = Job::new(name, Channel::new(bench.retain));
        held.push(job.clone());
        Ok(job)
    }

    async fn find(bench: &Workbench<Self>, name: &str) -> Result<Job, Refused> {
        newest(&lock(&bench.own.held), name).cloned().ok_or(Refused::Unknown)
    }

    async fn subscribe(bench: &Workbench<Self>, job: &Job, since: Since<'_>) -> Result<Stream<Self>, Refused> {
        let is_held = lock(&bench.own.held).iter().any(|held| Arc::ptr_eq(&held.channel, &job.channel));
        let reader = if is_held { job.channel.reader(since) } else { R::after(job, since) };
        reader.map(|reader| bench.stream(reader))
    }

    async fn next(stream: &mut Stream<Self>) -> Delivery {
        let delivery = stream.in_turn().await;
        if let Delivery::End(outcome) = &delivery {
            stream.own.give_up(&stream.reader.channel, |newest| R::at_end(*outcome, newest));
        }
        delivery
    }

    async fn close(bench: &Workbench<Self>, job: &Job, outcome: Outcome) -> Result<(), Refused> {
        job.channel.seal(outcome)?;
        bench.own.give_up(&job.channel, |_newest| R::at_close());
        Ok(())
    }

    fn live(bench: &Workbench<Self>) -> Option<usize> {
        Some(lock(&bench.own.held).len())
    }
}

/// The router.
pub type KeptUntilRead = Workbench<Lingering<AtFirstEnd>>;
