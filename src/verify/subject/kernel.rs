//! The kernel as a subject: what loom and shuttle explore. Compiled beside each compilation of the kernel.

use super::kernel::{self, Delivery as Arrived, Kernel, Owner, Setup as KernelSetup, Since as From};
use crate::narration::JobId;
use crate::verify::subject::{Delivery, Outcome, Refused, Setup, Since, Subject};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A kernel with its embedder's duties: it draws incarnation numbers, from a counter, so that runs repeat.
#[derive(Debug)]
pub struct KernelSubject {
    kernel: Kernel,
    /// std's on purpose: the embedder's source of numbers is not what is explored.
    incarnations: AtomicU64,
}

/// What an actor holds: the owner's handle, or what the name led to.
#[derive(Debug, Clone)]
pub enum Job {
    /// By creating it.
    Owned(Arc<Owner>),
    /// By name.
    Found(kernel::rights::Access),
}

fn refused(refused: kernel::Refused) -> Refused {
    match refused {
        kernel::Refused::Unknown => Refused::Unknown,
        kernel::Refused::Closed(_) => Refused::Closed,
        kernel::Refused::InUse => Refused::InUse,
        kernel::Refused::TooLarge { .. } => Refused::Limit,
        other => Refused::Other(other.to_string()),
    }
}

impl Subject for KernelSubject {
    type Job = Job;
    type Stream = kernel::Stream;

    fn fresh(setup: Setup) -> Self {
        let kernel = Kernel::new(KernelSetup {
            // One shard: the jobs of a small model then meet in one lock, which is the hard case.
            shards: 1,
            hash_seed: [setup.seed, 0],
            retention: kernel::log::Retention { events: setup.retain_events, bytes: usize::MAX },
            event_bytes: 1 << 16,
            linger_ticks: 1,
            // More than the widest program closes: no run comes near a limit, so what is gone unread is a breach.
            linger_jobs: 1 << 10,
        });
        KernelSubject { kernel, incarnations: AtomicU64::new(setup.seed) }
    }

    async fn create(&self, name: &str) -> Result<Job, Refused> {
        let id = JobId::named(name).map_err(|e| Refused::Other(e.to_string()))?;
        let incarnation = self.incarnations.fetch_add(1, Ordering::Relaxed);
        self.kernel.create(&id, incarnation).map(|owner| Job::Owned(Arc::new(owner))).map_err(refused)
    }

    async fn find(&self, name: &str) -> Result<Job, Refused> {
        let id = JobId::named(name).map_err(|e| Refused::Other(e.to_string()))?;
        self.kernel.find(&id).map(Job::Found).map_err(refused)
    }

    async fn emit(&self, job: &Job, event: &str) -> Result<(), Refused> {
        let emitter = match job {
            Job::Owned(owner) => owner.emitter(),
            Job::Found(access) => access.emitter(),
        };
        emitter.emit(event.as_bytes()).map(|_position| ()).map_err(refused)
    }

    async fn subscribe(&self, job: &Job, since: Since<'_>) -> Result<kernel::Stream, Refused> {
        let since = match since {
            Since::Now => From::Now,
            Since::Start => From::Start,
            Since::After(_) => return Err(Refused::Unsupported),
        };
        let reader = match job {
            Job::Owned(owner) => owner.reader(),
            Job::Found(access) => access.reader(),
        };
        reader.subscribe(since).map_err(refused)
    }

    async fn next(stream: &mut kernel::Stream) -> Delivery {
        match stream.next().await {
            Some(Arrived::Event(frame)) => Delivery::Event(String::from_utf8_lossy(&frame.bytes).into_owned()),
            Some(Arrived::Lagged(n)) => Delivery::Lagged(n),
            Some(Arrived::End(outcome)) => Delivery::End(Some(outcome.into())),
            // Never read on after the end, so this stream stopped without one: nothing will come that could be read.
            None => std::future::pending().await,
        }
    }

    async fn close(&self, job: &Job, outcome: Outcome) -> Result<(), Refused> {
        let result = match job {
            Job::Owned(owner) => owner.close(outcome.into()),
            Job::Found(access) => access.close(outcome.into()),
        };
        result.map_err(refused)
    }

    async fn abandon(&self, job: Job) -> Result<(), Refused> {
        drop(job);
        Ok(())
    }

    /// The place in the job's order. The incarnation's number, the other half, is fresh randomness: it tells readers
    /// nothing, and differs between any two runs.
    fn position(stream: &kernel::Stream) -> Option<String> {
        stream.position().map(|position| position.sequence.to_string())
    }

    fn live(&self) -> Option<usize> {
        Some(self.kernel.jobs())
    }
}
