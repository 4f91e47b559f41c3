//! Hunting: how many schedules an explorer draws until it meets a fault.
//!
//! The same programs, drawn schedules from one seed after the other, and nothing but the search: it stops at the first
//! breach, and minimises nothing. A seed that meets the fault late, or not within the cap, says as much as one that
//! meets it at once, so all are kept.

use super::loom::Copy;
use super::minimise::breaks;
use super::shuttle::{self, Sampler};
use super::{Bench, interleaved};
use crate::verify::guarantee::Guarantee;
use crate::verify::methods::interleaved::SplitMix;
use crate::verify::program::Program;
use crate::verify::subject::erased::Fresh;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Instant;

/// What to hunt in.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plan {
    /// The programs.
    pub programs: Vec<Program>,
    /// One hunt for each seed.
    pub seeds: Vec<u64>,
    /// At most so many schedules for each.
    pub most: u64,
    /// The hunt is over once one of these is found broken.
    pub wanted: Vec<Guarantee>,
}

/// One seed's hunt.
#[derive(Debug, Clone, std::marker::Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hunted {
    /// With which schedule the fault was met, from 1; none if it was not.
    pub after: Option<u64>,
    /// How long that took.
    pub micros: u64,
}

/// Hunts with every seed, and takes the time.
fn hunt(plan: &Plan, with: impl Fn(u64) -> Option<u64>) -> Vec<Hunted> {
    let hunt = |seed: &u64| {
        let started = Instant::now();
        let after = with(*seed);
        Hunted { after, micros: started.elapsed().as_micros() as u64 }
    };
    plan.seeds.iter().map(hunt).collect()
}

/// Under `interleaved`: one schedule of each program in turn, drawn with equal chances for whoever can move.
pub fn between_operations(fresh: Fresh, plan: &Plan) -> Vec<Hunted> {
    let programs: Vec<Arc<Program>> = plan.programs.iter().cloned().map(Arc::new).collect();
    let wanted = |breach: &interleaved::Breach| plan.wanted.iter().any(|guarantee| breaks(breach, *guarantee));
    hunt(plan, |seed| {
        let (mut random, mut bench) = (SplitMix(seed), Bench::default());
        (1..=plan.most).zip(programs.iter().cycle()).find_map(|(number, program)| {
            let searched = interleaved::sample(fresh, program, random.next(), 1, &mut bench, &mut |b| wanted(b));
            searched.breach.map(|_| number)
        })
    })
}

/// Under one of shuttle's samplers: as many schedules of each program, one program after the other.
pub fn inside_the_kernel(copy: Copy, sampler: Sampler, plan: &Plan) -> Vec<Hunted> {
    let programs: Vec<Arc<Program>> = plan.programs.iter().cloned().map(Arc::new).collect();
    let each = plan.most / programs.len().max(1) as u64;
    hunt(plan, |seed| {
        let mut before = 0;
        programs.iter().find_map(|program| {
            let (schedules, found) = shuttle::schedules_to_find(copy, program, (sampler, seed, each), &plan.wanted);
            before += schedules;
            found.then_some(before)
        })
    })
}
