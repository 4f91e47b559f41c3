//! The `shuttle` method: wide programs under drawn schedules, inside the shipped kernel and inside planted patches.
#![cfg(feature = "verify")]

use narrowcast::compiled::guarded::{self, PATCHES, Patch};
use narrowcast::verify::findings::JUDGED;
use narrowcast::verify::guarantee::Guarantee;
use narrowcast::verify::methods::interleaved::{Abnormal, Found};
use narrowcast::verify::methods::loom::{Copy, models};
use narrowcast::verify::methods::shuttle::{self, Plan, Report, Sampler};
use narrowcast::verify::methods::wide;
use narrowcast::verify::premises::Premise;
use narrowcast::verify::program::{Op, Program};
use std::sync::Arc;

fn plan() -> Plan {
    Plan { seed: 1, programs: Vec::new(), drawn: 4, schedules_each: 20, sequential: false, wanted: Vec::new() }
}

fn count(program: &Program, job: usize, wanted: fn(&Op) -> Option<usize>) -> usize {
    program.prelude.iter().chain(program.threads.iter().flatten()).filter(|op| wanted(op) == Some(job)).count()
}

/// Of what the kernel alone can be asked (it has no system narration): which guarantees have all their premises?
fn with_all_premises(report: &Report) -> Vec<Guarantee> {
    let reached = |premise: &Premise| report.premises.get(premise.id()).is_some_and(|n| *n > 0);
    let complete = |claim: &Guarantee| *claim != Guarantee::G3 && Premise::needed(*claim).iter().all(reached);
    JUDGED.into_iter().filter(complete).collect()
}

// === programs ===

#[test]
fn a_wide_program_has_eight_jobs_with_eight_events_and_three_readers_each_and_can_be_run() {
    let programs: Vec<Program> = (0..200).map(wide::draw).collect();
    for program in &programs {
        assert_eq!(program.check(), Ok(()), "{program}");
        assert_eq!(program.jobs.len(), wide::JOBS);
        for job in 0..wide::JOBS {
            let emits = |op: &Op| if let Op::Emit { job, .. } = op { Some(*job) } else { None };
            let subscribes = |op: &Op| if let Op::Subscribe { job, .. } = op { Some(*job) } else { None };
            assert!(count(program, job, emits) >= wide::EVENTS, "{program}");
            assert_eq!(count(program, job, subscribes), wide::READERS, "{program}");
        }
    }
    let different: std::collections::HashSet<String> = programs.iter().map(ToString::to_string).collect();
    assert_eq!(different.len(), programs.len(), "the seed decides");
    assert_eq!(wide::draw(7), wide::draw(7));
}

// === the shipped kernel ===

#[test]
fn the_shipped_kernel_stands_and_every_premise_is_reached() {
    let report = shuttle::carry_out(Copy::Shipped, &plan());
    assert!(report.found.is_empty() && report.abnormal.is_none(), "{report:?}");
    assert_eq!(report.programs, 4);
    for sampler in Sampler::ALL {
        assert_eq!(report.schedules[&sampler], 80, "{}", sampler.id());
    }
    let judgeable: Vec<Guarantee> = JUDGED.into_iter().filter(|claim| *claim != Guarantee::G3).collect();
    assert_eq!(with_all_premises(&report), judgeable, "{:?}", report.premises);
}

#[test]
fn forced_sequential_every_guarantee_lacks_a_premise() {
    let report = shuttle::carry_out(Copy::Shipped, &Plan { drawn: 200, sequential: true, ..plan() });
    assert!(report.found.is_empty() && report.abnormal.is_none(), "{report:?}");
    assert_eq!(report.schedules.values().sum::<u64>(), 200, "one schedule of each program");
    assert_eq!(with_all_premises(&report), []);
}

#[test]
fn one_seed_gives_one_report() {
    let told =
        |seed| serde_json::to_value(shuttle::carry_out(Copy::Shipped, &Plan { seed, ..plan() })).expect("plain data");
    assert_eq!(told(5), told(5));
    assert_ne!(told(5), told(6));
}

// === planted patches ===

/// What is found in a patched kernel.
fn search(patch: &Patch, plan: &Plan) -> Vec<Found> {
    guarded::activate(patch.number);
    let report = shuttle::carry_out(Copy::Guarded(patch.number), plan);
    guarded::activate(0);
    report.found
}

fn expected(patch: &Patch) -> Vec<Guarantee> {
    patch.expected.iter().filter_map(|id| Guarantee::by_id(id)).collect()
}

// One test, since there is one switch for the patches of a process.
#[test]
fn planted_patches_are_found_in_models_and_in_wide_programs_shrunk_and_replayed() {
    for id in ["lag-fencepost", "lost-wake-at-close", "sleeps-without-a-last-look", "remove-by-name"] {
        let patch = PATCHES.iter().find(|patch| patch.id == id).expect("it is in the museum");
        let model = models().into_iter().find(|model| model.id == patch.model).expect("it names a model");
        let programs = vec![(model.id.to_owned(), model.program.clone())];
        let in_model = Plan { programs, drawn: 0, schedules_each: 1_000, wanted: expected(patch), ..plan() };
        let in_wide = Plan { drawn: 30, schedules_each: 30, wanted: expected(patch), ..plan() };
        for plan in [in_model, in_wide] {
            let found = search(patch, &plan);
            assert!(!found.is_empty(), "{id} was not found");
            for found in found {
                assert!(found.program.operations() <= 8, "{id}, {}:\n{}", found.guarantee, found.program);
                assert!(found.replays, "{id}, {}: it did not replay", found.guarantee);
                assert!(expected(patch).contains(&found.guarantee));
                replays(patch, &found);
            }
        }
    }
    // With no patch active, the guarded copy is the shipped kernel.
    assert_eq!(shuttle::carry_out(Copy::Guarded(0), &plan()).found.len(), 0);
}

/// Again, bit for bit; on the shipped kernel it is no breach; and a schedule that does not fit is said to be stale.
fn replays(patch: &Patch, found: &Found) {
    let program = Arc::new(found.program.clone());
    let lines = |copy| -> Vec<String> {
        shuttle::replay(copy, &program, &found.schedule).history.iter().map(|line| line.to_json()).collect()
    };
    guarded::activate(patch.number);
    assert_eq!(lines(Copy::Guarded(patch.number)), found.history, "{}", patch.id);
    guarded::activate(0);
    let healthy = shuttle::replay(Copy::Shipped, &program, &found.schedule);
    let judged = narrowcast::verify::checker::check(&healthy.history);
    let fits = !matches!(healthy.abnormal, Some(Abnormal::Stale(_)));
    assert!(!(fits && judged.violated().contains(&found.guarantee)), "{}: so it is no fault of the patch", patch.id);
    let cut = &found.schedule[..found.schedule.len() / 2];
    let stale = shuttle::replay(Copy::Shipped, &program, cut).abnormal;
    assert!(matches!(stale, Some(Abnormal::Stale(step)) if step <= cut.len()), "{}: {stale:?}", patch.id);
}
