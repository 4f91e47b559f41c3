//! The kernel with every planted patch in it, each behind its number. Made by `build.rs`; see `verify/faults`.

use std::sync::atomic::{AtomicU32, Ordering};

/// The active patch, or 0. Set once, at the start of a child process, before any kernel exists.
static ACTIVE: AtomicU32 = AtomicU32::new(0);

/// Activates a patch by its number, for the whole process.
pub fn activate(number: u32) {
    ACTIVE.store(number, Ordering::Relaxed);
}

/// Whether this patch is the active one.
#[inline]
pub fn active(number: u32) -> bool {
    ACTIVE.load(Ordering::Relaxed) == number
}

/// One planted patch, as its file describes it.
#[derive(Debug)]
pub struct Patch {
    /// Its number, by which children are told; never its name.
    pub number: u32,
    /// Its name.
    pub id: &'static str,
    /// The defect in one sentence.
    pub defect: &'static str,
    /// The real incident it is shaped after.
    pub incident: &'static str,
    /// The guarantees it breaks, by id.
    pub expected: &'static [&'static str],
    /// The model that must kill it.
    pub model: &'static str,
    /// The kernel's file that it changes.
    pub file: &'static str,
    /// Its passage still stands there, exactly once. If not, it is in no copy, and counts as a fault that was not
    /// found.
    pub applies: bool,
}

include!(concat!(env!("OUT_DIR"), "/patches.rs"));

/// Over loom's primitives.
#[doc(hidden)]
#[allow(
    clippy::all,
    missing_docs,
    unused,
    unreachable_pub,
    reason = "made by build.rs from files that are linted where they stand"
)]
pub mod loom {
    pub use crate::compiled::loom::sync;
    include!(concat!(env!("OUT_DIR"), "/guarded.rs"));
}

/// Over shuttle's primitives.
#[doc(hidden)]
#[allow(
    clippy::all,
    missing_docs,
    unused,
    unreachable_pub,
    reason = "made by build.rs from files that are linted where they stand"
)]
pub mod shuttle {
    pub use crate::compiled::shuttle::sync;
    include!(concat!(env!("OUT_DIR"), "/guarded.rs"));
}

/// Over std's primitives.
#[doc(hidden)]
#[allow(
    clippy::all,
    missing_docs,
    unused,
    unreachable_pub,
    reason = "made by build.rs from files that are linted where they stand"
)]
pub mod native {
    pub use crate::compiled::native::sync;
    include!(concat!(env!("OUT_DIR"), "/guarded.rs"));
}
