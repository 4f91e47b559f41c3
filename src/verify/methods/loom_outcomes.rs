//! Outcome sets under [`loom`](super::loom): [`noninterference`] inside the shipped kernel.
//!
//! Every interleaving of an observer alone, without a bound on preemptions, and beside each load within the bound that
//! suffices alone. loom proves completion as it does for the models: by its own words, compared with our count. Nothing
//! is judged here but the sets; what single histories show of these races, the models' judges say.
//!
//! What it cannot see: loads that wait for good (loom takes those for a deadlock), panics, system narration.

use super::interleaved::Breach;
use super::loom::{Copy, completions, every};
use super::noninterference::{self, Again, Contrast, Explore, Plan, Report, Side, own_name};
use crate::compiled;
use crate::verify::history::{History, Line};
use crate::verify::pairings::Pairing;
use crate::verify::program::Program;
use crate::verify::runner::{Pace, Recorder};
use crate::verify::subject::erased::{Erased, Fresh};
use std::any::Any;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

/// Carries a plan out. `explore` is [`enumerate`] in a process of its own, one for each program: loom may take it down.
pub fn carry_out(plan: &Plan, explore: Explore<'_>) -> Report {
    let mut report = Report::default();
    for pairing in plan.pairings.iter().cloned().map(Pairing::inside_the_kernel) {
        let more = plan.more_preemptions;
        if let Some((busy, first)) = noninterference::compare(&pairing, more, explore, &mut report) {
            let again = |contrast: &Contrast, least: &Breach| {
                let side = explore(&Arc::new(contrast.shown_by(&least.program)), contrast.bound());
                side.outcomes.get(&contrast.seen).is_some_and(|first| first.history == least.history)
            };
            let found = noninterference::minimised(&busy, &first, (&pairing.observer, more), explore, &again);
            report.difference.get_or_insert(found);
        }
        if plan.first_only && report.difference.is_some() {
            break;
        }
    }
    report
}

/// Explores both sides of a difference again.
pub fn again(busy: &Program, contrast: &Contrast, explore: Explore<'_>) -> Again {
    let side = explore(&Arc::new(contrast.shown_by(busy)), contrast.bound());
    let seen = side.outcomes.get(&contrast.seen);
    // What is not seen may only not have been reached.
    let unfinished = noninterference::unfinished(&side).filter(|_| seen.is_none());
    let other = match unfinished {
        Some(why) => Err(format!("of the side that showed it nobody knows: {why}")),
        None => noninterference::differs_again(busy, contrast, explore),
    };
    let history = seen.map(|seen| seen.history.iter().map(Line::to_json).collect()).unwrap_or_default();
    Again::of(history, (seen.is_some(), seen.map(|seen| seen.iteration)), other)
}

/// Every interleaving of a program within a bound on preemptions (all, if none), and what it shows an observer of the first
/// job. A patch must have been made active. Only for child processes.
pub fn enumerate(copy: Copy, program: &Arc<Program>, preemptions: Option<usize>, sequential: bool) -> Side {
    let pace = if sequential { Pace::Sequential } else { Pace::Preemptive };
    match copy {
        Copy::Shipped => explore(Erased::fresh::<compiled::loom::subject::KernelSubject>, program, preemptions, pace),
        Copy::Guarded(_) => {
            explore(Erased::fresh::<compiled::guarded::loom::subject::KernelSubject>, program, preemptions, pace)
        }
    }
}

/// The different histories, in how many executions each was recorded, and in which first.
type Recorded = HashMap<History, (u64, u64)>;

/// Explores twice: one exploration is believed only if the other is the same.
fn explore(fresh: Fresh, program: &Arc<Program>, preemptions: Option<usize>, pace: Pace) -> Side {
    let (first, ended) = explore_once(fresh, program, preemptions, pace);
    if ended.is_err() {
        return side(program, first, ended, None);
    }
    let completed = completions();
    let (second, ended) = explore_once(fresh, program, preemptions, pace);
    let repeats = ended.is_ok() && completions() == completed && second == first;
    side(program, first, ended, completed.filter(|_| repeats))
}

/// What one exploration recorded, and how it ended.
fn explore_once(
    fresh: Fresh,
    program: &Arc<Program>,
    preemptions: Option<usize>,
    pace: Pace,
) -> ((Recorded, u64), Result<(), Box<dyn Any + Send>>) {
    // A leaf lock: loom sees nothing of it.
    let recorded: Arc<Mutex<(Recorded, u64)>> = Arc::default();
    let notes = Arc::clone(&recorded);
    let note = move |recorder: &Recorder| {
        let history = recorder.history();
        let mut notes = notes.lock().unwrap_or_else(PoisonError::into_inner);
        notes.1 += 1;
        let iteration = notes.1;
        notes.0.entry(history).or_insert((0, iteration)).0 += 1;
    };
    let _what_was_said_before = completions();
    let explored = catch_unwind(AssertUnwindSafe(|| every(fresh, program, preemptions, pace, drop, note)));
    let recorded = std::mem::take(&mut *recorded.lock().unwrap_or_else(PoisonError::into_inner));
    (recorded, explored)
}

/// What the histories show the observer, of so many executions as loom says that there are. Read on an ordinary stack:
/// loom's threads have little.
fn side(
    program: &Program,
    (recorded, executions): (Recorded, u64),
    explored: Result<(), Box<dyn Any + Send>>,
    completed: Option<u64>,
) -> Side {
    let mut side = Side::default();
    let mut recorded: Vec<(History, (u64, u64))> = recorded.into_iter().collect();
    recorded.sort_by_key(|(_, (_, first))| *first);
    for (history, (times, first)) in recorded {
        side.see_often(program, &[own_name(program)], (&[], first), &history, times);
    }
    side.frontier_emptied = explored.is_ok() && completed == Some(executions);
    side.abnormal = explored.err().map(|panic| super::interleaved::message(&*panic));
    side
}
