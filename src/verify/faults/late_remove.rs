//! Leaky: the name of a job that is over is removed some time later, whoever bears it then.
//!
//! Shaped after the seed's project once it had two removers: the job's end removed the channel, and the body of its
//! stream removed it again, by name. If the name had been created again in between, the new job's channel was gone
//! (an ABA).
//!
//! Expected: G4, since emits to the new, open job are refused as unknown. Found by `interleaved` where the name is
//! created again between the end and the removal, and then looked up. It is the near-miss
//! [`near_checked_removal`](super::near_checked_removal) without its look.

use super::about::{About, Kind};
use super::near_checked_removal::{Condemned, Removing};
use super::support::Channel;
use super::workbench::Workbench;
use crate::verify::guarantee::Guarantee;
use std::sync::Arc;

/// The exhibit.
pub const ABOUT: About = About {
    id: "late-remove",
    kind: Kind::Leaky,
    defect: "a job's name is removed some time after its end, even if another incarnation bears it by then",
    incident: "rbee, fault 20 ABA-LATE-REMOVE (since 5c56459c); vLLM#27987; leak catalogue C06",
    expected: &[Guarantee::G4],
    methods: &["interleaved"],
};

/// Whoever is there.
#[derive(Debug)]
pub struct Anybody;

impl Condemned for Anybody {
    fn is(_present: &Arc<Channel>, _ended: &Arc<Channel>) -> bool {
        true // THE DEFECT: the name is taken for the job.
    }
}

/// The router.
pub type LateRemove = Workbench<Removing<Anybody>>;
