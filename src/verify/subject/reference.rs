//! The reference router as a subject: the public face that embedders use, kernel, encoding and all.

use super::{Delivery, Outcome, Refused, Setup, Since, Subject};
use crate::narration::{Action, Actor, JobId};
use crate::router::{self, Access, Job as Owned, Position, Router};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

const ACTOR: Actor = Actor::new("verify");
const ACTION: Action = Action::new("emit");

/// A [`Router`] whose ids come from the run's seed.
#[derive(Debug)]
pub struct Reference {
    router: Router,
    positions: Positions,
}

/// Where each event stands, by its text: programs resume after a text, the router after a position. An emitter notes
/// it once the emit has returned, a reader when the event is delivered: whoever knows a text of either can resume
/// after it.
#[derive(Debug, Clone, Default)]
struct Positions(Arc<Mutex<HashMap<String, Position>>>);

impl Positions {
    fn note(&self, event: &str, position: Position) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(event.to_owned(), position);
    }

    fn of(&self, event: &str) -> Option<Position> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(event).copied()
    }
}

/// A stream that notes where the events stand that it delivers.
#[derive(Debug)]
pub struct Stream {
    stream: router::Stream,
    positions: Positions,
}

/// What an actor holds: the owner, or what the name led to.
#[derive(Debug, Clone)]
pub enum Job {
    /// By creating it.
    Owned(Arc<Owned>),
    /// By name.
    Found(Access),
}

fn refused(refused: router::Refused) -> Refused {
    match refused {
        router::Refused::Unknown => Refused::Unknown,
        router::Refused::Closed(_) => Refused::Closed,
        router::Refused::InUse => Refused::InUse,
        router::Refused::TooLarge { .. } => Refused::Limit,
        // A position of another job or life is no right to read this one.
        router::Refused::ForeignPosition => Refused::Forbidden,
        other => Refused::Other(other.to_string()),
    }
}

fn named(name: &str) -> Result<JobId, Refused> {
    JobId::named(name).map_err(|invalid| Refused::Other(invalid.to_string()))
}

impl Subject for Reference {
    type Job = Job;
    type Stream = Stream;

    fn fresh(setup: Setup) -> Self {
        let drawn = AtomicU64::new(setup.seed);
        let bits = move || u128::from(drawn.fetch_add(1, Ordering::Relaxed));
        let router = Router::builder().retain(setup.retain_events).bits(bits).build();
        Reference { router, positions: Positions::default() }
    }

    async fn create(&self, name: &str) -> Result<Job, Refused> {
        self.router.create_named(named(name)?).map(|job| Job::Owned(Arc::new(job))).map_err(refused)
    }

    async fn find(&self, name: &str) -> Result<Job, Refused> {
        self.router.find(&named(name)?).map(Job::Found).map_err(refused)
    }

    async fn emit(&self, job: &Job, event: &str) -> Result<(), Refused> {
        let emitter = match job {
            Job::Owned(job) => job.emitter(),
            Job::Found(job) => job.emitter(),
        };
        let position = emitter.narrate(ACTOR, ACTION).verbatim(event).emit().map_err(refused)?;
        self.positions.note(event, position);
        Ok(())
    }

    async fn subscribe(&self, job: &Job, since: Since<'_>) -> Result<Stream, Refused> {
        let since = match since {
            Since::Now => router::Since::Now,
            Since::Start => router::Since::Start,
            Since::After(event) => router::Since::After(self.positions.of(event).ok_or(Refused::Forbidden)?),
        };
        let reader = match job {
            Job::Owned(job) => job.reader(),
            Job::Found(job) => job.reader(),
        };
        let stream = reader.subscribe(since).map_err(refused)?;
        Ok(Stream { stream, positions: self.positions.clone() })
    }

    async fn next(stream: &mut Stream) -> Delivery {
        match stream.stream.next().await {
            // An event that cannot be read is handed on as it came: the judge then says that nobody emitted it.
            Some(router::Delivery::Event(event)) => match event.decode() {
                Ok(read) => {
                    stream.positions.note(&read.human, event.position());
                    Delivery::Event(read.human)
                }
                Err(_) => Delivery::Event(String::from_utf8_lossy(event.bytes()).into_owned()),
            },
            Some(router::Delivery::Lagged(n)) => Delivery::Lagged(n),
            Some(router::Delivery::End(outcome)) => Delivery::End(Some(outcome.into())),
            // Never read on after the end, so this stream stopped without one: nothing will come that could be read.
            None => std::future::pending().await,
        }
    }

    async fn close(&self, job: &Job, outcome: Outcome) -> Result<(), Refused> {
        let result = match job {
            Job::Owned(job) => job.close(outcome.into()),
            Job::Found(job) => job.close(outcome.into()),
        };
        result.map_err(refused)
    }

    async fn emit_system(&self, event: &str) -> Result<(), Refused> {
        self.router.system().narrate(ACTOR, ACTION).verbatim(event).emit().map(|_position| ()).map_err(refused)
    }

    async fn subscribe_system(&self) -> Result<Stream, Refused> {
        let stream = self.router.system().subscribe(router::Since::Now).map_err(refused)?;
        Ok(Stream { stream, positions: self.positions.clone() })
    }

    async fn abandon(&self, job: Job) -> Result<(), Refused> {
        drop(job);
        Ok(())
    }

    /// The place in the job's order. The incarnation's number, the other half, is fresh randomness: it tells readers
    /// nothing, and differs between any two runs.
    fn position(stream: &Stream) -> Option<String> {
        stream.stream.position().map(|position| position.sequence.to_string())
    }

    fn live(&self) -> Option<usize> {
        Some(self.router.jobs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    /// The answer of a future that never waits.
    fn now<T>(future: impl Future<Output = T>) -> T {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(answer) => answer,
            Poll::Pending => panic!("it waits, though everything it needs is there"),
        }
    }

    #[test]
    fn a_stream_resumes_after_an_event_of_its_own_job_and_no_other() {
        let subject = Reference::fresh(Setup { retain_events: 8, seed: 1 });
        let (job, other) = (now(subject.create("a")).unwrap(), now(subject.create("b")).unwrap());
        for event in ["one", "two", "three"] {
            now(subject.emit(&job, event)).unwrap();
        }
        now(subject.emit(&other, "elsewhere")).unwrap();
        let mut resumed = now(subject.subscribe(&job, Since::After("one"))).unwrap();
        assert_eq!(now(Reference::next(&mut resumed)), Delivery::Event("two".into()));
        for foreign in ["elsewhere", "never emitted", ""] {
            let refused = now(subject.subscribe(&job, Since::After(foreign))).err();
            assert_eq!(refused, Some(Refused::Forbidden), "{foreign:?}");
        }
    }
}
