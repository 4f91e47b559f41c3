//! Leaky: an emit waits until every reader has room, those of other jobs included.
//!
//! One bounded broadcast for all jobs, filtered at its readers: nothing is dropped, since the emitter waits for the slowest.
//! A reader that stops reading one job then stops every job's emitters.
//!
//! Expected: G7, where one job's reader stalls before a full queue. It is the near-miss
//! [`near_bounded_queue`](super::near_bounded_queue) with everybody's readers waited for.

use super::about::{About, Kind};
use super::near_bounded_queue::{Bounded, Waits};
use super::workbench::Workbench;
use crate::verify::guarantee::Guarantee;

/// The exhibit.
pub const ABOUT: About = About {
    id: "blocking-broadcast",
    kind: Kind::Leaky,
    defect: "one bounded queue for all jobs, and its emitters wait: the stalled reader of one job blocks every other \
             job's emits",
    incident: "ChatGPT, 17 June 2024 (event publishing did blocking IO); everruns#584; leak catalogue C23, C24",
    expected: &[Guarantee::G7],
    methods: &["interleaved"],
};

/// Everybody's.
#[derive(Debug)]
pub struct AllReaders;

impl Waits for AllReaders {
    fn concern(_own: usize, _job: usize) -> bool {
        true // THE DEFECT: whosever they are.
    }
}

/// The router.
pub type BlockingBroadcast = Workbench<Bounded<AllReaders>>;
