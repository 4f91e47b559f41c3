//! `shuttle`: schedules drawn from a seed, inside the shipped kernel, of programs too wide to enumerate.
//!
//! The kernel is compiled over shuttle's primitives, so a thread can lose its turn at every lock. A program's threads
//! become shuttle's threads, and three of shuttle's schedulers take turns: *random* (whoever can move, with equal
//! chances), *PCT* (Burckhardt et al., ASPLOS 2010: a bug of depth d is hit with a known least probability) and *uniform
//! random walk* (Zhao et al., ASPLOS 2025: every interleaving with about the same chance).
//!
//! - **The main thread is the referee.** It starts the threads and is given its next turn only when none of them can
//!   move: then they are done, or wait for good. Streams that are still being read are drained there, as under every
//!   method, so a lost wake-up is a finding of the judge and not a deadlock without words.
//! - **Histories are judged between executions**, on an ordinary stack.
//! - **A schedule is the list of threads in the order of their turns**, and replays exactly; shuttle's own encoding is
//!   not used, since it says nothing to a reader.
//!
//! What it cannot see: what loom cannot either, and besides, what the sample does not hold.

use super::interleaved::{self, Abnormal, Breach, Execution, Found, Schedule, SplitMix, Task as Step, message};
use super::noninterference::Side;
use super::{Bench, minimise, wide};
use crate::compiled;
use crate::verify::guarantee::Guarantee;
use crate::verify::methods::loom::Copy;
use crate::verify::program::{Op, Program};
use crate::verify::quiet::Course;
use crate::verify::runner::{Pace, Recorder, Run};
use crate::verify::sightings::{Sightings, Watched};
use crate::verify::subject::erased::{Erased, Fresh};
use serde::{Deserialize, Serialize};
use shuttle::scheduler::{
    PctScheduler, RandomScheduler, Schedule as Begin, Scheduler, Task, TaskId, UrwRandomScheduler,
};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

/// Who draws the schedules.
#[derive(Debug, Clone, std::marker::Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sampler {
    /// Whoever can move, with equal chances.
    Random,
    /// Priorities, changed at two places: every bug of depth 3 has its chance.
    Pct,
    /// Every interleaving with about the same chance.
    UniformRandomWalk,
}

/// Bugs up to this depth have PCT's least probability.
const PCT_DEPTH: usize = 3;

/// Steps of shuttle's after which an execution is called a hang.
const MOST_STEPS: usize = 100_000;

/// Bytes of stack for each of a program's threads; committed only as far as they are used.
const STACK: usize = 256 << 10;

impl Sampler {
    /// All of them.
    pub const ALL: [Sampler; 3] = [Sampler::Random, Sampler::Pct, Sampler::UniformRandomWalk];

    /// Its name in the evidence.
    pub fn id(self) -> &'static str {
        match self {
            Sampler::Random => "random",
            Sampler::Pct => "pct",
            Sampler::UniformRandomWalk => "uniform_random_walk",
        }
    }

    fn scheduler(self, seed: u64, executions: usize) -> Box<dyn Scheduler> {
        match self {
            Sampler::Random => Box::new(RandomScheduler::new_from_seed(seed, executions)),
            Sampler::Pct => Box::new(PctScheduler::new_from_seed(seed, PCT_DEPTH, executions)),
            Sampler::UniformRandomWalk => Box::new(UrwRandomScheduler::new_from_seed(seed, executions)),
        }
    }
}

// === one execution ===

/// Where an execution is.
#[repr(u8)]
enum Phase {
    /// The main thread prepares, or clears up: the turn is its own.
    Main,
    /// The threads run; the main thread has its turn when none of them can move.
    Threads,
    /// Nothing more is to be seen. Threads that wait for good are sent home.
    Over,
}

