//! `threads`: what it finds on threads of the operating system, what it must not say, and that it ends.
//!
//! No test here waits for a time or hopes for an order: the leaky routers leak under nearly every schedule, and are run
//! until they do, up to a bound.
#![cfg(feature = "verify")]

use narrowcast::verify::catalogue::scenarios;
use narrowcast::verify::checker;
use narrowcast::verify::faults::{number_of, router};
use narrowcast::verify::findings::{JUDGED, Status};
use narrowcast::verify::guarantee::Guarantee;
use narrowcast::verify::history::{Action, Delivered, Kind};
use narrowcast::verify::methods::interleaved::Abnormal;
use narrowcast::verify::methods::threads::{self, Execution, Plan};
use narrowcast::verify::premises::Premise;
use narrowcast::verify::program::{Door, From, Op, Program, Until};
use narrowcast::verify::subject::erased::Erased;
use narrowcast::verify::subject::reference::{Job, Reference, Stream};
use narrowcast::verify::subject::{Delivery, Outcome, Refused, Setup, Since, Subject};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// Far more than any run takes that does not hang.
const PATIENCE: Duration = Duration::from_secs(60);

const EMIT: Op = Op::Emit { job: 0, door: Door::Handle };
const CREATE: Op = Op::Create { job: 0 };
const SUBSCRIBE: Op = Op::Subscribe { job: 0, stream: 0, from: From::Start, door: Door::Handle };
const CLOSE: Op = Op::Close { job: 0, outcome: Outcome::Failed, door: Door::Handle };

fn read(until: Until) -> Op {
    Op::Read { stream: 0, until }
}

fn program(prelude: Vec<Op>, threads: Vec<Vec<Op>>) -> Arc<Program> {
    let program = Program { jobs: vec!["a".into(), "ab".into()], retain: 4, prelude, threads, cut: None };
    assert_eq!(program.check(), Ok(()));
    Arc::new(program)
}

fn plan(wanted: &[Guarantee]) -> Plan {
    let needed: BTreeSet<Premise> = wanted.iter().flat_map(|g| Premise::needed(*g).iter().copied()).collect();
    Plan {
        seed: 1,
        programs: scenarios().into_iter().map(|scenario| (scenario.id.to_owned(), scenario.program)).collect(),
        generated: 20,
        runs_each: 5,
        most_rounds: 40,
        needed: needed.into_iter().map(|premise| premise.id().to_owned()).collect(),
        patience_s: PATIENCE.as_secs(),
    }
}

// === what it finds ===

#[test]
fn leaky_routers_are_found_out_and_what_was_recorded_shows_it_again() {
    for (id, guarantee) in [
        ("global-broadcast", Guarantee::G1),
        ("catch-all", Guarantee::G2),
        ("lag-as-close", Guarantee::G9),
        ("drop-newest", Guarantee::G6),
        ("wrong-outcome", Guarantee::G9),
        ("prefix-match", Guarantee::G1),
    ] {
        let number = number_of(id).unwrap_or_else(|| panic!("{id} is not in the museum"));
        let report = threads::carry_out(router(number).expect("a router of the museum"), &plan(&[]));
        let found = report.found.iter().find(|found| found.guarantee == guarantee);
        let found = found.unwrap_or_else(|| panic!("{id}: {} runs, and {guarantee} not found broken", report.runs));
        // As `narrowcast check` does: from the recorded lines alone.
        let mut judge = checker::Checker::new();
        for (line, number) in narrowcast::verify::history::validator::read(found.history.join("\n").as_bytes()).zip(1..)
        {
            let (at, line) = line.expect("what was recorded is well-formed");
            assert_eq!(at, number);
            judge.push_at(at, &line);
        }
        let again = judge.finish();
        assert_eq!(again.verdict, Status::Violated, "{id}");
        assert!(again.violated().contains(&guarantee), "{id}");
    }
}

#[test]
fn nothing_is_found_in_the_reference_router_and_every_premise_is_reached() {
    let report = threads::carry_out(router(0).expect("0 is the reference router"), &plan(&JUDGED));
    assert_eq!((report.found.len(), report.abnormal), (0, None));
    assert!(report.runs >= report.programs * 5 && report.threads >= 2 * report.runs, "{} runs", report.runs);
    for guarantee in JUDGED {
        for premise in Premise::needed(guarantee) {
            let hits = report.premises.get(premise.id()).copied().unwrap_or(0);
            assert!(hits > 0, "{guarantee} lacks {} in {} runs", premise.id(), report.runs);
        }
    }
}

#[test]
fn near_misses_are_not_flagged() {
    let mut flagged = Vec::new();
    for (number, about) in narrowcast::verify::faults::near_misses() {
        let plan = Plan { generated: 0, runs_each: 20, ..plan(&[]) };
        let report = threads::carry_out(router(number).expect("a router of the museum"), &plan);
        flagged.extend(report.found.iter().map(|found| (about.id, found.guarantee)));
        assert_eq!(report.abnormal, None, "{}", about.id);
    }
    assert!(flagged.is_empty(), "{flagged:?}");
}

