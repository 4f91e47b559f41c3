//! `interleaved`: our deterministic executor over any [`Subject`](crate::verify::subject::Subject).
//!
//! One thread. Each thread of the program is a future, and the executor decides at every step whose next operation,
//! or next poll, runs. When there are few schedules it tries them all (depth first, first those with the fewest
//! switches); beyond, it draws them from a seed. A schedule is the list of threads in the order in which they were
//! polled, and replays exactly.
//!
//! A thread that waits is polled again only after its waker was called: a router that forgets to wake somebody leaves
//! him waiting, and when nobody can move any more every stream that is still being read is *drained*: what it was
//! owed then is missing for good, and the judge says so.
//!
//! What it cannot see: preemption inside an operation that never awaits (loom and shuttle do that, on the
//! kernel), real parallelism, weak memory.

pub(super) use super::crew::{Task, message};

use super::crew::Crew;
use super::{Bench, minimise};
use crate::verify::findings::Findings;
use crate::verify::guarantee::Guarantee;
use crate::verify::history::History;
use crate::verify::program::Program;
use crate::verify::quiet::Course;
use crate::verify::runner::{Pace, Recorder, Run};
use crate::verify::strategies::{Population, Programs};
use crate::verify::subject::Operations;
use crate::verify::subject::erased::Fresh;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Steps after which a run that still moves is called a hang.
const MOST_STEPS: usize = 10_000;

/// Whose turn it was at each step: the thread's number, from 0.
pub type Schedule = Vec<u8>;

/// What one execution came to.
#[derive(Debug, Clone)]
pub struct Execution {
    /// What was recorded.
    pub history: History,
    /// How often a reader waited.
    pub waits: u64,
    /// Operations that the program asked for and the subject does not have.
    pub lacks: Operations,
    /// Whose turn it was.
    pub schedule: Schedule,
    /// At each step, who could have had it, in the order of preference.
    pub choices: Vec<Vec<u8>>,
    /// How it ended, if not in the ordinary way.
    pub abnormal: Option<Abnormal>,
    /// What turns its operations took, and what became of the program's cut.
    pub course: Course,
}

/// Why an execution did not come to its ordinary end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Abnormal {
    /// The router panicked, with this message.
    Panic(String),
    /// It moved on and on.
    Hang,
    /// The schedule asked for a thread that could not move: it belongs to another state of the code.
    Stale(usize),
}

/// Who decides. Given the step, who can move (in the order of preference: first whoever moved last), answers an index.
type Decide<'d> = &'d mut dyn FnMut(usize, &[u8]) -> Result<usize, Abnormal>;

/// A run that is ready to be scheduled.
struct Started {
    recorder: Arc<Recorder>,
    prelude: Task,
    threads: Vec<Task>,
    leave_behind: Box<dyn Fn(usize)>,
    drain: Box<dyn FnOnce()>,
}

fn start(fresh: Fresh, program: &Arc<Program>, pace: Pace, seed: u64) -> Started {
    let run = Run::new(fresh, Arc::clone(program), pace, seed);
    let in_hand = Arc::clone(&run);
    Started {
        recorder: run.recorder(),
        prelude: Task::new(Arc::clone(&run).prelude()),
        threads: (0..program.threads.len()).map(|thread| Task::new(Arc::clone(&run).thread(thread))).collect(),
        leave_behind: Box::new(move |thread| in_hand.leave_behind(thread)),
        drain: Box::new(move || run.drain()),
    }
}

