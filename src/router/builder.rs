//! What a router is made of.

use super::{Router, Shared};
use crate::compiled::native::kernel::Kernel;
use crate::compiled::native::kernel::log::Retention;
use crate::compiled::native::kernel::registry::Setup;
use crate::narration::JobId;
use crate::sink::Sink;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// A source of 128 random bits: for ids, incarnations and the registry's hash.
pub(super) type Bits = Box<dyn Fn() -> u128 + Send + Sync>;
/// A clock: milliseconds since 1970.
pub(super) type Clock = Box<dyn Fn() -> u64 + Send + Sync>;

/// What a router is made of.
///
/// ```
/// use narrowcast::narration::Actor;
/// use narrowcast::router::{Delivery, Router, Since};
/// use narrowcast::sink::Capture;
///
/// let capture = Capture::default();
/// let router = Router::builder().retain(2).clock(|| 1_790_000_000_000).sink(capture.clone()).build();
/// let job = router.create();
/// for _ in 0..3 {
///     job.emitter().narrate(Actor::new("queen"), "load").emit()?;
/// }
/// // Two events are retained; that there was a third is counted.
/// let mut stream = job.reader().subscribe(Since::Start)?;
/// assert_eq!(stream.next_blocking(), Some(Delivery::Lagged(1)));
/// let Some(Delivery::Event(event)) = stream.next_blocking() else { panic!("two events follow") };
/// assert_eq!(event.decode().unwrap().emitted_at_ms, Some(1_790_000_000_000));
/// assert_eq!(capture.of_job(job.id()).len(), 3);
/// # Ok::<(), narrowcast::router::Refused>(())
/// ```
#[must_use = "a builder builds nothing until `build`"]
pub struct Builder {
    events: usize,
    bytes: usize,
    event_bytes: usize,
    linger_ms: u64,
    linger_jobs: usize,
    shards: usize,
    bits: Bits,
    clock: Option<Clock>,
    sinks: Vec<Box<dyn Sink>>,
}

/// The operating system's random bits.
fn system_bits() -> u128 {
    let mut bits = [0; 16];
    getrandom::fill(&mut bits).expect("the operating system has random bits to give");
    u128::from_le_bytes(bits)
}

impl Builder {
    /// The defaults.
    pub(super) fn new() -> Builder {
        Builder {
            events: 1000,
            bytes: 16 << 20,
            event_bytes: 1 << 20,
            linger_ms: 60_000,
            linger_jobs: 10_000,
            shards: 64,
            bits: Box::new(system_bits),
            clock: None,
            sinks: Vec::new(),
        }
    }

    /// How many events each job retains for late and slow readers: 1000 unless said otherwise, at least 1.
    pub fn retain(mut self, events: usize) -> Self {
        self.events = events;
        self
    }

    /// How many bytes of encoded events each job retains: 16 MiB unless said otherwise. The newest event is always
    /// kept.
    pub fn retain_bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }

    /// The largest event, in bytes as encoded: 1 MiB unless said otherwise.
    pub fn largest_event(mut self, bytes: usize) -> Self {
        self.event_bytes = bytes;
        self
    }

    /// How long a closed job that nobody has read to its end stays readable, and how many such jobs there may be:
    /// 60,000 ms and 10,000 unless said otherwise. The time is that of [`Router::sweep`].
    pub fn linger(mut self, ms: u64, jobs: usize) -> Self {
        (self.linger_ms, self.linger_jobs) = (ms, jobs);
        self
    }

    /// Where ids come from: 128 random bits at each call. Who replaces the operating system's source by a guessable
    /// one makes ids guessable; meant for tests that replay.
    pub fn bits(mut self, bits: impl Fn() -> u128 + Send + Sync + 'static) -> Self {
        self.bits = Box::new(bits);
        self
    }

    /// What stamps events with the time (milliseconds since 1970). Without a clock they carry none.
    pub fn clock(mut self, now_ms: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        self.clock = Some(Box::new(now_ms));
        self
    }

    /// One more place where operators see what was accepted, such as [`Stderr`](crate::sink::Stderr).
    pub fn sink(mut self, sink: impl Sink + 'static) -> Self {
        self.sinks.push(Box::new(sink));
        self
    }

    /// The router.
    pub fn build(self) -> Router {
        let halves = |bits: u128| [bits as u64, (bits >> 64) as u64];
        let setup = Setup {
            shards: self.shards,
            hash_seed: halves((self.bits)()),
            retention: Retention { events: self.events, bytes: self.bytes },
            event_bytes: self.event_bytes,
            linger_ticks: self.linger_ms,
            linger_jobs: self.linger_jobs,
        };
        // The system's one channel has a kernel of its own: no job, whatever its name, can be found there or be
        // reached from there.
        let apart = Kernel::new(Setup { shards: 1, ..setup.clone() });
        let id = JobId::from_bits(0);
        let system = apart.create(&id, (self.bits)() as u64).expect("a new kernel has no job of any name");
        let shared = Shared {
            kernel: Kernel::new(setup),
            system,
            system_sequence: Arc::default(),
            bits: self.bits,
            clock: self.clock,
            sinks: self.sinks,
            sink_panics: AtomicU64::new(0),
        };
        Router { shared: Arc::new(shared) }
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("events", &self.events).field("bytes", &self.bytes).finish_non_exhaustive()
    }
}
