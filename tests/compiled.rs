//! One source, several compilations: what the explorers judge is what ships.
//!
//! - With no patch active the guarded copy, which holds every planted patch, is explored exactly as the shipped
//!   kernel is: as many interleavings, as many different histories, the same premises reached as often.
//! - Each patch is killed by the model that it names, by a guarantee that it is expected to break, and no model finds
//!   that it breaks another.
//! - Each model kills some patch that no other model kills.
//! - Children that abort, hang, overflow their stack or babble end under those names and take nobody with them.
//! - Variables by which loom can be bent from outside bend nothing.
//!
//! The explorations run in children of the built program, as `narrowcast verify` runs them.
#![cfg(feature = "cli")]

use narrowcast::compiled::guarded::{PATCHES, Patch};
use narrowcast::verify::faults::Fault;
use narrowcast::verify::guarantee::Guarantee;
use narrowcast::verify::methods::loom::{Copy, Model, Plan, Report, models};
use narrowcast::verify::premises::Premise;
use narrowcast::verify::program::{Door, Op, Program};
use narrowcast::verify::session::child::{Answer, Misbehaviour, Spawner, Task};
use narrowcast::verify::verdict::Ended;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

const PROGRAM: &str = env!("CARGO_BIN_EXE_narrowcast");

/// Long enough for whatever answers at all, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(300);

fn spawner(deadline: Duration) -> Spawner {
    Spawner { program: PathBuf::from(PROGRAM), deadline, at_once: 2 }
}

fn loom(model: usize, copy: Copy, preemptions: usize, sequential: bool) -> Task {
    let program = &models()[model].program;
    let plan = match sequential {
        true => Plan { sequential, ..Plan::within(program, Some(preemptions), Vec::new()) },
        false => Plan::raised(program, Some(preemptions)),
    };
    Task::Loom { copy, plan }
}

fn explored(answer: &Answer<Report>) -> &Report {
    match answer {
        Answer::Said(report) => report,
        Answer::Ended(ended, words) => panic!("the child ended in {}: {words}", ended.word()),
    }
}

fn broken(report: &Report) -> Vec<Guarantee> {
    let findings = report.breach.as_ref().and_then(|breach| breach.findings.as_ref());
    findings.map(|findings| findings.violated()).unwrap_or_default()
}

// === the copies ===

#[test]
fn with_no_patch_active_the_guarded_copy_is_explored_as_the_shipped_kernel_is() {
    let numbers = 0..models().len();
    let pairs: Vec<Task> = numbers
        .clone()
        .flat_map(|model| [Copy::Shipped, Copy::Guarded(0)].map(|copy| loom(model, copy, 2, false)))
        .collect();
    let answers = spawner(PATIENCE).run_all::<Report>(&pairs, &|_, _| {});
    for (model, pair) in numbers.zip(answers.chunks(2)) {
        let name = models()[model].id;
        let (shipped, guarded) = (explored(&pair[0]), explored(&pair[1]));
        assert!(shipped.completed && guarded.completed, "{name} was not explored to its end");
        assert!(shipped.iterations > 10, "{name} has {} interleavings: nothing races there", shipped.iterations);
        assert_eq!(shipped.iterations, guarded.iterations, "interleavings of {name}");
        assert_eq!(shipped.distinct, guarded.distinct, "different histories of {name}");
        assert_eq!(shipped.premises, guarded.premises, "premises of {name}");
        assert!(shipped.breach.is_none() && guarded.breach.is_none(), "{name} is in breach");
    }
}

