//! Leaky: one broadcast for the whole process, and every stream delivers all of it.
//!
//! Shaped after the seed project's first sink (20 to 22 October 2025): every `GET` of a job's stream subscribed to the
//! one process-wide broadcast, so that any two concurrent jobs saw all of each other's events. It is the only cross-job
//! leak that the project ever shipped over HTTP. A socket server whose emit forgets its room does the same (leak
//! catalogue C02, C56).
//!
//! Expected: G1, wherever two jobs run; G8, since what a stream shows depends on the other job. It is the near-miss
//! [`near_shared_log`](super::near_shared_log) without its filter: that one answer is all that differs.

use super::about::{About, Kind};
use super::near_shared_log::{Hearing, SharedLog};
use crate::verify::guarantee::Guarantee;

/// The exhibit.
pub const ABOUT: About = About {
    id: "global-broadcast",
    kind: Kind::Leaky,
    defect: "one process-wide broadcast: every stream delivers every job's events",
    incident: "rbee narration-core, fault 3 GLOBAL-BROADCAST (75278db7, on HTTP from 1c2b5cf5 until 80b7050d)",
    expected: &[Guarantee::G1, Guarantee::G8],
    methods: &["interleaved"],
};

/// Everything that anybody says.
#[derive(Debug)]
pub struct Everything;

impl Hearing for Everything {
    fn hears(_own: usize, _life: usize) -> bool {
        true // THE DEFECT: nobody asks whose event it is.
    }
}

/// The router.
pub type GlobalBroadcast = SharedLog<Everything>;