/// What the program under test and the scheduler, which shuttle keeps apart, know together.
#[derive(Default)]
struct Stage {
    phase: AtomicU8,
    recorder: Mutex<Option<Arc<Recorder>>>,
    /// The execution, without its schedule, once the program is done.
    recorded: Mutex<Option<Execution>>,
    /// Of the threads that wait for what never comes.
    waiting: Mutex<Vec<Option<Waker>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Stage {
    fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    fn is(&self, phase: Phase) -> bool {
        self.phase.load(Ordering::Relaxed) == phase as u8
    }

    fn recorder(&self) -> Option<Arc<Recorder>> {
        lock(&self.recorder).take()
    }

    fn begin(&self, recorder: Arc<Recorder>, threads: usize) {
        *lock(&self.recorder) = Some(recorder);
        *lock(&self.recorded) = None;
        *lock(&self.waiting) = vec![None; threads];
    }

    /// The program is done, and this is what it did. Whoever still waits is sent home: shuttle leaks what an execution
    /// that is stopped has on its stacks, which is all that a night's memory holds.
    fn end(&self) {
        *lock(&self.recorded) = self.recorder().map(|recorder| executed(&recorder, Schedule::new(), None));
        self.enter(Phase::Over);
        let waiting = std::mem::take(&mut *lock(&self.waiting));
        waiting.into_iter().flatten().for_each(Waker::wake);
    }

    /// Runs one thread of the program, to its end or to the execution's.
    async fn until_over<T>(&self, thread: usize, course: impl Future<Output = T>) {
        let mut course = pin!(course);
        poll_fn(|cx| {
            if self.is(Phase::Over) {
                return Poll::Ready(());
            }
            lock(&self.waiting)[thread] = Some(cx.waker().clone());
            course.as_mut().poll(cx).map(drop)
        })
        .await;
    }
}

/// Between shuttle and one of its schedulers: keeps the main thread out of the draw, writes the schedule down, and
/// hands each finished execution on.
struct Referee {
    draws: Box<dyn Scheduler>,
    stage: Arc<Stage>,
    schedule: Rc<RefCell<Schedule>>,
    watch: Rc<RefCell<Watch>>,
    /// Somebody was chosen among several.
    chose: bool,
    executions: u64,
}

impl std::fmt::Debug for Referee {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Referee").finish_non_exhaustive()
    }
}

const MAIN: usize = 0;

impl Scheduler for Referee {
    fn new_execution(&mut self) -> Option<Begin> {
        let schedule = self.schedule.take();
        let recorded = lock(&self.stage.recorded).take();
        if let Some(execution) = recorded
            && self.watch.borrow_mut().examine(Execution { schedule, ..execution })
        {
            return None;
        }
        // Where there was nothing to choose there is one schedule, and it was seen.
        if self.executions > 0 && !self.chose {
            return None;
        }
        self.executions += 1;
        self.stage.enter(Phase::Main);
        self.draws.new_execution()
    }

    fn next_task(&mut self, runnable: &[&Task], current: Option<TaskId>, yielding: bool) -> Option<TaskId> {
        if self.stage.is(Phase::Over) {
            // Nothing is recorded any more, so nothing is drawn.
            return runnable.first().map(|task| task.id());
        }
        let main = runnable.iter().find(|task| usize::from(task.id()) == MAIN);
        let threads: Vec<&Task> = runnable.iter().copied().filter(|task| usize::from(task.id()) != MAIN).collect();
        if let Some(main) = main.filter(|_| self.stage.is(Phase::Main) || threads.is_empty()) {
            // There is nothing to draw, but uniform random walk must have met every thread's parent.
            return self.draws.next_task(&[main], current, false);
        }
        // The main thread's own yield says nothing about the threads.
        let yielding = yielding && current.is_some_and(|task| usize::from(task) != MAIN);
        self.chose |= threads.len() > 1;
        let chosen = self.draws.next_task(&threads, current, yielding)?;
        self.schedule.borrow_mut().push((usize::from(chosen) - 1) as u8);
        Some(chosen)
    }

    fn next_u64(&mut self) -> u64 {
        self.draws.next_u64()
    }
}

fn executed(recorder: &Recorder, schedule: Schedule, abnormal: Option<Abnormal>) -> Execution {
    Execution {
        history: recorder.history(),
        waits: recorder.waits(),
        lacks: recorder.lacks(),
        schedule,
        choices: Vec::new(),
        abnormal,
        course: Course::default(),
    }
}

