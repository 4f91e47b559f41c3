//! Leaky: a job whose name was created again before it was read to its end is never given up.
//!
//! Shaped after the hurried repair of a late removal (an ABA): whoever cleans up looks whether the name still stands for
//! his job, finds another's, and returns. The name is safe; but what the old life held, under no name any more, stays.
//!
//! Expected: G10, since the router holds something of a life that was closed and read out. Found by `interleaved` where
//! the end of an old life comes after the new create. It is the near-miss
//! [`near_lingering`](super::near_lingering) that asks for the name.

use super::about::{About, Kind};
use super::near_lingering::{Lingering, Reclaim};
use super::workbench::Workbench;
use crate::verify::guarantee::Guarantee;
use crate::verify::subject::Outcome;

/// The exhibit.
pub const ABOUT: About = About {
    id: "shadowed-life",
    kind: Kind::Leaky,
    defect: "a job that has ended is given up only if its name still stands for it; what a life held whose name was \
             created again stays for ever",
    incident: "rbee, faults 18 ID-REUSE-OVERWRITE and 19 TWO-MAP-TEAR (an orphan that no count shows); leak catalogue C06",
    expected: &[Guarantee::G10],
    methods: &["interleaved"],
};

/// If nobody else bears its name.
#[derive(Debug)]
pub struct OfTheNewest;

impl Reclaim for OfTheNewest {
    fn at_end(_outcome: Option<Outcome>, newest: bool) -> bool {
        newest // THE DEFECT: to leave the name alone is right, to leave the rest is not.
    }
}

/// The router.
pub type ShadowedLife = Workbench<Lingering<OfTheNewest>>;
