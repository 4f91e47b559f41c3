//! Positions to resume from (G14): genuine ones go on where they stand, all others are refused or a stated gap.

use super::Notes;
use super::http::{Answer, Job, Over, Reading, Talk, Trouble, bearer, brief, never, said};
use super::refusals::forge;
use crate::sink::sse::Message;
use crate::verify::guarantee::Guarantee::G14;
use std::collections::BTreeMap;

pub(super) const PREMISES: &[&str] = &[
    "genuine_resumed",
    "foreign_tried",
    "made_up_tried",
    "evicted_resumed",
    "resumed_after_the_close",
    "tried_after_the_close",
];

/// A job with some events, and the cursor of each text.
struct Told {
    job: Job,
    texts: Vec<String>,
    cursors: BTreeMap<String, String>,
}

async fn tell(talk: &Talk, name: &str, n: usize) -> Result<Told, Trouble> {
    let job = talk.open().await?;
    let mut reading = talk.watch(&job).await?;
    let (mut texts, mut cursors) = (Vec::new(), BTreeMap::new());
    for number in 0..n {
        let text = format!("{name} {number}");
        talk.say(&job, &text).await?;
        loop {
            let message = reading.next().await.or_else(|over| never(format!("a stream was {over:?}")))?;
            let is_it = said(&message) == text;
            if is_it {
                cursors.insert(text.clone(), message.last_event_id.clone());
                break;
            }
        }
        texts.push(text);
    }
    Ok(Told { job, texts, cursors })
}

/// How a cursor is presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Header,
    Query,
}

async fn resume(talk: &Talk, job: &Job, cursor: &str, by: By) -> Result<Answer, Trouble> {
    let authority = bearer(&job.capability);
    let mut headers = vec![("authorization", authority.as_str())];
    let target = match by {
        By::Header => {
            headers.push(("last-event-id", cursor));
            job.at("/stream")
        }
        By::Query => job.at(&format!("/stream?after={cursor}")),
    };
    talk.ask("GET", &target, &headers, "").await
}

/// What a stream delivers up to an event that is emitted once it is open.
async fn up_to_mark(talk: &Talk, job: &Job, reading: &mut Reading, mark: &str) -> Result<Vec<Message>, Trouble> {
    talk.say(job, mark).await?;
    reading.until(mark).await
}

fn texts(messages: &[Message]) -> Vec<String> {
    messages.iter().filter(|message| matches!(message.event.as_str(), "narration" | "data")).map(said).collect()
}

fn lagged(messages: &[Message]) -> u64 {
    let data = messages.iter().filter(|message| message.event == "lagged");
    data.filter_map(|m| serde_json::from_str::<serde_json::Value>(&m.data).ok()?["lagged"].as_u64()).sum()
}

pub(super) async fn examine(talk: &Talk, notes: &mut Notes) -> Result<(), Trouble> {
    let (a, b) = (tell(talk, "a", 5).await?, tell(talk, "b", 5).await?);
    genuine(talk, notes, &a).await?;
    foreign(talk, notes, &a, &b).await?;
    made_up(talk, notes, &a).await?;
    evicted(talk, notes).await?;
    afterwards(talk, notes, &b).await?;
    for told in [&a, &b] {
        talk.close(&told.job).await?;
    }
    Ok(())
}

/// One's own cursor: exactly what follows it.
async fn genuine(talk: &Talk, notes: &mut Notes, told: &Told) -> Result<(), Trouble> {
    let mut marks: Vec<String> = Vec::new();
    for by in [By::Header, By::Query] {
        for (at, text) in told.texts.iter().enumerate() {
            let answer = resume(talk, &told.job, &told.cursors[text], by).await?;
            let mark = format!("mark {by:?} {at}");
            let owed: Vec<String> = told.texts[at + 1..].iter().chain(&marks).cloned().collect();
            let brief_answer = answer.brief();
            let Answer::Stream(mut reading) = answer else {
                notes.check(G14, false, || ("a genuine cursor is refused".into(), vec![brief_answer]));
                continue;
            };
            let had = up_to_mark(talk, &told.job, &mut reading, &mark).await?;
            notes.check(G14, texts(&had) == owed && lagged(&had) == 0, || {
                let what = format!("resumed after {text:?} a stream owes {owed:?}, and delivers {:?}", texts(&had));
                (what, had.iter().map(brief).collect())
            });
            marks.push(mark);
            notes.reached(G14, "genuine_resumed", 1);
        }
    }
    Ok(())
}

