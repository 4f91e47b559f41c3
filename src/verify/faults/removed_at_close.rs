//! Leaky: a job is removed as soon as it is over, whether anybody has read it or not.
//!
//! Shaped after what the seed's project did against streams that never ended: the end of the job removed its channel.
//! A job that was done before its reader came (or whose capture task had lines left) lost its output, and the client was
//! told that there was no such job.
//!
//! Expected: G10, since the late reader is refused. Found by `interleaved` where a close overtakes the first subscribe.
//! It is the near-miss [`near_lingering`](super::near_lingering) that does not wait for a reader.

use super::about::{About, Kind};
use super::near_lingering::{Lingering, Reclaim};
use super::workbench::Workbench;
use crate::verify::guarantee::Guarantee;

/// The exhibit.
pub const ABOUT: About = About {
    id: "removed-at-close",
    kind: Kind::Leaky,
    defect: "a job is removed at its close, and whoever comes to read it a moment later is told that it never was",
    incident: "rbee, faults 10 EARLY-GUARD, 37 DETACHED-READERS, and the repair of 21 (5c56459c); leak catalogue C20",
    expected: &[Guarantee::G10],
    methods: &["interleaved"],
};

/// At once.
#[derive(Debug)]
pub struct AtClose;

impl Reclaim for AtClose {
    fn at_close() -> bool {
        true // THE DEFECT: nobody may have read it yet.
    }
}

/// The router.
pub type RemovedAtClose = Workbench<Lingering<AtClose>>;
