//! Schedules to find: for each planted fault and explorer, how many schedules it takes to meet the fault, over many
//! seeds. Only what an explorer found in this run, or must find, is hunted: to draw schedules for a fault that shows
//! under none would measure the cap.

use super::child::{Answer, Spawner, Task};
use super::{Method, Options, PREEMPTIONS_IN_PATCHES, Profile, faults};
use crate::verify::catalogue::scenarios;
use crate::verify::faults::{Fault, Patch};
use crate::verify::findings::JUDGED;
use crate::verify::guarantee::Guarantee;
use crate::verify::methods::hunt::{Hunted, Plan};
use crate::verify::methods::interleaved::SplitMix;
use crate::verify::methods::loom::{self, Copy};
use crate::verify::methods::shuttle::Sampler;
use crate::verify::methods::{noninterference, quiet};
use crate::verify::program::Program;
use crate::verify::verdict::{Hunt, Mutant};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Instant;

/// Seeds in the profile `deep`.
const SEEDS: u64 = 50;

/// At most so many schedules for each seed.
const MOST_SCHEDULES: u64 = 10_000;

/// What the hunts came to.
pub(super) struct Hunts {
    /// What repeats.
    pub(super) rows: Vec<Hunt>,
    /// How long they took; none if nothing was hunted.
    pub(super) times: Option<Value>,
}

/// One fault under one explorer.
struct Quarry {
    fault: &'static str,
    explorer: &'static str,
    /// One after the other, until one finds it.
    tasks: Vec<Task>,
}

impl Options {
    /// With how many seeds each fault is hunted; none if it is not.
    fn seeds(&self) -> u64 {
        let by_profile = if self.profile == Profile::Deep { SEEDS } else { 0 };
        if self.sequential { 0 } else { self.hunt.unwrap_or(by_profile) }
    }
}

/// Hunts the planted faults of a run.
pub(super) fn hunts(options: &Options, mutants: &[Mutant], spawner: &Spawner) -> Hunts {
    let mut random = SplitMix(options.seed.wrapping_add(2));
    let seeds: Vec<u64> = (0..options.seeds()).map(|_| random.next()).collect();
    let quarries = if seeds.is_empty() { Vec::new() } else { quarries(options, mutants, &seeds) };
    let hunted = spawner.each(quarries.len(), |at| hunt(&quarries[at].tasks, spawner));
    let mut rows = Vec::new();
    let mut times: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
    for (quarry, hunted) in quarries.iter().zip(&hunted) {
        let after: Vec<Option<u64>> = hunted.iter().map(|hunted| hunted.after).collect();
        rows.push(Hunt {
            fault: quarry.fault.into(),
            explorer: quarry.explorer.into(),
            seeds: after.len() as u64,
            most: MOST_SCHEDULES,
            found: after.iter().flatten().count() as u64,
            median: quantile(&after, 50),
            p95: quantile(&after, 95),
        });
        let micros: Vec<Option<u64>> = hunted.iter().map(|hunted| hunted.after.map(|_| hunted.micros)).collect();
        if let Some(micros) = quantile(&micros, 50) {
            times.entry(quarry.fault).or_default().insert(quarry.explorer, micros);
        }
    }
    let faults: std::collections::BTreeSet<&str> = quarries.iter().map(|quarry| quarry.fault).collect();
    Hunts { rows, times: (!faults.is_empty()).then(|| told(&times, faults.len())) }
}

/// The median time of each fault and explorer, and that of the median fault under the explorer that finds it soonest. A
/// fault that no explorer finds with most seeds takes longer than any other.
fn told(times: &BTreeMap<&str, BTreeMap<&str, u64>>, faults: usize) -> Value {
    let mut soonest: Vec<Option<u64>> = times.values().map(|times| times.values().min().copied()).collect();
    soonest.resize(faults, None);
    json!({ "search_us": times, "median_fault_us": quantile(&soonest, 50) })
}

/// The least value that `percent` of them do not exceed, where those that are missing exceed all: none if it is one of
/// these, or there is no value at all.
fn quantile(values: &[Option<u64>], percent: usize) -> Option<u64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by_key(|value| value.unwrap_or(u64::MAX));
    let rank = (values.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().flatten()
}

fn quarries(options: &Options, mutants: &[Mutant], seeds: &[u64]) -> Vec<Quarry> {
    let mut quarries = Vec::new();
    for fault in faults::faults() {
        let Some(mutant) = mutants.iter().find(|mutant| mutant.id == fault.id()) else { continue };
        let is_due = |explorer: &str| {
            mutant.tried.iter().any(|tried| tried.explorer == explorer && (tried.must || tried.operations.is_some()))
        };
        let is_hunted = |guarantee: &Guarantee| options.asks_for(*guarantee) && JUDGED.contains(guarantee);
        let wanted: Vec<Guarantee> = mutant.expected.iter().copied().filter(is_hunted).collect();
        if wanted.is_empty() {
            // What no single history shows is looked for by going through pairs, which draws nothing.
            for (method, paired) in options.paired(fault, &mutant.expected) {
                if is_due(method.name()) {
                    quarries.push(Quarry { fault: fault.id(), explorer: method.name(), tasks: paired });
                }
            }
            continue;
        }
        let plan = Plan { programs: Vec::new(), seeds: seeds.to_vec(), most: MOST_SCHEDULES, wanted };
        let mut add = |explorer, task| quarries.push(Quarry { fault: fault.id(), explorer, tasks: vec![task] });
        if is_due(Method::Interleaved.name()) {
            let (subject, programs) = between_operations(fault);
            add("interleaved", Task::Hunt { subject, plan: Plan { programs, ..plan.clone() } });
        }
        let Fault::Patch(patch) = fault else { continue };
        let (copy, model) = (Copy::Guarded(patch.number), model(patch));
        if is_due(Method::Loom.name()) {
            let raised = loom::Plan::raised(&model, Some(PREEMPTIONS_IN_PATCHES));
            add("loom", Task::Loom { copy, plan: loom::Plan { wanted: plan.wanted.clone(), ..raised } });
        }
        for sampler in Sampler::ALL.into_iter().filter(|_| is_due(Method::Shuttle.name())) {
            let plan = Plan { programs: vec![model.clone()], ..plan.clone() };
            add(sampler.id(), Task::HuntShuttle { copy, sampler, plan });
        }
    }
    quarries
}