/// A position that is not of this job: refused, or an explicit gap; never history, of whoever's.
async fn nothing_of(
    talk: &Talk,
    notes: &mut Notes,
    job: &Job,
    cursor: &str,
    by: By,
    what: &str,
) -> Result<(), Trouble> {
    let answer = resume(talk, job, cursor, by).await?;
    let said_so = match answer {
        Answer::Reply(reply) => {
            let is_clear = (400..500).contains(&reply.status) && !reply.text("error").is_empty();
            notes.check(G14, is_clear, || {
                (format!("{what} is answered without a reason"), vec![format!("{} {}", reply.status, reply.body)])
            });
            return Ok(());
        }
        Answer::Stream(mut reading) => up_to_mark(talk, job, &mut reading, &format!("after {what} {cursor:?}")).await?,
    };
    // It was let in: then no event may come that was there before, and the gap must be told.
    let history = texts(&said_so);
    notes.check(G14, history.is_empty() && lagged(&said_so) > 0, || {
        let gap = lagged(&said_so);
        let what =
            format!("{what} is taken for a position: {} events of history come, {gap} are told lost", history.len());
        (what, said_so.iter().map(brief).collect())
    });
    Ok(())
}

async fn foreign(talk: &Talk, notes: &mut Notes, a: &Told, b: &Told) -> Result<(), Trouble> {
    let authority = bearer(&talk.operator);
    let asked = talk.ask("GET", "/v1/system/events", &[("authorization", &authority)], "").await?;
    let first = asked.stream("the system's stream")?.next().await;
    let of_system = first.or_else(|over| never(format!("the system's stream was {over:?}")))?.last_event_id;
    for by in [By::Header, By::Query] {
        for text in [&b.texts[0], &b.texts[2], &b.texts[4]] {
            nothing_of(talk, notes, &a.job, &b.cursors[text], by, "another job's cursor").await?;
            notes.reached(G14, "foreign_tried", 1);
        }
        nothing_of(talk, notes, &a.job, &of_system, by, "a cursor of the system's stream").await?;
    }
    let ours = [("authorization", authority.as_str()), ("last-event-id", a.cursors[&a.texts[0]].as_str())];
    let answer = talk.ask("GET", "/v1/system/events", &ours, "").await?;
    notes.check(G14, (400..500).contains(&answer.status()), || {
        ("a job's cursor is taken for a position of the system's stream".into(), vec![answer.brief()])
    });
    Ok(())
}

async fn made_up(talk: &Talk, notes: &mut Notes, told: &Told) -> Result<(), Trouble> {
    let genuine = &told.cursors[&told.texts[1]];
    let (head, tail) = genuine.split_at(genuine.len() / 2);
    let mut tried: Vec<String> = vec![
        forge(genuine),
        head.into(),
        tail.into(),
        format!("{genuine}A"),
        format!("{genuine}{genuine}"),
        genuine.to_ascii_lowercase(),
        "0".into(),
        "1".into(),
        "-1".into(),
        "18446744073709551615".into(),
        "99999999999999999999999999".into(),
        "0-0".into(),
        "$".into(),
        "*".into(),
        "null".into(),
        "..".into(),
        "A".repeat(4_000),
    ];
    // Every character changed, one at a time.
    tried.extend((0..genuine.len()).map(|at| {
        let other = if genuine.as_bytes()[at] == b'A' { "B" } else { "A" };
        format!("{}{other}{}", &genuine[..at], &genuine[at + 1..])
    }));
    tried.retain(|cursor| cursor != genuine);
    for cursor in tried {
        for by in [By::Header, By::Query] {
            nothing_of(talk, notes, &told.job, &cursor, by, "a cursor that nobody made").await?;
            notes.reached(G14, "made_up_tried", 1);
        }
    }
    // An empty one is none of this job's either, wherever it stands.
    nothing_of(talk, notes, &told.job, "", By::Header, "an empty cursor").await?;
    nothing_of(talk, notes, &told.job, "", By::Query, "an empty cursor").await
}

