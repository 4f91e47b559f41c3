//! The committed regressions (`tests/regressions/*.json`): programs that once broke something, here or in a router of
//! the museum. The reference router stands them all, under the schedules that they carry; and they are no museum
//! pieces: the leaky routers that they came from fall for them still.
//!
//! What a test here finds it saves there, so that it is committed with the repair.
#![cfg(feature = "verify")]

use narrowcast::verify::catalogue::scenarios;
use narrowcast::verify::counterexample::{Counterexample, How};
use narrowcast::verify::faults::{Fault, faults, number_of, router};
use narrowcast::verify::findings::JUDGED;
use narrowcast::verify::guarantee::Guarantee;
use narrowcast::verify::methods::interleaved::{self, Abnormal, Plan};
use narrowcast::verify::methods::replayed;
use narrowcast::verify::program::Program;
use narrowcast::verify::regressions::{DIRECTORY, Regression, regressions, save, save_all};
use narrowcast::verify::strategies::Programs;
use narrowcast::verify::subject::erased::{Erased, Fresh};
use narrowcast::verify::subject::reference::Reference;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Of a program whose schedule is stale.
const SCHEDULES_EACH: u64 = 20_000;

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(DIRECTORY)
}

fn committed() -> Vec<Regression> {
    regressions().expect("every committed file can be read")
}

fn plan(programs: Vec<(String, Program)>, wanted: Vec<Guarantee>) -> Plan {
    let (generated, exhaustive, sequential, asked) = (0, true, false, Vec::new());
    Plan { seed: 1, programs, generated, schedules_each: 20_000, exhaustive, sequential, wanted, asked }
}

// === they are stood ===

#[test]
fn the_reference_router_stands_every_regression_and_every_schedule_fits() {
    let regressions = committed();
    assert!(regressions.len() >= 20, "{} regressions", regressions.len());
    let report = replayed::replay_all(Erased::fresh::<Reference>, &regressions, SCHEDULES_EACH);
    assert!(report.found.is_empty() && report.abnormal.is_none(), "{:?} {:?}", report.found, report.abnormal);
    assert_eq!(report.stale, [""; 0], "of these the schedules are of other code: remove the files, and run this again");
    assert_eq!(report.schedules, regressions.len() as u64, "each is run once");
}

#[test]
fn what_is_built_in_is_what_is_committed() {
    let mut files: Vec<String> = fs::read_dir(directory())
        .expect("the regressions are committed")
        .map(|entry| entry.expect("a file of ours").file_name().to_string_lossy().into_owned())
        .collect();
    files.sort();
    let built_in: Vec<String> = committed().into_iter().map(|regression| regression.file).collect();
    assert_eq!(built_in, files);
}

// === the museum's are there ===

/// What a leaky router fell for, as a regression of ours: its smallest program, and of its schedule what our router can
/// follow.
fn of_the_museum(id: &str, found: &interleaved::Found) -> Counterexample {
    let program = Arc::new(found.program.clone());
    let execution = interleaved::follow(Erased::fresh::<Reference>, &program, 1, &found.schedule);
    let mut cx = Counterexample::of_interleaved(format!("museum-{id}"), "reference", 1, found);
    cx.scenario = format!("what the planted fault {id} falls for");
    cx.how = How::Interleaved { schedule: execution.schedule };
    cx.history = execution.history.iter().map(|line| line.to_json()).collect();
    cx.findings = None;
    cx
}