impl Options {
    /// What is gone through on a fault that only pairs of runs show, by each method.
    fn paired(&self, fault: Fault, expected: &[Guarantee]) -> Vec<(Method, Vec<Task>)> {
        let expected: Vec<Guarantee> = expected.iter().copied().filter(|guarantee| self.asks_for(*guarantee)).collect();
        let tasks = |jobs: Vec<super::Job>| jobs.into_iter().map(|job| job.task).collect();
        match fault {
            Fault::Router(number, _) => vec![(Method::Interleaved, tasks(self.router(fault, number, expected)))],
            Fault::Patch(patch) if expected.contains(&Guarantee::G8) => {
                vec![(Method::Loom, tasks(self.patch_compared(fault, patch.number)))]
            }
            Fault::Patch(_) | Fault::Gateway(..) => Vec::new(),
        }
    }
}

/// The program of the model that must kill a patch.
fn model(patch: &Patch) -> Program {
    let models = loom::models();
    let model = models.into_iter().find(|model| model.id == patch.model);
    model.map(|model| model.program).unwrap_or_default()
}

/// A fault's number as a subject, and what it is hunted in: what the kill matrix tries on it.
fn between_operations(fault: Fault) -> (u32, Vec<Program>) {
    let small = scenarios().into_iter();
    match fault {
        Fault::Router(number, _) | Fault::Gateway(number, _) => {
            (number, small.map(|scenario| scenario.program).collect())
        }
        Fault::Patch(patch) => {
            let without_system = small.filter(|scenario| !scenario.system).map(|scenario| scenario.program);
            (faults::patched(patch), std::iter::once(model(patch)).chain(without_system).collect())
        }
    }
}

/// A child that does not answer has met nothing, with any seed.
fn hunt(tasks: &[Task], spawner: &Spawner) -> Vec<Hunted> {
    if let [task @ (Task::Hunt { plan, .. } | Task::HuntShuttle { plan, .. })] = tasks {
        return match spawner.run::<Vec<Hunted>>(task) {
            Answer::Said(hunted) => hunted,
            Answer::Ended(..) => vec![Hunted { after: None, micros: 0 }; plan.seeds.len()],
        };
    }
    // Nothing is drawn: one exploration stands for every seed.
    let started = Instant::now();
    let mut schedules = 0;
    let mut found = false;
    for task in tasks {
        let (so_many, has_found) = explored(task, spawner).unwrap_or_default();
        (schedules, found) = (schedules + so_many, has_found);
        if found {
            break;
        }
    }
    let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    vec![Hunted { after: found.then_some(schedules), micros }]
}

/// How many schedules an exploration went through, and whether it found something.
fn explored(task: &Task, spawner: &Spawner) -> Option<(u64, bool)> {
    Some(match task {
        Task::Loom { .. } => {
            let answer = spawner.run::<loom::Report>(task);
            let report = answer.said()?;
            (report.iterations_before + report.iterations, report.breach.is_some())
        }
        Task::Quiet { .. } => {
            let answer = spawner.run::<quiet::Report>(task);
            let report = answer.said()?;
            (report.alone + report.schedules, !report.found.is_empty())
        }
        Task::Compare { .. } | Task::CompareInside { .. } => {
            let answer = spawner.run::<noninterference::Report>(task);
            let report = answer.said()?;
            let beside: u64 = report.compared.iter().map(|compared| compared.schedules).sum();
            (report.quiet + beside, report.difference.is_some())
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_counts_what_was_not_found_as_later_than_all_that_was() {
        let values: Vec<Option<u64>> = (1..=50).rev().map(Some).collect();
        assert_eq!((quantile(&values, 50), quantile(&values, 95)), (Some(25), Some(48)));
        let some = |many: usize| (0..50).map(|at| (at < many).then_some(7)).collect::<Vec<_>>();
        assert_eq!((quantile(&some(48), 95), quantile(&some(47), 95)), (Some(7), None));
        assert_eq!((quantile(&some(25), 50), quantile(&some(24), 50)), (Some(7), None));
        assert_eq!((quantile(&[], 50), quantile(&[Some(3)], 95)), (None, Some(3)));
    }

    #[test]
    fn a_fault_that_nothing_finds_counts_among_the_slowest() {
        let times =
            BTreeMap::from([("a", BTreeMap::from([("loom", 5), ("pct", 3)])), ("b", BTreeMap::from([("pct", 9)]))]);
        assert_eq!(told(&times, 2)["median_fault_us"], json!(3));
        assert_eq!(told(&times, 3)["median_fault_us"], json!(9));
        assert_eq!(told(&times, 5)["median_fault_us"], Value::Null);
    }
}
