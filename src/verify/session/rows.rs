//! From what the children answered to the rows of the evidence. No judgement here: results follow from the rows
//! ([`verdict::rules`](crate::verify::verdict::rules)).

use super::beyond::Observed;
use super::child::Answer;
use super::paired::Enumerated;
use super::{Aim, Job, Options, Outcome, beyond, texts};
use crate::verify::counterexample::Counterexample;
use crate::verify::explain::explain;
use crate::verify::faults::Fault;
use crate::verify::findings::{JUDGED, Status};
use crate::verify::guarantee::Guarantee;
use crate::verify::methods::{interleaved, loom};
use crate::verify::premises::Premise;
use crate::verify::program::{Op, Program};
use crate::verify::verdict::{
    Agreement, Antecedent, Budget, Claim, Condition, CounterexampleRow, Ended, Excuse, FRONTIER_EMPTIED, Facts, Fired,
    Kill, KilledBy, Mutant, MutantOutcome, NearMiss, NearMisses, Obligation, ObservedMutant, Run, Stable, Strength,
    Subject, Tool, Tried,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Everything that grows while the answers are read.
pub(super) struct Rows<'o> {
    pub(super) options: &'o Options,
    pub(super) obligations: Vec<Obligation>,
    mutants: Vec<Mutant>,
    pub(super) near_misses: Vec<NearMiss>,
    counterexamples: Vec<(String, Counterexample)>,
    shown: Vec<CounterexampleRow>,
    pub(super) conditions: Vec<Condition>,
    pub(super) observed: Observed,
    /// By observer: what loom enumerated of it alone.
    pub(super) alone: Enumerated,
    /// By model: what loom enumerated of it.
    pub(super) enumerated: Enumerated,
    pub(super) agreements: Vec<Agreement>,
    pub(super) observed_mutants: Vec<ObservedMutant>,
}

/// The rows of a run, of these jobs and what was answered; `found` is what loom found in each, confirmed.
pub(super) fn assemble(
    options: &Options,
    jobs: &[Job],
    answers: &[Answer<Value>],
    found: &[Vec<loom::Found>],
) -> Outcome {
    let mut rows = Rows {
        options,
        obligations: Vec::new(),
        mutants: Vec::new(),
        near_misses: Vec::new(),
        counterexamples: Vec::new(),
        shown: Vec::new(),
        conditions: Vec::new(),
        observed: Observed::default(),
        alone: Enumerated::new(),
        enumerated: Enumerated::new(),
        agreements: Vec::new(),
        observed_mutants: Vec::new(),
    };
    for ((job, answer), found) in jobs.iter().zip(answers).zip(found) {
        match &job.aim {
            Aim::Regressions => rows.regressions(job, answer),
            Aim::Threads => rows.threads(job, answer),
            Aim::Wire => rows.wire(job, answer),
            Aim::Load => rows.load(job, answer),
            Aim::WireFault(fault) => rows.wire_fault(*fault, answer),
            Aim::WireNearMiss(about) => rows.wire_near_miss(about, answer),
            Aim::Quiet => rows.quiet(job, answer),
            Aim::Compared => rows.compared(job, answer),
            Aim::ComparedInside(at) => rows.compared_inside(*at, job, answer),
            Aim::FaultCompared(fault) => rows.fault_compared(*fault, job, answer),
            Aim::NearMissCompared(about) => rows.near_miss_compared(about, job, answer),
            Aim::Crowds => rows.crowds(job, answer),
            Aim::Agreement => rows.agreement(answer),
            Aim::RouterQuiet(fault) => rows.router_quiet(*fault, job, answer),
            Aim::NearMissQuiet(about) => rows.near_miss_quiet(about, job, answer),
            Aim::Programs { exhaustive } => rows.programs(*exhaustive, job, answer),
            Aim::Model(model) => rows.model(&loom::models()[*model], job, answer, found),
            Aim::Wide => rows.wide(job, answer),
            Aim::PatchSampled(fault) => rows.patch_sampled(*fault, job, answer),
            Aim::Interleaved(fault) => rows.between_operations(*fault, job, answer),
            Aim::Patch(fault, model) => rows.patch(*fault, &loom::models()[*model], answer, found),
            Aim::NearMiss(about) => rows.near_miss(about.id, about.defect, job, answer),
            Aim::Ordinary(fault) => rows.ordinary(*fault, answer),
        }
    }
    // Rows of one claim stand together, whatever the order of the tasks.
    rows.obligations.sort_by(|a, b| (a.claim, &a.id).cmp(&(b.claim, &b.id)));
    let stable = Stable {
        verdict: Status::NotChecked,
        fired: Vec::new(),
        exit_code: 0,
        run: run_row(options),
        tool: tool_row(),
        subject: subject_row(options),
        assumptions: texts::assumptions(),
        claims: claim_rows(),
        obligations: rows.obligations,
        mutants: rows.mutants,
        kill: Kill { killed: 0, viable: 0 },
        hunts: Vec::new(),
        observed_mutants: rows.observed_mutants,
        agreements: rows.agreements,
        near_misses: NearMisses { flagged: 0, total: 0, rows: rows.near_misses },
        counterexamples: rows.shown,
        residual_risks: texts::residual_risks(),
        conditions: rows.conditions,
    };
    let (mut volatile, Observed { counts, shown, histories }) = (volatile(answers), rows.observed);
    if !counts.is_empty() {
        volatile.insert("observed".into(), json!(counts));
    }
    if !shown.is_empty() {
        volatile.insert("counterexamples".into(), json!(shown));
    }
    Outcome { stable, volatile, counterexamples: rows.counterexamples, histories }
}

