//! Shrinking a breach: fewer operations first, then fewer preemptions.
//!
//! A smaller program counts only if some schedule of it breaks the *same* guarantee (failures are matched by
//! identity: a program that fails in another way is another finding). Removing one operation at a time until none can
//! go leaves a program from which every single operation is needed. Where that is not the smallest there is, because several
//! operations do one thing or several jobs play one part, they are told as one, and removing goes on. Of what is left all
//! schedules are tried with no preemption, with one, and so on, up to the first that shows it.

use super::Bench;
use super::interleaved::{self, Breach};
use crate::verify::guarantee::Guarantee;
use crate::verify::program::{Op, Program, Until};
use crate::verify::subject::erased::Fresh;
use std::ops::ControlFlow;
use std::sync::Arc;

/// Schedules tried for each smaller program.
const SCHEDULES_EACH: u64 = 3_000;

/// A program with more operations is searched by few schedules: it has too many to try them all, and other steps to take
/// if a breach is missed.
const LARGE: usize = 12;

/// So many.
const SCHEDULES_A_STEP: u64 = 60;

/// Whether a breach breaks this guarantee.
pub fn breaks(breach: &Breach, guarantee: Guarantee) -> bool {
    breach.findings.as_ref().is_some_and(|findings| findings.violated().contains(&guarantee))
}

/// The smallest breach of `guarantee` that removing operations from this one leads to.
pub fn minimise(fresh: Fresh, found: &Breach, guarantee: Guarantee, seed: u64) -> Breach {
    let least = minimise_by(found, |program, _| search(fresh, program, guarantee, seed));
    fewest_preemptions(fresh, &least, guarantee, seed).unwrap_or(least)
}

/// Up to so many preemptions are tried, and at most [`SCHEDULES_EACH`] schedules with each number.
const MOST_PREEMPTIONS: usize = 3;

