//! Small histories that each guarantee must accept or reject, in a notation of a few letters; see [`history`].

use super::super::findings::{Findings, Status};
use super::super::guarantee::Guarantee::{self, *};
use super::super::history::validator::{LONGEST_LINE, Validator, read};
use super::super::history::{Action, Delivered, Kind, Line, Outcome, Reason, Since};
use super::{Checker, check};

/// Reads a history: steps parted by `;`.
///
/// `0>create a` invokes, `0<` returns `ok`, `0<fail closed`, `0<info`; `0=create a` does both at once. Operations:
/// `create J`, `emit J E`, `sub J S [start|after E]`, `unsub S`, `close J [OUTCOME]`; the job `-` is the system. `@L`
/// anywhere gives a life, `#d` a digest. `S:E` is a delivery, `S:+3` a marker, `S:.` an end (`S:.failed`), `S:!` a
/// stop, `S:~` drained. `held:N` is a `retained` line, `expired:J` an `expired` one.
fn history(text: &str) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for step in text.split(';').map(str::trim).filter(|step| !step.is_empty()) {
        if let Some((process, rest)) = step.split_once(['>', '=']) {
            let process = process.parse().expect("a process");
            lines.push(Line::new(process, Kind::Invoke, operation(rest)));
            if step.contains('=') {
                lines.push(Line::new(process, Kind::Ok, operation(rest)));
            }
        } else if let Some((process, rest)) = step.split_once('<') {
            let process = process.parse().expect("a process");
            let action = lines.iter().rfind(|line| line.process == process).expect("an invoke").action.clone();
            let mut words = rest.split_whitespace();
            let kind = match words.next() {
                None => Kind::Ok,
                Some("fail") => Kind::Fail,
                _ => Kind::Info,
            };
            let reason = words.next().map(|word| match word {
                "closed" => Reason::Closed,
                "unknown" => Reason::Unknown,
                "limit" => Reason::Limit,
                "forbidden" => Reason::Forbidden,
                other => Reason::Other(other.into()),
            });
            lines.push(Line { reason, ..Line::new(process, kind, action) });
        } else {
            let (stream, what) = step.split_once(':').expect("a stream");
            lines.push(Line::new(99, Kind::Ok, observation(stream, what)));
        }
    }
    lines
}

fn outcome(word: &str) -> Option<Outcome> {
    match word {
        "completed" => Some(Outcome::Completed),
        "failed" => Some(Outcome::Failed),
        _ => None,
    }
}

fn operation(text: &str) -> Action {
    let marked = |mark: char| text.split_whitespace().find_map(|word| word.strip_prefix(mark)).map(str::to_owned);
    let (life, digest) = (marked('@'), marked('#'));
    let words: Vec<&str> = text.split_whitespace().filter(|word| !word.starts_with(['@', '#'])).collect();
    let job = (words[1] != "-").then(|| words[1].to_owned());
    match words[0] {
        "create" => Action::Create { job: words[1].into(), life },
        "emit" => Action::Emit { job, life, event: words[2].into(), digest },
        "close" => Action::Close { job: words[1].into(), life, outcome: words.get(2).and_then(|word| outcome(word)) },
        "unsub" => Action::Unsubscribe { stream: words[1].into() },
        _ => {
            let since = match words.get(3) {
                None => Since::Now,
                Some(&"start") => Since::Start,
                Some(_) => Since::After(words[4].into()),
            };
            Action::Subscribe { job, life, stream: words[2].into(), since }
        }
    }
}

fn observation(stream: &str, what: &str) -> Action {
    match stream {
        "held" => return Action::Retained { jobs: what.parse().expect("a number") },
        "expired" => return Action::Expired { job: what.into() },
        _ => {}
    }
    let stream = stream.to_owned();
    let what = match what.split_at(1) {
        ("~", _) => return Action::Drained { stream },
        ("+", count) => Delivered::Lagged(count.parse().expect("a number")),
        (".", word) => Delivered::End(outcome(word)),
        ("!", _) => Delivered::Stopped("revoked".into()),
        _ => {
            let (event, digest) = what.split_once('#').map_or((what, None), |(e, d)| (e, Some(d.to_owned())));
            Delivered::Event { event: event.into(), digest }
        }
    };
    Action::Receive { stream, what }
}

