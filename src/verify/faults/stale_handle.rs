//! Leaky: a handle is a name, and an emit goes to whoever bears it.
//!
//! A handle without a generation: a straggler of a job that is over emits into the job that was created under its
//! name since. The seed's project had nothing else; vLLM met it when request ids came round again.
//!
//! Expected: G1, since the new job's readers read the old one's event. Found by `interleaved` where a name is used
//! again while a straggler still emits. It is the plain router with one look-up too many.

use super::about::{About, Kind};
use super::workbench::{Design, Job, Workbench};
use crate::verify::guarantee::Guarantee;
use crate::verify::subject::Refused;

/// The exhibit.
pub const ABOUT: About = About {
    id: "stale-handle",
    kind: Kind::Leaky,
    defect: "an emit looks its channel up by name, so that a straggler reaches the next life of the name",
    incident: "vLLM#27987; rbee narration-core, sink by name; leak catalogue C06",
    expected: &[Guarantee::G1],
    methods: &["interleaved"],
};

/// The name is the handle.
#[derive(Debug, Default)]
pub struct ByName;

impl Design for ByName {
    async fn emit(bench: &Workbench<Self>, job: &Job, event: &str) -> Result<(), Refused> {
        bench.jobs.find(&job.name)?.push(event) // THE DEFECT: whoever bears the name now.
    }
}

/// The router.
pub type StaleHandle = Workbench<ByName>;
