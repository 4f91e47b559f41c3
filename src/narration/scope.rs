//! Whose narration it is.

use super::event::Event;
use super::job_id::JobId;
use std::fmt;

/// Whose narration an operator sees. Only sinks (stderr, logs, a test's capture) are given a scope; a job's reader
/// is not, since its stream *is* the scope.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// One job's.
    Job(JobId),
    /// The program's own: startup, shutdown, what concerns no job.
    System,
}

impl Scope {
    /// The job, unless it is system narration.
    pub fn job(&self) -> Option<&JobId> {
        match self {
            Scope::Job(job) => Some(job),
            Scope::System => None,
        }
    }
}

/// `job NAME`, with the name escaped, or `system`. No job can be called so that it reads as the system.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scope::Job(job) => write!(f, "job {job}"),
            Scope::System => f.write_str("system"),
        }
    }
}

/// What can be narrated through: the handle of one incarnation of a job, or the system's handle.
///
/// Whoever implements this has decided, by its own type, where every event goes. The event does not say.
pub trait Emit {
    /// What an accepted emit returns, such as the event's position.
    type Receipt;
    /// Why an event was refused. A refusal is counted, and the event reaches nobody (G2).
    type Refusal;

    /// Emits one event. The implementor may first fill in [`Event::sequence`] and [`Event::emitted_at_ms`].
    ///
    /// # Errors
    ///
    /// The refusal; the event is then delivered nowhere.
    fn emit(&self, event: Event) -> Result<Self::Receipt, Self::Refusal>;
}

impl<E: Emit + ?Sized> Emit for &E {
    type Receipt = E::Receipt;
    type Refusal = E::Refusal;

    fn emit(&self, event: Event) -> Result<Self::Receipt, Self::Refusal> {
        (**self).emit(event)
    }
}