fn judged(text: &str) -> Findings {
    let history = history(text);
    let mut validator = Validator::new();
    history.iter().for_each(|line| validator.accept(line).expect("a well-formed history"));
    let found = check(&history);
    for finding in &found.findings {
        assert!(!finding.witness.is_empty() && finding.witness.is_sorted(), "{text}: {finding:?}");
        assert!(finding.witness.iter().all(|&line| (1..=history.len()).contains(&line)), "{text}: {finding:?}");
    }
    found
}

fn accepts_valid_histories(texts: &[&str]) {
    for text in texts {
        let found = judged(text);
        assert!(found.findings.is_empty(), "{text}\n{:#?}", found.findings);
    }
}

fn rejects_invalid_histories(guarantees: &[Guarantee], texts: &[&str]) {
    for text in texts {
        let found = judged(text);
        assert_eq!(found.violated(), guarantees, "{text}\n{:#?}", found.findings);
        assert_eq!(found.verdict, Status::Violated);
    }
}

#[test]
fn g1_accepts_valid_histories() {
    accepts_valid_histories(&[
        "0=create a; 1=sub a s1; 0=emit a e1; s1:e1",
        // Delivered before the emit returned.
        "0=create a; 1=sub a s1; 0>emit a e1; s1:e1; 0<",
        // A digest on one side only.
        "0=create a; 1=sub a s1; 0=emit a e1 #x; s1:e1",
        "0=create a; 1=sub a s1; 0=emit a e1 #x; s1:e1#x",
        // Unknown, and it took effect.
        "0=create a; 1=sub a s1; 0>emit a e1; 0<info; s1:e1",
        // In a later life: a late effect.
        "0=create a; 2>emit a e1; 2<info; 0=close a; 0=create a; 1=sub a s1; s1:e1",
        // A sealed job may be replayed, even while its next life is being opened.
        "0=create a; 0=emit a e1; 0=close a; 1=sub a s1 start; s1:e1; s1:.",
        "0=create a; 0=emit a e1; 0=close a; 1>sub a s1 start; 0>create a; s1:e1; s1:.; 1<; 0<",
    ]);
}

#[test]
fn g1_rejects_invalid_histories() {
    rejects_invalid_histories(
        &[G1],
        &[
            "0=create a; 1=sub a s1; s1:e1",
            "0=create a; 1=sub a s1; s1:e1; 0=emit a e1",
            "0=create a; 0=create b; 1=sub a s1; 0=emit b e1; s1:e1",
            "0=create a; 1=sub a s1; 0=emit a e1 #x; s1:e1#y; s1:e1",
            // The event of a life that was over.
            "0=create a; 0=emit a e1; 0=close a; 0=create a; 1=sub a s1; s1:e1",
            // The subscribe failed.
            "0=create a; 1>sub a s1; 1<fail limit; 0=emit a e1; s1:e1",
            "0=create a; 1>sub a s1; 0=emit a e1; s1:e1; 1<fail limit",
            // Bound to no incarnation.
            "1=sub a s1; 0=create a; 0=emit a e1; s1:e1",
            // A label tells the lives apart where the name cannot.
            "0=create a @L1; 1>create a @L2; 2>close a @L1; 2<; 1<; 0=emit a @L2 e1; 3=sub a @L1 s1; s1:e1",
        ],
    );
    // Two streams of two lives tied by one event.
    let found = judged("0=create a; 1=sub a s1; 0=emit a e1; s1:e1; 0=close a; 0=create a; 1=sub a s2; s2:e1");
    assert_eq!(found.violated(), [G1]);
    assert_eq!(found.findings[0].witness.last(), Some(&14));
}

#[test]
fn g2_accepts_valid_histories() {
    accepts_valid_histories(&[
        "0=emit - e1",
        "0>create a; 1>emit a e1; 1<; 0<",
        "0=create a; 0>close a; 1=emit a e1; 0<",
        "0=create a; 0=close a; 1>emit a e1; 1<fail closed",
        // The close may never take effect.
        "0=create a; 0>close a; 0<info; 1=emit a e1",
        "0=create a; 0>close a; 0<fail; 1=emit a e1",
    ]);
}

