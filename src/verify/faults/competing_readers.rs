//! Leaky: all readers of a job share one cursor, and each event goes to one of them.
//!
//! A queue where a broadcast was meant: NATS's queue groups and a shared `mpsc` receiver deliver each message to one
//! consumer, by design. The owner's stream has every other event, and nothing says so.
//!
//! Expected: G6. Found by `interleaved` with any program that reads one job twice.

use super::about::{About, Kind};
use super::support::{Channel, Life, Names, Reader, lock};
use crate::verify::guarantee::Guarantee;
use crate::verify::subject::{Delivery, Outcome, Refused, Setup, Since, Subject};
use std::sync::{Arc, Mutex};

/// The exhibit.
pub const ABOUT: About = About {
    id: "competing-readers",
    kind: Kind::Leaky,
    defect: "the streams of a job take turns at one cursor: what one delivers the others miss, uncounted",
    incident: "NATS queue groups, a shared mpsc receiver; leak catalogue C20",
    expected: &[Guarantee::G6],
    methods: &["interleaved"],
};

/// The router.
#[derive(Debug)]
pub struct CompetingReaders {
    jobs: Names<Queue>,
    retain: usize,
}

/// One incarnation, with the one cursor of its readers.
#[derive(Debug)]
pub struct Queue {
    channel: Arc<Channel>,
    cursor: Mutex<Reader>,
}

impl Life for Queue {
    fn is_open(&self) -> bool {
        self.channel.is_open()
    }
}

impl Subject for CompetingReaders {
    type Job = Arc<Queue>;
    type Stream = Arc<Queue>;

    fn fresh(setup: Setup) -> Self {
        CompetingReaders { jobs: Names::default(), retain: setup.retain_events }
    }

    async fn create(&self, name: &str) -> Result<Arc<Queue>, Refused> {
        let channel = Channel::new(self.retain);
        let cursor = Mutex::new(channel.reader(Since::Start)?);
        self.jobs.open(name, Arc::new(Queue { channel, cursor }))
    }

    async fn emit(&self, job: &Arc<Queue>, event: &str) -> Result<(), Refused> {
        job.channel.push(event)
    }

    async fn subscribe(&self, job: &Arc<Queue>, since: Since<'_>) -> Result<Arc<Queue>, Refused> {
        match since {
            Since::After(_) => Err(Refused::Unsupported),
            Since::Now | Since::Start => Ok(Arc::clone(job)), // THE DEFECT: everybody has the same cursor.
        }
    }

    async fn next(stream: &mut Arc<Queue>) -> Delivery {
        std::future::poll_fn(|cx| lock(&stream.cursor).poll(cx)).await
    }

    async fn close(&self, job: &Arc<Queue>, outcome: Outcome) -> Result<(), Refused> {
        job.channel.seal(outcome)
    }

    async fn find(&self, name: &str) -> Result<Arc<Queue>, Refused> {
        self.jobs.find(name)
    }
}
