//! Leaky: a reader that has fallen behind is told that the job is over.
//!
//! Shaped after the handlers that read the seed project's broadcasts: a burst beyond the capacity made the receiver
//! answer that it lagged, which is an error, and any error was taken for the close. 3000 events against a capacity of
//! 1000 gave no line at all, though 1000 could still be read (leak catalogue C22 has the same in two other projects).
//!
//! Expected: G9, since the stream ends before the job does; G6, since nobody counts what was lost. Found by
//! `interleaved`, with any program that overflows the retention. It is the near-miss
//! [`near_drop_oldest`](super::near_drop_oldest) with another word to the reader.

use super::about::{About, Kind};
use super::near_drop_oldest::{DropOldest, OnLag};
use crate::verify::guarantee::Guarantee;
use crate::verify::subject::Delivery;

/// The exhibit.
pub const ABOUT: About = About {
    id: "lag-as-close",
    kind: Kind::Leaky,
    defect: "a reader that lags is given the end of its stream",
    incident: "rbee queen, fault 12 LAG-READ-AS-CLOSE (1c2b5cf5 until 60b30539); sigp/lighthouse#4245",
    expected: &[Guarantee::G9, Guarantee::G6],
    methods: &["interleaved"],
};

/// That it is over.
#[derive(Debug)]
pub struct ReadAsEnd;

impl OnLag for ReadAsEnd {
    fn tell(_skipped: u64) -> Delivery {
        Delivery::End(None) // THE DEFECT: any error of the channel is read as its close.
    }
}

/// The router.
pub type LagAsClose = DropOldest<ReadAsEnd>;
