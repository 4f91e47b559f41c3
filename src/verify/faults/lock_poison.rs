//! Leaky: one lock guards a table of all jobs, and a panic under it stops them all.
//!
//! Shaped after the sink that the seed's project had to its last commit: process-wide maps, each behind one
//! `std::sync::Mutex` that everybody locks with `unwrap`. Nobody found a panic that could happen under it; here readers
//! are woken under it, and a reader's waker is the reader's code.
//!
//! Expected: G7, since after one job's reader panicked in its waker no other job can be created or narrated to. Found by
//! `interleaved` where a thread's waker panics; sequential tests have no waker of their own. It is the near-miss
//! [`near_recovered_lock`](super::near_recovered_lock) with the poison unwrapped.

use super::about::{About, Kind};
use super::near_recovered_lock::{OneTable, Poison, Sent};
use super::workbench::Workbench;
use crate::verify::guarantee::Guarantee;
use std::sync::{LockResult, MutexGuard};

/// The exhibit.
pub const ABOUT: About = About {
    id: "lock-poison",
    kind: Kind::Leaky,
    defect: "one process-wide lock, taken with unwrap and held while readers are woken: a waker that panics poisons it, \
             and every job's next call panics",
    incident: "rbee narration-core, fault 49 LOCK-POISON (60b30539 until its last commit); deno#6567; leak catalogue C26",
    expected: &[Guarantee::G7],
    methods: &["interleaved"],
};

/// It cannot happen.
#[derive(Debug)]
pub struct Unwrapped;

impl Poison for Unwrapped {
    fn taken(locked: LockResult<MutexGuard<'_, Sent>>) -> MutexGuard<'_, Sent> {
        locked.expect("nothing panics under this lock") // THE DEFECT: a waker does.
    }
}

/// The router.
pub type LockPoison = Workbench<OneTable<Unwrapped>>;
