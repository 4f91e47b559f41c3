//! Leaky: a stream's idle timer is set back by whatever anybody narrates.
//!
//! Shaped after the first stream of the seed's system: it ended once nothing had come for two seconds, and everybody's
//! events counted. As long as one job talks, no other job's stream can finish.
//!
//! Expected: G7. The end comes, and it is the right one, so that no single history shows anything; but beside a job that
//! narrates it takes more of the reader's own turns than it ever does alone. It is the near-miss
//! [`near_own_idle`](super::near_own_idle) with everybody's narration counted.

use super::about::{About, Kind};
use super::near_own_idle::{Accepted, Heard, Idle};
use super::workbench::Workbench;
use crate::verify::guarantee::Guarantee;

/// The exhibit.
pub const ABOUT: About = About {
    id: "foreign-keepalive",
    kind: Kind::Leaky,
    defect: "the idle timer that lets a stream finish counts everybody's events: a job's stream cannot end while \
             another job narrates",
    incident: "rbee queen, fault 4 FOREIGN-KEEPALIVE (the 2 s idle timer of the single broadcast)",
    expected: &[Guarantee::G7],
    methods: &["interleaved"],
};

/// Everybody's.
#[derive(Debug)]
pub struct Everybody;

impl Heard for Everybody {
    fn by(_channel: usize, accepted: &Accepted) -> u64 {
        accepted.values().sum() // THE DEFECT: of all jobs.
    }
}

/// The router.
pub type ForeignKeepalive = Workbench<Idle<Everybody>>;