fn kernel(copy: Copy) -> Fresh {
    match copy {
        Copy::Shipped => Erased::fresh::<compiled::shuttle::subject::KernelSubject>,
        Copy::Guarded(_) => Erased::fresh::<compiled::guarded::shuttle::subject::KernelSubject>,
    }
}

/// What the main thread of each execution does.
fn direct(fresh: Fresh, program: &Arc<Program>, pace: Pace, stage: &Arc<Stage>) {
    let run = Run::new(fresh, Arc::clone(program), pace, 0);
    stage.begin(run.recorder(), program.threads.len());
    // A prelude that waits for what only a thread could bring goes no further, as under every method.
    let mut prelude = Step::new(Arc::clone(&run).prelude());
    while prelude.can_move() {
        prelude.step().unwrap_or_else(|abnormal| panic!("{abnormal:?}"));
    }
    if pace == Pace::Sequential {
        (0..program.threads.len()).for_each(|thread| shuttle::future::block_on(Arc::clone(&run).thread(thread)));
    } else {
        for thread in 0..program.threads.len() {
            let (run, stage) = (Arc::clone(&run), Arc::clone(stage));
            drop(shuttle::thread::spawn(move || {
                shuttle::future::block_on(stage.until_over(thread, run.thread(thread)));
            }));
        }
        stage.enter(Phase::Threads);
        shuttle::thread::yield_now();
        stage.enter(Phase::Main);
    }
    run.drain();
    drop(run);
    stage.end();
}

/// Runs a program as often as `draws` wants to, or until `watch` has seen enough.
fn execute(fresh: Fresh, program: &Arc<Program>, pace: Pace, draws: Box<dyn Scheduler>, watch: &Rc<RefCell<Watch>>) {
    let stage = Arc::new(Stage::default());
    let schedule = Rc::new(RefCell::new(Schedule::new()));
    let referee = Referee {
        draws,
        stage: Arc::clone(&stage),
        schedule: Rc::clone(&schedule),
        watch: Rc::clone(watch),
        chose: false,
        executions: 0,
    };
    let mut config = shuttle::Config::new();
    config.stack_size = STACK;
    config.failure_persistence = shuttle::FailurePersistence::None;
    config.max_steps = shuttle::MaxSteps::FailAfter(MOST_STEPS);
    config.silence_warnings = true;
    let runner = shuttle::Runner::new(referee, config);
    let (program, directed) = (Arc::clone(program), Arc::clone(&stage));
    let ran = catch_unwind(AssertUnwindSafe(|| runner.run(move || direct(fresh, &program, pace, &directed))));
    if let Err(panic) = ran {
        let said = message(&*panic);
        let abnormal = if said.contains("max_steps") { Abnormal::Hang } else { Abnormal::Panic(said) };
        // After its end it still can be wrong: a thread that holds a lock for good cannot be sent home.
        let recorded = lock(&stage.recorded).take();
        let recorded = recorded.unwrap_or_else(|| executed(&stage.recorder().unwrap_or_default(), Vec::new(), None));
        let execution = Execution { schedule: schedule.take(), abnormal: Some(abnormal), ..recorded };
        watch.borrow_mut().examine(execution);
    }
}

// === searching ===

/// Judges one program's executions as they come, and keeps what is asked for. Owned by shuttle while it runs, which
/// wants to be given nothing that is borrowed.
#[derive(Default)]
struct Watch {
    program: Arc<Program>,
    bench: Bench,
    /// Enough is seen once one of these is found broken; with none, never.
    wanted: Vec<Guarantee>,
    /// The first breach of each guarantee.
    first: BTreeMap<Guarantee, Breach>,
    abnormal: Option<Abnormal>,
    executions: u64,
    /// The last execution, for who replays.
    last: Option<Execution>,
    /// What those could see who have to do with these jobs (all, if none are named), for who compares.
    side: Option<(Side, Vec<String>)>,
}

