//! What the explorers' counterexamples are worth: small, minimal, of the fault and of nothing else, exact, or stale.
//!
//! One run of every planted patch under loom and shuttle, by the built program, is looked at by all of these tests. The
//! rest runs the program as people do: again on one core, and on counterexamples whose code has moved on.
#![cfg(feature = "cli")]

use narrowcast::verify::counterexample::{Counterexample, How};
use narrowcast::verify::methods::loom::{Copy, Plan, Report, models};
use narrowcast::verify::program::Program;
use narrowcast::verify::session::child::{Answer, Spawner, Task};
use narrowcast::verify::sightings::{Sightings, Watched};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

const PROGRAM: &str = env!("CARGO_BIN_EXE_narrowcast");

/// More than any counterexample of a planted patch has.
const MOST_OPERATIONS: u64 = 8;

/// A directory of one test's own, empty at first.
fn room(test: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("schedules").join(test);
    let _not_there_yet = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).expect("the target directory can be written");
    path
}

/// Runs a program with nothing of ours in its environment; answers its exit code and what it printed.
fn run(program: &str, words: &[&str], room: &Path) -> (Option<i32>, String) {
    let mut command = Command::new(program);
    command.args(words).current_dir(room).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("NARROWCAST_") {
            command.env_remove(name);
        }
    }
    let output = command.output().expect("the program starts");
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

fn narrowcast(line: &str, room: &Path) -> (Option<i32>, String) {
    run(PROGRAM, &line.split_whitespace().collect::<Vec<_>>(), room)
}

fn evidence(out: &Path) -> Value {
    let text = fs::read_to_string(out.join("evidence.json")).expect("the evidence is written");
    serde_json::from_str(&text).expect("the evidence is JSON")
}

/// Where the run of all patches wrote what it found.
fn patches() -> &'static Path {
    static OUT: OnceLock<PathBuf> = OnceLock::new();
    OUT.get_or_init(|| {
        let room = room("patches");
        let (code, said) = narrowcast("verify --method loom,shuttle --hunt 5 --quiet --out out", &room);
        assert_eq!(code, Some(0), "{said}");
        room.join("out")
    })
}

fn counterexamples() -> Vec<Counterexample> {
    let files = fs::read_dir(patches().join("counterexamples/faults")).expect("planted patches were found");
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("a counterexample can be read");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let mut all: Vec<Counterexample> = files.flatten().map(|file| read(file.path())).collect();
    all.sort_by(|a, b| a.id.cmp(&b.id));
    assert!(all.len() >= 40, "two explorers, and only {} counterexamples", all.len());
    all
}

// === the kill matrix ===

/// Which explorer of which planted fault did not do what it must; and how many did.
fn missed(evidence: &Value) -> (Vec<String>, usize) {
    let (mut missed, mut found) = (Vec::new(), 0);
    for mutant in evidence["stable"]["mutants"].as_array().expect("planted faults were run") {
        for tried in mutant["tried"].as_array().expect("each says who tried it") {
            match (tried["must"].as_bool(), tried["operations"].as_u64()) {
                (Some(true), None) => missed.push(format!("{} by {}", mutant["id"], tried["explorer"])),
                (Some(true), Some(_)) => found += 1,
                _ => {}
            }
        }
    }
    (missed, found)
}

#[test]
fn every_patch_is_killed_by_loom_and_by_shuttle() {
    let mut evidence = evidence(patches());
    let patches = evidence["stable"]["mutants"].as_array().expect("planted faults were run").len();
    assert!(patches >= 20, "only {patches} patches");
    assert_eq!(missed(&evidence), (Vec::new(), 2 * patches));
    // And who misses one is named.
    let tried = &mut evidence["stable"]["mutants"][3]["tried"][1];
    tried.as_object_mut().expect("a row").remove("operations");
    assert_eq!(missed(&evidence).0.len(), 1);
}

// === how soon ===

