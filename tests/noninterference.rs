//! Noninterference: the reference router shows an observer nothing of others, and the museum's routers do.
#![cfg(feature = "verify")]
use narrowcast::verify::faults::{Visit, with_subject};
use narrowcast::verify::methods::noninterference::{self, Plan, Report};
use narrowcast::verify::pairings::pairings;
use narrowcast::verify::subject::Subject;

struct All(bool, u64);
impl Visit for All {
    type Out = Report;
    fn visit<S: Subject>(self) -> Report {
        noninterference::carry_out::<S>(&Plan {
            seed: 1,
            pairings: pairings(),
            schedules_each: self.1,
            drawn: if self.0 { 0 } else { 200 },
            sequential: false,
            first_only: self.0,
        })
    }
}

#[test]
fn reference() {
    let t = std::time::Instant::now();
    let report = with_subject(0, All(false, 200_000)).unwrap();
    for c in &report.compared {
        println!("{c:?}");
    }
    println!("{:?} {:?} {:?}", t.elapsed(), report.quiet, report.difference);
}

#[test]
fn museum() {
    let most = narrowcast::verify::faults::ROUTERS.len() as u32;
    for n in std::env::var("N").map_or(1..=most, |n| {
        let n = n.parse().unwrap();
        n..=n
    }) {
        let t = std::time::Instant::now();
        let report = with_subject(n, All(true, 20_000)).unwrap();
        println!(
            "{} {:?} compared {} incomplete {} outcomes {:?} {:?}",
            narrowcast::verify::faults::ROUTERS[n as usize - 1].id,
            t.elapsed(),
            report.compared.len(),
            report.compared.iter().filter(|c| !c.frontier_emptied).count(),
            report.alone.iter().map(|(_, o)| o.len()).collect::<Vec<_>>(),
            report.difference.as_ref().map(|d| (
                d.found.program.operations(),
                d.found.replays,
                d.found.program.to_string(),
                d.found.findings.findings[0].message.clone()
            ))
        );
    }
}