impl Watch {
    /// Answers whether it has seen enough.
    fn examine(&mut self, execution: Execution) -> bool {
        self.executions += 1;
        self.last = Some(execution.clone());
        if let Some((side, jobs)) = &mut self.side {
            let jobs: Vec<&str> = jobs.iter().map(String::as_str).collect();
            side.see(&self.program, &jobs, &execution.schedule, &execution.history);
        }
        let Some(breach) = interleaved::examine(&self.program, execution, &mut self.bench) else { return false };
        let Some(findings) = &breach.findings else {
            self.abnormal = self.abnormal.take().or(breach.abnormal);
            return false;
        };
        for guarantee in findings.violated() {
            if self.wanted.is_empty() || self.wanted.contains(&guarantee) {
                self.first.entry(guarantee).or_insert_with(|| breach.clone());
            }
        }
        !self.wanted.is_empty() && !self.first.is_empty()
    }
}

/// Tries `many` schedules of a program, or until one of `wanted` is found broken. What was seen is judged on `bench`,
/// which is given back.
fn sample(
    fresh: Fresh,
    program: &Arc<Program>,
    (sampler, seed, many): (Sampler, u64, u64),
    wanted: &[Guarantee],
    bench: Bench,
) -> Watch {
    let watch = Watch { program: Arc::clone(program), wanted: wanted.to_vec(), bench, ..Watch::default() };
    let watch = Rc::new(RefCell::new(watch));
    execute(fresh, program, Pace::Preemptive, sampler.scheduler(seed, many as usize), &watch);
    watch.take()
}

/// After how many schedules of a program one breaks one of `wanted`; or how many were tried, if none does.
pub(super) fn schedules_to_find(
    copy: Copy,
    program: &Arc<Program>,
    (sampler, seed, many): (Sampler, u64, u64),
    wanted: &[Guarantee],
) -> (u64, bool) {
    let watch = sample(kernel(copy), program, (sampler, seed, many), wanted, Bench::default());
    (watch.executions, !watch.first.is_empty())
}

/// Which outcomes schedules show that every sampler draws, as many each.
pub fn sightings(copy: Copy, watched: &Watched, seed: u64, schedules_each: u64) -> Sightings {
    let program = Arc::new(watched.program.clone());
    let mut watch = Watch { program: Arc::clone(&program), ..Watch::default() };
    watch.side = Some((Side::default(), watched.jobs.clone()));
    let watch = Rc::new(RefCell::new(watch));
    for sampler in Sampler::ALL {
        let draws = sampler.scheduler(seed, schedules_each as usize);
        execute(kernel(copy), &program, Pace::Preemptive, draws, &watch);
    }
    let watch = watch.take();
    let side = watch.side.map(|(side, _)| side).unwrap_or_default();
    Sightings {
        id: watched.id.clone(),
        abnormal: watch.abnormal.map(|abnormal| format!("{abnormal:?}")),
        ..Sightings::from(side)
    }
}

/// Runs a program once, one thread after the other.
fn sequential(fresh: Fresh, program: &Arc<Program>, bench: Bench) -> Watch {
    let watch = Rc::new(RefCell::new(Watch { program: Arc::clone(program), bench, ..Watch::default() }));
    execute(fresh, program, Pace::Sequential, Sampler::Random.scheduler(0, 1), &watch);
    watch.take()
}

// === replaying ===

/// Follows a schedule once.
struct Given {
    schedule: Schedule,
    step: usize,
    begun: bool,
    /// Leaves out whoever cannot move, and goes on when the schedule is over.
    lenient: bool,
    stale: Rc<RefCell<Option<usize>>>,
}

impl Scheduler for Given {
    fn new_execution(&mut self) -> Option<Begin> {
        (!std::mem::replace(&mut self.begun, true)).then(|| Begin::new(0))
    }

    fn next_task(&mut self, runnable: &[&Task], _: Option<TaskId>, _: bool) -> Option<TaskId> {
        if let [main] = runnable
            && usize::from(main.id()) == MAIN
        {
            return Some(main.id());
        }
        let can_move = |thread: &u8| runnable.iter().find(|task| usize::from(task.id()) == usize::from(*thread) + 1);
        if self.lenient {
            let skipped = self.schedule.iter().skip(self.step).position(|thread| can_move(thread).is_some());
            self.step = skipped.map_or(self.schedule.len(), |skipped| self.step + skipped);
        }
        let found = match self.schedule.get(self.step) {
            Some(thread) => can_move(thread).map(|task| task.id()),
            None if self.lenient => runnable.first().map(|task| task.id()),
            None => None,
        };
        if found.is_none() {
            self.stale.borrow_mut().get_or_insert(self.step);
            // What follows shows nothing, but it has to come to its end: shuttle leaks the stacks of what is stopped.
            self.lenient = true;
        }
        self.step += 1;
        found.or_else(|| runnable.first().map(|task| task.id()))
    }

