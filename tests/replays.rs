//! `interleaved` is exact: what it found once it shows again.
//!
//! - The same program, seed and schedule record the same history, on the reference router and on every router of the
//!   museum; a schedule that belongs to another program is *stale*, and never taken for another run.
//! - What it finds in a leaky router is minimal: small, it replays, and without any one operation it is gone.
//! - With everything forced sequential, each guarantee that this build checks lacks a premise.
#![cfg(feature = "verify")]

use narrowcast::verify::catalogue::{generate, scenarios};
use narrowcast::verify::checker;
use narrowcast::verify::counterexample::Counterexample;
use narrowcast::verify::faults::{Fault, ROUTERS, faults, number_of, router};
use narrowcast::verify::findings::JUDGED;
use narrowcast::verify::guarantee::Guarantee;
use narrowcast::verify::methods::Bench;
use narrowcast::verify::methods::interleaved::{self, Abnormal, Execution, Found, Plan, Report, Schedule, SplitMix};
use narrowcast::verify::methods::minimise::breaks;
use narrowcast::verify::premises::Premise;
use narrowcast::verify::program::Program;
use narrowcast::verify::subject::erased::{Erased, Fresh};
use narrowcast::verify::subject::reference::{Job, Reference};
use narrowcast::verify::subject::{Delivery, Outcome, Refused, Setup, Since, Subject};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::thread;

/// Whether the schedule was followed from its first step to its last, and the program then was done.
fn fits(execution: &Execution, schedule: &[u8]) -> bool {
    execution.abnormal.is_none() && execution.schedule == schedule
}

/// A complete schedule of a program: at each step a thread that can move, drawn from the seed. Whether a thread can
/// move is found out by asking: a schedule that goes on with one that cannot is stale at that very step.
fn some_schedule(fresh: Fresh, program: &Arc<Program>, seed: u64) -> Schedule {
    let mut random = SplitMix(seed);
    let mut schedule = Schedule::new();
    loop {
        let threads = program.threads.len() as u64;
        let first = random.next() % threads.max(1);
        let moved = (0..threads).map(|t| ((first + t) % threads) as u8).find_map(|thread| {
            let mut longer = schedule.clone();
            longer.push(thread);
            let execution = interleaved::replay(fresh, program, seed, &longer);
            let step_was_possible = execution.abnormal != Some(Abnormal::Stale(schedule.len()));
            (step_was_possible && execution.schedule == longer).then_some((longer, execution))
        });
        let Some((longer, execution)) = moved else { return schedule };
        schedule = longer;
        if execution.abnormal.is_none() {
            return schedule;
        }
    }
}

fn small_programs() -> Vec<(String, Program)> {
    scenarios().into_iter().map(|scenario| (scenario.id.to_owned(), scenario.program)).collect()
}

fn plan(wanted: Vec<Guarantee>) -> Plan {
    Plan {
        seed: 1,
        programs: small_programs(),
        generated: 0,
        schedules_each: 200_000,
        exhaustive: true,
        sequential: false,
        wanted,
        asked: Vec::new(),
    }
}

/// For a leaky router: it may be preempted inside an operation, so it has far more schedules. As many are tried as
/// `verify` tries.
fn leaky(wanted: Vec<Guarantee>) -> Plan {
    Plan { schedules_each: 4_000, ..plan(wanted) }
}

// === exact ===

fn runs_twice_alike(fresh: Fresh, seed: u64) {
    let programs = small_programs().into_iter().map(|(_, program)| program).chain((0..20).map(generate));
    for program in programs.map(Arc::new) {
        let schedule = some_schedule(fresh, &program, seed);
        let once = interleaved::replay(fresh, &program, seed, &schedule);
        let again = interleaved::replay(fresh, &program, seed, &schedule);
        assert_eq!(once.history, again.history, "{program}under {schedule:?}");
        assert_eq!(
            (once.waits, &once.choices, &once.schedule, &once.abnormal),
            (again.waits, &again.choices, &again.schedule, &again.abnormal),
            "{program}under {schedule:?}"
        );
        assert!(fits(&once, &schedule), "{program}under {schedule:?}");
    }
}

