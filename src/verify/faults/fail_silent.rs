//! Leaky: whoever asks for a job that is not there is given something to talk to.
//!
//! Shaped after what the seed's document calls fail-fast: an event without a channel was dropped, and nothing failed.
//! There was no error, no counter and no log; streams were empty, and it took the project seven days to find out that
//! failures were among what was dropped.
//!
//! Expected: G2, since what cannot be routed is accepted. Found by `interleaved` where an emit by name comes before
//! the create; ordinary tests ask only that nobody reads it.

use super::about::{About, Kind};
use super::support::Channel;
use super::workbench::{Design, Job, Workbench};
use crate::verify::guarantee::Guarantee;
use crate::verify::subject::Refused;

/// The exhibit.
pub const ABOUT: About = About {
    id: "fail-silent",
    kind: Kind::Leaky,
    defect: "an emit to a job that does not exist is accepted and dropped",
    incident: "rbee narration-core, fault 13 UNROUTED-NARRATION (at least seven times); claim 9 of the seed, \
               fail-fast",
    expected: &[Guarantee::G2],
    methods: &["interleaved"],
};

/// Always finds something.
#[derive(Debug, Default)]
pub struct Void;

impl Design for Void {
    async fn find(bench: &Workbench<Self>, name: &str) -> Result<Job, Refused> {
        // THE DEFECT: a channel that nobody will ever read.
        Ok(bench.look_up(name).unwrap_or_else(|_| Job::new(name, Channel::new(0))))
    }
}

/// The router.
pub type FailSilent = Workbench<Void>;
