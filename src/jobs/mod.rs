//! Jobs: work whose narration goes through a router, from being queued to being over.
//!
//! This is the seed's job router without its faults. [`Jobs::create`] queues a payload and opens the job's channel in
//! one step; [`Jobs::execute`] takes the payload out, once, and answers a future that does the work; whoever calls it
//! spawns that future wherever they like. Where the job stands is decided in the kernel, in the same step that ends
//! its streams, so the outcome that readers are told is the one that happened:
//!
//! | what happens | outcome |
//! |---|---|
//! | the work returns `Ok` | completed |
//! | it returns `Err`, panics, or its deadline comes first | failed |
//! | somebody cancels, queued or running | cancelled; the work is dropped at its next turn |
//! | the future is dropped before it is done, or the job is reaped before it began | abandoned |
//!
//! Whoever comes first decides (cancel against completion, seed fault 32); a job is executed at most once (28); a
//! panic ends the streams (24); jobs that nobody executes are reaped (39); and what a finished job's helpers still
//! say is refused to them (38), because their emitter is a right to a life that is over.
//!
//! Nothing here spawns, sleeps or reads a clock.

mod work;

#[cfg(test)]
mod tests;

pub use work::{Report, Why, Work};

use crate::narration::{JobId, Outcome, State};
use crate::router::{Emitter, Job, Reader, Refused, Router};
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use work::Stop;

/// Work to be done, by the id of its job. A cheap handle; clones share the jobs.
///
/// `T` is what a job is to do: whatever [`execute`](Jobs::execute)'s executor understands.
pub struct Jobs<T> {
    shared: Arc<Shared<T>>,
}

struct Shared<T> {
    router: Router,
    most_queued: usize,
    table: Mutex<Table<T>>,
}

struct Table<T> {
    /// What has not been executed.
    queued: BTreeMap<JobId, Queued<T>>,
    /// How many were ever queued.
    created: u64,
    /// How to stop what is being executed.
    running: BTreeMap<JobId, Arc<Stop>>,
}

struct Queued<T> {
    owner: Job,
    payload: T,
    /// Its place in the order of creation.
    place: u64,
    /// When a reap first saw it.
    seen: Option<u64>,
}

/// A job as its creator gets it.
#[derive(Debug, Clone)]
pub struct Created {
    /// Its id, of 128 random bits.
    pub id: JobId,
    /// The right to narrate to it, from now on.
    pub emitter: Emitter,
    /// The right to read it.
    pub reader: Reader,
}

/// Why a job was not created, executed or cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "a refusal that nobody looks at is a job that silently does not run"]
pub enum Denied {
    /// As many jobs as allowed are queued. Execute or cancel some, or let [`Jobs::reap`] do so.
    Full {
        /// The limit.
        queued: usize,
    },
    /// There is no such job, or none any more.
    Unknown,
    /// It is being executed, or was.
    Taken,
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Denied::Full { queued } => write!(f, "{queued} jobs are queued, which is the limit"),
            Denied::Unknown => f.write_str("no such job"),
            Denied::Taken => f.write_str("the job is executed already"),
        }
    }
}

impl std::error::Error for Denied {}

impl<T> Clone for Jobs<T> {
    fn clone(&self) -> Self {
        Jobs { shared: Arc::clone(&self.shared) }
    }
}

impl<T> fmt::Debug for Jobs<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = self.shared.table();
        f.debug_struct("Jobs").field("queued", &table.queued.len()).field("running", &table.running.len()).finish()
    }
}

impl<T> Shared<T> {
    /// A leaf lock: no caller's code runs under it, so it is never poisoned in the middle of a change.
    fn table(&self) -> MutexGuard<'_, Table<T>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Jobs<T> {
    /// A job's work is over.
    fn forget(&self, id: &JobId) {
        let stop = self.shared.table().running.remove(id);
        drop(stop); // Outside the lock: it may hold a waker, which is caller's code.
    }

    /// No jobs yet, on this router; at most so many may be queued at a time.
    pub fn new(router: Router, most_queued: usize) -> Self {
        let table = Table { queued: BTreeMap::new(), created: 0, running: BTreeMap::new() };
        Jobs { shared: Arc::new(Shared { router, most_queued, table: Mutex::new(table) }) }
    }

