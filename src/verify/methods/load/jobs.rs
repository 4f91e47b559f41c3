//! The parts of a run, in their order: jobs, streams, readers, emitters, the close.

use super::http::{Body, Brought, Connection, Place, Request};
use super::ledger::Heard;
use super::token::{Token, Told, correlation, told};
use super::{Plan, Times, Trouble};
use crate::narration::Outcome;
use crate::sink::sse::Message;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// So many streams are being opened at a time: a server counts a connection with all others until a stream is on it.
const OPENING: usize = 64;

/// A job of the run.
#[derive(Debug)]
pub(super) struct Job {
    nonce: u64,
    number: usize,
    id: String,
    capability: String,
    /// How it is going to be closed.
    pub(super) outcome: Outcome,
}

impl Job {
    fn path(&self, rest: &str) -> String {
        format!("/v1/jobs/{}{rest}", self.id)
    }
}

fn refused(what: &str, (status, said): (u16, String)) -> Trouble {
    Trouble::Refused { what: what.to_owned(), status, said }
}

/// Creates all jobs, the noisy one last.
pub(super) async fn create(place: Place, plan: &Plan, nonce: u64) -> Result<Vec<Job>, Trouble> {
    #[derive(Deserialize)]
    struct Created {
        job_id: String,
        capability: String,
    }
    let mut connection = Connection::open(place).await?;
    let mut jobs = Vec::new();
    for number in 0..plan.jobs + usize::from(plan.noisy_connections > 0) {
        let body = serde_json::json!({ "operation": "open", "correlation_id": correlation(nonce, number) }).to_string();
        let request = Request { method: "POST", path: "/v1/jobs", bearer: plan.key.as_deref(), body: &body };
        let answer = connection.ask(request).await?;
        let Ok(Created { job_id: id, capability }) = serde_json::from_str(&answer.1) else {
            return Err(refused("a job", answer));
        };
        let outcome = Outcome::ALL[number % Outcome::ALL.len()];
        jobs.push(Job { nonce, number, id, capability, outcome });
    }
    Ok(jobs)
}

/// A stream that is open, and whose it is.
pub(super) struct Open {
    nonce: u64,
    job: usize,
    body: Body,
}

/// Opens every stream of every job.
pub(super) async fn open_streams(place: Place, plan: &Plan, jobs: &[Job]) -> Result<Vec<Open>, Trouble> {
    let at_a_time = Arc::new(Semaphore::new(OPENING));
    let mut opening = JoinSet::new();
    for job in jobs {
        for _ in 0..plan.streams_per_job {
            let (nonce, number, at_a_time) = (job.nonce, job.number, Arc::clone(&at_a_time));
            let (path, capability) = (job.path("/stream"), job.capability.clone());
            opening.spawn(async move {
                let _turn = at_a_time.acquire().await;
                let request = Request { method: "GET", path: &path, bearer: Some(&capability), body: "" };
                let body = Connection::open(place).await?.stream(request).await?;
                Ok(Open { nonce, job: number, body })
            });
        }
    }
    let mut streams = Vec::new();
    while let Some(opened) = opening.join_next().await {
        streams.push(opened.expect("no task of a run panics or is aborted")?);
    }
    Ok(streams)
}

/// What one stream heard.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) job: usize,
    pub(super) heard: Vec<Heard>,
    /// How long events took, in microseconds, that were due before the noise began; and after.
    pub(super) alone: Vec<u32>,
    pub(super) beside: Vec<u32>,
}

/// Reads every stream, each in a task of its own.
pub(super) fn start_readers(streams: Vec<Open>, times: Times) -> JoinSet<Read> {
    streams.into_iter().map(|open| read(open, times)).collect()
}

async fn read(Open { nonce, job, mut body }: Open, times: Times) -> Read {
    let mut read = Read { job, heard: Vec::new(), alone: Vec::new(), beside: Vec::new() };
    loop {
        let heard = match body.next().await {
            Brought::Message(message) => hear(&message, nonce, &mut read, times),
            Brought::Over => Heard::Over,
            Brought::BrokenOff => Heard::BrokenOff,
        };
        read.heard.push(heard);
        if matches!(heard, Heard::Over | Heard::BrokenOff) {
            return read;
        }
    }
}

fn hear(message: &Message, nonce: u64, read: &mut Read, times: Times) -> Heard {
    #[derive(Deserialize)]
    struct Lagged {
        lagged: u64,
    }
    #[derive(Deserialize)]
    struct Done {
        outcome: Outcome,
    }
    let data = message.data.as_str();
    match message.event.as_str() {
        "narration" => match told(data, nonce, read.job) {
            Told::Created => Heard::Created,
            Told::Whole(token) if token.job == read.job => {
                let (half, now) = (times.micros(times.half), times.micros(Instant::now()));
                let took = u32::try_from(now.saturating_sub(token.due_us)).unwrap_or(u32::MAX);
                if token.due_us < half { &mut read.alone } else { &mut read.beside }.push(took);
                Heard::Event(token.mark())
            }
            Told::Altered(token) if token.job == read.job => Heard::Altered(token.mark()),
            Told::Whole(_) | Told::Altered(_) | Told::Foreign => Heard::Foreign,
        },
        // None was emitted with a result.
        "data" => Heard::Foreign,
        "lagged" => serde_json::from_str(data).map_or(Heard::Unknown, |Lagged { lagged }| Heard::Lagged(lagged)),
        "done" => serde_json::from_str(data).map_or(Heard::Unknown, |Done { outcome }| Heard::Done(outcome)),
        _ => Heard::Unknown,
    }
}

