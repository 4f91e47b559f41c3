//! Leaky: a job that fails is left open.
//!
//! Shaped after the job server of the seed's project: when the executor panicked, neither the state's update nor the
//! channel's removal ran. Clients of the hive waited for ever, and the sender stayed. The happy path closes properly,
//! and is what tests walk.
//!
//! Expected: G9, since no stream is given its end; G2, since emits to the failed job are still accepted. Found by
//! `interleaved` with any program that closes a job as failed.

use super::about::{About, Kind};
use super::workbench::{Design, Job, Workbench};
use crate::verify::guarantee::Guarantee;
use crate::verify::subject::{Outcome, Refused};

/// The exhibit.
pub const ABOUT: About = About {
    id: "panic-forgets-close",
    kind: Kind::Leaky,
    defect: "a job that is closed as failed stays open: its streams never end and its emits are accepted",
    incident: "rbee job-server, fault 24 EXECUTOR-PANIC (always); fault 9 HAPPY-PATH-CLEANUP",
    expected: &[Guarantee::G9, Guarantee::G2],
    methods: &["interleaved"],
};

/// Closes on the happy path.
#[derive(Debug, Default)]
pub struct HappyPath;

impl Design for HappyPath {
    async fn close(_bench: &Workbench<Self>, job: &Job, outcome: Outcome) -> Result<(), Refused> {
        if outcome == Outcome::Failed {
            return Ok(()); // THE DEFECT: what should have closed it has unwound.
        }
        job.channel.seal(outcome)
    }
}

/// The router.
pub type PanicForgetsClose = Workbench<HappyPath>;
