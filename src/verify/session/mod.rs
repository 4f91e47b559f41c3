//! One whole run of `narrowcast verify`: which tasks, in which children, and the rows that come of them.

mod beyond;
pub mod child;
mod hunt;
mod load;
mod paired;
mod quiet;
mod rows;
mod smaller;
mod texts;
mod wide;
mod wire;

use super::catalogue::scenarios;
use super::counterexample::Counterexample;
use super::faults::{self, Fault, Patch};
use super::findings::JUDGED;
use super::guarantee::Guarantee;
use super::methods::interleaved::{Plan, SplitMix};
use super::methods::loom::{self, Copy};
use super::methods::threads;
use super::premises::Premise;
use super::regressions::regressions;
use super::verdict::{Facts, MutantOutcome, Stable};
use child::{Answer, Spawner, Task};
use serde_json::Value;
use smaller::Effort;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// How much is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// While somebody waits: under a minute.
    Quick,
    /// At every merge.
    Ci,
    /// At night.
    Deep,
}

impl Profile {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Profile::Quick => "quick",
            Profile::Ci => "ci",
            Profile::Deep => "deep",
        }
    }

    /// On threads of the operating system: programs drawn from the seed, and runs of each program in a round.
    fn observed(self) -> (u64, u64) {
        match self {
            Profile::Quick => (60, 20),
            Profile::Ci => (600, 40),
            Profile::Deep => (6_000, 100),
        }
    }

    /// Wide programs drawn from the seed, and schedules of each and of each sampler, inside the kernel.
    fn wide(self) -> (u64, u64) {
        match self {
            Profile::Quick => (20, 10),
            Profile::Ci => (200, 20),
            Profile::Deep => (5_000, 40),
        }
    }

    /// Programs drawn from the seed, and schedules of each.
    fn sampled(self) -> (u64, u64) {
        match self {
            Profile::Quick => (500, 20),
            Profile::Ci => (5_000, 50),
            Profile::Deep => (50_000, 100),
        }
    }

    /// How many preemptions loom may make in a model of the shipped kernel; none means all.
    fn preemptions(self, model: &loom::Model) -> Option<usize> {
        match self {
            Profile::Quick => Some(3),
            Profile::Ci => model.most_preemptions.map(|most| most.min(4)),
            Profile::Deep => model.most_preemptions,
        }
    }

    /// After which a child is taken to hang. A net, not a budget: work is bounded by counts.
    pub fn deadline(self) -> Duration {
        Duration::from_secs(match self {
            Profile::Quick => 300,
            Profile::Ci => 1_200,
            Profile::Deep => 7_200,
        })
    }
}

/// A method of this build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// [`interleaved`](super::methods::interleaved).
    Interleaved,
    /// [`loom`].
    Loom,
    /// [`shuttle`](super::methods::shuttle).
    Shuttle,
    /// [`threads`].
    Threads,
    /// [`wire`](super::methods::wire).
    Wire,
}

impl Method {
    /// All of them.
    pub const ALL: [Method; 5] = [Method::Interleaved, Method::Loom, Method::Shuttle, Method::Threads, Method::Wire];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Method::Interleaved => "interleaved",
            Method::Loom => "loom",
            Method::Shuttle => "shuttle",
            Method::Threads => "threads",
            Method::Wire => "wire",
        }
    }
}

/// The guarantees that this build's methods check, each with planted faults that show the checks able to fail.
pub const CHECKED: [Guarantee; 14] = {
    use Guarantee::*;
    [G1, G2, G3, G4, G5, G6, G7, G8, G9, G10, G11, G12, G13, G14]
};

/// At most so many schedules of one small program: a stop, in case a subject waits so often that there is no end of
/// them.
const SCHEDULES_EACH: u64 = 200_000;

/// The same for planted faults and near-misses, which may be preempted inside an operation and so have far more schedules than
/// the reference router. What a fault does must show early; and a false alarm, in so many schedules of each program, too.
const SCHEDULES_EACH_IN_MUSEUM: u64 = 4_000;

/// Rounds through all programs on threads of the operating system: others follow the first only if it did not reach
/// every premise.
const MOST_ROUNDS: u64 = 20;

/// Seconds after which a thread of the operating system is said to hang. Far beyond what a busy machine takes.
const PATIENCE_S: u64 = 30;

