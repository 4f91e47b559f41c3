//! What people and programs see, as snapshots (`tests/snapshots/`), and evidence files that were tampered with.
//!
//! Every run here is built by hand: these tests fix the form of the reports. That a real run fills them truly is tested
//! where runs are.
#![cfg(feature = "cli")]

use narrowcast::report::evidence::{self, check, read, seal, to_json};
use narrowcast::report::progress::Progress;
use narrowcast::report::{
    ExplainedCheck, Explanation, FaultRow, OrdinaryTests, Replay, ReplayOutcome, Revisit, RevisitRow, Style, diagram,
    terminal,
};
use narrowcast::verify::findings::{Finding, Findings, JUDGED, Row, Status};
use narrowcast::verify::guarantee::Guarantee::{self, *};
use narrowcast::verify::history::{Action, Delivered, Kind, Line, Outcome, Reason, Since};
use narrowcast::verify::verdict::{
    Antecedent, Assumption, Budget, Claim, Condition, CounterexampleRow, Ended, Evidence, Excuse, FRONTIER_EMPTIED,
    Facts, Fired, Hunt, Kill, KilledBy, Mutant, MutantOutcome, NearMiss, NearMisses, Obligation, ObservedMutant, Risk,
    Run, Stable, Strength, Subject, Tool, Tried,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

const UNICODE: Style = Style { color: false, unicode: true, width: 100 };
const COLOUR: Style = Style { color: true, unicode: true, width: 100 };
const NARROW: Style = Style { color: false, unicode: false, width: 72 };

// === runs built by hand ===

fn facts<const N: usize>(facts: [(&str, Value); N]) -> Facts {
    facts.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn obligation(claim: Guarantee, method: &str, strength: Strength, name: &str, schedules: u64) -> Obligation {
    let explored = match strength {
        Strength::Exhaustive => facts([("schedules", json!(schedules)), (FRONTIER_EMPTIED, json!(true))]),
        Strength::Sampled => facts([("schedules", json!(schedules)), ("distinct", json!(schedules / 2))]),
        Strength::ByConstruction | Strength::Observed => Facts::new(),
    };
    let bounds = match strength {
        Strength::ByConstruction => Facts::new(),
        _ => facts([("jobs", json!(2)), ("emitters", json!(2)), ("events", json!(3))]),
    };
    Obligation {
        id: format!("{claim}.{method}.{name}"),
        claim,
        statement: format!("{} holds in {name}", claim.name()),
        method: method.to_owned(),
        strength,
        bounds,
        explored,
        budget: Budget { kind: "schedules".to_owned(), limit: schedules, used: schedules, hit: false },
        antecedents: vec![Antecedent { premise: "two jobs overlapped".to_owned(), hits: schedules / 3 + 1, min: 1 }],
        result: Status::NotChecked,
        counterexamples: Vec::new(),
        ended: None,
        excuse: None,
        beyond: false,
    }
}

fn seen_on_the_wire(id: &str, expected: Guarantee) -> ObservedMutant {
    ObservedMutant {
        id: id.to_owned(),
        defect: "what one stream is sent goes out on another".to_owned(),
        incident: "Tomcat CVE-2021-25122".to_owned(),
        expected: vec![expected],
        method: "wire".to_owned(),
        noticed: vec![expected],
    }
}

fn mutant(id: &str, expected: Guarantee, methods: &[&str]) -> Mutant {
    let by = |method: &&str| KilledBy {
        guarantee: expected,
        method: (*method).to_owned(),
        counterexample: format!("counterexamples/{id}.json"),
    };
    Mutant {
        id: id.to_owned(),
        defect: "All jobs share one broadcast channel, and readers are expected to filter.".to_owned(),
        incident: "a chat service that showed other people's titles, 2023".to_owned(),
        expected: vec![expected],
        killed_by: methods.iter().map(by).collect(),
        tried: tried(methods),
        outcome: MutantOutcome::Survived,
        ordinary_tests_notice: Some(methods.len() > 1),
    }
}

/// Whoever found it was tried, and loom besides: it need not find what is no patch.
fn tried(methods: &[&str]) -> Vec<Tried> {
    let found = methods.iter().map(|method| Tried { explorer: (*method).into(), must: true, operations: Some(6) });
    found.chain([Tried { explorer: "loom".into(), must: false, operations: None }]).collect()
}

fn near_miss(id: &str, flagged: &[Guarantee]) -> NearMiss {
    NearMiss { id: id.to_owned(), what: "Drops the oldest event and counts it.".to_owned(), flagged: flagged.to_vec() }
}

/// A run that holds, with something in every part of it.
fn held() -> Stable {
    use Strength::*;
    let claims = Guarantee::ALL.map(|id| Claim {
        id,
        name: id.name().to_owned(),
        statement: format!("What {} promises.", id.name()),
        status: Status::NotChecked,
        strength: None,
        obligations: Vec::new(),
    });
    let mut on_the_wire = obligation(G11, "wire", Sampled, "frames", 0);
    on_the_wire.excuse =
        Some(Excuse { status: Status::NotApplicable, why: "the subject has no wire: it is driven in process".into() });
    let mut stress = obligation(G6, "stress", Observed, "threads", 0);
    stress.budget = Budget { kind: "seconds".into(), limit: 2, used: 0, hit: false };
    Stable {
        verdict: Status::NotChecked,
        fired: Vec::new(),
        exit_code: 70,
        run: Run {
            argv: vec!["verify".into(), "--profile".into(), "quick".into()],
            profile: "quick".into(),
            seed: "0x1".into(),
            reproduce: "narrowcast verify --profile quick --seed 0x1".into(),
        },
        tool: Tool {
            name: "narrowcast".into(),
            version: "0.1.0".into(),
            commit: "a1b2c3d".into(),
            dirty: false,
            rustc: "rustc 1.95.0".into(),
        },
        subject: Subject {
            name: "reference".into(),
            version: "0.1.0".into(),
            adapter: "in_process".into(),
            fault: None,
        },
        assumptions: vec![Assumption {
            id: "A1".into(),
            text: "The sync shims of loom and shuttle mean what the standard library means.".into(),
            if_false: "The exhaustive rows say nothing about the shipped build.".into(),
        }],
        claims: claims.to_vec(),
        obligations: vec![
            obligation(G1, "interleaved", Exhaustive, "two-jobs", 18_204),
            obligation(G1, "loom", Exhaustive, "emit-emit-read", 512),
            obligation(G1, "shuttle", Sampled, "many-jobs", 20_000),
            obligation(G2, "interleaved", Exhaustive, "late-emit", 9_120),
            obligation(G3, "compile_fail", ByConstruction, "scope-is-a-type", 0),
            obligation(G6, "interleaved", Exhaustive, "overflow", 44_101),
            stress,
            on_the_wire,
        ],
        mutants: vec![
            mutant("one-broadcast", G1, &["interleaved", "shuttle"]),
            mutant("lag-off-by-one", G6, &["interleaved"]),
            Mutant { outcome: MutantOutcome::NotRun, ..mutant("glob-match", G1, &[]) },
        ],
        kill: Kill { killed: 0, viable: 0 },
        hunts: Vec::new(),
        agreements: Vec::new(),
        observed_mutants: vec![seen_on_the_wire("shared-buffer", G1), seen_on_the_wire("lf-splits-frame", G11)],
        near_misses: NearMisses {
            flagged: 0,
            total: 0,
            rows: vec![near_miss("drop-oldest", &[]), near_miss("single-reader", &[])],
        },
        counterexamples: Vec::new(),
        residual_risks: vec![Risk { id: "R1".into(), text: "Timing and cache side channels are not claimed.".into() }],
        conditions: Vec::new(),
    }
}

fn counterexample(id: &str, guarantee: Guarantee) -> CounterexampleRow {
    CounterexampleRow {
        id: id.to_owned(),
        guarantee,
        scenario: "a stream of job a delivers e2, which was emitted to job b".to_owned(),
        steps: 7,
        minimised_from: 212,
        seed: "0xdeadbeefdeadbeef".to_owned(),
        schedule: "0.1.1.0".to_owned(),
        replay: format!("narrowcast replay target/narrowcast/counterexamples/{id}.json"),
        file: format!("counterexamples/{id}.json"),
    }
}

/// Violated, and vacuous and inconclusive besides: the gravest decides, all are listed.
fn violated() -> Stable {
    let mut stable = held();
    stable.obligations[0].counterexamples.push("G1-1".into());
    stable.counterexamples.push(counterexample("G1-1", G1));
    stable.obligations[5].ended = Some(Ended::Deadlock);
    stable.obligations[3].budget.hit = true;
    stable.mutants[1].killed_by.clear();
    stable.mutants[1].tried[0].operations = None;
    stable
}

fn vacuous() -> Stable {
    let mut stable = held();
    stable.obligations[3].antecedents.push(Antecedent { premise: "a close raced an emit".into(), hits: 0, min: 1 });
    stable.near_misses.rows[1].flagged.push(G6);
    stable.mutants[0].killed_by.iter_mut().for_each(|by| by.guarantee = G5);
    stable.observed_mutants[1].noticed.clear();
    stable
}

fn inconclusive() -> Stable {
    let mut stable = held();
    stable.obligations[2].budget = Budget { kind: "schedules".into(), limit: 1_000_000, used: 20_000, hit: true };
    stable.obligations[5].explored.insert(FRONTIER_EMPTIED.into(), json!(false));
    stable.conditions.push(Condition {
        class: Fired::Inconclusive,
        detail: "shard 3 of 4 is missing: run `narrowcast verify --partition slice:3/4`".into(),
    });
    stable
}

fn sealed(stable: Stable) -> Evidence {
    let volatile = facts([
        ("started", json!("2026-11-23T18:00:00Z")),
        ("durations_ms", json!({"total": 8123.5})),
        ("observed", json!({"G6.stress.threads": {"events": 120_000, "lag_markers": 611}})),
    ]);
    seal(stable, volatile).expect("a run built by hand can be sealed")
}

// === the pages of verify ===

#[test]
fn a_held_run() {
    insta::assert_snapshot!(terminal::verify(&sealed(held()), UNICODE));
}

#[test]
fn a_held_run_in_colour_differs_by_colour_alone() {
    let evidence = sealed(violated());
    let coloured = terminal::verify(&evidence, COLOUR);
    assert!(coloured.contains("\u{1b}["), "colour was asked for");
    assert_eq!(without_colour(&coloured), terminal::verify(&evidence, UNICODE));
}

#[test]
fn a_violated_run() {
    insta::assert_snapshot!(terminal::verify(&sealed(violated()), UNICODE));
}

#[test]
fn a_run_with_hunts() {
    let hunt = |fault: &str, explorer: &str, seeds: u64, median, p95| Hunt {
        fault: fault.into(),
        explorer: explorer.into(),
        seeds,
        most: 10_000,
        found: seeds,
        median,
        p95,
    };
    let mut stable = held();
    stable.hunts = vec![
        hunt("one-broadcast", "interleaved", 50, Some(3), Some(14)),
        hunt("lag-off-by-one", "loom", 1, Some(1_234), Some(1_234)),
        hunt("lag-off-by-one", "random", 50, Some(3_885), None),
        hunt("lag-off-by-one", "uniform_random_walk", 50, None, None),
    ];
    // The explorer that missed what it must find is named.
    stable.mutants[0].tried[1].operations = None;
    let mut evidence = sealed(stable);
    let section = |evidence: &Evidence| {
        let page = terminal::verify(evidence, UNICODE);
        let from = page.find("PLANTED FAULTS").expect("there are planted faults");
        let to = page.find("NEAR-MISSES").expect("there are near-misses");
        page[from..to].to_owned()
    };
    assert!(!section(&evidence).contains("in this run"), "no times, no sentence");
    let mut told = |us: Value| {
        evidence.volatile.insert("hunts".into(), json!({ "median_fault_us": us }));
        section(&evidence)
    };
    assert!(told(json!(1_000_000)).contains("not within a second"));
    assert!(told(Value::Null).contains("not found by half of the seeds"));
    insta::assert_snapshot!(told(json!(999_812)));
}

#[test]
fn a_vacuous_run() {
    insta::assert_snapshot!(terminal::verify(&sealed(vacuous()), UNICODE));
}

#[test]
fn an_inconclusive_run_in_ascii_on_a_narrow_terminal() {
    insta::assert_snapshot!(terminal::verify(&sealed(inconclusive()), NARROW));
}

#[test]
fn a_run_of_a_planted_fault() {
    let mut stable = violated();
    stable.subject.fault = Some("one-broadcast".into());
    stable.mutants.clear();
    stable.observed_mutants.clear();
    stable.near_misses.rows.clear();
    stable.obligations.truncate(1);
    insta::assert_snapshot!(terminal::verify(&sealed(stable), UNICODE));
}

#[test]
fn a_run_of_nothing() {
    let mut stable = held();
    stable.obligations.clear();
    stable.mutants.clear();
    stable.observed_mutants.clear();
    insta::assert_snapshot!(terminal::verify(&sealed(stable), Style::PLAIN));
}

// === evidence ===

#[test]
fn an_evidence_file() {
    let text = to_json(&sealed(violated())).expect("evidence is JSON");
    let pretty: Value = serde_json::from_str(&text).expect("what was written can be read");
    insta::assert_json_snapshot!(pretty);
}

#[test]
fn the_digest_is_that_of_the_line_in_the_file() {
    let text = to_json(&sealed(held())).expect("evidence is JSON");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 6, "one member a line");
    let stable =
        lines[3].strip_prefix("\"stable\":").and_then(|line| line.strip_suffix(',')).expect("stable is line 4");
    let reparsed: Value = serde_json::from_str(stable).expect("it is JSON");
    assert_eq!(serde_json_canonicalizer::to_string(&reparsed).expect("canonical"), stable, "and canonical");
    let checked = check(&text).expect("readable");
    assert_eq!(lines[2], format!("\"stable_sha256\":\"{}\",", checked.stable_sha256));
}

#[test]
fn equal_runs_have_equal_digests_whatever_is_volatile() {
    let other = seal(held(), facts([("started", json!("another day"))])).expect("sealed");
    assert_eq!(sealed(held()).stable_sha256, other.stable_sha256);
    assert_ne!(sealed(held()).stable_sha256, sealed(violated()).stable_sha256);
}

#[test]
fn an_honest_file_checks_out() {
    for (stable, exit_code) in [(held(), 0), (violated(), 10), (vacuous(), 12), (inconclusive(), 11)] {
        let evidence = sealed(stable);
        let text = to_json(&evidence).expect("evidence is JSON");
        assert_eq!(read(&text).expect("readable"), evidence);
        let checked = check(&text).expect("readable");
        assert_eq!(checked.discrepancies, [], "nothing to find");
        assert_eq!((checked.verdict, checked.exit_code()), (evidence.stable.verdict, exit_code));
        // A member that this build does not know is covered by the digest, and no reason to refuse the file.
        let spaced = serde_json::to_string_pretty(&serde_json::from_str::<Value>(&text).expect("JSON")).expect("JSON");
        assert_eq!(check(&spaced).expect("readable").discrepancies, [], "white space is not evidence");
    }
}

#[test]
fn numbers_that_json_would_round_are_strings() {
    let mut stable = held();
    stable.obligations[0].bounds.insert("seed".into(), json!(u64::MAX));
    stable.obligations[0].budget.limit = (1 << 53) + 1;
    let text = to_json(&sealed(stable)).expect("evidence is JSON");
    assert!(text.contains("\"seed\":\"18446744073709551615\""));
    assert!(text.contains("\"limit\":\"9007199254740993\""));
    assert_eq!(check(&text).expect("readable").discrepancies, []);
}

/// Edits a violated run's file as a forger would, and says where the check must find it. With `redigest` the forger
/// has also put the right digest on the forged text, so that only the rows can speak.
#[test]
fn a_tampered_file_is_caught_by_name() {
    type Forge = fn(&mut Value);
    let cases: &[(&str, Forge, &[&str])] = &[
        ("the verdict", |s| s["verdict"] = json!("held"), &["stable.verdict"]),
        ("the exit code", |s| s["exit_code"] = json!(0), &["stable.exit_code"]),
        ("the classes", |s| s["fired"] = json!([]), &["stable.fired"]),
        ("one class left out", |s| s["fired"] = json!(["violated"]), &["stable.fired"]),
        ("a claim's status", |s| s["claims"][0]["status"] = json!("held"), &["stable.claims[G1].status"]),
        (
            "a claim's strength",
            |s| s["claims"][0]["strength"] = json!("by_construction"),
            &["stable.claims[G1].strength"],
        ),
        ("a claim's name", |s| s["claims"][0]["name"] = json!("goodwill"), &["stable.claims[G1].name"]),
        (
            "an inconvenient obligation unlisted",
            |s| s["claims"][0]["obligations"] = json!(["G1.loom.emit-emit-read"]),
            &["stable.claims[G1].obligations"],
        ),
        ("a claim left out", |s| drop(s["claims"].as_array_mut().map(|c| c.remove(14))), &["stable.claims"]),
        (
            "an obligation's result",
            |s| s["obligations"][0]["result"] = json!("held"),
            &["stable.obligations[G1.interleaved.two-jobs].result"],
        ),
        (
            "an obligation's id",
            |s| s["obligations"][1]["id"] = json!("G1.interleaved.two-jobs"),
            &["stable.claims[G1].obligations", "stable.obligations[G1.interleaved.two-jobs]"],
        ),
        (
            "a stronger method",
            |s| s["obligations"][2]["strength"] = json!("exhaustive"),
            &["stable.claims[G1].strength", "stable.obligations[G1.shuttle.many-jobs].result"],
        ),
        (
            "a missed premise",
            |s| s["obligations"][1]["antecedents"][0]["hits"] = json!(0),
            &["stable.obligations[G1.loom.emit-emit-read].result"],
        ),
        (
            "a budget unspent",
            |s| s["obligations"][3]["budget"]["hit"] = json!(false),
            &["stable.fired", "stable.claims[G2].status", "stable.obligations[G2.interleaved.late-emit].result"],
        ),
        (
            "a deadlock hushed up",
            |s| drop(s["obligations"][5].as_object_mut().map(|o| o.remove("ended"))),
            &["stable.claims[G6].status", "stable.obligations[G6.interleaved.overflow].result"],
        ),
        (
            "a counterexample hidden",
            |s| s["obligations"][0]["counterexamples"] = json!([]),
            &[
                "stable.claims[G1].status",
                "stable.obligations[G1.interleaved.two-jobs].result",
                "stable.counterexamples[G1-1].guarantee",
            ],
        ),
        (
            "a counterexample deleted",
            |s| s["counterexamples"] = json!([]),
            &["stable.obligations[G1.interleaved.two-jobs].counterexamples"],
        ),
        (
            "a counterexample of something else",
            |s| s["counterexamples"][0]["guarantee"] = json!("G5"),
            &["stable.counterexamples[G1-1].guarantee"],
        ),
        ("a kill too many", |s| s["kill"]["killed"] = json!(2), &["stable.kill.killed"]),
        ("a fault fewer", |s| s["kill"]["viable"] = json!(1), &["stable.kill.viable"]),
        (
            "a survivor called killed",
            |s| s["mutants"][1]["outcome"] = json!("killed"),
            &["stable.mutants[lag-off-by-one].outcome"],
        ),
        (
            "a survivor that was never run",
            |s| s["mutants"][1]["outcome"] = json!("not_run"),
            &["stable.fired", "stable.kill.viable"],
        ),
        (
            "a kill that does not replay",
            |s| {
                s["mutants"][0]["killed_by"] = json!([
                    {"guarantee": "G1", "method": "interleaved", "counterexample": ""},
                ])
            },
            &["stable.mutants[one-broadcast].outcome", "stable.kill.killed"],
        ),
        (
            "a fault expected everywhere",
            |s| s["mutants"][0]["expected"] = json!(["G1", "G2", "G3"]),
            &["stable.mutants[one-broadcast].expected"],
        ),
        ("a false alarm made up", |s| s["near_misses"]["flagged"] = json!(1), &["stable.near_misses.flagged"]),
        (
            "a near-miss left out",
            |s| drop(s["near_misses"]["rows"].as_array_mut().map(|r| r.remove(0))),
            &["stable.near_misses.total"],
        ),
    ];
    let honest: Value = serde_json::from_str(&to_json(&sealed(violated())).expect("JSON")).expect("JSON");
    for (name, forge, places) in cases {
        let mut forged = honest.clone();
        forge(&mut forged["stable"]);
        let found = places_of(&forged);
        assert_eq!(found[0], "stable_sha256", "{name}: the digest no longer fits");

        forged["stable_sha256"] = json!(check(&forged.to_string()).expect("readable").stable_sha256);
        let found = places_of(&forged);
        for place in *places {
            assert!(found.iter().any(|f| f == place), "{name}: {place} is not among {found:?}");
        }
        assert_eq!(check(&forged.to_string()).expect("readable").exit_code(), 2, "{name}: no verdict");
    }
}

fn places_of(evidence: &Value) -> Vec<String> {
    let checked = check(&evidence.to_string()).expect("a forged file can still be read");
    checked.discrepancies.into_iter().map(|discrepancy| discrepancy.place).collect()
}

#[test]
fn a_digest_and_nothing_else_changed_is_caught() {
    let mut evidence = sealed(held());
    evidence.stable_sha256 = "0".repeat(64);
    let checked = check(&to_json(&evidence).expect("JSON")).expect("readable");
    assert_eq!(checked.discrepancies.iter().map(|d| d.place.as_str()).collect::<Vec<_>>(), ["stable_sha256"]);
    insta::assert_snapshot!(terminal::evidence_check("evidence.json", &checked, UNICODE));
}

#[test]
fn an_honest_check() {
    let checked = check(&to_json(&sealed(held())).expect("JSON")).expect("readable");
    insta::assert_snapshot!(terminal::evidence_check("target/narrowcast/evidence.json", &checked, UNICODE));
}

#[test]
fn what_is_no_evidence_is_an_error_with_a_remedy() {
    let text = to_json(&sealed(held())).expect("JSON");
    let stuttering = text.replacen("\"stable\":{", "\"stable\":{\"verdict\":\"violated\",", 1);
    let later = text.replace("narrowcast.evidence/v1", "narrowcast.evidence/v2");
    let said: Vec<String> = ["", "[]", "{\"schema\":\"narrowcast.evidence/v1\"}", &stuttering, &later]
        .into_iter()
        .map(|text| evidence::read(text).expect_err("no evidence").to_string())
        .collect();
    insta::assert_snapshot!(said.join("\n"));
}

// === histories and their pictures ===

fn line(process: i64, kind: Kind, action: Action) -> Line {
    Line::new(process, kind, action)
}

fn done(process: i64, action: Action) -> [Line; 2] {
    [line(process, Kind::Invoke, action.clone()), line(process, Kind::Ok, action)]
}

fn create(job: &str) -> Action {
    Action::Create { job: job.into(), life: None }
}

fn emit(job: Option<&str>, event: &str) -> Action {
    Action::Emit { job: job.map(str::to_owned), life: None, event: event.into(), digest: None }
}

fn subscribe(job: &str, stream: &str) -> Action {
    Action::Subscribe { job: Some(job.into()), life: None, stream: stream.into(), since: Since::Start }
}

fn receive(stream: &str, what: Delivered) -> Line {
    line(9, Kind::Ok, Action::Receive { stream: stream.into(), what })
}

fn event(event: &str) -> Delivered {
    Delivered::Event { event: event.into(), digest: None }
}

/// Two jobs; what is emitted to `b` comes out of a stream of `a`.
fn leak() -> Vec<Line> {
    let mut lines = Vec::new();
    lines.extend(done(0, create("a")));
    lines.extend(done(1, create("b")));
    lines.extend(done(0, subscribe("a", "s1")));
    lines.extend(done(1, subscribe("b", "s2")));
    lines.push(line(0, Kind::Invoke, emit(Some("a"), "e1")));
    lines.push(line(1, Kind::Invoke, emit(Some("b"), "e2")));
    lines.push(receive("s1", event("e1")));
    lines.push(line(0, Kind::Ok, emit(Some("a"), "e1")));
    lines.push(receive("s1", event("e2")));
    lines.push(line(1, Kind::Ok, emit(Some("b"), "e2")));
    lines.push(receive("s2", Delivered::Lagged(3)));
    lines.push(receive("s2", event("e2")));
    lines.extend(done(0, Action::Close { job: "a".into(), life: None, outcome: Some(Outcome::Completed) }));
    let late = Line { reason: Some(Reason::Closed), ..line(0, Kind::Fail, emit(Some("a"), "e3")) };
    lines.push(line(0, Kind::Invoke, emit(Some("a"), "e3")));
    lines.push(late);
    lines.push(receive("s1", Delivered::End(Some(Outcome::Completed))));
    lines.push(receive("s2", Delivered::Stopped("shutdown".into())));
    lines.push(line(9, Kind::Ok, Action::Drained { stream: "s2".into() }));
    lines
}

fn findings_of_leak() -> Findings {
    Findings {
        schema: Findings::SCHEMA.to_owned(),
        verdict: Status::Violated,
        operations: 8,
        jobs: 2,
        streams: 2,
        tails_unjudged: 1,
        late_effects: 0,
        guarantees: JUDGED
            .map(|id| Row {
                id,
                status: match id {
                    G1 => Status::Violated,
                    G3 => Status::NotApplicable,
                    G6 => Status::Inconclusive,
                    _ => Status::Held,
                },
            })
            .to_vec(),
        findings: vec![Finding {
            guarantee: G1,
            name: "confinement".into(),
            message: "stream s1 was opened on job a and delivered e2, which was emitted to job b".into(),
            witness: vec![6, 10, 13],
        }],
        findings_omitted: BTreeMap::from([(G1, 2)]),
    }
}

#[test]
fn a_picture() {
    insta::assert_snapshot!(diagram::draw(&leak(), &[6, 10, 13], UNICODE));
}

#[test]
fn a_picture_in_ascii() {
    insta::assert_snapshot!(diagram::draw(&leak(), &[6, 10, 13], NARROW));
}

#[test]
fn a_picture_of_a_part() {
    insta::assert_snapshot!(diagram::around(&leak(), &[13], 1, UNICODE));
}

#[test]
fn a_crowd_shares_a_lane_but_the_culprit_keeps_his() {
    let mut lines = Vec::new();
    for process in 0..14 {
        lines.extend(done(process, create(&format!("job-{process}"))));
    }
    lines.extend(done(13, subscribe("job-13", "s13")));
    lines.extend(done(12, emit(Some("job-12"), "e12")));
    lines.push(receive("s13", event("e12")));
    lines.push(receive("s13", event("never")));
    insta::assert_snapshot!(diagram::draw(&lines, &[33], UNICODE));
}

#[test]
fn a_judged_history() {
    insta::assert_snapshot!(terminal::check(&findings_of_leak(), &leak(), UNICODE));
}

#[test]
fn a_vacuous_history_that_was_not_kept() {
    let mut findings = findings_of_leak();
    findings.verdict = Status::Vacuous;
    findings.findings.clear();
    findings.findings_omitted.clear();
    findings.guarantees.iter_mut().for_each(|row| row.status = Status::NotApplicable);
    insta::assert_snapshot!(terminal::check(&findings, &[], Style::PLAIN));
}

// === the other commands ===

fn fault_rows() -> Vec<FaultRow> {
    let row = |id: &str, defect: &str, breaks: &[Guarantee]| FaultRow {
        id: id.into(),
        defect: defect.into(),
        incident: "redis-py's shared connection: a cancelled request's answer went to the next caller, March 2023"
            .into(),
        breaks: breaks.to_vec(),
        methods: if breaks.is_empty() { Vec::new() } else { vec!["interleaved".into(), "shuttle".into()] },
    };
    vec![
        row("one-broadcast", "All jobs share one broadcast channel, and readers are expected to filter.", &[G1]),
        row("glob-match", "A stream is found by pattern, so that `job-1` also hears `job-10`.", &[G1, G8]),
        row("drop-oldest", "Drops the oldest event when full, and says how many.", &[]),
    ]
}

#[test]
fn the_museum() {
    insta::assert_snapshot!(terminal::faults(&fault_rows(), UNICODE));
}

#[test]
fn a_guarantee_explained() {
    let explanation = Explanation {
        guarantee: G1,
        statement: "Every event that a stream delivers was emitted to the one incarnation of the job on which the stream \
                    was opened, byte for byte, and not before its emit began."
            .into(),
        why: "A narration names files, hosts and prompts. Shown to another tenant it is a breach, and one that no log of \
              the victim shows."
            .into(),
        checks: vec![ExplainedCheck {
            method: "interleaved".into(),
            strength: Strength::Exhaustive,
            what: "Runs every interleaving of small programs and judges each history.".into(),
            bounds: "2 jobs, 2 emitters, 3 events".into(),
        }],
        faults: fault_rows().into_iter().take(2).collect(),
        limits: vec!["Timing and cache side channels.".into()],
    };
    insta::assert_snapshot!(terminal::explain(&explanation, UNICODE));
    let unchecked = Explanation { guarantee: G15, checks: vec![], faults: vec![], limits: vec![], ..explanation };
    insta::assert_snapshot!(terminal::explain(&unchecked, Style::PLAIN));
}

fn replayed(outcome: ReplayOutcome) -> Replay {
    Replay {
        file: "target/narrowcast/counterexamples/G1-1.json".into(),
        id: "G1-1".into(),
        guarantee: G1,
        subject: "planted fault one-broadcast".into(),
        method: "interleaved".into(),
        scenario: "a stream of job a delivers e2, which was emitted to job b".into(),
        seed: "0x1".into(),
        schedule: "0 0 1 1 0 1".into(),
        cut: None,
        outcome,
        why: String::new(),
        findings: findings_of_leak().findings,
        sides: Vec::new(),
        trace: Vec::new(),
    }
}

#[test]
fn a_replay_that_shows_it_again() {
    insta::assert_snapshot!(terminal::replay(&replayed(ReplayOutcome::Reproduced), &leak(), UNICODE));
}

#[test]
fn replays_without_a_history() {
    let mut replay = replayed(ReplayOutcome::Stale);
    replay.findings.clear();
    replay.why = "At step 3 task 1 was to run, and it has ended.".into();
    replay.trace = vec!["task 0: emit".into(), "task 1: read".into()];
    insta::assert_snapshot!(terminal::replay(&replay, &[], Style::PLAIN));
    let outcomes = [ReplayOutcome::Reproduced, ReplayOutcome::Gone, ReplayOutcome::Stale];
    assert_eq!(outcomes.map(ReplayOutcome::exit_code), [10, 0, 11]);
}

#[test]
fn the_seed_revisited() {
    let row = |number, claim: &str, seed, ours| RevisitRow {
        number,
        claim: claim.into(),
        seed,
        seed_evidence: "a late emit of the first life arrives in the second".into(),
        ours,
        ours_evidence: "9,120 schedules, frontier emptied".into(),
    };
    let revisit = Revisit {
        rows: vec![
            row(1, "Job A can't see Job B's narration", Status::Violated, Status::Held),
            row(2, "Channels are cleaned up after a job completes", Status::Violated, Status::Held),
            row(3, "A system stream requires operator authentication", Status::NotApplicable, Status::NotChecked),
        ],
        pictured: Some(1),
        witness: vec![6, 10, 13],
        ordinary_tests: OrdinaryTests { planted: 24, noticed: 7, found: 24 },
    };
    insta::assert_snapshot!(terminal::revisit(&revisit, &leak(), UNICODE));
}

// === what no output may do ===

/// Names that mean harm: escape sequences, line breaks, markup, workflow commands, bidirectional and invisible letters.
const HOSTILE: &str =
    "\u{1b}[2J\u{1b}]0;owned\u{7}\r\n::error::x\n\t\0\u{9b}31m]]><script>\u{202e}\u{200b}\u{2028}日本🦀e\u{301}|`%0A";

/// Every page, with hostile text wherever a name or a payload can stand.
fn hostile_pages(style: Style) -> Vec<String> {
    let mut text: String = to_json(&sealed(violated())).expect("JSON");
    let hostile = serde_json::to_string(HOSTILE).expect("JSON");
    let hostile = hostile.trim_matches('"');
    for innocent in [
        "reference",
        "a1b2c3d",
        "two jobs overlapped",
        "one-broadcast",
        "drop-oldest",
        "two-jobs",
        "0x1",
        "a stream of job a delivers",
        "Timing and cache",
        "The sync shims",
        "All jobs share one",
    ] {
        text = text.replace(innocent, hostile);
    }
    let evidence = read(&text).expect("hostile text is text");
    let checked = check(&text).expect("readable");
    let lines = vec![
        line(1, Kind::Invoke, create(HOSTILE)),
        line(1, Kind::Ok, create(HOSTILE)),
        line(1, Kind::Invoke, emit(Some(HOSTILE), HOSTILE)),
        line(2, Kind::Invoke, subscribe(HOSTILE, HOSTILE)),
        line(2, Kind::Ok, subscribe(HOSTILE, HOSTILE)),
        receive(HOSTILE, event(HOSTILE)),
        Line { reason: Some(Reason::Other(HOSTILE.into())), ..line(1, Kind::Fail, emit(Some(HOSTILE), HOSTILE)) },
        receive(HOSTILE, Delivered::Stopped(HOSTILE.into())),
    ];
    let mut findings = findings_of_leak();
    findings.findings[0].message = HOSTILE.into();
    findings.findings[0].witness = vec![6];
    let rows = vec![FaultRow {
        id: HOSTILE.into(),
        defect: HOSTILE.into(),
        incident: HOSTILE.into(),
        breaks: vec![G1],
        methods: vec![HOSTILE.into()],
    }];
    let mut replay = replayed(ReplayOutcome::Stale);
    replay.scenario = HOSTILE.into();
    replay.schedule = HOSTILE.into();
    replay.file = HOSTILE.into();
    replay.why = HOSTILE.into();
    replay.trace = vec![HOSTILE.into()];
    vec![
        terminal::verify(&evidence, style),
        terminal::evidence_check(HOSTILE, &checked, style),
        terminal::check(&findings, &lines, style),
        terminal::faults(&rows, style),
        terminal::replay(&replay, &lines, style),
        terminal::replay(&replay, &[], style),
        diagram::around(&lines, &[6], 0, style),
    ]
}

#[test]
fn no_name_reaches_a_terminal_but_as_visible_text() {
    for style in [UNICODE, NARROW, Style::PLAIN, Style { width: 10, ..UNICODE }, COLOUR] {
        for page in hostile_pages(style) {
            let page = if style.color { without_colour(&page) } else { page };
            for line in page.lines() {
                let strange =
                    line.chars().find(|c| c.is_control() || "\u{202e}\u{200b}\u{2028}\u{301}日🦀".contains(*c));
                assert_eq!(strange, None, "{line}");
                assert!(!line.starts_with("::"), "a workflow command: {line}");
                assert!(style.unicode || line.is_ascii(), "not ASCII: {line}");
                assert!(line.chars().count() <= 100, "{} columns: {line}", line.chars().count());
            }
        }
    }
}

#[test]
fn a_hostile_picture() {
    insta::assert_snapshot!(hostile_pages(UNICODE).pop().expect("the picture is the last page"));
}

/// The text without SGR sequences; any other sequence stays, and is found by whoever looks for control characters.
fn without_colour(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("\u{1b}[") {
        plain.push_str(&rest[..at]);
        let sequence = &rest[at + 2..];
        let end = sequence.find(|c: char| !c.is_ascii_digit() && c != ';').unwrap_or(sequence.len());
        if !sequence[end..].starts_with('m') {
            plain.push_str("\u{1b}[");
        }
        rest = sequence[end..].strip_prefix('m').unwrap_or(&sequence[end..]);
    }
    plain + rest
}

// === progress ===

#[test]
fn progress_in_a_log_is_one_plain_line_a_step() {
    let log = SharedLog::default();
    let progress = Progress::to_writer(Box::new(log.clone()));
    for row in &sealed(violated()).stable.obligations {
        progress.doing("something");
        progress.finished(row, Duration::from_millis(1_940));
    }
    progress.step(HOSTILE);
    progress.done();
    let text = String::from_utf8(log.0.lock().expect("unpoisoned").clone()).expect("text");
    assert!(text.chars().all(|c| c == '\n' || (' '..='~').contains(&c)), "control characters");
    insta::assert_snapshot!(text);
}

#[derive(Clone, Default)]
struct SharedLog(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for SharedLog {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("unpoisoned").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
