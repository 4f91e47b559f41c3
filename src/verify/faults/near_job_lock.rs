//! Near-miss: emits take turns behind an asynchronous lock that is held across an await, one lock for each job.
//!
//! Whoever is never polled again while he holds it keeps the other emitters of his own job waiting, and nobody else. One who
//! is cancelled lets go of it.
//!
//! One edit away from [`lock_across_await`](super::lock_across_await): whose emits take turns, [`Turnstile::of`]. And two
//! from [`abandoned_lock`](super::abandoned_lock), which is let go of by hand, [`LetGo::BY_HAND`].

use super::about::{About, Kind};
use super::support::{enlist, lock};
use super::workbench::{Design, Job, Workbench};
use crate::verify::subject::{Refused, preempt};
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::Mutex;
use std::task::{Poll, Waker};

/// The exhibit.
pub const ABOUT: About = About {
    id: "near-job-lock",
    kind: Kind::NearMiss,
    defect: "none: an asynchronous lock is held across an await by each job's emits, one lock for each job; one for all, \
             and it is lock-across-await",
    incident: "a lock beside the data that it guards",
    expected: &[],
    methods: &[],
};

/// Whose emits take turns.
pub trait Turnstile: Send + Sync + 'static {
    /// The name of the lock for a job's emits.
    fn of(job: &str) -> &str;
}

/// Those of one job.
#[derive(Debug)]
pub struct EachJob;

impl Turnstile for EachJob {
    fn of(job: &str) -> &str {
        job
    }
}

/// How a lock is let go of.
pub trait LetGo: Send + Sync + 'static {
    /// By a call after the work, and not where the guard goes out of scope.
    const BY_HAND: bool;
}

/// By its guard, whatever becomes of the work.
#[derive(Debug)]
pub struct ByGuard;

impl LetGo for ByGuard {
    const BY_HAND: bool = false;
}

/// One lock: whether somebody holds it, and who waits.
#[derive(Debug, Default)]
struct Lock {
    is_held: bool,
    waiting: Vec<Waker>,
}

/// The locks, by name.
#[derive(Debug)]
pub struct Locked<T, G> {
    locks: Mutex<BTreeMap<String, Lock>>,
    kind: PhantomData<fn() -> (T, G)>,
}

impl<T, G> Default for Locked<T, G> {
    fn default() -> Self {
        Locked { locks: Mutex::default(), kind: PhantomData }
    }
}

/// Holds a lock.
struct Held<'l, T: Turnstile, G: LetGo> {
    of: &'l Locked<T, G>,
    name: &'l str,
}

impl<T: Turnstile, G: LetGo> Locked<T, G> {
    async fn hold<'l>(&'l self, name: &'l str) -> Held<'l, T, G> {
        std::future::poll_fn(|cx| {
            let mut locks = lock(&self.locks);
            let it = locks.entry(name.to_owned()).or_default();
            if it.is_held {
                enlist(&mut it.waiting, cx.waker());
                return Poll::Pending;
            }
            it.is_held = true;
            Poll::Ready(())
        })
        .await;
        Held { of: self, name }
    }

    fn let_go(&self, name: &str) {
        let waiting = lock(&self.locks).get_mut(name).map(|it| {
            it.is_held = false;
            std::mem::take(&mut it.waiting)
        });
        waiting.into_iter().flatten().for_each(Waker::wake);
    }
}

impl<T: Turnstile, G: LetGo> Drop for Held<'_, T, G> {
    fn drop(&mut self) {
        if !G::BY_HAND {
            self.of.let_go(self.name);
        }
    }
}

impl<T: Turnstile, G: LetGo> Design for Locked<T, G> {
    async fn emit(bench: &Workbench<Self>, job: &Job, event: &str) -> Result<(), Refused> {
        let held = bench.own.hold(T::of(&job.name)).await;
        preempt().await; // The event is stored, while the lock is held.
        let accepted = job.channel.push(event);
        if G::BY_HAND {
            bench.own.let_go(held.name);
        }
        accepted
    }
}

/// The router.
pub type JobLock = Workbench<Locked<EachJob, ByGuard>>;
