//! Leaky: the sender of "the current request" stands in a slot of the thread, and an emit looks there after an await.
//!
//! Shaped after the worker of the seed's project, whose narration found its channel in a `thread_local!` (an audit
//! note in it calls that excellent). A runtime interleaves tasks on one thread: while A waited for the backend's
//! lock, B's handler overwrote the slot, and A's narration went to B's stream; whoever came after found the slot
//! emptied, and narrated to nobody.
//!
//! Expected: G1, since B reads A's event. Found by `interleaved` wherever two jobs' emits overlap, and never by tests
//! that emit one after the other.

use super::about::{About, Kind};
use super::support::lock;
use super::workbench::{Design, Job, Workbench};
use crate::verify::guarantee::Guarantee;
use crate::verify::subject::{Refused, preempt};
use std::collections::HashMap;
use std::sync::Mutex;
use std::thread::{self, ThreadId};

/// The exhibit.
pub const ABOUT: About = About {
    id: "thread-local-sender",
    kind: Kind::Leaky,
    defect: "an emit stores its job in a slot of the thread, awaits, and then sends to whatever the slot holds",
    incident: "rbee worker, fault 1 TLS-SENDER-CROSSTALK (e14860f9 until c381c72a); leak catalogue C12; NLog#1714",
    expected: &[Guarantee::G1],
    methods: &["interleaved"],
};

/// What a `thread_local!` would hold, for each thread; a router's own, so that runs share nothing.
#[derive(Debug, Default)]
pub struct Slots {
    of_threads: Mutex<HashMap<ThreadId, Job>>,
}

impl Design for Slots {
    async fn emit(bench: &Workbench<Self>, job: &Job, event: &str) -> Result<(), Refused> {
        let thread = thread::current().id();
        lock(&bench.own.of_threads).insert(thread, job.clone());
        preempt().await; // THE DEFECT: until the backend's lock is free, the slot is anybody's.
        let sender = lock(&bench.own.of_threads).remove(&thread);
        sender.map_or(Ok(()), |job| job.channel.push(event))
    }
}

/// The router.
pub type ThreadLocalSender = Workbench<Slots>;
