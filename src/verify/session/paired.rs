//! The rows of noninterference (G8), which compares sets of outcomes; and the agreement of two explorers about such sets.

use super::child::Answer;
use super::rows::{Rows, blank, bounds, end_badly, facts, read};
use super::{Aim, Job, Method, Options, Profile, Task};
use crate::verify::counterexample::Counterexample;
use crate::verify::faults::{self, About, Fault};
use crate::verify::guarantee::Guarantee;
use crate::verify::history::parse_line;
use crate::verify::methods::interleaved::SplitMix;
use crate::verify::methods::loom::{self, Copy};
use crate::verify::methods::noninterference::{Compared, Contrast, Difference, Plan, Report, Sighting as Run, drawn};
use crate::verify::outcomes::Outcome;
use crate::verify::pairings::{OWN, Pairing, pairings};
use crate::verify::sightings::{Sightings, Watched};
use crate::verify::verdict::{Antecedent, Budget, Ended, FRONTIER_EMPTIED, Facts, Obligation, Strength};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// At most so many schedules of either side: a stop, in case a subject waits so often that there is no end of them.
const SCHEDULES_EACH: u64 = 200_000;

/// The same in the museum, whose routers may be preempted inside an operation.
const SCHEDULES_EACH_IN_MUSEUM: u64 = 20_000;

/// What was enumerated: the different outcomes, and whether those are all.
pub(super) type Enumerated = BTreeMap<String, (BTreeSet<Outcome>, bool)>;

impl Profile {
    /// How much oftener the busy runs may be preempted than the observer needs alone, under our executor and under loom;
    /// schedules drawn of each crowd; and schedules that shuttle draws of each model, by each sampler.
    fn compared(self) -> (usize, usize, u64, u64) {
        match self {
            Profile::Quick => (1, 0, 300, 2_000),
            Profile::Ci => (2, 0, 3_000, 4_000),
            Profile::Deep => (3, 1, 30_000, 20_000),
        }
    }
}

impl Options {
    /// What is compared on a subject.
    fn compare_plan(&self) -> Plan {
        let (more_preemptions, _, drawn, _) = self.profile.compared();
        Plan {
            seed: SplitMix(self.seed).next(),
            pairings: pairings(),
            schedules_each: SCHEDULES_EACH,
            drawn,
            sequential: self.sequential,
            more_preemptions,
            first_only: false,
        }
    }

    /// What is compared on a planted router, or a near-miss.
    fn compare_museum_plan(&self) -> Plan {
        let schedules_each = SCHEDULES_EACH_IN_MUSEUM;
        Plan { schedules_each, drawn: 0, more_preemptions: 0, first_only: true, ..self.compare_plan() }
    }

    /// What is compared inside the kernel, an observer a child.
    fn compare_inside_plan(&self, pairing: Pairing) -> Plan {
        let (_, more_preemptions, ..) = self.profile.compared();
        Plan { pairings: vec![pairing], drawn: 0, more_preemptions, first_only: true, ..self.compare_plan() }
    }

    /// What is done for G8 on the subject, and on its kernel.
    pub(super) fn compared(&self, subject: Option<u32>, copy: Option<Copy>) -> Vec<Job> {
        let mut jobs = Vec::new();
        if self.asks_for(Guarantee::G8) {
            if let Some(subject) = subject.filter(|_| self.uses(Method::Interleaved)) {
                jobs.push(Job { task: Task::Compare { subject, plan: self.compare_plan() }, aim: Aim::Compared });
            }
            if let Some(copy) = copy.filter(|_| self.uses(Method::Loom)) {
                jobs.extend(pairings().into_iter().enumerate().map(|(at, pairing)| {
                    let task = Task::CompareInside { copy, plan: self.compare_inside_plan(pairing) };
                    Job { task, aim: Aim::ComparedInside(at) }
                }));
            }
        }
        // What is drawn says something only beside what is enumerated; and one thread after the other draws nothing.
        if let Some(copy) = copy.filter(|_| self.uses(Method::Loom) && self.uses(Method::Shuttle) && !self.sequential) {
            let (.., drawn, agreeing) = self.profile.compared();
            let seed = SplitMix(self.seed.wrapping_add(2)).next();
            if self.asks_for(Guarantee::G8) {
                let own = |pairing: &Pairing| vec![pairing.crowd.jobs[OWN].clone()];
                let crowd =
                    |pairing: Pairing| Watched { jobs: own(&pairing), id: pairing.observer, program: pairing.crowd };
                let watched = pairings().into_iter().map(crowd).collect();
                let task = Task::Sightings { copy, watched, seed, schedules_each: drawn };
                jobs.push(Job { task, aim: Aim::Crowds });
            }
            let model = |model: loom::Model| Watched { id: model.id.into(), program: model.program, jobs: Vec::new() };
            let watched = loom::models().into_iter().map(model).collect();
            let task = Task::Sightings { copy, watched, seed, schedules_each: agreeing };
            jobs.push(Job { task, aim: Aim::Agreement });
        }
        jobs
    }

