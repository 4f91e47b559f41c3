//! How jobs are kept apart: channels, lives, and the one place where a name meets a channel.
//!
//! This is the part of narrowcast that the guarantees are about, small enough to be read in one sitting, in this order:
//!
//! 1. [`log`]: what a job retains. Plain data: positions, chunks of encoded events, exact eviction.
//! 2. [`wake`]: who waits. Plain data: registered wakers, taken out under the lock and woken outside it.
//! 3. [`channel`]: one incarnation of one job: a log, its waiters and its end behind one short lock.
//! 4. [`registry`]: name -> channel, and the closed jobs that linger until somebody has read them.
//! 5. [`rights`]: what callers hold: [`Owner`], [`Emitter`], [`Reader`], [`Stream`].
//!
//! # What it upholds
//! - **Isolation by construction (G1, G2).** A right holds the channel itself, not a name. An emit reaches the one
//!   log that its right points to; there is no table to look a wrong channel up in and no second choice. Whoever has
//!   only a name goes through [`Kernel::find`], which answers with a right to that one incarnation or not at all.
//! - **Open before emit (G4).** A channel enters the registry complete, in one step; no right to it exists before.
//! - **Counted loss (G6).** Positions count accepted events of one incarnation. What is skipped is a difference.
//! - **One end (G9).** The outcome is set once, in the step that stops emits; a stream ends at the tail of such a log.
//! - **Reclaimed (G10).** The registry forgets by identity (this channel), never by name.
//!
//! # What it does not do
//! No I/O, clock, randomness, spawning or global state: ids, hash seed, capacities and times are passed in. It does not
//! know what an event is: it carries frames of bytes. It imports `narration`'s names and outcomes, `bytes`, and its
//! `sync` shim, because this very source is compiled with std's primitives, with loom's and with shuttle's.
//!
//! # Locks
//! Order: a registry shard before a channel; the lingering list alone. None is held across a wake, a drop of callers'
//! values, an await or any caller's code. Every lock ignores poison: no critical section can panic halfway through a
//! change (each says so where it is not plain), so an unwinding caller takes no other down.

pub mod channel;
pub mod log;
pub mod registry;
pub mod rights;
pub mod wake;

pub use log::{Batch, Frame};
pub use registry::{Counts, Kernel, Setup};
pub use rights::{Arrival, Delivery, Emitter, Owner, Position, Reader, Since, Stream};

use super::sync;
use crate::narration::Outcome;
use std::fmt;

/// Why an operation was refused. Nothing of it took effect, nothing was delivered anywhere, and it was counted
/// ([`Kernel::counts`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "a refusal says that nothing was done, and why"]
pub enum Refused {
    /// No job of this name is known. Create it first, or check the name: names are compared byte for byte.
    Unknown,
    /// The job is over, with this outcome. What it emitted can still be read while it lingers.
    Closed(Outcome),
    /// Somebody works on the job already. A job is started once.
    Running,
    /// A job of this name is open. Close it first, or take another name.
    InUse,
    /// The event is larger than a job may emit at once (`limit` bytes, encoded).
    TooLarge {
        /// The limit, in bytes of the encoded event.
        limit: usize,
    },
    /// The position does not belong to this incarnation, or lies beyond what it has emitted.
    ForeignPosition,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::Unknown => f.write_str("no such job"),
            Refused::Closed(outcome) => write!(f, "the job is over ({outcome})"),
            Refused::Running => f.write_str("somebody works on the job already"),
            Refused::InUse => f.write_str("a job of this name is open"),
            Refused::TooLarge { limit } => write!(f, "the event is larger than {limit} bytes"),
            Refused::ForeignPosition => f.write_str("the position is not one of this job"),
        }
    }
}

impl std::error::Error for Refused {}