#[test]
fn g2_rejects_invalid_histories() {
    rejects_invalid_histories(
        &[G2],
        &[
            "0=emit a e1",
            "0=create a; 0=close a; 0=emit a e1",
            "0=emit a e1; 0=create a",
            "0>create a; 0<fail limit; 0=emit a e1",
            // Refused, yet delivered; before the refusal or after.
            "0=create a; 1=sub a s1; 0>emit a e1; 0<fail limit; s1:e1",
            "0=create a; 1=sub a s1; 0>emit a e1; s1:e1; 0<fail limit",
            // Through the handle of a life that is over.
            "0=create a @L1; 0=close a @L1; 0=create a @L2; 0=emit a @L1 e1",
        ],
    );
    rejects_invalid_histories(
        &[G1, G2],
        &[
            "0=create a; 0=create b; 1=sub b s1; 0>emit a e1; 0<fail limit; s1:e1",
            "0=create a; 1=sub a s1; s1:e1; 0>emit a e1; 0<fail limit",
        ],
    );
}

#[test]
fn g3_tells_system_from_jobs() {
    accepts_valid_histories(&["0=create a; 1=sub - s1; 2=sub a s2; 0=emit - e1; 0=emit a e2; s1:e1; s2:e2"]);
    rejects_invalid_histories(
        &[G3],
        &[
            "0=create a; 2=sub a s2; 0=emit - e1; s2:e1",
            "0=create a; 1=sub - s1; 0=emit a e1; s1:e1",
            // Also where the delivery is seen before the emit.
            "0=create a; 2=sub a s2; s2:e1; 0=emit - e1",
        ],
    );
}

#[test]
fn g4_accepts_valid_histories() {
    accepts_valid_histories(&[
        "0>emit a e1; 0<fail unknown",
        "0=create a; 1>emit a e1; 1<fail limit; 1>emit a e2; 1<fail forbidden",
        "0>create a; 1>emit a e1; 1<fail unknown; 0<",
        "0=create a; 1>emit a e1; 0>close a; 1<fail closed; 0<",
        "0=create a; 0>close a; 0<info; 1>emit a e1; 1<fail closed",
        "0=create a; 0=close a; 0>create a; 1>emit a e1; 1<fail closed; 0<",
        "0>create a; 0<info; 1>sub a s1; 1<fail unknown",
        "0=create a @L1; 0=close a @L1; 0=create a @L2; 1>emit a @L1 e1; 1<fail closed",
        "1>emit - e1; 1<fail limit",
    ]);
}

#[test]
fn g4_rejects_invalid_histories() {
    rejects_invalid_histories(
        &[G4],
        &[
            "0=create a; 1>emit a e1; 1<fail unknown",
            "0=create a; 1>emit a e1; 1<fail",
            "0=create a; 1>sub a s1; 1<fail closed",
            "0=create a; 0>close a; 0<fail; 1>emit a e1; 1<fail closed",
            "0=create a; 0=close a; 0=create a; 1>emit a e1; 1<fail closed; 0=close a",
            "1>emit - e1; 1<fail busy",
            // A straggler's close carries the label of another life.
            "0=create a @L1; 0=close a @L1; 0=create a @L2; 2>close a @L1; 1>emit a @L2 e1; 1<fail closed; 2<",
        ],
    );
}

#[test]
fn g5_accepts_valid_histories() {
    accepts_valid_histories(&[
        "0=create a; 1=sub a s1; 2=sub a s2; 0=emit a e1; 3=emit a e2; s1:e2; s1:e1; s2:e2; s2:e1",
        "0=create a; 1=sub a s1; 2=sub a s2; 0=emit a e1; 3=emit a e2; s1:e1; s1:e2; s2:+1; s2:e2",
    ]);
}

#[test]
fn g5_rejects_invalid_histories() {
    rejects_invalid_histories(
        &[G5],
        &[
            "0=create a; 1=sub a s1; 0=emit a e1; 0=emit a e2; s1:e2; s1:e1",
            "0=create a; 1=sub a s1; 0=emit a e1; s1:e1; s1:e1",
            "0=create a; 1=sub a s1; 2=sub a s2; 0=emit a e1; 3=emit a e2; s1:e2; s1:e1; s2:e1; s2:e2",
            // Three streams make the cycle, no two of them do.
            "0=create a; 1=sub a s1; 2=sub a s2; 3=sub a s3; 4=emit a e1; 5=emit a e2; 6=emit a e3;
         s1:e1; s1:e2; s1:+1; s2:e2; s2:e3; s2:+1; s3:e3; s3:e1; s3:+1",
            "1=sub - s1; 0=emit - e1; 0=emit - e2; s1:e2; s1:e1",
        ],
    );
}

