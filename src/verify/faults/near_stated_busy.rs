//! Near-miss: a job takes one emit at a time, and says so to whoever comes meanwhile.
//!
//! The refusal names the job's own stated limit. That is inconvenient and honest: the emitter knows that the job is
//! there and that it may try again.
//!
//! One edit away from [`busy_refusal`](super::busy_refusal): what the emitter is told, [`Contended::refusal`].

use super::about::{About, Kind};
use super::support::{Life, lock};
use super::workbench::{Design, Job, Workbench};
use crate::verify::subject::{Refused, preempt};
use std::collections::BTreeSet;
use std::marker::PhantomData;
use std::sync::Mutex;

/// The exhibit.
pub const ABOUT: About = About {
    id: "near-stated-busy",
    kind: Kind::NearMiss,
    defect: "none: one emit at a time is the stated limit of a job, and a second one is refused by that name; by \
             another, it is busy-refusal",
    incident: "services that answer 429 with a reason",
    expected: &[],
    methods: &[],
};

/// What an emitter is told who comes while another is at it.
pub trait Contended: Send + Sync + 'static {
    /// The refusal.
    fn refusal() -> Refused;
}

/// The limit.
#[derive(Debug)]
pub struct Stated;

impl Contended for Stated {
    fn refusal() -> Refused {
        Refused::Limit
    }
}

/// The names of the jobs that are being emitted to.
#[derive(Debug)]
pub struct Turnstile<C> {
    busy: Mutex<BTreeSet<String>>,
    contended: PhantomData<fn() -> C>,
}

impl<C> Default for Turnstile<C> {
    fn default() -> Self {
        Turnstile { busy: Mutex::default(), contended: PhantomData }
    }
}

impl<C: Contended> Design for Turnstile<C> {
    async fn emit(bench: &Workbench<Self>, job: &Job, event: &str) -> Result<(), Refused> {
        if !job.channel.is_open() {
            return Err(Refused::Closed);
        }
        if !lock(&bench.own.busy).insert(job.name.to_string()) {
            return Err(C::refusal());
        }
        preempt().await;
        let result = job.channel.push(event);
        lock(&bench.own.busy).remove(&*job.name);
        result
    }
}

/// The router.
pub type StatedBusy = Workbench<Turnstile<Stated>>;
