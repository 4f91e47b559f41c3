//! Where narration goes besides the streams of jobs: what operators see.
//!
//! A [`Sink`] is given every accepted event of its router together with its [`Scope`]. It is for operators and tests:
//! streams are served by the kernel alone, and nothing that happens in a sink can reach one.
//!
//! - [`Stderr`]: one line an event, in the [text format](crate::narration::text), written by a thread of its own.
//! - [`Queued`]: any other sink, behind a bounded queue and a thread of its own, so that it may block.
//! - [`Capture`]: keeps events for a test to look at; belongs to the router that it was given to, never to a process.
#![cfg_attr(feature = "tracing", doc = "- [`Tracing`]: hands every event on to the `tracing` ecosystem.")]
//!
//! And how a stream leaves the house: [`sse`] writes, and reads, the frames of server-sent events.

mod capture;
mod queued;
pub mod sse;
mod stderr;
#[cfg(feature = "tracing")]
mod tracing;

#[cfg(test)]
mod tests;

#[cfg(feature = "tracing")]
pub use self::tracing::Tracing;
pub use capture::{Capture, Captured};
pub use queued::{QueueTally, Queued};
pub use stderr::{Stderr, Tally};

use crate::narration::{Event, Scope};
use std::sync::Arc;

/// A place where operators see narration.
///
/// [`accept`](Sink::accept) is called on the emitter's own thread, after the event has been accepted, with no lock of
/// the router held. Emitters of all jobs meet in a sink; whatever one of them could wait for or trip over would be
/// felt by another job (G7). So a sink may not
/// - block: no I/O, no waiting for room, no lock that is held during either. What it cannot take at once it drops and
///   counts. A sink that cannot promise this is put behind [`Queued`], which can;
/// - fail or panic: there is nobody to tell. What goes wrong is counted;
/// - emit, create, close or subscribe: a sink that narrates what it is told has no end;
/// - keep without bound: what it holds is limited, and what it could not hold is counted;
/// - hand one job's narration to anybody who is no operator (G3).
pub trait Sink: Send + Sync {
    /// Takes notice of one event.
    fn accept(&self, scope: &Scope, event: &Event);
}

impl<S: Sink + ?Sized> Sink for Arc<S> {
    fn accept(&self, scope: &Scope, event: &Event) {
        (**self).accept(scope, event);
    }
}
