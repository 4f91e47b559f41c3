//! Leaky: to end a job ends every job whose name begins with its own.
//!
//! Shaped after a service that stopped a session's processes by a match of their names' beginnings. Whoever cancels
//! `a` cancels `ab`.
//!
//! Expected: G9, since the other job's streams end before anybody closed it; G4, since emits to it are refused. Found
//! by `interleaved` with jobs called `a` and `ab`.

use super::about::{About, Kind};
use super::workbench::{Design, Job, Workbench};
use crate::verify::guarantee::Guarantee;
use crate::verify::subject::{Outcome, Refused};

/// The exhibit.
pub const ABOUT: About = About {
    id: "cleanup-by-prefix",
    kind: Kind::Leaky,
    defect: "close also closes every job whose name starts with the closed one's",
    incident: "winsenlabs/platos#46; Langflow CVE-2026-10560; leak catalogue C21",
    expected: &[Guarantee::G9, Guarantee::G4],
    methods: &["interleaved"],
};

/// Cleans up thoroughly.
#[derive(Debug, Default)]
pub struct Sweep;

impl Design for Sweep {
    async fn close(bench: &Workbench<Self>, job: &Job, outcome: Outcome) -> Result<(), Refused> {
        job.channel.seal(outcome)?;
        for (name, channel) in bench.jobs.others(&job.name) {
            if name.starts_with(&*job.name) {
                let _ = channel.seal(outcome); // THE DEFECT: that is somebody else's.
            }
        }
        Ok(())
    }
}

/// The router.
pub type CleanupByPrefix = Workbench<Sweep>;
