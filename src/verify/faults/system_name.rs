//! Leaky: the operators' channel stands among the jobs, under a name that anybody may use.
//!
//! A reserved word that nobody reserves. Mercure keeps its own topics apart and rejects who publishes there, because
//! somebody would.
//!
//! Expected: G3, since who asks for the job called `system` reads the operators' narration, or speaks to them; G2,
//! since an emit to it is accepted though there is no such job. Found by `interleaved` with a job of that name.

use super::about::{About, Kind};
use super::workbench::{Design, Job, Workbench};
use crate::verify::guarantee::Guarantee;
use crate::verify::subject::Refused;
use std::sync::Arc;

/// The exhibit.
pub const ABOUT: About = About {
    id: "system-name",
    kind: Kind::Leaky,
    defect: "the system's channel is found under the name system: whoever asks for a job of that name reads the \
             operators' narration",
    incident: "Mercure's reserved topics; reserved event names (leak catalogue C45, C56)",
    expected: &[Guarantee::G3, Guarantee::G2],
    methods: &["interleaved"],
};

/// One namespace for all.
#[derive(Debug, Default)]
pub struct Reserved;

impl Design for Reserved {
    async fn find(bench: &Workbench<Self>, name: &str) -> Result<Job, Refused> {
        if name == "system" {
            return Ok(Job::new(name, Arc::clone(&bench.system))); // THE DEFECT: a job may be called that.
        }
        bench.look_up(name)
    }
}

/// The router.
pub type SystemName = Workbench<Reserved>;