#[test]
fn g5_asks_for_real_time_only_on_request() {
    let history = history("0=create a; 1=sub a s1; 0=emit a e1; 3=emit a e2; s1:e2; s1:e1");
    assert!(check(&history).findings.is_empty());
    let mut checker = Checker::new().real_time(true);
    history.iter().for_each(|line| checker.push(line));
    assert_eq!(checker.finish().violated(), [G5]);
}

#[test]
fn g6_accepts_valid_histories() {
    accepts_valid_histories(&[
        "0=create a; 0=emit a e1; 1=sub a s1; 0=emit a e2; s1:e2; s1:~",
        "0=create a; 0=emit a e1; 1=sub a s1 start; s1:e1; s1:~",
        "0=create a; 1=sub a s1; 0=emit a e1; 0=emit a e2; 0=emit a e3; s1:+2; s1:e3; s1:~",
        "0=create a; 1=sub a s1; 0=emit a e1; 0=emit a e2; 0=emit a e3; s1:+1; s1:+1; s1:e3; s1:~",
        "0=create a; 1=sub a s1; 0=emit a e1; 0=emit a e2; s1:e1; s1:+1; s1:~",
        // The start lies somewhere within the subscribe.
        "0=create a; 1>sub a s1; 0=emit a e1; 0=emit a e2; 1<; s1:e2; s1:~",
        // Unknown: counted or not.
        "0=create a; 1=sub a s1; 0>emit a e1; 0<info; 2=emit a e2; s1:+1; s1:e2; s1:~",
        "0=create a; 1=sub a s1; 0>emit a e1; 0<info; 2=emit a e2; s1:e2; s1:~",
        // Left or stopped: nothing more is owed.
        "0=create a; 1=sub a s1; 0=emit a e1; 1=unsub s1; s1:~",
        "0=create a; 1=sub a s1; 0=emit a e1; s1:!; s1:~",
        // Not yet returned when it was drained.
        "0=create a; 1=sub a s1; 0>emit a e1; s1:~; 0<",
        // Resumed.
        "0=create a; 0=emit a e1; 0=emit a e2; 1=sub a s1 after e1; s1:e2; s1:~",
        "0=create a; 0=emit a e1; 1=sub a s1 after e9; s1:+77; s1:~",
        "0=create a; 0=create b; 0=emit b e1; 1=sub a s1 after e1; 0=emit a e2; s1:e2; s1:~",
        // Resumed at an event that was still in flight.
        "0=create a; 0=emit a e1; 2>emit a e2; 1=sub a s1 after e2; 2<; s1:+5; s1:~",
        // Opened while the job was being closed, perhaps after.
        "0=create a; 0=emit a e1; 2>close a; 1=sub a s1 start; 2<; s1:.; s1:~",
        // A subscribe of unknown outcome owes nothing.
        "0=create a; 1>sub a s1; 1<info; 0=emit a e1; s1:~",
        "0=create a; 0=emit a e1; 0=close a; 1=sub a s1 start; s1:.; s1:~",
    ]);
}

#[test]
fn g6_rejects_invalid_histories() {
    rejects_invalid_histories(
        &[G6],
        &[
            "0=create a; 1=sub a s1; 0=emit a e1; 0=emit a e2; s1:e2",
            "0=create a; 1=sub a s1; 0=emit a e1; s1:~",
            "0=create a; 0=emit a e1; 1=sub a s1 start; s1:~",
            "0=create a; 1=sub a s1; 0=emit a e1; 0=emit a e2; 0=emit a e3; s1:+1; s1:e3",
            "0=create a; 1=sub a s1; 0=emit a e1; 0=emit a e2; 0=emit a e3; s1:+3; s1:e3",
            "0=create a; 1=sub a s1; 0=emit a e1; s1:e1; s1:+1",
            // Counted before it was invoked.
            "0=create a; 1=sub a s1; s1:+1; 0=emit a e1; s1:~",
            // A refused emit is never counted.
            "0=create a; 1=sub a s1; 0>emit a e1; 0<fail limit; s1:+1",
            // Returned before the subscribe, so it was not owed and cannot be counted.
            "0=create a; 0=emit a e1; 1=sub a s1; s1:+1",
            "0=create a; 1=sub a s1; 0=emit a e1; 0=close a; s1:.",
            // Opened while the job was being closed, but before an event that it accepted.
            "0=create a; 0=emit a e1; 2>close a; 1=sub a s1 start; 0=emit a e2; 2<; s1:.; s1:~",
            "0=create a; 0=emit a e1; 2=emit a e2; 1=sub a s1 after e2; s1:+5; s1:~",
            // Accepted after the end was seen, but begun before the close.
            "0=create a; 1=sub a s1; 0>emit a e1; 2=close a; s1:.; 0<",
            "0=create a; 0=emit a e1; 0=emit a e2; 0=emit a e3; 1=sub a s1 after e1; s1:e3",
            "0=create a; 0=emit a e1; 0=emit a e2; 0=emit a e3; 0=close a; 1=sub a s1 start; s1:e1; s1:e3; s1:.",
            "1=sub - s1; 0=emit - e1; s1:~",
            // Two lost, and each could have been the one.
            "0=create a; 1=sub a s1; 0=emit a e1; 2=emit a e2; s1:+1; s1:~",
            "0=create a; 1=sub a s1; 0=emit a e1; s1:+18446744073709551615; s1:+18446744073709551615",
        ],
    );
}

