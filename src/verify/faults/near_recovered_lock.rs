//! Near-miss: one lock guards a table of all jobs, is held while readers are woken, and survives a panic under it.
//!
//! A reader's waker is the reader's code. One that panics takes the emitter along that called it, and leaves the lock
//! poisoned; but the table was changed before, so whoever comes next takes it as it is.
//!
//! One edit away from [`lock_poison`](super::lock_poison): what is done about the poison, [`Poison::taken`].

use super::about::{About, Kind};
use super::workbench::{Design, Job, Workbench};
use crate::verify::subject::Refused;
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::{Arc, LockResult, Mutex, MutexGuard, PoisonError};

/// The exhibit.
pub const ABOUT: About = About {
    id: "near-recovered-lock",
    kind: Kind::NearMiss,
    defect: "none: one lock of all jobs can be poisoned by a reader's waker, and is taken all the same; unwrapped, it is \
             lock-poison",
    incident: "PoisonError::into_inner, where what the lock guards is whole",
    expected: &[],
    methods: &[],
};

/// How many events each job was sent.
pub type Sent = BTreeMap<Arc<str>, u64>;

/// What is done about a lock that somebody left in a panic.
pub trait Poison: Send + Sync + 'static {
    /// The guard.
    fn taken(locked: LockResult<MutexGuard<'_, Sent>>) -> MutexGuard<'_, Sent>;
}

/// Nothing: the table is whole.
#[derive(Debug)]
pub struct Recovered;

impl Poison for Recovered {
    fn taken(locked: LockResult<MutexGuard<'_, Sent>>) -> MutexGuard<'_, Sent> {
        locked.unwrap_or_else(PoisonError::into_inner)
    }
}

/// The table of all jobs.
#[derive(Debug)]
pub struct OneTable<P> {
    sent: Mutex<Sent>,
    poison: PhantomData<fn() -> P>,
}

impl<P> Default for OneTable<P> {
    fn default() -> Self {
        OneTable { sent: Mutex::default(), poison: PhantomData }
    }
}

impl<P: Poison> Design for OneTable<P> {
    async fn create(bench: &Workbench<Self>, name: &str) -> Result<Job, Refused> {
        let job = bench.open(name)?;
        P::taken(bench.own.sent.lock()).insert(Arc::clone(&job.name), 0);
        Ok(job)
    }

    async fn emit(bench: &Workbench<Self>, job: &Job, event: &str) -> Result<(), Refused> {
        let mut sent = P::taken(bench.own.sent.lock());
        *sent.entry(Arc::clone(&job.name)).or_default() += 1;
        // Whoever waits is woken under the lock.
        job.channel.push(event)
    }
}

/// The router.
pub type RecoveredLock = Workbench<OneTable<Recovered>>;
