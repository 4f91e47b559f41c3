//! The quiet neighbour (G7): observers beside loads that are cut short at every step.
//!
//! An *observer* is a little program of one job. Alone, under every schedule, it is refused nothing, loses nothing and
//! returns from everything; the most of its own turns that each of its operations takes is counted there. Then it runs
//! beside a *load*: a thread on another job that stalls, is cancelled or panics after its first turn, its second, and so on
//! to its last, each of these programs under every schedule within a bound on preemptions. Whatever becomes of the load, the
//! observer must have what it has alone ([the judge](crate::verify::quiet)). The direct judges look at the same runs: what
//! they find there is theirs.
//!
//! An observer that is in trouble on its own says nothing of its neighbours: it is left out, and named.
//!
//! What it cannot see: time; a processor or a lock that is held inside an operation that never awaits (one thread runs all
//! this); loads of another shape.

use super::interleaved::{self, Breach, Execution, Found, examine, walk};
use super::{Bench, minimise};
use crate::verify::checker;
use crate::verify::findings::Findings;
use crate::verify::guarantee::Guarantee;
use crate::verify::neighbours::Pair;
use crate::verify::program::{Cut, Program, Way};
use crate::verify::quiet::{Observers, Reached, Seen, Turns, alone, judge};
use crate::verify::subject::erased::Fresh;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

/// Schedules of an observer alone, and of each smaller program while a breach is minimised: all that there are, save where
/// a router waits so often that there is no end of them.
const SCHEDULES_ALONE: u64 = 20_000;

/// Preemptions in the smaller programs, from none upwards: the first breach has the fewest.
const PREEMPTIONS_IN_SMALLER: usize = 2;

/// Up to so many threads a program has few.
pub const FEW_THREADS: usize = 4;

/// What to try on one subject.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plan {
    /// For the subject's own ids.
    pub seed: u64,
    /// Who beside whom.
    pub pairs: Vec<Pair>,
    /// How loads are cut.
    pub ways: Vec<Way>,
    /// At most so many turns are taken from a thread that could have gone on.
    pub preemptions: usize,
    /// The same in programs of more than [`FEW_THREADS`] threads, of which there are so many more schedules.
    pub preemptions_of_many: usize,
    /// At most so many schedules of each program.
    pub schedules_each: u64,
    /// Force everything sequential; then nobody is cut.
    pub sequential: bool,
    /// Stop once one of these is found broken. With none, go through all pairs and keep the first breach of each guarantee.
    pub wanted: Vec<Guarantee>,
}

/// What came of a plan.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Report {
    /// Observers beside loads.
    pub pairs: u64,
    /// Programs with a cut that were run.
    pub cuts: u64,
    /// Schedules of them.
    pub schedules: u64,
    /// Different histories among them.
    pub distinct: u64,
    /// Schedules of observers alone.
    pub alone: u64,
    /// The most of its own turns that any operation of an observer takes alone.
    pub turns: u64,
    /// Every schedule within the bound was tried, of the observers alone every one.
    pub frontier_emptied: bool,
    /// Observers that are in trouble alone, with what it is.
    pub unquiet: Vec<String>,
    /// Pairs that were left out, since the subject lacks an operation of theirs.
    pub not_applicable: Vec<String>,
    /// In how many executions each premise was reached.
    pub premises: BTreeMap<String, u64>,
    /// The first breach of each guarantee, minimised.
    pub found: Vec<Found>,
    /// A panic or a hang without any breach that a judge could name.
    pub abnormal: Option<String>,
}

/// What an observer is like alone.
#[derive(Debug, Clone, Default)]
struct Alone {
    turns: Turns,
    schedules: u64,
    frontier_emptied: bool,
    /// What is wrong with it, if anything is.
    trouble: Option<String>,
    unsupported: bool,
}

fn seen<'r>((program, observers): (&'r Program, &'r Observers), execution: &'r Execution) -> Seen<'r> {
    Seen { program, observers, history: &execution.history, schedule: &execution.schedule, course: &execution.course }
}

/// Runs the observers of a program alone, under every schedule.
fn watch_alone(fresh: Fresh, program: &Program, seed: u64) -> Alone {
    let program = Arc::new(alone(program));
    let observers = Observers::of(&program);
    let mut watched = Alone::default();
    let every = walk(fresh, &program, seed, (SCHEDULES_ALONE, None), &mut |execution| {
        let run = seen((&program, &observers), &execution);
        watched.unsupported |= !execution.lacks.is_empty();
        let trouble = judge(&run, None).into_iter().next().map(|finding| finding.message);
        let trouble = trouble.or_else(|| execution.abnormal.as_ref().map(|abnormal| format!("{abnormal:?}")));
        if trouble.is_some() {
            watched.trouble = trouble;
            return ControlFlow::Break(());
        }
        watched.turns.add(&run);
        ControlFlow::Continue(())
    });
    (watched.schedules, watched.frontier_emptied) = (every.schedules, every.frontier_emptied);
    watched
}

