//! The rows of the quiet neighbour (G7): observers beside loads that are cut short, under `interleaved`.

use super::child::Answer;
use super::rows::{Rows, blank, bounds, end_badly, facts, read};
use super::{Aim, Job, Options, Profile, Task};
use crate::verify::counterexample::Counterexample;
use crate::verify::faults::{About, Fault};
use crate::verify::guarantee::Guarantee;
use crate::verify::methods::interleaved::SplitMix;
use crate::verify::methods::quiet::{FEW_THREADS, Plan, Report};
use crate::verify::neighbours::pairs;
use crate::verify::program::Way;
use crate::verify::quiet::Reached;
use crate::verify::verdict::{Antecedent, Budget, Ended, FRONTIER_EMPTIED, Obligation, Strength};
use serde_json::{Value, json};

/// At most so many schedules of one program with a cut: a stop, in case a subject waits so often that there is no end of them.
const SCHEDULES_EACH: u64 = 2_000_000;

/// The same in the museum, whose routers may be preempted inside an operation.
const SCHEDULES_EACH_IN_MUSEUM: u64 = 300;

/// The same of a near-miss, while somebody waits.
const SCHEDULES_IN_HASTE: u64 = 20;

/// How many preemptions find a fault of the museum: two threads in each other's way need no more.
const PREEMPTIONS_IN_MUSEUM: usize = 1;

impl Profile {
    /// How many turns may be taken from a thread that could have gone on: in programs of few threads, and of many.
    fn preemptions_beside(self) -> (usize, usize) {
        match self {
            Profile::Quick => (1, 0),
            Profile::Ci => (1, 1),
            Profile::Deep => (2, 1),
        }
    }
}

impl Options {
    /// What is tried on the subject.
    pub(super) fn quiet_plan(&self) -> Plan {
        let (preemptions, preemptions_of_many) = self.profile.preemptions_beside();
        Plan {
            seed: SplitMix(self.seed).next(),
            pairs: pairs(),
            ways: Way::ALL.to_vec(),
            preemptions,
            preemptions_of_many,
            schedules_each: SCHEDULES_EACH,
            sequential: self.sequential,
            wanted: Vec::new(),
        }
    }

    /// What is tried on a planted router.
    fn quiet_museum_plan(&self, wanted: Vec<Guarantee>) -> Plan {
        let (preemptions, schedules_each) = (PREEMPTIONS_IN_MUSEUM, SCHEDULES_EACH_IN_MUSEUM);
        Plan { preemptions, preemptions_of_many: preemptions, schedules_each, wanted, ..self.quiet_plan() }
    }

    /// What is tried on a near-miss, which has to be gone through to the end: while somebody waits, without preemptions and
    /// in few schedules.
    pub(super) fn quiet_near_miss_plan(&self) -> Plan {
        let plan = self.quiet_museum_plan(Vec::new());
        match self.profile {
            Profile::Quick => {
                Plan { preemptions: 0, preemptions_of_many: 0, schedules_each: SCHEDULES_IN_HASTE, ..plan }
            }
            Profile::Ci | Profile::Deep => plan,
        }
    }

    /// What is tried on a planted router: the programs that show what it is expected to break.
    pub(super) fn router(&self, fault: Fault, subject: u32, expected: Vec<Guarantee>) -> Vec<Job> {
        let (beside, direct): (Vec<_>, Vec<_>) = expected.into_iter().partition(|g| *g == Guarantee::G7);
        let mut jobs = Vec::new();
        if !direct.is_empty() {
            let task = Task::Interleaved { subject, plan: self.museum_plan(direct) };
            jobs.push(Job { task, aim: Aim::Interleaved(fault) });
        }
        if !beside.is_empty() {
            let task = Task::Quiet { subject, plan: self.quiet_museum_plan(beside) };
            jobs.push(Job { task, aim: Aim::RouterQuiet(fault) });
        }
        jobs
    }
}

impl Rows<'_> {
    pub(super) fn quiet(&mut self, job: &Job, answer: &Answer<Value>) {
        let Task::Quiet { plan, .. } = &job.task else { return };
        let report: Result<Report, _> = read(answer);
        let found = report.iter().flat_map(|report| report.found.iter().map(|found| found.guarantee));
        let mut claims: Vec<Guarantee> = found.chain([Guarantee::G7]).collect();
        claims.retain(|claim| self.options.asks_for(*claim));
        claims.sort_unstable();
        claims.dedup();
        for claim in claims {
            let mut row = blank(claim, "interleaved", "neighbours", Strength::Exhaustive);
            row.statement = "beside loads on other jobs, each cut short at every step and in every way, observers \
                             return, lose nothing, are refused nothing and end by their own close only"
                .into();
            row.bounds = bounds(plan.pairs.iter().map(|pair| &pair.program));
            row.bounds.insert("preemptions".into(), json!(plan.preemptions));
            let of_many = format!("preemptions_of_more_than_{FEW_THREADS}_threads");
            row.bounds.insert(of_many, json!(plan.preemptions_of_many));
            row.bounds.insert("ways_to_be_cut".into(), json!(plan.ways.len()));
            match &report {
                Ok(report) => self.fill_quiet(&mut row, plan, report),
                Err((ended, words)) => end_badly(&mut row, *ended, words),
            }
            self.obligations.push(row);
        }
    }

    fn fill_quiet(&mut self, row: &mut Obligation, plan: &Plan, report: &Report) {
        row.bounds.insert("own_turns_an_operation".into(), json!(report.turns));
        row.explored = facts([
            ("pairs", json!(report.pairs)),
            ("programs_cut", json!(report.cuts)),
            ("schedules", json!(report.schedules)),
            ("distinct", json!(report.distinct)),
            ("schedules_alone", json!(report.alone)),
            (FRONTIER_EMPTIED, json!(report.frontier_emptied && report.unquiet.is_empty())),
        ]);
        let limit = report.cuts.max(report.pairs) * plan.schedules_each;
        let hit = !report.frontier_emptied;
        row.budget = Budget { kind: "schedules".into(), limit, used: report.schedules, hit };
        let reached = |premise: Reached| Antecedent {
            premise: premise.id().into(),
            hits: report.premises.get(premise.id()).copied().unwrap_or(0),
            min: 1,
        };
        row.antecedents = Reached::ALL.into_iter().map(reached).collect();
        if let Some(unquiet) = report.unquiet.first() {
            let n = report.unquiet.len();
            row.statement.push_str(&format!(" ({n} observers are in trouble alone, and were left out: {unquiet})"));
        }
        if let Some(abnormal) = &report.abnormal {
            end_badly(row, if abnormal.starts_with("Hang") { Ended::Hang } else { Ended::Panic }, abnormal);
        }
        for found in report.found.iter().filter(|found| found.guarantee == row.claim) {
            let id = format!("{}-interleaved-neighbours", row.claim.id());
            let cx = Counterexample::of_interleaved(id, self.subject(), plan.seed, found);
            row.counterexamples.push(self.show("counterexamples", cx));
        }
    }

    pub(super) fn router_quiet(&mut self, fault: Fault, job: &Job, answer: &Answer<Value>) {
        let Task::Quiet { plan, .. } = &job.task else { return };
        let report: Result<Report, _> = read(answer);
        self.killed_between_operations(fault, plan.seed, report.map(|report| report.found));
    }

    pub(super) fn near_miss_quiet(&mut self, about: &About, job: &Job, answer: &Answer<Value>) {
        let Task::Quiet { plan, .. } = &job.task else { return };
        let report: Result<Report, _> = read(answer);
        self.flagged((about.id, about.defect), plan.seed, report.map(|report| report.found));
    }
}