/// Runs a program once.
fn execute(fresh: Fresh, program: &Arc<Program>, pace: Pace, seed: u64, decide: Decide<'_>) -> Execution {
    let Started { recorder, mut prelude, threads, leave_behind, drain } = start(fresh, program, pace, seed);
    // Tests that do one thing after the other cut nobody short.
    let cut = program.cut.filter(|_| pace != Pace::Sequential);
    let mut crew = Crew::new(threads, cut, Arc::clone(&recorder), leave_behind);
    let (mut schedule, mut choices) = (Schedule::new(), Vec::new());
    let mut abnormal = None;
    let mut steps = 0;
    while prelude.can_move() && abnormal.is_none() {
        abnormal = prelude.step().err();
        steps += 1;
        if steps == MOST_STEPS {
            abnormal = Some(Abnormal::Hang);
        }
    }
    let mut last = 0;
    while abnormal.is_none() {
        let mut movable = crew.movable();
        if movable.is_empty() {
            break;
        }
        // Whoever moved last comes first, so that the first schedules tried are those with the fewest switches.
        movable.sort_by_key(|&t| (t != last, t));
        let result = decide(schedule.len(), &movable).and_then(|choice| {
            let thread = movable[choice];
            last = thread;
            schedule.push(thread);
            choices.push(movable);
            if schedule.len() >= MOST_STEPS { Err(Abnormal::Hang) } else { crew.step(usize::from(thread)) }
        });
        abnormal = result.err();
    }
    crew.disarm();
    if abnormal.is_none() {
        // The run itself goes with this, and a router whose drop panics must not take the harness down either.
        let drained = catch_unwind(AssertUnwindSafe(drain));
        abnormal = drained.err().map(|panic| Abnormal::Panic(message(&*panic)));
    } else {
        drop(catch_unwind(AssertUnwindSafe(move || drop(drain))));
    }
    let (mut course, unplanned) = crew.course();
    course.hung = abnormal == Some(Abnormal::Hang);
    drop(catch_unwind(AssertUnwindSafe(move || drop((crew, prelude)))));
    Execution {
        history: recorder.history(),
        waits: recorder.waits(),
        lacks: recorder.lacks(),
        schedule,
        choices,
        abnormal: unplanned.or(abnormal),
        course,
    }
}

/// Runs a program under exactly this schedule. [`Abnormal::Stale`] if it no longer fits.
pub fn replay(fresh: Fresh, program: &Arc<Program>, seed: u64, schedule: &[u8]) -> Execution {
    execute(fresh, program, Pace::Yielding, seed, &mut |step, movable| {
        let wanted = schedule.get(step).ok_or(Abnormal::Stale(step))?;
        movable.iter().position(|thread| thread == wanted).ok_or(Abnormal::Stale(step))
    })
}

/// Runs a program under a schedule of another router, or of another state of the code, as far as it can be followed:
/// turns of threads that cannot move are left out, and after the last turn whoever moved last goes on. What comes of it
/// has a schedule of its own, which fits.
pub fn follow(fresh: Fresh, program: &Arc<Program>, seed: u64, schedule: &[u8]) -> Execution {
    let mut turns = schedule.iter();
    execute(fresh, program, Pace::Yielding, seed, &mut |_, movable| {
        Ok(turns.find_map(|turn| movable.iter().position(|thread| thread == turn)).unwrap_or(0))
    })
}

/// A breach, as it was found.
#[derive(Debug, Clone)]
pub struct Breach {
    /// What was run.
    pub program: Arc<Program>,
    /// Whose turn it was.
    pub schedule: Schedule,
    /// What was recorded.
    pub history: History,
    /// What the judge says of it; nothing if the router panicked or hung and did nothing else wrong.
    pub findings: Option<Findings>,
    /// How it ended, if not in the ordinary way.
    pub abnormal: Option<Abnormal>,
}

/// How a search of one program ended.
#[derive(Debug, Clone, Default)]
pub struct Searched {
    /// The first breach, if there is one; the search stops there.
    pub breach: Option<Breach>,
    /// Every schedule was tried.
    pub frontier_emptied: bool,
    /// How many were tried.
    pub schedules: u64,
    /// Operations that the program asked for and the subject does not have.
    pub lacks: Operations,
}

pub(super) fn examine(program: &Arc<Program>, execution: Execution, bench: &mut Bench) -> Option<Breach> {
    let findings = bench.judge(&execution.history, execution.waits);
    if findings.is_none() && execution.abnormal.is_none() {
        return None;
    }
    Some(Breach {
        program: Arc::clone(program),
        schedule: execution.schedule,
        history: execution.history,
        findings,
        abnormal: execution.abnormal,
    })
}