/// What each model finds each patch to break. Whatever it does not kill it must explore to its end, and quickly.
fn matrix() -> Vec<Vec<Vec<Guarantee>>> {
    let models = models();
    let row = |number| (0..models.len()).map(move |model| loom(model, Copy::Guarded(number), 2, false));
    let tasks: Vec<Task> = PATCHES.iter().flat_map(|patch| row(patch.number)).collect();
    let answers = spawner(PATIENCE).run_all::<Report>(&tasks, &|_, _| {});
    let rows = PATCHES.iter().zip(answers.chunks(models.len()));
    let judged = |patch: &Patch, model: &Model, answer: &Answer<Report>| {
        let (report, broken) = (explored(answer), broken(explored(answer)));
        let ended = if report.breach.is_some() { !broken.is_empty() } else { report.completed };
        assert!(ended, "{} under {} came to no end that the judge can name: {report:?}", patch.id, model.id);
        broken
    };
    rows.map(|(patch, row)| models.iter().zip(row).map(|(model, answer)| judged(patch, model, answer)).collect())
        .collect()
}

#[test]
fn each_patch_is_killed_by_the_model_that_it_names_and_each_model_is_needed() {
    let models = models();
    let mut needed = BTreeSet::new();
    for (patch, row) in PATCHES.iter().zip(matrix()) {
        let expected = Fault::Patch(patch).expected();
        let kills = |broken: &[Guarantee]| broken.iter().any(|guarantee| expected.contains(guarantee));
        let killers: Vec<&str> =
            models.iter().zip(&row).filter(|(_, broken)| kills(broken)).map(|(model, _)| model.id).collect();
        assert!(killers.contains(&patch.model), "{} names {:?}, and is killed by {killers:?}", patch.id, patch.model);
        let alone = row.iter().filter(|broken| !broken.is_empty()).count() == 1;
        needed.extend(killers.into_iter().filter(|_| alone));
    }
    let idle: Vec<&str> = models.iter().map(|model| model.id).filter(|id| !needed.contains(id)).collect();
    assert!(idle.is_empty(), "no patch is killed by one of these alone: {idle:?}");
}

#[test]
fn no_handle_is_dropped_under_another_thread() {
    let program =
        |threads: Vec<Vec<Op>>| Program { jobs: vec!["a".into()], retain: 1, prelude: vec![], threads, cut: None };
    let drop = || vec![Op::Create { job: 0 }, Op::Drop { job: 0 }];
    let emit = |door| vec![Op::Emit { job: 0, door }];
    assert_eq!(program(vec![drop(), emit(Door::Name)]).check(), Ok(()));
    for door in [Door::Handle, Door::Straggler] {
        let why = program(vec![drop(), emit(door)]).check().expect_err("whose handle is it?");
        assert!(why.contains("drops the handle"), "{why}");
    }
    models().iter().for_each(|model| assert_eq!(model.program.check(), Ok(()), "{}", model.id));
}

#[test]
fn a_number_that_no_patch_has_changes_nothing() {
    let unknown = Copy::Guarded(PATCHES.len() as u32 + 1);
    let tasks = [loom(2, Copy::Shipped, 2, false), loom(2, unknown, 2, false)];
    let answers = spawner(PATIENCE).run_all::<Report>(&tasks, &|_, _| {});
    assert_eq!(explored(&answers[0]).iterations, explored(&answers[1]).iterations);
    assert!(explored(&answers[1]).breach.is_none());
}

#[test]
fn forced_sequential_no_model_reaches_all_that_a_claim_needs() {
    let mut complete = Vec::new();
    for (number, model) in models().iter().enumerate() {
        let answer = spawner(PATIENCE).run::<Report>(&loom(number, Copy::Shipped, 2, true));
        let report = explored(&answer);
        assert!(report.breach.is_none(), "{} is in breach", model.id);
        let reached = |premise: &Premise| report.premises.get(premise.id()).is_some_and(|n| *n > 0);
        let claims = model.claims.iter().filter(|(_, needed)| needed.iter().all(reached));
        complete.extend(claims.map(|(claim, needed)| (model.id, *claim, needed.clone())));
    }
    assert!(complete.is_empty(), "one thread after the other, these have all their premises: {complete:?}");
}

// === children that misbehave ===