#[test]
fn g6_leaves_open_tails_unjudged() {
    let found = judged("0=create a; 1=sub a s1; 0=emit a e1");
    assert_eq!((found.tails_unjudged, found.status(G6)), (1, Some(Status::Inconclusive)));
    let found = judged("0=create a; 1=sub a s1; 0=emit a e1; s1:e1; s1:~");
    assert_eq!((found.tails_unjudged, found.status(G6)), (0, Some(Status::Held)));
}

#[test]
fn g9_accepts_valid_histories() {
    accepts_valid_histories(&[
        "0=create a; 1=sub a s1; 0=close a failed; s1:.failed; s1:~",
        "0=create a; 1=sub a s1; 0>close a failed; s1:.; 0<",
        "0=create a; 1=sub a s1; 0>close a; 0<info; s1:.completed",
        "0=create a; 1=sub a s1; 0>close a failed; 2>close a completed; s1:.completed; 0<; 2<",
        // An unknown close need not have happened.
        "0=create a; 1=sub a s1; 0>close a; 0<info; s1:~",
        "0=create a; 1=sub a s1; 0=close a; 1=unsub s1; s1:~",
        "0=create a; 1=sub a s1; s1:!; 0=close a; s1:~",
        "0=create a; 1=sub a s1; s1:~; 0=close a",
        // Two lives, two outcomes.
        "0=create a; 1=sub a s1; 0=close a failed; 0=create a; 1=sub a s2; 0=close a; s1:.failed; s2:.completed",
        "0=create a; 1>sub a s1; 2>sub a s2; 0=close a failed; 0=create a; 0=close a completed; 1<; 2<; s1:.failed; s2:.completed",
    ]);
}

#[test]
fn g9_rejects_invalid_histories() {
    rejects_invalid_histories(
        &[G9],
        &[
            "0=create a; 1=sub a s1; s1:.",
            "0=create a; 1=sub a s1; s1:.; 0=close a",
            "0=create a; 1=sub a s1; 0>close a; 0<fail; s1:.",
            "0=create a; 1=sub a s1; 0=close a failed; s1:.completed",
            // One life, two outcomes, of which each may have been the true one.
            "0=create a; 1=sub a s1; 2=sub a s2; 0>close a failed; 3=close a completed; 0<; s1:.failed; s2:.completed",
            "0=create a; 1=sub a s1; 0=close a; s1:.; s1:.",
            "0=create a; 1=sub a s1; 0=emit a e1; 0=close a; s1:.; s1:e1",
            "0=create a; 1=sub a s1; 0=close a; s1:~",
            "0=create a; 1=sub a s1; 0=close a; s1:~; s1:.",
            "1=sub - s1; s1:.",
            "1=sub a s1; 0=create a; s1:.",
            // The close of another life.
            "0=create a; 0=close a; 0=create a; 1=sub a s1; s1:.",
        ],
    );
}

