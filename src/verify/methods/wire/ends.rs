//! Ends, and what is none (G9): each outcome, silence, and readers that leave.

use super::Notes;
use super::http::{Job, Over, Reading, Talk, Trouble, brief};
use crate::sink::sse::Message;
use crate::verify::guarantee::Guarantee::G9;
use serde_json::Value;

pub(super) const PREMISES: &[&str] = &["outcomes_told", "silences_outlasted", "readers_that_left"];

/// The outcome that a stream's end tells, if it has one; and whether the end is the only one, and the last of all.
fn told(messages: &[Message], over: &Over) -> Result<String, String> {
    let ends: Vec<_> = messages.iter().filter(|message| message.event == "done").collect();
    match (ends.as_slice(), over) {
        ([], over) => Err(format!("the stream has no end (the connection: {over:?})")),
        ([end], Over::Ended) if messages.last() == Some(*end) => {
            let data: Value = serde_json::from_str(&end.data).unwrap_or(Value::Null);
            Ok(data["outcome"].as_str().unwrap_or("(none)").to_owned())
        }
        ([_], Over::Ended) => Err("something follows the end".into()),
        ([_], over) => Err(format!("the end is told, and the stream is {over:?}")),
        (many, _) => Err(format!("the stream has {} ends", many.len())),
    }
}

async fn must_end(notes: &mut Notes, reading: &mut Reading, outcome: &str, what: &str) {
    let (messages, over) = reading.rest().await;
    let told = told(&messages, &over);
    notes.check(G9, told.as_deref() == Ok(outcome), || {
        let told = told.map_or_else(|why| why, |told| format!("the end tells {told}"));
        (format!("{what} is to end as {outcome}, and {told}"), messages.iter().map(brief).collect())
    });
}

/// Work that ends by itself, and ends that are asked for.
async fn outcomes(talk: &Talk, notes: &mut Notes) -> Result<(), Trouble> {
    let by_itself = [
        (r#"{"operation":"count","args":{"to":2,"every_ms":1}}"#, "completed", "work that is done"),
        (r#"{"operation":"fail","args":{"after":1,"every_ms":1}}"#, "failed", "work that fails"),
        (r#"{"operation":"fail","args":{"after":1,"every_ms":1,"panic":true}}"#, "failed", "work that panics"),
    ];
    for (body, outcome, what) in by_itself {
        let job = talk.job(body).await?;
        must_end(notes, &mut talk.watch(&job).await?, outcome, what).await;
        notes.reached(G9, "outcomes_told", 1);
    }
    for outcome in ["completed", "failed", "cancelled", "abandoned"] {
        let job = talk.open().await?;
        let mut readers = [talk.watch(&job).await?, talk.watch(&job).await?];
        let body = format!(r#"{{"outcome":"{outcome}"}}"#);
        talk.of(&job, "POST", "/close", &body).await?.reply("a close")?;
        for reading in &mut readers {
            must_end(notes, reading, outcome, "a job that is closed").await;
        }
        notes.reached(G9, "outcomes_told", 1);
    }
    let job = talk.open().await?;
    let mut reading = talk.watch(&job).await?;
    talk.of(&job, "DELETE", "", "").await?.reply("a cancellation")?;
    must_end(notes, &mut reading, "cancelled", "a job that is cancelled").await;
    Ok(())
}

/// Reads the first event, so that silence follows.
async fn settled(talk: &Talk, job: &Job) -> Result<Reading, Trouble> {
    talk.say(job, "before the silence").await?;
    let mut reading = talk.watch(job).await?;
    reading.until("before the silence").await?;
    Ok(reading)
}

/// Silence is no end, however often the connection is kept alive.
async fn silence(talk: &Talk, notes: &mut Notes) -> Result<(), Trouble> {
    let job = talk.open().await?;
    let mut reading = settled(talk, &job).await?;
    for _ in 0..3 {
        reading.sign_of_life().await?;
    }
    notes.reached(G9, "silences_outlasted", 1);
    let accepted = talk.say(&job, "after the silence").await.is_ok();
    let next = reading.next().await;
    let goes_on = next.as_ref().is_ok_and(|message| super::http::said(message) == "after the silence");
    notes.check(G9, accepted && goes_on, || {
        let next = next.as_ref().map_or_else(|over| format!("{over:?}"), brief);
        ("a job was silent, and its stream was ended though nobody closed it".into(), vec![next])
    });
    let _it_may_be_over = talk.close(&job).await;
    must_end(notes, &mut reading, "completed", "a job that was silent").await;
    Ok(())
}

/// A reader that hangs up ends nothing but its own stream.
async fn leaving(talk: &Talk, notes: &mut Notes) -> Result<(), Trouble> {
    let job = talk.open().await?;
    let (mut stays, leaves) = (settled(talk, &job).await?, settled(talk, &job).await?);
    // What a service does about a reader that left, it does before the next sign of life of another.
    drop(leaves);
    for _ in 0..3 {
        stays.sign_of_life().await?;
    }
    notes.reached(G9, "readers_that_left", 1);
    talk.of(&job, "POST", "/close", r#"{"outcome":"completed"}"#).await?.reply("a close")?;
    must_end(notes, &mut stays, "completed", "a job of which one of two readers left").await;
    Ok(())
}

pub(super) async fn examine(talk: &Talk, notes: &mut Notes) -> Result<(), Trouble> {
    outcomes(talk, notes).await?;
    silence(talk, notes).await?;
    leaving(talk, notes).await
}
