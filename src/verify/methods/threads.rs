//! `threads`: the same programs on threads of the operating system.
//!
//! Each thread of the program is a real one; a barrier lets them start together, and each drives its future itself,
//! parked while it waits. The runner records, the checker judges. Nobody chooses the schedule, so nothing replays: a
//! breach is shown by the recorded history, which `narrowcast check` judges again, and whatever was counted belongs to
//! this run alone. The method is worth what it adds to the others: real parallelism, the machine's own memory, the
//! operating system's preemption in the middle of the layers above the kernel.
//!
//! - **Luck is helped.** Where the runner gives way (between operations and deliveries, and wherever the subject says
//!   [`preempt`](crate::verify::subject::preempt)) a thread yields to the system a number of times drawn from the seed,
//!   so that the orders of short operations vary even on one processor.
//! - **Silence is judged only when it is silence.** The streams that are still read are declared drained once every
//!   thread has ended or is parked and nobody has rung for it. Then nothing in this process can move, and what is
//!   missing is missing for good.
//! - **A hang is a finding.** A thread that neither ends nor parks within the plan's patience is a [`Abnormal::Hang`];
//!   it is left behind, so this belongs into a process of its own ([`child`](crate::verify::session::child)).
//!
//! What it cannot see: anything twice. And a subject with threads or timers of its own may still move when ours are all
//! parked; such a one is not for this method.

use super::Bench;
use super::interleaved::{Abnormal, SplitMix, message};
use crate::verify::findings::Findings;
use crate::verify::guarantee::Guarantee;
use crate::verify::history::History;
use crate::verify::premises::Premise;
use crate::verify::program::Program;
use crate::verify::runner::{Pace, Run};
use crate::verify::strategies::Programs;
use crate::verify::subject::Operations;
use crate::verify::subject::erased::Fresh;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Barrier, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

/// A thread yields at most so often where it gives way.
const MOST_YIELDS: u64 = 6;

// === who is doing what ===

/// What one thread is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// It runs, or has reason to.
    Work,
    /// It waits, and nobody has rung.
    Rest,
    /// It is done.
    Done,
}

/// The threads of one run, as the one who waits for them sees them.
struct Board {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    threads: Vec<At>,
    /// Whose bell has rung since he last looked.
    rung: Vec<bool>,
    panic: Option<String>,
    /// All were at rest: nobody is to move any more, whoever rings.
    frozen: bool,
    /// Nobody is to wait any longer.
    over: bool,
}

/// Rings for one thread.
struct Bell {
    board: Arc<Board>,
    thread: usize,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        let mut state = self.board.state();
        state.rung[self.thread] = true;
        // In one step with the ringing: nobody may ever see all at rest while one has been rung for.
        if state.threads[self.thread] == At::Rest {
            state.threads[self.thread] = At::Work;
            self.board.changed.notify_all();
        }
    }
}

