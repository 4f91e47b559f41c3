//! The two judges, written apart, must agree on every history: the slow oracle, which enumerates choices, and the
//! streaming checker, which compares intervals.
//!
//! Histories come from a simulated router that is correct ([`router`]); a mutator then breaks most of them
//! ([`mutation`]). The judges must find the same guarantees violated, the same verdict, the same unjudged tails and
//! late effects, and must both acquit what was not broken. A disagreement is printed as the smallest history that
//! still shows it.
//!
//! Where a name's lives are [entangled] (one of several creates overlaps another create or a close of the name), the
//! checker tries instants too, as long as its steps last. What is left to a name for which they do not, judgement by
//! intervals alone, is held to a bound of differences by a test of its own.
//!
//! This crate includes the judges' files and nothing else of ours: that they compile here shows that they are
//! independent of the router.
//!
//! `NARROWCAST_CASES` sets how many histories are judged, `NARROWCAST_SEED` which.

#[path = "../src/verify/checker/mod.rs"]
#[allow(dead_code, unreachable_pub, reason = "only a part of the judges' faces is used here")]
mod checker;
#[path = "../src/verify/findings.rs"]
#[allow(dead_code, unreachable_pub, reason = "only a part of the judges' faces is used here")]
mod findings;
#[path = "../src/verify/guarantee.rs"]
#[allow(dead_code, unreachable_pub, reason = "only a part of the judges' faces is used here")]
mod guarantee;
#[path = "../src/verify/history/mod.rs"]
#[allow(dead_code, unreachable_pub, reason = "only a part of the judges' faces is used here")]
mod history;
#[path = "judges_agree/mutation.rs"]
mod mutation;
#[path = "../src/verify/oracle/mod.rs"]
#[allow(dead_code, unreachable_pub, reason = "only a part of the judges' faces is used here")]
mod oracle;
#[path = "judges_agree/router.rs"]
mod router;

use findings::Status;
use guarantee::Guarantee;
use history::{Action, Kind, Line, validator::Validator};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestError, TestRunner};

/// A sequence of choices that proptest can shrink; it goes on with zeros.
pub(crate) struct Tape<'a> {
    choices: &'a [u16],
    next: usize,
}

impl<'a> Tape<'a> {
    pub(crate) fn new(choices: &'a [u16]) -> Self {
        Tape { choices, next: 0 }
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let choice = self.choices.get(self.next).copied().unwrap_or(0);
        self.next += 1;
        usize::from(choice) % bound.max(1)
    }

    /// True once in `n` times (never, once the tape is over).
    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == n - 1
    }

    pub(crate) fn is_over(&self) -> bool {
        self.next >= self.choices.len()
    }
}

/// What both judges say, and must say alike.
#[derive(Debug, PartialEq, Eq)]
struct Judged {
    violated: Vec<Guarantee>,
    verdict: Status,
    tails_unjudged: u64,
    late_effects: u64,
}

fn by_checker(history: &[Line]) -> Judged {
    judged(&checker::check(history))
}

fn by_intervals(history: &[Line]) -> Judged {
    let mut checker = checker::Checker::new().by_intervals_alone();
    history.iter().for_each(|line| checker.push(line));
    judged(&checker.finish())
}

fn judged(found: &findings::Findings) -> Judged {
    Judged {
        violated: found.violated(),
        verdict: found.verdict,
        tails_unjudged: found.tails_unjudged,
        late_effects: found.late_effects,
    }
}

fn by_oracle(history: &[Line]) -> Judged {
    let judged = oracle::judge(history);
    Judged {
        violated: judged.violated.into_iter().collect(),
        verdict: judged.verdict,
        tails_unjudged: judged.tails_unjudged,
        late_effects: judged.late_effects,
    }
}

pub(crate) fn is_well_formed(history: &[Line]) -> bool {
    let mut validator = Validator::new();
    history.iter().all(|line| validator.accept(line).is_ok())
}