/// What follows one's own cursor was evicted: the gap is told, exactly.
async fn evicted(talk: &Talk, notes: &mut Notes) -> Result<(), Trouble> {
    let retained = usize::try_from(notes.retain_events).unwrap_or(usize::MAX);
    let told = tell(talk, "e", retained + 5).await?;
    let first = &told.texts[0];
    let answer = resume(talk, &told.job, &told.cursors[first], By::Header).await?;
    if let Answer::Stream(mut reading) = answer {
        let had = up_to_mark(talk, &told.job, &mut reading, "the mark").await?;
        let after = told.texts.len() - 1;
        let (got, lost) = (texts(&had), lagged(&had));
        let tail = got.as_slice() == &told.texts[told.texts.len() - got.len().min(told.texts.len())..];
        notes.check(G14, tail && lost > 0 && got.len() as u64 + lost == after as u64, || {
            let what =
                format!("of {after} events after an evicted position {} come and {lost} are told lost", got.len());
            (what, had.iter().map(brief).collect())
        });
        notes.reached(G14, "evicted_resumed", 1);
    } else {
        notes.reached(G14, "evicted_resumed", 1);
        let clear = (400..500).contains(&answer.status());
        notes.check(G14, clear, || ("an evicted position is answered unclearly".into(), vec![answer.brief()]));
    }
    talk.close(&told.job).await
}

/// A job is closed and nobody has had its end: it is still there to be resumed, from its own positions and no others,
/// as often as its readers break off before they have confirmed the end by hanging up in good order.
async fn afterwards(talk: &Talk, notes: &mut Notes, other: &Told) -> Result<(), Trouble> {
    let told = tell(talk, "c", 5).await?;
    talk.close(&told.job).await?;
    let genuine = &told.cursors[&told.texts[1]];
    let not_its = [
        ("another job's cursor", other.cursors[&other.texts[1]].clone()),
        ("a cursor that nobody made", forge(genuine)),
        ("a part of a cursor", genuine[..genuine.len() / 2].to_owned()),
        ("an empty cursor", String::new()),
    ];
    for by in [By::Header, By::Query] {
        for (at, text) in told.texts.iter().enumerate() {
            let answer = resume(talk, &told.job, &told.cursors[text], by).await?;
            let brief_answer = answer.brief();
            let Answer::Stream(mut reading) = answer else {
                notes.check(G14, false, || {
                    (
                        "a genuine cursor is refused, after the close and before the end was had".into(),
                        vec![brief_answer],
                    )
                });
                continue;
            };
            let (had, over) = reading.rest().await;
            reading.break_off()?;
            let owed = &told.texts[at + 1..];
            let ends = had.iter().filter(|message| message.event == "done").count();
            let is_last = had.last().is_some_and(|message| message.event == "done");
            let exact = texts(&had) == owed && lagged(&had) == 0 && ends == 1 && is_last && over == Over::Ended;
            notes.check(G14, exact, || {
                let what = format!(
                    "resumed after {text:?}, after the close, a stream owes {owed:?} and the end, and delivers {:?} \
                     and {ends} ends (the connection: {over:?})",
                    texts(&had)
                );
                (what, had.iter().map(brief).collect())
            });
            notes.reached(G14, "resumed_after_the_close", 1);
        }
        for (what, cursor) in &not_its {
            let answer = resume(talk, &told.job, cursor, by).await?;
            notes.reached(G14, "tried_after_the_close", 1);
            let brief_answer = answer.brief();
            let Answer::Stream(mut reading) = answer else {
                let is_clear = brief_answer.starts_with('4');
                notes.check(G14, is_clear, || {
                    (format!("{what}, after the close, is answered without a reason"), vec![brief_answer])
                });
                continue;
            };
            let (had, _) = reading.rest().await;
            reading.break_off()?;
            notes.check(G14, texts(&had).is_empty() && lagged(&had) > 0, || {
                let what = format!("{what} is taken for a position, after the close: {:?} comes", texts(&had));
                (what, had.iter().map(brief).collect())
            });
        }
    }
    // Now the end is had.
    talk.watch(&told.job).await?.rest().await;
    Ok(())
}
