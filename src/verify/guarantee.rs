//! The guarantees G1-G15 by name. Plain data: one table, one meaning for each id, cited by code, tests, reports and docs.

use serde::{Deserialize, Serialize};
use std::fmt;

/// One promise about a router. What each promises, why it matters and how it is checked stands in
/// `docs/guarantees.md`, and in `narrowcast explain ID`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names are in `name`, the statements in `explain`")]
pub enum Guarantee {
    G1,
    G2,
    G3,
    G4,
    G5,
    G6,
    G7,
    G8,
    G9,
    G10,
    G11,
    G12,
    G13,
    G14,
    G15,
}

impl Guarantee {
    /// All of them, in order.
    pub const ALL: [Guarantee; 15] = {
        use Guarantee::*;
        [G1, G2, G3, G4, G5, G6, G7, G8, G9, G10, G11, G12, G13, G14, G15]
    };

    /// `"G1"` to `"G15"`.
    pub fn id(self) -> &'static str {
        const IDS: [&str; 15] =
            ["G1", "G2", "G3", "G4", "G5", "G6", "G7", "G8", "G9", "G10", "G11", "G12", "G13", "G14", "G15"];
        IDS[self as usize]
    }

    /// The guarantee's name, such as `confinement`.
    pub fn name(self) -> &'static str {
        const NAMES: [&str; 15] = [
            "confinement",
            "no-fallback",
            "system-separation",
            "open-before-emit",
            "one-order",
            "counted-loss",
            "quiet-neighbour",
            "noninterference",
            "one-end",
            "reclaimed",
            "wire-confinement",
            "authorised",
            "no-oracle",
            "resume-confined",
            "across-nodes",
        ];
        NAMES[self as usize]
    }

    /// Finds a guarantee by its id, in either case.
    pub fn by_id(id: &str) -> Option<Guarantee> {
        Guarantee::ALL.into_iter().find(|g| g.id().eq_ignore_ascii_case(id))
    }
}

impl fmt::Display for Guarantee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}
