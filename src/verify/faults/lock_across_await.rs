//! Leaky: emits of all jobs take turns behind one asynchronous lock, which is held across an await.
//!
//! Nothing is wrong with it as long as everybody goes on. A task that is not polled any more while it holds the lock (a
//! `select!` that awaits something else in its branch, a stream that is buffered and not driven) keeps every job waiting.
//!
//! Expected: G7, where one job's emitter stalls amid its emit. It is the near-miss [`near_job_lock`](super::near_job_lock)
//! with one lock for all.

use super::about::{About, Kind};
use super::near_job_lock::{ByGuard, Locked, Turnstile};
use super::workbench::Workbench;
use crate::verify::guarantee::Guarantee;

/// The exhibit.
pub const ABOUT: About = About {
    id: "lock-across-await",
    kind: Kind::Leaky,
    defect: "one asynchronous lock for all jobs is held across an await: an emitter that is never polled again keeps \
             every job's emits waiting",
    incident: "rbee DownloadTracker (awaits each subscriber under a lock), leak catalogue C23; Oxide RFD 609 (futurelock)",
    expected: &[Guarantee::G7],
    methods: &["interleaved"],
};

/// Those of the whole router.
#[derive(Debug)]
pub struct WholeRouter;

impl Turnstile for WholeRouter {
    fn of(_job: &str) -> &str {
        "" // THE DEFECT: one for all.
    }
}

/// The router.
pub type LockAcrossAwait = Workbench<Locked<WholeRouter, ByGuard>>;
