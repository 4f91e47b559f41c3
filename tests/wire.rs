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

/// What is amiss where every examination is to go through, reach its premises and find nothing.
fn amiss(name: &str, report: &Report) -> Vec<String> {
    assert_eq!(report.examined.len(), wire::EXAMINATIONS.len());
    let mut amiss = Vec::new();
    for (examined, (examination, judges)) in report.examined.iter().zip(wire::EXAMINATIONS) {
        amiss.extend(examined.trouble.iter().map(|trouble| format!("{name}, {examination}: {trouble}")));
        amiss.extend(examined.breaches.iter().map(|breach| format!("{name}, {examination}: {breach:#?}")));
        for (guarantee, premises) in judges {
            if examined.checks.get(guarantee).is_none_or(|n| *n == 0) {
                amiss.push(format!("{name}, {examination}: nothing was checked of {guarantee}"));
            }
            let reached = |premise| examined.premises.get(guarantee)?.get(premise).filter(|n| **n > 0);
            let missing = premises.iter().filter(|premise| reached(**premise).is_none());
            amiss.extend(missing.map(|premise| format!("{name}, {examination}: no {premise}")));
        }
    }
    amiss
}

#[test]
fn the_service_stands() {
    let amiss = amiss("the service", &probe(0, &[], 30_000));
    assert!(amiss.is_empty(), "{}", amiss.join("\n"));
}

#[test]
fn near_misses_stand() {
    let near = faults::gateway_near_misses();
    assert!(near.len() >= 4);
    let amiss: Vec<String> =
        near.into_iter().flat_map(|(number, about)| amiss(about.id, &probe(number, &[], 30_000))).collect();
    assert!(amiss.is_empty(), "{}", amiss.join("\n"));
}

#[test]
fn every_leaky_gateway_is_noticed_under_a_guarantee_that_it_breaks() {
    let gateways = faults::gateways();
    assert!(gateways.len() >= 15);
    let mut missed = Vec::new();
    for fault in gateways {
        let Fault::Gateway(number, about) = fault else { panic!("{} is no gateway", fault.id()) };
        let report = probe(number, about.expected, 3_000);
        // By which check it was noticed: `--nocapture` shows it.
        let first = report.examined.iter().flat_map(|examined| &examined.breaches).map(|breach| &breach.message).next();
        println!("{}: {first:?}", about.id);
        let broken = broken(&report);
        if !about.expected.iter().any(|expected| broken.contains(expected)) {
            missed.push((about.id, report));
        }
    }
    assert!(missed.is_empty(), "not noticed: {missed:#?}");
}
