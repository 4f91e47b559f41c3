//! Leaky: a job that was given up is still readable by whoever has a handle on it.
//!
//! Shaped after brokers whose retained messages outlive what they belonged to: the name and the count are cleaned up,
//! but the ring of events hangs on a handle, and the handle goes on serving it.
//!
//! Expected: G10, since a subscribe is served after the job was read to its end. Found by `interleaved` where one stream
//! has its end before another is opened. It is the near-miss [`near_lingering`](super::near_lingering) that opens
//! streams of what it has given up.

use super::about::{About, Kind};
use super::near_lingering::{Lingering, Reclaim};
use super::support::Reader;
use super::workbench::{Job, Workbench};
use crate::verify::guarantee::Guarantee;
use crate::verify::subject::{Refused, Since};

/// The exhibit.
pub const ABOUT: About = About {
    id: "history-outlives-job",
    kind: Kind::Leaky,
    defect: "a job that was closed, read to its end and given up is served again to whoever kept a handle on it",
    incident: "Mosquitto CVE-2018-12546 (retained messages after revocation); leak catalogue C40",
    expected: &[Guarantee::G10],
    methods: &["interleaved"],
};

/// As if nothing had happened.
#[derive(Debug)]
pub struct FromTheRing;

impl Reclaim for FromTheRing {
    fn after(job: &Job, since: Since<'_>) -> Result<Reader, Refused> {
        job.channel.reader_of_whatever_is_left(since) // THE DEFECT: the ring was kept.
    }
}

/// The router.
pub type HistoryOutlivesJob = Workbench<Lingering<FromTheRing>>;
