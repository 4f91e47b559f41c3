//! Leaky: an event goes to every job whose name begins with the one that was meant.
//!
//! Names taken for patterns: Redis's `PSUBSCRIBE job.1*` hears `job.10`, and a `starts_with` in a filter does the
//! same. It is right for as long as no name begins another.
//!
//! Expected: G1. Found by `interleaved` with jobs called `a` and `ab`; tests call theirs otherwise.

use super::about::{About, Kind};
use super::workbench::{Design, Job, Workbench};
use crate::verify::guarantee::Guarantee;
use crate::verify::subject::Refused;

/// The exhibit.
pub const ABOUT: About = About {
    id: "prefix-match",
    kind: Kind::Leaky,
    defect: "an event is delivered to every job whose name starts with its own",
    incident: "Redis PSUBSCRIBE (reproduced); Mosquitto CVE-2017-7650; leak catalogue C07",
    expected: &[Guarantee::G1],
    methods: &["interleaved"],
};

/// A name is a prefix.
#[derive(Debug, Default)]
pub struct Prefix;

impl Design for Prefix {
    async fn emit(bench: &Workbench<Self>, job: &Job, event: &str) -> Result<(), Refused> {
        job.channel.push(event)?;
        for (name, channel) in bench.jobs.others(&job.name) {
            if name.starts_with(&*job.name) {
                let _ = channel.push(event); // THE DEFECT: `ab` is not `a`.
            }
        }
        Ok(())
    }
}

/// The router.
pub type PrefixMatch = Workbench<Prefix>;