#[test]
fn g10_accepts_valid_histories() {
    accepts_valid_histories(&[
        // Held while open, while unread, and while the end may come before the close has returned.
        "0=create a; held:1; 0=close a; held:1; 1=sub a s1 start; s1:.; held:0",
        "0=create a; 1=sub a s1; 0>close a; s1:.; held:1; 0<; held:0",
        // Less than can be held is the router's affair: it may have its limits.
        "0=create a; 0=close a; held:0",
        "0>create a; 0<info; held:1",
        // A life behind its name's next one may still be unread.
        "0=create a @L1; 0=close a @L1; 0=create a @L2; 1=sub a @L2 s1; 0=close a @L2; s1:.; held:1",
        // An end of whose life nobody can be sure.
        "0=create a; 1>sub a s1; 0=close a; 0=create a; 0=close a; 1<; s1:.; held:1; 2=sub a s2 start",
        // An end without a close that returned: the end is G9's affair.
        "0=create a; 1=sub a s1; 0>close a; s1:.; 0<info; held:1; 2=sub a s2 start",
        // Refused after an end, or where somebody may have had it.
        "0=create a; 1=sub a s1; 0=close a; s1:.; 1>sub a s2; 1<fail unknown",
        "0=create a; 1=sub a s1; 0=close a; 2>sub a s2; 2<fail unknown",
        "0=create a; 0=close a; 1>sub a s1; 2>sub a s2; 2<fail unknown; 1<info",
        // Its limit had passed, or was about to; its name was being created again; another reason.
        "0=create a; 0=close a; expired:a; 1>sub a s1; 1<fail unknown",
        "0=create a; 0=close a; 1>sub a s1; expired:a; 1<fail unknown",
        "0=create a @L1; 0=close a @L1; 0>create a @L2; 1>sub a @L1 s1; 1<fail closed; 0<",
        "0=create a; 0=close a; 1>sub a s1; 1<fail limit",
        "0=create a; 0=close a; 1>sub a s1 after e1; 1<fail unknown",
        // Not certainly closed before.
        "0=create a; 0>close a; 1>sub a s1; 0<; 1<fail closed",
    ]);
}

#[test]
fn g10_rejects_invalid_histories() {
    rejects_invalid_histories(
        &[G10],
        &[
            "held:1",
            "0=create a; held:2; 0=create b",
            "0=create a; 0=create a; held:2",
            "0=create a; 1=sub a s1; 0=close a; s1:.; held:1",
            "0=create a; 1=sub a s1; 0>close a; s1:.; 0<; held:1",
            // The old life stays when its name is created again.
            "0=create a @L1; 1=sub a @L1 s1; 0=close a @L1; 0=create a @L2; s1:.; held:2",
            // Served after the end: through the name, through a handle, and where an unread life lies behind.
            "0=create a; 1=sub a s1; 0=close a; s1:.; 2=sub a s2 start",
            "0=create a @L1; 1=sub a @L1 s1; 0=close a @L1; s1:.; 0=create a @L2; 2=sub a @L1 s2 start",
            "0=create a; 0=close a; 0=create a; 1=sub a s1; 0=close a; s1:.; 2=sub a s2",
            // Refused before anybody had read it.
            "0=create a; 0=emit a e1; 0=close a; 1>sub a s1 start; 1<fail unknown",
            "0=create a; 0=close a; 1>sub a s1; 1<fail closed",
            "0=create a @L1; 0=close a @L1; 1>sub a @L1 s1; 1<fail",
            // What was of the life before does not excuse it.
            "0=create a; 1=sub a s1; 0=close a; s1:.; expired:a; 0=create a; 0=close a; 1>sub a s2; 1<fail unknown",
            "0=create a; 0=close a; 1>sub a s1; 1<fail unknown; 2=sub a s2 start; expired:a",
        ],
    );
    let found = judged("0=create a; 1=sub a s1; 0=close a; s1:.; 2=sub a s2");
    assert_eq!(found.findings[0].witness, [1, 2, 5, 6, 8, 9]);
    assert_eq!(judged("0=create a; 0=emit a e1").status(G10), Some(Status::NotApplicable));
    assert_eq!(judged("0=create a; 0=close a; 1=sub a s1 start").status(G10), Some(Status::Held));
}

#[test]
fn what_is_held_is_counted_over_names_that_were_forgotten() {
    let ended = |job: u32| format!("0=create j{job}; 1=sub j{job} s{job}; 0=close j{job}; s{job}:.;");
    // Closed, but its one reader went away before the end: it may be held for ever.
    let unread = |job: u32| format!("0=create j{job}; 1=sub j{job} s{job}; 1=unsub s{job}; 0=close j{job};");
    for (held, broken) in [(50, false), (51, true)] {
        let mut checker = Checker::new();
        checker.intake = super::intake::Intake::new(100);
        for job in 0..200 {
            let text = if job % 4 == 0 { unread(job) } else { ended(job) };
            history(&text).iter().for_each(|line| checker.push(line));
        }
        history(&format!("held:{held}")).iter().for_each(|line| checker.push(line));
        assert_eq!(checker.finish().violated() == [G10], broken, "{held}");
    }
}

