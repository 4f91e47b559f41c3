//! Noninterference (G8): the reference router shows an observer nothing of others, and routers of the museum do.
#![cfg(feature = "verify")]
#![allow(missing_docs, reason = "tests")]

use narrowcast::verify::faults::{number_of, router};
use narrowcast::verify::guarantee::Guarantee;
use narrowcast::verify::methods::noninterference::{self, Difference, Plan, Report};
use narrowcast::verify::outcomes::Outcome;
use narrowcast::verify::pairings::{OWN, pairings};
use narrowcast::verify::program::Program;

const SEED: u64 = 1;

fn plan(first_only: bool) -> Plan {
    let drawn = if first_only { 0 } else { 200 };
    let (sequential, more_preemptions) = (false, 1);
    Plan { seed: SEED, pairings: pairings(), schedules_each: 50_000, drawn, sequential, more_preemptions, first_only }
}

fn compare(number: u32, plan: &Plan) -> Report {
    noninterference::carry_out(router(number).expect("it has a number"), plan)
}

fn first_difference(fault: &str) -> Difference {
    let number = number_of(fault).expect("it is in the museum");
    let report = compare(number, &plan(true));
    report.difference.unwrap_or_else(|| panic!("{fault} shows no difference"))
}

#[test]
fn the_reference_router_shows_an_observer_the_same_whatever_others_do() {
    let report = compare(0, &plan(false));
    assert!(report.difference.is_none(), "{:#?}", report.difference);
    assert_eq!(report.abnormal, None);
    let expected: usize = pairings().iter().map(|pairing| pairing.loads.len() + 1).sum();
    assert_eq!(report.compared.len(), expected);
    for compared in &report.compared {
        assert!(compared.frontier_emptied && compared.interleaved && !compared.unsupported, "{compared:?}");
        assert!(compared.alone > 1 && compared.beside == compared.alone, "{compared:?}");
    }
}

#[test]
fn what_only_two_runs_can_show_is_found_minimal_and_found_again() {
    for fault in ["global-cursor", "telling-refusal", "shared-budget", "global-broadcast"] {
        let difference = first_difference(fault);
        let found = &difference.found;
        assert!(found.replays, "{fault}");
        assert_eq!(found.findings.violated(), [Guarantee::G8], "{fault}");
        assert!(found.program.operations() <= 8, "{fault}: {}", found.program);
        let once_more = |program: Program| {
            let number = number_of(fault).expect("it is in the museum");
            let fresh = router(number).expect("it has a number");
            noninterference::again(fresh, &program, SEED, &found.schedule, &difference.contrast)
        };
        let again = once_more(found.program.clone());
        assert!(again.seen && again.differs && again.stale_at.is_none(), "{fault}");
        assert_eq!(again.history, found.history, "{fault}");
        // The observer alone sees nothing that the observer alone does not see.
        let alone = once_more(found.program.purged(OWN));
        assert!(!(alone.seen && alone.differs), "{fault}");
    }
}

#[test]
fn the_near_miss_of_the_global_cursor_shows_no_difference() {
    let number = number_of("near-own-cursor").expect("it is in the museum");
    let report = compare(number, &plan(false));
    assert!(report.difference.is_none(), "{:#?}", report.difference);
}

#[test]
fn one_plan_gives_one_report() {
    let text = || serde_json::to_string(&compare(0, &plan(false))).expect("plain data");
    assert_eq!(text(), text());
}

#[test]
fn everything_sequential_an_observer_sees_one_thing_only() {
    let report = compare(0, &Plan { sequential: true, ..plan(false) });
    let outcomes = |(observer, seen): &(String, Vec<Outcome>)| assert_eq!(seen.len(), 1, "{observer}");
    report.alone.iter().for_each(outcomes);
    assert!(report.compared.iter().all(|compared| !compared.interleaved));
}

#[test]
fn a_crowd_shows_what_a_load_does() {
    let number = number_of("global-cursor").expect("it is in the museum");
    let report = compare(number, &plan(false));
    let crowd = report.crowd.expect("whoever narrates moves the cursor on");
    assert!(crowd.found.replays && crowd.contrast.only_busy, "{crowd:#?}");
    let alone = |compared: &noninterference::Compared| compared.load.is_none() && compared.differs;
    assert!(report.compared.iter().any(alone));
}
