//! Generated programs: valid whatever is drawn and however it is shrunk, the same for one seed, hostile enough to find
//! the routers that confuse names. That the reference router stands them is tested in `regressions.rs`, where a breach is
//! saved.
#![cfg(feature = "verify")]

use narrowcast::verify::faults::{ROUTERS, number_of, router};
use narrowcast::verify::guarantee::Guarantee;
use narrowcast::verify::methods::interleaved::{self, Plan};
use narrowcast::verify::program::{Op, Program};
use narrowcast::verify::strategies::{Kinship, Population, Programs, hostile_names, look_alikes};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::collections::BTreeSet;

/// What `narrowcast verify` draws in the profile `quick`.
const QUICK: u64 = 500;

fn runner(seed: u8) -> TestRunner {
    let config = Config { failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]))
}

// === what is drawn ===

proptest! {
    #![proptest_config(Config { cases: 500, failure_persistence: None, ..Config::default() })]

    #[test]
    fn every_drawn_program_can_be_run(crowded in Programs::new(), little in Programs::small()) {
        prop_assert_eq!(crowded.check(), Ok(()));
        prop_assert_eq!(little.check(), Ok(()));
        prop_assert!(little.jobs.len() <= 3 && little.threads.len() <= 4 && little.retain <= 3);
    }

    #[test]
    fn names_are_different_and_as_many_as_were_asked_for(names in hostile_names(2..=6)) {
        let different: BTreeSet<&String> = names.iter().collect();
        prop_assert_eq!(different.len(), names.len());
        prop_assert!((2..=6).contains(&names.len()));
    }

    #[test]
    fn two_names_that_look_alike_are_two_names((_, [one, other]) in look_alikes()) {
        prop_assert_ne!(one, other);
    }

    #[test]
    fn the_bounds_are_those_that_were_asked_for(
        program in Programs::new()
            .jobs(5..=5)
            .threads(2..=2)
            .retain(7..=7)
            .system(false)
            .names(Just(vec!["x".to_owned(), "x".to_owned(), "y".to_owned()]))
    ) {
        prop_assert_eq!(program.jobs, ["x", "y", "job-1", "job-2", "job-3"]);
        prop_assert_eq!((program.threads.len(), program.retain), (2, 7));
        let mut ops = program.prelude.iter().chain(program.threads.iter().flatten());
        let narrates = ops.any(|op| matches!(op, Op::EmitSystem | Op::SubscribeSystem { .. }));
        prop_assert!(!narrates);
    }
}

#[test]
fn one_seed_draws_one_program() {
    for programs in [Programs::new(), Programs::small()] {
        let drawn = |seed| programs.drawn(seed);
        assert!((0..50).all(|seed| drawn(seed) == drawn(seed)));
        let different: BTreeSet<String> = (0..50).map(|seed| format!("{:?}", drawn(seed))).collect();
        assert!(different.len() >= 49, "{} different programs of 50 seeds", different.len());
    }
}

#[test]
fn each_program_of_quick_is_crowded_and_the_population_overflows_and_creates_names_again() {
    let mut population = Population::default();
    (0..QUICK).for_each(|seed| population.add(&Programs::new().drawn(seed)));
    assert_eq!(population.programs, QUICK);
    assert!(population.jobs[0] >= 3, "{population:?}");
    assert!(population.emitters_each[0] >= 2 && population.readers_each[0] >= 2, "{population:?}");
    let half = QUICK / 2;
    assert!(population.overflowing > half && population.recreating > half, "{population:?}");
    assert!(population.closing_amid_emits > half, "{population:?}");
    assert!(population.retained == [1, 3] && population.threads == [3, 4], "{population:?}");
}

#[test]
fn a_population_that_is_not_crowded_is_seen_not_to_be() {
    let mut population = Population::default();
    (0..QUICK).for_each(|seed| population.add(&Programs::small().drawn(seed)));
    assert_eq!((population.jobs[0], population.emitters_each[0], population.readers_each[0]), (2, 0, 0));
    let one =
        Program { jobs: vec!["a".into()], retain: 1, prelude: vec![Op::Create { job: 0 }], threads: vec![], cut: None };
    let mut population = Population::default();
    population.add(&one);
    let counts = (population.overflowing, population.recreating, population.closing_amid_emits);
    assert_eq!((population.jobs, population.emitters_each, counts), ([1, 1], [0, 0], (0, 0, 0)));
}

#[test]
fn a_swarm_leaves_kinds_of_operation_out() {
    // What the floors of a crowd put back cannot be seen to be left out.
    let drawn: Vec<Program> = (0..200).map(|seed| Programs::small().drawn(seed)).collect();
    let wanted: [fn(&Op) -> bool; 6] = [
        |op| matches!(op, Op::Create { .. }),
        |op| matches!(op, Op::Close { .. }),
        |op| matches!(op, Op::Read { .. }),
        |op| matches!(op, Op::Poll { .. }),
        |op| matches!(op, Op::Leave { .. }),
        |op| matches!(op, Op::EmitSystem),
    ];
    for (kind, wanted) in wanted.iter().enumerate() {
        let with = drawn.iter().filter(|program| program.threads.iter().flatten().any(wanted)).count();
        assert!((10..190).contains(&with), "kind {kind} stands in {with} of 200 programs");
    }
}

