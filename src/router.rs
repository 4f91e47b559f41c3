//! The router: the kernel with ids, a clock and sinks.
//!
//! ```
//! use narrowcast::narration::{Actor, Outcome};
//! use narrowcast::router::{Delivery, Router};
//! const QUEEN: Actor = Actor::new("queen");
//!
//! let router = Router::builder().retain(1000).build();
//! router.system().narrate(QUEEN, "start").context(8500).human("Starting on port {}").emit()?;
//!
//! let job = router.create(); // the owner: the only right to close; dropped, the job is abandoned
//! let mut stream = job.reader().subscribe(narrowcast::router::Since::Start)?;
//! job.emitter().narrate(QUEEN, "load").human("Loading").emit()?;
//! job.close(Outcome::Completed)?;
//!
//! # let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
//! # let mut next = || match stream.poll_next(&mut cx) { std::task::Poll::Ready(d) => d, _ => None };
//! let Some(Delivery::Event(event)) = next() else { panic!("the event comes first") };
//! assert_eq!(event.decode().unwrap().human, "Loading");
//! assert_eq!(next(), Some(Delivery::End(Outcome::Completed)));
//! # Ok::<(), narrowcast::router::Refused>(())
//! ```
//!
//! There may be any number of routers in a process; they share nothing. A router spawns nothing and keeps no thread of its
//! own (its sinks may).

use crate::compiled::native::kernel::log::Retention;
use crate::compiled::native::kernel::registry::Setup;
use crate::compiled::native::kernel::{self, Frame, Kernel, Owner};
use crate::narration::{Actor, Emit, Event, IntoAction, JobId, Malformed, Narration, Outcome, Scope, State};
use crate::sink::Sink;
use bytes::Bytes;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

pub use crate::compiled::native::kernel::{Position, Refused, Since};

/// A source of 128 random bits: for ids, incarnations and the registry's hash.
type Bits = Box<dyn Fn() -> u128 + Send + Sync>;
/// A clock: milliseconds since 1970.
type Clock = Box<dyn Fn() -> u64 + Send + Sync>;

/// What a router is made of.
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
    /// How many events each job retains for late and slow readers: 1000 unless said otherwise, at least 1.
    pub fn retain(mut self, events: usize) -> Self {
        self.events = events;
        self
    }

    /// How many bytes of encoded events each job retains: 16 MiB unless said otherwise. The newest event is always kept.
    pub fn retain_bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }

    /// The largest event, in bytes as encoded: 1 MiB unless said otherwise.
    pub fn largest_event(mut self, bytes: usize) -> Self {
        self.event_bytes = bytes;
        self
    }

    /// How long a closed job that nobody has read to its end stays readable, and how many such jobs there may be: 60,000 ms and
    /// 10,000 unless said otherwise. The time is that of [`Router::sweep`].
    pub fn linger(mut self, ms: u64, jobs: usize) -> Self {
        (self.linger_ms, self.linger_jobs) = (ms, jobs);
        self
    }

    /// Where ids come from: 128 random bits at each call. Who replaces the operating system's source by a guessable one makes ids
    /// guessable; meant for tests that replay.
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
        // The system's one channel has a kernel of its own: no job, whatever its name, can be found there or be reached from there.
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

/// A job-scoped narration router. A cheap handle; clones share the jobs.
#[derive(Debug, Clone)]
pub struct Router {
    shared: Arc<Shared>,
}

struct Shared {
    kernel: Kernel,
    system: Owner,
    system_sequence: Arc<AtomicU64>,
    bits: Bits,
    clock: Option<Clock>,
    sinks: Vec<Box<dyn Sink>>,
    sink_panics: AtomicU64,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Router").field("jobs", &self.kernel.jobs()).finish_non_exhaustive()
    }
}

