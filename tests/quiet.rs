//! The quiet neighbour (G7): loads that are cut short at every step beside observers who must not notice.
//!
//! - The reference router holds, and every premise is reached; every planted router that breaks G7 is found, minimal, and
//!   replays; no near-miss is flagged.
//! - The judge is held to histories written by hand: one of each kind of trouble, and what must not be taken for one.
//! - A cut is obeyed exactly, and a program keeps it right while it shrinks.
#![cfg(feature = "verify")]

use narrowcast::verify::counterexample::Counterexample;
use narrowcast::verify::faults::{About, Fault, faults, near_misses, router};
use narrowcast::verify::guarantee::Guarantee;
use narrowcast::verify::history::{History, Line, parse_line};
use narrowcast::verify::methods::interleaved::{self, Abnormal, Execution, Found};
use narrowcast::verify::methods::quiet::{self, FEW_THREADS, Plan};
use narrowcast::verify::neighbours::pairs;
use narrowcast::verify::program::{Cut, Door, From, Op, Program, Until, Way};
use narrowcast::verify::quiet::{Course, Observers, Pass, Reached, Seen, Turns, alone, judge};
use narrowcast::verify::subject::erased::{Erased, Fresh};
use narrowcast::verify::subject::reference::Reference;
use std::sync::Arc;

/// As the profile `quick` plans, with fewer preemptions in programs of few threads where `preemptions` says so.
fn plan(preemptions: usize, wanted: Vec<Guarantee>) -> Plan {
    Plan {
        seed: 1,
        pairs: pairs(),
        ways: Way::ALL.to_vec(),
        preemptions,
        preemptions_of_many: 0,
        schedules_each: 100_000,
        sequential: false,
        wanted,
    }
}

fn museum(number: u32) -> Fresh {
    router(number).expect("a router of the museum")
}

/// The planted routers that the neighbours notice, with what is found in each.
fn disturbers() -> Vec<(u32, &'static About, Found)> {
    let routers = faults().into_iter().filter_map(|fault| match fault {
        Fault::Router(number, about) if fault.expected().contains(&Guarantee::G7) => Some((number, about)),
        _ => None,
    });
    let found = routers.map(|(number, about)| {
        let report = quiet::carry_out(museum(number), &plan(1, vec![Guarantee::G7]));
        let found = report.found.into_iter().find(|found| found.guarantee == Guarantee::G7);
        (number, about, found.unwrap_or_else(|| panic!("nothing was found in {}", about.id)))
    });
    found.collect()
}

// === what is found, and what is not ===

#[test]
fn the_reference_router_is_a_quiet_neighbour_and_every_premise_is_reached() {
    let report = quiet::carry_out(Erased::fresh::<Reference>, &plan(1, Vec::new()));
    assert!(report.found.is_empty(), "{:?}", report.found);
    assert_eq!((report.abnormal, report.unquiet, report.not_applicable), (None, vec![], vec![]));
    assert!(report.frontier_emptied);
    assert_eq!(report.pairs, pairs().len() as u64);
    assert_eq!(report.turns, 3, "the most that an operation takes alone: a read to the end of two events");
    for premise in Reached::ALL {
        let hits = report.premises.get(premise.id()).copied().unwrap_or(0);
        assert!(hits > 0, "{} was never reached", premise.id());
    }
    assert!(pairs().iter().any(|pair| pair.program.threads.len() > FEW_THREADS), "there are programs of many threads");
}

#[test]
fn one_after_the_other_nobody_is_cut() {
    let report = quiet::carry_out(Erased::fresh::<Reference>, &Plan { sequential: true, ..plan(1, Vec::new()) });
    assert_eq!((report.schedules, report.cuts), (pairs().len() as u64, 0));
    assert!(report.premises.is_empty() && report.found.is_empty(), "{report:?}");
}

