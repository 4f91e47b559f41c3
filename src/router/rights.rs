//! What callers hold. Each right is for one kind of deed; see the kernel's `rights` for the table.

use super::{Position, Refused, Shared, Since, Stream};
use crate::compiled::native::kernel::{self, Owner};
use crate::narration::{Actor, Emit, Event, IntoAction, JobId, Narration, Outcome, Scope, State};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

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

            /// Ends the job: nothing is accepted any more, and every stream delivers what it is owed and then this
            /// outcome.
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
///
/// ```
/// # use narrowcast::{narration::{Actor, Outcome}, router::{Delivery, Refused, Router, Since}};
/// # let router = Router::builder().build();
/// let job = router.create();
/// let (emitter, mut stream) = (job.emitter(), job.reader().subscribe(Since::Start)?);
/// job.close(Outcome::Failed)?;
/// assert_eq!(stream.next_blocking(), Some(Delivery::End(Outcome::Failed)));
/// // Decided once: whoever comes later is told how it ended.
/// assert_eq!(job.close(Outcome::Completed), Err(Refused::Closed(Outcome::Failed)));
/// let late = emitter.narrate(Actor::new("queen"), "load").emit();
/// assert_eq!(late, Err(Refused::Closed(Outcome::Failed)));
/// # Ok::<(), Refused>(())
/// ```
#[must_use = "dropping the owner abandons the job"]
pub struct Job {
    pub(super) owner: Owner,
    pub(super) shared: Arc<Shared>,
}

rights!(Job, owner);

/// What one gets who knows a job's name ([`Router::find`](super::Router::find)). Dropping it changes nothing.
///
/// It stands for the incarnation that bore the name when it was asked for: of a later job of that name it knows
/// nothing.
///
/// ```
/// # use narrowcast::{narration::{JobId, Outcome}, router::{Refused, Router}};
/// # let router = Router::builder().build();
/// let name = JobId::named("nightly").unwrap();
/// let first = router.create_named(name.clone())?;
/// let found = router.find(&name)?;
/// first.close(Outcome::Completed)?;
///
/// let second = router.create_named(name.clone())?;
/// assert_eq!(found.outcome(), Some(Outcome::Completed));
/// assert_eq!(found.close(Outcome::Cancelled), Err(Refused::Closed(Outcome::Completed)));
/// assert_eq!(second.outcome(), None);
/// # Ok::<(), Refused>(())
/// ```
#[derive(Clone)]
#[must_use = "access that is not used does nothing"]
pub struct Access {
    pub(super) access: kernel::rights::Access,
    pub(super) shared: Arc<Shared>,
}

rights!(Access, access);

/// The right to narrate to one incarnation of one job, and to do nothing else with it. Clones count their events
/// together.
///
/// Into threads and tasks it is [carried](Emitter::carry): there is no ambient job that they would inherit.
///
/// ```
/// # use narrowcast::{narration::Actor, router::{Refused, Router}};
/// const QUEEN: Actor = Actor::new("queen");
/// # let router = Router::builder().largest_event(256).build();
/// # let job = router.create();
/// let emitter = job.emitter();
/// let position = emitter.narrate(QUEEN, "load").context(3).human("Loading {} models").emit()?;
/// assert_eq!(position.sequence, 0);
///
/// let refused = emitter.narrate(QUEEN, "load").verbatim("x".repeat(500)).emit();
/// assert_eq!(refused, Err(Refused::TooLarge { limit: 256 }));
/// # Ok::<(), Refused>(())
/// ```
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
///
/// ```
/// # use narrowcast::{narration::Actor, router::{Delivery, Router, Since, TryNextError}};
/// # let router = Router::builder().build();
/// # let job = router.create();
/// let mut operators = router.system().subscribe(Since::Start)?;
/// let mut stream = job.reader().subscribe(Since::Start)?;
/// router.system().narrate(Actor::new("queen"), "start").human("Starting").emit()?;
/// assert!(matches!(operators.try_next(), Ok(Delivery::Event(_))));
/// assert_eq!(stream.try_next(), Err(TryNextError::Idle));
/// # Ok::<(), narrowcast::router::Refused>(())
/// ```
#[derive(Debug, Clone)]
pub struct System {
    pub(super) shared: Arc<Shared>,
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
        Ok(Stream::new(self.shared.system.reader().subscribe(since)?))
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

/// The right to read one incarnation of one job. Each stream has its own place in the job's events; none takes
/// anything from another.
///
/// ```
/// # use narrowcast::{narration::{Actor, Outcome}, router::{Delivery, Router, Since}};
/// # let router = Router::builder().build();
/// # let job = router.create();
/// let reader = job.reader();
/// job.emitter().narrate(Actor::new("queen"), "load").emit()?;
/// let (mut all, mut later) = (reader.subscribe(Since::Start)?, reader.subscribe(Since::Now)?);
/// job.close(Outcome::Completed)?;
/// assert!(matches!(all.next_blocking(), Some(Delivery::Event(_))));
/// assert_eq!(later.next_blocking(), Some(Delivery::End(Outcome::Completed)));
/// # Ok::<(), narrowcast::router::Refused>(())
/// ```
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
        Ok(Stream::new(self.reader.subscribe(since)?))
    }

    /// The job's name.
    pub fn id(&self) -> &JobId {
        self.reader.id()
    }
}
