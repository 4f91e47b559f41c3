//! The program as people and scripts meet it: exit codes, what stands on which stream, what is written, what is
//! refused.
//!
//! Every test runs the built program in a directory of its own, with no terminal and none of our variables set. What it
//! prints is kept as snapshots (`tests/snapshots/cli__*.snap`), without what differs from build to build.
#![cfg(feature = "cli")]

use narrowcast::verify::faults::faults;
use narrowcast::verify::guarantee::Guarantee;
use serde_json::{Value, json};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_narrowcast");

// === running it ===

/// A directory of one test's own, empty at first.
struct Room(PathBuf);

/// What a run came to.
struct Ran {
    code: i32,
    out: String,
    err: String,
}

/// A planted fault, of which one row is violated, one held and one vacuous. (All rows take the time of twenty tests.)
const LAG_AS_CLOSE: &str = "--fault lag-as-close --only G3,G4,G6 --method interleaved";

impl Room {
    fn new(test: &str) -> Room {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cli").join(test);
        let _not_there_yet = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("the target directory can be written");
        Room(path)
    }

    fn run(&self, line: &str) -> Ran {
        self.run_with(line, &[], None)
    }

    fn run_with(&self, line: &str, variables: &[(&str, &str)], input: Option<&str>) -> Ran {
        let mut command = Command::new(PROGRAM);
        command.args(line.split_whitespace()).current_dir(&self.0);
        let ours = |name: &str| {
            ["NARROWCAST_", "CLICOLOR", "LC_", "LOOM_"].iter().any(|family| name.starts_with(family))
                || ["NO_COLOR", "TERM", "LANG", "CI", "COLUMNS", "RUST_BACKTRACE"].contains(&name)
        };
        for name in std::env::vars_os().map(|(name, _)| name).filter(|name| name.to_str().is_some_and(ours)) {
            command.env_remove(name);
        }
        command.env("LC_ALL", "C.UTF-8").envs(variables.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let mut stdin = child.stdin.take().expect("stdin is piped");
        // Who does not read his input closes it; that is his affair.
        let _unread = stdin.write_all(input.unwrap_or_default().as_bytes());
        drop(stdin);
        let output = child.wait_with_output().expect("the program ends");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("what it prints is text");
        let code = output.status.code().unwrap_or_else(|| panic!("`{line}` was ended by a signal: {}", output.status));
        Ran { code, out: text(output.stdout), err: text(output.stderr) }
    }

    fn write(&self, file: &str, text: &str) {
        fs::write(self.0.join(file), text).expect("the target directory can be written");
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.0.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
    }

    fn json(&self, file: &str) -> Value {
        serde_json::from_str(&self.read(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
    }

    /// The counterexample that finding `lag-as-close` out wrote first.
    fn counterexample(&self) -> String {
        let ran = self.run(&format!("verify {LAG_AS_CLOSE} --quiet --out found"));
        assert_eq!(ran.code, 10, "{}", ran.err);
        "found/counterexamples/G6-interleaved-exhaustive.json".to_owned()
    }

    fn edited(&self, file: &str, edit: impl FnOnce(&mut Value)) -> &'static str {
        let mut value = self.json(file);
        edit(&mut value);
        self.write("edited.json", &value.to_string());
        "edited.json"
    }
}

/// Refused with exit code 2, in one line on standard error that says each of `words`, and nothing on standard output.
fn is_refused(ran: &Ran, words: &[&str]) {
    assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{}", ran.err);
    for word in words {
        assert!(ran.err.contains(word), "{word:?} is not said: {}", ran.err);
    }
    assert!(!ran.err.contains("panicked"), "{}", ran.err);
}

fn parsed(ran: &Ran) -> Value {
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("one JSON document: {error}\n{}", ran.out))
}

// === what `verify` ends in ===

#[test]
fn a_run_that_finds_nothing_is_held() {
    let room = Room::new("held");
    let ran = room.run("verify --only G4 --method interleaved --quiet --out out");
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert!(ran.out.contains("held"), "{}", ran.out);
    let evidence = room.json("out/evidence.json");
    assert_eq!(evidence["stable"]["verdict"], "held");
    assert_eq!(
        evidence["stable"]["kill"]["killed"], evidence["stable"]["kill"]["viable"],
        "every planted fault is found"
    );
    let checked = room.run("evidence check out/evidence.json");
    assert_eq!(checked.code, 0, "{}{}", checked.out, checked.err);
}

#[test]
fn a_planted_fault_is_violated() {
    let room = Room::new("violated");
    assert_eq!(room.run("verify --fault lag-as-close --method interleaved --quiet").code, 10);
    assert_eq!(room.run("verify --fault lost-wake-at-close --method loom --quiet").code, 10);
}

#[test]
fn a_run_forced_sequential_is_vacuous() {
    let room = Room::new("sequential");
    let ran = room.run("verify --sequential --quiet --out out");
    assert_eq!(ran.code, 12, "{}", ran.out);
    assert_eq!(room.json("out/evidence.json")["stable"]["verdict"], "vacuous");
}

#[test]
fn what_real_threads_show_is_saved_as_a_history_that_is_judged_again() {
    let room = Room::new("threads");
    let ran = room.run("verify --fault global-broadcast --method threads --quiet --out out");
    assert_eq!(ran.code, 10, "{}", ran.err);
    let evidence = room.json("out/evidence.json");
    assert_eq!(evidence["stable"]["counterexamples"], json!([]), "nothing of it replays");
    let row = evidence["stable"]["obligations"].as_array().expect("rows").iter().find(|row| row["claim"] == "G1");
    let row = row.expect("a row of G1");
    assert_eq!(
        (&row["strength"], &row["ended"], &row["explored"]),
        (&json!("observed"), &json!("observed_breach"), &json!({}))
    );
    let shown = evidence["volatile"]["counterexamples"].as_array().expect("what was found");
    let shown = shown.iter().find(|shown| shown["guarantee"] == "G1").expect("a breach of G1");
    let file = format!("out/{}", shown["file"].as_str().expect("a file"));
    assert!(ran.out.contains("narrowcast check") && ran.out.contains(&file), "how it is judged again: {}", ran.out);
    let judged = room.run(&format!("check {file} --format json"));
    assert_eq!((judged.code, &parsed(&judged)["verdict"]), (10, &json!("violated")));
    assert_eq!(room.run("evidence check out/evidence.json").code, 10);

    let room_again = room.run("verify --method threads --quiet --out out");
    assert_eq!(room_again.code, 0, "{}", room_again.out);
    assert!(!room.0.join(&file).exists(), "a history of an earlier run is not taken for one of this");
    let digest = |ran: &Ran| {
        let line = ran.out.lines().find(|line| line.trim_start().starts_with("digest")).map(str::to_owned);
        line.expect("a digest")
    };
    let again = room.run("verify --method threads --quiet --out again");
    assert_eq!(digest(&room_again), digest(&again), "what differs from run to run stands in volatile");
}

#[test]
fn regressions_are_replayed_first_and_counted() {
    let room = Room::new("regressions");
    let ran = room.run("verify --only G5 --method interleaved --out out");
    assert_eq!(ran.code, 0, "{}", ran.err);
    let evidence = room.json("out/evidence.json");
    let rows = evidence["stable"]["obligations"].as_array().expect("rows");
    let row = rows.iter().find(|row| row["id"] == "G5/interleaved/regressions").expect("a row of regressions");
    assert_eq!((&row["result"], &row["explored"]["stale_schedules"]), (&json!("held"), &json!(0)));
    let replayed = row["explored"]["regressions"].as_u64().expect("a count");
    assert!(replayed > 0 && row["budget"]["used"] == replayed, "{row}");
    assert!(!room.0.join("tests").exists(), "nothing is saved where there is no place for it");
}

#[test]
fn a_run_of_nothing_says_so() {
    let room = Room::new("nothing");
    let ran = room.run("verify --only G11 --fault lag-as-close --quiet");
    assert_eq!(ran.code, 4, "{}", ran.out);
    let ran = room.run("verify --method loom --fault lag-as-close --quiet");
    assert_eq!(ran.code, 4, "a router that loom cannot explore: {}", ran.out);
}

#[test]
fn what_a_router_has_no_operation_for_is_not_applicable_and_told_why() {
    let room = Room::new("lacking");
    let ran = room.run("verify --only G3,G4 --fault competing-readers --method interleaved --quiet --out out");
    assert_eq!(ran.code, 0, "G4 is held, and there is no system stream for G3 to be asked of: {}", ran.out);
    assert!(ran.out.contains("the subject has no `emit_system`"), "{}", ran.out);
    let evidence = room.json("out/evidence.json");
    let rows = evidence["stable"]["obligations"].as_array().expect("rows");
    let status = |row: &Value| row["excuse"]["status"].as_str().map(str::to_owned);
    for row in rows {
        let expected = (row["claim"] == "G3").then(|| "not_applicable".to_owned());
        assert_eq!(status(row), expected, "{}", row["id"]);
    }
    // Nothing is left to be judged.
    let alone = room.run("verify --only G3 --fault competing-readers --method interleaved --quiet");
    assert_eq!(alone.code, 12, "{}", alone.out);
}

#[test]
fn what_cannot_be_asked_for_is_refused_with_what_can() {
    let room = Room::new("usage");
    is_refused(&room.run("verify --fault nobody"), &["nobody", "lag-as-close", "lost-wake-at-close"]);
    is_refused(&room.run("verify --only G99"), &["G99", "G1 to G15"]);
    is_refused(&room.run("explain G0"), &["G0", "G1 to G15"]);
    is_refused(&room.run("verify --method telepathy"), &["telepathy", "interleaved", "loom"]);
    is_refused(&room.run("verify --profile endless"), &["endless", "quick"]);
    is_refused(&room.run("verify --seed 0xg"), &["0xg", "hexadecimal"]);
    is_refused(&room.run("verify --seed 18446744073709551616"), &["64 bits"]);
    is_refused(&room.run("serenade"), &["serenade"]);
    assert_eq!(room.run("").code, 2, "without a command there is nothing to do");
    let beside = room.run_with("faults", &[("NARROWCAST_FORMAT", "verse")], None);
    is_refused(&beside, &["verse", "human", "json"]);
}

#[test]
fn what_cannot_be_read_or_written_is_named() {
    let room = Room::new("files");
    room.write("file", "no evidence\n");
    for command in ["check", "replay", "evidence check"] {
        is_refused(&room.run(&format!("{command} nowhere.json")), &["nowhere.json"]);
        is_refused(&room.run(&format!("{command} .")), &["."]);
        is_refused(&room.run(&format!("{command} file")), &["file"]);
    }
    is_refused(&room.run("verify --only G4 --out file/below"), &["file/below"]);
}

#[test]
fn variables_stand_in_for_flags() {
    let room = Room::new("variables");
    let variables =
        [("NARROWCAST_FAULT", "lag-as-close"), ("NARROWCAST_METHOD", "interleaved"), ("NARROWCAST_OUT", "there")];
    let ran = room.run_with("verify --format json", &variables, None);
    assert_eq!(ran.code, 10);
    assert_eq!(room.json("there/evidence.json")["stable"]["subject"]["fault"], "lag-as-close");
}

// === the evidence ===

#[test]
fn the_same_seed_gives_the_same_digest_wherever_and_however_it_is_printed() {
    let room = Room::new("digest");
    let digest = |line: &str, out: &str| {
        let ran = room.run(&format!("verify {LAG_AS_CLOSE} {line} --out {out}"));
        assert_eq!(ran.code, 10, "{}", ran.err);
        let evidence = room.json(&format!("{out}/evidence.json"));
        evidence["stable_sha256"].as_str().expect("a digest").to_owned()
    };
    let first = digest("--seed 0x7", "one");
    assert_eq!(digest("--seed 0x7 --quiet --format json --color always", "two"), first);
    assert_ne!(digest("--seed 0x8", "three"), first, "another seed draws other programs");
}

#[test]
fn evidence_that_was_tampered_with_supports_no_verdict() {
    let room = Room::new("tampered");
    room.counterexample();
    let file = "found/evidence.json";
    assert_eq!(room.run(&format!("evidence check {file}")).code, 10, "untouched, it says what it said");
    let honest = room.read(file);
    for (what, with) in [
        (r#""verdict":"violated""#, r#""verdict":"held""#),
        (r#""exit_code":10"#, r#""exit_code":0"#),
        (r#""result":"violated""#, r#""result":"held""#),
        (r#""hits":0"#, r#""hits":5"#),
        (r#""seed":"0x1""#, r#""seed":"0x2""#),
        (r#""fault":"lag-as-close""#, r#""fault":"catch-all""#),
    ] {
        assert!(honest.contains(what), "the evidence does not say {what}");
        room.write("tampered.json", &honest.replacen(what, with, 1));
        let ran = room.run("evidence check tampered.json");
        assert_eq!(ran.code, 2, "{what} was replaced by {with}:\n{}{}", ran.out, ran.err);
    }
}

#[test]
fn evidence_without_its_obligations_supports_no_verdict() {
    let room = Room::new("emptied");
    room.counterexample();
    let edited = room.edited("found/evidence.json", |evidence| evidence["stable"]["obligations"] = json!([]));
    assert_eq!(room.run(&format!("evidence check {edited}")).code, 2);
}

#[test]
fn files_of_an_earlier_run_are_not_taken_for_those_of_this_one() {
    let room = Room::new("earlier");
    let old = room.counterexample();
    let ran = room.run("verify --fault stolen-receiver --only G4 --method interleaved --quiet --out found");
    assert_eq!(ran.code, 10);
    assert!(!room.0.join(old).exists(), "the earlier run's counterexample is still there");
}

// === replay ===

#[test]
fn a_counterexample_of_each_method_shows_its_finding_again() {
    let room = Room::new("replay");
    let file = room.counterexample();
    let ran = room.run(&format!("replay {file}"));
    assert_eq!(ran.code, 10, "{}{}", ran.out, ran.err);
    assert!(!ran.out.contains("though not the same history"), "{}", ran.out);
    room.run("verify --fault lost-wake-at-close --only G9 --method loom --quiet --out loom");
    let ran = room.run("replay loom/counterexamples/G9-loom-close-against-emit.json");
    assert_eq!(ran.code, 10, "{}{}", ran.out, ran.err);
}

#[test]
fn every_counterexample_that_a_run_writes_replays() {
    let room = Room::new("replay-all");
    let ran = room.run("verify --only G6 --method interleaved --quiet --out out");
    assert_eq!(ran.code, 0, "{}", ran.out);
    let folder = room.0.join("out/counterexamples/faults");
    let mut files: Vec<_> = fs::read_dir(folder).expect("planted faults were found").flatten().collect();
    files.sort_by_key(|file| file.file_name());
    assert!(files.len() >= 2, "only {} planted faults were found", files.len());
    for file in files {
        let ran = room.run(&format!("replay {}", file.path().display()));
        assert_eq!(ran.code, 10, "{:?}: {}{}", file.file_name(), ran.out, ran.err);
    }
}

#[test]
fn a_finding_that_a_router_does_not_show_is_gone() {
    let room = Room::new("gone");
    room.run("verify --fault lost-wake-at-close --only G9 --method loom --quiet --out loom");
    let file = "loom/counterexamples/G9-loom-close-against-emit.json";
    let edited = room.edited(file, |cx| cx["subject"] = json!("reference"));
    let ran = room.run(&format!("replay {edited}"));
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
}

#[test]
fn a_schedule_that_no_longer_fits_is_stale() {
    let room = Room::new("stale");
    let file = room.counterexample();
    type Edit = fn(&mut Vec<Value>);
    let edits: [(&str, Edit); 4] = [
        ("broken off", |schedule| drop(schedule.pop())),
        ("empty", Vec::clear),
        ("one turn too many", |schedule| schedule.push(json!(0))),
        ("a thread that there is not", |schedule| schedule[0] = json!(9)),
    ];
    for (what, edit) in edits {
        let edited = room.edited(&file, |cx| edit(cx["how"]["schedule"].as_array_mut().expect("a schedule")));
        let ran = room.run(&format!("replay {edited}"));
        assert_eq!(ran.code, 11, "{what}: {}{}", ran.out, ran.err);
    }
    let edited = room.edited(&file, |cx| cx["subject"] = json!("a router of next year"));
    assert_eq!(room.run(&format!("replay {edited}")).code, 11, "a router that this build does not have");
}

#[test]
fn a_counterexample_that_makes_no_sense_is_malformed() {
    let room = Room::new("nonsense");
    let file = room.counterexample();
    type Edit = fn(&mut Value);
    let edits: [(&str, Edit); 7] = [
        ("another schema", |cx| cx["schema"] = json!("narrowcast.counterexample/v9")),
        ("no program", |cx| drop(cx.as_object_mut().expect("an object").remove("program"))),
        ("a job without a name", |cx| cx["program"]["jobs"] = json!([])),
        ("no seed", |cx| cx["seed"] = json!("0xseed")),
        ("another guarantee", |cx| cx["guarantee"] = json!("G99")),
        ("a history that is none", |cx| cx["history"] = json!(["one day"])),
        ("a stream of an absurd number", |cx| {
            let stream = json!({"subscribe": {"job": 0, "stream": u64::MAX, "from": "now", "door": "handle"}});
            cx["program"]["threads"][0].as_array_mut().expect("operations").push(stream);
        }),
    ];
    for (what, edit) in edits {
        let edited = room.edited(&file, edit);
        let ran = room.run(&format!("replay {edited}"));
        assert_eq!(ran.code, 2, "{what}: {}{}", ran.out, ran.err);
    }
}

// === check ===

const TWO_JOBS: &str = r#"{"process":1,"type":"invoke","f":"create","value":{"job":"a"}}
{"process":1,"type":"ok","f":"create"}
{"process":2,"type":"invoke","f":"create","value":{"job":"b"}}
{"process":2,"type":"ok","f":"create"}
{"process":1,"type":"invoke","f":"subscribe","value":{"job":"a","stream":"s1","from":"start"}}
{"process":1,"type":"ok","f":"subscribe"}
{"process":1,"type":"invoke","f":"emit","value":{"job":"a","event":"of-a"}}
{"process":1,"type":"ok","f":"emit"}
{"process":2,"type":"invoke","f":"emit","value":{"job":"b","event":"of-b"}}
{"process":2,"type":"ok","f":"emit"}
"#;

fn receives(event: &str) -> String {
    format!(
        "{TWO_JOBS}{{\"process\":1,\"type\":\"ok\",\"f\":\"receive\",\"value\":{{\"stream\":\"s1\",\"event\":\"{event}\"}}}}\n"
    )
}

#[test]
fn a_recorded_history_is_judged_from_a_file_and_from_standard_input() {
    let room = Room::new("check");
    let (held, violated) = (receives("of-a"), receives("of-b"));
    for (name, history, code) in
        [("held", &*held, 0), ("violated", &violated, 10), ("vacuous", TWO_JOBS, 12), ("empty", "", 12)]
    {
        room.write("history.jsonl", history);
        let ran = room.run("check history.jsonl");
        assert_eq!(ran.code, code, "{name}: {}{}", ran.out, ran.err);
        let piped = room.run_with("check - --format json", &[], Some(history));
        assert_eq!(piped.code, code, "{name}: {}{}", piped.out, piped.err);
        assert_eq!(parsed(&piped)["schema"], "narrowcast.findings/v1");
    }
}

#[test]
fn a_malformed_history_is_refused_with_the_number_of_its_line() {
    let room = Room::new("malformed");
    for (what, line) in [
        ("no JSON", "receive of-a"),
        ("an unknown operation", r#"{"process":1,"type":"invoke","f":"sing","value":{}}"#),
        ("a completion without an invoke", r#"{"process":3,"type":"ok","f":"emit"}"#),
        ("a token used twice", r#"{"process":1,"type":"invoke","f":"emit","value":{"job":"a","event":"of-a"}}"#),
        ("a stream never named", r#"{"process":1,"type":"ok","f":"receive","value":{"stream":"s9","end":true}}"#),
        (
            "two kinds in one",
            r#"{"process":1,"type":"ok","f":"receive","value":{"stream":"s1","end":true,"lagged":1}}"#,
        ),
    ] {
        room.write("history.jsonl", &format!("{}{line}\n", receives("of-b")));
        let ran = room.run("check history.jsonl");
        is_refused(&ran, &["history.jsonl", "12"]);
        assert!(ran.err.lines().count() <= 2, "{what}: {}", ran.err);
    }
}

#[test]
fn real_time_order_is_judged_only_if_it_is_asked_for() {
    let room = Room::new("order");
    let late_first: String = ["of-c", "of-a"].iter().fold(TWO_JOBS.to_owned(), |text, event| {
        let emit = r#"{"process":3,"type":"invoke","f":"emit","value":{"job":"a","event":"of-c"}}"#;
        let emit = if *event == "of-c" { format!("{emit}\n{{\"process\":3,\"type\":\"ok\",\"f\":\"emit\"}}\n") } else { String::new() };
        format!("{text}{emit}{{\"process\":1,\"type\":\"ok\",\"f\":\"receive\",\"value\":{{\"stream\":\"s1\",\"event\":\"{event}\"}}}}\n")
    });
    room.write("history.jsonl", &late_first);
    assert_eq!(room.run("check history.jsonl").code, 0);
    let ran = room.run("check history.jsonl --order real-time");
    assert_eq!(ran.code, 10, "{}", ran.out);
}

// === explain, faults, formats ===

#[test]
fn every_guarantee_is_explained() {
    let room = Room::new("explain");
    for guarantee in Guarantee::ALL {
        let ran = room.run(&format!("explain {guarantee}"));
        assert_eq!((ran.code, ran.err.as_str()), (0, ""));
        assert!(ran.out.starts_with(&format!("{guarantee} {}", guarantee.name())), "{}", ran.out);
        assert_eq!(room.run(&format!("explain {}", guarantee.id().to_lowercase())).out, ran.out, "in either case");
    }
}

#[test]
fn every_planted_fault_is_listed_with_its_defect_and_its_incident() {
    let room = Room::new("faults");
    let listed = parsed(&room.run("faults --format json")).to_string();
    for fault in faults() {
        for text in [fault.id(), fault.defect(), fault.incident()] {
            assert!(listed.contains(&json!(text).to_string()), "{}: {text:?} is not listed", fault.id());
        }
    }
}

#[test]
fn json_is_one_document_of_every_command_and_the_exit_code_stays() {
    let room = Room::new("json");
    let file = room.counterexample();
    room.write("history.jsonl", &receives("of-b"));
    for (line, code) in [
        ("faults".to_owned(), 0),
        ("explain G6".to_owned(), 0),
        ("revisit".to_owned(), 0),
        ("check history.jsonl".to_owned(), 10),
        (format!("replay {file}"), 10),
        ("evidence check found/evidence.json".to_owned(), 10),
        (format!("verify {LAG_AS_CLOSE} --out json"), 10),
    ] {
        let ran = room.run(&format!("{line} --format json"));
        assert_eq!(ran.code, code, "{line}: {}", ran.err);
        assert!(!parsed(&ran).is_null(), "{line}");
    }
}

// === terminals ===

#[test]
fn colours_come_when_they_are_asked_for_and_only_then() {
    let room = Room::new("colours");
    let coloured = |line: &str, variables: &[(&str, &str)]| room.run_with(line, variables, None).out.contains('\u{1b}');
    assert!(!coloured("explain G6", &[]), "a pipe is no terminal");
    assert!(coloured("explain G6", &[("CLICOLOR_FORCE", "1")]));
    assert!(coloured("explain G6 --color always", &[]));
    assert!(coloured("explain G6 --color always", &[("NO_COLOR", "1")]), "who says so on the line means it");
    assert!(!coloured("explain G6", &[("NO_COLOR", "1")]));
    assert!(!coloured("explain G6 --color never", &[("CLICOLOR_FORCE", "1")]));
    assert!(!coloured("explain G6", &[("TERM", "dumb")]));
    assert!(!coloured("explain G6 --format json", &[("CLICOLOR_FORCE", "1")]), "JSON has no colours");
}

#[test]
fn where_there_is_no_terminal_progress_is_plain_lines_on_standard_error() {
    let room = Room::new("progress");
    let line = "verify --fault lag-as-close --method interleaved --out out";
    let ran = room.run(line);
    assert!(ran.err.lines().any(|line| line.starts_with("interleaved, exhaustive")), "{}", ran.err);
    assert!(!ran.err.contains(['\u{1b}', '\r']), "{:?}", ran.err);
    let forced = room.run_with(line, &[("CLICOLOR_FORCE", "1")], None);
    assert!(!forced.err.contains('\r'), "{:?}", forced.err);
    assert_eq!(room.run(&format!("{line} --quiet")).err, "", "quiet means quiet");
    assert_eq!(room.run(&format!("{line} --quiet")).out, ran.out, "and changes nothing of the result");
}

#[test]
fn a_locale_without_unicode_gets_none() {
    let room = Room::new("ascii");
    let ran = room.run_with("verify --fault lost-wake-at-close --quiet", &[("LC_ALL", "C")], None);
    assert!(ran.out.is_ascii(), "{}", ran.out);
}

#[test]
fn a_complaint_cannot_steer_the_terminal() {
    let room = Room::new("steering");
    room.write("history.jsonl", "{\"process\":1,\"type\":\"invoke\",\"f\":\"\\u001b[31msing\",\"value\":{}}\n");
    let ran = room.run("check history.jsonl");
    assert_eq!(ran.code, 2);
    assert!(!ran.err.contains('\u{1b}'), "{:?}", ran.err);
}

// === snapshots ===

/// What is printed, without what differs from build to build: versions, commit, compiler, digests, times, and where
/// the program stands, by whose length lines are broken.
fn redacted(text: &str) -> String {
    let mut joined = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let mut line = line.to_owned();
        while let Some(head) = line.strip_suffix('\\') {
            line = format!("{head}{}", lines.next().unwrap_or_default().trim_start());
        }
        joined.push_str(&line.replace(PROGRAM, "narrowcast").replace(env!("CARGO_PKG_VERSION"), "[version]"));
        joined.push('\n');
    }
    let line = |line: &str| match line {
        _ if line.starts_with("  tool ") => "  tool     narrowcast [version], commit [commit], [rustc]".to_owned(),
        _ if line.trim_start().starts_with("digest ") => "  digest     [sha256]".to_owned(),
        _ => line.to_owned(),
    };
    joined.lines().map(line).collect::<Vec<_>>().join("\n")
}

fn printed(room: &Room, line: &str) -> String {
    let ran = room.run(line);
    format!("$ narrowcast {line}\n{}\n[exit code {}]", redacted(&ran.out), ran.code)
}

#[test]
fn the_help() {
    insta::assert_snapshot!(printed(&Room::new("snapshot-help"), "--help"));
}

#[test]
fn the_museum() {
    insta::assert_snapshot!(printed(&Room::new("snapshot-faults"), "faults"));
}

#[test]
fn counted_loss_explained() {
    insta::assert_snapshot!(printed(&Room::new("snapshot-explain"), "explain G6"));
}

#[test]
fn a_planted_fault_verified_and_its_counterexample_replayed() {
    let room = Room::new("snapshot-verify");
    insta::assert_snapshot!(printed(&room, "verify --fault lost-wake-at-close --quiet --out out"));
    insta::assert_snapshot!(printed(&room, "replay out/counterexamples/G9-loom-close-against-emit.json"));
}

#[test]
fn the_seed_revisited() {
    insta::assert_snapshot!(printed(&Room::new("snapshot-revisit"), "revisit"));
}

#[test]
fn a_violated_history_judged() {
    let room = Room::new("snapshot-check");
    room.write("history.jsonl", &receives("of-b"));
    insta::assert_snapshot!(printed(&room, "check history.jsonl"));
}
