//! Near-miss: events are numbered in one book of the whole router, and readers are shown their job's own numbers.
//!
//! One edit away from [`global_cursor`](super::global_cursor), which shows the place among all: [`Numbering::shown`].

use super::about::{About, Kind};
use super::global_cursor::{Numbered, Numbering};
use super::workbench::Workbench;

/// The exhibit.
pub const ABOUT: About = About {
    id: "near-own-cursor",
    kind: Kind::NearMiss,
    defect: "none: event ids are kept in one book of the whole router, and each is the event's place in its own job; \
             with the place among all, it is global-cursor",
    incident: "opaque ids per job over a store that is shared (docs/service.md)",
    expected: &[],
    methods: &[],
};

/// That in its job.
#[derive(Debug)]
pub struct InItsJob;

impl Numbering for InItsJob {
    fn shown(_among_all: u64, in_its_job: u64) -> u64 {
        in_its_job
    }
}

/// The router.
pub type OwnCursor = Workbench<Numbered<InItsJob>>;