impl Shared {
    /// Encodes, routes, and then tells the sinks, in this order and with no lock held.
    fn emit(
        &self,
        to: &kernel::Emitter,
        scope: impl FnOnce() -> Scope,
        sequence: &AtomicU64,
        mut event: Event,
    ) -> Result<Position, Refused> {
        // Relaxed suffices: the number only has to be this emitter's own and different each time.
        event.sequence = Some(sequence.fetch_add(1, Ordering::Relaxed));
        if event.emitted_at_ms.is_none() {
            event.emitted_at_ms = self.clock.as_ref().map(|now| now());
        }
        let mut frame = Vec::with_capacity(256);
        event.encode(&mut frame);
        let position = to.emit(&frame)?;
        if !self.sinks.is_empty() {
            let scope = scope();
            for sink in &self.sinks {
                // A sink that breaks its word and panics must not take the emitter down with it.
                if catch_unwind(AssertUnwindSafe(|| sink.accept(&scope, &event))).is_err() {
                    self.sink_panics.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        Ok(position)
    }
}

impl Router {
    /// Starts from the defaults.
    pub fn builder() -> Builder {
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

    /// Opens a job with a fresh id of 128 random bits.
    pub fn create(&self) -> Job {
        loop {
            let id = JobId::from_bits((self.shared.bits)());
            // Refused only if this id is in use, which honest random bits do not let happen twice in the life of the universe.
            if let Ok(job) = self.create_named(id) {
                return job;
            }
        }
    }

    /// Opens a job of the caller's name.
    ///
    /// # Errors
    /// [`Refused::InUse`] while a job of this name is open.
    pub fn create_named(&self, id: JobId) -> Result<Job, Refused> {
        let owner = self.shared.kernel.create(&id, (self.shared.bits)() as u64)?;
        Ok(Job { owner, shared: Arc::clone(&self.shared) })
    }

    /// Looks a job up by its name alone. This is a door without a lock of its own: whoever serves it to others must check first that
    /// they have a right to this job (G12).
    ///
    /// # Errors
    /// [`Refused::Unknown`] if there is none, or none any more.
    pub fn find(&self, id: &JobId) -> Result<Access, Refused> {
        let access = self.shared.kernel.find(id)?;
        Ok(Access { access, shared: Arc::clone(&self.shared) })
    }

    /// The system's narration, which reaches operators and no job.
    pub fn system(&self) -> System {
        System { shared: Arc::clone(&self.shared) }
    }

    /// Gives up closed jobs that nobody has read to the end in time. Call it now and then with a clock of milliseconds that does not go back.
    pub fn sweep(&self, now_ms: u64) {
        self.shared.kernel.sweep(now_ms);
    }

    /// How many jobs are open, or closed and not yet read to the end.
    pub fn jobs(&self) -> usize {
        self.shared.kernel.jobs()
    }

    /// What was refused and given up so far.
    pub fn counts(&self) -> kernel::Counts {
        self.shared.kernel.counts()
    }

    /// How often a sink panicked, against its word.
    pub fn sink_panics(&self) -> u64 {
        self.shared.sink_panics.load(Ordering::Relaxed)
    }
}

macro_rules! rights {
    ($right:ident, $held:ident) => {
        impl $right {
            /// A right to emit, that numbers its events from 0.
            pub fn emitter(&self) -> Emitter {
                Emitter { to: self.$held.emitter(), sequence: Arc::default(), shared: Arc::clone(&self.shared) }
            }

            /// The right to read.
            pub fn reader(&self) -> Reader {
                Reader { reader: self.$held.reader() }
            }

            /// Ends the job: nothing is accepted any more, and every stream delivers what it is owed and then this outcome.
            ///
            /// # Errors
            /// [`Refused::Closed`] with the outcome that was decided before.
            pub fn close(&self, outcome: Outcome) -> Result<(), Refused> {
                self.$held.close(outcome)
            }

            /// Says that somebody works on the job now: queued becomes running, for whoever comes first.
            ///
            /// # Errors
            /// [`Refused::Running`]; [`Refused::Closed`] with the outcome that was decided before.
            pub fn start(&self) -> Result<(), Refused> {
                self.$held.start()
            }

            /// Where the job stands: queued, running, or over with its outcome.
            pub fn state(&self) -> State {
                self.$held.state()
            }

            /// How the job ended; `None` while it is open.
            pub fn outcome(&self) -> Option<Outcome> {
                self.$held.outcome()
            }

            /// The job's name.
            pub fn id(&self) -> &JobId {
                self.$held.id()
            }
        }

        impl fmt::Debug for $right {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($right)).field(self.id()).finish()
            }
        }
    };
}

/// The owner of one job. Dropped without a [`close`](Job::close), the job is [`Abandoned`](Outcome::Abandoned).
#[must_use = "dropping the owner abandons the job"]
pub struct Job {
    owner: Owner,
    shared: Arc<Shared>,
}

rights!(Job, owner);

/// What one gets who knows a job's name. Dropping it changes nothing.
#[derive(Clone)]
pub struct Access {
    access: kernel::rights::Access,
    shared: Arc<Shared>,
}

rights!(Access, access);

/// The right to narrate to one incarnation of one job. Clones count their events together.
#[derive(Clone)]
pub struct Emitter {
    to: kernel::Emitter,
    sequence: Arc<AtomicU64>,
    shared: Arc<Shared>,
}

impl Emitter {
    /// Begins a narration to this job.
    pub fn narrate(&self, actor: Actor, action: impl IntoAction) -> Narration<&Emitter> {
        Narration::new(self, actor, action)
    }

    /// The job's name.
    pub fn id(&self) -> &JobId {
        self.to.id()
    }
}

impl Emit for Emitter {
    type Receipt = Position;
    type Refusal = Refused;

    fn emit(&self, event: Event) -> Result<Position, Refused> {
        self.shared.emit(&self.to, || Scope::Job(self.to.id().clone()), &self.sequence, event)
    }
}

impl fmt::Debug for Emitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Emitter").field(self.id()).finish()
    }
}

