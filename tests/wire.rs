//! The wire method, seen to find what it is there to find: every leaky gateway under a guarantee that it breaks, no
//! gateway that is right, and nothing in the service itself.
#![cfg(feature = "verify")]

use narrowcast::verify::faults::{self, Fault};
use narrowcast::verify::guarantee::Guarantee;
use narrowcast::verify::methods::wire::{self, Plan, Report};
use narrowcast::verify::subject::service::{self, Setting};

fn probe(gateway: u32, wanted: &[Guarantee], patience_ms: u64) -> Report {
    let plan = Plan { seed: 7, rounds: 2, wanted: wanted.to_vec(), patience_ms };
    let wrap = move |routes| faults::wire::wrap(gateway, routes);
    let probed =
        service::probed(Setting::Probed, wrap, |service| async move { wire::carry_out(&service, &plan).await });
    probed.expect("the service starts")
}

fn broken(report: &Report) -> Vec<Guarantee> {
    report.examined.iter().flat_map(|examined| examined.breaches.iter().map(|breach| breach.guarantee)).collect()
}

/// Every examination went through, reached its premises and found nothing.
#[track_caller]
fn is_clean(name: &str, report: &Report) {
    assert_eq!(report.examined.len(), wire::EXAMINATIONS.len());
    for (examined, (examination, judges)) in report.examined.iter().zip(wire::EXAMINATIONS) {
        assert_eq!(examined.trouble, None, "{name}, {examination}");
        assert_eq!(examined.breaches, [], "{name}, {examination}");
        for (guarantee, premises) in judges {
            assert!(examined.checks[guarantee] > 0, "{name}, {examination}: nothing was checked of {guarantee}");
            for premise in *premises {
                let reached = &examined.premises[guarantee];
                assert!(reached.get(*premise).is_some_and(|n| *n > 0), "{name}, {examination}: no {premise}");
            }
        }
    }
}

#[test]
fn the_service_stands() {
    is_clean("the service", &probe(0, &[], 30_000));
}

#[test]
fn near_misses_stand() {
    let near = faults::gateway_near_misses();
    assert!(near.len() >= 4);
    for (number, about) in near {
        is_clean(about.id, &probe(number, &[], 30_000));
    }
}

#[test]
fn every_leaky_gateway_is_noticed_under_a_guarantee_that_it_breaks() {
    let gateways = faults::gateways();
    assert!(gateways.len() >= 15);
    let mut missed = Vec::new();
    for fault in gateways {
        let Fault::Gateway(number, about) = fault else { panic!("{} is no gateway", fault.id()) };
        let report = probe(number, about.expected, 3_000);
        let broken = broken(&report);
        if !about.expected.iter().any(|expected| broken.contains(expected)) {
            missed.push((about.id, report));
        }
    }
    assert!(missed.is_empty(), "not noticed: {missed:#?}");
}