fn ended(answer: Answer<Report>) -> Ended {
    match answer {
        Answer::Said(report) => panic!("a child that misbehaves answered {report:?}"),
        Answer::Ended(ended, _) => ended,
    }
}

#[test]
fn a_child_that_aborts_ends_in_abort() {
    assert_eq!(ended(spawner(PATIENCE).run(&Task::Misbehave(Misbehaviour::Abort))), Ended::Abort);
}

#[test]
fn a_child_that_overflows_its_stack_ends_in_stack_overflow() {
    assert_eq!(ended(spawner(PATIENCE).run(&Task::Misbehave(Misbehaviour::StackOverflow))), Ended::StackOverflow);
}

#[test]
fn a_child_that_never_answers_ends_in_hang() {
    let impatient = spawner(Duration::from_millis(200));
    assert_eq!(ended(impatient.run(&Task::Misbehave(Misbehaviour::Hang))), Ended::Hang);
}

#[test]
fn a_child_that_babbles_has_not_answered() {
    assert_eq!(ended(spawner(PATIENCE).run(&Task::Misbehave(Misbehaviour::Babble))), Ended::Panic);
}

#[test]
fn a_program_that_cannot_be_started_ends_in_abort() {
    let nobody = Spawner { program: PathBuf::from("/nowhere/narrowcast"), deadline: PATIENCE, at_once: 1 };
    assert_eq!(ended(nobody.run(&Task::Misbehave(Misbehaviour::Babble))), Ended::Abort);
}

#[test]
fn children_that_misbehave_take_no_other_answer_with_them() {
    let good = loom(2, Copy::Shipped, 1, false);
    let bad = Task::Misbehave;
    let tasks = [
        good.clone(),
        bad(Misbehaviour::Abort),
        good.clone(),
        bad(Misbehaviour::StackOverflow),
        bad(Misbehaviour::Babble),
        good,
    ];
    let answers = spawner(PATIENCE).run_all::<Report>(&tasks, &|_, _| {});
    let said: Vec<bool> = answers.iter().map(|answer| answer.said().is_some_and(|report| report.completed)).collect();
    assert_eq!(said, [true, false, true, false, false, true], "answers come in the order of the tasks");
}

// === the environment ===

/// Verifies the patch that loses two creates of one name, and answers the digest and the exit code.
fn verified(out: &str, variables: &[(&str, &str)]) -> (String, Option<i32>) {
    let out = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(out);
    let mut command = Command::new(PROGRAM);
    let what = ["verify", "--fault", "check-then-act-at-create", "--only", "G6", "--method", "loom,shuttle"];
    command.args(what).args(["--quiet", "--out"]).arg(&out);
    command.envs(variables.iter().copied()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let status = command.status().expect("the program starts");
    let text = std::fs::read_to_string(out.join("evidence.json")).expect("the evidence is written");
    let evidence: serde_json::Value = serde_json::from_str(&text).expect("the evidence is JSON");
    (evidence["stable_sha256"].as_str().expect("a digest").to_owned(), status.code())
}

#[test]
fn variables_that_bend_explorers_bend_no_run() {
    let straight = verified("straight", &[]);
    let bent = [
        ("LOOM_MAX_PREEMPTIONS", "0"),
        ("LOOM_MAX_BRANCHES", "3"),
        ("LOOM_MAX_DURATION", "0"),
        ("LOOM_MAX_PERMUTATIONS", "1"),
        ("LOOM_CHECKPOINT_INTERVAL", "1"),
        ("LOOM_CHECKPOINT_FILE", "/nowhere/checkpoint"),
        ("LOOM_LOG", "trace"),
        ("LOOM_LOCATION", "1"),
        ("SHUTTLE_RANDOM_SEED", "7"),
        ("PROPTEST_CASES", "1"),
    ];
    assert_eq!(verified("bent", &bent), straight);
    assert_eq!(straight.1, Some(10), "the patch is found");
}