/// Tries every schedule of a program, up to `most`, until one is in breach in a way that ends the search: `enough` is
/// shown every breach.
pub fn exhaust(
    fresh: Fresh,
    program: &Arc<Program>,
    seed: u64,
    most: u64,
    bench: &mut Bench,
    enough: &mut dyn FnMut(&Breach) -> bool,
) -> Searched {
    let mut searched = Searched::default();
    // The path to the schedule that comes next: at each step, which of the choices.
    let mut path: Vec<usize> = Vec::new();
    while searched.schedules < most {
        let execution =
            execute(fresh, program, Pace::Yielding, seed, &mut |step, _| Ok(path.get(step).copied().unwrap_or(0)));
        searched.schedules += 1;
        searched.lacks.extend(&execution.lacks);
        let choices = execution.choices.clone();
        if let Some(breach) = examine(program, execution, bench).filter(|breach| enough(breach)) {
            searched.breach = Some(breach);
            return searched;
        }
        path.resize(choices.len(), 0);
        // The next path in lexical order: the deepest step that has a choice left takes it.
        let Some(deepest) = (0..path.len()).rev().find(|&step| path[step] + 1 < choices[step].len()) else {
            searched.frontier_emptied = true;
            return searched;
        };
        path[deepest] += 1;
        path.truncate(deepest + 1);
    }
    searched
}

/// How far [`every`] went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Every {
    /// Schedules tried.
    pub schedules: u64,
    /// There is no other within the bound.
    pub frontier_emptied: bool,
}

/// Shows every execution of a program, up to `most`, in which at most `preemptions` turns (all, if none) are taken from a
/// thread that could have gone on. With everything sequential there is only one.
pub(super) fn every(
    fresh: Fresh,
    program: &Arc<Program>,
    (pace, seed): (Pace, u64),
    bounds: (u64, Option<usize>),
    see: &mut dyn FnMut(&Execution),
) -> Every {
    if pace == Pace::Sequential {
        see(&execute(fresh, program, pace, seed, &mut |_, _| Ok(0)));
        return Every { schedules: 1, frontier_emptied: true };
    }
    walk(fresh, program, seed, bounds, &mut |execution| {
        see(&execution);
        ControlFlow::Continue(())
    })
}

/// Shows so many executions of a program, their schedules drawn from a seed.
pub(super) fn sampled(
    fresh: Fresh,
    program: &Arc<Program>,
    seed: u64,
    many: u64,
    see: &mut dyn FnMut(&Execution),
) -> Every {
    let mut random = SplitMix(seed);
    for _ in 0..many {
        see(&execute(fresh, program, Pace::Yielding, seed, &mut |_, movable| {
            Ok((random.next() % movable.len() as u64) as usize)
        }));
    }
    Every { schedules: many, frontier_emptied: false }
}

/// Shows executions of a program as [`every`] does, for as long as `see` says to go on. That it was stopped is no empty
/// frontier.
pub(super) fn walk(
    fresh: Fresh,
    program: &Arc<Program>,
    seed: u64,
    (most, preemptions): (u64, Option<usize>),
    see: &mut dyn FnMut(Execution) -> ControlFlow<()>,
) -> Every {
    let mut every = Every { schedules: 0, frontier_emptied: false };
    let mut path: Vec<usize> = Vec::new();
    while every.schedules < most {
        let execution =
            execute(fresh, program, Pace::Yielding, seed, &mut |step, _| Ok(path.get(step).copied().unwrap_or(0)));
        every.schedules += 1;
        path.resize(execution.choices.len(), 0);
        let next = deepest_with_a_choice(&execution, &path, preemptions);
        if see(execution).is_break() {
            return every;
        }
        let Some(deepest) = next else {
            every.frontier_emptied = true;
            return every;
        };
        path[deepest] += 1;
        path.truncate(deepest + 1);
    }
    every
}

/// The last step at which the next choice is there and does not preempt too often.
fn deepest_with_a_choice(execution: &Execution, path: &[usize], preemptions: Option<usize>) -> Option<usize> {
    let most = preemptions.unwrap_or(usize::MAX);
    let (mut used, mut deepest) = (0, None);
    for (step, choices) in execution.choices.iter().enumerate() {
        // Whoever moved last comes first where he can go on; then any other choice takes his turn from him.
        let goes_on = step > 0 && choices[0] == execution.schedule[step - 1];
        if path[step] + 1 < choices.len() && used + usize::from(goes_on) <= most {
            deepest = Some(step);
        }
        used += usize::from(goes_on && path[step] > 0);
    }
    deepest
}