#[test]
fn one_plan_gives_one_report() {
    let some = Plan { pairs: pairs().into_iter().take(2).collect(), ..plan(1, Vec::new()) };
    let told = || serde_json::to_value(quiet::carry_out(Erased::fresh::<Reference>, &some)).expect("plain data");
    assert_eq!(told(), told());
}

#[test]
fn every_disturber_is_found_is_small_replays_and_needs_each_operation() {
    let all = disturbers();
    assert!(all.len() >= 5, "{}", all.len());
    for (number, about, found) in all {
        let id = about.id;
        let operations = found.program.operations();
        assert!(operations <= 8, "{id}: {operations} operations\n{}", found.program);
        assert_eq!(found.program.check(), Ok(()), "{id}");
        assert!(found.replays, "{id}");
        // As `narrowcast replay` does: from the file.
        let cx = Counterexample::of_interleaved(id.into(), id, 1, &found);
        let text = serde_json::to_string(&cx).expect("plain data");
        let cx: Counterexample = serde_json::from_str(&text).expect("what is written can be read");
        assert_eq!(cx.program, found.program, "{id}: the cut is in the file");
        assert!(cx.message().contains("meanwhile, on other jobs, thread"), "{id}: {}", cx.message());
        let program = Arc::new(cx.program);
        let (execution, findings) = quiet::replay(museum(number), &program, 1, &found.schedule);
        let history: Vec<String> = execution.history.iter().map(Line::to_json).collect();
        assert_eq!(history, found.history, "{id}");
        assert_eq!(findings.as_ref(), Some(&found.findings), "{id}");
        let broken_off = &found.schedule[..found.schedule.len() - 1];
        let (short, _) = quiet::replay(museum(number), &program, 1, broken_off);
        assert_eq!(short.abnormal, Some(Abnormal::Stale(broken_off.len())), "{id}: its last turn is missing");
        for operation in 0..operations {
            let smaller = found.program.without(operation);
            let still = quiet::still_breaks(museum(number), &smaller, 1);
            assert!(!still, "{id}: operation {operation} is not needed in\n{}", found.program);
        }
        // The reference router stands the same.
        assert!(!quiet::still_breaks(Erased::fresh::<Reference>, &found.program, 1), "{id}");
    }
}

#[test]
fn no_near_miss_is_flagged() {
    for (number, about) in near_misses() {
        let disturbs =
            ["near-own-idle", "near-recovered-lock", "near-bounded-queue", "near-job-lock"].contains(&about.id);
        let plan = Plan { schedules_each: 300, ..plan(usize::from(disturbs), Vec::new()) };
        let report = quiet::carry_out(museum(number), &plan);
        let flagged: Vec<_> = report.found.iter().map(|found| (found.guarantee, &found.findings.findings)).collect();
        assert!(flagged.is_empty(), "{}: {flagged:?}", about.id);
        assert_eq!(report.abnormal, None, "{}", about.id);
        assert!(report.schedules > 0, "{}: no observer is quiet alone", about.id);
    }
}

// === the judge, by hand ===

/// `a` is the observer's: thread 1 emits and reads to the end. `b` is the load's: thread 2 is cut.
fn program() -> Program {
    let emit = |job| Op::Emit { job, door: Door::Handle };
    Program {
        jobs: vec!["a".into(), "b".into()],
        retain: 2,
        prelude: vec![
            Op::Create { job: 0 },
            Op::Create { job: 1 },
            Op::Subscribe { job: 0, stream: 0, from: From::Start, door: Door::Handle },
        ],
        threads: vec![vec![emit(0), Op::Read { stream: 0, until: Until::Accounted(1) }], vec![emit(1), emit(1)]],
        cut: Some(Cut { thread: 1, after: 1, how: Way::Stalled }),
    }
}

fn history(lines: &[&str]) -> History {
    let line = |text: &&str| {
        let parsed = parse_line(text).expect("a line").expect("not blank");
        let mut line = Line::new(parsed.process, parsed.kind, parsed.action.expect("a value"));
        line.reason = parsed.reason;
        line
    };
    lines.iter().map(line).collect()
}