#[test]
fn every_kinship_is_drawn() {
    let mut runner = runner(3);
    let drawn: Vec<Kinship> =
        (0..400).map(|_| look_alikes().new_tree(&mut runner).expect("a pair").current().0).collect();
    let missing: Vec<_> = Kinship::ALL.into_iter().filter(|kinship| !drawn.contains(kinship)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

// === what it is shrunk to ===

/// Shrinks for as long as `fails`, as proptest does; every program on the way can be run.
fn shrunk(tree: &mut impl ValueTree<Value = Program>, fails: impl Fn(&Program) -> bool) -> Program {
    let mut more = fails(&tree.current()) && tree.simplify();
    while more {
        let program = tree.current();
        assert_eq!(program.check(), Ok(()), "{program}");
        more = if fails(&program) { tree.simplify() } else { tree.complicate() };
    }
    tree.current()
}

#[test]
fn a_program_shrinks_to_what_is_needed_and_nothing_else() {
    let has = |program: &Program, wanted: fn(&Op) -> bool| {
        program.prelude.iter().chain(program.threads.iter().flatten()).any(wanted)
    };
    let fails = |program: &Program| {
        has(program, |op| matches!(op, Op::Close { .. })) && has(program, |op| matches!(op, Op::Read { .. }))
    };
    let mut runner = runner(5);
    let mut tried = 0;
    for _ in 0..100 {
        let mut tree = Programs::new().new_tree(&mut runner).expect("a program");
        if !fails(&tree.current()) {
            continue;
        }
        tried += 1;
        let least = shrunk(&mut tree, fails);
        assert_eq!((least.operations(), least.jobs.len(), least.retain), (2, 1, 1), "{least}");
        assert!(fails(&least), "what is left fails still");
        assert_eq!(least.jobs[0].chars().filter(|c| !c.is_ascii_alphanumeric() && *c != '-').count(), 0, "{least}");
    }
    assert!(tried >= 50, "{tried} of 100 programs close and read");
}

#[test]
fn hostile_names_stay_where_they_are_what_fails() {
    let fails = |program: &Program| program.jobs.iter().any(|name| name.contains('\u{301}') || name.contains('\0'));
    let mut runner = runner(7);
    let mut tried = 0;
    for _ in 0..200 {
        // The jobs that nobody speaks of go first: somebody must speak of this one.
        let mut tree = Programs::new().new_tree(&mut runner).expect("a program");
        let spoken_of = |program: &Program| {
            fails(program) && {
                let ops: Vec<String> = program.threads.iter().flatten().map(|op| program.describe(op)).collect();
                ops.iter().any(|op| op.contains("\\u{301}") || op.contains("\u{301}") || op.contains("\\0"))
            }
        };
        if spoken_of(&tree.current()) {
            tried += 1;
            let least = shrunk(&mut tree, spoken_of);
            assert_eq!((least.jobs.len(), least.operations()), (1, 1), "{least}");
            assert!(fails(&least), "{least}");
        }
    }
    assert!(tried >= 5, "{tried}");
}

// === what it finds ===

fn generated(wanted: Vec<Guarantee>) -> Plan {
    Plan {
        seed: 1,
        programs: Vec::new(),
        generated: QUICK,
        schedules_each: 20,
        exhaustive: false,
        sequential: false,
        wanted,
        asked: Vec::new(),
    }
}

/// The routers that take one name for another are found by names that were drawn, not only by those that somebody put
/// into a small program because he knew the router.
#[test]
fn routers_that_confuse_names_are_found_by_generated_programs() {
    for id in [
        "prefix-match",
        "case-folding",
        "unicode-folding",
        "truncated-name",
        "separator-collision",
        "tenant-missing",
        "sentinel-name",
        "system-name",
        "cleanup-by-prefix",
    ] {
        let number = number_of(id).unwrap_or_else(|| panic!("{id} is not in the museum"));
        let about = ROUTERS[number as usize - 1];
        let report = interleaved::carry_out(router(number).expect("a router"), &generated(about.expected.to_vec()));
        let found = report.found.first().unwrap_or_else(|| panic!("{id}: nothing in {} programs", report.programs));
        assert!(about.expected.contains(&found.guarantee) && found.replays, "{id}: {}", found.guarantee);
    }
}

#[test]
fn most_leaky_routers_are_found_by_generated_programs() {
    let leaky: Vec<_> = (1..).zip(ROUTERS).filter(|(_, about)| !about.expected.is_empty()).collect();
    let mut unfound = Vec::new();
    for (number, about) in &leaky {
        let plan = Plan { generated: 100, ..generated(about.expected.to_vec()) };
        if interleaved::carry_out(router(*number).expect("a router"), &plan).found.is_empty() {
            unfound.push(about.id);
        }
    }
    assert!(unfound.len() * 4 <= leaky.len(), "not found: {unfound:?}");
}
