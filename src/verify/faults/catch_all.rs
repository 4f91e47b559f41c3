//! Leaky: an event whose channel is missing falls back to a global channel, which every stream also reads.
//!
//! Shaped after incident NARR-2025-001 of the seed's project: for fifty minutes a common channel for what had no job
//! stood beside the jobs' own. To let what had lost the race with create fall back to it was proposed as a fix, and
//! never committed: this is what would have come of it (leak catalogue C01; socket.io#3430 has the same shape).
//!
//! Expected: G2, since an emit to a job that is not there yet, or no longer, is accepted; G1, since strangers read it.
//! Found by `interleaved`, wherever an emit by name comes before the create or an emit by handle after the close.

use super::about::{About, Kind};
use super::support::{Channel, Names, Reader};
use crate::verify::guarantee::Guarantee;
use crate::verify::subject::{Delivery, Outcome, Refused, Setup, Since, Subject};
use std::sync::Arc;
use std::task::Poll;

/// The exhibit.
pub const ABOUT: About = About {
    id: "catch-all",
    kind: Kind::Leaky,
    defect: "an event whose job channel is missing or closed falls back to a global channel that every stream reads",
    incident: "rbee incident NARR-2025-001, fault 7 CATCH-ALL-CHANNEL (80b7050d until 53219482; \
               the fallback was proposed, not committed); socket.io#3430",
    expected: &[Guarantee::G2, Guarantee::G1],
    methods: &["interleaved"],
};

/// The router.
#[derive(Debug)]
pub struct CatchAll {
    jobs: Names<Channel>,
    global: Arc<Channel>,
    retain: usize,
}

/// A name, with its channel if there was one when it was looked up.
pub type Job = Option<Arc<Channel>>;

/// A job's stream, which listens to the global channel as well.
#[derive(Debug)]
pub struct Stream {
    own: Reader,
    global: Reader,
}

impl Subject for CatchAll {
    type Job = Job;
    type Stream = Stream;

    fn fresh(setup: Setup) -> Self {
        CatchAll { jobs: Names::default(), global: Channel::new(usize::MAX), retain: setup.retain_events }
    }

    async fn create(&self, name: &str) -> Result<Job, Refused> {
        self.jobs.open(name, Channel::new(self.retain)).map(Some)
    }

    async fn emit(&self, job: &Job, event: &str) -> Result<(), Refused> {
        match job.as_ref().map(|channel| channel.push(event)) {
            Some(Ok(())) => Ok(()),
            _ => self.global.push(event), // THE DEFECT: a second choice of channel instead of a refusal.
        }
    }

    async fn subscribe(&self, job: &Job, since: Since<'_>) -> Result<Stream, Refused> {
        let channel = job.as_ref().ok_or(Refused::Unknown)?;
        Ok(Stream { own: channel.reader(since)?, global: self.global.reader(Since::Now)? })
    }

    async fn next(stream: &mut Stream) -> Delivery {
        std::future::poll_fn(|cx| match stream.global.poll(cx) {
            Poll::Ready(delivery) => Poll::Ready(delivery),
            Poll::Pending => stream.own.poll(cx),
        })
        .await
    }

    async fn close(&self, job: &Job, outcome: Outcome) -> Result<(), Refused> {
        job.as_ref().ok_or(Refused::Unknown)?.seal(outcome)
    }

    async fn find(&self, name: &str) -> Result<Job, Refused> {
        // A name is as good as a job here: whether it has a channel is asked when something is emitted.
        Ok(self.jobs.find(name).ok())
    }
}