const OPENED: &str = r#"{"process":0,"type":"ok","f":"subscribe","value":{"job":"a","stream":"s0","from":"start"}}"#;
const ASKED: &str = r#"{"process":1,"type":"invoke","f":"emit","value":{"job":"a","event":"e1.0"}}"#;
const ACCEPTED: &str = r#"{"process":1,"type":"ok","f":"emit","value":{"job":"a","event":"e1.0"}}"#;
const REFUSED: &str = r#"{"process":1,"type":"fail","f":"emit","value":{"job":"a","event":"e1.0"},"reason":"limit"}"#;
const DELIVERED: &str = r#"{"process":1,"type":"ok","f":"receive","value":{"stream":"s0","event":"e1.0"}}"#;
const DRAINED: &str = r#"{"process":3,"type":"ok","f":"drained","value":{"stream":"s0"}}"#;

/// Thread 1 has the turns 1 to `turns`, each a step; the emit returns in turn `emitted`, the read in the last, if ever.
fn course(lines: &[usize], emitted: Option<usize>, read: Option<usize>) -> Course {
    let mut passes = vec![Pass { begun: 1, from: 1, returned: emitted.map(|turn| (turn, 3)) }];
    if let Some(emitted) = emitted {
        passes.push(Pass { begun: emitted + 1, from: 3, returned: read.map(|turn| (turn, 4)) });
    }
    Course { lines: lines.to_vec(), passes: vec![passes, Vec::new()], ..Course::default() }
}

fn messages(program: &Program, history: &History, course: &Course, bound: Option<&Turns>) -> Vec<String> {
    let observers = Observers::of(program);
    let schedule = vec![0; course.lines.len()];
    let seen = Seen { program, observers: &observers, history, schedule: &schedule, course };
    judge(&seen, bound).into_iter().map(|finding| finding.message).collect()
}

/// What the observer takes alone: a turn for each operation.
fn a_turn_each() -> Turns {
    let (program, history) = (alone(&program()), history(&[OPENED, ASKED, ACCEPTED, DELIVERED, DRAINED]));
    let course = course(&[1, 3], Some(1), Some(2));
    let observers = Observers::of(&program);
    let mut turns = Turns::default();
    turns.add(&Seen {
        program: &program,
        observers: &observers,
        history: &history,
        schedule: &[0, 0],
        course: &course,
    });
    turns
}

#[track_caller]
fn says(messages: &[String], words: &str) {
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert!(messages[0].contains(words), "{messages:?}");
}

#[test]
fn a_run_as_when_alone_is_no_trouble() {
    assert_eq!(a_turn_each().most(), 1);
    let well = history(&[OPENED, ASKED, ACCEPTED, DELIVERED, DRAINED]);
    assert_eq!(messages(&program(), &well, &course(&[1, 3], Some(1), Some(2)), Some(&a_turn_each())), [""; 0]);
}

#[test]
fn operations_in_trouble_are_named_with_the_load() {
    let turns = a_turn_each();
    let stuck = history(&[OPENED, ASKED]);
    let told = messages(&program(), &stuck, &course(&[1], None, None), Some(&turns));
    says(&told, "thread 1's `emit to \"a\"` never returned; meanwhile, on other jobs, thread 2 does `emit to \"b\"");

    let mut panicked = course(&[1], None, None);
    panicked.panics.insert(0, "poisoned".into());
    says(&messages(&program(), &stuck, &panicked, Some(&turns)), "was taken away by a panic (poisoned)");

    let refused = history(&[OPENED, ASKED, REFUSED]);
    let mut gave_up = course(&[1], Some(1), None);
    gave_up.passes[0].truncate(1);
    says(&messages(&program(), &refused, &gave_up, Some(&turns)), "was refused (limit)");

    let well = history(&[OPENED, ASKED, ACCEPTED, DELIVERED, DRAINED]);
    let slow = course(&[1, 2, 2, 3], Some(3), Some(4));
    says(
        &messages(&program(), &well, &slow, Some(&turns)),
        "took 3 turns of its own, and alone it never takes more than 1",
    );
    assert_eq!(messages(&program(), &well, &slow, None), [""; 0], "without a bound none is held against it");
}

