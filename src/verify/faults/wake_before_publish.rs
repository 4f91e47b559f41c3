//! Leaky: an emit wakes the readers, and then writes the event.
//!
//! A reader that is quick finds nothing, goes back to sleep, and nobody wakes it again: the lost wake-up, as old as
//! condition variables.
//!
//! Expected: G6, since the event neither comes nor is counted though its reader waits for it. Found by `interleaved`
//! where the reader goes between the wake and the write; whoever polls to see what is there, as tests do, finds it.

use super::about::{About, Kind};
use super::support::lock;
use super::workbench::{Design, Job, Workbench};
use crate::verify::guarantee::Guarantee;
use crate::verify::subject::{Refused, preempt};
use std::task::Waker;

/// The exhibit.
pub const ABOUT: About = About {
    id: "wake-before-publish",
    kind: Kind::Leaky,
    defect: "an emit wakes the waiting readers before it writes the event: one that looks at once finds nothing and \
             is never woken again",
    incident: "the lost wake-up; the first of the kernel patches that docs/architecture.md asks for",
    expected: &[Guarantee::G6],
    methods: &["interleaved"],
};

/// Wakes too early.
#[derive(Debug, Default)]
pub struct Early;

impl Design for Early {
    async fn emit(_bench: &Workbench<Self>, job: &Job, event: &str) -> Result<(), Refused> {
        let waiting = std::mem::take(&mut lock(&job.channel.state).waiting);
        waiting.into_iter().for_each(Waker::wake);
        preempt().await; // THE DEFECT: who wakes now finds nothing.
        job.channel.push_unheard(event).map(|sleepers| lock(&job.channel.state).waiting.extend(sleepers))
    }
}

/// The router.
pub type WakeBeforePublish = Workbench<Early>;