/// A breach by the same program whose schedule takes the fewest turns from a thread that could have gone on.
fn fewest_preemptions(fresh: Fresh, least: &Breach, guarantee: Guarantee, seed: u64) -> Option<Breach> {
    let (program, mut bench, mut found) = (&least.program, Bench::default(), None);
    for preemptions in 0..=MOST_PREEMPTIONS {
        let bounds = (SCHEDULES_EACH, Some(preemptions));
        interleaved::walk(fresh, program, seed, bounds, &mut |execution| {
            let breach = interleaved::examine(program, execution, &mut bench);
            found = breach.filter(|breach| breaks(breach, guarantee));
            if found.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        if found.is_some() {
            break;
        }
    }
    found
}

/// Removes operations for as long as `search` still finds the breach in what is left: runs of neighbouring ones, of half of
/// them, then of a quarter, and so on (delta debugging, Zeller and Hildebrandt, TSE 2002), and at last one at a time.
/// `search` is shown the smallest breach so far, too.
pub fn minimise_by<B: Clone + Shrinks>(found: &B, search: impl Fn(&Arc<Program>, &B) -> Option<B>) -> B {
    let mut best = search(found.program(), found).unwrap_or_else(|| found.clone());
    let mut width = best.program().operations() / 2;
    while width > 1 {
        remove_runs(&mut best, width, &search);
        width /= 2;
    }
    loop {
        // Again for as long as anything went: what was needed by what has gone since is needed no more.
        while remove_runs(&mut best, 1, &search) {}
        let shorter = reads_told_as_one(best.program()).into_iter().chain(jobs_told_as_one(best.program()));
        let mut shorter = shorter.map(Arc::new);
        let Some(breach) = shorter.find_map(|program| search(&program, &best)) else { return best };
        best = breach;
    }
}

/// Programs in which all reads of one stream, where there are several, are one read by a thread of its own, which waits
/// for as many events as the program emits or for one. Each has fewer operations, and none that was not there in kind.
fn reads_told_as_one(program: &Program) -> Vec<Program> {
    let lists = || std::iter::once(&program.prelude).chain(&program.threads);
    let events = lists().flatten().filter(|op| matches!(op, Op::Emit { .. } | Op::EmitSystem)).count() as u64;
    let is_read =
        |op: &Op, stream: usize| matches!(op, Op::Read { stream: of, .. } | Op::Poll { stream: of } if *of == stream);
    let several = |stream: &usize| lists().flatten().filter(|op| is_read(op, *stream)).count() > 1;
    let retold = |stream: usize, many: u64| {
        let rest = |ops: &Vec<Op>| ops.iter().filter(|op| !is_read(op, stream)).cloned().collect::<Vec<Op>>();
        let mut threads: Vec<Vec<Op>> = program.threads.iter().map(rest).filter(|ops| !ops.is_empty()).collect();
        threads.push(vec![Op::Read { stream, until: Until::Accounted(many) }]);
        Program { prelude: rest(&program.prelude), threads, ..program.clone() }
    };
    let streams = (0..program.streams()).filter(several);
    let retold = streams.flat_map(|stream| [events, 1].map(|many| retold(stream, many)));
    retold.filter(|program| program.check().is_ok()).collect()
}

/// Programs in which what is done to one job is done to another instead, which is created once less for it. Two jobs may be
/// there only to make up a number: neither its create nor its share of the number can then go alone.
fn jobs_told_as_one(program: &Program) -> Vec<Program> {
    let creates = |ops: &[Op], job: usize| ops.iter().position(|op| matches!(op, Op::Create { job: of } if *of == job));
    let ops: Vec<Op> = program.prelude.iter().chain(program.threads.iter().flatten()).cloned().collect();
    let retold = |gone: usize, into: usize| {
        let mut retold = program.without(creates(&ops, gone)?);
        let ops = retold.prelude.iter_mut().chain(retold.threads.iter_mut().flatten());
        ops.filter_map(Op::job_mut).filter(|job| **job == gone).for_each(|job| *job = into);
        Some(retold)
    };
    let created: Vec<usize> = (0..program.jobs.len()).filter(|job| creates(&ops, *job).is_some()).collect();
    let pairs = created.iter().flat_map(|gone| created.iter().map(move |into| (*gone, *into)));
    let retold = pairs.filter(|(gone, into)| gone > into).filter_map(|(gone, into)| retold(gone, into));
    retold.filter(|program| program.check().is_ok()).collect()
}

/// Goes once from the last operations to the first (what comes late is seldom what earlier operations need), and tries to
/// do without each run of `width` of them. Whether any went.
fn remove_runs<B: Shrinks>(best: &mut B, width: usize, search: &impl Fn(&Arc<Program>, &B) -> Option<B>) -> bool {
    let mut any = false;
    let mut end = best.program().operations();
    while end > 0 {
        let from = end.saturating_sub(width);
        let whole = (**best.program()).clone();
        let smaller = (from..end).rev().fold(whole, |program, operation| program.without(operation));
        if let Some(breach) = search(&Arc::new(smaller), best) {
            *best = breach;
            any = true;
        }
        end = from;
    }
    any
}

/// What [`minimise_by`] has to know of a breach.
pub trait Shrinks {
    /// The program that shows it.
    fn program(&self) -> &Arc<Program>;
}

impl Shrinks for Breach {
    fn program(&self) -> &Arc<Program> {
        &self.program
    }
}

fn search(fresh: Fresh, program: &Arc<Program>, guarantee: Guarantee, seed: u64) -> Option<Breach> {
    let mut wanted = |breach: &Breach| breaks(breach, guarantee);
    let bench = &mut Bench::default();
    if program.operations() > LARGE {
        return interleaved::sample(fresh, program, seed, SCHEDULES_A_STEP, bench, &mut wanted).breach;
    }
    let searched = interleaved::exhaust(fresh, program, seed, SCHEDULES_EACH, bench, &mut wanted);
    if searched.breach.is_some() || searched.frontier_emptied {
        return searched.breach;
    }
    interleaved::sample(fresh, program, seed, SCHEDULES_EACH, bench, &mut wanted).breach
}
