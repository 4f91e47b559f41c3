//! Leaky: an emit writes to its job's readers one after the other, and another emit can go between.
//!
//! The same event takes two paths, and order is kept on each of them only: two readers of one job see its steps in
//! different orders, and both are sure.
//!
//! Expected: G5, since the readers contradict each other. Found by `interleaved` where two emitters of one job overlap.
//! It is the near-miss [`near_two_replicas`](super::near_two_replicas) with an await.

use super::about::{About, Kind};
use super::near_two_replicas::{FanOut, Pair, TwoReplicas};
use crate::verify::guarantee::Guarantee;
use crate::verify::subject::{Refused, preempt};

/// The exhibit.
pub const ABOUT: About = About {
    id: "unlocked-fan-out",
    kind: Kind::Leaky,
    defect: "an event is written to a job's two replicas with an await in between: overlapping emits reach them in \
             different orders",
    incident: "fan-out in a loop that awaits, as in rbee DownloadTracker (leak catalogue C23); order kept for each \
               connection only (C57)",
    expected: &[Guarantee::G5],
    methods: &["interleaved"],
};

/// One after the other.
#[derive(Debug)]
pub struct InTurn;

impl FanOut for InTurn {
    async fn deliver(pair: &Pair, event: &str) -> Result<(), Refused> {
        pair.replicas[0].push(event)?;
        preempt().await; // THE DEFECT: another emit can reach the second replica before this one.
        // The job may be over by now; the first replica has accepted it.
        let _ = pair.replicas[1].push(event);
        Ok(())
    }
}

/// The router.
pub type UnlockedFanOut = TwoReplicas<InTurn>;
