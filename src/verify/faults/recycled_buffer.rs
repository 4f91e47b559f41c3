//! Leaky: a buffer comes back to the free list uncleared when its emit was refused.
//!
//! Shaped after Jetty's buffer pool: the ordinary path cleared what it gave back, an error path did not, and the next
//! request found the tail of somebody else's.
//!
//! Expected: G1, since the next event of whatever job begins with the refused one; G2, since what was refused is
//! delivered after all. Found by `interleaved` where an emit follows one that was refused; tests that are refused
//! stop there.

use super::about::{About, Kind};
use super::support::lock;
use super::workbench::{Design, Job, Workbench};
use crate::verify::guarantee::Guarantee;
use crate::verify::subject::Refused;
use std::sync::Mutex;

/// The exhibit.
pub const ABOUT: About = About {
    id: "recycled-buffer",
    kind: Kind::Leaky,
    defect: "a refused emit returns its buffer to the free list without clearing it: the next event, of any job, is \
             appended to the refused one",
    incident: "Jetty CVE-2019-17638, CVE-2015-2080; GitHub, March 2021; leak catalogue C18",
    expected: &[Guarantee::G1, Guarantee::G2],
    methods: &["interleaved"],
};

/// Buffers to be used again.
#[derive(Debug, Default)]
pub struct FreeList {
    buffers: Mutex<Vec<String>>,
}

impl Design for FreeList {
    async fn emit(bench: &Workbench<Self>, job: &Job, event: &str) -> Result<(), Refused> {
        let mut buffer = lock(&bench.own.buffers).pop().unwrap_or_default();
        buffer.push_str(event);
        let result = job.channel.push(&buffer);
        if result.is_ok() {
            buffer.clear(); // THE DEFECT: on this path only.
        }
        lock(&bench.own.buffers).push(buffer);
        result
    }
}

/// The router.
pub type RecycledBuffer = Workbench<FreeList>;
