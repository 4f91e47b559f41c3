//! Leaky: a stream is given the history, and then attached to what comes live.
//!
//! What is emitted between the two steps stands in neither: the race that the seed's project met between its channel
//! and its first narration, and that every replay has whose two halves are not one step.
//!
//! Expected: G6, since an accepted event never comes and nobody counts it. Found by `interleaved` where an emit falls
//! between the halves of a subscribe. It is the near-miss [`near_joined_replay`](super::near_joined_replay) in the
//! other order.

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
    id: "history-then-live",
    kind: Kind::Leaky,
    defect: "history is read, then the live stream is attached: what is emitted in between is lost uncounted",
    incident: "rbee TEAM-205, TEAM-389; cloudflare/agents#1607; leak catalogue C19",
    expected: &[Guarantee::G6],
    methods: &["interleaved"],
};

/// With a gap.
#[derive(Debug)]
pub struct Gap;

impl Joining for Gap {
    async fn join(channel: &Arc<Channel>) -> Result<(VecDeque<Delivery>, Reader), Refused> {
        let (past, _) = history(channel)?;
        preempt().await; // THE DEFECT: what is emitted now is neither past nor live.
        Ok((past, channel.reader(Since::Now)?))
    }
}

/// The router.
pub type HistoryThenLive = Workbench<Joined<Gap>>;
