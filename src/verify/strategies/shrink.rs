//! Shrinking a program that fails: every step is a program that can be run ([`Program::check`]).

use super::names::distinct;
use crate::verify::program::{Op, Program};
use proptest::strategy::ValueTree;
use std::collections::BTreeMap;

/// A program that fails, and the next smaller one to be tried.
///
/// Operations go first, one at a time, from the last to the first, again and again until none can go: what is left
/// needs each of them. Then the jobs that nobody speaks of, hostile names, and retention. So a counterexample whose
/// names are still hostile needs them so.
#[derive(Debug, Clone)]
pub struct Shrinking {
    /// The smallest program known to fail.
    failing: Program,
    /// What is being tried instead.
    tried: Option<Program>,
    stage: Stage,
    /// The round through the operations has taken one away.
    shrunk: bool,
}

/// What is to be tried next on the failing program.
#[derive(Debug, Clone, Copy)]
enum Stage {
    /// Without one operation, counted from the last.
    Operation(usize),
    /// Without the jobs that no operation names.
    Jobs,
    /// With a plain name for this job.
    Name(usize),
    /// With the least retention.
    Retention,
    /// Nothing is left to try.
    Done,
}

impl Shrinking {
    pub(super) fn of(program: Program) -> Shrinking {
        Shrinking { failing: program, tried: None, stage: Stage::Operation(0), shrunk: false }
    }

    /// Proposes the next smaller program; `false` if there is none.
    fn propose(&mut self) -> bool {
        while !matches!(self.stage, Stage::Done) {
            self.tried = self.candidate().filter(|smaller| smaller.check().is_ok());
            if self.tried.is_some() {
                return true;
            }
            self.advance();
        }
        false
    }

    fn candidate(&self) -> Option<Program> {
        let failing = &self.failing;
        match self.stage {
            Stage::Operation(from_last) => {
                let at = failing.operations().checked_sub(from_last + 1)?;
                Some(failing.without(at))
            }
            Stage::Jobs => without_unused_jobs(failing),
            Stage::Name(job) => with_plain_name(failing, job),
            Stage::Retention => (failing.retain > 1).then(|| Program { retain: 1, ..failing.clone() }),
            Stage::Done => None,
        }
    }

    /// What was tried is of no use: on to the next.
    fn advance(&mut self) {
        self.stage = match self.stage {
            Stage::Operation(from_last) if from_last + 1 < self.failing.operations() => Stage::Operation(from_last + 1),
            // An operation may be needed only for another that has gone since.
            Stage::Operation(_) if std::mem::take(&mut self.shrunk) => Stage::Operation(0),
            Stage::Operation(_) => Stage::Jobs,
            Stage::Jobs => Stage::Name(0),
            Stage::Name(job) if job + 1 < self.failing.jobs.len() => Stage::Name(job + 1),
            Stage::Name(_) => Stage::Retention,
            Stage::Retention | Stage::Done => Stage::Done,
        };
    }
}

impl ValueTree for Shrinking {
    type Value = Program;

    fn current(&self) -> Program {
        self.tried.as_ref().unwrap_or(&self.failing).clone()
    }

    fn simplify(&mut self) -> bool {
        if let Some(smaller) = self.tried.take() {
            // It fails too. The same stage again: the operation that was the n-th from the last is gone.
            self.shrunk |= matches!(self.stage, Stage::Operation(_));
            self.failing = smaller;
        }
        self.propose()
    }

    fn complicate(&mut self) -> bool {
        if self.tried.take().is_none() {
            return false;
        }
        self.advance();
        self.propose()
    }
}

fn ops_mut(program: &mut Program) -> impl Iterator<Item = &mut Op> {
    program.prelude.iter_mut().chain(program.threads.iter_mut().flatten())
}

/// The program with those jobs only that an operation names; `None` if all are named.
fn without_unused_jobs(program: &Program) -> Option<Program> {
    let mut smaller = program.clone();
    let mut named: BTreeMap<usize, usize> =
        ops_mut(&mut smaller).filter_map(Op::job_mut).map(|job| (*job, 0)).collect();
    if named.len() == program.jobs.len() {
        return None;
    }
    named.values_mut().enumerate().for_each(|(new, place)| *place = new);
    smaller.jobs = named.keys().map(|old| program.jobs[*old].clone()).collect();
    ops_mut(&mut smaller).filter_map(Op::job_mut).for_each(|job| *job = named[job]);
    Some(smaller)
}

/// The program with `job-1` or the like for the name of this job; `None` if it is called so already.
fn with_plain_name(program: &Program, job: usize) -> Option<Program> {
    let is_plain = |name: &String| name.strip_prefix("job-").is_some_and(|number| number.parse::<usize>().is_ok());
    let name = program.jobs.get(job).filter(|name| !is_plain(name))?;
    let mut smaller = program.clone();
    let free = distinct(Vec::new(), program.jobs.len() + 1).into_iter().find(|plain| !program.jobs.contains(plain))?;
    // Never a longer name for a short and harmless one.
    if name.len() < free.len() && name.chars().all(|c| c.is_ascii_alphanumeric()) {
        return None;
    }
    smaller.jobs[job] = free;
    Some(smaller)
}