/// Preemptions that loom may make in a planted patch: two threads in each other's way need no more.
const PREEMPTIONS_IN_PATCHES: usize = 2;

/// What to verify, and how hard.
#[derive(Debug, Clone)]
pub struct Options {
    /// How much is tried.
    pub profile: Profile,
    /// From which everything random is drawn.
    pub seed: u64,
    /// These guarantees only; all, if none.
    pub only: Vec<Guarantee>,
    /// These methods only; all, if none.
    pub methods: Vec<Method>,
    /// This planted fault instead of the reference router.
    pub fault: Option<Fault>,
    /// Force everything sequential, which must end `vacuous`.
    pub sequential: bool,
    /// With how many seeds each planted fault is hunted; as many as the profile says, if none.
    pub hunt: Option<u64>,
    /// The command line as it is to be reported.
    pub argv: Vec<String>,
}

/// What a run came to.
#[derive(Debug)]
pub struct Outcome {
    /// The rows, concluded.
    pub stable: Stable,
    /// What differs between equal runs.
    pub volatile: Facts,
    /// What was found, with the file (relative to the output directory) that each belongs in.
    pub counterexamples: Vec<(String, Counterexample)>,
    /// What was recorded in a breach without a schedule (`narrowcast.history/v1`), with the file that it belongs in.
    pub histories: Vec<(String, String)>,
}

/// What a run tells while it goes on.
#[derive(Debug)]
pub enum Tell<'t> {
    /// So many tasks in all.
    Tasks(u64),
    /// One more is done: what it was, and how long it took.
    Done(&'t str, Duration),
}

/// One task with what it is for.
struct Job {
    task: Task,
    aim: Aim,
}

