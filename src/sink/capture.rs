//! Events kept for a test to look at.

use super::Sink;
use crate::narration::{Event, JobId, Scope};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Keeps the first events of the router that it was given to, up to a bound, and counts the others.
///
/// Clones share what is kept: give one to the router, and ask the other. There is no process-wide capture on purpose:
/// with one, tests that run side by side read and clear each other's events.
#[derive(Debug, Clone)]
pub struct Capture {
    kept: Arc<Mutex<Kept>>,
    capacity: usize,
}

/// One event, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captured {
    /// Whose narration it is.
    pub scope: Scope,
    /// What was said.
    pub event: Event,
}

#[derive(Debug, Default)]
struct Kept {
    events: Vec<Captured>,
    omitted: u64,
}

impl Capture {
    /// How many events are kept by default.
    pub const CAPACITY: NonZeroUsize = NonZeroUsize::new(10_000).unwrap();

    /// Keeps at most `capacity` events.
    pub fn bounded(capacity: NonZeroUsize) -> Capture {
        Capture { kept: Arc::default(), capacity: capacity.get() }
    }

    /// What was kept, in the order in which it came.
    pub fn all(&self) -> Vec<Captured> {
        self.lock().events.clone()
    }

    /// What was kept of one job's narration, of all incarnations that bore this name.
    pub fn of_job(&self, job: &JobId) -> Vec<Event> {
        self.of(|scope| scope.job() == Some(job))
    }

    /// What was kept of system narration.
    pub fn of_system(&self) -> Vec<Event> {
        self.of(|scope| *scope == Scope::System)
    }

    /// How many events came when there was no more room.
    pub fn omitted(&self) -> u64 {
        self.lock().omitted
    }

    fn of(&self, wanted: impl Fn(&Scope) -> bool) -> Vec<Event> {
        self.lock().events.iter().filter(|captured| wanted(&captured.scope)).map(|c| c.event.clone()).collect()
    }

    /// No code of others runs under this lock, and each critical section leaves the list whole: a poisoned one may be
    /// read on.
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Capture {
    fn default() -> Capture {
        Capture::bounded(Capture::CAPACITY)
    }
}

impl Sink for Capture {
    fn accept(&self, scope: &Scope, event: &Event) {
        // Copied before the lock is taken: it is held for a push.
        let captured = Captured { scope: scope.clone(), event: event.clone() };
        let mut kept = self.lock();
        if kept.events.len() < self.capacity {
            kept.events.push(captured);
        } else {
            kept.omitted += 1;
        }
    }
}
