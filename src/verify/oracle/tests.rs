//! Small histories with their judgements, in a notation of one word per idea.
//!
//! Steps are separated by `;` or line breaks. `1> emit a e1` is an invoke line of process 1, and `1.`, `1?`, `1x
//! limit` are its `ok`, `info` and `fail`. `1! emit a e1` is an invoke and an `ok`, `1- emit a e1` an invoke and a
//! `fail`. The job `-` is the system. After the operands may stand `@L` (a life), `#d` (a digest), `start`,
//! `after:e1`. A step that begins with a stream's name is a receive or a drained: `s < e1`, `s lag 2`, `s end
//! completed`, `s stop`, `s drained`. `held 2` is a `retained` line, `expired a` an `expired` one.

use super::super::findings::Status;
use super::super::history::{Action, Delivered, Kind, Line, Outcome, Reason, Since};
use super::{Judgement, judge};
use std::collections::BTreeMap;

fn outcome(word: &str) -> Outcome {
    match word {
        "completed" => Outcome::Completed,
        "failed" => Outcome::Failed,
        "cancelled" => Outcome::Cancelled,
        "abandoned" => Outcome::Abandoned,
        _ => panic!("no outcome: {word}"),
    }
}

/// The action of an operation, from its words.
fn operation(words: &[&str]) -> Action {
    let marked = |mark: char| words.iter().find_map(|word| word.strip_prefix(mark)).map(str::to_owned);
    let life = marked('@');
    let job = || words[1].to_owned();
    let either = || Some(job()).filter(|job| job != "-");
    match words[0] {
        "create" => Action::Create { job: job(), life },
        "close" => {
            let stated = words.get(2).filter(|word| !word.starts_with('@'));
            Action::Close { job: job(), life, outcome: stated.map(|word| outcome(word)) }
        }
        "emit" => Action::Emit { job: either(), life, event: words[2].to_owned(), digest: marked('#') },
        "sub" => {
            let resume = words.iter().find_map(|word| word.strip_prefix("after:"));
            let since = match resume {
                Some(event) => Since::After(event.to_owned()),
                None if words.contains(&"start") => Since::Start,
                None => Since::Now,
            };
            Action::Subscribe { job: either(), life, stream: words[2].to_owned(), since }
        }
        "unsub" => Action::Unsubscribe { stream: words[1].to_owned() },
        other => panic!("no operation: {other}"),
    }
}

/// What a stream saw, or that it was drained; or what the router holds, or gives up.
fn observation(words: &[&str]) -> Action {
    match words[0] {
        "held" => return Action::Retained { jobs: words[1].parse().expect("a number") },
        "expired" => return Action::Expired { job: words[1].to_owned() },
        _ => {}
    }
    let stream = words[0].to_owned();
    let what = match words[1] {
        "<" => Delivered::Event {
            event: words[2].to_owned(),
            digest: words.get(3).map(|word| word.trim_start_matches('#').to_owned()),
        },
        "lag" => Delivered::Lagged(words[2].parse().expect("a number")),
        "end" => Delivered::End(words.get(2).map(|word| outcome(word))),
        "stop" => Delivered::Stopped("revoked".into()),
        "drained" => return Action::Drained { stream },
        other => panic!("no observation: {other}"),
    };
    Action::Receive { stream, what }
}

fn history(text: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut open: BTreeMap<i64, Action> = BTreeMap::new();
    for step in text.split([';', '\n']).map(str::trim).filter(|step| !step.is_empty()) {
        let words: Vec<&str> = step.split_whitespace().collect();
        let (process, sign) = words[0].split_at(words[0].len() - 1);
        let Ok(process) = process.parse::<i64>() else {
            lines.push(Line::new(99, Kind::Ok, observation(&words)));
            continue;
        };
        if matches!(sign, ">" | "!" | "-") {
            let action = operation(&words[1..]);
            lines.push(Line::new(process, Kind::Invoke, action.clone()));
            open.insert(process, action);
        }
        let kind = match sign {
            ">" => continue,
            "!" | "." => Kind::Ok,
            "?" => Kind::Info,
            "-" | "x" => Kind::Fail,
            other => panic!("no sign: {other}"),
        };
        let mut line = Line::new(process, kind, open.remove(&process).expect("an open operation"));
        line.reason = words.get(1).filter(|_| sign == "x").map(|word| match *word {
            "unknown" => Reason::Unknown,
            "closed" => Reason::Closed,
            "limit" => Reason::Limit,
            "forbidden" => Reason::Forbidden,
            other => Reason::Other(other.to_owned()),
        });
        lines.push(line);
    }
    lines
}