#[test]
fn every_patch_is_hunted_by_whoever_must_find_it() {
    let evidence = evidence(patches());
    let hunts = evidence["stable"]["hunts"].as_array().expect("the patches were hunted");
    let patches = evidence["stable"]["mutants"].as_array().expect("planted faults were run").len();
    assert_eq!(hunts.len(), 4 * patches, "loom and three samplers");
    for hunt in hunts {
        let [seeds, most, found] = ["seeds", "most", "found"].map(|key| hunt[key].as_u64().expect("a number"));
        let [median, p95] = ["median", "p95"].map(|key| hunt[key].as_u64().unwrap_or(u64::MAX));
        assert_eq!(seeds, if hunt["explorer"] == "loom" { 1 } else { 5 }, "{hunt}");
        assert!(found <= seeds && median >= 1 && median <= p95, "{hunt}");
        assert!(hunt["explorer"] == "loom" || p95 <= most || p95 == u64::MAX, "{hunt}");
        // Of five, the third is the median, and the fifth the 95th percentile.
        assert_eq!((median < u64::MAX, p95 < u64::MAX), (2 * found >= seeds, found == seeds), "{hunt}");
        assert!(hunt["explorer"] != "loom" || found == 1, "{hunt}");
    }
    let times = &evidence["volatile"]["hunts"];
    assert!(times["median_fault_us"].as_u64().is_some_and(|us| us > 0), "{times}");
    let times = times["search_us"].as_object().expect("times by fault");
    assert_eq!(times.len(), patches, "some explorer finds each with most seeds");
}

// === minimal ===

#[test]
fn every_counterexample_has_few_operations() {
    for cx in counterexamples() {
        assert!(cx.steps() <= MOST_OPERATIONS, "{}: {} operations\n{}", cx.id, cx.steps(), cx.program);
        assert!(cx.steps() <= cx.minimised_from, "{}: larger than that in which it was found", cx.id);
    }
}

/// What loom found: the counterexample, on which kernel, and within which bound.
fn of_loom() -> Vec<(Counterexample, Copy, Option<usize>)> {
    let patch = |id: &str| {
        let patches = &narrowcast::compiled::guarded::PATCHES;
        let patch = patches.iter().find(|patch| patch.id == id).expect("the subject is a patch");
        Copy::Guarded(patch.number)
    };
    let looms = counterexamples().into_iter().filter_map(|cx| match cx.how {
        How::Loom { preemptions, .. } => Some((patch(&cx.subject), preemptions, cx)),
        _ => None,
    });
    looms.map(|(copy, preemptions, cx)| (cx, copy, preemptions)).collect()
}

/// Which of these plans, each on a kernel of its own and for one guarantee, show it.
fn shown(tasks: &[Task]) -> Vec<bool> {
    let spawner = Spawner { program: PathBuf::from(PROGRAM), deadline: Duration::from_secs(300), at_once: 2 };
    let answers = spawner.run_all::<Report>(tasks, &|_, _| {});
    let broken = |answer: &Answer<Report>, task: &Task| {
        let Task::Loom { plan, .. } = task else { panic!("a task of loom's") };
        let report = answer.said().unwrap_or_else(|| panic!("no answer to {task:?}"));
        report.breach.as_ref().is_some_and(|breach| breach.breaks(plan.wanted[0]))
    };
    answers.iter().zip(tasks).map(|(answer, task)| broken(answer, task)).collect()
}

