//! `loom`: every interleaving of a small program inside the shipped kernel.
//!
//! A model is a fixed [`Program`]; its threads become loom's threads, and loom (a stateless model checker with
//! partial-order reduction after CDSChecker, Norris and Demsky, OOPSLA 2013) runs it once for every way in which the
//! kernel's lock operations can interleave, up to equivalence, within a bound on preemptions where one is given. Each
//! execution's history is judged.
//!
//! - **The fewest preemptions first.** The bound is raised, 0, 1, 2 and so on, so that no breach needs fewer than the
//!   first: whoever reads a counterexample follows as few switches as there can be.
//! - **Completion is proved, not assumed.** loom also returns when a limit ends it. We set none that ends a run
//!   silently, take its own words "Completed in N iterations" for completion, compare N with our own count, and run
//!   the last bound twice: a model whose second count differs is not deterministic, and its result is worth nothing.
//! - **A deadlock is judged, not only reported.** When no thread can move, every stream that one of them waits for is
//!   drained: what is missing then is missing for good, and the judge names the guarantee.
//! - **One process each.** A failing model can abort, hang or overflow its stack, so this runs in a child process
//!   ([`child`](crate::verify::session::child)); whatever ends it, the report is written by a thread of its own.
//!
//! What it cannot see: what is not written with the shim's primitives (the registry's counters, `Arc`'s counts);
//! reorderings of relaxed accesses that loom does not model; more than four threads.

use super::Bench;
pub use super::models::{Model, models};
use crate::compiled;
use crate::verify::findings::Findings;
use crate::verify::guarantee::Guarantee;
use crate::verify::history::History;
use crate::verify::outcomes::Outcome;
use crate::verify::program::Program;
use crate::verify::runner::{Pace, Recorder, Run};
use crate::verify::subject::erased::{Erased, Fresh};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// What to explore.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plan {
    /// What is run.
    pub program: Program,
    /// The bounds on the preemptions of an execution, explored one after the other; none means all.
    pub bounds: Vec<Option<usize>>,
    /// Force everything sequential.
    pub sequential: bool,
    /// Go on until one of these is found broken. With none, until anything is.
    pub wanted: Vec<Guarantee>,
    /// Write the outcomes down, so that another explorer can be held against this one.
    #[serde(default)]
    pub outcomes: bool,
}

/// Bounds tried before none at all.
const BOUNDED_FIRST: usize = 3;

impl Plan {
    /// A program, first without preemptions and then with one more each time, up to so many; none means all.
    pub fn raised(program: &Program, most: Option<usize>) -> Plan {
        let bounded = (0..=most.unwrap_or(BOUNDED_FIRST)).map(Some);
        let bounds = bounded.chain(most.is_none().then_some(None)).collect();
        Plan { program: program.clone(), bounds, sequential: false, wanted: Vec::new(), outcomes: false }
    }

    /// A program within one bound alone: what finds again what was found there.
    pub fn within(program: &Program, preemptions: Option<usize>, wanted: Vec<Guarantee>) -> Plan {
        Plan { program: program.clone(), bounds: vec![preemptions], sequential: false, wanted, outcomes: false }
    }

    /// The last bound.
    pub fn most(&self) -> Option<usize> {
        self.bounds.last().copied().flatten()
    }
}

/// What a plan came to. The counts are those of the last bound that was begun.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Report {
    /// That bound; none means all.
    pub preemptions: Option<usize>,
    /// Executions.
    pub iterations: u64,
    /// Executions within the smaller bounds before it.
    pub iterations_before: u64,
    /// Different histories.
    pub distinct: u64,
    /// loom said that it completed the last bound of the plan, after as many iterations as we counted, twice.
    pub completed: bool,
    /// In how many executions each premise was reached.
    pub premises: BTreeMap<String, u64>,
    /// The first breach, which ends the exploration.
    pub breach: Option<Breach>,
    /// Why it did not complete, if neither a breach nor completion ended it.
    pub trouble: Option<String>,
    /// The different outcomes of all who took part, if the plan asks for them.
    pub outcomes: Vec<Outcome>,
}

