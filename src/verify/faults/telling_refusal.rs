//! Leaky: whoever asks for a job that is not there is told which ones are.
//!
//! A helpful error message, written for the developer at his own machine, and shown to everybody: "did you mean". Not one
//! event goes astray.
//!
//! Expected: G8, and nothing else: a refusal is the right answer, and its words say what others do. `noninterference` finds
//! it where an observer is refused while another job is open.

use super::about::{About, Kind};
use super::workbench::{Design, Job, Workbench};
use crate::verify::guarantee::Guarantee;
use crate::verify::subject::Refused;

/// The exhibit.
pub const ABOUT: About = About {
    id: "telling-refusal",
    kind: Kind::Leaky,
    defect: "a refusal to one who asks for an unknown job names the jobs that there are",
    incident: "error texts with foreign identifiers (leak catalogue C52); \"did you mean\" over a directory of everybody's names",
    expected: &[Guarantee::G8],
    methods: &["interleaved"],
};

/// It means well.
#[derive(Debug, Default)]
pub struct Helpful;

impl Design for Helpful {
    async fn find(bench: &Workbench<Self>, name: &str) -> Result<Job, Refused> {
        bench.look_up(name).map_err(|_| {
            let others: Vec<String> = bench.jobs.others(name).into_iter().map(|(other, _)| other).collect();
            if others.is_empty() {
                return Refused::Unknown;
            }
            // THE DEFECT: the names of others, in an answer to one who has no right to them.
            Refused::Other(format!("no such job; there are {others:?}"))
        })
    }
}

/// The router.
pub type TellingRefusal = Workbench<Helpful>;