/// What one emitter did.
#[derive(Debug)]
pub(super) struct Emitted {
    pub(super) job: usize,
    /// Of each event the position that the server told; `None` if it refused.
    pub(super) positions: Vec<Option<u64>>,
    /// Events that were due and not sent.
    pub(super) unsent: u64,
}

/// One emitter, with its connection and what it needs to know.
struct Emitter {
    connection: Connection,
    path: String,
    capability: String,
    nonce: u64,
    job: usize,
    source: u16,
    times: Times,
    positions: Vec<Option<u64>>,
}

impl Emitter {
    async fn new(place: Place, job: &Job, source: u16, times: Times) -> Result<Emitter, Trouble> {
        let (connection, path, capability) =
            (Connection::open(place).await?, job.path("/events"), job.capability.clone());
        let (nonce, job, positions) = (job.nonce, job.number, Vec::new());
        Ok(Emitter { connection, path, capability, nonce, job, source, times, positions })
    }

    /// Emits the next event, and waits for what the server says.
    async fn emit(&mut self, due: Instant) -> Result<(), Trouble> {
        #[derive(Deserialize)]
        struct Position {
            sequence: u64,
        }
        let Emitter { nonce, job, source, .. } = *self;
        let sequence = u32::try_from(self.positions.len()).expect("no run lasts for as many events");
        let token = Token { nonce, job, source, sequence, due_us: self.times.micros(due) };
        let body = token.request();
        let request = Request { method: "POST", path: &self.path, bearer: Some(&self.capability), body: &body };
        let (status, said) = self.connection.ask(request).await?;
        let position = match (status, serde_json::from_str(&said)) {
            (202, Ok(Position { sequence })) => Some(sequence),
            // An answer that says nothing of what became of the event makes the run impossible to judge.
            (202 | 500.., _) => return Err(refused("an event", (status, said))),
            _ => None,
        };
        self.positions.push(position);
        Ok(())
    }

    /// So many events a second, each at its time; the emitters' times are spread.
    async fn quietly(mut self, rate: u64, spread: f64) -> Result<Emitted, Trouble> {
        let every = Duration::from_secs_f64(1.0 / rate as f64);
        let mut due = self.times.begun + every.mul_f64(spread);
        while due < self.times.end && Instant::now() < self.times.end {
            sleep_until(due).await;
            self.emit(due).await?;
            due += every;
        }
        let left = self.times.end.saturating_duration_since(due).as_secs_f64();
        Ok(self.done((left / every.as_secs_f64()).ceil() as u64))
    }

    /// As fast as answers come, for the second half.
    async fn noisily(mut self) -> Result<Emitted, Trouble> {
        sleep_until(self.times.half).await;
        while Instant::now() < self.times.end {
            self.emit(Instant::now()).await?;
        }
        Ok(self.done(0))
    }

    fn done(self, unsent: u64) -> Emitted {
        Emitted { job: self.job, positions: self.positions, unsent }
    }
}

/// Emits to every job until the time is over. Of each job the emitters come in their order.
pub(super) async fn emit(place: Place, plan: &Plan, jobs: &[Job], times: Times) -> Result<Vec<Emitted>, Trouble> {
    let (mut emitting, rate) = (JoinSet::new(), plan.rate);
    let (quiet, noisy) = jobs.split_at(plan.jobs);
    for job in quiet {
        let (emitter, spread) = (Emitter::new(place, job, 0, times).await?, job.number as f64 / plan.jobs as f64);
        emitting.spawn(async move { Ok((0, emitter.quietly(rate, spread).await?)) });
    }
    for job in noisy {
        for source in (0..).take(plan.noisy_connections) {
            let job = Job { id: job.id.clone(), capability: job.capability.clone(), ..*job };
            // Its connection is made when it is needed: nothing is asked on it before.
            emitting.spawn(async move {
                sleep_until(times.half).await;
                Ok((source, Emitter::new(place, &job, source, times).await?.noisily().await?))
            });
        }
    }
    let mut emitted = Vec::new();
    while let Some(ended) = emitting.join_next().await {
        emitted.push(ended.expect("no task of a run panics or is aborted")?);
    }
    emitted.sort_by_key(|(source, emitted)| (emitted.job, *source));
    Ok(emitted.into_iter().map(|(_, emitted)| emitted).collect())
}

/// Closes every job with its outcome.
pub(super) async fn close(place: Place, jobs: &[Job]) -> Result<(), Trouble> {
    let mut connection = Connection::open(place).await?;
    for job in jobs {
        let body = serde_json::json!({ "outcome": job.outcome }).to_string();
        let path = job.path("/close");
        let request = Request { method: "POST", path: &path, bearer: Some(&job.capability), body: &body };
        match connection.ask(request).await? {
            (200, _) => {}
            answer => return Err(refused("the close of a job", answer)),
        }
    }
    Ok(())
}