    /// What is compared on a planted router that is expected to break G8.
    pub(super) fn router_compared(&self, fault: Fault, subject: u32) -> Job {
        let task = Task::Compare { subject, plan: self.compare_museum_plan() };
        Job { task, aim: Aim::FaultCompared(fault) }
    }

    /// What is compared inside a planted patch that is expected to break G8.
    pub(super) fn patch_compared(&self, fault: Fault, number: u32) -> Vec<Job> {
        let inside = |pairing| {
            let task = Task::CompareInside { copy: Copy::Guarded(number), plan: self.compare_inside_plan(pairing) };
            Job { task, aim: Aim::FaultCompared(fault) }
        };
        pairings().into_iter().map(inside).collect()
    }

    /// Every near-miss, which must show no difference.
    pub(super) fn near_misses_compared(&self) -> Vec<Job> {
        let job = |(subject, about)| {
            let task = Task::Compare { subject, plan: self.compare_museum_plan() };
            Job { task, aim: Aim::NearMissCompared(about) }
        };
        faults::near_misses().into_iter().map(job).collect()
    }
}

/// What must have been so before equal sets mean anything.
fn antecedents(compared: &[&Compared]) -> Vec<Antecedent> {
    let observers: BTreeMap<&str, u64> = compared.iter().map(|c| (c.observer.as_str(), c.alone)).collect();
    let row = |premise: &str, hits: usize, of: usize| Antecedent {
        premise: premise.into(),
        hits: hits as u64,
        min: of.max(1) as u64,
    };
    let telling = observers.values().filter(|outcomes| **outcomes > 1).count();
    let mixed = compared.iter().filter(|c| c.interleaved || c.unsupported).count();
    vec![
        row("observers_with_several_outcomes", telling, observers.len()),
        row("loads_ran_amid_observers", mixed, compared.len()),
    ]
}

/// How far comparisons looked.
fn explored(compared: &[&Compared]) -> Facts {
    let observers: BTreeMap<&str, u64> = compared.iter().map(|c| (c.observer.as_str(), c.alone)).collect();
    facts([
        ("comparisons", json!(compared.len())),
        ("outcomes_alone", json!(observers.values().sum::<u64>())),
        ("schedules", json!(compared.iter().map(|c| c.schedules).sum::<u64>())),
    ])
}

fn preemptions(compared: &[&Compared]) -> Facts {
    let range = |of: &dyn Fn(&Compared) -> Option<usize>| {
        let all: BTreeSet<usize> = compared.iter().filter_map(|c| of(c)).collect();
        match (all.first(), all.last()) {
            (Some(least), Some(most)) if least == most => json!(least),
            (Some(least), Some(most)) => json!(format!("{least}-{most}")),
            _ => json!("drawn"),
        }
    };
    facts([
        ("preemptions", range(&|c| c.preemptions)),
        ("preemptions_that_suffice_alone", range(&|c| c.preemptions.map(|_| c.sufficient))),
    ])
}

/// Fills a row in with what came of comparisons over all schedules.
/// Of so many schedules each, at most; 0 if there is no such limit.
fn fill_sets(row: &mut Obligation, report: &Result<Report, (Ended, String)>, compared: &[Compared], each: u64) {
    let compared: Vec<&Compared> = compared.iter().collect();
    match report {
        Ok(report) => {
            row.bounds.extend(preemptions(&compared));
            row.explored = explored(&compared);
            row.explored.insert("schedules_alone".into(), json!(report.quiet));
            let complete = compared.iter().all(|c| c.frontier_emptied);
            row.explored.insert(FRONTIER_EMPTIED.into(), json!(complete && !compared.is_empty()));
            let used = compared.iter().map(|c| c.schedules).sum();
            row.budget = Budget { kind: "schedules".into(), limit: each * compared.len() as u64, used, hit: !complete };
            row.antecedents = antecedents(&compared);
            if let Some(abnormal) = &report.abnormal {
                // A run that ends badly may be the load's own doing, or the observer's: it breaks something, but says
                // nothing of what the one shows the other, and what it kept from being compared is not known.
                row.statement.push_str(&format!(" (not compared to the end: {abnormal})"));
                row.budget.hit = true;
            }
        }
        Err((ended, words)) => end_badly(row, *ended, words),
    }
}

