//! Leaky: a job's guard stays entered while its emit awaits, and what the system says meanwhile is taken for the
//! job's.
//!
//! The trap that tracing's documentation warns of at `Span::enter`: a guard on the stack makes everything on this
//! thread part of the span, also what another task says while the one with the guard is suspended.
//!
//! Expected: G3, since the operators' narration turns up on a job's stream. Found by `interleaved` where the system
//! narrates during a job's emit; tests that narrate one thing after the other see the guard left in time.

use super::about::{About, Kind};
use super::support::lock;
use super::workbench::{Design, Job, Workbench};
use crate::verify::guarantee::Guarantee;
use crate::verify::subject::{Refused, preempt};
use std::sync::Mutex;

/// The exhibit.
pub const ABOUT: About = About {
    id: "guard-across-await",
    kind: Kind::Leaky,
    defect: "an emit holds its job's guard across an await; system narration finds the guard entered and goes to \
             the job's stream",
    incident: "the warning at tracing Span::enter; rbee fault 44 LABEL-CONTEXT-BLEED (until 2b4c42e7); leak \
               catalogue C14",
    expected: &[Guarantee::G3],
    methods: &["interleaved"],
};

/// The jobs whose guards are entered, innermost last.
#[derive(Debug, Default)]
pub struct Entered {
    guards: Mutex<Vec<Job>>,
}

impl Design for Entered {
    async fn emit(bench: &Workbench<Self>, job: &Job, event: &str) -> Result<(), Refused> {
        lock(&bench.own.guards).push(job.clone());
        preempt().await; // THE DEFECT: the guard is held while others run.
        lock(&bench.own.guards).pop();
        job.channel.push(event)
    }

    async fn emit_system(bench: &Workbench<Self>, event: &str) -> Result<(), Refused> {
        let entered = lock(&bench.own.guards).last().cloned();
        entered.as_ref().map_or(&bench.system, |job| &job.channel).push(event)
    }
}

/// The router.
pub type GuardAcrossAwait = Workbench<Entered>;