    fn next_u64(&mut self) -> u64 {
        0
    }
}

/// Runs a program under exactly this schedule. [`Abnormal::Stale`] if it no longer fits.
pub fn replay(copy: Copy, program: &Arc<Program>, schedule: &[u8]) -> Execution {
    replay_on(kernel(copy), program, schedule)
}

fn replay_on(fresh: Fresh, program: &Arc<Program>, schedule: &[u8]) -> Execution {
    let stale = Rc::new(RefCell::new(None));
    let given = Given { schedule: schedule.to_vec(), step: 0, begun: false, lenient: false, stale: Rc::clone(&stale) };
    let watch = Rc::new(RefCell::new(Watch { program: Arc::clone(program), ..Watch::default() }));
    execute(fresh, program, Pace::Preemptive, Box::new(given), &watch);
    let mut execution = watch.take().last.expect("one execution was begun");
    if let Some(step) = *stale.borrow() {
        execution.abnormal = Some(Abnormal::Stale(step));
    }
    execution
}

// === a whole plan ===

/// What to try on one compilation of the kernel.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plan {
    /// For programs and schedules.
    pub seed: u64,
    /// What to run.
    pub programs: Vec<(String, Program)>,
    /// And so many wide programs drawn from the seed.
    pub drawn: u64,
    /// So many schedules of each program, of each sampler.
    pub schedules_each: u64,
    /// Force everything sequential.
    pub sequential: bool,
    /// Stop once one of these is found broken. With none, go through all programs and keep the first breach of each
    /// guarantee.
    pub wanted: Vec<Guarantee>,
}

impl Plan {
    /// The programs, the drawn ones last.
    pub fn all_programs(&self) -> Vec<(String, Program)> {
        let drawn = (0..self.drawn).map(|at| (format!("drawn {at}"), wide::draw(SplitMix(self.seed ^ at).next())));
        self.programs.iter().cloned().chain(drawn).collect()
    }
}

/// What came of a plan.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Report {
    /// Programs run.
    pub programs: u64,
    /// Schedules run, of each sampler.
    pub schedules: BTreeMap<Sampler, u64>,
    /// Different histories among them.
    pub distinct: u64,
    /// In how many executions each premise was reached.
    pub premises: BTreeMap<String, u64>,
    /// The first breach of each guarantee, minimised.
    pub found: Vec<Found>,
    /// After how many schedules the first of them was found.
    pub found_after: Option<u64>,
    /// A panic or a hang without any breach that the judge could name.
    pub abnormal: Option<String>,
}

/// Carries a plan out.
pub fn carry_out(copy: Copy, plan: &Plan) -> Report {
    let fresh = kernel(copy);
    let mut bench = Bench::default();
    let mut report = Report::default();
    for (id, program) in plan.all_programs() {
        let program = Arc::new(program);
        let samplers: &[Sampler] = if plan.sequential { &[Sampler::Random] } else { &Sampler::ALL };
        for &sampler in samplers {
            let watch = if plan.sequential {
                sequential(fresh, &program, bench)
            } else {
                let draws = (sampler, SplitMix(plan.seed.wrapping_add(report.programs)).next(), plan.schedules_each);
                sample(fresh, &program, draws, &plan.wanted, bench)
            };
            bench = watch.bench;
            *report.schedules.entry(sampler).or_default() += watch.executions;
            let abnormal = watch.abnormal.map(|abnormal| format!("{abnormal:?} in {id}"));
            report.abnormal = report.abnormal.take().or(abnormal);
            for (guarantee, breach) in watch.first {
                if report.found.iter().all(|found| found.guarantee != guarantee) {
                    report.found_after.get_or_insert(report.schedules.values().sum());
                    report.found.push(found(fresh, &id, &breach, guarantee, plan.seed));
                }
            }
            if !plan.wanted.is_empty() && !report.found.is_empty() {
                break;
            }
        }
        bench.end_program();
        report.programs += 1;
        if !plan.wanted.is_empty() && !report.found.is_empty() {
            break;
        }
    }
    report.distinct = bench.distinct();
    report.premises = bench.premises().iter().map(|(premise, n)| (premise.id().to_owned(), *n)).collect();
    report
}

