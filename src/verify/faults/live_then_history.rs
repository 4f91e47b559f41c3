//! Leaky: a stream is attached to what comes live, and then given the history, with what stands in both twice.
//!
//! The usual cure for the gap of [`history_then_live`](super::history_then_live), without its second half: holon's
//! and cloudflare's backfills overlapped with what came live.
//!
//! Expected: G5, since an event comes twice. Found by `interleaved` where an emit falls between the halves of a
//! subscribe. It is the near-miss [`near_joined_replay`](super::near_joined_replay) without its high-water mark.

use super::about::{About, Kind};
use super::near_joined_replay::{Joined, Joining, history};
use super::support::{Channel, Reader};
use super::workbench::Workbench;
use crate::verify::guarantee::Guarantee;
use crate::verify::subject::{Delivery, Refused, Since, preempt};
use std::collections::VecDeque;
use std::sync::Arc;

/// The exhibit.
pub const ABOUT: About = About {
    id: "live-then-history",
    kind: Kind::Leaky,
    defect: "the live stream is attached, then history is read: what is emitted in between is delivered twice",
    incident: "holon#2287; cloudflare/agents#1607; leak catalogue C19, C57",
    expected: &[Guarantee::G5],
    methods: &["interleaved"],
};

/// With an overlap.
#[derive(Debug)]
pub struct Overlap;

impl Joining for Overlap {
    async fn join(channel: &Arc<Channel>) -> Result<(VecDeque<Delivery>, Reader), Refused> {
        let live = channel.reader(Since::Now)?;
        preempt().await;
        let (past, _) = history(channel)?; // THE DEFECT: how far it reached is forgotten.
        Ok((past, live))
    }
}

/// The router.
pub type LiveThenHistory = Workbench<Joined<Overlap>>;