#[test]
fn turns_in_which_a_reader_is_owed_nothing_do_not_count() {
    // The read begins in turn 2, and twice there is nothing: the event is accepted before its fourth turn only.
    let late = history(&[OPENED, ASKED, ACCEPTED, DELIVERED, DRAINED]);
    let mut waited = course(&[1, 1, 1, 3], Some(1), Some(4));
    waited.passes[0][1] = Pass { begun: 2, from: 1, returned: Some((4, 4)) };
    assert_eq!(messages(&program(), &late, &waited, Some(&a_turn_each())), [""; 0]);
    waited.lines = vec![1, 3, 3, 3];
    says(
        &messages(&program(), &late, &waited, Some(&a_turn_each())),
        "`read s0 until 1 are accounted for` took 3 turns",
    );
}

#[test]
fn who_had_no_turn_in_a_run_without_end_is_not_held_against_anybody() {
    let mut course = course(&[1], None, None);
    course.hung = true;
    let stuck = history(&[OPENED, ASKED]);
    assert_eq!(messages(&program(), &stuck, &course, Some(&a_turn_each())), [""; 0], "others had all the turns");
    course.lines = vec![1, 2, 2];
    says(&messages(&program(), &stuck, &course, Some(&a_turn_each())), "did not return in 3 turns of its own");
}

