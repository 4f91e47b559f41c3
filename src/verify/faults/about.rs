//! What is said of each exhibit of the museum. Plain data.

use crate::verify::guarantee::Guarantee;

/// What kind of exhibit it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A complete router with a design fault of the kind found in the wild.
    Leaky,
    /// A patch of the shipped core: an interior race.
    Patch,
    /// Unusual but right, and one edit away from a fault: must not be flagged.
    NearMiss,
}

/// One exhibit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct About {
    /// Its name on the command line and in the evidence.
    pub id: &'static str,
    /// What kind of exhibit it is.
    pub kind: Kind,
    /// The defect in one sentence; of a near-miss, what is unusual and which edit would make it a fault.
    pub defect: &'static str,
    /// The real incident that it is shaped after, with where that is told.
    pub incident: &'static str,
    /// The guarantees that it breaks, at most two; of a near-miss, none.
    pub expected: &'static [Guarantee],
    /// The methods that are expected to find it.
    pub methods: &'static [&'static str],
}
