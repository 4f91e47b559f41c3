//! What loom found, made smaller with loom itself, in children, and found again.

use super::Job;
use super::child::{Answer, Spawner, Task};
use super::rows::{broken_by, read};
use crate::verify::guarantee::Guarantee;
use crate::verify::methods::loom::{Breach, Copy, Found, Plan, Report};
use crate::verify::methods::minimise::{Shrinks, minimise_by};
use crate::verify::program::Program;
use serde_json::Value;
use std::sync::Arc;

/// A smaller program may need more preemptions than that in which the breach was found; it is given at least so many, if
/// the plan allows them.
const PREEMPTIONS_TO_SHRINK: usize = 2;

/// What is done to a finding before it is believed.
#[derive(Debug, Clone, std::marker::Copy, PartialEq, Eq)]
pub(super) enum Effort {
    /// It is found again as it is.
    Confirm,
    /// Operations are taken away for as long as it is still found, and what is left is found again.
    Minimise,
}

/// Of each job what loom found in it, a guarantee each; of jobs of other methods nothing.
pub(super) fn found(jobs: &[Job], answers: &[Answer<Value>], spawner: &Spawner, effort: Effort) -> Vec<Vec<Found>> {
    let mut first: Vec<(usize, Hunted<'_>, Breach)> = Vec::new();
    for (at, (job, answer)) in jobs.iter().zip(answers).enumerate() {
        let Task::Loom { copy, plan } = &job.task else { continue };
        let Ok(report) = read::<Report>(answer) else { continue };
        for guarantee in broken_by(&report) {
            let breach = report.breach.clone().expect("what is broken is broken by the breach");
            first.push((at, Hunted { copy: *copy, plan, guarantee, spawner }, breach));
        }
    }
    let found = spawner.each(first.len(), |at| {
        let (_, hunted, breach) = &first[at];
        hunted.found(breach, effort)
    });
    let mut by_job = vec![Vec::new(); jobs.len()];
    for ((at, ..), found) in first.into_iter().zip(found) {
        by_job[at].push(found);
    }
    by_job
}

/// A program that shows a breach.
#[derive(Clone)]
struct Shown {
    program: Arc<Program>,
    breach: Breach,
}

impl Shrinks for Shown {
    fn program(&self) -> &Arc<Program> {
        &self.program
    }
}

/// A guarantee that was found broken, and where.
struct Hunted<'h> {
    copy: Copy,
    plan: &'h Plan,
    guarantee: Guarantee,
    spawner: &'h Spawner,
}

impl Hunted<'_> {
    fn found(&self, breach: &Breach, effort: Effort) -> Found {
        let first = Shown { program: Arc::new(self.plan.program.clone()), breach: breach.clone() };
        let least = match effort {
            Effort::Confirm => first,
            Effort::Minimise => {
                let enough = breach.preemptions.map(|most| most.max(PREEMPTIONS_TO_SHRINK));
                let mut bounds = self.plan.bounds.clone();
                bounds.retain(|bound| enough.is_none() || bound.is_some_and(|bound| Some(bound) <= enough));
                minimise_by(&first, |program, _| {
                    let breach = self.explore(program, bounds.clone())?;
                    Some(Shown { program: Arc::clone(program), breach })
                })
            }
        };
        let again = self.explore(&least.program, vec![least.breach.preemptions]);
        Found {
            guarantee: self.guarantee,
            program: (*least.program).clone(),
            replays: again.as_ref() == Some(&least.breach),
            breach: least.breach,
        }
    }

    /// The first breach of the guarantee in a program within these bounds. One that takes its child down, or is not
    /// explored in time, shows none.
    fn explore(&self, program: &Program, bounds: Vec<Option<usize>>) -> Option<Breach> {
        let plan = Plan {
            program: program.clone(),
            bounds,
            sequential: self.plan.sequential,
            wanted: vec![self.guarantee],
            outcomes: false,
        };
        let answer = self.spawner.run::<Report>(&Task::Loom { copy: self.copy, plan });
        answer.said()?.breach.clone().filter(|breach| breach.breaks(self.guarantee))
    }
}