/// What a child said, or how it ended.
pub(super) fn read<T: DeserializeOwned>(answer: &Answer<Value>) -> Result<T, (Ended, String)> {
    match answer {
        Answer::Ended(ended, words) => Err((*ended, words.clone())),
        Answer::Said(value) => serde_json::from_value(value.clone())
            .map_err(|error| (Ended::Abort, format!("the child answered something else: {error}"))),
    }
}

/// Why a claim cannot be asked of the subject: something that has to happen before anything can be said of it, does only by
/// an operation that is not there. What was found broken has no excuse.
pub(super) fn lacking(
    claim: Guarantee,
    mut found: impl Iterator<Item = Guarantee>,
    lacks: &BTreeSet<String>,
) -> Option<Excuse> {
    if found.any(|guarantee| guarantee == claim) {
        return None;
    }
    let operation = Premise::needed(claim).iter().find_map(|premise| premise.lacking(lacks))?;
    Some(Excuse { status: Status::NotApplicable, why: format!("the subject has no `{operation}`") })
}

impl Rows<'_> {
    pub(super) fn subject(&self) -> &'static str {
        self.options.fault.map_or("reference", |fault| fault.id())
    }

    fn programs(&mut self, exhaustive: bool, job: &Job, answer: &Answer<Value>) {
        let report: Result<interleaved::Report, _> = read(answer);
        let super::Task::Interleaved { plan, .. } = &job.task else { return };
        let (strength, how) = match exhaustive {
            true => (Strength::Exhaustive, "every schedule of the small programs"),
            false => (Strength::Sampled, "schedules of programs drawn from the seed"),
        };
        // The judge knows more guarantees than this build claims to check; what it finds is never passed over.
        let found = report.iter().flat_map(|report| report.found.iter().map(|found| found.guarantee));
        let mut claims: Vec<Guarantee> =
            JUDGED.into_iter().chain(found).filter(|g| self.options.asks_for(*g)).collect();
        claims.sort_unstable();
        claims.dedup();
        for claim in claims {
            let mut row = blank(claim, "interleaved", strength.word(), strength);
            row.statement = format!("{how}: no history breaks {claim}");
            row.beyond = !exhaustive;
            row.bounds = if exhaustive { bounds(plan.programs.iter().map(|(_, p)| p)) } else { Facts::new() };
            row.budget = budget(plan);
            match &report {
                Ok(report) => {
                    self.fill(&mut row, report, exhaustive);
                    for found in report.found.iter().filter(|found| found.guarantee == claim) {
                        let id = format!("{}-interleaved-{}", claim.id(), strength.word());
                        let cx = Counterexample::of_interleaved(id, self.subject(), plan.seed, found);
                        row.counterexamples.push(self.show("counterexamples", cx));
                    }
                }
                Err((ended, words)) => end_badly(&mut row, *ended, words),
            }
            self.obligations.push(row);
        }
    }

    fn fill(&self, row: &mut Obligation, report: &interleaved::Report, exhaustive: bool) {
        row.explored = facts([
            ("programs", json!(report.programs)),
            ("schedules", json!(report.schedules)),
            ("distinct", json!(report.distinct)),
            (FRONTIER_EMPTIED, json!(exhaustive && report.frontier_emptied)),
        ]);
        if !exhaustive {
            row.bounds = beyond::drawn_bounds(&report.population);
            row.explored.insert("sampler".into(), json!("uniform over who can move, SplitMix64"));
        }
        row.budget.used = report.schedules;
        row.budget.hit = exhaustive && !report.frontier_emptied;
        row.antecedents = antecedents(Premise::needed(row.claim), &report.premises);
        if !exhaustive {
            row.antecedents.extend(beyond::population(&report.population));
        }
        row.excuse = lacking(row.claim, report.found.iter().map(|found| found.guarantee), &report.lacks);
        if let Some(abnormal) = &report.abnormal {
            row.ended = Some(if abnormal.starts_with("Hang") { Ended::Hang } else { Ended::Panic });
            row.statement.push_str(&format!(" ({abnormal})"));
        }
    }

    fn model(&mut self, model: &loom::Model, job: &Job, answer: &Answer<Value>, found: &[loom::Found]) {
        let super::Task::Loom { plan, .. } = &job.task else { return };
        let report: Result<loom::Report, _> = read(answer);
        if let Ok(report) = report.as_ref().map_err(drop).and_then(|r| if r.breach.is_none() { Ok(r) } else { Err(()) })
        {
            let outcomes = report.outcomes.iter().cloned().collect();
            self.enumerated.insert(model.id.into(), (outcomes, report.completed));
        } else if report.is_err() {
            // There is nothing to hold what was drawn against, and that has to be told.
            self.enumerated.insert(model.id.into(), (BTreeSet::new(), false));
        }
        let mut claims: Vec<Guarantee> = model.claims.iter().map(|(claim, _)| *claim).collect();
        claims.extend(found.iter().map(|found| found.guarantee));
        claims.retain(|claim| self.options.asks_for(*claim));
        claims.sort_unstable();
        claims.dedup();
        for claim in claims {
            let mut row = blank(claim, "loom", model.id, Strength::Exhaustive);
            row.statement = format!("inside the shipped kernel, while {}: no history breaks {claim}", model.race);
            row.bounds = bounds([&model.program]);
            let most = report.as_ref().map_or(plan.most(), |report| report.preemptions);
            row.bounds.insert("preemptions".into(), most.map_or(json!("all"), |n| json!(n)));
            row.budget = Budget { kind: "interleavings".into(), limit: 0, used: 0, hit: false };
            match &report {
                Ok(report) => explored(&mut row, model, report),
                // A model that is not done in time shows nothing either way; anything else that ends it is a breach.
                Err((Ended::Hang, words)) => {
                    row.budget.hit = true;
                    row.statement.push_str(&format!(" ({words})"));
                }
                Err((ended, words)) => end_badly(&mut row, *ended, words),
            }
            if let Some(found) = found.iter().find(|found| found.guarantee == claim) {
                let id = format!("{}-loom-{}", claim.id(), model.id);
                let cx = Counterexample::of_loom(id, self.subject(), model, found);
                row.counterexamples.push(self.show("counterexamples", cx));
            }
            self.obligations.push(row);
        }
    }

    fn between_operations(&mut self, fault: Fault, job: &Job, answer: &Answer<Value>) {
        let super::Task::Interleaved { plan, .. } = &job.task else { return };
        let report: Result<interleaved::Report, _> = read(answer);
        self.killed_between_operations(fault, plan.seed, report.map(|report| report.found));
    }

    /// What our executor found in a planted fault; what does not replay is no kill.
    pub(super) fn killed_between_operations(
        &mut self,
        fault: Fault,
        seed: u64,
        found: Result<Vec<interleaved::Found>, (Ended, String)>,
    ) {
        self.tried(fault, "interleaved", &found);
        for found in found.iter().flatten().filter(|found| found.replays) {
            let id = match fault {
                Fault::Router(..) | Fault::Gateway(..) => format!("{}-{}", fault.id(), found.guarantee.id()),
                Fault::Patch(_) => format!("{}-{}-interleaved", fault.id(), found.guarantee.id()),
            };
            let cx = Counterexample::of_interleaved(id, fault.id(), seed, found);
            self.killed(fault, "interleaved", "interleaved".into(), cx);
        }
    }

    /// A planted fault was run under an explorer; what came of it is added by [`killed`](Rows::killed).
    pub(super) fn tried<T>(&mut self, fault: Fault, explorer: &str, answer: &Result<T, (Ended, String)>) {
        let row = self.mutant_of(fault);
        if matches!(answer, Err((Ended::Hang, _))) {
            row.outcome = MutantOutcome::Timeout;
        }
        if !row.tried.iter().any(|tried| tried.explorer == explorer) {
            let must = fault.methods().contains(&explorer);
            row.tried.push(Tried { explorer: explorer.into(), must, operations: None });
        }
    }

    /// An explorer found a planted fault, and the finding replays.
    pub(super) fn killed(&mut self, fault: Fault, explorer: &str, method: String, cx: Counterexample) {
        let (guarantee, operations) = (cx.guarantee, cx.steps());
        let counterexample = self.keep("counterexamples/faults", cx);
        let row = self.mutant_of(fault);
        row.killed_by.push(KilledBy { guarantee, method, counterexample });
        let tried = row.tried.iter_mut().find(|tried| tried.explorer == explorer);
        if let Some(tried) = tried.filter(|_| row.expected.contains(&guarantee)) {
            tried.operations = Some(tried.operations.map_or(operations, |least| least.min(operations)));
        }
    }

    /// The row of a planted fault: one for all models and methods that are tried on it.
    fn mutant_of(&mut self, fault: Fault) -> &mut Mutant {
        let at = self.mutants.iter().position(|row| row.id == fault.id()).unwrap_or_else(|| {
            self.mutants.push(mutant(fault));
            self.mutants.len() - 1
        });
        &mut self.mutants[at]
    }

    fn patch(&mut self, fault: Fault, model: &loom::Model, answer: &Answer<Value>, found: &[loom::Found]) {
        self.tried(fault, "loom", &read::<loom::Report>(answer));
        for found in found.iter().filter(|found| found.replays) {
            let id = format!("{}-{}-{}", fault.id(), found.guarantee.id(), model.id);
            let cx = Counterexample::of_loom(id, fault.id(), model, found);
            self.killed(fault, "loom", format!("loom {}", model.id), cx);
        }
    }

    fn near_miss(&mut self, id: &str, what: &str, job: &Job, answer: &Answer<Value>) {
        let super::Task::Interleaved { plan, .. } = &job.task else { return };
        let report: Result<interleaved::Report, _> = read(answer);
        self.flagged((id, what), plan.seed, report.map(|report| report.found));
    }

    /// What was found in a near-miss, by whichever search: a false alarm each.
    pub(super) fn flagged(
        &mut self,
        (id, what): (&str, &str),
        seed: u64,
        found: Result<Vec<interleaved::Found>, (Ended, String)>,
    ) {
        let found = found.unwrap_or_else(|(ended, words)| {
            // One that cannot be judged shows nothing, and must not pass unseen.
            let detail = format!("near-miss {id} was not judged: its run ended in {} ({words})", ended.word());
            self.conditions.push(Condition { class: Fired::Inconclusive, detail });
            Vec::new()
        });
        if !self.near_misses.iter().any(|row| row.id == id) {
            self.near_misses.push(NearMiss { id: id.into(), what: what.into(), flagged: Vec::new() });
        }
        for found in found {
            let cx = Counterexample::of_interleaved(format!("{id}-{}", found.guarantee.id()), id, seed, &found);
            self.keep("counterexamples/false-alarms", cx);
            let row = self.near_misses.iter_mut().find(|row| row.id == id);
            if let Some(row) = row.filter(|row| !row.flagged.contains(&found.guarantee)) {
                row.flagged.push(found.guarantee);
            }
        }
    }

    fn ordinary(&mut self, fault: Fault, answer: &Answer<Value>) {
        let tests: Result<Vec<(String, Option<String>)>, _> = read(answer);
        if let Some(row) = self.mutants.iter_mut().find(|row| row.id == fault.id()) {
            // A fault that takes the test process down was noticed.
            row.ordinary_tests_notice =
                Some(tests.map_or(true, |tests| tests.iter().any(|(_, failed)| failed.is_some())));
        }
    }

    /// Keeps a counterexample for its file, and answers the file's name.
    pub(super) fn keep(&mut self, directory: &str, cx: Counterexample) -> String {
        let file = format!("{directory}/{}.json", cx.id);
        if !self.counterexamples.iter().any(|(there, _)| *there == file) {
            self.counterexamples.push((file.clone(), cx));
        }
        file
    }

    /// Keeps a counterexample and shows it in the evidence; answers its id.
    pub(super) fn show(&mut self, directory: &str, mut cx: Counterexample) -> String {
        // Its file is called so: a name that is taken would cost the one that has it its file.
        let named = cx.id.clone();
        for more in 2.. {
            if self.shown.iter().all(|shown| shown.id != cx.id) {
                break;
            }
            cx.id = format!("{named}-{more}");
        }
        let id = cx.id.clone();
        self.shown.push(CounterexampleRow {
            id: id.clone(),
            guarantee: cx.guarantee,
            scenario: cx.message(),
            steps: cx.steps(),
            minimised_from: cx.minimised_from,
            seed: cx.seed.clone(),
            schedule: cx.how.schedule(),
            replay: format!("narrowcast replay {directory}/{id}.json"),
            file: format!("{directory}/{id}.json"),
        });
        self.keep(directory, cx);
        id
    }
}