#[test]
fn the_same_program_seed_and_schedule_record_the_same_history_on_every_router() {
    for subject in 0..=ROUTERS.len() as u32 {
        for seed in [1, 0xdead_beef] {
            runs_twice_alike(museum(subject), seed);
        }
    }
}

#[test]
fn a_schedule_that_breaks_off_or_asks_for_whom_there_is_not_is_stale_at_that_step() {
    for (id, program) in small_programs() {
        let program = Arc::new(program);
        let schedule = some_schedule(Erased::fresh::<Reference>, &program, 3);
        for step in 0..schedule.len() {
            let short = interleaved::replay(Erased::fresh::<Reference>, &program, 3, &schedule[..step]);
            assert_eq!(short.abnormal, Some(Abnormal::Stale(step)), "{id}, broken off");
            let mut nobody = schedule.clone();
            nobody[step] = program.threads.len() as u8;
            let nobody = interleaved::replay(Erased::fresh::<Reference>, &program, 3, &nobody);
            assert_eq!(nobody.abnormal, Some(Abnormal::Stale(step)), "{id}, a thread that it does not have");
        }
        let longer: Schedule = schedule.iter().copied().chain([0]).collect();
        assert!(
            !fits(&interleaved::replay(Erased::fresh::<Reference>, &program, 3, &longer), &longer),
            "{id}, one step too many"
        );
    }
}

#[test]
fn a_schedule_of_another_program_does_not_fit() {
    let programs = small_programs();
    let mut strangers = 0;
    for (id, program) in &programs {
        let schedule = some_schedule(Erased::fresh::<Reference>, &Arc::new(program.clone()), 5);
        for (other, of_other) in programs.iter().filter(|(other, _)| other != id) {
            let execution = interleaved::replay(Erased::fresh::<Reference>, &Arc::new(of_other.clone()), 5, &schedule);
            // A schedule is a list of turns: it fits another program only if that takes the same turns to the end.
            if fits(&execution, &schedule) {
                assert_eq!(execution.schedule.len(), schedule.len());
            } else {
                strangers += 1;
            }
            assert!(
                fits(&execution, &schedule)
                    || execution.abnormal.is_some()
                    || execution.schedule.len() < schedule.len(),
                "{other} under a schedule of {id} is neither followed nor refused"
            );
        }
        for operation in program.prelude.len()..program.operations() {
            let smaller = Arc::new(program.without(operation));
            let execution = interleaved::replay(Erased::fresh::<Reference>, &smaller, 5, &schedule);
            assert!(!fits(&execution, &schedule), "{id} without operation {operation} has fewer turns");
        }
    }
    assert!(strangers >= programs.len() * (programs.len() - 1) * 9 / 10, "only {strangers} did not fit");
}

// === minimal ===

fn museum(number: u32) -> Fresh {
    router(number).expect("a router of the museum")
}

/// Looks for a breach of a guarantee in a program, further than the minimiser does.
fn still_breaks(fresh: Fresh, program: &Program, guarantee: Guarantee) -> bool {
    let mut wanted = |breach: &interleaved::Breach| breaks(breach, guarantee);
    let program = Arc::new(program.clone());
    let searched = interleaved::exhaust(fresh, &program, 1, 50_000, &mut Bench::default(), &mut wanted);
    assert!(searched.breach.is_some() || searched.frontier_emptied, "a small program has few schedules");
    searched.breach.is_some()
}

/// Each leaky router with what was found in it. Looked for once: what is found is always the same.
static LEAKS: LazyLock<Vec<(u32, &'static str, Vec<Found>)>> = LazyLock::new(|| {
    let routers = faults().into_iter().filter_map(|fault| match fault {
        Fault::Router(number, about) => Some((number, about, fault.expected())),
        Fault::Patch(_) | Fault::Gateway(..) => None,
    });
    // What only the neighbours notice is found, and minimised, elsewhere (`tests/quiet.rs`).
    let routers = routers.filter(|(_, _, expected)| expected.iter().any(|guarantee| JUDGED.contains(guarantee)));
    let found = routers.map(|(number, about, expected)| {
        let report = interleaved::carry_out(museum(number), &leaky(expected));
        (number, about.id, report.found)
    });
    found.collect()
});

