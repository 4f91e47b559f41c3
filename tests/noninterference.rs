#![cfg(feature = "verify")]
use narrowcast::verify::faults::{ROUTERS, Visit, with_subject};
use narrowcast::verify::methods::{
    Bench,
    noninterference::{self, Compared},
};
use narrowcast::verify::pairings::pairings;
use narrowcast::verify::subject::Subject;

struct All;
impl Visit for All {
    type Out = (Vec<Compared>, Bench);
    fn visit<S: Subject>(self) -> Self::Out {
        let mut bench = Bench::default();
        let mut all = Vec::new();
        for pairing in pairings() {
            for load in &pairing.loads {
                all.push(noninterference::compare::<S>(&pairing, load, 1, 20_000, &mut bench));
            }
        }
        (all, bench)
    }
}

#[test]
fn reference() {
    let t = std::time::Instant::now();
    let (all, bench) = with_subject(0, All).unwrap();
    for c in &all {
        println!(
            "{} | {} | bound {} outcomes {} schedules {:?} {} {:?}",
            c.pairing, c.load, c.preemptions, c.outcomes, c.schedules, c.frontier_emptied, c.difference
        );
    }
    println!("{:?} {:?}", t.elapsed(), bench.premises());
}

#[test]
fn museum() {
    for n in std::env::var("N").map_or(1..=ROUTERS.len() as u32, |n| {
        let n = n.parse().unwrap();
        n..=n
    }) {
        let t = std::time::Instant::now();
        let (all, _) = with_subject(n, All).unwrap();
        let d: Vec<_> = all.iter().filter(|c| c.difference.is_some()).collect();
        d.iter().take(1).for_each(|c| println!("{c:#?}"));
        println!(
            "{} {:?} {} of {} differ; incomplete {}; {:?}",
            ROUTERS[n as usize - 1].id,
            t.elapsed(),
            d.len(),
            all.len(),
            all.iter().filter(|c| !c.frontier_emptied).count(),
            d.first().map(|c| (&c.pairing, &c.load))
        );
    }
}