/// Fills a model's row in with how far loom came.
fn explored(row: &mut Obligation, model: &loom::Model, report: &loom::Report) {
    row.explored = facts([
        ("interleavings", json!(report.iterations)),
        ("distinct", json!(report.distinct)),
        (FRONTIER_EMPTIED, json!(report.completed)),
    ]);
    row.budget.used = report.iterations;
    let needed = model.claims.iter().find(|(of, _)| *of == row.claim).map_or(&[][..], |(_, p)| p);
    row.antecedents = antecedents(needed, &report.premises);
    if let Some(trouble) = &report.trouble {
        row.statement.push_str(&format!(" (did not complete: {trouble})"));
    }
    let unnamed = report.breach.as_ref().filter(|breach| breach.findings.is_none());
    if let Some(said) = unnamed.and_then(|breach| breach.abnormal.as_ref()) {
        end_badly(row, if said.starts_with("deadlock") { Ended::Deadlock } else { Ended::Panic }, said);
    }
}

/// What the judge names in a model's breach. A bad end that it cannot name is shown as such, and kills nothing.
pub(super) fn broken_by(report: &loom::Report) -> Vec<Guarantee> {
    let findings = report.breach.as_ref().and_then(|breach| breach.findings.as_ref());
    findings.map(|findings| findings.violated()).unwrap_or_default()
}