impl Rows<'_> {
    pub(super) fn compared(&mut self, job: &Job, answer: &Answer<Value>) {
        let Task::Compare { plan, .. } = &job.task else { return };
        let report: Result<Report, _> = read(answer);
        let part = |crowds: bool| {
            let of = |report: &Report| -> Vec<Compared> {
                report.compared.iter().filter(|c| c.load.is_none() == crowds).cloned().collect()
            };
            report.as_ref().map(of).unwrap_or_default()
        };
        let loads = plan.pairings.iter().flat_map(|pairing| pairing.loads.iter().map(|load| &load.program));
        let mut sets = blank(Guarantee::G8, "interleaved", "outcome-sets", Strength::Exhaustive);
        sets.statement =
            "over all schedules alone, and all with so many preemptions beside each load on another job, what \
                          an observer can see is the same"
                .into();
        sets.bounds = bounds(loads);
        fill_sets(&mut sets, &report, &part(false), plan.schedules_each);
        let mut crowds = blank(Guarantee::G8, "interleaved", "crowds", Strength::Sampled);
        crowds.statement =
            "over drawn schedules, an observer beside nine jobs at once sees nothing that it cannot see alone".into();
        crowds.beyond = true;
        crowds.bounds = bounds(plan.pairings.iter().map(|pairing| &pairing.crowd));
        let limit = if plan.sequential { 1 } else { plan.drawn } * plan.pairings.len() as u64;
        crowds.budget = Budget { kind: "schedules".into(), limit, used: 0, hit: false };
        let drawn = part(true);
        let drawn: Vec<&Compared> = drawn.iter().collect();
        match &report {
            Ok(_) => {
                crowds.explored = explored(&drawn);
                crowds.explored.insert("sampler".into(), json!("uniform over who can move, SplitMix64"));
                crowds.antecedents = antecedents(&drawn);
                crowds.budget.used = drawn.iter().map(|c| c.schedules).sum();
                crowds.budget.hit = drawn.iter().any(|c| !c.frontier_emptied);
            }
            Err((ended, words)) => end_badly(&mut crowds, *ended, words),
        }
        if let Ok(report) = &report {
            if let Some(difference) = &report.difference {
                sets.counterexamples.push(self.show_difference("interleaved", "outcome-sets", plan.seed, difference));
            }
            if let Some(difference) = &report.crowd {
                let seed = SplitMix(plan.seed).next();
                crowds.counterexamples.push(self.show_difference("interleaved", "crowds", seed, difference));
            }
        }
        self.obligations.extend([sets, crowds]);
    }

    pub(super) fn compared_inside(&mut self, at: usize, job: &Job, answer: &Answer<Value>) {
        let Task::CompareInside { plan, .. } = &job.task else { return };
        let report: Result<Report, _> = read(answer);
        let pairing = plan.pairings[0].clone().inside_the_kernel();
        let compared = report.as_ref().map(|report| report.compared.clone()).unwrap_or_default();
        let mut row = blank(Guarantee::G8, "loom", &format!("observer-{}", at + 1), Strength::Exhaustive);
        row.bounds = bounds(pairing.loads.iter().map(|load| &load.program));
        row.statement = format!(
            "inside the shipped kernel, over all interleavings alone, and all with so many preemptions beside each load \
             on another job, what can be seen of a job that {} is the same",
            pairing.observer
        );
        fill_sets(&mut row, &report, &compared, 0);
        row.budget.kind = "interleavings".into();
        for (from, to) in [("schedules", "interleavings"), ("schedules_alone", "interleavings_alone")] {
            if let Some(count) = row.explored.remove(from) {
                row.explored.insert(to.into(), count);
            }
        }
        if let Ok(report) = &report {
            let complete = compared.iter().all(|c| c.frontier_emptied);
            for (observer, outcomes) in &report.alone {
                self.alone.insert(observer.clone(), (outcomes.iter().cloned().collect(), complete));
            }
            if let Some(difference) = &report.difference {
                let part = format!("observer-{}", at + 1);
                row.counterexamples.push(self.show_difference("loom", &part, plan.seed, difference));
            }
        }
        self.obligations.push(row);
    }

    fn show_difference(&mut self, explorer: &str, part: &str, seed: u64, difference: &Difference) -> String {
        let id = format!("G8-{explorer}-{part}");
        let cx = Counterexample::of_outcomes(id, self.subject(), seed, explorer, difference);
        self.show("counterexamples", cx)
    }

    pub(super) fn fault_compared(&mut self, fault: Fault, job: &Job, answer: &Answer<Value>) {
        let (explorer, plan) = match &job.task {
            Task::Compare { plan, .. } => ("interleaved", plan),
            Task::CompareInside { plan, .. } => ("loom", plan),
            _ => return,
        };
        let report: Result<Report, _> = read(answer);
        self.tried(fault, explorer, &report);
        let found = report.iter().filter_map(|report| report.difference.as_ref());
        for difference in found.filter(|difference| difference.found.replays) {
            let id = format!("{}-G8-{explorer}", fault.id());
            let cx = Counterexample::of_outcomes(id, fault.id(), plan.seed, explorer, difference);
            self.killed(fault, explorer, format!("{explorer}, outcome sets"), cx);
        }
    }

    pub(super) fn near_miss_compared(&mut self, about: &About, job: &Job, answer: &Answer<Value>) {
        let Task::Compare { plan, .. } = &job.task else { return };
        let report: Result<Report, _> = read(answer);
        let found = report.map(|report| report.difference.map(|difference| difference.found).into_iter().collect());
        self.flagged((about.id, about.defect), plan.seed, found);
    }

    // === what shuttle draws, beside what loom enumerates ===

    pub(super) fn crowds(&mut self, job: &Job, answer: &Answer<Value>) {
        let Task::Sightings { watched, seed, schedules_each, .. } = &job.task else { return };
        let report: Result<Vec<Sightings>, _> = read(answer);
        let mut row = blank(Guarantee::G8, "shuttle", "crowds", Strength::Sampled);
        row.statement =
            "inside the shipped kernel, over drawn schedules, an observer beside nine jobs at once sees nothing \
                         that it cannot see alone"
                .into();
        row.beyond = true;
        row.bounds = bounds(watched.iter().map(|watched| &watched.program));
        let samplers = crate::verify::methods::shuttle::Sampler::ALL.len() as u64;
        let limit = watched.len() as u64 * schedules_each * samplers;
        row.budget = Budget { kind: "schedules".into(), limit, used: 0, hit: false };
        match report {
            Ok(report) => self.fill_crowds(&mut row, watched, *seed, &report),
            Err((ended, words)) => end_badly(&mut row, ended, &words),
        }
        self.obligations.push(row);
    }

    fn fill_crowds(&mut self, row: &mut Obligation, watched: &[Watched], seed: u64, report: &[Sightings]) {
        let none = (BTreeSet::new(), false);
        let mut outcomes = 0;
        for (sightings, watched) in report.iter().zip(watched) {
            let (alone, complete) = self.alone.get(&sightings.id).cloned().unwrap_or_else(|| none.clone());
            outcomes += alone.len();
            row.budget.hit |= !complete;
            if let Some(abnormal) = &sightings.abnormal {
                end_badly(row, Ended::Panic, abnormal);
            }
            if let Some(new) = sightings.beyond(&alone).first().filter(|_| complete) {
                let lines = new.history.iter().filter_map(|text| parse_line(text).ok()??.into_line());
                let run = Run { schedule: new.schedule.clone(), history: lines.collect(), ..Run::default() };
                let contrast = Contrast::new_beside(&new.outcome, &alone);
                let difference = drawn(&watched.program, &sightings.id, contrast, &run);
                row.counterexamples.push(self.show_difference("shuttle", "crowds", seed, &difference));
            }
        }
        let schedules: u64 = report.iter().map(|sightings| sightings.schedules).sum();
        row.budget.used = schedules;
        row.explored = facts([
            ("crowds", json!(report.len())),
            ("outcomes_alone", json!(outcomes)),
            ("outcomes_drawn", json!(report.iter().map(|sightings| sightings.seen.len()).sum::<usize>())),
            ("schedules", json!(schedules)),
            ("sampler", json!("random, pct, uniform_random_walk")),
        ]);
        let hits = |is_one: &dyn Fn(&Sightings) -> bool| report.iter().filter(|s| is_one(s)).count() as u64;
        let antecedent =
            |premise: &str, hits| Antecedent { premise: premise.into(), hits, min: watched.len().max(1) as u64 };
        row.antecedents = vec![
            antecedent("observers_with_several_outcomes", hits(&|sightings| sightings.seen.len() > 1)),
            antecedent("loads_ran_amid_observers", hits(&|sightings| sightings.interleaved)),
        ];
    }

    pub(super) fn agreement(&mut self, answer: &Answer<Value>) {
        let report: Result<Vec<Sightings>, _> = read(answer);
        match report {
            Ok(report) => {
                for sightings in report {
                    // Of a model in which loom found a breach there is nothing to agree about.
                    if let Some((enumerated, complete)) = self.enumerated.get(&sightings.id) {
                        self.agreements.push(sightings.agreement(enumerated, *complete));
                    }
                }
            }
            Err((ended, words)) => {
                let detail = format!("shuttle was not held against loom: its run ended in {} ({words})", ended.word());
                self.conditions.push(crate::verify::verdict::Condition {
                    class: crate::verify::verdict::Fired::Inconclusive,
                    detail,
                });
            }
        }
    }
}
