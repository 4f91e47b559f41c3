//! Near-miss: a reader that has fallen behind is disconnected, and told why.
//!
//! Its stream is stopped with the word `lagging`, which is no end of the job; it may subscribe again. Brokers do this
//! to protect the readers that keep up.
//!
//! One edit away from [`lag_as_close`](super::lag_as_close), which says that the job is over instead.

use super::about::{About, Kind};
use super::near_drop_oldest::{DropOldest, OnLag};
use crate::verify::subject::Delivery;

/// The exhibit.
pub const ABOUT: About = About {
    id: "near-stop-on-lag",
    kind: Kind::NearMiss,
    defect: "none: a reader that lags is stopped, by a marker that is no end; by an end, it is lag-as-close",
    incident: "brokers that cut slow consumers (NATS, Redis, Centrifugo)",
    expected: &[],
    methods: &[],
};

/// That it was disconnected.
#[derive(Debug)]
pub struct Disconnected;

impl OnLag for Disconnected {
    fn tell(_skipped: u64) -> Delivery {
        Delivery::Stopped("lagging".into())
    }
}

/// The router.
pub type StopOnLag = DropOldest<Disconnected>;
