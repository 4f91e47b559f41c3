//! One source, several compilations: what the explorers judge is what ships.
//!
//! - With no patch active the guarded copy, which holds every planted patch, is explored exactly as the shipped
//!   kernel is: as many interleavings, as many different histories, the same premises reached as often.
//! - Each patch is killed by the one model that it names, by a guarantee that it is expected to break, and by no other.
//! - Children that abort, hang, overflow their stack or babble end under those names and take nobody with them.
//! - Variables by which loom can be bent from outside bend nothing.
//!
//! The explorations run in children of the built program, as `narrowcast verify` runs them.
#![cfg(feature = "cli")]

use narrowcast::compiled::guarded::PATCHES;
use narrowcast::verify::faults::Fault;
use narrowcast::verify::guarantee::Guarantee;
use narrowcast::verify::methods::loom::{Copy, Report, models};
use narrowcast::verify::premises::Premise;
use narrowcast::verify::session::child::{Answer, Misbehaviour, Spawner, Task};
use narrowcast::verify::verdict::Ended;
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
    Task::Loom { model, copy, preemptions: Some(preemptions), sequential }
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

#[test]
fn each_patch_is_killed_by_the_model_that_it_names_and_by_no_other() {
    let models = models();
    for patch in PATCHES {
        assert!(models.iter().any(|model| model.id == patch.model), "{} names the model {:?}", patch.id, patch.model);
        let tasks: Vec<Task> =
            (0..models.len()).map(|model| loom(model, Copy::Guarded(patch.number), 2, false)).collect();
        let answers = spawner(PATIENCE).run_all::<Report>(&tasks, &|_, _| {});
        let expected = Fault::Patch(patch).expected();
        for (model, answer) in models.iter().zip(&answers) {
            let broken = broken(explored(answer));
            if model.id == patch.model {
                assert!(
                    broken.iter().any(|guarantee| expected.contains(guarantee)),
                    "{} breaks {broken:?} under {}, and {expected:?} is expected",
                    patch.id,
                    model.id
                );
            } else {
                assert!(explored(answer).breach.is_none(), "{} is killed by {} too: {broken:?}", patch.id, model.id);
                assert!(explored(answer).completed, "{} under {} was not explored to its end", patch.id, model.id);
            }
        }
    }
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
    command.args(["verify", "--fault", "check-then-act-at-create", "--quiet", "--out"]).arg(&out);
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
