//! Leaky: what all jobs retain is bounded together, and whoever narrates much makes others forget.
//!
//! A memory limit for the process, as any operator wants one. When it is reached, the oldest event of another job goes, and
//! its readers are told so, with the exact number: by the rules of counted loss nothing is wrong.
//!
//! Expected: G8. The loss is counted, so G6 holds; that it happens at all is another job's doing, which only
//! `noninterference` can say. It has the budget of what a job retains, so that two jobs reach it.

use super::about::{About, Kind};
use super::support::lock;
use super::workbench::{Design, Job, Workbench};
use crate::verify::guarantee::Guarantee;
use crate::verify::subject::Refused;

/// The exhibit.
pub const ABOUT: About = About {
    id: "shared-budget",
    kind: Kind::Leaky,
    defect: "all jobs share one bound on what is retained, so one that narrates much evicts what another still has to read",
    incident: "one cache or broker budget for all tenants (leak catalogue C25: one job's burst takes what others need); Redis maxmemory eviction across keys",
    expected: &[Guarantee::G8],
    methods: &["interleaved"],
};

/// One budget for all.
#[derive(Debug, Default)]
pub struct Pooled;

impl Design for Pooled {
    async fn emit(bench: &Workbench<Self>, job: &Job, event: &str) -> Result<(), Refused> {
        job.channel.push(event)?;
        let own = lock(&job.channel.state).events.len();
        let others = bench.jobs.others(&job.name);
        let retained: usize = others.iter().map(|(_, other)| lock(&other.state).events.len()).sum();
        if own + retained > bench.retain {
            // THE DEFECT: the victim is another job, which stayed well within its own bound.
            let mut victims = others.iter().map(|(_, other)| lock(&other.state));
            if let Some(mut victim) = victims.find(|victim| !victim.events.is_empty()) {
                victim.events.pop_front();
                victim.evicted += 1;
            }
        }
        Ok(())
    }
}

/// The router.
pub type SharedBudget = Workbench<Pooled>;
