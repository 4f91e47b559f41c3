//! The rows of `shuttle`: wide programs in the kernel under test, and planted patches under drawn schedules.

use super::child::Answer;
use super::rows::{Rows, antecedents, blank, bounds, end_badly, facts, read};
use super::{Job, Options, Task};
use crate::verify::counterexample::Counterexample;
use crate::verify::faults::Fault;
use crate::verify::findings::JUDGED;
use crate::verify::guarantee::Guarantee;
use crate::verify::methods::interleaved::SplitMix;
use crate::verify::methods::loom;
use crate::verify::methods::shuttle::{Plan, Report, Sampler};
use crate::verify::premises::Premise;
use crate::verify::verdict::{Budget, Ended, FRONTIER_EMPTIED, Obligation, Strength};
use serde_json::{Value, json};

/// Schedules of each sampler that are tried on the model's program of a planted patch. A patch whose breach is rarer is found
/// by loom.
const SCHEDULES_IN_PATCHES: u64 = 2_000;

impl Options {
    /// What shuttle tries on the kernel under test.
    pub(super) fn wide_plan(&self) -> Plan {
        let (drawn, schedules_each) = self.profile.wide();
        Plan {
            seed: SplitMix(self.seed.wrapping_add(1)).next(),
            programs: Vec::new(),
            drawn,
            schedules_each,
            sequential: self.sequential,
            wanted: Vec::new(),
        }
    }

    /// What it tries on a planted patch: the program of the model that must kill it.
    pub(super) fn patch_plan(&self, model: &loom::Model, wanted: Vec<Guarantee>) -> Plan {
        let programs = vec![(model.id.to_owned(), model.program.clone())];
        Plan { programs, drawn: 0, schedules_each: SCHEDULES_IN_PATCHES, wanted, ..self.wide_plan() }
    }
}

/// The kernel alone has no system narration.
fn shown_by_wide_programs(guarantee: &Guarantee) -> bool {
    *guarantee != Guarantee::G3
}

impl Rows<'_> {
    pub(super) fn wide(&mut self, job: &Job, answer: &Answer<Value>) {
        let Task::Shuttle { plan, .. } = &job.task else { return };
        let report: Result<Report, _> = read(answer);
        let programs = plan.all_programs();
        let found = report.iter().flat_map(|report| report.found.iter().map(|found| found.guarantee));
        let mut claims: Vec<Guarantee> = JUDGED.into_iter().filter(shown_by_wide_programs).chain(found).collect();
        claims.retain(|claim| self.options.asks_for(*claim));
        claims.sort_unstable();
        claims.dedup();
        for claim in claims {
            let mut row = blank(claim, "shuttle", "sampled", Strength::Sampled);
            row.statement =
                format!("inside the shipped kernel, in wide programs under drawn schedules: no history breaks {claim}");
            row.beyond = true;
            row.bounds = bounds(programs.iter().map(|(_, program)| program));
            let each = if plan.sequential { 1 } else { plan.schedules_each * Sampler::ALL.len() as u64 };
            let limit = programs.len() as u64 * each;
            row.budget = Budget { kind: "schedules".into(), limit, used: 0, hit: false };
            match &report {
                Ok(report) => self.sampled(&mut row, report, plan.seed),
                Err((ended, words)) => end_badly(&mut row, *ended, words),
            }
            self.obligations.push(row);
        }
    }

    fn sampled(&mut self, row: &mut Obligation, report: &Report, seed: u64) {
        let schedules: u64 = report.schedules.values().sum();
        row.explored = facts([
            ("programs", json!(report.programs)),
            ("schedules", json!(schedules)),
            ("distinct", json!(report.distinct)),
            (FRONTIER_EMPTIED, json!(false)),
        ]);
        let samplers: Vec<_> = report.schedules.iter().map(|(sampler, n)| format!("{} {n}", sampler.id())).collect();
        row.explored.insert("sampler".into(), json!(samplers.join(", ")));
        row.budget.used = schedules;
        row.antecedents = antecedents(Premise::needed(row.claim), &report.premises);
        if let Some(abnormal) = &report.abnormal {
            end_badly(row, if abnormal.starts_with("Hang") { Ended::Hang } else { Ended::Panic }, abnormal);
        }
        for found in report.found.iter().filter(|found| found.guarantee == row.claim) {
            let id = format!("{}-shuttle-sampled", row.claim.id());
            let cx = Counterexample::of_shuttle(id, self.subject(), seed, found);
            row.counterexamples.push(self.show("counterexamples", cx));
        }
    }

    pub(super) fn patch_sampled(&mut self, fault: Fault, job: &Job, answer: &Answer<Value>) {
        let Task::Shuttle { plan, .. } = &job.task else { return };
        let report: Result<Report, _> = read(answer);
        self.tried(fault, "shuttle", &report);
        for found in report.iter().flat_map(|report| &report.found).filter(|found| found.replays) {
            let id = format!("{}-{}-shuttle", fault.id(), found.guarantee.id());
            let cx = Counterexample::of_shuttle(id, fault.id(), plan.seed, found);
            self.killed(fault, "shuttle", "shuttle".into(), cx);
        }
    }
}