impl Board {
    fn new(threads: usize) -> Arc<Board> {
        let (threads, rung) = (vec![At::Work; threads], vec![false; threads]);
        let state = State { threads, rung, panic: None, frozen: false, over: false };
        Arc::new(Board { state: Mutex::new(state), changed: Condvar::new() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what was rung for this thread.
    fn take_ring(&self, thread: usize) -> bool {
        std::mem::take(&mut self.state().rung[thread])
    }

    /// Rests until somebody rings (`true`) or all is over (`false`).
    fn rest(&self, thread: usize) -> bool {
        let mut state = self.state();
        if !state.rung[thread] {
            state.threads[thread] = At::Rest;
            self.changed.notify_all();
        }
        while (!state.rung[thread] || state.frozen) && !state.over {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        !state.over
    }

    fn done(&self, thread: usize, panic: Option<String>) {
        let mut state = self.state();
        state.threads[thread] = At::Done;
        state.panic = state.panic.take().or(panic);
        self.changed.notify_all();
    }

    /// Waits until nobody works any more, and sees to it that nobody does again. `false` if somebody still works after
    /// `patience`.
    fn quiet(&self, patience: Duration) -> bool {
        let works = |state: &mut State| state.threads.contains(&At::Work);
        let waited = self.changed.wait_timeout_while(self.state(), patience, works);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.frozen = !works(&mut state);
        state.frozen
    }

    /// Sends everybody home, and answers what panicked.
    fn end(&self) -> Option<String> {
        let mut state = self.state();
        state.over = true;
        self.changed.notify_all();
        state.panic.take()
    }
}

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Drives a future on this thread until it is done, or all is over.
fn drive(board: &Arc<Board>, thread: usize, mut work: Work, mut random: SplitMix) {
    let waker = Waker::from(Arc::new(Bell { board: Arc::clone(board), thread }));
    let mut give_way = || (0..random.next() % (MOST_YIELDS + 1)).for_each(|_| thread::yield_now());
    give_way();
    loop {
        let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(&mut Context::from_waker(&waker))));
        match polled {
            Ok(Poll::Pending) if board.take_ring(thread) => give_way(),
            Ok(Poll::Pending) if board.rest(thread) => {
                board.take_ring(thread);
            }
            // What it leaves behind is dropped before it counts as done: dropping a stream is an act too.
            Ok(_) => {
                let dropped = catch_unwind(AssertUnwindSafe(|| drop(work)));
                return board.done(thread, dropped.err().map(|panic| message(&*panic)));
            }
            Err(panic) => return board.done(thread, Some(message(&*panic))),
        }
    }
}

// === one run ===

/// What one run came to.
#[derive(Debug, Clone)]
pub struct Execution {
    /// What was recorded.
    pub history: History,
    /// How often a reader waited.
    pub waits: u64,
    /// Operations that the program asked for and the subject does not have.
    pub lacks: Operations,
    /// A panic or a hang.
    pub abnormal: Option<Abnormal>,
}

/// Runs a program once, each of its threads on a thread of the operating system. After a hang those threads that hang
/// are left behind.
pub fn run(fresh: Fresh, program: &Arc<Program>, seed: u64, patience: Duration) -> Execution {
    let run = Run::new(fresh, Arc::clone(program), Pace::Yielding, seed);
    let recorder = run.recorder();
    let board = Board::new(program.threads.len() + 1);
    let prelude = program.threads.len();
    // Nobody else runs yet: a prelude that waits, waits for ever, and the threads go on without it.
    let mut abnormal = alone(&board, prelude, Box::pin(Arc::clone(&run).prelude())).err();
    board.done(prelude, None);
    if abnormal.is_none() {
        let barrier = Arc::new(Barrier::new(program.threads.len()));
        let mut random = SplitMix(seed);
        let start = |thread: usize| {
            let (board, barrier, run) = (Arc::clone(&board), Arc::clone(&barrier), Arc::clone(&run));
            let random = SplitMix(random.next());
            thread::spawn(move || {
                let work = Box::pin(run.thread(thread));
                barrier.wait();
                drive(&board, thread, work, random);
            })
        };
        let threads: Vec<_> = (0..program.threads.len()).map(start).collect();
        if board.quiet(patience) {
            let drained = catch_unwind(AssertUnwindSafe(|| run.drain()));
            let panic = drained.err().map(|panic| message(&*panic));
            abnormal = board.end().or(panic).map(Abnormal::Panic);
            threads.into_iter().for_each(|thread| thread.join().expect("a thread of ours catches every panic"));
        } else {
            board.end();
            abnormal = Some(Abnormal::Hang);
        }
    }
    let dropped = catch_unwind(AssertUnwindSafe(|| drop(run)));
    let abnormal = abnormal.or_else(|| dropped.err().map(|panic| Abnormal::Panic(message(&*panic))));
    Execution { history: recorder.history(), waits: recorder.waits(), lacks: recorder.lacks(), abnormal }
}

/// Polls for as long as somebody rings. Whatever then waits is dropped.
fn alone(board: &Arc<Board>, thread: usize, mut work: Work) -> Result<(), Abnormal> {
    let waker = Waker::from(Arc::new(Bell { board: Arc::clone(board), thread }));
    loop {
        let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(&mut Context::from_waker(&waker))));
        match polled {
            Ok(Poll::Pending) if board.take_ring(thread) => {}
            Ok(_) => return Ok(()),
            Err(panic) => return Err(Abnormal::Panic(message(&*panic))),
        }
    }
}

// === a whole plan ===

/// What to try on one subject.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plan {
    /// For programs, yields and the subject's own ids.
    pub seed: u64,
    /// What to run.
    pub programs: Vec<(String, Program)>,
    /// And so many programs drawn from the seed.
    pub generated: u64,
    /// So many runs of each program in a round.
    pub runs_each: u64,
    /// At most so many rounds through all programs: after the first, others follow while nothing is found broken and a
    /// premise of `needed` has not been reached.
    pub most_rounds: u64,
    /// Premises, by their names in the evidence.
    pub needed: Vec<String>,
    /// After so many seconds a thread that neither ends nor waits is said to hang. A net, not a budget.
    pub patience_s: u64,
}