fn judged(text: &str) -> Judgement {
    judge(&history(text))
}

/// Asserts which guarantees each history breaks: `""` for none, else `"G1 G6"`.
#[track_caller]
fn cases(cases: &[(&str, &str, &str)]) {
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|(name, text, expected)| {
            let found: Vec<&str> = judged(text).violated.into_iter().map(super::Guarantee::id).collect();
            let found = found.join(" ");
            (found != *expected).then(|| format!("{name}: expected [{expected}], found [{found}]"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn confinement() {
    cases(&[
        ("its own event", "1! create a; 2! sub a s; 1! emit a e; s < e", ""),
        ("never emitted", "1! create a; 2! sub a s; s < e", "G1"),
        ("another job's", "1! create a; 1! create b; 2! sub b s; 1! emit a e; s < e", "G1"),
        ("before its emit was acknowledged", "1! create a; 2! sub a s; 1> emit a e; s < e; 1.", ""),
        ("before its emit began", "1! create a; 2! sub a s; s < e; 1! emit a e; s drained", "G1 G6"),
        ("before its subscribe was acknowledged", "1! create a; 2> sub a s; 1! emit a e; s < e; 2.", ""),
        ("the same bytes", "1! create a; 2! sub a s; 1! emit a e #x; s < e #x", ""),
        ("other bytes", "1! create a; 2! sub a s; 1! emit a e #x; s < e #y", "G1"),
        ("bytes of which one side is silent", "1! create a; 2! sub a s; 1! emit a e; s < e #y", ""),
        ("a failed subscribe's stream", "1! create a; 2> sub a s; 2x limit; 1! emit a e; s < e", "G1"),
        ("a retried stream id", "1! create a; 2> sub a s; 2x limit; 2! sub a s; 1! emit a e; s < e", ""),
        ("a stream on no job", "2! sub a s; 1! create a; 1! emit a e; s < e", "G1"),
        ("an event of the life before", "1! create a; 1! emit a e; 1! close a; 1! create a; 2! sub a s; s < e", "G1"),
        (
            "a closing that overlaps the second create: one life or two",
            "1! create a; 1! emit a e; 3> close a; 1! create a; 2! sub a s; s < e; 3.",
            "",
        ),
        (
            "a straggler that overlaps both lives",
            "1! create a; 3> emit a e; 1! close a; 1! create a; 2! sub a s; 3.; s < e",
            "",
        ),
        (
            "the same through the old life's handle",
            "1! create a @L; 3> emit a e @L; 1! close a; 1! create a @M; 2! sub a s; 3.; s < e",
            "G1",
        ),
        (
            "the same through the new life's handle",
            "1! create a @L; 1> close a; 3> emit a e @L; 1.; 1! create a @M; 4! sub a s @M; 3?; 4! emit a f @M; s < f",
            "",
        ),
        (
            "streams of two lives, tied by one straggler",
            "1! create a; 2! sub a s; 3> emit a e; s < e; 1! close a; 1! create a; 4! sub a t; 3.; t < e",
            "G1",
        ),
        (
            "an emit seen in the old life cannot be of the new",
            "1! create a; 2! sub a s; 3> emit a e; s < e; 1! close a; s end; 1! create a; 3.",
            "",
        ),
    ]);
}

#[test]
fn no_fallback() {
    cases(&[
        ("accepted before any create", "1! emit a e; 1! create a", "G2"),
        ("accepted though nothing was ever created", "1! emit a e", "G2"),
        ("accepted during create", "1> create a; 2! emit a e; 1.", ""),
        ("accepted during a create of unknown outcome", "1> create a; 2! emit a e; 1?", ""),
        ("accepted after close returned", "1! create a; 1! close a; 1! emit a e", "G2"),
        ("accepted while closing", "1! create a; 2> close a; 1! emit a e; 2.", ""),
        ("accepted after a close of unknown outcome", "1! create a; 2> close a; 2?; 1! emit a e", ""),
        ("begun before close began, returned later", "1! create a; 2> emit a e; 1! close a; 2.", ""),
        (
            "accepted after an end that only one close explains",
            "1! create a; 3! sub a s; 2> close a; s end; 1! emit a e; 2.",
            "G2",
        ),
        (
            "accepted after an end, and two closes are open",
            "1! create a; 3! sub a s; 2> close a; 4> close a; s end; 1! emit a e; 2.; 4.",
            "G2",
        ),
        (
            "the end of an earlier life shows nothing of this one's close",
            "1! create a; 3! sub a s; 1! close a; s end; 1! create a; 2> close a; 1! emit a e; 2.",
            "",
        ),
        ("a failed create opened nothing", "1- create a; 1! emit a e", "G2"),
        ("a failed close closed nothing", "1! create a; 1- close a; 1! emit a e", ""),
        ("through a handle whose life is over", "1! create a @L; 1! close a; 1! create a @M; 1! emit a e @L", "G2"),
        ("through the handle of the present life", "1! create a @L; 1! close a; 1! create a @M; 1! emit a e @M", ""),
        ("through a handle that found the job open", "1! create a @L; 2! create a @M; 1! emit a e @M", ""),
        ("refused, and delivered", "1! create a; 2! sub a s; 1> emit a e; 1x limit; s < e", "G2"),
        ("refused, and delivered before", "1! create a; 2! sub a s; 1> emit a e; s < e; 1x limit", "G2"),
        (
            "refused, and delivered to another job",
            "1! create a; 1! create b; 2! sub b s; 1> emit a e; 1x limit; s < e",
            "G1 G2",
        ),
        ("the system takes all", "1! emit - y", ""),
    ]);
}

#[test]
fn system_separation() {
    cases(&[
        ("system events on the system stream", "1! sub - y; 1! emit - e; y < e", ""),
        ("a system event on a job's stream", "1! create a; 2! sub a s; 1! emit - e; s < e", "G3"),
        ("a job's event on the system stream", "1! create a; 2! sub - y; 1! emit a e; y < e", "G3"),
        ("and it pays no debt there", "2! sub - y; 1! create a; 1! emit - e; 1! emit a f; y < f; y drained", "G3 G6"),
        ("refused and crossed", "2! sub - y; 1! create a; 1> emit a f; 1x limit; y < f", "G2 G3"),
    ]);
}

#[test]
fn open_before_emit() {
    cases(&[
        ("refused though open", "1! create a; 1- emit a e", "G4"),
        ("refused as unknown though open", "1! create a; 1> emit a e; 1x unknown", "G4"),
        ("refused for another word", "1! create a; 1> emit a e; 1x tired", "G4"),
        ("refused for a limit", "1! create a; 1> emit a e; 1x limit", ""),
        ("forbidden", "1! create a; 1> emit a e; 1x forbidden", ""),
        ("refused while creating", "1> create a; 2- emit a e; 1.", ""),
        ("begun while creating", "1> create a; 2> emit a e; 1.; 2x unknown", ""),
        ("returned while closing", "1! create a; 2> emit a e; 1> close a; 2x closed; 1.", ""),
        ("refused before close began", "1! create a; 2- emit a e; 1! close a", "G4"),
        ("refused after a close of unknown outcome", "1! create a; 1> close a; 1?; 2- emit a e", ""),
        ("refused after a failed close", "1! create a; 1- close a; 2- emit a e", "G4"),
        ("refused in a second life", "1! create a; 1! close a; 1! create a; 1- emit a e", "G4"),
        (
            "refused where the close may follow the second create",
            "1! create a; 2> close a; 1! create a; 2.; 1- emit a e",
            "",
        ),
        ("a refused subscribe", "1! create a; 1- sub a s", "G4"),
        ("a refused subscribe on nothing", "1- sub a s", ""),
        ("the system refuses", "1- emit - e", "G4"),
        ("the system's stream is forbidden", "1> sub - y; 1x forbidden", ""),
        (
            "refused through a handle of a life that is over",
            "1! create a @L; 1! close a @L; 1! create a @M; 1- emit a e @L",
            "",
        ),
        (
            "another life's close is open",
            "1! create a @L; 1! close a; 2> close a @L; 1! create a @M; 1- emit a e @M; 2.",
            "G4",
        ),
        ("two labels of one life", "1! create a @L; 1! create a @M; 1! close a @L; 1- emit a e @M", ""),
    ]);
}

#[test]
fn one_order() {
    cases(&[
        ("an emitter's order kept", "1! create a; 2! sub a s; 1! emit a e; 1! emit a f; s < e; s < f", ""),
        ("an emitter's order turned", "1! create a; 2! sub a s; 1! emit a e; 1! emit a f; s < f; s < e", "G5"),
        ("two emitters in any order", "1! create a; 2! sub a s; 1! emit a e; 3! emit a f; s < f; s < e", ""),
        (
            "two streams agree",
            "1! create a; 2! sub a s; 2! sub a t; 1! emit a e; 3! emit a f; s < f; s < e; t < f; t < e",
            "",
        ),
        (
            "two streams disagree",
            "1! create a; 2! sub a s; 2! sub a t; 1! emit a e; 3! emit a f; s < f; s < e; t < e; t < f",
            "G5",
        ),
        ("twice on one stream", "1! create a; 2! sub a s; 1! emit a e; s < e; s < e", "G5"),
        ("once on each of two streams", "1! create a; 2! sub a s; 2! sub a t; 1! emit a e; s < e; t < e", ""),
        (
            "a cycle through two emitters",
            "1! create a; 2! sub a s; 2! sub a t; 1! emit a e; 1! emit a f; 3! emit a g; 3! emit a h
             s lag 1; s < h; s < e; s lag 1; t < f; t < g",
            "G5 G6",
        ),
        (
            "two streams interleave two emitters, each with its own marker",
            "1! create a; 2! sub a s; 2! sub a t; 1! emit a f; 1! emit a e; 3! emit a g; 3! emit a h
             s < f; s < e; s < g; s < h; t < f; t lag 1; t < g; t < h",
            "",
        ),
        (
            "a cycle through an event that no stream delivered",
            "1! create a; 2! sub a s; 2! sub a t; 1! emit a e; 1! emit a u; 1! emit a f; 3! emit a g
             s < g; s < e; t < f; t < g",
            "G5 G6",
        ),
        ("the system has one order", "1! sub - y; 1! emit - e; 1! emit - f; y < f; y < e", "G5"),
    ]);
}

#[test]
fn counted_loss_by_place() {
    let three = |received: &str| {
        format!("1! create a; 2! sub a s; 1! emit a e; 1! emit a f; 1! emit a g; {received}; s drained")
    };
    let expect = |received: &str, expected: &str| cases(&[(received, &three(received), expected)]);
    expect("s < e; s < f; s < g", "");
    expect("s lag 1; s < f; s < g", "");
    expect("s lag 2; s < f; s < g", "G6");
    expect("s < f; s < g", "G6");
    expect("s < e; s lag 1; s < g", "");
    expect("s < e; s < g", "G6");
    expect("s < e; s lag 2; s < g", "G6");
    expect("s < e; s lag 1; s lag 1", "");
    expect("s < e; s lag 2", "");
    expect("s < e; s lag 1", "G6");
    expect("s < e; s < f", "G6");
    expect("s < e; s < f; s lag 1", "");
    expect("s < e; s < f; s lag 2", "G6");
    expect("s < e; s < f; s < g; s lag 1", "G6");
    expect("s lag 3", "");
    expect("s lag 18446744073709551615; s lag 18446744073709551615", "G6");
    expect("s < g; s < e; s < f", "G5");
}

#[test]
fn counted_loss_by_time() {
    cases(&[
        (
            "a marker that counts an event invoked after it",
            "1! create a; 2! sub a s; s lag 1; 1! emit a e; s drained",
            "G6",
        ),
        (
            "a marker that counts an event not yet acknowledged",
            "1! create a; 2! sub a s; 1> emit a e; s lag 1; 1.; s drained",
            "",
        ),
        (
            "a run of markers, one too early for its number",
            "1! create a; 2! sub a s; 1! emit a e; s lag 2; 1! emit a f; s lag 1",
            "G6",
        ),
        ("a hole is judged at once", "1! create a; 2! sub a s; 1! emit a e; 1! emit a f; s < f", "G6"),
        ("a tail that was not waited for", "1! create a; 2! sub a s; 1! emit a e; 1! emit a f; s < e", ""),
        ("accepted while the drained line came", "1! create a; 2! sub a s; 1> emit a e; s drained; 1.", ""),
        ("emitted after the drained line", "1! create a; 2! sub a s; s drained; 1! emit a e", ""),
        ("the last drained line counts", "1! create a; 2! sub a s; s drained; 1! emit a e; s drained", "G6"),
        ("an unknown emit may be missing", "1! create a; 2! sub a s; 1> emit a e; 1?; s drained", ""),
        ("an unknown emit may be counted", "1! create a; 2! sub a s; 1> emit a e; 1?; s lag 1; s drained", ""),
        (
            "a refused emit may not be counted",
            "1! create a; 2! sub a s; 1> emit a e; 1x limit; s lag 1; s drained",
            "G6",
        ),
        ("nothing to count", "1! create a; 2! sub a s; s lag 1", "G6"),
        ("left, then nothing owed", "1! create a; 2! sub a s; 1! emit a e; 2! unsub s; s drained", ""),
        ("left only after it was drained", "1! create a; 2! sub a s; 1! emit a e; s drained; 2! unsub s", "G6"),
        ("a failed unsubscribe", "1! create a; 2! sub a s; 1! emit a e; 2- unsub s; s drained", "G6"),
        ("stopped, then nothing owed", "1! create a; 2! sub a s; 1! emit a e; s stop; s drained", ""),
        ("left, but a hole before", "1! create a; 2! sub a s; 1! emit a e; 1! emit a f; s < f; 2! unsub s", "G6"),
        (
            "a stream of an unknown subscribe owes nothing",
            "1! create a; 2> sub a s; 1! emit a e; 1! emit a f; s < f; 2?; s drained",
            "",
        ),
        ("uncounted loss before the end", "1! create a; 2! sub a s; 1! emit a e; 1! close a; s end", "G6"),
        (
            "acknowledged after the end, and still owed",
            "1! create a; 2! sub a s; 3> emit a e; 1> close a; s end; 3.; 1.",
            "G6",
        ),
        (
            "left before the end: the tail was not owed",
            "1! create a; 2! sub a s; 1! emit a e; 2! unsub s; 1! close a; s end",
            "",
        ),
        (
            "an event that may be of the next life is not owed",
            "1! create a; 2! sub a s; 3> emit a e; 1! close a; s end; 1! create a; 3.",
            "",
        ),
        (
            "the same, seen on a stream of the next life",
            "1! create a; 2! sub a s; 3> emit a e; 1! close a; s end; 1! create a; 4! sub a t; t < e; 3.",
            "",
        ),
        (
            "an order that another stream shows leaves no place",
            "1! create a; 2! sub a s; 2! sub a t; 1! emit a e; 3! emit a f; t < e; t < f; s < f",
            "G6",
        ),
        ("without the other stream there is a place", "1! create a; 2! sub a s; 1! emit a e; 3! emit a f; s < f", ""),
        ("the system owes too", "1! sub - y; 1! emit - e; y drained", "G6"),
    ]);
}

#[test]
fn counted_loss_by_start() {
    cases(&[
        ("now: emitted before", "1! create a; 1! emit a e; 2! sub a s; s drained", ""),
        ("now: emitted during", "1! create a; 2> sub a s; 1! emit a e; 2.; s drained", ""),
        ("now: emitted across the whole subscribe", "1! create a; 1> emit a e; 2! sub a s; 1.; s drained", ""),
        ("now: begun after the subscribe returned", "1! create a; 2! sub a s; 1! emit a e; s drained", "G6"),
        (
            "now: one instant must do for both",
            "1! create a; 2> sub a s; 1! emit a e; 3! emit a f; 2.; s lag 1; s drained",
            "",
        ),
        (
            "now: the later is missing and the earlier counted",
            "1! create a; 2> sub a s; 1! emit a e; 1! emit a f; 2.; s < e; s drained",
            "G6",
        ),
        (
            "now: an older event is not owed nor countable",
            "1! create a; 1! emit a e; 2! sub a s; s lag 1; s drained",
            "G6",
        ),
        ("start: emitted before is owed", "1! create a; 1! emit a e; 2! sub a s start; s drained", "G6"),
        (
            "start: counted at the head",
            "1! create a; 1! emit a e; 1! emit a f; 2! sub a s start; s lag 1; s < f; s drained",
            "",
        ),
        (
            "resume: just after",
            "1! create a; 1! emit a e; 1! emit a f; 1! emit a g; 2! sub a s after:f; s < g; s drained",
            "",
        ),
        (
            "resume: one missing after",
            "1! create a; 1! emit a e; 1! emit a f; 1! emit a g; 2! sub a s after:e; s < g; s drained",
            "G6",
        ),
        (
            "resume: one counted after",
            "1! create a; 1! emit a e; 1! emit a f; 1! emit a g; 2! sub a s after:e; s lag 1; s < g; s drained",
            "",
        ),
        ("resume: the position itself is not owed", "1! create a; 1! emit a e; 2! sub a s after:e; s drained", ""),
        (
            "resume: at an event of another life, only what follows is owed",
            "1! create a; 1! emit a e; 1! close a; 1! create a; 1! emit a f; 2! sub a s after:e; 1! emit a g; s < g; s drained",
            "",
        ),
        (
            "resume: at an event of another life, a head marker of any number",
            "1! create a; 1! emit a e; 1! close a; 1! create a; 1! emit a f; 2! sub a s after:e; s lag 7; 1! emit a g; s < g; s drained",
            "",
        ),
        (
            "resume: at an event of another life, what follows is owed",
            "1! create a; 1! emit a e; 1! close a; 1! create a; 2! sub a s after:e; 1! emit a g; s drained",
            "G6",
        ),
        (
            "resume: at an event that may never have been accepted",
            "1! create a; 3> emit a e; 3?; 2! sub a s after:e; s lag 9; s drained",
            "",
        ),
        (
            "resume: at an emit in flight",
            "1! create a; 1! emit a d; 3> emit a e; 2! sub a s after:e; 3.; s lag 3; s drained",
            "",
        ),
        (
            "resume: at an emit that had returned",
            "1! create a; 1! emit a d; 3! emit a e; 2! sub a s after:e; s lag 3; s drained",
            "G6",
        ),
        (
            "resume: at an emit that had been delivered",
            "1! create a; 4! sub a t start; 3> emit a e; t < e; 2! sub a s after:e; 3.; s lag 3; s drained; t drained",
            "G6",
        ),
        (
            "resume: at an event of another job",
            "1! create a; 1! create b; 1! emit b e; 2! sub a s after:e; 1! emit a g; s lag 4; s < g; s drained",
            "",
        ),
        ("sealed: replays all", "1! create a; 1! emit a e; 1! close a; 2! sub a s start; s < e; s end; s drained", ""),
        ("sealed: owes no replay", "1! create a; 1! emit a e; 1! close a; 2! sub a s start; s end; s drained", ""),
        (
            "sealed: a replay with a hole",
            "1! create a; 1! emit a e; 1! emit a f; 1! emit a g; 1! close a; 2! sub a s start; s < e; s < g; s end",
            "G6",
        ),
        ("sealed: owes an end", "1! create a; 1! close a; 2! sub a s start; s drained", "G9"),
        (
            "sealed: the last life before it",
            "1! create a; 1! emit a e; 1! close a; 1! create a; 1! emit a f; 1! close a; 2! sub a s start; s < e; s end",
            "G1",
        ),
        (
            "sealed: the close may have come after the second create",
            "1! create a; 1! emit a e; 3> close a; 1! create a; 3.; 2! sub a s start; s end; s drained",
            "",
        ),
        (
            "sealed: the second create may have come after the subscribe",
            "1! create a; 1! emit a e; 1! close a; 3> create a; 2! sub a s start; s < e; s end; 3.",
            "",
        ),
        (
            "sealed or not: the subscribe's own instant decides",
            "1! create a; 1! emit a e; 1! close a; 2> sub a s start; 1! create a; s < e; s end; 2.; s drained",
            "",
        ),
        (
            "sealed: a subscribe of unknown outcome, ended before the second create",
            "1! create a; 1! close a; 2> sub a s; 2?; s end; 1! create a; 1! emit a e",
            "",
        ),
        (
            "sealed or open: subscribed while closing",
            "1! create a; 1! emit a e; 3> close a; 2! sub a s start; 3.; s end",
            "",
        ),
        (
            "open: subscribed while closing, but before what was accepted last",
            "1! create a; 1! emit a e; 3> close a; 2! sub a s start; 1! emit a f; 3.; s end",
            "G6",
        ),
        (
            "sealed through its handle: the life of that handle",
            "1! create a @L; 1! emit a e; 1! close a; 1! create a @M; 2! sub a s start @L; s < e; s end",
            "",
        ),
    ]);
}

#[test]
fn one_end() {
    cases(&[
        ("closed and ended", "1! create a; 2! sub a s; 1! close a completed; s end completed; s drained", ""),
        ("ended while closing", "1! create a; 2! sub a s; 1> close a; s end; 1.", ""),
        ("ended before close began", "1! create a; 2! sub a s; s end; 1! close a", "G9"),
        ("ended without any close", "1! create a; 2! sub a s; s end", "G9"),
        ("ended by a close that failed", "1! create a; 2! sub a s; 1> close a; s end; 1x forbidden", "G9"),
        ("ended by a close of unknown outcome", "1! create a; 2! sub a s; 1> close a; 1?; s end", ""),
        ("another outcome", "1! create a; 2! sub a s; 1! close a completed; s end failed", "G9"),
        ("an outcome of which one side is silent", "1! create a; 2! sub a s; 1! close a; s end failed", ""),
        (
            "two ends of one life tell two outcomes",
            "1! create a; 2! sub a s; 3! sub a t; 1> close a completed; 4! close a cancelled; 1.; s end completed; t end cancelled",
            "G9",
        ),
        (
            "two ends of one life, of which one tells no outcome",
            "1! create a; 2! sub a s; 3! sub a t; 1> close a completed; 4! close a cancelled; 1.; s end completed; t end",
            "",
        ),
        (
            "two ends of two lives",
            "1! create a; 2! sub a s; 1! close a completed; 1! create a; 3! sub a t; 1! close a failed; s end completed; t end failed",
            "",
        ),
        (
            "two ends of lives that nothing tells apart",
            "1! create a; 2> sub a s; 3> sub a t; 1! close a completed; 1! create a; 1! close a failed; 2.; 3.; s end completed; t end failed",
            "",
        ),
        (
            "two ends of lives that one event ties",
            "1! create a; 2> sub a s; 3> sub a t; 4> emit a e; 1! close a completed; 1! create a; 1! close a failed; 2.; 3.; 4.; s < e; t < e; s end completed; t end failed",
            "G9",
        ),
        (
            "two closes race, the second's outcome",
            "1! create a; 2! sub a s; 1> close a completed; 3! close a failed; 1.; s end failed",
            "",
        ),
        (
            "the second close came too late to decide",
            "1! create a; 2! sub a s; 1! close a completed; 3! close a failed; s end failed",
            "G9",
        ),
        ("two ends", "1! create a; 2! sub a s; 1! close a; s end; s end", "G9"),
        ("an event after the end", "1! create a; 2! sub a s; 1! emit a e; 1! close a; s end; s < e", "G9"),
        ("a marker after the end", "1! create a; 2! sub a s; 1! emit a e; 1! close a; s end; s lag 1", "G9"),
        ("a missing end", "1! create a; 2! sub a s; 1! close a; s drained", "G9"),
        (
            "an end after the drained line was missing there",
            "1! create a; 2! sub a s; 1! close a; s drained; s end",
            "G9",
        ),
        ("a tail that was not waited for", "1! create a; 2! sub a s; 1! close a", ""),
        ("closed only after the drained line", "1! create a; 2! sub a s; s drained; 1! close a", ""),
        ("closing when the drained line came", "1! create a; 2! sub a s; 1> close a; s drained; 1.", ""),
        ("a close of unknown outcome owes no end", "1! create a; 2! sub a s; 1> close a; 1?; s drained", ""),
        (
            "an unknown close, then one that returned",
            "1! create a; 2! sub a s; 1> close a; 1?; 3! close a; s drained",
            "G9",
        ),
        ("left: no end owed", "1! create a; 2! sub a s; 2! unsub s; 1! close a; s drained", ""),
        ("stopped: no end owed", "1! create a; 2! sub a s; 1! close a; s stop; s drained", ""),
        ("an unknown subscribe is owed no end", "1! create a; 2> sub a s; 2?; 1! close a; s drained", ""),
        ("an end on a stream of no job", "2! sub a s; s end; 1! create a; 1! close a", "G9"),
        ("an end on a stream whose subscribe failed", "1! create a; 2> sub a s; 2x limit; 1! close a; s end", "G9"),
        ("an end on the system stream", "1! sub - y; y end", "G9"),
        ("an end of the life before", "1! create a; 1! close a; 1! create a; 2! sub a s; s end", "G9"),
        (
            "the close may have come after the second create",
            "1! create a; 3> close a; 1! create a; 2! sub a s; 3.; s drained",
            "",
        ),
        (
            "a close through the old life's handle ends nothing of the new",
            "1! create a @L; 1! close a; 1! create a @M; 2! sub a s; 3! close a @L; s drained",
            "",
        ),
        (
            "and explains no end of it",
            "1! create a @L; 1! close a; 1! create a @M; 2! sub a s; 3! close a @L; s end",
            "G9",
        ),
    ]);
}

#[test]
fn the_whole() {
    let two = "1! create a; 1! create b; 2! sub a s; 1! emit a e; s < e; s drained";
    let held = judged(two);
    assert_eq!((held.verdict, held.tails_unjudged, held.late_effects), (Status::Held, 0, 0));
    assert_eq!(judged("1! create a; 2! sub a s; 1! emit a e; s < e; s drained").verdict, Status::Vacuous);
    assert_eq!(judged("1! create a; 1! create b; 2! sub a s; s drained").verdict, Status::Vacuous);
    let apart = "1! create a; 2! sub a s; 1! emit a e; s < e; 1! close a; s end; 1! create b";
    assert_eq!(judged(apart).verdict, Status::Vacuous);
    let proved_by_use = "1> create a; 1?; 4! create b; 2! sub a s; 3! emit a e; s < e";
    assert_eq!((judged(proved_by_use).verdict, judged(proved_by_use).tails_unjudged), (Status::Held, 1));
    assert_eq!(judged("1! create a; 1! create b; 2! sub a s; s < e").verdict, Status::Violated);
    assert_eq!(judged("").verdict, Status::Vacuous);
}

#[test]
fn tails_and_late_effects() {
    let tails = |text: &str| judged(text).tails_unjudged;
    assert_eq!(tails("1! create a; 2! sub a s; 3! sub a t; t drained; 4! sub - y"), 2);
    assert_eq!(tails("1! create a; 2! sub a s; 2! unsub s; 3> sub a t; 3?; 4! sub a u; u stop"), 0);
    let late = |text: &str| {
        let judgement = judged(text);
        assert!(judgement.violated.is_empty(), "{text}: {judgement:?}");
        judgement.late_effects
    };
    let lives = "1! create a; 3> emit a e; 3?; 1! close a; 1! create a; 2! sub a s";
    assert_eq!(late(lives), 0);
    assert_eq!(late(&format!("{lives}; s < e")), 1);
    assert_eq!(late("3> emit a e; 3?; 1! create a; 2! sub a s; s < e"), 0);
    assert_eq!(late("1! create a; 3> emit a e; 2! sub a s; s < e; 3?"), 0);
    assert_eq!(late("1! create a; 3> emit a e; 3?; 4> close a; 1! create a; 4.; 2! sub a s; s end"), 0);
}

#[test]
fn reclaimed_by_number() {
    cases(&[
        ("nothing was ever created", "held 1", "G10"),
        ("open", "1! create a; held 1", ""),
        ("closed, and nobody has read it", "1! create a; 1! close a; held 1", ""),
        ("given up unread, for whatever reason", "1! create a; 1! close a; held 0", ""),
        ("read to its end", "1! create a; 2! sub a s; 1! close a; s end; held 1", "G10"),
        ("its close has not returned", "1! create a; 2! sub a s; 1> close a; s end; held 1; 1.", ""),
        ("its close may be another's", "1! create a; 2! sub a s; 1> close a; s end; 1?; held 1", ""),
        ("a create that found it open", "1! create a; 1! create a; held 2", "G10"),
        ("a create that may have taken effect", "1! create a; 2> create b; 2?; held 2", ""),
        ("a refused one has not", "1! create a; 2- create b; held 2", "G10"),
        ("the old life", "1! create a @L; 2! sub a s @L; 1! close a @L; 1! create a @M; s end; held 2", "G10"),
        ("the old life, unread", "1! create a @L; 1! close a @L; 1! create a @M; held 2", ""),
        ("whose end it was", "1! create a; 2> sub a s; 1! close a; 1! create a; 1! close a; 2.; s end; held 2", ""),
    ]);
}

#[test]
fn reclaimed_in_time() {
    cases(&[
        ("served after its end", "1! create a; 2! sub a s; 1! close a; s end; 3! sub a t start", "G10"),
        ("served while its close is open", "1! create a; 2! sub a s; 1> close a; s end; 3! sub a t; 1.", ""),
        ("asked before the end", "1! create a; 2! sub a s; 1! close a; 3> sub a t; s end; 3.", ""),
        ("refused after its end", "1! create a; 2! sub a s; 1! close a; s end; 3> sub a t; 3x unknown", ""),
        ("served through the old handle", "1! create a @L; 2! sub a s @L; 1! close a @L; s end; 3! sub a t @L", "G10"),
        ("a new life is served", "1! create a; 2! sub a s; 1! close a; s end; 1! create a; 3! sub a t", ""),
        ("refused unread", "1! create a; 1! emit a e; 1! close a; 2> sub a s start; 2x unknown", "G10"),
        ("refused without a word", "1! create a; 1! close a; 2- sub a s", "G10"),
        ("refused for a limit", "1! create a; 1! close a; 2> sub a s; 2x limit", ""),
        ("refused for its position", "1! create a; 1! close a; 2> sub a s after:e; 2x unknown", ""),
        ("refused amid its close", "1! create a; 1> close a; 2> sub a s; 1.; 2x closed", ""),
        ("refused when its time was over", "1! create a; 1! close a; expired a; 2> sub a s; 2x unknown", ""),
        ("somebody else's time", "1! create a; 1! close a; expired b; 2> sub a s; 2x unknown", "G10"),
        ("a reader who may have read it", "1! create a; 3! sub a t; 1! close a; 2> sub a s; 2x unknown", ""),
        ("a reader who was refused", "1! create a; 1! close a; 3> sub a t; 3x limit; 2> sub a s; 2x unknown", "G10"),
        ("created again meanwhile", "1! create a; 1! close a; 2> sub a s; 1! create a; 1! close a; 2x closed", ""),
    ]);
}
