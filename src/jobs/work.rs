//! One job being executed.

use super::Jobs;
use crate::narration::Outcome;
use crate::router::Job;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

/// How a running job is told to stop: a flag, and whom to wake.
#[derive(Debug, Default)]
pub(super) struct Stop {
    state: Mutex<(bool, Option<Waker>)>,
}

impl Stop {
    /// Stops it.
    pub(super) fn now(&self) {
        let waker = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.0 = true;
            state.1.take()
        };
        waker.into_iter().for_each(Waker::wake);
    }

    /// Whether it is to stop; if not, this waker is called once it is.
    fn poll(&self, waker: &Waker) -> bool {
        let waker = waker.clone();
        let (stop, _replaced) = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            (state.0, state.1.replace(waker))
        };
        stop
    }
}

/// How the work ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report<E> {
    /// What the streams were told. Not always what the work came to: whoever ended the job first decided.
    pub outcome: Outcome,
    /// What the work came to.
    pub why: Why<E>,
}

/// What the work came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why<E> {
    /// It returned `Ok`.
    Done,
    /// It returned this error.
    Error(E),
    /// It panicked, with these words.
    Panic(String),
    /// Its deadline came first.
    Deadline,
    /// It was called off.
    Stopped,
}

/// The work on one job. A future: spawn it, or await it. Dropped before it is done, the job is abandoned.
#[must_use = "the work is done only if this is polled"]
pub struct Work<F, T> {
    owner: Job,
    /// `None` once it is over, so that what the work holds goes before its end is told.
    future: Option<Pin<Box<F>>>,
    deadline: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    stop: Arc<Stop>,
    /// Where it is listed as running; `None` once it is over.
    listed: Option<Jobs<T>>,
}

impl<F, T> Work<F, T> {
    pub(super) fn new(owner: Job, future: F, stop: Arc<Stop>, jobs: Jobs<T>) -> Self {
        Work { owner, future: Some(Box::pin(future)), deadline: None, stop, listed: Some(jobs) }
    }

    /// Ends the job as failed if this comes first; usually a timer of the embedder's runtime.
    pub fn deadline(mut self, deadline: impl Future<Output = ()> + Send + 'static) -> Self {
        self.deadline = Some(Box::pin(deadline));
        self
    }

    /// Drops the work, ends the job, and answers what its streams were told.
    fn end(&mut self, outcome: Outcome) -> Outcome {
        // The work's own drop may panic; the job must end all the same.
        let dropped = catch_unwind(AssertUnwindSafe(|| self.future = None));
        let outcome = if dropped.is_err() && outcome == Outcome::Completed { Outcome::Failed } else { outcome };
        let _whoever_came_first = self.owner.close(outcome);
        if let Some(jobs) = self.listed.take() {
            jobs.forget(self.owner.id());
        }
        self.owner.outcome().unwrap_or(outcome)
    }
}

// Everything that is pinned is boxed: moving the rest is harmless.
impl<F, T> Unpin for Work<F, T> {}

impl<F, E, T> Future for Work<F, T>
where
    F: Future<Output = Result<(), E>>,
{
    type Output = Report<E>;

    /// # Panics
    /// If it is polled again after it was ready.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Report<E>> {
        let this = &mut *self;
        let future = this.future.as_mut().expect("work that is done is not polled again");
        if this.stop.poll(cx.waker()) {
            return Poll::Ready(Report { outcome: this.end(Outcome::Cancelled), why: Why::Stopped });
        }
        let (outcome, why) = match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(Poll::Ready(Ok(()))) => (Outcome::Completed, Why::Done),
            Ok(Poll::Ready(Err(error))) => (Outcome::Failed, Why::Error(error)),
            Err(panic) => (Outcome::Failed, Why::Panic(words(&*panic))),
            Ok(Poll::Pending) => {
                let late = this.deadline.as_mut().is_some_and(|deadline| deadline.as_mut().poll(cx).is_ready());
                if !late {
                    return Poll::Pending;
                }
                (Outcome::Failed, Why::Deadline)
            }
        };
        Poll::Ready(Report { outcome: this.end(outcome), why })
    }
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic without words".into())
}

impl<F, T> Drop for Work<F, T> {
    fn drop(&mut self) {
        if self.listed.is_some() {
            self.end(Outcome::Abandoned);
        }
    }
}

impl<F, T> fmt::Debug for Work<F, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Work").field("job", &self.owner).finish_non_exhaustive()
    }
}