/// Tries `many` schedules of a program, drawn from a seed, until `enough` says so.
pub fn sample(
    fresh: Fresh,
    program: &Arc<Program>,
    seed: u64,
    many: u64,
    bench: &mut Bench,
    enough: &mut dyn FnMut(&Breach) -> bool,
) -> Searched {
    let mut searched = Searched::default();
    let mut random = SplitMix(seed);
    while searched.schedules < many {
        let execution = execute(fresh, program, Pace::Yielding, seed, &mut |_, movable| {
            Ok((random.next() % movable.len() as u64) as usize)
        });
        searched.schedules += 1;
        searched.lacks.extend(&execution.lacks);
        if let Some(breach) = examine(program, execution, bench).filter(|breach| enough(breach)) {
            searched.breach = Some(breach);
            return searched;
        }
    }
    searched
}

/// Runs a program once; at each step a byte says who of those that can move goes next. After the last byte it is
/// whoever moved last.
pub fn steer(fresh: Fresh, program: &Arc<Program>, decisions: &[u8], bench: &mut Bench) -> Option<Breach> {
    let execution = execute(fresh, program, Pace::Yielding, 0, &mut |step, movable| {
        Ok(decisions.get(step).map_or(0, |decision| usize::from(*decision) % movable.len()))
    });
    examine(program, execution, bench)
}

/// Runs a program once, one thread after the other, as ordinary tests do: reads that would wait give up.
pub fn sequential(
    fresh: Fresh,
    program: &Arc<Program>,
    seed: u64,
    bench: &mut Bench,
    enough: &mut dyn FnMut(&Breach) -> bool,
) -> Searched {
    let execution = execute(fresh, program, Pace::Sequential, seed, &mut |_, _| Ok(0));
    let lacks = execution.lacks.clone();
    let breach = examine(program, execution, bench).filter(|breach| enough(breach));
    Searched { breach, frontier_emptied: true, schedules: 1, lacks }
}

// === a whole plan ===

/// What to try on one subject.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plan {
    /// For schedules, programs and the subject's own ids.
    pub seed: u64,
    /// What to run.
    pub programs: Vec<(String, Program)>,
    /// And so many programs drawn from the seed.
    pub generated: u64,
    /// At most so many schedules of each program.
    pub schedules_each: u64,
    /// Try all schedules, up to that many; else draw that many.
    pub exhaustive: bool,
    /// Force everything sequential.
    pub sequential: bool,
    /// Stop once one of these is found broken. With none, go through all programs and keep the first breach of each
    /// guarantee.
    pub wanted: Vec<Guarantee>,
    /// Nobody asks about others: no breach of those is kept, and once each of these is found broken there is nothing left to
    /// say. With none, all are asked about.
    #[serde(default)]
    pub asked: Vec<Guarantee>,
}

impl Plan {
    fn keeps(&self, guarantee: Guarantee) -> bool {
        [&self.wanted, &self.asked].iter().all(|chosen| chosen.is_empty() || chosen.contains(&guarantee))
    }

    /// Whether these breaches leave nothing to look for.
    fn is_over(&self, is_found: impl Fn(Guarantee) -> bool) -> bool {
        self.wanted.iter().any(|guarantee| is_found(*guarantee))
            || !self.asked.is_empty() && self.asked.iter().all(|guarantee| is_found(*guarantee))
    }
}

/// What came of a plan.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Report {
    /// Programs run.
    pub programs: u64,
    /// What those were like that were drawn.
    #[serde(default)]
    pub population: Population,
    /// Operations that programs asked for and the subject does not have.
    pub lacks: BTreeSet<String>,
    /// Schedules run.
    pub schedules: u64,
    /// Different histories among them.
    pub distinct: u64,
    /// Every schedule of every program was tried (where the plan asks for that), or as many as were promised.
    pub frontier_emptied: bool,
    /// In how many executions each premise was reached.
    pub premises: BTreeMap<String, u64>,
    /// The first breach of each guarantee, minimised.
    pub found: Vec<Found>,
    /// A panic or a hang without any breach that the judge could name.
    pub abnormal: Option<String>,
}

