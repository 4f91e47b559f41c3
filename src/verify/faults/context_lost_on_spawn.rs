//! Leaky: an emit that finds another one under way is finished by a spawned task, which knows of no job.
//!
//! Shaped after the seed's project once its narration took the job from a task-local context: `tokio::spawn` and
//! `spawn_blocking` start without it, the narration there had no job, and what had no job was dropped while its
//! emitter was told nothing.
//!
//! Expected: G6, since the event was accepted, never comes, and nobody counts it. Found by `interleaved` wherever two
//! emits overlap: the first never spawns.

use super::about::{About, Kind};
use super::workbench::{Design, Job, Workbench};
use crate::verify::guarantee::Guarantee;
use crate::verify::subject::{Refused, preempt};
use std::sync::atomic::{AtomicBool, Ordering};

/// The exhibit.
pub const ABOUT: About = About {
    id: "context-lost-on-spawn",
    kind: Kind::Leaky,
    defect: "an emit that would have to wait for another is handed to a spawned task; the task-local context does \
             not follow, and the event is dropped as accepted",
    incident: "rbee narration-core, fault 14 CONTEXT-LOST-ON-SPAWN (bf4ba8c2 until its last commit); leak catalogue \
               C13",
    expected: &[Guarantee::G6],
    methods: &["interleaved"],
};

/// Whether an emit is under way.
#[derive(Debug, Default)]
pub struct Spawning {
    busy: AtomicBool,
}

impl Design for Spawning {
    async fn emit(bench: &Workbench<Self>, job: &Job, event: &str) -> Result<(), Refused> {
        if bench.own.busy.swap(true, Ordering::AcqRel) {
            return Ok(()); // THE DEFECT: the spawned task has no job, so what it says is for nobody.
        }
        preempt().await;
        bench.own.busy.store(false, Ordering::Release);
        job.channel.push(event)
    }
}

/// The router.
pub type ContextLostOnSpawn = Workbench<Spawning>;
