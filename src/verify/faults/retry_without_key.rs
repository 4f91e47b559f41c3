//! Leaky: an emit that does not see its acknowledgement in time emits again, and both arrive.
//!
//! At least once, sold as once: a publisher that repeats on a timeout needs a key by which the receiver knows a
//! repetition, or the reader gets the event twice.
//!
//! Expected: G5. Found by `interleaved` where another emit comes between an event and its acknowledgement; alone,
//! nobody repeats anything. It is the near-miss [`near_keyed_retry`](super::near_keyed_retry) without its key.

use super::about::{About, Kind};
use super::near_keyed_retry::{Keys, Retrying};
use super::workbench::Workbench;
use crate::verify::guarantee::Guarantee;
use std::collections::BTreeSet;

/// The exhibit.
pub const ABOUT: About = About {
    id: "retry-without-key",
    kind: Kind::Leaky,
    defect: "an emit whose acknowledgement is overtaken by another emit is repeated, and delivered twice",
    incident: "holon#2287; publish retries without an idempotency key; leak catalogue C57",
    expected: &[Guarantee::G5],
    methods: &["interleaved"],
};

/// Not at all.
#[derive(Debug)]
pub struct Forgotten;

impl Keys for Forgotten {
    fn knows(_accepted: &BTreeSet<String>, _key: &str) -> bool {
        false // THE DEFECT: a repetition is news.
    }
}

/// The router.
pub type RetryWithoutKey = Workbench<Retrying<Forgotten>>;