#[test]
fn streams_in_trouble_are_named() {
    let close = [
        r#"{"process":1,"type":"invoke","f":"close","value":{"job":"a","outcome":"completed"}}"#,
        r#"{"process":1,"type":"ok","f":"close","value":{"job":"a","outcome":"completed"}}"#,
    ];
    let receive = |what: &str| format!(r#"{{"process":1,"type":"ok","f":"receive","value":{{"stream":"s0",{what}}}}}"#);
    let end = |outcome: &str| receive(&format!(r#""end":true,"outcome":"{outcome}""#));
    let told = |lines: &[&str]| messages(&program(), &history(lines), &Course::default(), None);

    says(&told(&[OPENED, ASKED, ACCEPTED, DRAINED]), "`s0` misses e1.0");
    says(&told(&[OPENED, ASKED, ACCEPTED, &receive(r#""lagged":1"#)]), "`s0` lagged by 1");
    says(&told(&[OPENED, &end("completed")]), "`s0` ended, though nobody closed its job");
    says(
        &told(&[OPENED, close[0], close[1], &end("failed")]),
        "`s0` ended as failed, though its job was closed as completed",
    );
    says(&told(&[OPENED, close[0], close[1], DRAINED]), "`s0` never had its end");
    says(&told(&[OPENED, &receive(r#""stopped":"shutdown""#)]), "`s0` was stopped: shutdown");
    assert_eq!(told(&[OPENED, close[0], close[1], &end("completed")]), [""; 0]);
    assert_eq!(told(&[OPENED, ASKED, ACCEPTED]), [""; 0], "nobody said that it was drained");
    // The load's own stream may have any trouble: it is no observer's.
    let others = |line: &str| line.replace("\"a\"", "\"b\"").replace("s0", "s8");
    let mut program = program();
    program.prelude.push(Op::Subscribe { job: 1, stream: 8, from: From::Start, door: Door::Handle });
    let its = [OPENED, ASKED, ACCEPTED, DRAINED].map(others);
    let its: Vec<&str> = its.iter().map(String::as_str).collect();
    assert_eq!(messages(&program, &history(&its), &Course::default(), None), [""; 0]);
}

#[test]
fn whoever_shares_a_job_with_the_load_is_no_observer() {
    let emit = |job| Op::Emit { job, door: Door::Name };
    let mut program = program();
    program.jobs.push("c".into());
    // Thread 3 works on the load's job and on `c`; thread 4 on `c` only.
    program.threads.extend([vec![emit(1), emit(2)], vec![emit(2)]]);
    assert_eq!(Observers::of(&program).threads, [0]);
    let left = alone(&program);
    assert_eq!((left.threads.len(), left.prelude.len(), left.cut), (1, 2, None));
    program.cut = Some(Cut { thread: 0, after: 0, how: Way::Stalled });
    assert_eq!(Observers::of(&program).threads, [1, 2, 3]);
}

// === cuts ===

/// Runs a program of two threads, the first one first.
fn run(program: &Program, schedule: &[u8]) -> Execution {
    interleaved::replay(Erased::fresh::<Reference>, &Arc::new(program.clone()), 1, schedule)
}

#[test]
fn a_cut_is_made_after_exactly_so_many_turns() {
    let emits = |execution: &Execution| execution.history.iter().filter(|line| line.process == 2).count() / 2;
    for after in 0..=2 {
        let stalled = Program { cut: Some(Cut { thread: 1, after, how: Way::Stalled }), ..program() };
        let schedule: Vec<u8> = [vec![0, 0], vec![1; after]].concat();
        let execution = run(&stalled, &schedule);
        assert_eq!((emits(&execution), &execution.abnormal), (after, &None), "it has no turn any more");
        assert_eq!(execution.course.cut.is_some(), after < 2, "who is done is not cut");
        let cancelled = Program { cut: Some(Cut { thread: 1, after, how: Way::Cancelled }), ..program() };
        let execution = run(&cancelled, &[schedule.clone(), vec![1; usize::from(after < 2)]].concat());
        assert_eq!((emits(&execution), &execution.abnormal), (after, &None), "the drop is a turn of its own");
    }
}

#[test]
fn a_panic_in_a_waker_takes_away_who_wakes_and_ends_no_run() {
    let read = Op::Read { stream: 0, until: Until::End };
    let emit = Op::Emit { job: 0, door: Door::Handle };
    let threads = vec![vec![read], vec![emit.clone(), emit]];
    let cut = Some(Cut { thread: 0, after: 1, how: Way::WakePanics });
    let waits = Program { threads, cut, ..program() };
    let execution = run(&waits, &[0, 1]);
    assert_eq!(execution.abnormal, None);
    let said: Vec<_> = execution.course.panics.iter().map(|(thread, said)| (*thread, said.as_str())).collect();
    assert_eq!(said, [(1, "the waker that it called panicked")]);
    assert_eq!(execution.course.passes[1].len(), 1, "its second emit is never begun");
}

#[test]
fn a_program_keeps_its_cut_right() {
    let program = program();
    assert_eq!(program.check(), Ok(()));
    assert!(program.to_string().ends_with("thread 2 is never polled again after 1 of its turns\n"), "{program}");
    let without_the_observer = program.without(4).without(3);
    assert_eq!(without_the_observer.cut.map(|cut| cut.thread), Some(0), "the thread before it is gone");
    assert_eq!(program.without(6).without(5).cut, None, "so is the thread itself");
    let nobody = Program { cut: Some(Cut { thread: 2, after: 0, how: Way::Panicked }), ..program.clone() };
    assert!(nobody.check().is_err_and(|why| why.contains("thread 3 is to be cut")));
    let text = serde_json::to_string(&Program { cut: None, ..program.clone() }).expect("plain data");
    assert!(!text.contains("cut"), "programs without one are written as ever: {text}");
    let read: Program = serde_json::from_str(&text).expect("and read");
    assert_eq!(read.cut, None);
}
