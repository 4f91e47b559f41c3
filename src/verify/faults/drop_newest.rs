//! Leaky: a full queue drops what comes, and neither counts it nor says so.
//!
//! Shaped after the bounded `mpsc` that the seed's project went over to: `try_send` on a full channel fails, its
//! answer was discarded, and a reader who fell behind got the oldest events and never learned that there were newer
//! ones.
//!
//! Expected: G6. Found by `interleaved` with any program that overflows a queue. It is the near-miss
//! [`near_drop_oldest`](super::near_drop_oldest) with another way to make room.

use super::about::{About, Kind};
use super::near_drop_oldest::{DropOldest, OnLag, Queue};
use crate::verify::guarantee::Guarantee;

/// The exhibit.
pub const ABOUT: About = About {
    id: "drop-newest",
    kind: Kind::Leaky,
    defect: "a full queue drops the newest event, without a count or a word to anybody",
    incident: "rbee narration-core, fault 15 SILENT-DROP-NEWEST (60b30539 until its last commit)",
    expected: &[Guarantee::G6],
    methods: &["interleaved"],
};

/// At the newest event's expense.
#[derive(Debug)]
pub struct Refusing;

impl OnLag for Refusing {
    fn overflow(queue: &mut Queue) {
        queue.events.pop_back(); // THE DEFECT: and nobody counts it.
    }
}

/// The router.
pub type DropNewest = DropOldest<Refusing>;