#[test]
fn verdicts_need_two_names_open_at_once() {
    let both = "0=create a; 0=create b; 1=sub a s1; 0=emit a e1; s1:e1; s1:~";
    assert_eq!(judged(both).verdict, Status::Held);
    assert_eq!(judged("0=create a; 0=close a; 0=create b; 1=sub b s1; 0=emit b e1; s1:e1").verdict, Status::Vacuous);
    assert_eq!(judged("0=create a; 0=create b; 0=emit a e1").verdict, Status::Vacuous);
    // Use proves what an unknown create left open.
    let used = "0>create a; 0<info; 1=create b; 1=sub a s1; 1=emit a e1; s1:e1; s1:~";
    assert_eq!(judged(used).verdict, Status::Held);
    let found = judged(both);
    assert_eq!((found.operations, found.jobs, found.streams), (4, 2, 1));
    assert_eq!(found.status(G2), Some(Status::Held));
    assert_eq!(found.status(G9), Some(Status::NotApplicable));
    let late = judged("0=create a; 2>emit a e1; 2<info; 0=close a; 0=create a; 1=sub a s1; s1:e1");
    assert_eq!(late.late_effects, 1);
}

#[test]
fn what_is_forgotten_is_judged_before() {
    // Far more quiet lines than are kept: every name is judged, and its late delivery is a breach of confinement.
    let mut checker = Checker::new();
    checker.intake = super::intake::Intake::new(100);
    let mut last = 0;
    for job in 0..200 {
        let text = format!(
            "0=create j{job}; 1=sub j{job} s{job}; 0=emit j{job} e{job}; s{job}:e{job}; 0=close j{job}; s{job}:.; s{job}:~"
        );
        for line in history(&text) {
            last += 1;
            checker.push_at(last, &line);
        }
    }
    for line in history("s3:e3") {
        checker.push(&line);
    }
    let found = checker.finish();
    assert_eq!(found.violated(), [G1, G9]);
    assert!(found.findings.iter().all(|finding| finding.witness.last() == Some(&(last + 1))), "{:?}", found.findings);
}

#[test]
fn findings_are_capped_and_counted() {
    let mut text = String::from("0=create a; 1=sub a s1;");
    (0..130).for_each(|event| text.push_str(&format!("s1:x{event};")));
    let found = judged(&text);
    assert_eq!((found.findings.len(), found.findings_omitted.get(&G1)), (100, Some(&30)));
}