/// Takes operations and observations away as long as the history stays well formed and `shows` what it is to show.
fn smallest(mut history: Vec<Line>, shows: impl Fn(&[Line]) -> bool) -> Vec<Line> {
    loop {
        let before = history.len();
        let mut at = 0;
        while at < history.len() {
            let shorter = without(&history, at);
            if is_well_formed(&shorter) && shows(&shorter) {
                history = shorter;
            } else {
                at += 1;
            }
        }
        if history.len() == before {
            return history;
        }
    }
}

/// The history without the line at an index, and without its completion if it is an invoke.
fn without(history: &[Line], at: usize) -> Vec<Line> {
    let gone = &history[at];
    let completion = (gone.kind == Kind::Invoke)
        .then(|| {
            let later = history.iter().enumerate().skip(at + 1);
            later.filter(|(_, line)| line.process == gone.process && line.action.is_operation()).map(|(i, _)| i).next()
        })
        .flatten();
    let kept = history.iter().enumerate().filter(|(i, _)| *i != at && Some(*i) != completion);
    kept.map(|(_, line)| line.clone()).collect()
}

fn printed(history: &[Line]) -> String {
    history.iter().enumerate().map(|(at, line)| format!("{:3} {}\n", at + 1, line.to_json())).collect()
}

fn cases() -> u32 {
    std::env::var("NARROWCAST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(100_000)
}

/// How often each judgement was reached: agreement on nothing would prove nothing.
#[derive(Debug, Default)]
struct Reached {
    violated: std::collections::BTreeMap<Guarantee, u32>,
    held: u32,
    vacuous: u32,
    late_effects: u32,
    tails_unjudged: u32,
    entangled: u32,
}

/// Whether some name has several creates of which one overlaps another, or a close.
fn entangled(history: &[Line]) -> bool {
    let mut spans: Vec<(&str, bool, usize, usize)> = Vec::new();
    for (at, line) in history.iter().enumerate().filter(|(_, line)| line.kind == Kind::Invoke) {
        let (name, create) = match &line.action {
            Action::Create { job, .. } => (job, true),
            Action::Close { job, .. } => (job, false),
            _ => continue,
        };
        let mut later = history.iter().enumerate().skip(at + 1);
        let end = later.find(|(_, end)| end.process == line.process && end.action.is_operation());
        match end {
            Some((_, end)) if end.kind == Kind::Fail => {}
            Some((ret, end)) if end.kind == Kind::Ok => spans.push((name, create, at, ret)),
            _ => spans.push((name, create, at, usize::MAX)),
        }
    }
    spans.iter().enumerate().any(|(index, &(name, create, invoke, ret))| {
        let others = spans.iter().enumerate().filter(|(other, span)| *other != index && span.0 == name);
        let overlaps = |span: &(&str, bool, usize, usize)| span.2 < ret && invoke < span.3;
        create && others.clone().any(|(_, span)| span.1) && others.clone().any(|(_, span)| overlaps(span))
    })
}

/// Runs a property of a history of the correct router and of what a mutator made of it, on so many of them.
fn for_each_history(cases: u32, property: impl Fn(&[Line], &[Line]) -> Result<(), TestCaseError>) {
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, rng());
    let tapes = (prop::collection::vec(any::<u16>(), 20..260), prop::collection::vec(any::<u16>(), 0..16));
    let result = runner.run(&tapes, |(run, breaks)| {
        let lawful = router::simulate(&mut Tape::new(&run));
        prop_assert!(is_well_formed(&lawful), "the simulated router wrote a malformed history:\n{}", printed(&lawful));
        let history = mutation::mutate(lawful.clone(), &mut Tape::new(&breaks));
        property(&lawful, &history)
    });
    // The tapes say nothing to a reader; the history that the reason carries does.
    match result {
        Ok(()) => {}
        Err(TestError::Fail(reason, _)) => panic!("{reason}"),
        Err(TestError::Abort(reason)) => panic!("aborted: {reason}"),
    }
}

