//! Leaky: a close of a job that is over is accepted too, and changes its outcome.
//!
//! Shaped after the job registry of the seed's project, whose `update_state` checks no transition: a job was
//! cancelled, the caller was told so, and then the executor ran and wrote `Completed` over it, in 110 of 200 trials.
//!
//! Expected: G9, since the end contradicts the close that was acknowledged. Found by `interleaved` where a
//! cancellation races with the job's own end and somebody reads after both.

use super::about::{About, Kind};
use super::support::lock;
use super::workbench::{Design, Job, Workbench};
use crate::verify::guarantee::Guarantee;
use crate::verify::subject::{Outcome, Refused};

/// The exhibit.
pub const ABOUT: About = About {
    id: "cancel-lost-update",
    kind: Kind::Leaky,
    defect: "a second close overwrites the outcome of the first, which had been acknowledged",
    incident: "rbee job-server, fault 32 CANCEL-LOST-UPDATE (319b5089 until its last commit)",
    expected: &[Guarantee::G9],
    methods: &["interleaved"],
};

/// The last word counts.
#[derive(Debug, Default)]
pub struct LastWord;

impl Design for LastWord {
    async fn close(_bench: &Workbench<Self>, job: &Job, outcome: Outcome) -> Result<(), Refused> {
        if job.channel.seal(outcome).is_err() {
            lock(&job.channel.state).outcome = Some(outcome); // THE DEFECT: it was over, with another outcome.
        }
        Ok(())
    }
}

/// The router.
pub type CancelLostUpdate = Workbench<LastWord>;
