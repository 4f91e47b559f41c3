//! Leaky: the two ends of a channel stand in two maps, and create writes one after the other.
//!
//! Shaped after the sink that the seed's project had from 22 October 2025 to its last commit: `senders` and
//! `receivers`, each behind its own lock. Two creates of one name that overlap leave the sender of one and the receiver
//! of the other: a channel into which everything is accepted and out of which nothing comes. Two threads met it once in
//! 26,374 trials.
//!
//! Expected: G6, since accepted events never come and nobody counts them; G9, since the end never comes either. Found
//! by `interleaved`, and never by tests that run one thing after the other. It is the near-miss
//! [`near_joined_maps`](super::near_joined_maps) with the locks taken in turn.

use super::about::{About, Kind};
use super::near_joined_maps::{End, Entry, Maps, TwoMaps, vacant};
use super::support::{Channel, lock};
use crate::verify::guarantee::Guarantee;
use crate::verify::subject::{Refused, preempt};
use std::sync::Arc;

/// The exhibit.
pub const ABOUT: About = About {
    id: "torn-maps",
    kind: Kind::Leaky,
    defect: "sender and receiver go into two maps under two locks, one after the other: overlapping creates of one \
             name leave the sender of one and the receiver of the other",
    incident: "rbee narration-core, fault 19 TWO-MAP-TEAR (60b30539 until its last commit); leak catalogue C19",
    expected: &[Guarantee::G6, Guarantee::G9],
    methods: &["interleaved"],
};

/// One map after the other.
#[derive(Debug)]
pub struct Torn;

impl Entry for Torn {
    async fn enter(maps: &Maps, name: &str, channel: Arc<Channel>) -> Result<u64, Refused> {
        let generation = vacant(&lock(&maps.receivers), name)?;
        let end = End { generation, channel };
        lock(&maps.senders).insert(name.to_owned(), end.clone());
        preempt().await; // THE DEFECT: another create of this name can go between the two maps.
        lock(&maps.receivers).insert(name.to_owned(), end);
        Ok(generation)
    }
}

/// The router.
pub type TornMaps = TwoMaps<Torn>;