pub(super) fn end_badly(row: &mut Obligation, ended: Ended, words: &str) {
    row.ended = Some(ended);
    row.statement.push_str(&format!(" ({words})"));
}

pub(super) fn blank(claim: Guarantee, method: &str, part: &str, strength: Strength) -> Obligation {
    Obligation {
        id: format!("{}/{method}/{part}", claim.id()),
        claim,
        statement: String::new(),
        method: method.into(),
        strength,
        bounds: Facts::new(),
        explored: Facts::new(),
        budget: Budget { kind: "schedules".into(), limit: 0, used: 0, hit: false },
        antecedents: Vec::new(),
        result: Status::NotChecked,
        counterexamples: Vec::new(),
        ended: None,
        excuse: None,
        beyond: false,
    }
}

pub(super) fn facts<const N: usize>(pairs: [(&str, Value); N]) -> Facts {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

pub(super) fn antecedents(needed: &[Premise], reached: &BTreeMap<String, u64>) -> Vec<Antecedent> {
    let row = |premise: &Premise| Antecedent {
        premise: premise.id().into(),
        hits: reached.get(premise.id()).copied().unwrap_or(0),
        min: 1,
    };
    needed.iter().map(row).collect()
}

/// The largest of each kind among the programs.
pub(super) fn bounds<'p>(programs: impl IntoIterator<Item = &'p Program>) -> Facts {
    let count = |program: &Program, wanted: fn(&Op) -> bool| {
        program.prelude.iter().chain(program.threads.iter().flatten()).filter(|op| wanted(op)).count()
    };
    let (mut jobs, mut threads, mut streams, mut events, mut retain, mut n) = (0, 0, 0, 0, 0, 0);
    for program in programs {
        n += 1;
        jobs = jobs.max(program.jobs.len());
        threads = threads.max(program.threads.len());
        streams = streams.max(count(program, |op| matches!(op, Op::Subscribe { .. } | Op::SubscribeSystem { .. })));
        events = events.max(count(program, |op| matches!(op, Op::Emit { .. } | Op::EmitSystem)));
        retain = retain.max(program.retain);
    }
    facts([
        ("programs", json!(n)),
        ("jobs", json!(jobs)),
        ("threads", json!(threads)),
        ("streams", json!(streams)),
        ("events", json!(events)),
        ("retained", json!(retain)),
    ])
}