/// Each leaky router falls for one of the regressions: for one of its own, or for what another fell for. If one is found
/// for which there is none, it is saved.
#[test]
fn every_leaky_router_falls_for_a_regression() {
    let mut regressions = committed();
    let mut saved = Vec::new();
    for fault in faults() {
        let Fault::Router(number, about) = fault else { continue };
        let expected: Vec<Guarantee> = fault.expected().into_iter().filter(|g| JUDGED.contains(g)).collect();
        if expected.is_empty() {
            continue;
        }
        let own = |regression: &&Regression| regression.file.starts_with(&format!("museum-{}-", about.id));
        let programs = regressions.iter().filter(own).chain(regressions.iter().filter(|regression| !own(regression)));
        let programs = programs.map(|regression| (regression.file.clone(), regression.program.clone())).collect();
        let falls = interleaved::carry_out(router(number).expect("a router"), &plan(programs, expected.clone()));
        if falls.found.is_empty() {
            let small = scenarios().into_iter().map(|scenario| (scenario.id.to_owned(), scenario.program)).collect();
            let report = interleaved::carry_out(router(number).expect("a router"), &plan(small, expected));
            let found = report.found.first().unwrap_or_else(|| panic!("nothing was found in {}", about.id));
            let cx = of_the_museum(about.id, found);
            let file = save(&directory(), &cx).expect("the directory can be written");
            let text = fs::read_to_string(&file).expect("it was saved");
            regressions.push(Regression::read(&file.display().to_string(), &text).expect("what is saved can be read"));
            saved.push(file);
        }
    }
    assert!(saved.is_empty(), "saved as regressions; build again and commit them: {saved:?}");
}

// === they can fail ===

#[test]
fn a_router_that_breaks_a_regression_is_found_by_replaying_it() {
    for id in ["global-broadcast", "lag-as-close", "prefix-match", "wrong-outcome", "torn-maps"] {
        let number = number_of(id).expect("it is in the museum");
        let report = replayed::replay_all(router(number).expect("a router"), &committed(), SCHEDULES_EACH);
        let fault = faults().into_iter().find(|fault| fault.id() == id).expect("it is in the museum");
        let found: Vec<Guarantee> = report.found.iter().map(|found| found.guarantee).collect();
        assert!(fault.expected().iter().any(|expected| found.contains(expected)), "{id}: {found:?}");
        assert!(report.found.iter().all(|found| found.replays), "{id}");
    }
}

#[test]
fn a_stale_schedule_is_reported_and_every_schedule_is_tried_instead() {
    let mut regressions = committed();
    regressions.retain(|regression| !regression.schedule.is_empty());
    // No thread has this number; and of another the last turn is missing.
    regressions[0].schedule.insert(0, 99);
    let short = regressions[1].schedule.len() - 1;
    regressions[1].schedule.truncate(short);
    let report = replayed::replay_all(Erased::fresh::<Reference>, &regressions, SCHEDULES_EACH);
    let stale =
        [format!("{} at step 1", regressions[0].file), format!("{} at step {}", regressions[1].file, short + 1)];
    assert_eq!(report.stale, stale);
    assert!(report.frontier_emptied && report.schedules > regressions.len() as u64, "{}", report.schedules);
    let few = replayed::replay_all(Erased::fresh::<Reference>, &regressions, 1);
    assert!(!few.frontier_emptied, "one schedule is not every one, and is not said to be");

    // A breach that only another schedule shows is found all the same.
    let number = number_of("global-broadcast").expect("it is in the museum");
    let own = regressions.into_iter().filter(|regression| regression.file.starts_with("museum-global-broadcast-"));
    let stale: Vec<Regression> = own.map(|regression| Regression { schedule: vec![99], ..regression }).collect();
    let report = replayed::replay_all(router(number).expect("a router"), &stale, SCHEDULES_EACH);
    assert_eq!((report.stale.len(), report.found.is_empty()), (1, false));
}

#[test]
fn a_file_that_is_no_regression_is_named() {
    let good = fs::read_to_string(directory().join(&committed()[0].file)).expect("a committed file");
    let edited = |edit: fn(&mut serde_json::Value)| {
        let mut value: serde_json::Value = serde_json::from_str(&good).expect("JSON");
        edit(&mut value);
        Regression::read("x.json", &value.to_string()).expect_err("it was damaged")
    };
    assert!(Regression::read("x.json", &good).is_ok());
    for (why, word) in [
        (edited(|cx| cx["schema"] = "other/v1".into()), "schema"),
        (edited(|cx| cx["seed"] = "lucky".into()), "seed"),
        (edited(|cx| cx["program"]["jobs"] = serde_json::json!([])), "no name"),
        (edited(|cx| drop(cx.as_object_mut().expect("an object").remove("program"))), "program"),
        (
            edited(|cx| {
                cx["how"] = serde_json::json!({"method": "loom", "model": "m", "preemptions": null, "iteration": 1,
                                               "abnormal": null})
            }),
            "loom",
        ),
    ] {
        assert!(why.starts_with("x.json") && why.contains(word), "{word}: {why}");
    }
}

