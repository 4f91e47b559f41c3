//! Leaky: an emit wakes one of those who wait for it.
//!
//! `notify_one` where `notify_waiters` was meant. With one reader it is right; of two, one sleeps over an event that
//! stands in its channel, and over the rest of an open job's life.
//!
//! Expected: G6, since the event neither comes nor is counted though its reader waits for it. Found by `interleaved`
//! where two readers wait at once; whoever polls to see what is there, as tests do, finds it.

use super::about::{About, Kind};
use super::support::lock;
use super::workbench::{Design, Job, Workbench};
use crate::verify::guarantee::Guarantee;
use crate::verify::subject::Refused;

/// The exhibit.
pub const ABOUT: About = About {
    id: "wake-one",
    kind: Kind::Leaky,
    defect: "an emit wakes one waiting reader of the job; the others sleep on",
    incident: "notify_one for notify_waiters (std Condvar, tokio Notify); the hangs of rbee fault 21 \
               CHANNEL-NEVER-CLOSED looked like it",
    expected: &[Guarantee::G6],
    methods: &["interleaved"],
};

/// Wakes one.
#[derive(Debug, Default)]
pub struct NotifyOne;

impl Design for NotifyOne {
    async fn emit(_bench: &Workbench<Self>, job: &Job, event: &str) -> Result<(), Refused> {
        let mut waiting = job.channel.push_unheard(event)?.into_iter();
        let one = waiting.next();
        // THE DEFECT: the others go back to sleep, with something to read.
        lock(&job.channel.state).waiting.extend(waiting);
        one.into_iter().for_each(|waker| waker.wake());
        Ok(())
    }
}

/// The router.
pub type WakeOne = Workbench<NotifyOne>;