fn budget(plan: &interleaved::Plan) -> Budget {
    let programs = plan.programs.len() as u64 + plan.generated;
    Budget { kind: "schedules".into(), limit: programs * plan.schedules_each, used: 0, hit: false }
}

fn mutant(fault: Fault) -> Mutant {
    let stale = match fault {
        Fault::Patch(patch) if !patch.applies => format!(" (stale: its passage is no longer in {})", patch.file),
        _ => String::new(),
    };
    Mutant {
        id: fault.id().into(),
        defect: fault.defect().to_owned() + &stale,
        incident: fault.incident().into(),
        expected: fault.expected(),
        killed_by: Vec::new(),
        tried: Vec::new(),
        outcome: MutantOutcome::Survived,
        ordinary_tests_notice: None,
    }
}

fn claim_rows() -> Vec<Claim> {
    let row = |guarantee: Guarantee| Claim {
        id: guarantee,
        name: guarantee.name().into(),
        statement: explain(guarantee).statement.into(),
        status: Status::NotChecked,
        strength: None,
        obligations: Vec::new(),
    };
    Guarantee::ALL.into_iter().map(row).collect()
}

fn run_row(options: &Options) -> Run {
    let mut reproduce = vec!["narrowcast".to_owned(), "verify".into()];
    reproduce.extend(["--profile".into(), options.profile.name().into()]);
    reproduce.extend(["--seed".into(), format!("{:#x}", options.seed)]);
    let list = |words: Vec<&str>| words.join(",");
    if !options.only.is_empty() {
        reproduce.extend(["--only".into(), list(options.only.iter().map(|g| g.id()).collect())]);
    }
    if !options.methods.is_empty() {
        reproduce.extend(["--method".into(), list(options.methods.iter().map(|m| m.name()).collect())]);
    }
    if let Some(fault) = options.fault {
        reproduce.extend(["--fault".into(), fault.id().into()]);
    }
    if options.sequential {
        reproduce.push("--sequential".into());
    }
    if let Some(seeds) = options.hunt {
        reproduce.extend(["--hunt".into(), seeds.to_string()]);
    }
    Run {
        argv: options.argv.clone(),
        profile: options.profile.name().into(),
        seed: format!("{:#x}", options.seed),
        reproduce: reproduce.join(" "),
    }
}

fn tool_row() -> Tool {
    Tool {
        name: env!("CARGO_PKG_NAME").into(),
        version: env!("CARGO_PKG_VERSION").into(),
        commit: env!("NARROWCAST_COMMIT").into(),
        dirty: env!("NARROWCAST_DIRTY") == "true",
        rustc: env!("NARROWCAST_RUSTC").into(),
    }
}

fn subject_row(options: &Options) -> Subject {
    Subject {
        name: options.fault.map_or("reference", |fault| fault.id()).into(),
        version: env!("CARGO_PKG_VERSION").into(),
        adapter: match options.fault {
            Some(Fault::Gateway(..)) => "http".into(),
            _ => "in_process".into(),
        },
        fault: options.fault.map(|fault| fault.id().to_owned()),
    }
}

fn volatile(answers: &[Answer<Value>]) -> Facts {
    let ended = answers.iter().filter(|answer| answer.said().is_none()).count();
    facts([
        ("host", json!({ "os": std::env::consts::OS, "arch": std::env::consts::ARCH })),
        ("cores", json!(std::thread::available_parallelism().map_or(0, usize::from))),
        ("children", json!(answers.len())),
        ("children_that_did_not_answer", json!(ended)),
    ])
}