/// Looks at each leak, on every core.
fn each_leak(look: impl Fn(Fresh, &'static str, &[Found]) + Sync) {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some((number, id, found)) = LEAKS.get(next.fetch_add(1, Ordering::Relaxed)) {
                    look(museum(*number), id, found);
                }
            });
        }
    });
}

#[test]
fn what_is_found_in_a_leaky_router_is_small_and_replays() {
    for (number, id, found) in LEAKS.iter() {
        assert!(!found.is_empty(), "nothing was found in {id}");
        for found in found {
            let operations = found.program.operations();
            assert!(operations <= 8, "{id}, {}: {operations} operations\n{}", found.guarantee, found.program);
            assert!(operations as u64 <= found.minimised_from, "{id}: larger than that in which it was found");
            assert_eq!(found.program.check(), Ok(()), "{id}: a program that can be read again");
            assert!(found.replays, "{id}, {}: it did not replay when it was found", found.guarantee);
            let execution = interleaved::replay(museum(*number), &Arc::new(found.program.clone()), 1, &found.schedule);
            assert!(fits(&execution, &found.schedule), "{id}, {}: its schedule no longer fits", found.guarantee);
            let history: Vec<String> = execution.history.iter().map(|line| line.to_json()).collect();
            assert_eq!(history, found.history, "{id}, {}", found.guarantee);
            assert!(checker::check(&execution.history).violated().contains(&found.guarantee), "{id}");
        }
    }
}

#[test]
fn each_guarantee_that_a_leaky_router_is_said_to_break_is_found_broken() {
    let mut unfound = Vec::new();
    for fault in faults() {
        let Fault::Router(number, about) = fault else { continue };
        for guarantee in fault.expected().into_iter().filter(|guarantee| JUDGED.contains(guarantee)) {
            let report = interleaved::carry_out(museum(number), &leaky(vec![guarantee]));
            if !report.found.iter().any(|found| found.guarantee == guarantee && found.replays) {
                unfound.push((about.id, guarantee));
            }
        }
    }
    assert!(unfound.is_empty(), "who verifies one of these alone is told that the checks are too weak: {unfound:?}");
}

#[test]
fn without_any_one_operation_what_is_found_in_a_leaky_router_is_gone() {
    each_leak(|fresh, id, found| {
        for found in found {
            for operation in 0..found.program.operations() {
                let smaller = found.program.without(operation);
                let still = still_breaks(fresh, &smaller, found.guarantee);
                assert!(!still, "{id}, {}: operation {operation} is not needed in\n{}", found.guarantee, found.program);
            }
        }
    });
}

#[test]
fn a_finding_is_matched_by_its_guarantee_and_by_no_other() {
    each_leak(|fresh, id, found| {
        let every = interleaved::carry_out(fresh, &leaky(Vec::new()));
        let guarantees: BTreeSet<Guarantee> = every.found.iter().map(|found| found.guarantee).collect();
        assert_eq!(guarantees.len(), every.found.len(), "{id}: one finding for each guarantee");
        assert!(found.iter().all(|found| guarantees.contains(&found.guarantee)), "{id}");
        for found in &every.found {
            assert!(found.findings.violated().contains(&found.guarantee), "{id}: shrunk into another breach");
        }
    });
}

#[test]
fn of_what_nobody_asks_about_nothing_is_kept_and_it_ends_no_search() {
    use Guarantee::{G1, G5, G6};
    let number = number_of("last-connect").expect("it is in the museum");
    let report = |asked| interleaved::carry_out(museum(number), &Plan { asked, ..leaky(Vec::new()) });
    let found = |report: &Report| -> Vec<Guarantee> { report.found.iter().map(|found| found.guarantee).collect() };
    let all = report(Vec::new());
    assert!(found(&all).contains(&G1) && found(&all).contains(&G6) && !found(&all).contains(&G5), "{:?}", found(&all));
    let (both, one, more) = (report(vec![G1, G6]), report(vec![G6]), report(vec![G5, G6]));
    assert_eq!((found(&one), found(&more)), (vec![G6], vec![G6]));
    assert_eq!(found(&both).iter().collect::<BTreeSet<_>>(), [G1, G6].iter().collect());
    assert!(one.schedules <= both.schedules && both.schedules < all.schedules, "there is nothing left to look for");
    assert_eq!((more.programs, more.schedules), (all.programs, all.schedules), "of G5 all schedules are needed");
}