/// The system's narration: operators' business. Its events reach the operators' streams and sinks, and no job.
#[derive(Debug, Clone)]
pub struct System {
    shared: Arc<Shared>,
}

impl System {
    /// Begins a narration to the operators.
    pub fn narrate(&self, actor: Actor, action: impl IntoAction) -> Narration<&System> {
        Narration::new(self, actor, action)
    }

    /// Opens an operators' stream. It has no end.
    ///
    /// # Errors
    /// [`Refused::ForeignPosition`] if `since` is a position of anything else.
    pub fn subscribe(&self, since: Since) -> Result<Stream, Refused> {
        Ok(Stream { stream: self.shared.system.reader().subscribe(since)? })
    }
}

impl Emit for System {
    type Receipt = Position;
    type Refusal = Refused;

    fn emit(&self, event: Event) -> Result<Position, Refused> {
        let to = self.shared.system.emitter();
        self.shared.emit(&to, || Scope::System, &self.shared.system_sequence, event)
    }
}

/// The right to read one incarnation of one job.
#[derive(Debug, Clone)]
pub struct Reader {
    reader: kernel::Reader,
}

impl Reader {
    /// Opens a stream.
    ///
    /// # Errors
    /// [`Refused::ForeignPosition`]; [`Refused::Unknown`] once the job was read to its end, or given up.
    pub fn subscribe(&self, since: Since) -> Result<Stream, Refused> {
        Ok(Stream { stream: self.reader.subscribe(since)? })
    }

    /// The job's name.
    pub fn id(&self) -> &JobId {
        self.reader.id()
    }
}

/// What a stream delivers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// An event.
    Event(Delivered),
    /// Exactly so many events were evicted before this stream came to them.
    Lagged(u64),
    /// The job is over, and everything was delivered.
    End(Outcome),
}

/// A delivered event: a cheap handle on its bytes as they were emitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    frame: Frame,
}

impl Delivered {
    /// The event's wire form: one line of JSON.
    pub fn bytes(&self) -> &Bytes {
        &self.frame.bytes
    }

    /// Its place in the job's order, from 0.
    pub fn sequence(&self) -> u64 {
        self.frame.position
    }

    /// The event, read from its bytes.
    ///
    /// # Errors
    /// [`Malformed`] if they are none, which a router of this version never delivers.
    pub fn decode(&self) -> Result<Event, Malformed> {
        Event::decode(&self.frame.bytes)
    }
}

/// One subscription.
#[derive(Debug)]
pub struct Stream {
    stream: kernel::Stream,
}

impl Stream {
    /// What comes next, if there is anything; `Ready(None)` after the end. Registers the waker only if there is nothing.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Delivery>> {
        self.stream.poll_next(cx).map(|delivery| {
            Some(match delivery? {
                kernel::Delivery::Event(frame) => Delivery::Event(Delivered { frame }),
                kernel::Delivery::Lagged(n) => Delivery::Lagged(n),
                kernel::Delivery::End(outcome) => Delivery::End(outcome),
            })
        })
    }

    /// Waits for what comes next; `None` after the end.
    ///
    /// # Cancel safety
    /// Dropped before it is ready, nothing is lost.
    pub async fn next(&mut self) -> Option<Delivery> {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }
}
