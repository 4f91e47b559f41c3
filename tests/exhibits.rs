//! The museum shows what it says: each fault by one small program, each near-miss by not falling for its sibling's.
#![cfg(feature = "verify")]
#![allow(missing_docs, reason = "tests")]

use narrowcast::verify::catalogue::{generate, scenarios};
use narrowcast::verify::faults::about::{About, Kind};
use narrowcast::verify::faults::catch_all::{self, CatchAll};
use narrowcast::verify::faults::global_broadcast::{self, GlobalBroadcast};
use narrowcast::verify::faults::lag_as_close::{self, LagAsClose};
use narrowcast::verify::faults::near_drop_oldest::DropOldest;
use narrowcast::verify::faults::near_joined_maps::TwoMaps;
use narrowcast::verify::faults::near_shared_log::SharedLog;
use narrowcast::verify::faults::near_single_reader::SingleReader;
use narrowcast::verify::faults::near_stop_on_lag::StopOnLag;
use narrowcast::verify::faults::ordinary::ordinary;
use narrowcast::verify::faults::revisit::orders::{in_every_order, in_order};
use narrowcast::verify::faults::revisit::{self, claims};
use narrowcast::verify::faults::seed_router::{self, SeedRouter, SeedService};
use narrowcast::verify::faults::stolen_receiver::{self, StolenReceiver};
use narrowcast::verify::faults::torn_maps::{self, TornMaps};
use narrowcast::verify::faults::{ROUTERS, faults, gateways, near_misses, router};
use narrowcast::verify::guarantee::Guarantee;
use narrowcast::verify::methods::interleaved::SplitMix;
use narrowcast::verify::oracle;
use narrowcast::verify::program::{Door, From, Op, Program, Until};
use narrowcast::verify::session::CHECKED;
use narrowcast::verify::subject::Outcome;
use narrowcast::verify::subject::erased::{Erased, Fresh};
use narrowcast::verify::subject::reference::Reference;
use std::collections::BTreeSet;
use std::sync::Arc;

// === the programs, one for each fault and as small as it can be ===

const CREATE_A: Op = Op::Create { job: 0 };
const CREATE_B: Op = Op::Create { job: 1 };
const EMIT_A: Op = Op::Emit { job: 0, door: Door::Handle };
const CLOSE_A: Op = Op::Close { job: 0, outcome: Outcome::Completed, door: Door::Handle };

fn subscribe(stream: usize) -> Op {
    Op::Subscribe { job: 0, stream, from: From::Start, door: Door::Handle }
}

fn program(retain: usize, prelude: Vec<Op>, threads: Vec<Vec<Op>>) -> Arc<Program> {
    let program = Program { jobs: vec!["a".into(), "b".into()], retain, prelude, threads, cut: None };
    assert_eq!(program.check(), Ok(()));
    Arc::new(program)
}

fn a_stranger_speaks() -> Arc<Program> {
    program(4, vec![CREATE_A, CREATE_B, subscribe(0)], vec![vec![Op::Emit { job: 1, door: Door::Handle }]])
}

fn nobody_is_spoken_to() -> Arc<Program> {
    program(4, vec![CREATE_A, subscribe(0)], vec![vec![Op::Emit { job: 1, door: Door::Name }]])
}

fn two_rivals_create() -> Arc<Program> {
    program(4, vec![], vec![vec![CREATE_A], vec![CREATE_A, EMIT_A, subscribe(0)]])
}

fn two_read() -> Arc<Program> {
    program(4, vec![CREATE_A], vec![vec![subscribe(0), subscribe(1)]])
}

fn one_falls_behind() -> Arc<Program> {
    program(1, vec![CREATE_A, subscribe(0)], vec![vec![EMIT_A, EMIT_A]])
}

fn a_straggler_speaks() -> Arc<Program> {
    let straggle = Op::Emit { job: 0, door: Door::Straggler };
    program(4, vec![CREATE_A, CLOSE_A, CREATE_A, subscribe(0)], vec![vec![straggle]])
}

fn one_reads() -> Arc<Program> {
    program(4, vec![CREATE_A], vec![vec![subscribe(0), Op::Read { stream: 0, until: Until::End }]])
}

/// What some order of the program breaks, and how many orders break anything, of how many.
fn broken(fresh: Fresh, program: &Arc<Program>) -> (BTreeSet<Guarantee>, usize, usize) {
    let orders = in_every_order(fresh, program, 10_000).expect("a small program");
    let judged: Vec<_> = orders.iter().map(|history| oracle::judge(history).violated).collect();
    let breaking = judged.iter().filter(|violated| !violated.is_empty()).count();
    (judged.into_iter().flatten().collect(), breaking, orders.len())
}

#[track_caller]
fn shows(fresh: Fresh, about: &About, program: &Arc<Program>) {
    let (violated, breaking, orders) = broken(fresh, program);
    assert!(breaking > 0, "{}: none of {orders} orders breaks anything", about.id);
    let surprises: Vec<_> = violated.iter().filter(|guarantee| !about.expected.contains(guarantee)).collect();
    assert!(surprises.is_empty(), "{}: {surprises:?} besides {:?}", about.id, about.expected);
}