// === sequential ===

#[test]
fn forced_sequential_every_checked_guarantee_lacks_a_premise() {
    let sequential = Plan { generated: 500, exhaustive: false, sequential: true, ..plan(Vec::new()) };
    let report = interleaved::carry_out(Erased::fresh::<Reference>, &sequential);
    assert!(report.found.is_empty() && report.abnormal.is_none());
    assert_eq!(report.schedules, 500 + small_programs().len() as u64, "each program is run once");
    let reached = |premise: &Premise| report.premises.get(premise.id()).is_some_and(|n| *n > 0);
    let complete: Vec<_> =
        JUDGED.into_iter().map(|g| (g, Premise::needed(g))).filter(|(_, needed)| needed.iter().all(reached)).collect();
    assert!(complete.is_empty(), "one thread after the other, these have all their premises: {complete:?}");
}

#[test]
fn left_to_interleave_every_checked_guarantee_has_its_premises() {
    let report = interleaved::carry_out(Erased::fresh::<Reference>, &plan(Vec::new()));
    assert!(report.found.is_empty() && report.abnormal.is_none() && report.frontier_emptied);
    for guarantee in JUDGED {
        for premise in Premise::needed(guarantee) {
            assert!(report.premises.get(premise.id()).is_some_and(|n| *n > 0), "{guarantee} lacks {}", premise.id());
        }
    }
}

// === the seed ===

/// The reference router with a defect that depends on what it draws: with every other seed it refuses all events. So
/// does a router whose ids or hashes collide with some seeds and not with others.
struct ByLuck {
    router: Reference,
    unlucky: bool,
}

impl Subject for ByLuck {
    type Job = Job;
    type Stream = <Reference as Subject>::Stream;

    fn fresh(setup: Setup) -> Self {
        let unlucky = setup.seed % 2 == 1;
        ByLuck { router: Reference::fresh(setup), unlucky }
    }

    async fn create(&self, name: &str) -> Result<Job, Refused> {
        self.router.create(name).await
    }

    async fn emit(&self, job: &Job, event: &str) -> Result<(), Refused> {
        if self.unlucky { Err(Refused::Other("out of luck".into())) } else { self.router.emit(job, event).await }
    }

    async fn subscribe(&self, job: &Job, since: Since<'_>) -> Result<Self::Stream, Refused> {
        self.router.subscribe(job, since).await
    }

    async fn next(stream: &mut Self::Stream) -> Delivery {
        Reference::next(stream).await
    }

    async fn close(&self, job: &Job, outcome: Outcome) -> Result<(), Refused> {
        self.router.close(job, outcome).await
    }
}

#[test]
fn a_counterexample_carries_the_seed_of_the_run_that_it_replays() {
    for seed in 0..8 {
        let programs = small_programs().into_iter().filter(|(id, _)| id == "two-jobs").collect();
        let plan = Plan { seed, programs, ..plan(vec![Guarantee::G4]) };
        let report = interleaved::carry_out(Erased::fresh::<ByLuck>, &plan);
        for found in &report.found {
            let cx = Counterexample::of_interleaved("by-luck".into(), "by-luck", plan.seed, found);
            let digits = cx.seed.strip_prefix("0x").expect("a seed is written in hexadecimal");
            let written = u64::from_str_radix(digits, 16).expect("a seed is written in hexadecimal");
            let execution =
                interleaved::replay(Erased::fresh::<ByLuck>, &Arc::new(cx.program), written, &found.schedule);
            let history: Vec<String> = execution.history.iter().map(|line| line.to_json()).collect();
            assert_eq!(history, found.history, "seed {}, of a plan with seed {seed}", cx.seed);
        }
    }
}