#[test]
fn malformed_histories_are_named_by_line() {
    let invoke = |f: &str, value: &str| format!(r#"{{"process":0,"type":"invoke","f":"{f}","value":{value}}}"#);
    let create = invoke("create", r#"{"job":"a"}"#);
    let ok = r#"{"process":0,"type":"ok","f":"create"}"#.to_owned();
    let info = r#"{"process":0,"type":"info","f":"create"}"#.to_owned();
    let emit = invoke("emit", r#"{"job":"a","event":"e1"}"#);
    let emitted = r#"{"process":0,"type":"ok","f":"emit"}"#.to_owned();
    let subscribe = invoke("subscribe", r#"{"job":"a","stream":"s1"}"#);
    let subscribed = r#"{"process":0,"type":"ok","f":"subscribe"}"#.to_owned();
    let receive = |value: &str| format!(r#"{{"process":7,"type":"ok","f":"receive","value":{value}}}"#);
    let deep = format!(r#"{{"process":0,"type":"ok","f":"create","value":{}{}}}"#, "[".repeat(5000), "]".repeat(5000));
    let labelled = invoke("create", r#"{"job":"a","life":"L1"}"#);
    let cases: Vec<(Vec<String>, &str)> = vec![
        (vec!["{".into()], "EOF"),
        (vec![r#"{"process":"0","type":"ok","f":"create"}"#.into()], "invalid type"),
        (vec![r#"{"process":0,"type":"okay","f":"create"}"#.into()], "unknown variant"),
        (vec![r#"{"process":0,"type":"ok","f":"destroy"}"#.into()], "unknown variant"),
        (vec![ok.clone()], "never invoked"),
        (vec![create.clone(), create.clone()], "still open"),
        (vec![create.clone(), emitted.clone()], "open operation is a create"),
        (vec![create.clone(), r#"{"process":0,"type":"ok","f":"create","value":{"job":"b"}}"#.into()], "differs"),
        (vec![create.clone(), info.clone(), create.clone()], "after an info"),
        (vec![create.clone(), info, receive(r#"{"stream":"s1","end":true}"#).replace(":7", ":0")], "after an info"),
        (vec![emit.clone(), emitted.clone(), emit.clone()], "used before"),
        (vec![subscribe.clone(), subscribed.clone(), subscribe.clone()], "named before"),
        (vec![receive(r#"{"stream":"s1","event":"e1"}"#)], "named the stream"),
        (vec![r#"{"process":7,"type":"ok","f":"drained","value":{"stream":"s1"}}"#.into()], "named the stream"),
        (vec![invoke("unsubscribe", r#"{"stream":"s1"}"#)], "named the stream"),
        (vec![invoke("retained", r#"{"jobs":1}"#)], "a single line"),
        (vec![r#"{"process":7,"type":"ok","f":"retained"}"#.into()], "value is missing"),
        (vec![r#"{"process":7,"type":"ok","f":"retained","value":{"job":"a"}}"#.into()], "jobs is missing"),
        (vec![r#"{"process":7,"type":"ok","f":"retained","value":{"jobs":-1}}"#.into()], "invalid value"),
        (vec![r#"{"process":7,"type":"info","f":"expired","value":{"job":"a"}}"#.into()], "a single line"),
        (vec![r#"{"process":7,"type":"ok","f":"expired","value":{"job":null}}"#.into()], "must be a string"),
        (vec![subscribe.clone(), receive(r#"{"stream":"s1","event":"e1","lagged":1}"#)], "exactly one"),
        (vec![subscribe.clone(), receive(r#"{"stream":"s1","lagged":0}"#)], "at least 1"),
        (vec![subscribe.clone(), receive(r#"{"stream":"s1","lagged":-1}"#)], "invalid value"),
        (
            vec![labelled.clone(), ok.clone().replace("}", r#","value":{"job":"a","life":"L1"}}"#), labelled],
            "labels an earlier",
        ),
        (vec![invoke("emit", r#"{"job":"a","event":"e1","life":"L9"}"#)], "no create before"),
        (vec![create, deep], "invalid type"),
        (vec![r#"[0,"invoke","create",{"job":"a"}]"#.into()], "JSON object"),
        (vec![invoke("create", r#"["a"]"#)], "invalid type"),
        (
            vec!["{\"process\":0,\"type\":\"invoke\",\"f\":\"create\",\"value\":{\"job\":\"a\0\"}}".into()],
            "control character",
        ),
    ];
    for (lines, why) in cases {
        let text = format!("\n{}\n\n", lines.join("\n"));
        let error = read(text.as_bytes()).find_map(Result::err).unwrap_or_else(|| panic!("accepted: {text}"));
        assert_eq!(error.line, lines.len() + 1, "{error}: {text}");
        assert!(error.why.contains(why), "{error}: {text}");
    }
}

#[test]
fn hostile_bytes_are_errors() {
    let error = read(&b"\n\xff\xfe\n"[..]).find_map(Result::err).expect("not UTF-8");
    assert_eq!((error.line, error.why.contains("UTF-8")), (2, true));
    let long = vec![b' '; LONGEST_LINE + 2];
    let error = read(&long[..]).find_map(Result::err).expect("too long");
    assert_eq!((error.line, error.why.contains("longer than")), (1, true));
    assert_eq!(read(&b""[..]).count(), 0);
}

#[test]
fn observations_come_back_as_they_were_written() {
    for step in ["held:0", "held:4294967295", "expired:a", "expired:"] {
        let written = history(step);
        let text = written[0].to_json();
        let lines: Vec<Line> = read(text.as_bytes()).map(|line| line.expect("well formed").1).collect();
        assert_eq!(lines, written, "{text}");
    }
}

#[test]
fn values_left_out_are_filled_in() {
    let text = concat!(
        r#"{"process":0,"type":"invoke","f":"subscribe","value":{"job":null,"stream":"s1"},"time":5}"#,
        "\n\n",
        r#"{"process":0,"type":"fail","f":"subscribe","reason":"limit"}"#,
        "\n",
        r#"{"process":0,"type":"invoke","f":"subscribe","value":{"job":null,"stream":"s1","from":"now"}}"#,
    );
    let lines: Vec<(usize, Line)> = read(text.as_bytes()).collect::<Result<_, _>>().expect("well formed");
    assert_eq!(lines.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [1, 3, 4]);
    assert_eq!(lines[1].1.action, lines[0].1.action);
    assert_eq!(lines[1].1.reason, Some(Reason::Limit));
}