// === what is found is saved ===

/// Draws programs for a router until it is in breach; the smallest program that shows it is saved. Answers the file.
fn hunt(fresh: Fresh, subject: &str, cases: u32, seed: u8, directory: &Path) -> Option<PathBuf> {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
    let few = |program: Program, schedules_each: u64| {
        let programs = vec![("drawn".to_owned(), program)];
        interleaved::carry_out(fresh, &Plan { exhaustive: false, schedules_each, ..plan(programs, Vec::new()) })
    };
    let held = |program: Program| match few(program, 20).found.first() {
        None => Ok(()),
        Some(found) => Err(TestCaseError::fail(found.guarantee.to_string())),
    };
    let Err(TestError::Fail(_, least)) = TestRunner::new_with_rng(config, rng).run(&Programs::new(), held) else {
        return None;
    };
    let found = few(least, 1_000).found.into_iter().next().expect("twenty schedules showed it before");
    let cx = Counterexample::of_interleaved(format!("{}-drawn", found.guarantee), subject, 1, &found);
    Some(save(directory, &cx).expect("the directory can be written"))
}

#[test]
fn drawn_programs_do_not_break_the_reference_router_and_one_that_did_would_be_saved() {
    let saved = hunt(Erased::fresh::<Reference>, "reference", 256, 11, &directory());
    assert_eq!(saved, None, "a breach; commit it with its repair");
}

#[test]
fn what_is_found_by_drawing_is_saved_and_replays() {
    let room = Path::new(env!("CARGO_TARGET_TMPDIR")).join("regressions-saved");
    let _not_there_yet = fs::remove_dir_all(&room);
    let number = number_of("global-broadcast").expect("it is in the museum");
    let fresh = router(number).expect("a router");
    let file = hunt(fresh, "global-broadcast", 100, 11, &room).expect("it leaks under every schedule");
    let text = fs::read_to_string(&file).expect("it was saved");
    let regression = Regression::read("saved.json", &text).expect("what is saved can be read");
    let report = replayed::replay_all(router(number).expect("a router"), &[regression], SCHEDULES_EACH);
    assert_eq!((report.stale.len(), report.found.len()), (0, 1), "its schedule fits the router that it was found in");

    // Only what was found in the reference router is kept by `verify`.
    let mut cx: Counterexample = serde_json::from_str(&text).expect("JSON");
    assert!(save_all(&room, [&cx]).expect("writable").is_empty());
    cx.subject = "reference".into();
    let twice = [save_all(&room, [&cx]).expect("writable"), save_all(&room, [&cx]).expect("writable")];
    assert_eq!(twice[0], twice[1], "the same breach found again does not come twice");
    assert!(twice[0][0].is_file());
}

#[test]
fn to_follow_a_schedule_of_another_router_gives_one_that_fits() {
    for regression in committed() {
        let program = Arc::new(regression.program.clone());
        let strange: Vec<u8> = (0..40).map(|turn| [2, 9, 0, 1][turn % 4]).collect();
        let followed = interleaved::follow(Erased::fresh::<Reference>, &program, regression.seed, &strange);
        let again = interleaved::replay(Erased::fresh::<Reference>, &program, regression.seed, &followed.schedule);
        assert_eq!((again.history, again.abnormal), (followed.history, None), "{}", regression.file);
        // Some breach needs nobody but those who prepare it.
        let Some((_last, cut)) = followed.schedule.split_last() else { continue };
        let short = interleaved::replay(Erased::fresh::<Reference>, &program, regression.seed, cut);
        assert_eq!(short.abnormal, Some(Abnormal::Stale(cut.len())), "{}", regression.file);
    }
}