/// A breach, as loom found it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Breach {
    /// Within which bound on preemptions; none means all.
    pub preemptions: Option<usize>,
    /// The iteration within that bound, from 1. Exploration is deterministic: it is the same in every run of this
    /// source.
    pub iteration: u64,
    /// The recorded history, a line of JSON each.
    pub history: Vec<String>,
    /// What the judge says; nothing if the model panicked or deadlocked and did nothing else wrong.
    pub findings: Option<Findings>,
    /// What loom or the subject said as it ended.
    pub abnormal: Option<String>,
}

impl Breach {
    /// Whether it breaks this guarantee.
    pub fn breaks(&self, guarantee: Guarantee) -> bool {
        self.findings.as_ref().is_some_and(|findings| findings.violated().contains(&guarantee))
    }
}

/// A breach of one guarantee, minimised, and confirmed by finding it again.
#[derive(Debug, Clone)]
pub struct Found {
    /// What is broken.
    pub guarantee: Guarantee,
    /// The smallest program that shows it.
    pub program: Program,
    /// How it shows it.
    pub breach: Breach,
    /// It was found again: within the same bound, in the same iteration, with the same history.
    pub replays: bool,
}

/// Which compilation of the kernel is explored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Copy {
    /// The files that ship.
    Shipped,
    /// The guarded copy with this patch active; 0 for none.
    Guarded(u32),
}

/// Carries a plan out and ends the process with the report on standard output, as one line of JSON. Only for child
/// processes.
pub fn explore_and_exit(plan: &Plan, copy: Copy) -> ! {
    let reporter = Reporter::install(plan);
    match copy {
        Copy::Shipped => explore(Erased::fresh::<compiled::loom::subject::KernelSubject>, plan, reporter),
        Copy::Guarded(number) => {
            compiled::guarded::activate(number);
            explore(Erased::fresh::<compiled::guarded::loom::subject::KernelSubject>, plan, reporter);
        }
    }
    reporter.say(Ending::Explored)
}

/// Explores every bound, and the last one twice.
fn explore(fresh: Fresh, plan: &Plan, reporter: &'static Reporter) {
    let last = plan.bounds.len().saturating_sub(1);
    for (at, &preemptions) in plan.bounds.iter().enumerate() {
        reporter.begin_bound(preemptions);
        for _round in 0..if at == last { 2 } else { 1 } {
            reporter.begin_round();
            explore_once(fresh, plan, preemptions, reporter);
            reporter.end_round();
        }
        if !reporter.is_complete() {
            return;
        }
    }
}

fn explore_once(fresh: Fresh, plan: &Plan, preemptions: Option<usize>, reporter: &'static Reporter) {
    let program = Arc::new(plan.program.clone());
    let pace = if plan.sequential { Pace::Sequential } else { Pace::Preemptive };
    every(fresh, &program, preemptions, pace, |recorder| reporter.watch(recorder), |recorder| reporter.judge(recorder));
}

/// Has loom execute a program in every interleaving within a bound on preemptions; in all, if there is none. `begun` is given
/// the recorder of each execution as it begins, `ended` when it is over. No limit of loom's ends it silently.
pub(super) fn every(
    fresh: Fresh,
    program: &Arc<Program>,
    preemptions: Option<usize>,
    pace: Pace,
    begun: impl Fn(Arc<Recorder>) + Send + Sync + 'static,
    ended: impl Fn(&Recorder) + Send + Sync + 'static,
) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = preemptions;
    builder.max_branches = 10_000;
    builder.max_duration = None;
    builder.max_permutations = None;
    builder.checkpoint_file = None;
    let program = Arc::clone(program);
    builder.check(move || {
        let run = Run::new(fresh, Arc::clone(&program), pace, 0);
        begun(run.recorder());
        loom::future::block_on(Box::pin(Arc::clone(&run).prelude()));
        if pace == Pace::Sequential {
            (0..program.threads.len()).for_each(|t| loom::future::block_on(Box::pin(Arc::clone(&run).thread(t))));
        } else {
            let spawn = |thread| {
                let run = Arc::clone(&run);
                loom::thread::spawn(move || loom::future::block_on(Box::pin(run.thread(thread))))
            };
            let threads: Vec<_> = (0..program.threads.len()).map(spawn).collect();
            threads.into_iter().for_each(|thread| thread.join().expect("a thread that panics ends the exploration"));
        }
        run.drain();
        let recorder = run.recorder();
        drop(run);
        ended(&recorder);
    });
}

