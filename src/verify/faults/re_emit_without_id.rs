//! Leaky: captured lines of several jobs wait in one place, and who carries them on knows only the job of his own.
//!
//! Shaped after the process capture of the seed's project: it read the lines of child processes and narrated them
//! again, by the low-level emit, which ignores the context that the capture had set. A line without a job is the
//! system's.
//!
//! Expected: G3, since a job's line reaches the operators' stream and not its job's. Found by `interleaved` wherever
//! two emits overlap, so that one carries the other's line; alone, everybody carries his own.

use super::about::{About, Kind};
use super::support::lock;
use super::workbench::{Design, Job, Workbench};
use crate::verify::guarantee::Guarantee;
use crate::verify::subject::{Refused, preempt};
use std::sync::Mutex;

/// The exhibit.
pub const ABOUT: About = About {
    id: "re-emit-without-id",
    kind: Kind::Leaky,
    defect: "lines wait in one buffer for all jobs; whoever empties it emits the others' lines without their job, \
             as the system's",
    incident: "rbee process capture, fault 36 RE-EMIT-WITHOUT-ID (bed4926f until its last commit); leak catalogue \
               C53",
    expected: &[Guarantee::G3],
    methods: &["interleaved"],
};

/// Lines that were captured and not narrated yet.
#[derive(Debug, Default)]
pub struct Capture {
    lines: Mutex<Vec<String>>,
}

impl Design for Capture {
    async fn emit(bench: &Workbench<Self>, job: &Job, event: &str) -> Result<(), Refused> {
        lock(&bench.own.lines).push(event.to_owned());
        preempt().await;
        let lines = std::mem::take(&mut *lock(&bench.own.lines));
        let mut result = Ok(());
        for line in lines {
            if line == event {
                result = job.channel.push(&line);
            } else {
                bench.system.push(&line)?; // THE DEFECT: the line came without its job.
            }
        }
        result
    }
}

/// The router.
pub type ReEmitWithoutId = Workbench<Capture>;
