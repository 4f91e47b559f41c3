//! A subject whose type is forgotten, so that what runs programs is compiled once and not again for each router.
//!
//! A right to a job is held by reference count, so that a handle can be cloned whatever it is; giving one up needs
//! it back as a value, and takes a clone of the subject's own and drops the count.

use super::{Delivery, Outcome, Refused, Setup, Since, Subject};
use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// What an operation of a forgotten subject is: its future, boxed.
pub type Operation<'o, T> = Pin<Box<dyn Future<Output = T> + Send + 'o>>;

/// Any [`Subject`].
pub struct Erased(Box<dyn Object>);

/// A subject as the methods take it: how a new router of it is made, whatever its type is. `Erased::fresh::<MyRouter>` is
/// one.
pub type Fresh = fn(Setup) -> Erased;

/// A right to a job of an [`Erased`] subject. Only that subject knows what it is.
#[derive(Clone)]
pub struct Job(Arc<dyn Any + Send + Sync>);

/// A stream of an [`Erased`] subject.
pub struct Stream(Box<dyn Next>);

impl Erased {
    /// A new router of type `S`; by itself, `Erased::fresh::<S>`, what the methods take as the subject.
    pub fn fresh<S: Subject>(setup: Setup) -> Erased {
        Erased(Box::new(S::fresh(setup)))
    }

    /// See [`Subject::create`].
    pub fn create<'o>(&'o self, name: &'o str) -> Operation<'o, Result<Job, Refused>> {
        self.0.create(name)
    }

    /// See [`Subject::emit`].
    pub fn emit<'o>(&'o self, job: &'o Job, event: &'o str) -> Operation<'o, Result<(), Refused>> {
        self.0.emit(job, event)
    }

    /// See [`Subject::subscribe`].
    pub fn subscribe<'o>(&'o self, job: &'o Job, since: Since<'o>) -> Operation<'o, Result<Stream, Refused>> {
        self.0.subscribe(job, since)
    }

    /// See [`Subject::close`].
    pub fn close<'o>(&'o self, job: &'o Job, outcome: Outcome) -> Operation<'o, Result<(), Refused>> {
        self.0.close(job, outcome)
    }

    /// See [`Subject::abandon`].
    pub fn abandon(&self, job: Job) -> Operation<'_, Result<(), Refused>> {
        self.0.abandon(job)
    }

    /// See [`Subject::find`].
    pub fn find<'o>(&'o self, name: &'o str) -> Operation<'o, Result<Job, Refused>> {
        self.0.find(name)
    }

    /// See [`Subject::emit_system`].
    pub fn emit_system<'o>(&'o self, event: &'o str) -> Operation<'o, Result<(), Refused>> {
        self.0.emit_system(event)
    }

    /// See [`Subject::subscribe_system`].
    pub fn subscribe_system(&self) -> Operation<'_, Result<Stream, Refused>> {
        self.0.subscribe_system()
    }

    /// See [`Subject::live`].
    pub fn live(&self) -> Option<usize> {
        self.0.live()
    }
}

impl Stream {
    /// See [`Subject::next`].
    #[allow(clippy::should_implement_trait, reason = "it waits, as a subject's streams do")]
    pub fn next(&mut self) -> Operation<'_, Delivery> {
        self.0.next()
    }

    /// See [`Subject::position`].
    pub fn position(&self) -> Option<String> {
        self.0.position()
    }
}

trait Object: Send + Sync {
    fn create<'o>(&'o self, name: &'o str) -> Operation<'o, Result<Job, Refused>>;
    fn emit<'o>(&'o self, job: &'o Job, event: &'o str) -> Operation<'o, Result<(), Refused>>;
    fn subscribe<'o>(&'o self, job: &'o Job, since: Since<'o>) -> Operation<'o, Result<Stream, Refused>>;
    fn close<'o>(&'o self, job: &'o Job, outcome: Outcome) -> Operation<'o, Result<(), Refused>>;
    fn abandon(&self, job: Job) -> Operation<'_, Result<(), Refused>>;
    fn find<'o>(&'o self, name: &'o str) -> Operation<'o, Result<Job, Refused>>;
    fn emit_system<'o>(&'o self, event: &'o str) -> Operation<'o, Result<(), Refused>>;
    fn subscribe_system(&self) -> Operation<'_, Result<Stream, Refused>>;
    fn live(&self) -> Option<usize>;
}

trait Next: Send {
    fn next(&mut self) -> Operation<'_, Delivery>;
    fn position(&self) -> Option<String>;
}

/// One stream of a subject of type `S`.
struct Of<S: Subject>(S::Stream);

impl<S: Subject> Next for Of<S> {
    fn next(&mut self) -> Operation<'_, Delivery> {
        Box::pin(S::next(&mut self.0))
    }

    fn position(&self) -> Option<String> {
        S::position(&self.0)
    }
}

fn known<S: Subject>(job: &Job) -> &S::Job {
    job.0.downcast_ref().expect("a run has one subject, and its jobs are that subject's")
}

fn job<S: Subject>(job: S::Job) -> Job {
    Job(Arc::new(job))
}

fn stream<S: Subject>(stream: S::Stream) -> Stream {
    Stream(Box::new(Of::<S>(stream)))
}

/// A future whose result is wrapped, in one box.
fn boxed<'o, T: 'o, U: 'o>(
    future: impl Future<Output = Result<T, Refused>> + Send + 'o,
    wrap: fn(T) -> U,
) -> Operation<'o, Result<U, Refused>> {
    Box::pin(async move { future.await.map(wrap) })
}

impl<S: Subject> Object for S {
    fn create<'o>(&'o self, name: &'o str) -> Operation<'o, Result<Job, Refused>> {
        boxed(Subject::create(self, name), job::<S>)
    }

    fn emit<'o>(&'o self, job: &'o Job, event: &'o str) -> Operation<'o, Result<(), Refused>> {
        Box::pin(Subject::emit(self, known::<S>(job), event))
    }

    fn subscribe<'o>(&'o self, job: &'o Job, since: Since<'o>) -> Operation<'o, Result<Stream, Refused>> {
        boxed(Subject::subscribe(self, known::<S>(job), since), stream::<S>)
    }

    fn close<'o>(&'o self, job: &'o Job, outcome: Outcome) -> Operation<'o, Result<(), Refused>> {
        Box::pin(Subject::close(self, known::<S>(job), outcome))
    }

    fn abandon(&self, job: Job) -> Operation<'_, Result<(), Refused>> {
        let own = known::<S>(&job).clone();
        drop(job);
        Box::pin(Subject::abandon(self, own))
    }

    fn find<'o>(&'o self, name: &'o str) -> Operation<'o, Result<Job, Refused>> {
        boxed(Subject::find(self, name), job::<S>)
    }

    fn emit_system<'o>(&'o self, event: &'o str) -> Operation<'o, Result<(), Refused>> {
        Box::pin(Subject::emit_system(self, event))
    }

    fn subscribe_system(&self) -> Operation<'_, Result<Stream, Refused>> {
        boxed(Subject::subscribe_system(self), stream::<S>)
    }

    fn live(&self) -> Option<usize> {
        Subject::live(self)
    }
}
