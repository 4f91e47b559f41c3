//! The seed's own router as it stood on its day: commit `53219482` of 22 October 2025, in facts, not in code.
//!
//! A process-wide sink holds one broadcast channel for each job id. An id is a plain string, and every operation goes
//! by it. Around the sink stood an HTTP service. Both are here, since the project tested the first and shipped the
//! second:
//!
//! - [`SeedRouter`] is the sink alone. Creating an id that is there replaces its channel (fault 18); an event for an id
//!   without a channel, or without any id, is dropped while its emitter is told nothing (13); a broadcast keeps nothing
//!   for who subscribes later (11), so that [`Since::Start`] gets what [`Since::Now`] gets: the sink has one subscribe,
//!   and its flow promises the job's narration by it; every reader of an id reads all of it (16); the end of a channel
//!   says nothing of how the job ended.
//! - [`SeedService`] has the handler too. Its guard removes the channel when the handler returns, which is before the
//!   response's body is first polled (10); its reader takes any error of the channel for the close (12); and the end of
//!   a job touches no channel, since the guard was to do that.
//!
//! A broadcast rounds its capacity up to a power of two, as tokio's does. A stream of an id that has no channel was one
//! line that says so, with status 200; here it is a refusal. The ids were drawn by the server, which the harness's
//! names are not: the sink took any string.

use super::about::{About, Kind};
use super::support::{Channel, Reader, lock};
use crate::verify::guarantee::Guarantee;
use crate::verify::subject::{Delivery, Outcome, Refused, Setup, Since, Subject, preempt};
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex};

/// The sink as an exhibit.
pub const ROUTER: About = About {
    id: "seed-router",
    kind: Kind::Leaky,
    defect: "channels by name: an emit to a missing one is dropped and called accepted, and a straggler or a second \
             create of a name reaches another life of it",
    incident: "rbee narration-core at 53219482, the sink that the seed's analysis calls isolated \
               (faults 11, 13, 16, 18)",
    expected: &[Guarantee::G2, Guarantee::G1],
    methods: &["interleaved"],
};

/// The service as an exhibit.
pub const SERVICE: About = About {
    id: "seed-service",
    kind: Kind::Leaky,
    defect: "the handler's guard removes the job's channel before the stream's body is first polled: the stream \
             ends at once and every event is dropped",
    incident: "rbee queen at 53219482, fault 10 EARLY-GUARD (until 95aab44d)",
    expected: &[Guarantee::G9, Guarantee::G2],
    methods: &["interleaved"],
};

/// How much of the seed's system stands around its sink.
pub trait Extent: Send + Sync + 'static {
    /// Whether the handler and its guard are there.
    const HANDLER: bool;
}

/// The sink, as the project's own tests used it.
#[derive(Debug)]
pub struct Sink;

impl Extent for Sink {
    const HANDLER: bool = false;
}

/// The sink with the handler of `GET /v1/jobs/{id}/stream` around it.
#[derive(Debug)]
pub struct Service;

impl Extent for Service {
    const HANDLER: bool = true;
}

/// The sink alone.
pub type SeedRouter = Seed<Sink>;
/// The sink with its handler and guard.
pub type SeedService = Seed<Service>;

type Channels = Arc<Mutex<BTreeMap<String, Arc<Channel>>>>;

/// The seed's router.
#[derive(Debug)]
pub struct Seed<E> {
    channels: Channels,
    capacity: usize,
    extent: PhantomData<fn() -> E>,
}

/// A receiver of a job's broadcast.
#[derive(Debug)]
pub struct Stream<E> {
    receiver: Reader,
    extent: PhantomData<fn() -> E>,
}

/// Removes the job's channel when it goes out of scope.
struct Guard<'a> {
    channels: &'a Channels,
    id: &'a str,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        remove(self.channels, self.id);
    }
}

/// Drops the channel's only sender: its receivers read what is left and then see it closed.
fn remove(channels: &Channels, id: &str) {
    let removed = lock(channels).remove(id);
    if let Some(channel) = removed {
        hang_up(&channel);
    }
}

/// A broadcast without its sender has no outcome to tell; the one noted here is stripped by the stream.
fn hang_up(channel: &Channel) {
    // A channel that was replaced has been hung up already.
    let _ = channel.seal(Outcome::Abandoned);
}

impl<E: Extent> Subject for Seed<E> {
    type Job = String;
    type Stream = Stream<E>;

    fn fresh(setup: Setup) -> Self {
        let capacity = setup.retain_events.max(1).next_power_of_two();
        Seed { channels: Arc::default(), capacity, extent: PhantomData }
    }

    async fn create(&self, name: &str) -> Result<String, Refused> {
        let replaced = lock(&self.channels).insert(name.to_owned(), Channel::new(self.capacity));
        if let Some(channel) = replaced {
            hang_up(&channel);
        }
        Ok(name.to_owned())
    }

    async fn emit(&self, job: &String, event: &str) -> Result<(), Refused> {
        let channel = lock(&self.channels).get(job).cloned();
        // The sink's `send` returns nothing, whether there is a channel or not.
        let _ = channel.map(|channel| channel.push(event));
        Ok(())
    }

    async fn subscribe(&self, job: &String, since: Since<'_>) -> Result<Stream<E>, Refused> {
        if let Since::After(_) = since {
            return Err(Refused::Unsupported);
        }
        let channel = lock(&self.channels).get(job).cloned().ok_or(Refused::Unknown)?;
        let receiver = channel.reader(Since::Now)?;
        if E::HANDLER {
            let _guard = Guard { channels: &self.channels, id: job };
            // The job has been started; its task may run until the handler has returned, which drops the guard.
            preempt().await;
        }
        Ok(Stream { receiver, extent: PhantomData })
    }

    async fn next(stream: &mut Stream<E>) -> Delivery {
        match stream.receiver.next().await {
            Delivery::Lagged(_) if E::HANDLER => Delivery::End(None),
            Delivery::End(_) => Delivery::End(None),
            delivery => delivery,
        }
    }

    async fn close(&self, job: &String, _outcome: Outcome) -> Result<(), Refused> {
        if !E::HANDLER {
            remove(&self.channels, job);
        }
        Ok(())
    }

    async fn find(&self, name: &str) -> Result<String, Refused> {
        Ok(name.to_owned())
    }

    async fn emit_system(&self, _event: &str) -> Result<(), Refused> {
        // It went to stderr, and to a log that nobody had installed: nothing that a stream could show.
        Ok(())
    }

    fn live(&self) -> Option<usize> {
        Some(lock(&self.channels).len())
    }
}
