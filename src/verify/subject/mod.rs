//! The subject: a router under test, as the harness sees it.
//!
//! A router is brought under test by one plain `impl Subject` of about twenty lines; everything else (programs,
//! schedules, recording, judging, shrinking) is the harness's business. What a router cannot do it leaves to the
//! default, which answers [`Refused::Unsupported`]; the guarantees whose premises need it are then `not_applicable`, never
//! `held`. The methods take it as [`Erased::fresh::<MyRouter>`](erased::Fresh).
//!
//! The methods are `async` because that is what routers are; one that never waits is simply ready at once. Under
//! [`interleaved`](super::methods::interleaved) only one of the futures runs at a time and can lose its turn at every
//! `.await` that is not ready, so a subject that stands for code with preemptive threads says [`preempt`]`().await`
//! between two critical sections, where the operating system could have taken the processor away.

pub mod erased;
pub mod reference;
pub mod service;

pub use super::history::Outcome;
use crate::narration;
use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

// The judges have an outcome of their own, so that they need not know the router's; subjects translate.
macro_rules! same_outcomes {
    ($($variant:ident),*) => {
        impl From<Outcome> for narration::Outcome {
            fn from(outcome: Outcome) -> Self {
                match outcome { $(Outcome::$variant => narration::Outcome::$variant),* }
            }
        }

        impl From<narration::Outcome> for Outcome {
            fn from(outcome: narration::Outcome) -> Self {
                match outcome { $(narration::Outcome::$variant => Outcome::$variant),* }
            }
        }
    };
}

same_outcomes!(Completed, Failed, Cancelled, Abandoned);

/// What a router is built with for one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setup {
    /// How many events a job retains for its slow and late readers; small, so that programs overflow it.
    pub retain_events: usize,
    /// Seed of whatever the router would else take from the system's randomness, so that a run replays.
    pub seed: u64,
}

/// Where a new stream starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since<'a> {
    /// With what is emitted from now on.
    Now,
    /// With all that the job still retains, after a lag marker for what it does not.
    Start,
    /// Just after the event with this text.
    After(&'a str),
}

/// What a stream delivers next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// An event, byte for byte as it was emitted.
    Event(String),
    /// So many events were skipped.
    Lagged(u64),
    /// The stream was stopped from outside; not an end.
    Stopped(String),
    /// The job is over; nothing follows. With the outcome, if the router tells it.
    End(Option<Outcome>),
}

/// Operations of a [`Subject`], by its methods' names.
pub type Operations = BTreeSet<&'static str>;

/// Why a router refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// No such job.
    Unknown,
    /// The job is over.
    Closed,
    /// A job of this name is open.
    InUse,
    /// A stated limit of this job or this event.
    Limit,
    /// The caller lacks the right.
    Forbidden,
    /// The router has no such operation.
    Unsupported,
    /// Something else, in the router's words.
    Other(String),
}

/// A router under test.
///
/// # Cancel safety
/// The harness may drop the future of [`next`](Subject::next) before it is ready and call it again; a router that loses
/// a delivery by that is in breach of G6.
pub trait Subject: Send + Sync + Sized + 'static {
    /// A right to one job, or to one name where that is all the router has.
    type Job: Clone + Send + Sync + 'static;
    /// One subscription.
    type Stream: Send + 'static;

    /// A new router, empty, sharing nothing with any other. What it does to bound the closed jobs that nobody has read
    /// (in time, or in number) must be far away: a run takes no time, and closes a few dozen jobs at most.
    fn fresh(setup: Setup) -> Self;

    /// Opens a job; after a close of it, a new incarnation.
    fn create(&self, name: &str) -> impl Future<Output = Result<Self::Job, Refused>> + Send;

    /// Narrates `event` to the job.
    fn emit(&self, job: &Self::Job, event: &str) -> impl Future<Output = Result<(), Refused>> + Send;

    /// Opens a stream of the job.
    fn subscribe(
        &self,
        job: &Self::Job,
        since: Since<'_>,
    ) -> impl Future<Output = Result<Self::Stream, Refused>> + Send;

    /// Waits for what the stream delivers next. Not called again after an end or a stop.
    fn next(stream: &mut Self::Stream) -> impl Future<Output = Delivery> + Send;

    /// Ends the job.
    fn close(&self, job: &Self::Job, outcome: Outcome) -> impl Future<Output = Result<(), Refused>> + Send;

    /// Drops the last right that comes with creating the job, without a close: the job is abandoned.
    fn abandon(&self, job: Self::Job) -> impl Future<Output = Result<(), Refused>> + Send {
        drop(job);
        std::future::ready(Err(Refused::Unsupported))
    }

    /// Looks a job up by its name alone, as somebody does who did not create it.
    fn find(&self, name: &str) -> impl Future<Output = Result<Self::Job, Refused>> + Send {
        let _ = name;
        std::future::ready(Err(Refused::Unsupported))
    }

    /// Narrates `event` to the operators.
    fn emit_system(&self, event: &str) -> impl Future<Output = Result<(), Refused>> + Send {
        let _ = event;
        std::future::ready(Err(Refused::Unsupported))
    }

    /// Opens the operators' stream.
    fn subscribe_system(&self) -> impl Future<Output = Result<Self::Stream, Refused>> + Send {
        std::future::ready(Err(Refused::Unsupported))
    }

    /// What the router shows a reader besides the deliveries themselves, where he is now: the id or position from which he
    /// could resume. Compared between runs (G8), judged by nothing else. `None` if it shows nothing.
    fn position(stream: &Self::Stream) -> Option<String> {
        let _ = stream;
        None
    }

    /// How many jobs the router still holds anything of (G10): the open ones, and those that are closed and not yet read
    /// to their end. What only handles and streams of the harness keep alive does not count. `None` if it cannot say.
    fn live(&self) -> Option<usize> {
        None
    }
}

/// A point where the scheduler may take another turn: pending once, and woken at once.
pub fn preempt() -> impl Future<Output = ()> + Send {
    struct Once(bool);
    impl Future for Once {
        type Output = ();
        fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
            if self.0 {
                return Poll::Ready(());
            }
            self.0 = true;
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    }
    Once(false)
}
