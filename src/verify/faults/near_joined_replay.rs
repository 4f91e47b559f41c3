//! Near-miss: a stream is attached to what comes live, and then given the history, less what the two have in common.
//!
//! The two steps leave room for emits between them, which stand in the history and come live as well. The stream
//! notes how far the history reached, and lets what comes live begin there.
//!
//! One edit away from [`live_then_history`](super::live_then_history), which forgets to note it, and in another
//! direction from [`history_then_live`](super::history_then_live), which takes the steps in the other order:
//! [`Joining::join`].

use super::about::{About, Kind};
use super::support::{Channel, Reader};
use super::workbench::{Design, Job, Stream, Workbench};
use crate::verify::subject::{Delivery, Refused, Since, preempt};
use std::collections::VecDeque;
use std::marker::PhantomData;
use std::sync::Arc;

/// The exhibit.
pub const ABOUT: About = About {
    id: "near-joined-replay",
    kind: Kind::NearMiss,
    defect: "none: live first, then history, and what stands in both is skipped; unskipped, it is live-then-history",
    incident: "backfill with a high-water mark",
    expected: &[],
    methods: &[],
};

/// How a history and what comes live are joined.
pub trait Joining: Send + Sync + 'static {
    /// What is delivered first, and the reader of the rest.
    fn join(channel: &Arc<Channel>) -> impl Future<Output = Result<(VecDeque<Delivery>, Reader), Refused>> + Send;
}

/// What a channel retains, with a marker for what it does not, and the reader that has read so far.
pub(super) fn history(channel: &Arc<Channel>) -> Result<(VecDeque<Delivery>, Reader), Refused> {
    let mut reader = channel.reader(Since::Start)?;
    let mut past = VecDeque::new();
    while let Some(delivery) = reader.read_on() {
        past.push_back(delivery);
    }
    Ok((past, reader))
}

/// With nothing twice.
#[derive(Debug)]
pub struct Once;

impl Joining for Once {
    async fn join(channel: &Arc<Channel>) -> Result<(VecDeque<Delivery>, Reader), Refused> {
        let mut live = channel.reader(Since::Now)?;
        preempt().await;
        let (past, read) = history(channel)?;
        live.position = live.position.max(read.position);
        Ok((past, live))
    }
}

/// Streams from the start are joined.
#[derive(Debug)]
pub struct Joined<J>(PhantomData<fn() -> J>);

impl<J> Default for Joined<J> {
    fn default() -> Self {
        Joined(PhantomData)
    }
}

impl<J: Joining> Design for Joined<J> {
    async fn subscribe(bench: &Workbench<Self>, job: &Job, since: Since<'_>) -> Result<Stream<Self>, Refused> {
        if since != Since::Start {
            return job.channel.reader(since).map(|reader| bench.stream(reader));
        }
        let (ahead, reader) = J::join(&job.channel).await?;
        Ok(Stream { ahead, ..bench.stream(reader) })
    }
}

/// The router.
pub type JoinedReplay = Workbench<Joined<Once>>;
