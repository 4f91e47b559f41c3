//! The recorder in another language that `docs/history.md` shows: what it writes is a history, and is judged.
//!
//! Needs python3. Where there is none these tests say so and are skipped, except in `.ci/run`, which has it.
#![cfg(feature = "cli")]

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn room(test: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("recorder").join(test);
    fs::create_dir_all(&path).expect("the target directory can be written");
    path
}

/// Runs Python beside the recorder; `None` if there is no Python here.
fn python(arguments: &[&str]) -> Option<Output> {
    let mut command = Command::new("python3");
    command.args(arguments).env("PYTHONDONTWRITEBYTECODE", "1");
    match command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/recorder")).output() {
        Ok(output) => {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            Some(output)
        }
        Err(missing) if std::env::var_os("CI").is_none() => {
            eprintln!("skipped: python3 cannot be run ({missing}); install it to test the recorder");
            None
        }
        Err(missing) => panic!("python3 cannot be run: {missing}"),
    }
}

/// Judges a file: the exit code, and what the judge says as JSON.
fn check(history: &Path) -> (i32, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_narrowcast"));
    for name in
        std::env::vars_os().map(|(name, _)| name).filter(|name| name.to_string_lossy().starts_with("NARROWCAST_"))
    {
        command.env_remove(name);
    }
    let output = command.args(["check", "--format", "json"]).arg(history).output().expect("the program starts");
    let said = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| {
        panic!("no document: {}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    });
    (output.status.code().expect("it ends by itself"), said)
}

#[test]
fn the_demonstrations_router_is_in_order_and_its_leaky_twin_is_not() {
    let room = room("demo");
    let (right, leaky) = (room.join("right.jsonl"), room.join("leaky.jsonl"));
    let path = |path: &Path| path.to_str().expect("a path of ours is text").to_owned();
    if python(&["demo.py", &path(&right)]).is_none() {
        return;
    }
    python(&["demo.py", "--leaky", &path(&leaky)]);
    let (code, said) = check(&right);
    assert_eq!((code, &said["verdict"]), (0, &Value::from("held")), "{said}");
    assert_eq!((&said["jobs"], &said["operations"]), (&Value::from(2), &Value::from(46)));
    let (code, said) = check(&leaky);
    assert_eq!((code, &said["findings"][0]["guarantee"]), (10, &Value::from("G1")), "{said}");
}

/// A refusal, an exception amid an operation and what its thread does afterwards, each as a line that the judge takes.
const EVERY_ENDING: &str = r#"
import sys
from recorder import Recorder, Refused

recorder = Recorder(sys.stdout)
with recorder.operation("create", job="a"):
    pass
try:
    with recorder.operation("emit", job="b", event="e1"):
        raise Refused("unknown")
except Refused:
    pass
try:
    with recorder.operation("emit", job="a", event="e2"):
        raise TimeoutError
except TimeoutError:
    pass
with recorder.operation("subscribe", job="a", stream="s", **{"from": "start"}):
    pass
recorder.observe("receive", stream="s", event="e2")
recorder.observe("drained", stream="s")
"#;

#[test]
fn every_way_in_which_an_operation_ends_is_recorded() {
    let Some(output) = python(&["-c", EVERY_ENDING]) else { return };
    let text = String::from_utf8(output.stdout).expect("it writes JSON");
    let history = room("endings").join("history.jsonl");
    fs::write(&history, &text).expect("the target directory can be written");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("it writes JSON")).collect();
    let types: Vec<_> = lines.iter().map(|line| line["type"].as_str().expect("each line has a type")).collect();
    assert_eq!(types, ["invoke", "ok", "invoke", "fail", "invoke", "info", "invoke", "ok", "ok", "ok"]);
    assert_eq!(lines[3]["reason"], "unknown");
    assert_ne!(lines[6]["process"], lines[5]["process"], "after `info` a process says nothing more");
    let (code, said) = check(&history);
    // One job alone: nothing that could have leaked.
    assert_eq!((code, &said["verdict"]), (12, &Value::from("vacuous")), "{said}");
    assert_eq!(said["findings"], Value::Array(Vec::new()));
}