/// A breach, minimised, and confirmed by a replay.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Found {
    /// What is broken.
    pub guarantee: Guarantee,
    /// In which program of the plan it was found.
    pub scenario: String,
    /// The smallest program that shows it.
    pub program: Program,
    /// Under this schedule.
    pub schedule: Schedule,
    /// How many operations the program had in which it was found.
    pub minimised_from: u64,
    /// What was recorded, a line of JSON each.
    pub history: Vec<String>,
    /// What the judge says.
    pub findings: Findings,
    /// The same program under the same schedule recorded the same history again.
    pub replays: bool,
}

/// Carries a plan out.
pub fn carry_out(fresh: Fresh, plan: &Plan) -> Report {
    let mut bench = Bench::default();
    let mut report = Report { frontier_emptied: true, ..Report::default() };
    let drawn = (0..plan.generated).map(|at| {
        let seed = SplitMix(plan.seed.wrapping_add(at)).next();
        (format!("generated {at}"), Programs::new().drawn(seed))
    });
    for (at, (id, program)) in plan.programs.iter().cloned().chain(drawn).enumerate() {
        if at >= plan.programs.len() {
            report.population.add(&program);
        }
        let program = Arc::new(program);
        let mut first: BTreeMap<Guarantee, Breach> = BTreeMap::new();
        // As long as anything is left, the search goes on, so that what is said of the other guarantees is said of all
        // schedules.
        let mut enough = |breach: &Breach| {
            let Some(findings) = &breach.findings else {
                report.abnormal = breach.abnormal.as_ref().map(|abnormal| format!("{abnormal:?} in {id}"));
                return false;
            };
            let is_known = |guarantee| report.found.iter().any(|found| found.guarantee == guarantee);
            for guarantee in findings.violated() {
                if !is_known(guarantee) && plan.keeps(guarantee) {
                    first.entry(guarantee).or_insert_with(|| breach.clone());
                }
            }
            plan.is_over(|guarantee| first.contains_key(&guarantee) || is_known(guarantee))
        };
        let searched = if plan.sequential {
            sequential(fresh, &program, plan.seed, &mut bench, &mut enough)
        } else if plan.exhaustive {
            exhaust(fresh, &program, plan.seed, plan.schedules_each, &mut bench, &mut enough)
        } else {
            sample(fresh, &program, plan.seed, plan.schedules_each, &mut bench, &mut enough)
        };
        bench.end_program();
        report.programs += 1;
        report.frontier_emptied &= !plan.exhaustive || searched.frontier_emptied || searched.breach.is_some();
        report.lacks.extend(searched.lacks.iter().map(|operation| (*operation).to_owned()));
        report
            .found
            .extend(first.into_iter().map(|(guarantee, breach)| found(fresh, &id, &breach, guarantee, plan.seed)));
        if plan.is_over(|guarantee| report.found.iter().any(|found| found.guarantee == guarantee)) {
            break;
        }
    }
    report.schedules = bench.executions();
    report.distinct = bench.distinct();
    report.premises = bench.premises().iter().map(|(premise, n)| (premise.id().to_owned(), *n)).collect();
    report
}

/// Minimises a breach of one guarantee, and replays what is left of it.
pub(super) fn found(fresh: Fresh, id: &str, breach: &Breach, guarantee: Guarantee, seed: u64) -> Found {
    let least = minimise::minimise(fresh, breach, guarantee, seed);
    let again = replay(fresh, &least.program, seed, &least.schedule);
    Found::of(id, guarantee, &breach.program, least, &again)
}

impl Found {
    /// The smallest breach of a guarantee that was found in a program, and what came of running it again.
    pub(super) fn of(id: &str, guarantee: Guarantee, within: &Program, least: Breach, again: &Execution) -> Found {
        Found {
            guarantee,
            scenario: id.to_owned(),
            minimised_from: within.operations() as u64,
            history: least.history.iter().map(|line| line.to_json()).collect(),
            replays: again.history == least.history && again.abnormal == least.abnormal,
            findings: least.findings.expect("a breach of a guarantee has the judge's findings"),
            program: (*least.program).clone(),
            schedule: least.schedule,
        }
    }
}

/// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014): small, and the same
/// everywhere and for ever, which is all that a replayable schedule asks of it.
#[derive(Debug, Clone)]
pub struct SplitMix(pub u64);

impl SplitMix {
    /// The next 64 bits.
    #[allow(clippy::should_implement_trait, reason = "an endless source, not an iterator to be collected")]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
