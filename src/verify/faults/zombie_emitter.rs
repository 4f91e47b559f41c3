//! Leaky: an emit to a job that is over is accepted, and goes nowhere.
//!
//! Shaped after the download heartbeat of the seed's project, which nobody stopped when the download failed: it
//! narrated under the finished job's id every ten seconds, for ever, and nothing ever told it that the job was over.
//!
//! Expected: G2, since what cannot be routed must be refused. Found by `interleaved` wherever an emit follows a
//! close; ordinary tests stop emitting when they close.

use super::about::{About, Kind};
use super::workbench::{Design, Job, Workbench};
use crate::verify::guarantee::Guarantee;
use crate::verify::subject::Refused;

/// The exhibit.
pub const ABOUT: About = About {
    id: "zombie-emitter",
    kind: Kind::Leaky,
    defect: "an emit after the close is accepted and dropped, so that a forgotten task emits for ever",
    incident: "rbee, fault 38 ZOMBIE-EMITTER (since 2025-11-02)",
    expected: &[Guarantee::G2],
    methods: &["interleaved"],
};

/// Never says no.
#[derive(Debug, Default)]
pub struct Tolerant;

impl Design for Tolerant {
    async fn emit(_bench: &Workbench<Self>, job: &Job, event: &str) -> Result<(), Refused> {
        match job.channel.push(event) {
            Err(Refused::Closed) => Ok(()), // THE DEFECT: the emitter is not told.
            result => result,
        }
    }
}

/// The router.
pub type ZombieEmitter = Workbench<Tolerant>;