#[test]
fn the_judges_agree() {
    let reached = std::cell::RefCell::new(Reached::default());
    for_each_history(cases(), |lawful, history| {
        let (checked, judged) = (by_checker(history), by_oracle(history));
        if checked != judged {
            let small = smallest(history.to_vec(), |history| by_checker(history) != by_oracle(history));
            let (found, both) = (checker::check(&small).findings, (by_checker(&small), by_oracle(&small)));
            let text = printed(&small);
            return Err(TestCaseError::fail(format!(
                "checker: {:?}\noracle:  {:?}\n{text}\n{found:?}",
                both.0, both.1
            )));
        }
        if history == lawful && !checked.violated.is_empty() {
            let small = smallest(history.to_vec(), |history| by_checker(history).violated == checked.violated);
            return Err(TestCaseError::fail(format!(
                "a correct router was found guilty: {checked:?}\nwhole:\n{}\nsmallest:\n{}\n{:?}",
                printed(lawful),
                printed(&small),
                checker::check(&small).findings
            )));
        }
        reached.borrow_mut().note(checked, entangled(history));
        Ok(())
    });
    let reached = reached.into_inner();
    println!("{reached:?}");
    if cases() >= 5_000 {
        for guarantee in findings::JUDGED {
            assert!(reached.violated.contains_key(&guarantee), "no history broke {guarantee}: {reached:?}");
        }
        assert!(reached.held > 0 && reached.vacuous > 0, "{reached:?}");
        assert!(reached.entangled > 0 && reached.tails_unjudged > 0, "{reached:?}");
    }
    // One history in some ten thousand has any.
    assert!(reached.late_effects > 0 || cases() < 100_000, "{reached:?}");
}

impl Reached {
    fn note(&mut self, judged: Judged, entangled: bool) {
        self.held += u32::from(judged.verdict == Status::Held);
        self.vacuous += u32::from(judged.verdict == Status::Vacuous);
        self.late_effects += u32::from(judged.late_effects > 0);
        self.tails_unjudged += u32::from(judged.tails_unjudged > 0);
        self.entangled += u32::from(entangled);
        for guarantee in judged.violated {
            *self.violated.entry(guarantee).or_default() += 1;
        }
    }
}

/// What the checker falls back on must be nearly as good: by intervals alone it accuses no correct router, and differs
/// in few entangled histories from what it says when it tries instants.
#[test]
fn intervals_alone_seldom_differ() {
    let (entangled_ones, differing) = (std::cell::Cell::new(0u32), std::cell::Cell::new([0u32; 3]));
    for_each_history(cases(), |lawful, history| {
        let (alone, checked) = (by_intervals(history), by_checker(history));
        entangled_ones.set(entangled_ones.get() + u32::from(entangled(history)));
        if alone != checked {
            let mut counts = differing.get();
            counts[0] += u32::from(entangled(history));
            counts[1] += u32::from(!entangled(history));
            counts[2] += u32::from(alone.violated.iter().any(|guarantee| !checked.violated.contains(guarantee)));
            differing.set(counts);
        }
        prop_assert!(history != lawful || alone.violated.is_empty(), "{alone:?}\n{}", printed(lawful));
        Ok(())
    });
    let ([inside, outside, accusing], entangled) = (differing.get(), entangled_ones.get());
    println!(
        "{inside} of {entangled} entangled histories, {outside} others; {accusing} of them accused by intervals only"
    );
    assert!(inside <= 2 + entangled / 500 && outside <= 2 + cases() / 50_000, "{inside} of {entangled}, {outside}");
}

/// Fixed by default, so that a run can be repeated; `NARROWCAST_SEED` gives another.
fn rng() -> proptest::test_runner::TestRng {
    let seed: u64 = std::env::var("NARROWCAST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0);
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    proptest::test_runner::TestRng::from_seed(proptest::test_runner::RngAlgorithm::ChaCha, &bytes)
}

/// The stream that a line names, if it is an observation of that stream.
pub(crate) fn observed_stream(line: &Line) -> Option<&str> {
    match &line.action {
        Action::Receive { stream, .. } | Action::Drained { stream } => Some(stream),
        _ => None,
    }
}
