//! Leaky: whoever asks first takes the job's only receiver, and everybody else, its owner too, is told of no such job.
//!
//! Shaped after the sink that the seed's project put in the place of its broadcasts: `take_job_receiver` hands out the
//! one `mpsc` receiver of a job. The first `GET` had it (and started the job); the owner's came second, was answered
//! "job channel not found", and its client reported success. A reader who lost its connection could never come back.
//!
//! Expected: G4, since a subscribe to an open job is refused, for no limit that was ever stated. Found by
//! `interleaved`, with any program that opens two streams of one job. It is the near-miss
//! [`near_single_reader`](super::near_single_reader) with another word to the second reader.

use super::about::{About, Kind};
use super::near_single_reader::{Latecomer, SingleReader};
use crate::verify::guarantee::Guarantee;
use crate::verify::subject::Refused;

/// The exhibit.
pub const ABOUT: About = About {
    id: "stolen-receiver",
    kind: Kind::Leaky,
    defect: "a job has one receiver, the first subscribe takes it, and the owner's own is answered \"no such job\"",
    incident: "rbee narration-core, fault 17 FIRST-GET-STEALS (60b30539 until its last commit); leak catalogue C20",
    expected: &[Guarantee::G4],
    methods: &["interleaved"],
};

/// Whoever comes second is lied to.
#[derive(Debug)]
pub struct Robbed;

impl Latecomer for Robbed {
    fn refusal() -> Refused {
        Refused::Unknown // THE DEFECT: the receiver is gone, so the job is said not to be.
    }
}

/// The router.
pub type StolenReceiver = SingleReader<Robbed>;
