//! Near-miss: an emit that does not see its acknowledgement in time emits again, under a key by which a repetition is
//! known.
//!
//! At least once on the way, at most once in the channel.
//!
//! One edit away from [`retry_without_key`](super::retry_without_key), which has no such key: [`Keys::knows`].

use super::about::{About, Kind};
use super::support::lock;
use super::workbench::{Design, Job, Workbench};
use crate::verify::subject::{Refused, preempt};
use std::collections::BTreeSet;
use std::marker::PhantomData;
use std::sync::Mutex;

/// The exhibit.
pub const ABOUT: About = About {
    id: "near-keyed-retry",
    kind: Kind::NearMiss,
    defect: "none: an emit that may not have arrived is repeated, and the channel knows what it has; without that, \
             it is retry-without-key",
    incident: "idempotency keys; JetStream Nats-Msg-Id",
    expected: &[],
    methods: &[],
};

/// Whether a repetition is known.
pub trait Keys: Send + Sync + 'static {
    /// Whether an event of this key was accepted before.
    fn knows(accepted: &BTreeSet<String>, key: &str) -> bool;
}

/// By its key.
#[derive(Debug)]
pub struct Kept;

impl Keys for Kept {
    fn knows(accepted: &BTreeSet<String>, key: &str) -> bool {
        accepted.contains(key)
    }
}

/// Emits until it is acknowledged.
#[derive(Debug)]
pub struct Retrying<K> {
    accepted: Mutex<BTreeSet<String>>,
    keys: PhantomData<fn() -> K>,
}

impl<K> Default for Retrying<K> {
    fn default() -> Self {
        Retrying { accepted: Mutex::default(), keys: PhantomData }
    }
}

impl<K: Keys> Retrying<K> {
    fn push_once(&self, job: &Job, event: &str) -> Result<(), Refused> {
        // An event's text is its key: the harness's are all different.
        let mut accepted = lock(&self.accepted);
        if !K::knows(&accepted, event) {
            job.channel.push(event)?;
            accepted.insert(event.to_owned());
        }
        Ok(())
    }
}

impl<K: Keys> Design for Retrying<K> {
    async fn emit(bench: &Workbench<Self>, job: &Job, event: &str) -> Result<(), Refused> {
        bench.own.push_once(job, event)?;
        preempt().await;
        // The acknowledgement is the newest event. Who finds another's there takes his own for lost.
        let acknowledged = lock(&job.channel.state).events.back().is_some_and(|newest| newest == event);
        if !acknowledged {
            // The job may be over by now; the first attempt was accepted.
            let _ = bench.own.push_once(job, event);
        }
        Ok(())
    }
}

/// The router.
pub type KeyedRetry = Workbench<Retrying<Kept>>;
