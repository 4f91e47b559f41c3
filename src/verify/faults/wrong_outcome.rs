//! Leaky: every end says that the job was completed.
//!
//! Shaped after the seed's queen, which never looked at the state of a job: failed or cancelled, its stream ended
//! with `[DONE]`. One of the project's tests accepts either marker and calls the difference a race.
//!
//! Expected: G9, since the end must tell the true outcome. Found by `interleaved` with any program that closes a job
//! otherwise and reads its end; ordinary tests are content with an end.

use super::about::{About, Kind};
use super::workbench::{Design, Job, Workbench};
use crate::verify::guarantee::Guarantee;
use crate::verify::subject::{Outcome, Refused};

/// The exhibit.
pub const ABOUT: About = About {
    id: "wrong-outcome",
    kind: Kind::Leaky,
    defect: "the end always says completed, whatever close said",
    incident: "rbee queen, fault 31 WRONG-TERMINAL-MARKER (until its last commit)",
    expected: &[Guarantee::G9],
    methods: &["interleaved"],
};

/// Always done.
#[derive(Debug, Default)]
pub struct AlwaysDone;

impl Design for AlwaysDone {
    async fn close(_bench: &Workbench<Self>, job: &Job, _outcome: Outcome) -> Result<(), Refused> {
        job.channel.seal(Outcome::Completed) // THE DEFECT: nobody asked how it ended.
    }
}

/// The router.
pub type WrongOutcome = Workbench<AlwaysDone>;