enum Aim {
    /// The regressions.
    Regressions,
    /// `threads` on the subject.
    Threads,
    /// The service, probed over its sockets.
    Wire,
    /// The service under load.
    Load,
    /// The service behind a leaky gateway.
    WireFault(Fault),
    /// The service behind a gateway that is right.
    WireNearMiss(&'static faults::About),
    /// Observers beside loads, on the subject.
    Quiet,
    /// Outcome sets of the subject.
    Compared,
    /// Those of one observer, inside its kernel.
    ComparedInside(usize),
    /// Those of a planted fault.
    FaultCompared(Fault),
    /// Those of a near-miss.
    NearMissCompared(&'static faults::About),
    /// Observers in crowds, under shuttle.
    Crowds,
    /// The models under shuttle, to be held against what loom enumerates.
    Agreement,
    /// A planted router as a neighbour.
    RouterQuiet(Fault),
    /// A near-miss as one.
    NearMissQuiet(&'static faults::About),
    /// `interleaved` on the subject; exhaustive or sampled.
    Programs { exhaustive: bool },
    /// A model of the subject's kernel.
    Model(usize),
    /// `shuttle` on the subject's kernel.
    Wide,
    /// A planted router, or patch, under `interleaved`.
    Interleaved(Fault),
    /// A planted patch under one model.
    Patch(Fault, usize),
    /// A planted patch under shuttle.
    PatchSampled(Fault),
    /// A near-miss.
    NearMiss(&'static faults::About),
    /// The ordinary tests on a planted fault.
    Ordinary(Fault),
}

impl Aim {
    fn name(&self) -> String {
        match self {
            Aim::Regressions => "regressions".into(),
            Aim::Threads => "threads".into(),
            Aim::Wire => "wire".into(),
            Aim::Load => "wire, under load".into(),
            Aim::WireFault(fault) => format!("planted {} on the wire", fault.id()),
            Aim::WireNearMiss(about) => format!("near-miss {} on the wire", about.id),
            Aim::Quiet => "interleaved, quiet neighbours".into(),
            Aim::Compared => "interleaved, outcome sets".into(),
            Aim::ComparedInside(at) => format!("loom, outcome sets of observer {}", at + 1),
            Aim::FaultCompared(fault) => format!("planted {}, outcome sets", fault.id()),
            Aim::NearMissCompared(about) => format!("near-miss {}, outcome sets", about.id),
            Aim::Crowds => "shuttle, crowds".into(),
            Aim::Agreement => "shuttle beside loom".into(),
            Aim::RouterQuiet(fault) => format!("planted {} as a neighbour", fault.id()),
            Aim::NearMissQuiet(about) => format!("near-miss {} as a neighbour", about.id),
            Aim::Programs { exhaustive: true } => "interleaved, exhaustive".into(),
            Aim::Programs { exhaustive: false } => "interleaved, sampled".into(),
            Aim::Model(model) => format!("loom, {}", loom::models()[*model].id),
            Aim::Wide => "shuttle, wide programs".into(),
            Aim::PatchSampled(fault) => format!("planted {} under shuttle", fault.id()),
            Aim::Interleaved(fault @ Fault::Router(..)) => format!("planted {}", fault.id()),
            Aim::Interleaved(fault) => format!("planted {} under interleaved", fault.id()),
            Aim::Patch(fault, model) => format!("planted {} under loom, {}", fault.id(), loom::models()[*model].id),
            Aim::NearMiss(about) => format!("near-miss {}", about.id),
            Aim::Ordinary(fault) => format!("ordinary tests on {}", fault.id()),
        }
    }
}

impl Options {
    fn uses(&self, method: Method) -> bool {
        self.methods.is_empty() || self.methods.contains(&method)
    }

    fn asks_for(&self, guarantee: Guarantee) -> bool {
        self.only.is_empty() || self.only.contains(&guarantee)
    }

    fn plan(&self, exhaustive: bool, wanted: Vec<Guarantee>) -> Plan {
        let (programs, schedules) = self.profile.sampled();
        // Sequentially there is only one schedule of a program.
        let schedules = if self.sequential { 1 } else { schedules };
        let small = scenarios().into_iter().map(|scenario| (scenario.id.to_owned(), scenario.program));
        Plan {
            seed: SplitMix(self.seed).next(),
            programs: if exhaustive { small.collect() } else { Vec::new() },
            generated: if exhaustive { 0 } else { programs },
            schedules_each: if exhaustive { SCHEDULES_EACH } else { schedules },
            exhaustive,
            sequential: self.sequential,
            wanted,
            asked: JUDGED.into_iter().filter(|guarantee| self.only.contains(guarantee)).collect(),
        }
    }

    fn museum_plan(&self, wanted: Vec<Guarantee>) -> Plan {
        Plan { schedules_each: SCHEDULES_EACH_IN_MUSEUM, asked: Vec::new(), ..self.plan(true, wanted) }
    }

    fn jobs(&self) -> Vec<Job> {
        let mut jobs = Vec::new();
        let (subject, copy) = match self.fault {
            None => (Some(0), Some(Copy::Shipped)),
            Some(Fault::Router(number, _)) => (Some(number), None),
            Some(Fault::Patch(patch)) => (None, Some(Copy::Guarded(patch.number))),
            Some(Fault::Gateway(..)) => (None, None),
        };
        jobs.extend(self.regressions());
        if let Some(subject) = subject.filter(|_| self.uses(Method::Interleaved)) {
            for exhaustive in [true, false] {
                let task = Task::Interleaved { subject, plan: self.plan(exhaustive, Vec::new()) };
                jobs.push(Job { task, aim: Aim::Programs { exhaustive } });
            }
            if self.asks_for(Guarantee::G7) {
                jobs.push(Job { task: Task::Quiet { subject, plan: self.quiet_plan() }, aim: Aim::Quiet });
            }
        }
        if let Some(copy) = copy.filter(|_| self.uses(Method::Loom)) {
            jobs.extend(loom::models().iter().enumerate().map(|(model, about)| {
                let task = Task::Loom { copy, plan: self.loom_plan(about, self.profile.preemptions(about)) };
                Job { task, aim: Aim::Model(model) }
            }));
        }
        if let Some(copy) = copy.filter(|_| self.uses(Method::Shuttle)) {
            jobs.push(Job { task: Task::Shuttle { copy, plan: self.wide_plan() }, aim: Aim::Wide });
        }
        // What real threads do cannot be forced sequential: there is nothing of theirs to be seen vacuous.
        if let Some(subject) = subject.filter(|_| self.uses(Method::Threads) && !self.sequential) {
            jobs.push(Job { task: Task::Threads { subject, plan: self.threads_plan() }, aim: Aim::Threads });
        }
        jobs.extend(self.compared(subject, copy));
        jobs.extend(self.wire());
        jobs.extend(self.load());
        if self.fault.is_none() {
            jobs.extend(self.museum());
        }
        jobs
    }

    /// What once went wrong is tried first. A planted fault has no history of its own, and a schedule that was recorded
    /// cannot be forced sequential.
    fn regressions(&self) -> Option<Job> {
        if self.fault.is_some() || self.sequential || !self.uses(Method::Interleaved) {
            return None;
        }
        let mut regressions = regressions().expect("tests/regressions.rs reads every committed file");
        regressions.retain(|regression| self.asks_for(regression.guarantee));
        let task = Task::Regressions { subject: 0, regressions, schedules_each: SCHEDULES_EACH };
        Some(Job { task, aim: Aim::Regressions })
    }

    fn threads_plan(&self) -> threads::Plan {
        let (generated, runs_each) = self.profile.observed();
        let claims = JUDGED.into_iter().filter(|guarantee| self.asks_for(*guarantee));
        let needed: BTreeSet<Premise> = claims.flat_map(|claim| Premise::needed(claim).iter().copied()).collect();
        let small = scenarios().into_iter().map(|scenario| (scenario.id.to_owned(), scenario.program));
        threads::Plan {
            seed: SplitMix(self.seed).next(),
            programs: small.collect(),
            generated,
            runs_each,
            most_rounds: MOST_ROUNDS,
            needed: needed.into_iter().map(|premise| premise.id().to_owned()).collect(),
            patience_s: PATIENCE_S,
        }
    }

    /// The planted faults and the near-misses, as far as the chosen methods and guarantees go.
    fn museum(&self) -> Vec<Job> {
        let mut jobs = Vec::new();
        for fault in faults::faults() {
            let expected: Vec<Guarantee> = fault.expected().into_iter().filter(|g| self.asks_for(*g)).collect();
            if expected.is_empty() {
                continue;
            }
            let ordinary = match fault {
                Fault::Router(subject, _) if self.uses(Method::Interleaved) => {
                    jobs.extend(self.router(fault, subject, expected));
                    Task::Ordinary { subject }
                }
                Fault::Patch(patch) if self.uses(Method::Loom) || self.uses(Method::Shuttle) => {
                    jobs.extend(self.patch(fault, patch, &expected));
                    Task::Ordinary { subject: faults::patched(patch) }
                }
                _ => continue,
            };
            jobs.push(Job { task: ordinary, aim: Aim::Ordinary(fault) });
        }
        jobs.extend(self.wire_museum());
        if self.uses(Method::Interleaved) && self.asks_for(Guarantee::G8) {
            jobs.extend(self.near_misses_compared());
        }
        if self.uses(Method::Interleaved) {
            for (subject, about) in faults::near_misses() {
                let task = Task::Interleaved { subject, plan: self.museum_plan(Vec::new()) };
                jobs.push(Job { task, aim: Aim::NearMiss(about) });
                if self.asks_for(Guarantee::G7) {
                    let task = Task::Quiet { subject, plan: self.quiet_near_miss_plan() };
                    jobs.push(Job { task, aim: Aim::NearMissQuiet(about) });
                }
            }
        }
        jobs
    }
}

impl Options {
    /// What loom explores of a model: one thread after the other leaves nothing to preempt.
    fn loom_plan(&self, model: &loom::Model, most: Option<usize>) -> loom::Plan {
        match self.sequential {
            true => loom::Plan { sequential: true, ..loom::Plan::within(&model.program, most, Vec::new()) },
            false => loom::Plan { outcomes: true, ..loom::Plan::raised(&model.program, most) },
        }
    }

    /// What `interleaved` tries on a planted patch: the program of the model that must kill it, and the small programs but
    /// those with system narration, which the kernel does not have.
    fn patch_between_operations(&self, model: &loom::Model, wanted: Vec<Guarantee>) -> Plan {
        let mut programs = vec![(model.id.to_owned(), model.program.clone())];
        let small = scenarios().into_iter().filter(|scenario| !scenario.system);
        programs.extend(small.map(|scenario| (scenario.id.to_owned(), scenario.program)));
        Plan { programs, ..self.museum_plan(wanted) }
    }

    /// What is tried on a planted patch. While somebody waits, only the model that it names; the others would add
    /// kills, but no fault that is found.
    fn patch(&self, fault: Fault, patch: &Patch, expected: &[Guarantee]) -> Vec<Job> {
        let mut jobs = Vec::new();
        let copy = Copy::Guarded(patch.number);
        // What no single history shows, no method finds that looks at one.
        let judged: Vec<Guarantee> = expected.iter().copied().filter(|claim| JUDGED.contains(claim)).collect();
        if self.uses(Method::Loom) && expected.contains(&Guarantee::G8) {
            jobs.extend(self.patch_compared(fault, patch.number));
        }
        for (at, model) in loom::models().iter().enumerate() {
            let is_named = model.id == patch.model;
            let is_sought = is_named && !judged.is_empty();
            if self.uses(Method::Interleaved) && is_sought {
                let plan = self.patch_between_operations(model, judged.clone());
                let task = Task::Interleaved { subject: faults::patched(patch), plan };
                jobs.push(Job { task, aim: Aim::Interleaved(fault) });
            }
            if self.uses(Method::Loom) && (self.profile != Profile::Quick || is_named) {
                let task = Task::Loom { copy, plan: self.loom_plan(model, Some(PREEMPTIONS_IN_PATCHES)) };
                jobs.push(Job { task, aim: Aim::Patch(fault, at) });
            }
            if self.uses(Method::Shuttle) && is_sought {
                let plan = self.patch_plan(model, judged.clone());
                jobs.push(Job { task: Task::Shuttle { copy, plan }, aim: Aim::PatchSampled(fault) });
            }
        }
        jobs
    }
}

/// Runs everything that the options ask for.
pub fn verify(options: &Options, spawner: &Spawner, tell: &(dyn Fn(Tell<'_>) + Sync)) -> Outcome {
    let started = Instant::now();
    let jobs = options.jobs();
    tell(Tell::Tasks(jobs.len() as u64));
    let tasks: Vec<Task> = jobs.iter().map(|job| job.task.clone()).collect();
    let answers: Vec<Answer<Value>> = spawner.run_all(&tasks, &|at, took| tell(Tell::Done(&jobs[at].aim.name(), took)));
    let found = smaller::found(&jobs, &answers, spawner, Effort::Minimise);
    let mut outcome = rows::assemble(options, &jobs, &answers, &found);
    let hunts = hunt::hunts(options, &outcome.stable.mutants, spawner);
    outcome.stable.hunts = hunts.rows;
    outcome.volatile.extend(hunts.times.map(|times| ("hunts".to_owned(), times)));
    outcome.stable.conclude();
    outcome.volatile.insert("duration_ms".into(), Value::from(started.elapsed().as_millis() as u64));
    outcome
}

/// What became of one planted fault.
#[derive(Debug, Clone)]
pub struct Exhibit {
    /// Its name.
    pub id: String,
    /// A check of an expected guarantee found it, with a counterexample that replays.
    pub found: bool,
    /// An ordinary sequential test fails on it.
    pub ordinary_tests_notice: bool,
}

/// Runs the planted faults alone, under ordinary tests and under the methods that find each of them soonest.
pub fn museum(spawner: &Spawner) -> Vec<Exhibit> {
    let options = Options {
        profile: Profile::Quick,
        seed: 1,
        only: Vec::new(),
        methods: vec![Method::Interleaved, Method::Loom],
        fault: None,
        sequential: false,
        hunt: Some(0),
        argv: Vec::new(),
    };
    let mut jobs = options.museum();
    // A patch is found by loom; what `interleaved` makes of it is for the kill matrix.
    jobs.retain(|job| {
        !matches!(
            job.aim,
            Aim::NearMiss(_) | Aim::NearMissQuiet(_) | Aim::NearMissCompared(_) | Aim::Interleaved(Fault::Patch(_))
        )
    });
    let tasks: Vec<Task> = jobs.iter().map(|job| job.task.clone()).collect();
    let answers: Vec<Answer<Value>> = spawner.run_all(&tasks, &|_, _| {});
    let found = smaller::found(&jobs, &answers, spawner, Effort::Confirm);
    let mut stable = rows::assemble(&options, &jobs, &answers, &found).stable;
    stable.conclude();
    let exhibit = |mutant: &super::verdict::Mutant| Exhibit {
        id: mutant.id.clone(),
        found: mutant.outcome == MutantOutcome::Killed,
        ordinary_tests_notice: mutant.ordinary_tests_notice == Some(true),
    };
    stable.mutants.iter().map(exhibit).collect()
}