/// Judges a run of a program with a cut, directly and as the neighbour's: `Some` if it is in breach, or ended badly.
fn examine_beside(
    (program, observers): (&Arc<Program>, &Observers),
    turns: &Turns,
    execution: Execution,
    bench: &mut Bench,
) -> Option<Breach> {
    let direct = bench.judge(&execution.history, execution.waits);
    let found = judge(&seen((program, observers), &execution), Some(turns));
    if direct.is_none() && found.is_empty() && execution.abnormal.is_none() {
        return None;
    }
    let findings = match found.is_empty() {
        true => direct,
        false => Some(direct.unwrap_or_else(|| checker::check(&execution.history)).with(Guarantee::G7, found)),
    };
    Some(Breach {
        program: Arc::clone(program),
        findings,
        schedule: execution.schedule,
        history: execution.history,
        abnormal: execution.abnormal,
    })
}

/// As [`examine`], and if the program has a cut, as the neighbour's too: whoever replays one run has to know first what the
/// observers are like alone.
pub(super) fn examine_either(
    fresh: Fresh,
    program: &Arc<Program>,
    seed: u64,
    execution: Execution,
    bench: &mut Bench,
) -> Option<Breach> {
    if program.cut.is_none() {
        return examine(program, execution, bench);
    }
    let known = watch_alone(fresh, program, seed);
    if known.trouble.is_some() || !known.frontier_emptied {
        return examine(program, execution, bench);
    }
    examine_beside((program, &Observers::of(program)), &known.turns, execution, bench)
}

/// Runs a program under a schedule, and judges it as it was judged when it was found.
pub fn replay(fresh: Fresh, program: &Arc<Program>, seed: u64, schedule: &[u8]) -> (Execution, Option<Findings>) {
    let execution = interleaved::replay(fresh, program, seed, schedule);
    let breach = examine_either(fresh, program, seed, execution.clone(), &mut Bench::default());
    (execution, breach.and_then(|breach| breach.findings))
}

// === a whole plan ===

/// Carries a plan out.
pub fn carry_out(fresh: Fresh, plan: &Plan) -> Report {
    let mut going = Going {
        fresh,
        plan,
        bench: Bench::default(),
        report: Report { frontier_emptied: true, ..Report::default() },
        known: BTreeMap::new(),
    };
    for pair in &plan.pairs {
        going.pair(pair);
        if !plan.wanted.is_empty() && !going.report.found.is_empty() {
            break;
        }
    }
    let mut report = going.report;
    report.schedules = going.bench.executions();
    report.distinct = going.bench.distinct();
    report
}

/// A plan that is being carried out.
struct Going<'p> {
    fresh: Fresh,
    plan: &'p Plan,
    bench: Bench,
    report: Report,
    /// What the observers are like alone, by their program.
    known: BTreeMap<String, Alone>,
}

