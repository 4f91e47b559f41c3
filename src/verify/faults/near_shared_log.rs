//! Near-miss: one log for the whole process, which every stream reads and filters.
//!
//! All jobs' events stand in one sequence, and every reader is woken by every event; that looks like a leak and is
//! none: a stream passes over what is not its own incarnation's, each job evicts only its own events, and lag is
//! counted by the job's own places, not by the log's.
//!
//! One edit away from [`global_broadcast`](super::global_broadcast): the filter, [`Hearing::hears`]; and, elsewhere,
//! from [`shared_ring`](super::shared_ring): at whose expense a job makes room, [`Hearing::gives_way`].

use super::about::{About, Kind};
use super::support::lock;
use crate::verify::subject::{Delivery, Outcome, Refused, Setup, Since, Subject};
use std::marker::PhantomData;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

/// The exhibit.
pub const ABOUT: About = About {
    id: "near-shared-log",
    kind: Kind::NearMiss,
    defect: "none: one log holds every job's events, but a stream delivers its own incarnation's only; without that \
             filter it is global-broadcast",
    incident: "brokers that keep many subjects in one stream and filter for each consumer (JetStream)",
    expected: &[],
    methods: &[],
};

/// Which entries of the common log a stream delivers.
pub trait Hearing: Send + Sync + 'static {
    /// Whether a stream of the incarnation `own` delivers an event of `life`.
    fn hears(own: usize, life: usize) -> bool;

    /// Whether an event of `life` counts against, and may be evicted for, what `emitter` says.
    fn gives_way(emitter: usize, life: usize) -> bool {
        // A job makes room at its own expense: its neighbours' events stay where they are.
        emitter == life
    }
}

/// Its own incarnation's.
#[derive(Debug)]
pub struct OwnOnly;

impl Hearing for OwnOnly {
    fn hears(own: usize, life: usize) -> bool {
        own == life
    }
}

/// The router. A job is the number of its incarnation.
#[derive(Debug)]
pub struct SharedLog<H = OwnOnly> {
    log: Arc<Mutex<Log>>,
    retain: usize,
    hearing: PhantomData<fn() -> H>,
}

#[derive(Debug, Default)]
struct Log {
    lives: Vec<Incarnation>,
    entries: Vec<Entry>,
    /// How many entries there ever were; the next one's number.
    written: u64,
    /// The readers that wait, each with the incarnation that it reads.
    waiting: Vec<(usize, Waker)>,
}

#[derive(Debug)]
struct Incarnation {
    name: String,
    /// How many events it accepted; the next one's place.
    accepted: u64,
    outcome: Option<Outcome>,
    /// Some stream has had the end.
    read_out: bool,
}

#[derive(Debug)]
struct Entry {
    number: u64,
    life: usize,
    place: u64,
    text: String,
}

impl Log {
    fn open(&mut self, job: usize) -> Result<&mut Incarnation, Refused> {
        Some(&mut self.lives[job]).filter(|life| life.outcome.is_none()).ok_or(Refused::Closed)
    }

    fn append<H: Hearing>(&mut self, job: usize, retain: usize, text: &str) -> Result<(), Refused> {
        let life = self.open(job)?;
        let place = life.accepted;
        life.accepted += 1;
        self.entries.push(Entry { number: self.written, life: job, place, text: text.to_owned() });
        self.written += 1;
        if self.entries.iter().filter(|entry| H::gives_way(job, entry.life)).count() > retain
            && let Some(oldest) = self.entries.iter().position(|entry| H::gives_way(job, entry.life))
        {
            self.entries.remove(oldest);
        }
        Ok(())
    }
}

/// A position in the log, and one in the job.
#[derive(Debug)]
pub struct Stream<H> {
    log: Arc<Mutex<Log>>,
    job: usize,
    /// The number of the first entry not looked at yet.
    number: u64,
    /// The place of the job's first event that is neither delivered nor counted.
    place: u64,
    hearing: PhantomData<fn() -> H>,
}

impl<H: Hearing> Stream<H> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Delivery> {
        let mut log = lock(&self.log);
        let next = log.entries.iter().find(|entry| entry.number >= self.number && H::hears(self.job, entry.life));
        if let Some(entry) = next {
            if entry.life == self.job && entry.place > self.place {
                let lagged = entry.place - self.place;
                self.place = entry.place;
                return Poll::Ready(Delivery::Lagged(lagged));
            }
            self.place += u64::from(entry.life == self.job);
            self.number = entry.number + 1;
            return Poll::Ready(Delivery::Event(entry.text.clone()));
        }
        if let Some(outcome) = log.lives[self.job].outcome {
            log.lives[self.job].read_out = true;
            return Poll::Ready(Delivery::End(Some(outcome)));
        }
        log.waiting.retain(|(_, known)| !known.will_wake(cx.waker()));
        log.waiting.push((self.job, cx.waker().clone()));
        Poll::Pending
    }
}

impl<H: Hearing> SharedLog<H> {
    /// One change of a job in the log; then, with the lock released, whoever waits and hears of that job is woken. Nobody
    /// else is: a waker is its owner's code, which may panic in whoever calls it.
    fn change(&self, job: usize, change: impl FnOnce(&mut Log) -> Result<(), Refused>) -> Result<(), Refused> {
        let woken: Vec<_> = {
            let mut log = lock(&self.log);
            change(&mut log)?;
            log.waiting.extract_if(.., |(own, _)| H::hears(*own, job)).collect()
        };
        woken.into_iter().for_each(|(_, waker)| waker.wake());
        Ok(())
    }
}

impl<H: Hearing> Subject for SharedLog<H> {
    type Job = usize;
    type Stream = Stream<H>;

    fn fresh(setup: Setup) -> Self {
        // The newest event of a job always stays: by it a reader sees what was evicted before it.
        SharedLog { log: Arc::default(), retain: setup.retain_events.max(1), hearing: PhantomData }
    }

    async fn create(&self, name: &str) -> Result<usize, Refused> {
        let mut log = lock(&self.log);
        if log.lives.iter().any(|life| life.name == name && life.outcome.is_none()) {
            return Err(Refused::InUse);
        }
        log.lives.push(Incarnation { name: name.to_owned(), accepted: 0, outcome: None, read_out: false });
        Ok(log.lives.len() - 1)
    }

    async fn emit(&self, job: &usize, event: &str) -> Result<(), Refused> {
        self.change(*job, |log| log.append::<H>(*job, self.retain, event))
    }

    async fn subscribe(&self, job: &usize, since: Since<'_>) -> Result<Stream<H>, Refused> {
        let log = lock(&self.log);
        if log.lives[*job].read_out {
            return Err(Refused::Unknown);
        }
        let (number, place) = match since {
            Since::Start => (0, 0),
            Since::Now => (log.written, log.lives[*job].accepted),
            Since::After(_) => return Err(Refused::Unsupported),
        };
        Ok(Stream { log: Arc::clone(&self.log), job: *job, number, place, hearing: PhantomData })
    }

    async fn next(stream: &mut Stream<H>) -> Delivery {
        std::future::poll_fn(|cx| stream.poll(cx)).await
    }

    async fn close(&self, job: &usize, outcome: Outcome) -> Result<(), Refused> {
        self.change(*job, |log| log.open(*job).map(|life| life.outcome = Some(outcome)))
    }

    async fn find(&self, name: &str) -> Result<usize, Refused> {
        lock(&self.log).lives.iter().rposition(|life| life.name == name).ok_or(Refused::Unknown)
    }
}