    /// Queues a job. Its channel is open before this returns, so whoever learns the id can emit and subscribe.
    ///
    /// # Errors
    /// [`Denied::Full`]; then the payload is dropped, and no job exists.
    pub fn create(&self, payload: T) -> Result<Created, Denied> {
        let owner = self.shared.router.create();
        let created = Created { id: owner.id().clone(), emitter: owner.emitter(), reader: owner.reader() };
        let refused = {
            let mut table = self.shared.table();
            if table.queued.len() < self.shared.most_queued {
                let place = table.created;
                table.created += 1;
                table.queued.insert(created.id.clone(), Queued { owner, payload, place, seen: None });
                None
            } else {
                Some((owner, payload))
            }
        };
        // Outside the lock: the payload is the caller's, and dropping the owner ends the job.
        match refused {
            None => Ok(created),
            Some(_dropped) => Err(Denied::Full { queued: self.shared.most_queued }),
        }
    }

    /// Takes a queued job's payload and gives it to `executor`. Nothing happens until the answered future is polled;
    /// dropped before it is done, the job is abandoned.
    ///
    /// The executor's own future gets an [`Emitter`], which it may clone into whatever it spawns.
    ///
    /// # Errors
    /// [`Denied::Unknown`], or [`Denied::Taken`] if it was executed before. Reading a stream never executes anything.
    pub fn execute<F, E>(&self, id: &JobId, executor: impl FnOnce(Emitter, T) -> F) -> Result<Work<F, T>, Denied>
    where
        F: Future<Output = Result<(), E>>,
    {
        let stop = Arc::new(Stop::default());
        let taken = {
            let mut table = self.shared.table();
            let taken = table.queued.remove(id);
            if taken.is_some() {
                table.running.insert(id.clone(), Arc::clone(&stop));
            }
            taken
        };
        let Some(Queued { owner, payload, .. }) = taken else {
            return Err(if self.shared.table().running.contains_key(id) { Denied::Taken } else { Denied::Unknown });
        };
        // Cancelled between these two steps: the kernel says so, and the work ends at its first turn.
        let _started_unless_over = owner.start();
        let future = executor(owner.emitter(), payload);
        Ok(Work::new(owner, future, stop, self.clone()))
    }

    /// Calls a job off, queued or running. Its streams end at once, as cancelled, and what it still says is refused;
    /// the work is dropped at its next turn.
    ///
    /// # Errors
    /// [`Denied::Unknown`] if there is none, or it is over.
    pub fn cancel(&self, id: &JobId) -> Result<(), Denied> {
        self.end(id, Outcome::Cancelled)
    }

    /// Ends a job with an outcome that somebody else decides than its work, such as the driver of work that is done
    /// elsewhere. As [`cancel`](Jobs::cancel) in everything else.
    ///
    /// # Errors
    /// [`Denied::Unknown`] if there is none, or it is over.
    pub fn end(&self, id: &JobId, outcome: Outcome) -> Result<(), Denied> {
        let (queued, running) = {
            let mut table = self.shared.table();
            (table.queued.remove(id), table.running.get(id).cloned())
        };
        if let Some(Queued { owner, payload, .. }) = queued {
            let result = owner.close(outcome).map_err(|_over| Denied::Unknown);
            drop(payload);
            return result;
        }
        let stop = running.ok_or(Denied::Unknown)?;
        // The kernel decides between this and completion.
        let access = self.shared.router.find(id).map_err(|_gone| Denied::Unknown)?;
        let result = access.close(outcome).map_err(|_over| Denied::Unknown);
        stop.now();
        result
    }

    /// Where a job stands; `None` if there is none, or it was read to its end.
    pub fn state(&self, id: &JobId) -> Option<State> {
        self.shared.router.find(id).ok().map(|access| access.state())
    }

    /// Gives up jobs that nobody has executed within `most_ms` of the first reap that saw them, as abandoned. Answers
    /// how many. `now_ms` must not go back.
    pub fn reap(&self, now_ms: u64, most_ms: u64) -> usize {
        let is_over = |queued: &mut Queued<T>| now_ms.saturating_sub(*queued.seen.get_or_insert(now_ms)) >= most_ms;
        let mut over: Vec<Queued<T>> =
            self.shared.table().queued.extract_if(.., |_, queued| is_over(queued)).map(|(_, queued)| queued).collect();
        over.sort_by_key(|queued| queued.place);
        // Outside the lock: dropping the owners ends the jobs and wakes their readers.
        let many = over.len();
        drop(over);
        many
    }

    /// How many jobs are queued, and how many are being executed.
    pub fn counts(&self) -> (usize, usize) {
        let table = self.shared.table();
        (table.queued.len(), table.running.len())
    }

    /// The router.
    pub fn router(&self) -> &Router {
        &self.shared.router
    }
}

impl From<Refused> for Denied {
    /// What a job's rights say of it, to somebody who only knows its id.
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Running => Denied::Taken,
            _ => Denied::Unknown,
        }
    }
}