/// How an exploration ended.
enum Ending {
    /// loom returned, twice.
    Explored,
    /// The judge found something.
    Breached(Findings, History),
    /// Something panicked: loom (a deadlock, a limit) or the subject.
    Panicked(String, Option<History>),
}

/// Counts, judges and reports. The report is written by a thread with an ordinary stack: loom's threads have little,
/// and one that panics must not unwind into a double panic before it was heard.
struct Reporter {
    wanted: Vec<Guarantee>,
    state: Mutex<State>,
    bench: Arc<Mutex<Bench>>,
    outcomes: Arc<Mutex<BTreeSet<Outcome>>>,
    endings: Sender<Ending>,
    questions: Sender<(History, u64)>,
    answers: Mutex<std::sync::mpsc::Receiver<Option<Findings>>>,
}

#[derive(Default)]
struct State {
    watched: Option<Arc<Recorder>>,
    iterations: u64,
    /// Of the bounds that are done.
    before: u64,
    preemptions: Option<usize>,
    /// Of this bound: our count and loom's.
    rounds: Vec<(u64, Option<u64>)>,
}

/// loom's own count, from its closing words.
static COMPLETED: Mutex<Option<u64>> = Mutex::new(None);

impl Reporter {
    fn install(plan: &Plan) -> &'static Reporter {
        static REPORTER: OnceLock<Reporter> = OnceLock::new();
        let (endings, ended) = channel::<Ending>();
        let (questions, asked) = channel::<(History, u64)>();
        let (answer, answers) = channel();
        let bench = Arc::new(Mutex::new(Bench::default()));
        let judging = Arc::clone(&bench);
        let outcomes: Arc<Mutex<BTreeSet<Outcome>>> = Arc::default();
        let (noting, threads) = (plan.outcomes.then(|| Arc::clone(&outcomes)), plan.program.threads.len());
        std::thread::spawn(move || {
            for (history, waits) in asked {
                if let Some(outcomes) = &noting {
                    lock(outcomes).insert(Outcome::seen(&history, threads, &[]));
                }
                let findings = lock(&judging).judge(&history, waits);
                if answer.send(findings).is_err() {
                    return;
                }
            }
        });
        let state = Mutex::new(State::default());
        let answers = Mutex::new(answers);
        let wanted = plan.wanted.clone();
        let reporter =
            REPORTER.get_or_init(|| Reporter { wanted, state, bench, outcomes, endings, questions, answers });
        std::thread::spawn(move || {
            if let Ok(ending) = ended.recv() {
                let mut bench = lock(&reporter.bench);
                bench.end_program();
                let report = reporter.report(ending, &bench);
                println!("{}", serde_json::to_string(&report).expect("a report is plain data"));
                std::process::exit(0);
            }
        });
        std::panic::set_hook(Box::new(|panic| {
            let said = panic.payload();
            let text = said.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text.or_else(|| said.downcast_ref::<String>().cloned()).unwrap_or_default();
            let watched = lock(&reporter.state).watched.clone();
            if text.starts_with("deadlock")
                && let Some(recorder) = &watched
            {
                recorder.declare_stuck(-1);
            }
            reporter.say(Ending::Panicked(text, watched.map(|recorder| recorder.history())));
        }));
        tracing::subscriber::set_global_default(Listener).expect("a child process has no other subscriber");
        reporter
    }

    /// Hands the ending over and never comes back: the reporting thread ends the process.
    fn say(&self, ending: Ending) -> ! {
        let _the_first_one_counts = self.endings.send(ending);
        loop {
            std::thread::park();
        }
    }

    /// What was seen within smaller bounds is seen again within this one, so it is counted anew.
    fn begin_bound(&self, preemptions: Option<usize>) {
        let mut state = lock(&self.state);
        state.before += state.rounds.first().map_or(0, |round| round.0);
        state.rounds.clear();
        state.preemptions = preemptions;
        *lock(&self.bench) = Bench::default();
    }

    /// loom counted as we did in every round of this bound.
    fn is_complete(&self) -> bool {
        lock(&self.state).rounds.iter().all(|&(counted, said)| said == Some(counted))
    }

    fn begin_round(&self) {
        lock(&self.state).iterations = 0;
        *lock(&COMPLETED) = None;
    }

    fn end_round(&self) {
        let completed = *lock(&COMPLETED);
        let mut state = lock(&self.state);
        let round = (state.iterations, completed);
        state.rounds.push(round);
        state.watched = None;
    }

    fn watch(&self, recorder: Arc<Recorder>) {
        let mut state = lock(&self.state);
        state.watched = Some(recorder);
        state.iterations += 1;
    }

    fn judge(&self, recorder: &Recorder) {
        // The second round only has to count the same.
        if !lock(&self.state).rounds.is_empty() {
            return;
        }
        let history = recorder.history();
        // Most executions record what another did before; only a new history is worth a judge with an ordinary stack.
        if let Some(None) = lock(&self.bench).recall(&history, recorder.waits()) {
            return;
        }
        self.questions.send((history.clone(), recorder.waits())).expect("the judging thread lives as long as this");
        let findings = lock(&self.answers).recv().expect("the judging thread answers");
        let is_wanted =
            |found: &Findings| self.wanted.is_empty() || found.violated().iter().any(|g| self.wanted.contains(g));
        if let Some(findings) = findings.filter(is_wanted) {
            self.say(Ending::Breached(findings, history));
        }
    }

    fn report(&self, ending: Ending, bench: &Bench) -> Report {
        let state = lock(&self.state);
        let mut report = Report {
            preemptions: state.preemptions,
            iterations: state.rounds.first().map_or(state.iterations, |round| round.0),
            iterations_before: state.before,
            distinct: bench.distinct(),
            premises: bench.premises().iter().map(|(premise, n)| (premise.id().to_owned(), *n)).collect(),
            outcomes: lock(&self.outcomes).iter().cloned().collect(),
            ..Report::default()
        };
        let breach = |history: History, findings, abnormal| Breach {
            preemptions: state.preemptions,
            iteration: state.iterations,
            history: history.iter().map(|line| line.to_json()).collect(),
            findings,
            abnormal,
        };
        match ending {
            Ending::Explored => match state.rounds[..] {
                [(a, Some(said)), (b, Some(again))] if a == said && b == again && a == b => report.completed = true,
                [(a, Some(said)), (b, Some(again))] => {
                    let why =
                        format!("not deterministic: {a} executions (loom says {said}), then {b} (loom says {again})");
                    report.trouble = Some(why);
                }
                _ => report.trouble = Some("loom returned without saying that it completed".into()),
            },
            Ending::Breached(findings, history) => report.breach = Some(breach(history, Some(findings), None)),
            Ending::Panicked(text, _) if text.contains("maximum number of branches") => {
                report.trouble = Some(format!("an execution has too many branches: {text}"));
            }
            Ending::Panicked(text, history) => {
                let history = history.unwrap_or_default();
                let findings = crate::verify::checker::check(&history);
                let findings = (!findings.violated().is_empty()).then_some(findings);
                report.breach = Some(breach(history, findings, Some(text)));
            }
        }
        report
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes what loom said last of how many iterations it completed; nothing, if it said nothing since this was asked before.
pub(super) fn completions() -> Option<u64> {
    static LISTENS: OnceLock<()> = OnceLock::new();
    LISTENS.get_or_init(|| {
        tracing::subscriber::set_global_default(Listener).expect("a child process has no other subscriber");
        std::panic::set_hook(Box::new(|_| {}));
    });
    lock(&COMPLETED).take()
}

/// Listens to loom for its one line that says that an exploration is complete.
struct Listener;

impl tracing::Subscriber for Listener {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.is_event() && *metadata.level() == tracing::Level::INFO && metadata.target().starts_with("loom")
    }

    fn max_level_hint(&self) -> Option<tracing::level_filters::LevelFilter> {
        Some(tracing::level_filters::LevelFilter::INFO)
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        struct Message(Option<u64>);
        impl tracing::field::Visit for Message {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                if field.name() == "message" {
                    let text = format!("{value:?}");
                    let count = text.strip_prefix("Completed in ").and_then(|rest| rest.strip_suffix(" iterations"));
                    self.0 = self.0.or_else(|| count?.parse().ok());
                }
            }
        }
        let mut message = Message(None);
        event.record(&mut message);
        if message.0.is_some() {
            *lock(&COMPLETED) = message.0;
        }
    }
}