// === silence ===

#[test]
fn who_waits_is_woken_and_who_waits_in_vain_is_declared_drained() {
    // Nobody ever emits: the reader parks, and only then is his stream declared drained.
    let silent = program(vec![CREATE, SUBSCRIBE], vec![vec![read(Until::Deliveries(1))], vec![CREATE]]);
    let spoken = program(vec![CREATE, SUBSCRIBE], vec![vec![read(Until::End)], vec![EMIT, EMIT, CLOSE]]);
    for seed in 0..200 {
        let execution = threads::run(Erased::fresh::<Reference>, &silent, seed, PATIENCE);
        let [.., last, held] = &execution.history[..] else { panic!("something was recorded") };
        assert!(matches!(last.action, Action::Drained { .. }), "{last:?}");
        assert_eq!(held.action, Action::Retained { jobs: 1 }, "asked when all is silent");
        assert_eq!((execution.waits, execution.abnormal), (1, None));

        let execution = threads::run(Erased::fresh::<Reference>, &spoken, seed, PATIENCE);
        let received = execution.history.iter().filter(|line| line.process == 1 && line.kind == Kind::Ok);
        let events = received.clone().filter(|line| {
            matches!(line.action, Action::Receive { what: Delivered::Event { .. } | Delivered::End(_), .. })
        });
        assert_eq!(events.count(), 3, "two events and the end, whoever came first: {:?}", execution.history);
        assert_eq!(checker::check(&execution.history).violated(), []);
    }
}

/// The reference router, but its readers never hear of anything: they register nobody's waker.
struct Deaf(Reference);

impl Subject for Deaf {
    type Job = Job;
    type Stream = Stream;

    fn fresh(setup: Setup) -> Self {
        Deaf(Reference::fresh(setup))
    }
    async fn create(&self, name: &str) -> Result<Job, Refused> {
        self.0.create(name).await
    }
    async fn emit(&self, job: &Job, event: &str) -> Result<(), Refused> {
        self.0.emit(job, event).await
    }
    async fn subscribe(&self, job: &Job, since: Since<'_>) -> Result<Stream, Refused> {
        self.0.subscribe(job, since).await
    }
    async fn next(stream: &mut Stream) -> Delivery {
        let mut next = Box::pin(Reference::next(stream));
        let first = std::future::poll_fn(|_| {
            let mut deaf = std::task::Context::from_waker(std::task::Waker::noop());
            std::task::Poll::Ready(next.as_mut().poll(&mut deaf))
        });
        match first.await {
            std::task::Poll::Ready(delivery) => delivery,
            std::task::Poll::Pending => std::future::pending().await,
        }
    }
    async fn close(&self, job: &Job, outcome: Outcome) -> Result<(), Refused> {
        self.0.close(job, outcome).await
    }
}

#[test]
fn a_reader_whom_nobody_wakes_is_a_breach_and_not_a_hang() {
    // Two rounds of hearing one another: the reader has opened his stream before anybody speaks, or has not.
    let program = program(vec![CREATE, SUBSCRIBE], vec![vec![read(Until::Deliveries(1)), EMIT], vec![EMIT]]);
    let breaks = |seed: u64| {
        let execution = threads::run(Erased::fresh::<Deaf>, &program, seed, PATIENCE);
        assert_eq!(execution.abnormal, None);
        checker::check(&execution.history).violated().contains(&Guarantee::G6)
    };
    assert!((0..5_000).any(breaks), "in 5,000 runs the reader never came before the event");
}

// === bad ends ===

/// A router that does not come back from a close, or panics on an emit.
struct Sick(Reference);

impl Subject for Sick {
    type Job = Job;
    type Stream = Stream;

    fn fresh(setup: Setup) -> Self {
        Sick(Reference::fresh(setup))
    }
    async fn create(&self, name: &str) -> Result<Job, Refused> {
        self.0.create(name).await
    }
    async fn emit(&self, _: &Job, _: &str) -> Result<(), Refused> {
        panic!("sick")
    }
    async fn subscribe(&self, job: &Job, since: Since<'_>) -> Result<Stream, Refused> {
        self.0.subscribe(job, since).await
    }
    async fn next(stream: &mut Stream) -> Delivery {
        Reference::next(stream).await
    }
    async fn close(&self, _: &Job, _: Outcome) -> Result<(), Refused> {
        loop {
            std::thread::park();
        }
    }
}

fn sick(ops: Vec<Op>, patience: Duration) -> Execution {
    threads::run(Erased::fresh::<Sick>, &program(vec![CREATE], vec![ops, vec![SUBSCRIBE]]), 1, patience)
}

#[test]
fn a_panic_and_a_hang_are_found_and_named() {
    assert_eq!(sick(vec![EMIT], PATIENCE).abnormal, Some(Abnormal::Panic("sick".into())));
    assert_eq!(sick(vec![CLOSE], Duration::from_millis(1)).abnormal, Some(Abnormal::Hang));
}
