//! Lines on standard error, or on any other writer.

use super::Sink;
use crate::narration::text::line;
use crate::narration::{Action, Actor, Event, Scope};
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// One line an event, in the seed's format; see [`text`](crate::narration::text).
///
/// Lines are put into a bounded queue, and a thread of this sink writes them. An emit therefore never waits for the
/// writer, and never sees it fail: a pipe that nobody reads, a full disk, a writer that panics cost lines of the log,
/// which are [counted](Tally), and nothing else. When lines had to be left out, the log says so as soon as a line can
/// be written again:
///
/// ```text
/// [narrowcast] overflow       : 17 lines were left out, since the queue was full
/// ```
///
/// A line does not name its job, as in the seed: ids that stand in logs are ids that leak.
///
/// Dropping the sink waits until what is queued has been written and flushed, but not longer than the deadline given
/// (one second by default). What is left then is abandoned and counted as lost; a write that hangs is left behind with
/// its thread.
#[derive(Debug)]
pub struct Stderr {
    /// `None` only while dropping.
    queue: Option<SyncSender<String>>,
    tally: Arc<Tally>,
    /// Closed by the thread when it has ended. In a mutex only because a `Receiver` cannot be shared otherwise.
    ended: Mutex<Receiver<()>>,
    drain_within: Duration,
}

/// What became of the lines. Every line is counted once: as written, overflowed or lost, or it is still queued.
#[derive(Debug, Default)]
pub struct Tally {
    written: AtomicU64,
    overflowed: AtomicU64,
    lost: AtomicU64,
    write_errors: AtomicU64,
    /// Not a count: set when the deadline of a drop has passed.
    abandoned: AtomicBool,
}

impl Tally {
    /// Lines that the writer took.
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Acquire)
    }

    /// Lines that were left out, since the queue was full.
    pub fn overflowed(&self) -> u64 {
        self.overflowed.load(Ordering::Acquire)
    }

    /// Lines that the writer failed on, or that the deadline of the drop overtook.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Acquire)
    }

    /// Writes and flushes in which the writer failed or panicked. A writer with a buffer of its own may take a line
    /// and fail only at the flush: such a line is counted as written, and the failure here.
    pub fn write_errors(&self) -> u64 {
        self.write_errors.load(Ordering::Acquire)
    }
}

impl Stderr {
    /// How many lines are queued by default.
    pub const CAPACITY: NonZeroUsize = NonZeroUsize::new(1024).unwrap();
    /// How long a drop waits by default.
    pub const DRAIN_WITHIN: Duration = Duration::from_secs(1);

    /// Writes to `writer`, with the default queue and deadline.
    pub fn to(writer: impl Write + Send + 'static) -> Stderr {
        Stderr::bounded(writer, Stderr::CAPACITY, Stderr::DRAIN_WITHIN)
    }

    /// Writes to `writer`; queues at most `capacity` lines, and lets a drop wait for `drain_within` at most.
    ///
    /// If the system refuses a thread, the sink works all the same and counts every line as lost.
    pub fn bounded(writer: impl Write + Send + 'static, capacity: NonZeroUsize, drain_within: Duration) -> Stderr {
        let (queue, lines) = mpsc::sync_channel(capacity.get());
        let (ending, ended) = mpsc::channel();
        let tally = Arc::new(Tally::default());
        let mut scribe = Scribe { writer, tally: Arc::clone(&tally), overflow_told: 0, torn: false };
        let spawned = thread::Builder::new().name("narrowcast-stderr".to_owned()).spawn(move || {
            scribe.write_queued(&lines);
            drop(ending);
        });
        // Without a thread the queue is closed from the start, and `accept` counts what it cannot queue as lost.
        drop(spawned);
        Stderr { queue: Some(queue), tally, ended: Mutex::new(ended), drain_within }
    }

    /// Lines that were left out so far, since the queue was full.
    pub fn overflowed(&self) -> u64 {
        self.tally.overflowed()
    }

    /// The counts, which can be kept beyond the sink.
    pub fn tally(&self) -> Arc<Tally> {
        Arc::clone(&self.tally)
    }
}

/// Writes to the process's standard error.
impl Default for Stderr {
    fn default() -> Stderr {
        Stderr::to(io::stderr())
    }
}

impl Sink for Stderr {
    fn accept(&self, _scope: &Scope, event: &Event) {
        let Some(queue) = &self.queue else { return };
        match queue.try_send(format!("{event}\n")) {
            Ok(()) => return,
            Err(TrySendError::Full(_)) => &self.tally.overflowed,
            Err(TrySendError::Disconnected(_)) => &self.tally.lost,
        }
        .fetch_add(1, Ordering::AcqRel);
    }
}

impl Drop for Stderr {
    fn drop(&mut self) {
        self.queue = None;
        let ended = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner);
        if ended.recv_timeout(self.drain_within) == Err(RecvTimeoutError::Timeout) {
            self.tally.abandoned.store(true, Ordering::Release);
        }
    }
}

/// The thread's side: owns the writer.
struct Scribe<W> {
    writer: W,
    tally: Arc<Tally>,
    /// How much of the overflow the log has been told of.
    overflow_told: u64,
    /// Whether the last write failed and may have left half a line.
    torn: bool,
}

impl<W: Write> Scribe<W> {
    /// How many lines may pass before the writer is flushed and an overflow is told of.
    const BATCH_LINES: usize = 64;

    /// Writes what is queued until the sink has been dropped and the queue is empty, or the deadline has passed.
    fn write_queued(&mut self, lines: &Receiver<String>) {
        while let Ok(first) = lines.recv() {
            self.write(&first);
            for line in lines.try_iter().take(Self::BATCH_LINES - 1) {
                self.write(&line);
            }
            self.tell_overflow();
            self.guarded(Write::flush);
        }
        // An emitter counts an overflow after it met the full queue: by then the last batch may have gone.
        self.tell_overflow();
        self.guarded(Write::flush);
    }

    fn write(&mut self, line: &str) {
        let outcome = if self.tally.abandoned.load(Ordering::Acquire) {
            &self.tally.lost
        } else if self.put(line) {
            &self.tally.written
        } else {
            &self.tally.lost
        };
        outcome.fetch_add(1, Ordering::AcqRel);
    }

    fn tell_overflow(&mut self) {
        const SELF: Actor = Actor::new("narrowcast");
        const OVERFLOW: Action = Action::new("overflow");
        let overflowed = self.tally.overflowed();
        let untold = overflowed - self.overflow_told;
        if untold == 0 || self.tally.abandoned.load(Ordering::Acquire) {
            return;
        }
        let message = format!("{untold} lines were left out, since the queue was full");
        if self.put(&format!("{}\n", line(SELF, OVERFLOW, &message))) {
            self.overflow_told = overflowed;
        }
    }

    /// Writes one line, whole, and says whether the writer took it. After a failure the next line begins on a fresh
    /// one, so that two events never share a line.
    fn put(&mut self, line: &str) -> bool {
        let torn = self.torn;
        self.torn = !self.guarded(|writer| {
            if torn {
                writer.write_all(b"\n")?;
            }
            writer.write_all(line.as_bytes())
        });
        !self.torn
    }

    /// Runs `work` on the writer, and takes a panic for one more way to fail.
    fn guarded(&mut self, work: impl FnOnce(&mut W) -> io::Result<()>) -> bool {
        let writer = &mut self.writer;
        let done = matches!(catch_unwind(AssertUnwindSafe(|| work(writer))), Ok(Ok(())));
        if !done {
            self.tally.write_errors.fetch_add(1, Ordering::AcqRel);
        }
        done
    }
}
