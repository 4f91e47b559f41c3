//! Leaky: all jobs share one ring, and a burst of one evicts what another's reader has not read.
//!
//! One broadcast of a hundred slots for all tenants, filtered for each: the contents are kept apart and the room is
//! not. A reader is told of what it missed when its own job speaks again, and never if that was the last word.
//!
//! Expected: G6, since the tail is lost and nobody counts it. Found by `interleaved` where one job overflows the ring
//! while another has an unread event; with one job, as in tests, it is exact. It is the near-miss
//! [`near_shared_log`](super::near_shared_log) with another's expense.

use super::about::{About, Kind};
use super::near_shared_log::{Hearing, SharedLog};
use crate::verify::guarantee::Guarantee;

/// The exhibit.
pub const ABOUT: About = About {
    id: "shared-ring",
    kind: Kind::Leaky,
    defect: "one ring for all jobs: a busy job evicts a quiet one's unread events, whose reader is told nothing",
    incident: "hoister#106 (one 100-slot broadcast for all tenants); leak catalogue C22",
    expected: &[Guarantee::G6],
    methods: &["interleaved"],
};

/// Everybody's expense.
#[derive(Debug)]
pub struct OneRing;

impl Hearing for OneRing {
    fn hears(own: usize, life: usize) -> bool {
        own == life
    }

    fn gives_way(_emitter: usize, _life: usize) -> bool {
        true // THE DEFECT: whoever is oldest goes.
    }
}

/// The router.
pub type SharedRing = SharedLog<OneRing>;
