//! Leaky: to create a job that is there replaces its channel.
//!
//! Shaped after `create_job_channel` of the seed's project, a map insert without a look at what stood there: the
//! first owner's stream closes in the middle of his job, and what he emits goes nowhere. Unique ids hide it, until
//! somebody supplies them.
//!
//! Expected: G9, since a stream of an open job ends. Found by `interleaved` wherever two create one job.

use super::about::{About, Kind};
use super::support::Channel;
use super::workbench::{Design, Job, Workbench};
use crate::verify::guarantee::Guarantee;
use crate::verify::subject::{Outcome, Refused};
use std::sync::Arc;

/// The exhibit.
pub const ABOUT: About = About {
    id: "id-reuse-overwrite",
    kind: Kind::Leaky,
    defect: "create replaces the channel of an open job: the first owner's streams end and his emits are refused",
    incident: "rbee narration-core, fault 18 ID-REUSE-OVERWRITE (80b7050d until its last commit); vLLM#10583; leak \
               catalogue C04, C05",
    expected: &[Guarantee::G9],
    methods: &["interleaved"],
};

/// A map insert.
#[derive(Debug, Default)]
pub struct Insert;

impl Design for Insert {
    async fn create(bench: &Workbench<Self>, name: &str) -> Result<Job, Refused> {
        let channel = Channel::new(bench.retain);
        // THE DEFECT: nobody asks whether the name is taken.
        if let Some(replaced) = bench.jobs.replace(name, Arc::clone(&channel)) {
            // Its sender is dropped, which closes it. It may have been closed before.
            let _ = replaced.seal(Outcome::Abandoned);
        }
        Ok(Job::new(name, channel))
    }
}

/// The router.
pub type IdReuseOverwrite = Workbench<Insert>;