impl Going<'_> {
    fn pair(&mut self, pair: &Pair) {
        self.report.pairs += 1;
        if self.plan.sequential {
            let program = Arc::new(pair.program.clone());
            interleaved::sequential(self.fresh, &program, self.plan.seed, &mut self.bench, &mut |_| false);
            return;
        }
        let observers = self.alone(pair);
        if observers.unsupported {
            self.report.not_applicable.push(pair.id.clone());
            return;
        }
        if let Some(trouble) = &observers.trouble {
            self.report.unquiet.push(format!("{}: {trouble}", pair.id));
            return;
        }
        self.report.frontier_emptied &= observers.frontier_emptied;
        self.report.turns = self.report.turns.max(observers.turns.most() as u64);
        for how in &self.plan.ways {
            // One turn later each time, until no schedule meets the load before it is done.
            for after in 0.. {
                let cut = Cut { thread: pair.load, after, how: *how };
                let program = Arc::new(Program { cut: Some(cut), ..pair.program.clone() });
                let is_met = self.cut(&pair.id, &program, &observers.turns);
                let is_enough = !self.plan.wanted.is_empty() && !self.report.found.is_empty();
                if is_enough {
                    return;
                }
                if !is_met {
                    break;
                }
            }
        }
    }

    fn alone(&mut self, pair: &Pair) -> Alone {
        let cut = Cut { thread: pair.load, after: 0, how: Way::Stalled };
        let program = Program { cut: Some(cut), ..pair.program.clone() };
        let key = alone(&program).to_string();
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let observers = watch_alone(self.fresh, &program, self.plan.seed);
        self.report.alone += observers.schedules;
        self.known.insert(key, observers.clone());
        observers
    }

    /// Runs one program with a cut under every schedule within the bound. Whether any met the cut.
    fn cut(&mut self, id: &str, program: &Arc<Program>, turns: &Turns) -> bool {
        let mut first: BTreeMap<Guarantee, Breach> = BTreeMap::new();
        let mut is_met = false;
        let observers = Observers::of(program);
        let (plan, report, bench) = (self.plan, &mut self.report, &mut self.bench);
        let is_small = program.threads.len() <= FEW_THREADS;
        let preemptions = if is_small { plan.preemptions } else { plan.preemptions_of_many };
        let bounds = (plan.schedules_each, Some(preemptions));
        let every = walk(self.fresh, program, plan.seed, bounds, &mut |execution| {
            let run = seen((program, &observers), &execution);
            is_met |= execution.course.cut.is_some();
            for premise in Reached::ALL.into_iter().filter(|premise| premise.reached(&run)) {
                *report.premises.entry(premise.id().to_owned()).or_default() += 1;
            }
            let Some(breach) = examine_beside((program, &observers), turns, execution, bench) else {
                return ControlFlow::Continue(());
            };
            let Some(findings) = &breach.findings else {
                let abnormal = breach.abnormal.as_ref().map(|abnormal| format!("{abnormal:?} in {id}"));
                report.abnormal = report.abnormal.take().or(abnormal);
                return ControlFlow::Continue(());
            };
            for guarantee in findings.violated() {
                let known = report.found.iter().any(|found| found.guarantee == guarantee);
                if !known && (plan.wanted.is_empty() || plan.wanted.contains(&guarantee)) {
                    first.entry(guarantee).or_insert_with(|| breach.clone());
                }
            }
            if plan.wanted.is_empty() || first.is_empty() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        self.report.cuts += 1;
        self.report.frontier_emptied &= every.frontier_emptied || !first.is_empty();
        for (guarantee, breach) in first {
            self.report.found.push(found(self.fresh, id, &breach, guarantee, self.plan.seed));
        }
        is_met
    }
}

// === minimising ===

/// Minimises a breach of one guarantee in a program that may have a cut, and replays what is left of it.
pub(super) fn found(fresh: Fresh, id: &str, breach: &Breach, guarantee: Guarantee, seed: u64) -> Found {
    if guarantee != Guarantee::G7 {
        return interleaved::found(fresh, id, breach, guarantee, seed);
    }
    let least = minimise::minimise_by(breach, |program, _| search(fresh, program, seed));
    let again = interleaved::replay(fresh, &least.program, seed, &least.schedule);
    Found::of(id, guarantee, &breach.program, least, &again)
}

/// Whether a program with a cut breaks G7 somewhere, as far as minimising looks.
pub fn still_breaks(fresh: Fresh, program: &Program, seed: u64) -> bool {
    search(fresh, &Arc::new(program.clone()), seed).is_some()
}

/// Looks for a breach of G7 in a program with a cut, made after any number of turns: with as few preemptions as do, and the
/// cut as early as does.
pub(super) fn search(fresh: Fresh, program: &Arc<Program>, seed: u64) -> Option<Breach> {
    let cut = program.cut?;
    program.check().ok()?;
    let observers = Observers::of(program);
    let known = watch_alone(fresh, program, seed);
    if known.trouble.is_some() || !known.frontier_emptied {
        return None;
    }
    for preemptions in 0..=PREEMPTIONS_IN_SMALLER {
        // That an operation took long is the least of what may be wrong: it is shown where nothing graver is.
        let mut slow = None;
        for after in 0.. {
            let program = Arc::new(Program { cut: Some(Cut { after, ..cut }), ..(**program).clone() });
            let (mut grave, mut is_met) = (None, false);
            walk(fresh, &program, seed, (SCHEDULES_ALONE, Some(preemptions)), &mut |execution| {
                is_met |= execution.course.cut.is_some();
                let run = seen((&program, &observers), &execution);
                let is_grave = !judge(&run, None).is_empty();
                if !is_grave && (slow.is_some() || judge(&run, Some(&known.turns)).is_empty()) {
                    return ControlFlow::Continue(());
                }
                let watched = (&program, &observers);
                let breach = examine_beside(watched, &known.turns, execution, &mut Bench::default());
                let shown = if is_grave { &mut grave } else { &mut slow };
                *shown = breach;
                if is_grave { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            if grave.is_some() {
                return grave;
            }
            if !is_met {
                break;
            }
        }
        if slow.is_some() {
            return slow;
        }
    }
    None
}
