//! Leaky: one asynchronous lock for all jobs is let go of by hand, and so not by an emit that is cancelled.
//!
//! A busy flag, set before an await and cleared after it. Where the future is dropped in between (a timeout, a client that
//! went away) nobody clears it. The same happened with pooled connections that were handed back by a call.
//!
//! Expected: G7, where one job's emit is cancelled or panics at its await. It is
//! [`lock_across_await`](super::lock_across_await) without its guard's drop.

use super::about::{About, Kind};
use super::lock_across_await::WholeRouter;
use super::near_job_lock::{LetGo, Locked};
use super::workbench::Workbench;
use crate::verify::guarantee::Guarantee;

/// The exhibit.
pub const ABOUT: About = About {
    id: "abandoned-lock",
    kind: Kind::Leaky,
    defect: "a lock that all jobs share is let go of by a call after an await: an emit that is cancelled there holds it \
             for ever",
    incident: "redis-py#2624, deadpool#97 (what a cancelled call leaves behind); leak catalogue C17, C23",
    expected: &[Guarantee::G7],
    methods: &["interleaved"],
};

/// By a call after the work.
#[derive(Debug)]
pub struct ByHand;

impl LetGo for ByHand {
    const BY_HAND: bool = true; // THE DEFECT: a future that is dropped at its await makes no calls.
}

/// The router.
pub type AbandonedLock = Workbench<Locked<WholeRouter, ByHand>>;