#[test]
fn without_any_one_operation_what_loom_found_is_gone_and_the_shipped_kernel_never_shows_it() {
    let (mut whole, mut less, mut names) = (Vec::new(), Vec::new(), Vec::new());
    for (cx, copy, preemptions) in of_loom() {
        let plan = |program: &Program| Plan::within(program, preemptions, vec![cx.guarantee]);
        whole.push(Task::Loom { copy, plan: plan(&cx.program) });
        less.push(Task::Loom { copy: Copy::Shipped, plan: plan(&cx.program) });
        names.push(format!("{} on the shipped kernel", cx.id));
        for operation in 0..cx.program.operations() {
            less.push(Task::Loom { copy, plan: plan(&cx.program.without(operation)) });
            names.push(format!("{} without operation {operation}", cx.id));
        }
    }
    assert!(shown(&whole).iter().all(|shown| *shown), "what was found is found again");
    let still: Vec<&String> =
        names.iter().zip(shown(&less)).filter(|(_, shown)| *shown).map(|(name, _)| name).collect();
    assert!(still.is_empty(), "{still:#?}");
}

#[test]
fn no_fewer_preemptions_show_what_loom_found() {
    let fewer = of_loom().into_iter().filter_map(|(cx, copy, preemptions)| {
        let fewer = preemptions?.checked_sub(1)?;
        let plan = Plan { wanted: vec![cx.guarantee], ..Plan::raised(&cx.program, Some(fewer)) };
        Some((cx.id, Task::Loom { copy, plan }))
    });
    let (names, tasks): (Vec<String>, Vec<Task>) = fewer.unzip();
    assert!(tasks.len() >= 10, "only {} breaches need a preemption", tasks.len());
    let shown: Vec<(String, bool)> = names.into_iter().zip(shown(&tasks)).filter(|(_, shown)| *shown).collect();
    assert!(shown.is_empty(), "{shown:?}");
}

// === exact, or stale ===

/// Replays a counterexample of a planted patch after an edit; answers the exit code and what was said.
fn replayed(file: &str, edit: impl FnOnce(&mut Value)) -> (Option<i32>, String) {
    let path = patches().join("counterexamples/faults").join(file);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut cx: Value = serde_json::from_str(&text).expect("a counterexample is JSON");
    edit(&mut cx);
    static RUNS: AtomicU32 = AtomicU32::new(0);
    let room = room(&format!("replayed-{}", RUNS.fetch_add(1, Ordering::Relaxed)));
    fs::write(room.join("cx.json"), cx.to_string()).expect("the target directory can be written");
    narrowcast("replay cx.json", &room)
}

const LOOM: &str = "lost-wake-at-close-G9-close-against-emit.json";
const SHUTTLE: &str = "lost-wake-at-close-G9-shuttle.json";

#[test]
fn what_loom_and_shuttle_found_shows_again_exactly() {
    for file in [LOOM, SHUTTLE] {
        let (code, said) = replayed(file, |_| {});
        assert_eq!(code, Some(10), "{said}");
        assert!(!said.contains("not the same history") && !said.contains("it was"), "{said}");
    }
}

#[test]
fn a_schedule_of_shuttles_that_no_longer_fits_is_stale() {
    type Edit = fn(&mut Vec<Value>);
    let edits: [(&str, Edit); 3] = [
        ("broken off", |schedule| drop(schedule.pop())),
        ("one turn too many", |schedule| schedule.push(json!(0))),
        ("a thread that there is not", |schedule| schedule[0] = json!(9)),
    ];
    for (what, edit) in edits {
        let (code, said) =
            replayed(SHUTTLE, |cx| edit(cx["how"]["schedule"].as_array_mut().expect("a schedule of turns")));
        assert_eq!(code, Some(11), "{what}: {said}");
    }
}

#[test]
fn an_iteration_of_looms_that_is_not_there_any_more_is_stale_and_a_mended_kernel_is_gone() {
    // The sources have moved on: the patch is out, and there are fewer interleavings than this one's number.
    let mended = |cx: &mut Value| {
        cx["subject"] = json!("reference");
        cx["sources"] = json!("0000000000000000");
    };
    let (code, said) = replayed(LOOM, |cx| {
        mended(cx);
        cx["how"]["iteration"] = json!(1_000_000);
    });
    assert_eq!(code, Some(11), "{said}");
    assert!(said.contains("the sources have changed"), "{said}");
    let (code, said) = replayed(LOOM, mended);
    assert_eq!(code, Some(0), "{said}");
    // The finding is there, in another place: it appears again, and that it moved is said.
    let (code, said) = replayed(LOOM, |cx| cx["how"]["iteration"] = json!(1_000_000));
    assert_eq!(code, Some(10), "{said}");
    assert!(said.contains("it was 1000000"), "{said}");
}

