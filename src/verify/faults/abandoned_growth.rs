//! Leaky: what a job took is never given back.
//!
//! Shaped after the seed's job registry: every POST made a channel and kept a payload, whether anybody came to read or
//! not; `remove_job` had no caller, so finished jobs stayed too, without a limit and without an age. Five hundred posts
//! left five hundred channels. Here the memory is small, so that it is full soon: it holds [`MEMORY`] jobs.
//!
//! Expected: G4, since a job that was opened refuses an event for want of memory that dead jobs hold; such a limit is
//! not its own. Found by `interleaved` with a name that is closed and created again.

use super::about::{About, Kind};
use super::support::lock;
use super::workbench::{Design, Job, Workbench};
use crate::verify::guarantee::Guarantee;
use crate::verify::subject::Refused;
use std::sync::{Arc, Mutex};

/// The exhibit.
pub const ABOUT: About = About {
    id: "abandoned-growth",
    kind: Kind::Leaky,
    defect: "a job that is over keeps its channel for ever: once dead jobs hold all memory, living ones are refused",
    incident: "rbee job registry, fault 39 ABANDONED-JOB-GROWTH (always); leak catalogue C25",
    expected: &[Guarantee::G4],
    methods: &["interleaved"],
};

/// How many channels the memory holds.
pub const MEMORY: usize = 2;

/// Every channel that there ever was, the oldest first.
#[derive(Debug, Default)]
pub struct Hoard {
    kept: Mutex<Vec<Job>>,
}

impl Design for Hoard {
    async fn create(bench: &Workbench<Self>, name: &str) -> Result<Job, Refused> {
        let job = bench.open(name)?;
        lock(&bench.own.kept).push(job.clone()); // THE DEFECT: nobody takes it out again.
        Ok(job)
    }

    async fn emit(bench: &Workbench<Self>, job: &Job, event: &str) -> Result<(), Refused> {
        let has_memory = lock(&bench.own.kept).iter().take(MEMORY).any(|one| Arc::ptr_eq(&one.channel, &job.channel));
        if has_memory { job.channel.push(event) } else { Err(Refused::Other("out of memory".into())) }
    }
}

/// The router.
pub type AbandonedGrowth = Workbench<Hoard>;
