//! Shrinking a breach: fewer operations first, then fewer switches.
//!
//! A smaller program counts only if some schedule of it breaks the *same* guarantee (failures are matched by
//! identity: a program that fails in another way is another finding). Removing one operation at a time until none can
//! go leaves a program from which every single operation is needed; the last search then goes through schedules with
//! few switches first.

use super::Bench;
use super::interleaved::{self, Breach, Start};
use crate::verify::guarantee::Guarantee;
use crate::verify::program::Program;
use crate::verify::subject::Subject;
use std::sync::Arc;

/// Schedules tried for each smaller program.
const SCHEDULES_EACH: u64 = 3_000;

/// A program with more operations is first made smaller in large steps.
const LARGE: usize = 12;

/// Schedules tried for each large step: few, since there are others to take if this one is missed.
const SCHEDULES_A_STEP: u64 = 60;

/// Whether a breach breaks this guarantee.
pub fn breaks(breach: &Breach, guarantee: Guarantee) -> bool {
    breach.findings.as_ref().is_some_and(|findings| findings.violated().contains(&guarantee))
}

/// The smallest breach of `guarantee` that removing operations from this one leads to.
pub fn minimise<S: Subject>(found: &Breach, guarantee: Guarantee, seed: u64) -> Breach {
    minimise_on(interleaved::start::<S>, found, guarantee, seed)
}

pub(super) fn minimise_on(start: Start, found: &Breach, guarantee: Guarantee, seed: u64) -> Breach {
    let smaller = in_large_steps(start, found, guarantee, seed);
    minimise_by(&smaller, |program, _| search(start, program, guarantee, seed))
}

/// Removes runs of neighbouring operations, of half of them, then of a quarter, and so on (delta debugging, Zeller and
/// Hildebrandt, TSE 2002), for as long as a few schedules still show the breach.
fn in_large_steps(start: Start, found: &Breach, guarantee: Guarantee, seed: u64) -> Breach {
    let mut best = found.clone();
    let mut width = best.program.operations() / 2;
    while width > 0 && best.program.operations() > LARGE {
        let mut at = best.program.operations();
        while at > 0 && best.program.operations() > LARGE {
            let from = at.saturating_sub(width);
            let smaller = (from..at).rev().fold((*best.program).clone(), |program, op| program.without(op));
            let mut wanted = |breach: &Breach| breaks(breach, guarantee);
            let (smaller, bench) = (Arc::new(smaller), &mut Bench::default());
            let searched = interleaved::sample_on(start, &smaller, seed, SCHEDULES_A_STEP, bench, &mut wanted);
            best = searched.breach.unwrap_or(best);
            at = from;
        }
        width /= 2;
    }
    best
}

/// Removes threads, many at a time while there are many, and then operations one at a time, for as long as `search`
/// still finds the breach in what is left; it is shown the smallest so far, too.
pub fn minimise_by<B: Clone + Shrinks>(found: &B, search: impl Fn(&Arc<Program>, &B) -> Option<B>) -> B {
    let mut best = search(found.program(), found).unwrap_or_else(|| found.clone());
    // Delta debugging's halves, quarters and so on (Zeller and Hildebrandt, TSE 2002): of forty threads, few are needed.
    let mut many = best.program().threads.len() / 2;
    while many > 0 {
        let mut first = 0;
        while first < best.program().threads.len() {
            match search(&Arc::new(best.program().without_threads(first, many)), &best) {
                Some(breach) => best = breach,
                None => first += many,
            }
        }
        many /= 2;
    }
    // From the last operation to the first: what comes late is seldom what earlier operations need. And again for as long
    // as anything went: what was needed by what has gone since is needed no more.
    loop {
        let before = best.program().operations();
        for at in (0..before).rev() {
            if let Some(breach) = search(&Arc::new(best.program().without(at)), &best) {
                best = breach;
            }
        }
        if best.program().operations() == before {
            return best;
        }
    }
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

fn search(start: Start, program: &Arc<Program>, guarantee: Guarantee, seed: u64) -> Option<Breach> {
    let mut wanted = |breach: &Breach| breaks(breach, guarantee);
    let searched = interleaved::exhaust_on(start, program, seed, SCHEDULES_EACH, &mut Bench::default(), &mut wanted);
    if searched.breach.is_some() || searched.frontier_emptied {
        return searched.breach;
    }
    interleaved::sample_on(start, program, seed, SCHEDULES_EACH, &mut Bench::default(), &mut wanted).breach
}