#[test]
fn a_patch_that_this_build_does_not_have_is_stale() {
    for file in [LOOM, SHUTTLE] {
        let (code, said) = replayed(file, |cx| cx["subject"] = json!("a patch of next year"));
        assert_eq!(code, Some(11), "{said}");
    }
}

// === one core, or two ===

#[test]
fn one_seed_gives_one_digest_on_one_core_and_on_two() {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let room = room("cores");
    // The first core that this process may run on: not everywhere is it number 0.
    let (code, said) = match Command::new("taskset").args(["-cp", &std::process::id().to_string()]).output() {
        Ok(output) => (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned()),
        Err(_) => (None, String::new()),
    };
    let list = said.rsplit(": ").next().unwrap_or_default();
    let core: String = list.chars().take_while(char::is_ascii_digit).collect();
    if cores < 2 || code != Some(0) || core.is_empty() {
        eprintln!("skipped: {cores} core(s), or no taskset (util-linux), so one core cannot be told from two");
        return;
    }
    let line = ["verify", "--only", "G1", "--method", "interleaved,shuttle", "--hunt", "1", "--quiet", "--out"];
    let words = |out| line.into_iter().chain([out]).collect::<Vec<_>>();
    let pinned: Vec<&str> = ["-c", &core, PROGRAM].into_iter().chain(words("one")).collect();
    assert_eq!(run("taskset", &pinned, &room).0, Some(0));
    assert_eq!(run(PROGRAM, &words("two"), &room).0, Some(0));
    let (one, two) = (evidence(&room.join("one")), evidence(&room.join("two")));
    assert_eq!((&one["volatile"]["cores"], &two["volatile"]["cores"]), (&json!(1), &json!(cores)), "so they differ");
    assert_eq!(one["stable"]["hunts"].as_array().map(Vec::is_empty), Some(false), "hunts are part of it");
    assert_eq!(one["stable_sha256"], two["stable_sha256"]);
}

/// An enumeration that is cut short is noticed: what is drawn goes beyond it.
#[test]
fn explorers_do_not_agree_where_one_of_them_has_not_looked_far_enough() {
    let spawner = Spawner { program: PROGRAM.into(), deadline: Duration::from_secs(300), at_once: 1 };
    let model = models().into_iter().find(|model| model.id == "lag-against-read").expect("it is a model");
    let (id, program) = (model.id.to_owned(), model.program);
    let watched = vec![Watched { id, program: program.clone(), jobs: Vec::new() }];
    let draw = Task::Sightings { copy: Copy::Shipped, watched, seed: 1, schedules_each: 500 };
    let drawn: Vec<Sightings> = match spawner.run(&draw) {
        Answer::Said(drawn) => drawn,
        Answer::Ended(ended, words) => panic!("{} {words}", ended.word()),
    };
    let agreement = |preemptions| {
        let plan = Plan { outcomes: true, ..Plan::within(&program, preemptions, Vec::new()) };
        let Answer::Said(report) = spawner.run::<Report>(&Task::Loom { copy: Copy::Shipped, plan }) else {
            panic!("loom does not answer");
        };
        assert!(report.completed);
        drawn[0].agreement(&report.outcomes.into_iter().collect(), report.completed)
    };
    let (short, whole) = (agreement(Some(0)), agreement(Some(3)));
    assert!(!short.holds() && short.beyond > 0, "{short:?}");
    assert!(whole.holds() && whole.outcomes > short.outcomes, "{whole:?}");
}