#[track_caller]
fn is_right(fresh: Fresh, program: &Arc<Program>) {
    let (violated, ..) = broken(fresh, program);
    assert_eq!(violated, BTreeSet::new(), "{program}");
}

#[test]
fn global_broadcast_delivers_a_strangers_event() {
    shows(Erased::fresh::<GlobalBroadcast>, &global_broadcast::ABOUT, &a_stranger_speaks());
    is_right(Erased::fresh::<SharedLog>, &a_stranger_speaks());
}

#[test]
fn catch_all_accepts_what_has_no_channel_and_delivers_it_to_a_stranger() {
    shows(Erased::fresh::<CatchAll>, &catch_all::ABOUT, &nobody_is_spoken_to());
    assert_eq!(broken(Erased::fresh::<CatchAll>, &nobody_is_spoken_to()).0, [Guarantee::G1, Guarantee::G2].into());
    is_right(Erased::fresh::<DropOldest>, &nobody_is_spoken_to());
}

#[test]
fn torn_maps_lose_an_event_between_two_creates() {
    shows(Erased::fresh::<TornMaps>, &torn_maps::ABOUT, &two_rivals_create());
    let (violated, breaking, orders) = broken(Erased::fresh::<TornMaps>, &two_rivals_create());
    assert!(violated.contains(&Guarantee::G6) && breaking < orders, "a race, not a certainty: {breaking} of {orders}");
    is_right(Erased::fresh::<TwoMaps>, &two_rivals_create());
}

#[test]
fn a_stolen_receiver_is_denied_to_the_second_reader() {
    shows(Erased::fresh::<StolenReceiver>, &stolen_receiver::ABOUT, &two_read());
    is_right(Erased::fresh::<SingleReader>, &two_read());
}

#[test]
fn lag_as_close_ends_a_stream_of_an_open_job() {
    shows(Erased::fresh::<LagAsClose>, &lag_as_close::ABOUT, &one_falls_behind());
    is_right(Erased::fresh::<DropOldest>, &one_falls_behind());
    is_right(Erased::fresh::<StopOnLag>, &one_falls_behind());
}

#[test]
fn the_seeds_sink_lets_a_straggler_into_the_next_life() {
    shows(Erased::fresh::<SeedRouter>, &seed_router::ROUTER, &a_straggler_speaks());
    is_right(Erased::fresh::<DropOldest>, &a_straggler_speaks());
}

#[test]
fn the_seeds_service_ends_every_stream_at_once() {
    shows(Erased::fresh::<SeedService>, &seed_router::SERVICE, &one_reads());
    is_right(Erased::fresh::<DropOldest>, &one_reads());
}

/// Judges a router over the catalogue's programs, each in a few orders drawn at random.
fn survey(fresh: Fresh) -> BTreeSet<Guarantee> {
    const ORDERS: usize = 4;
    let mut random = SplitMix(7);
    // A subject without operators' narration is not asked for it.
    let small = scenarios().into_iter().filter(|scenario| !scenario.system).map(|scenario| scenario.program);
    let drawn = (0..400).map(generate).filter(|program| program.check().is_ok());
    let mut violated = BTreeSet::new();
    for program in small.chain(drawn).map(Arc::new) {
        for _ in 0..ORDERS {
            let turns: Vec<usize> = (0..200).map(|_| random.next() as usize % program.threads.len()).collect();
            violated.extend(oracle::judge(&in_order(fresh, &program, &turns)).violated);
        }
    }
    violated
}

/// A fault that broke everything would say nothing about the check that found it.
#[test]
fn faults_break_what_they_say_and_nothing_else() {
    #[track_caller]
    fn only(fresh: Fresh, about: &About, in_consequence: &[Guarantee]) {
        let violated = survey(fresh);
        assert!(!violated.is_empty(), "{} was not noticed", about.id);
        let said = |g: &&Guarantee| about.expected.contains(g) || in_consequence.contains(g);
        assert!(violated.iter().all(|g| said(&g)), "{} broke {violated:?}", about.id);
    }
    only(Erased::fresh::<GlobalBroadcast>, &global_broadcast::ABOUT, &[]);
    only(Erased::fresh::<CatchAll>, &catch_all::ABOUT, &[]);
    // A channel out of which nothing comes does not give its end either; but only the larger programs get that far.
    only(Erased::fresh::<TornMaps>, &torn_maps::ABOUT, &[Guarantee::G9]);
    only(Erased::fresh::<StolenReceiver>, &stolen_receiver::ABOUT, &[]);
    only(Erased::fresh::<LagAsClose>, &lag_as_close::ABOUT, &[]);
}

// === the ordinary tests ===

fn dissatisfied(fresh: Fresh) -> Vec<&'static str> {
    ordinary(fresh).into_iter().filter(|(_, verdict)| verdict.is_err()).map(|(name, _)| name).collect()
}

