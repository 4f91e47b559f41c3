//! Near-miss: a stream tells its job's end only after its job has been silent for a while.
//!
//! The end waits until nothing was narrated to the job between two looks, for the sake of stragglers. What others narrate
//! has no part in it.
//!
//! One edit away from [`foreign_keepalive`](super::foreign_keepalive): whose narration counts, [`Heard::by`].

use super::about::{About, Kind};
use super::support::lock;
use super::workbench::{Design, Job, Stream, Workbench};
use crate::verify::subject::{Delivery, Refused, preempt};
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex};

/// The exhibit.
pub const ABOUT: About = About {
    id: "near-own-idle",
    kind: Kind::NearMiss,
    defect: "none: an end is told once the job has been silent for a while; with everybody's narration counted, it is \
             foreign-keepalive",
    incident: "idle timers on streams that are kept for each stream",
    expected: &[],
    methods: &[],
};

/// How many events each channel has accepted, by the channel's address.
pub type Accepted = BTreeMap<usize, u64>;

/// Whose narration keeps a stream from its end.
pub trait Heard: Send + Sync + 'static {
    /// How much was narrated, as far as this channel's streams care.
    fn by(channel: usize, accepted: &Accepted) -> u64;
}

/// Its own job's.
#[derive(Debug)]
pub struct OwnJob;

impl Heard for OwnJob {
    fn by(channel: usize, accepted: &Accepted) -> u64 {
        accepted.get(&channel).copied().unwrap_or(0)
    }
}

/// What was narrated.
#[derive(Debug)]
pub struct Idle<H> {
    accepted: Mutex<Accepted>,
    heard: PhantomData<fn() -> H>,
}

impl<H> Default for Idle<H> {
    fn default() -> Self {
        Idle { accepted: Mutex::default(), heard: PhantomData }
    }
}

impl<H: Heard> Design for Idle<H> {
    async fn emit(bench: &Workbench<Self>, job: &Job, event: &str) -> Result<(), Refused> {
        job.channel.push(event)?;
        *lock(&bench.own.accepted).entry(Arc::as_ptr(&job.channel) as usize).or_default() += 1;
        Ok(())
    }

    async fn next(stream: &mut Stream<Self>) -> Delivery {
        let delivery = stream.in_turn().await;
        if let Delivery::End(_) = delivery {
            let channel = Arc::as_ptr(&stream.reader.channel) as usize;
            let heard = || H::by(channel, &lock(&stream.own.accepted));
            loop {
                let before = heard();
                preempt().await; // The timer runs.
                if heard() == before {
                    break;
                }
            }
        }
        delivery
    }
}

/// The router.
pub type OwnIdle = Workbench<Idle<OwnJob>>;
