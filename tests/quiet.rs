#![cfg(feature = "verify")]
use narrowcast::verify::faults::{ROUTERS, Visit, with_subject};
use narrowcast::verify::methods::quiet::{self, Plan, Report};
use narrowcast::verify::neighbours::pairs;
use narrowcast::verify::program::Way;
use narrowcast::verify::subject::Subject;

struct CarryOut(Plan);
impl Visit for CarryOut {
    type Out = Report;
    fn visit<S: Subject>(self) -> Report {
        quiet::carry_out::<S>(&self.0)
    }
}
fn plan(p: usize, most: u64) -> Plan {
    Plan { seed: 1, pairs: pairs(), ways: Way::ALL.to_vec(), preemptions: p, schedules_each: most, sequential: false, wanted: vec![] }
}
#[test]
fn reference() {
    std::panic::set_hook(Box::new(|_| {}));
    for p in 0..=std::env::var("P").map_or(1, |p| p.parse().unwrap()) {
        let t = std::time::Instant::now();
        let r = with_subject(0, CarryOut(plan(p, 100_000))).unwrap();
        println!("p {p} {:?} {}", t.elapsed(), serde_json::to_string(&r).unwrap());
    }
}
#[test]
fn museum() {
    std::panic::set_hook(Box::new(|_| {}));
    for n in std::env::var("N").map_or(1..=ROUTERS.len() as u32, |n| { let n = n.parse().unwrap(); n..=n }) {
        let t = std::time::Instant::now();
        let r = with_subject(n, CarryOut(plan(1, 300))).unwrap();
        println!("{} {:?} cuts {} schedules {} B {} unquiet {} na {} {:?} {:?}", ROUTERS[n as usize - 1].id, t.elapsed(), r.cuts, r.schedules, r.turns, r.unquiet.len(), r.not_applicable.len(), r.abnormal,
            r.found.iter().map(|f| (f.guarantee, f.program.operations(), f.replays, f.findings.findings.iter().find(|x| x.guarantee == f.guarantee).map(|x| x.message.clone()))).collect::<Vec<_>>());
    }
}

#[test]
fn per_pair() {
    std::panic::set_hook(Box::new(|_| {}));
    for pair in pairs() {
        let t = std::time::Instant::now();
        let r = with_subject(0, CarryOut(Plan { pairs: vec![pair.clone()], ..plan(1, 100_000) })).unwrap();
        println!("{} {:?} {} {}", pair.id, t.elapsed(), r.cuts, r.schedules);
    }
}
