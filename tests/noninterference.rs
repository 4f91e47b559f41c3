//! Noninterference (G8): the reference router shows an observer nothing of others, and routers of the museum do.
#![cfg(feature = "verify")]
#![allow(missing_docs, reason = "tests")]

use narrowcast::verify::faults::{Visit, number_of, with_subject};
use narrowcast::verify::guarantee::Guarantee;
use narrowcast::verify::methods::noninterference::{self, Again, Difference, Plan, Report};
use narrowcast::verify::outcomes::Outcome;
use narrowcast::verify::pairings::{OWN, pairings};
use narrowcast::verify::program::Program;
use narrowcast::verify::subject::Subject;

const SEED: u64 = 1;

fn plan(first_only: bool) -> Plan {
    let drawn = if first_only { 0 } else { 200 };
    let (sequential, more_preemptions) = (false, 1);
    Plan { seed: SEED, pairings: pairings(), schedules_each: 50_000, drawn, sequential, more_preemptions, first_only }
}

struct Compare(Plan);

impl Visit for Compare {
    type Out = Report;
    fn visit<S: Subject>(self) -> Report {
        noninterference::carry_out::<S>(&self.0)
    }
}

struct OnceMore<'d>(&'d Difference, Program);

impl Visit for OnceMore<'_> {
    type Out = Again;
    fn visit<S: Subject>(self) -> Again {
        noninterference::again::<S>(&self.1, SEED, &self.0.found.schedule, &self.0.contrast)
    }
}

fn first_difference(fault: &str) -> Difference {
    let number = number_of(fault).expect("it is in the museum");
    let report = with_subject(number, Compare(plan(true))).expect("it has a number");
    report.difference.unwrap_or_else(|| panic!("{fault} shows no difference"))
}

#[test]
fn the_reference_router_shows_an_observer_the_same_whatever_others_do() {
    let report = with_subject(0, Compare(plan(false))).expect("0 is the reference router");
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
            with_subject(number, OnceMore(&difference, program)).expect("it has a number")
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
    let report = with_subject(number, Compare(plan(false))).expect("it has a number");
    assert!(report.difference.is_none(), "{:#?}", report.difference);
}

#[test]
fn one_plan_gives_one_report() {
    let text =
        || serde_json::to_string(&with_subject(0, Compare(plan(false))).expect("it is there")).expect("plain data");
    assert_eq!(text(), text());
}

#[test]
fn everything_sequential_an_observer_sees_one_thing_only() {
    let report = with_subject(0, Compare(Plan { sequential: true, ..plan(false) })).expect("it is there");
    let outcomes = |(observer, seen): &(String, Vec<Outcome>)| assert_eq!(seen.len(), 1, "{observer}");
    report.alone.iter().for_each(outcomes);
    assert!(report.compared.iter().all(|compared| !compared.interleaved));
}

#[test]
fn a_crowd_shows_what_a_load_does() {
    let number = number_of("global-cursor").expect("it is in the museum");
    let report = with_subject(number, Compare(plan(false))).expect("it has a number");
    let crowd = report.crowd.expect("whoever narrates moves the cursor on");
    assert!(crowd.found.replays && crowd.contrast.only_busy, "{crowd:#?}");
    let alone = |compared: &noninterference::Compared| compared.load.is_none() && compared.differs;
    assert!(report.compared.iter().any(alone));
}
