//! Leaky: the name `*` means everybody.
//!
//! A word that a caller may choose and that the router takes for an instruction. `to([])` of socket.io reaches every
//! client; elsewhere it was the empty text, `null` or an all-zero UUID.
//!
//! Expected: G1. Found by `interleaved` with a job that is called so.

use super::about::{About, Kind};
use super::workbench::{Design, Job, Workbench};
use crate::verify::guarantee::Guarantee;
use crate::verify::subject::Refused;

/// The exhibit.
pub const ABOUT: About = About {
    id: "sentinel-name",
    kind: Kind::Leaky,
    defect: "an event for the job called * is delivered to every job",
    incident: "socket.io#4645; leak catalogue C56",
    expected: &[Guarantee::G1],
    methods: &["interleaved"],
};

/// Knows a word for everybody.
#[derive(Debug, Default)]
pub struct Everybody;

impl Design for Everybody {
    async fn emit(bench: &Workbench<Self>, job: &Job, event: &str) -> Result<(), Refused> {
        job.channel.push(event)?;
        if &*job.name == "*" {
            // THE DEFECT: it is a name like any other.
            for (_, channel) in bench.jobs.others(&job.name) {
                let _ = channel.push(event);
            }
        }
        Ok(())
    }
}

/// The router.
pub type SentinelName = Workbench<Everybody>;
