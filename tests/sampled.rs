//! The `shuttle` method: wide programs under drawn schedules, inside the shipped kernel and inside planted patches.
#![cfg(feature = "verify")]

use narrowcast::compiled::guarded::{self, PATCHES};
use narrowcast::verify::guarantee::Guarantee;
use narrowcast::verify::methods::interleaved::Abnormal;
use narrowcast::verify::methods::loom::{Copy, models};
use narrowcast::verify::methods::shuttle::{self, Plan};
use narrowcast::verify::methods::wide;
use std::sync::Arc;

fn plan() -> Plan {
    Plan { seed: 1, programs: Vec::new(), drawn: 4, schedules_each: 30, sequential: false, wanted: Vec::new() }
}

#[test]
fn x() {
    let t = std::time::Instant::now();
    let report = shuttle::carry_out(Copy::Shipped, &plan());
    println!("{:?} {report:?}", t.elapsed());
}

#[test]
fn y() {
    let n: u32 = std::env::var("PATCH").unwrap().parse().unwrap();
    guarded::activate(n);
    let patch = PATCHES.iter().find(|patch| patch.number == n).unwrap();
    let t = std::time::Instant::now();
    let model = models().into_iter().find(|m| m.id == patch.model).unwrap();
    let wanted: Vec<Guarantee> = patch.expected.iter().filter_map(|id| Guarantee::by_id(id)).collect();
    let report = shuttle::carry_out(
        Copy::Guarded(n),
        &Plan {
            programs: vec![(model.id.into(), model.program.clone())],
            drawn: 0,
            schedules_each: 500,
            wanted: wanted.clone(),
            ..plan()
        },
    );
    println!(
        "{} {:?} model found after {:?}; {:?}",
        patch.id,
        t.elapsed(),
        report.found_after,
        report.found.iter().map(|f| (f.guarantee, f.program.operations(), f.replays)).collect::<Vec<_>>()
    );
    let t = std::time::Instant::now();
    let report = shuttle::carry_out(Copy::Guarded(n), &Plan { drawn: 30, schedules_each: 30, wanted, ..plan() });
    println!(
        "{} {:?} wide found after {:?}; {:?}",
        patch.id,
        t.elapsed(),
        report.found_after,
        report.found.iter().map(|f| (f.guarantee, f.program.operations(), f.replays)).collect::<Vec<_>>()
    );
    for f in report.found {
        println!("{}", f.program)
    }
}
