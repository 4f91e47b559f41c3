//! The router: the kernel with ids, a clock and sinks.
//!
//! ```
//! use narrowcast::narration::{Actor, Outcome};
//! use narrowcast::router::{Delivery, Router, Since};
//! const QUEEN: Actor = Actor::new("queen");
//!
//! let router = Router::builder().retain(1000).build();
//! router.system().narrate(QUEEN, "start").context(8500).human("Starting on port {}").emit()?;
//!
//! let job = router.create(); // the owner: the only right to close; dropped, the job is abandoned
//! let mut stream = job.reader().subscribe(Since::Start)?;
//! job.emitter().narrate(QUEEN, "load").human("Loading").emit()?;
//! job.close(Outcome::Completed)?;
//!
//! // In a task it is `stream.next().await`; this thread is ours, so it may sleep.
//! let Some(Delivery::Event(event)) = stream.next_blocking() else { panic!("the event comes first") };
//! assert_eq!(event.decode().unwrap().human, "Loading");
//! assert_eq!(stream.next_blocking(), Some(Delivery::End(Outcome::Completed)));
//! # Ok::<(), narrowcast::router::Refused>(())
//! ```
//!
//! # Rights
//! [`Router::create`] answers the [`Job`]: the one right to close it. It hands out [`Emitter`]s, which can only
//! narrate, and [`Reader`]s, which can only open [`Stream`]s. Each is for one incarnation, and there is no other way
//! to a job but [`Router::find`], by its name. What a right does not give does not compile (`tests/compile/`).
//!
//! # Positions
//! Every accepted event has a [`Position`], which its emitter and its readers are told. A reader that lost its stream
//! goes on after the last one; a position of another job, or of an earlier life of this one, is refused (G14).
//!
//! ```
//! # use narrowcast::{narration::Actor, router::{Delivery, Refused, Router, Since}};
//! # const QUEEN: Actor = Actor::new("queen");
//! # let router = Router::builder().build();
//! # let (job, other) = (router.create(), router.create());
//! # for job in [&job, &other] { for _ in 0..2 { job.emitter().narrate(QUEEN, "load").emit()?; } }
//! let mut stream = job.reader().subscribe(Since::Start)?;
//! let Some(Delivery::Event(first)) = stream.next_blocking() else { panic!("the event comes first") };
//! drop(stream);
//!
//! let mut resumed = job.reader().subscribe(Since::After(first.position()))?;
//! assert!(matches!(resumed.next_blocking(), Some(Delivery::Event(event)) if event.sequence() == 1));
//! assert_eq!(other.reader().subscribe(Since::After(first.position())).unwrap_err(), Refused::ForeignPosition);
//! # Ok::<(), Refused>(())
//! ```
//!
//! # Refusals
//! What cannot be done is [`Refused`] with the reason, to whoever asked, and [counted](Router::counts). Nothing of it
//! takes effect, and nothing is delivered anywhere. Not to look at a refusal is a compiler's warning.
//!
//! ```
//! # use narrowcast::{narration::{JobId, Outcome}, router::{Counts, Refused, Router}};
//! # let router = Router::builder().build();
//! let unknown = JobId::named("never-created").unwrap();
//! assert_eq!(router.find(&unknown).unwrap_err(), Refused::Unknown);
//! assert_eq!(router.counts(), Counts { unknown: 1, ..Counts::default() });
//! ```
//!
//! # Nothing is shared
//! There may be any number of routers in a process; they share nothing. A router spawns nothing and keeps no thread
//! of its own (its sinks may).

mod builder;
mod carry;
mod group;
mod park;
mod rights;
mod stream;

pub use crate::compiled::native::kernel::{Counts, Position, Refused, Since};
pub use builder::Builder;
pub use group::Group;
pub use rights::{Access, Emitter, Job, Reader, System};
pub use stream::{Arrival, Batch, Delivered, Delivery, Stream, TryNextError};

use crate::compiled::native::kernel::{self, Kernel, Owner};
use crate::narration::{Event, JobId, Scope};
use crate::sink::Sink;
use builder::{Bits, Clock};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A job-scoped narration router. A cheap handle; clones share the jobs.
///
/// ```
/// use narrowcast::narration::{JobId, Outcome};
/// use narrowcast::router::{Refused, Router};
///
/// let router = Router::builder().build();
/// let name = JobId::named("nightly").unwrap();
/// let job = router.create_named(name.clone())?;
/// assert_eq!(router.create_named(name.clone()).unwrap_err(), Refused::InUse);
/// assert_eq!(router.find(&name)?.outcome(), None);
///
/// drop(job); // nobody closed it: it is abandoned, and stays readable until it is read or swept
/// assert_eq!(router.find(&name)?.outcome(), Some(Outcome::Abandoned));
/// assert_eq!((router.jobs(), router.counts().in_use), (1, 1));
/// # Ok::<(), Refused>(())
/// ```
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
        Builder::new()
    }

    /// Opens a job with a fresh id of 128 random bits.
    pub fn create(&self) -> Job {
        loop {
            let id = JobId::from_bits((self.shared.bits)());
            // Refused only if this id is in use, which honest random bits do not let happen twice in the life of the
            // universe.
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

    /// Looks a job up by its name alone. This is a door without a lock of its own: whoever serves it to others must
    /// check first that they have a right to this job (G12).
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

    /// Gives up closed jobs that nobody has read to the end in time. Call it now and then with a clock of
    /// milliseconds that does not go back.
    pub fn sweep(&self, now_ms: u64) {
        self.shared.kernel.sweep(now_ms);
    }

    /// How many jobs the router holds something of: open, or closed and not yet read to the end. A closed one counts also
    /// where its name was created again. What only rights and streams keep alive does not count.
    pub fn jobs(&self) -> usize {
        self.shared.kernel.jobs()
    }

    /// What was refused and given up so far.
    pub fn counts(&self) -> Counts {
        self.shared.kernel.counts()
    }

    /// How often a sink panicked, against its word.
    pub fn sink_panics(&self) -> u64 {
        self.shared.sink_panics.load(Ordering::Relaxed)
    }
}