#[test]
fn ordinary_tests_pass_on_right_routers() {
    const NONE: [&str; 0] = [];
    assert_eq!(dissatisfied(Erased::fresh::<Reference>), NONE);
    assert_eq!(dissatisfied(Erased::fresh::<SharedLog>), NONE);
    assert_eq!(dissatisfied(Erased::fresh::<TwoMaps>), NONE);
    assert_eq!(dissatisfied(Erased::fresh::<DropOldest>), NONE);
    assert_eq!(dissatisfied(Erased::fresh::<StopOnLag>), NONE);
    // One reader a job is its stated limit.
    assert_eq!(dissatisfied(Erased::fresh::<SingleReader>), ["two readers both receive"]);
}

/// The column that is printed beside the kills.
#[test]
fn ordinary_tests_notice_plain_defects_and_no_race() {
    assert_eq!(dissatisfied(Erased::fresh::<GlobalBroadcast>), ["each job reads its own"]);
    assert_eq!(dissatisfied(Erased::fresh::<CatchAll>), ["an unknown job reaches nobody"]);
    assert_eq!(dissatisfied(Erased::fresh::<StolenReceiver>), ["two readers both receive"]);
    assert_eq!(dissatisfied(Erased::fresh::<LagAsClose>), ["a full channel reports lag"]);
    assert_eq!(dissatisfied(Erased::fresh::<TornMaps>), [""; 0]);
    // The seed's project was content with its sink, and rightly as far as these tests go.
    assert_eq!(dissatisfied(Erased::fresh::<SeedRouter>), [""; 0]);
    assert_eq!(dissatisfied(Erased::fresh::<SeedService>).len(), 9);
}

// === the seed's claims ===

#[test]
fn the_seeds_claims_are_decided_by_running_them() {
    let claims = claims::<Reference>();
    let results = claims.map(|claim| (claim.check)());
    assert!(claims.iter().map(|claim| claim.number).eq(1..=12));

    const NO: Option<bool> = Some(false);
    let seed = results.each_ref().map(|result| result.seed.holds);
    assert_eq!(seed, [Some(true), None, NO, NO, NO, NO, NO, None, NO, None, NO, NO]);
    for (claim, result) in claims.iter().zip(&results) {
        assert_ne!(result.ours.holds, NO, "claim {}: {}", claim.number, result.ours.evidence);
        for side in [&result.seed, &result.ours] {
            let lines = side.history.as_ref().map_or(0, Vec::len);
            assert!(side.witness.iter().all(|&line| (1..=lines).contains(&line)), "claim {}", claim.number);
            assert!(!side.evidence.is_empty() && !side.evidence.contains('\n'));
        }
    }
    assert_eq!(results.iter().filter(|result| result.ours.holds == Some(true)).count(), 10);
}

/// The check of the claims must be able to fail for any router, not only for the seed's.
#[test]
fn a_leaky_router_fails_the_claims_too() {
    let fails = |number: usize, result: revisit::ClaimResult| {
        assert_eq!(result.ours.holds, Some(false), "claim {number}: {}", result.ours.evidence);
        assert!(!result.ours.witness.is_empty());
    };
    fails(1, (claims::<GlobalBroadcast>()[0].check)());
    fails(6, (claims::<CatchAll>()[5].check)());
    fails(12, (claims::<LagAsClose>()[11].check)());
}

#[test]
fn labels_are_distinct_and_modest() {
    let ids: BTreeSet<_> = ROUTERS.iter().map(|about| about.id).collect();
    assert_eq!(ids.len(), ROUTERS.len());
    for about in ROUTERS {
        let expected = if about.kind == Kind::NearMiss { 0..=0 } else { 1..=2 };
        assert!(expected.contains(&about.expected.len()), "{}", about.id);
        assert_eq!(about.methods.is_empty(), about.kind == Kind::NearMiss, "{}", about.id);
    }
}

// === the whole museum, by number ===

/// The slow judge, which shares no code with the checker, sees nothing wrong with any of them.
#[test]
fn every_near_miss_is_right_wherever_we_look() {
    for (number, about) in near_misses() {
        assert_eq!(router(number).map(survey), Some(BTreeSet::new()), "{}", about.id);
    }
}

/// A guarantee whose check nothing in the museum could fail would be checked for show.
#[test]
fn every_checked_guarantee_has_three_faults_that_break_it() {
    for guarantee in CHECKED {
        let planted = [faults(), gateways()].concat();
        let breaking = planted.iter().filter(|fault| fault.expected().contains(&guarantee)).count();
        assert!(breaking >= 3, "{guarantee}: {breaking}");
    }
}

/// The reason for the harness: most of what it finds, tests in the seed's style do not.
#[test]
fn ordinary_tests_pass_on_at_least_half_of_the_faults() {
    let leaky: Vec<_> = (1..).zip(ROUTERS).filter(|(_, about)| about.kind == Kind::Leaky).collect();
    let pass = leaky.iter().filter(|(number, _)| router(*number).is_some_and(|fresh| dissatisfied(fresh).is_empty()));
    let (pass, all) = (pass.count(), leaky.len());
    assert!(2 * pass >= all && pass < all, "{pass} of {all}");
}
