//! A sink that may block, kept away from emitters.

use super::Sink;
use crate::narration::{Event, Scope};
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Any sink behind a bounded queue and a thread of its own: it may block, be slow and panic, and no emit notices.
///
/// An event that finds the queue full is not handed on, and counted as overflowed. Dropping this waits until the
/// queue has been handed on, but not longer than the deadline given (one second by default); what is left then is
/// counted as lost, and a call that hangs is left behind with its thread.
///
/// ```
/// use narrowcast::narration::{Event, Scope};
/// use narrowcast::router::Router;
/// use narrowcast::sink::{Queued, Sink};
///
/// struct SlowDisk;
/// impl Sink for SlowDisk {
///     fn accept(&self, _scope: &Scope, _event: &Event) { /* may take its time here */ }
/// }
/// let disk = Queued::new(SlowDisk);
/// let tally = disk.tally();
/// let router = Router::builder().sink(disk).build();
/// # drop(router);
/// assert_eq!((tally.overflowed(), tally.lost(), tally.panics()), (0, 0, 0));
/// ```
#[derive(Debug)]
pub struct Queued {
    /// `None` only while dropping.
    queue: Option<SyncSender<(Scope, Event)>>,
    tally: Arc<QueueTally>,
    /// Closed by the thread when it has ended. In a mutex only because a `Receiver` cannot be shared otherwise.
    ended: Mutex<Receiver<()>>,
    drain_within: Duration,
}

/// What became of the events. Each is counted once: as handed on (also if the sink panicked), overflowed or lost, or
/// it is still queued.
#[derive(Debug, Default)]
pub struct QueueTally {
    handed_on: AtomicU64,
    overflowed: AtomicU64,
    lost: AtomicU64,
    panics: AtomicU64,
    /// Not a count: set when the deadline of a drop has passed.
    abandoned: AtomicBool,
}

impl QueueTally {
    /// Events that the sink was given, and came back from.
    pub fn handed_on(&self) -> u64 {
        self.handed_on.load(Ordering::Acquire)
    }

    /// Events that found the queue full.
    pub fn overflowed(&self) -> u64 {
        self.overflowed.load(Ordering::Acquire)
    }

    /// Events that the deadline of the drop overtook, or that came when the system had refused a thread.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Acquire)
    }

    /// How often the sink panicked.
    pub fn panics(&self) -> u64 {
        self.panics.load(Ordering::Acquire)
    }
}

impl Queued {
    /// How many events are queued by default.
    pub const CAPACITY: NonZeroUsize = NonZeroUsize::new(1024).unwrap();
    /// How long a drop waits by default.
    pub const DRAIN_WITHIN: Duration = Duration::from_secs(1);

    /// With the default queue and deadline.
    pub fn new(sink: impl Sink + 'static) -> Queued {
        Queued::bounded(sink, Queued::CAPACITY, Queued::DRAIN_WITHIN)
    }

    /// Queues at most `capacity` events, and lets a drop wait for `drain_within` at most.
    ///
    /// If the system refuses a thread, this works all the same and counts every event as lost.
    pub fn bounded(sink: impl Sink + 'static, capacity: NonZeroUsize, drain_within: Duration) -> Queued {
        let (queue, events) = mpsc::sync_channel::<(Scope, Event)>(capacity.get());
        let (ending, ended) = mpsc::channel();
        let tally = Arc::new(QueueTally::default());
        let told = Arc::clone(&tally);
        let spawned = thread::Builder::new().name("narrowcast-sink".to_owned()).spawn(move || {
            for (scope, event) in events {
                if told.abandoned.load(Ordering::Acquire) {
                    told.lost.fetch_add(1, Ordering::AcqRel);
                    continue;
                }
                if catch_unwind(AssertUnwindSafe(|| sink.accept(&scope, &event))).is_err() {
                    told.panics.fetch_add(1, Ordering::AcqRel);
                }
                told.handed_on.fetch_add(1, Ordering::AcqRel);
            }
            drop(sink); // It may have something to finish, which the deadline of our drop is there for too.
            drop(ending);
        });
        // Without a thread the queue is closed from the start, and `accept` counts what it cannot queue as lost.
        drop(spawned);
        Queued { queue: Some(queue), tally, ended: Mutex::new(ended), drain_within }
    }

    /// The counts, which can be kept beyond the sink.
    pub fn tally(&self) -> Arc<QueueTally> {
        Arc::clone(&self.tally)
    }
}

impl Sink for Queued {
    fn accept(&self, scope: &Scope, event: &Event) {
        let Some(queue) = &self.queue else { return };
        match queue.try_send((scope.clone(), event.clone())) {
            Ok(()) => return,
            Err(TrySendError::Full(_)) => &self.tally.overflowed,
            Err(TrySendError::Disconnected(_)) => &self.tally.lost,
        }
        .fetch_add(1, Ordering::AcqRel);
    }
}

impl Drop for Queued {
    fn drop(&mut self) {
        self.queue = None;
        let ended = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner);
        if ended.recv_timeout(self.drain_within) == Err(RecvTimeoutError::Timeout) {
            self.tally.abandoned.store(true, Ordering::Release);
        }
    }
}
