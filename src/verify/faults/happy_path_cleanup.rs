//! Leaky: a job that has ended is cleaned up on the happy path only.
//!
//! Shaped after the seed's first job channels, which were removed in one branch of the stream's loop; whoever left it by
//! another (a disconnect, a panic, a closed channel) left the channel behind. Here the branch is that of success: what
//! failed or was cancelled stays for ever, and nobody can reach it any more.
//!
//! Expected: G10, since the router then holds something of a job that was read to its end. Found by `interleaved` where
//! a job fails. It is the near-miss [`near_lingering`](super::near_lingering) that looks at the outcome first.

use super::about::{About, Kind};
use super::near_lingering::{Lingering, Reclaim};
use super::workbench::Workbench;
use crate::verify::guarantee::Guarantee;
use crate::verify::subject::Outcome;

/// The exhibit.
pub const ABOUT: About = About {
    id: "happy-path-cleanup",
    kind: Kind::Leaky,
    defect: "what a job holds is cleaned up when it completes, and kept for ever when it fails or is cancelled",
    incident: "rbee, faults 9 HAPPY-PATH-CLEANUP (80b7050d) and 24 EXECUTOR-PANIC",
    expected: &[Guarantee::G10],
    methods: &["interleaved"],
};

/// At an end that tells of success.
#[derive(Debug)]
pub struct OnSuccess;

impl Reclaim for OnSuccess {
    fn at_end(outcome: Option<Outcome>, _newest: bool) -> bool {
        outcome == Some(Outcome::Completed) // THE DEFECT: there are other ways to end.
    }
}

/// The router.
pub type HappyPathCleanup = Workbench<Lingering<OnSuccess>>;