impl Plan {
    /// The programs, the drawn ones last.
    pub fn all_programs(&self) -> Vec<(String, Program)> {
        let drawn = (0..self.generated).map(|at| {
            let seed = SplitMix(self.seed.wrapping_add(at)).next();
            (format!("generated {at}"), Programs::new().drawn(seed))
        });
        self.programs.iter().cloned().chain(drawn).collect()
    }
}

/// What came of a plan. Everything in it but which guarantees were found broken differs from run to run.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Report {
    /// Programs run.
    pub programs: u64,
    /// Runs.
    pub runs: u64,
    /// Threads started.
    pub threads: u64,
    /// Different histories.
    pub distinct: u64,
    /// In how many runs each premise was reached.
    pub premises: BTreeMap<String, u64>,
    /// Of each guarantee that was found broken the shortest history that shows it.
    pub found: Vec<Found>,
    /// Operations that programs asked for and the subject does not have.
    #[serde(default)]
    pub lacks: BTreeSet<String>,
    /// A panic or a hang, and in which program.
    pub abnormal: Option<String>,
}

/// A breach, as it was recorded.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Found {
    /// What is broken.
    pub guarantee: Guarantee,
    /// In which program of the plan.
    pub scenario: String,
    /// That program.
    pub program: Program,
    /// What was recorded, a line of JSON each.
    pub history: Vec<String>,
    /// What the judge says.
    pub findings: Findings,
}

/// Carries a plan out.
pub fn carry_out(fresh: Fresh, plan: &Plan) -> Report {
    let mut bench = Bench::default();
    let mut report = Report::default();
    let mut random = SplitMix(plan.seed);
    let patience = Duration::from_secs(plan.patience_s);
    let programs: Vec<_> = plan.all_programs().into_iter().map(|(id, program)| (id, Arc::new(program))).collect();
    report.programs = programs.len() as u64;
    for _ in 0..plan.most_rounds {
        for (id, program) in &programs {
            for _ in 0..plan.runs_each {
                let execution = run(fresh, program, random.next(), patience);
                report.threads += program.threads.len() as u64;
                report.lacks.extend(execution.lacks.iter().map(|operation| (*operation).to_owned()));
                if let Some(findings) = bench.judge(&execution.history, execution.waits) {
                    keep_shortest(&mut report.found, id, program, &execution.history, &findings);
                }
                if let Some(abnormal) = &execution.abnormal {
                    report.abnormal = Some(format!("{abnormal:?} in {id}"));
                }
                if execution.abnormal == Some(Abnormal::Hang) {
                    // Every further run would cost the patience again, beside threads that spin.
                    bench.end_program();
                    return finished(report, &bench);
                }
            }
            bench.end_program();
        }
        let is_reached = |id: &String| bench.premises().iter().any(|(premise, n)| premise.id() == id && *n > 0);
        let is_beyond_it = |id| Premise::by_id(id).is_some_and(|premise| premise.lacking(&report.lacks).is_some());
        // Where something is broken already, what else was reached makes no difference.
        if !report.found.is_empty() || plan.needed.iter().all(|id| is_reached(id) || is_beyond_it(id)) {
            break;
        }
    }
    finished(report, &bench)
}

fn finished(mut report: Report, bench: &Bench) -> Report {
    report.runs = bench.executions();
    report.distinct = bench.distinct();
    report.premises = bench.premises().iter().map(|(premise, n)| (premise.id().to_owned(), *n)).collect();
    report
}

/// No schedule, so nothing to minimise by: of all that was recorded the shortest shows it best.
fn keep_shortest(found: &mut Vec<Found>, id: &str, program: &Program, history: &History, findings: &Findings) {
    for guarantee in findings.violated() {
        let known = found.iter().position(|there| there.guarantee == guarantee);
        if known.is_some_and(|at| found[at].history.len() <= history.len()) {
            continue;
        }
        let shorter = Found {
            guarantee,
            scenario: id.to_owned(),
            program: program.clone(),
            history: history.iter().map(|line| line.to_json()).collect(),
            findings: findings.clone(),
        };
        match known {
            Some(at) => found[at] = shorter,
            None => found.push(shorter),
        }
    }
}