/// Schedules of each sampler that are tried on a smaller program: the fewer operations it has the more, since a program that
/// is wrongly taken to be in order stays larger than it need be.
fn schedules_to_shrink(program: &Program) -> u64 {
    (10_000 / program.operations().max(1) as u64).clamp(100, 1_000)
}

/// How often the schedule is drawn again for one with fewer switches.
const DRAWS_FOR_FEWER_SWITCHES: u64 = 200;

/// Minimises a breach of one guarantee in program and schedule, and replays what is left of it.
fn found(fresh: Fresh, id: &str, breach: &Breach, guarantee: Guarantee, seed: u64) -> Found {
    let search = |program: &Arc<Program>, larger: &Breach| {
        if let Some(followed) = follow(fresh, program, larger, guarantee) {
            return Some(followed);
        }
        let of = |sampler| {
            let draws = (sampler, seed, schedules_to_shrink(program));
            sample(fresh, program, draws, &[guarantee], Bench::default()).first.remove(&guarantee)
        };
        Sampler::ALL.into_iter().find_map(of)
    };
    let least = fewest_switches(fresh, minimise::minimise_by(breach, search), guarantee, seed);
    let again = replay_on(fresh, &least.program, &least.schedule);
    Found::of(id, guarantee, &breach.program, least, &again)
}

/// Whether what is left of a larger program shows the breach under what is left of its schedule. It often does, which
/// saves the draws.
fn follow(fresh: Fresh, program: &Arc<Program>, larger: &Breach, guarantee: Guarantee) -> Option<Breach> {
    // Its threads are those of the larger program, in their order, each with what is left of its operations; some are gone.
    let mut left = program.threads.iter().enumerate().peekable();
    let mut number = |thread: &Vec<Op>| left.next_if(|(_, ops)| is_left_of(ops, thread)).map(|(at, _)| at as u8);
    let numbers: Vec<Option<u8>> = larger.program.threads.iter().map(&mut number).collect();
    let schedule = larger.schedule.iter().filter_map(|thread| numbers[usize::from(*thread)]).collect();
    let given = Given { schedule, step: 0, begun: false, lenient: true, stale: Rc::default() };
    let watch = Watch { program: Arc::clone(program), wanted: vec![guarantee], ..Watch::default() };
    let watch = Rc::new(RefCell::new(watch));
    execute(fresh, program, Pace::Preemptive, Box::new(given), &watch);
    watch.take().first.remove(&guarantee)
}

/// Whether a thread can be what another becomes when some of its operations go.
fn is_left_of(ops: &[Op], thread: &[Op]) -> bool {
    let mut rest = thread.iter();
    ops.iter().all(|op| rest.any(|other| other == op))
}

/// How often the turn passes from one thread to another.
fn switches(schedule: &[u8]) -> usize {
    schedule.windows(2).filter(|two| two[0] != two[1]).count()
}

/// Of many breaches of the same guarantee by the same program, that with the fewest switches.
fn fewest_switches(fresh: Fresh, found: Breach, guarantee: Guarantee, seed: u64) -> Breach {
    let mut least = found;
    for (at, sampler) in (0..DRAWS_FOR_FEWER_SWITCHES).zip(Sampler::ALL.into_iter().cycle()) {
        let draws = (sampler, seed.wrapping_add(at), DRAWS_FOR_FEWER_SWITCHES / 10);
        let other = sample(fresh, &least.program, draws, &[guarantee], Bench::default()).first.remove(&guarantee);
        if let Some(other) = other.filter(|other| switches(&other.schedule) < switches(&least.schedule)) {
            least = other;
        }
    }
    least
}
