//! What is seen beside a job's own streams: by operators (G3), and by one job of others (G8).

use super::http::{Answer, Job, Over, Talk, Trouble, bearer, never};
use super::refusals::ROUTES;
use super::{Notes, keys};
use crate::verify::guarantee::Guarantee::{G3, G8};
use serde_json::Value;
use std::collections::BTreeMap;

pub(super) const OPERATORS: &[&str] = &["metrics_read", "system_events_read"];
pub(super) const PAIRED: &[&str] = &["observations_alone", "observations_beside", "events_of_others", "shares_used_up"];

/// What nothing but a job's own streams may say: its id, its capability, its words, its cursors.
async fn secrets(talk: &Talk) -> Result<(Job, Vec<String>), Trouble> {
    let job = talk.open().await?;
    let mut reading = talk.watch(&job).await?;
    let words = format!("canary-{}", job.id.chars().rev().take(12).collect::<String>());
    let reply = talk.say(&job, &words).await?;
    reading.until(&words).await?;
    Ok((job.clone(), vec![job.id, job.capability, words, reply.text("id")]))
}

pub(super) async fn operators(talk: &Talk, notes: &mut Notes) -> Result<(), Trouble> {
    let (job, secrets) = secrets(talk).await?;
    let authority = bearer(&talk.operator);
    let of_operators = [("authorization", authority.as_str())];
    let mut system = talk.ask("GET", "/v1/system/events?from=start", &of_operators, "").await?.stream("the system")?;
    let tell = |notes: &mut Notes, where_: &str, text: &str| {
        for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
            notes.check(G3, !text.contains(secret.as_str()), || {
                let lines = text.lines().filter(|line| line.contains(secret.as_str())).map(str::to_owned);
                (format!("{where_} tells a job's own {secret:?}"), lines.take(3).collect())
            });
        }
    };
    let open = talk.ask("GET", "/metrics", &of_operators, "").await?.reply("metrics")?;
    tell(notes, "the text of /metrics", &open.body);
    let mut other = talk.watch(&job).await?;
    talk.close(&job).await?;
    let (own, _) = other.rest().await;
    // The job's end is told to operators; what it said is not. Waits until the end has been told.
    let mut told = 0;
    loop {
        match system.next().await {
            Ok(message) => {
                told += 1;
                tell(notes, "the operators' stream", &format!("{} {}", message.data, message.event));
                if serde_json::from_str::<Value>(&message.data).is_ok_and(|data| data["action"] == "job_end") {
                    break;
                }
            }
            Err(over) => return never(format!("the operators' stream does not tell that a job ended: it is {over:?}")),
        }
    }
    notes.reached(G3, "system_events_read", told);
    let after = talk.ask("GET", "/metrics", &of_operators, "").await?.reply("metrics")?;
    tell(notes, "the text of /metrics", &after.body);
    notes.reached(G3, "metrics_read", 2);
    for message in own.iter().filter(|message| matches!(message.event.as_str(), "narration" | "data")) {
        let data: Value = serde_json::from_str(&message.data).unwrap_or(Value::Null);
        let is_systems = data["actor"] == "service" && data["action"] != "job_create";
        notes.check(G3, !is_systems, || {
            ("a job's stream tells what the system said".into(), vec![message.data.clone()])
        });
    }
    Ok(())
}

// === paired runs ===

/// What others do meanwhile.
struct Others {
    jobs: Vec<Job>,
    events: u64,
}

impl Others {
    async fn act(&mut self, talk: &Talk) -> Result<(), Trouble> {
        let job = talk.open().await?;
        for number in 0..4 {
            talk.say(&job, &format!("of another job {number}")).await?;
            self.events += 1;
        }
        for job in &self.jobs {
            talk.say(job, "and once more").await?;
            self.events += 1;
        }
        // Every other one comes to its end, read or not.
        if self.jobs.len() % 2 == 1 {
            talk.close(&job).await?;
        } else {
            self.jobs.push(job);
        }
        Ok(())
    }
}

/// Replaces whatever differs between any two runs, and nothing else: what is random by its place of first occurrence and its length, what
/// counts by the distance from what it was before.
#[derive(Default)]
struct Transcript {
    lines: Vec<String>,
    names: BTreeMap<String, String>,
    numbers: BTreeMap<String, i128>,
}

impl Transcript {
    fn name(&mut self, value: &str, what: &str) {
        let number = self.names.len();
        let known = || format!("<{what} {number} of {} bytes>", value.len());
        self.names.entry(value.to_owned()).or_insert_with(known);
    }

    /// An id, a position, a time: the same however it was drawn, if it says nothing.
    fn value(&mut self, key: &str, value: &Value) -> String {
        let text = value.as_str().map(str::to_owned).unwrap_or_else(|| value.to_string());
        match (key, text.parse::<i128>()) {
            ("expires" | "emitted_at_ms", Ok(_)) => format!("<a time of {} digits>", text.len()),
            ("id" | "sequence", Ok(number)) => match self.numbers.insert(key.to_owned(), number) {
                None => "<the first>".into(),
                Some(before) => format!("<{:+}>", number - before),
            },
            ("id" | "job_id" | "capability" | "ticket" | "sse_url", Err(_)) => {
                self.name(&text, key);
                format!("<{key} of {} bytes>", text.len())
            }
            _ => text,
        }
    }

    fn object(&mut self, text: &str) -> String {
        match serde_json::from_str::<Value>(text) {
            Ok(Value::Object(fields)) => {
                let fields: Vec<String> =
                    fields.iter().map(|(key, value)| format!("{key}={}", self.value(key, value))).collect();
                fields.join(" ")
            }
            _ => text.to_owned(),
        }
    }

    fn answer(&mut self, to: &str, answer: &Answer) {
        let head = super::http::head_but_the_clock(answer.head()).replace('\n', "; ");
        let body = match answer {
            Answer::Reply(reply) => self.object(reply.body.trim_end()),
            Answer::Stream(_) => "(a stream)".into(),
        };
        self.lines.push(format!("{to}: {head}: {body}"));
    }
}

/// Everything that somebody with one job can do and see, while others do what they do (or nothing).
async fn observe(talk: &Talk, mut others: Option<&mut Others>) -> Result<Vec<String>, Trouble> {
    let mut seen = Transcript::default();
    macro_rules! meanwhile {
        () => {
            if let Some(others) = &mut others {
                others.act(talk).await?;
            }
        };
    }
    meanwhile!();
    let created = talk.ask("POST", "/v1/jobs", &[], r#"{"operation":"open"}"#).await?;
    seen.answer("create", &created);
    let reply = created.reply("creating a job")?;
    let job = Job { id: reply.text("job_id"), capability: reply.text("capability") };
    meanwhile!();
    let mut reading = talk.watch(&job).await?;
    seen.lines.push(format!("stream: {}", super::http::head_but_the_clock(&reading.head).replace('\n', "; ")));
    for number in 0..4 {
        let body = super::http::narration(&format!("my own {number}"));
        let answer = talk.of(&job, "POST", "/events", &body).await?;
        seen.answer("emit", &answer);
        meanwhile!();
    }
    let bad = [("POST", "/events", "{}"), ("POST", "/close", "{}"), ("GET", "/stream?from=then", ""), ("PUT", "", "")];
    for (method, rest, body) in bad {
        let answer = talk.of(&job, method, rest, body).await?;
        seen.answer(&format!("{method} {rest}"), &answer);
    }
    for (method, rest, body) in ROUTES {
        let answer = talk.ask(method, &format!("/v1/jobs/job-0{rest}"), &[], body).await?;
        seen.answer(&format!("{method} of no job {rest}"), &answer);
    }
    meanwhile!();
    let answer = talk.of(&job, "POST", "/tickets", "").await?;
    seen.answer("ticket", &answer);
    talk.close(&job).await?;
    meanwhile!();
    let answer = talk.of(&job, "POST", "/events", &super::http::narration("too late")).await?;
    seen.answer("emit after the end", &answer);
    let (messages, over) = reading.rest().await;
    for message in &messages {
        let data = seen.object(&message.data);
        let id = match message.last_event_id.as_str() {
            "" => "none".into(),
            id => seen.value("id", &Value::String(id.to_owned())),
        };
        seen.lines.push(format!("{} id {id}: {data}", message.event));
    }
    if over != Over::Ended {
        return never(format!("a stream was {over:?}"));
    }
    Ok(seen.lines)
}

fn same(notes: &mut Notes, alone: &[String], beside: &[String], wrong: &str) {
    let differs = alone.iter().zip(beside).find(|(one, other)| one != other);
    notes.check(G8, differs.is_none() && alone.len() == beside.len(), || {
        let (one, other) = differs.map_or(("(fewer)", "(more)"), |(one, other)| (one, other));
        (wrong.into(), vec![format!("alone:  {one}"), format!("beside: {other}")])
    });
}

/// The same deeds alone, after another job, and beside others: what is seen must be the same.
pub(super) async fn paired(talk: &Talk, notes: &mut Notes) -> Result<(), Trouble> {
    let alone = observe(talk, None).await?;
    let again = observe(talk, None).await?;
    notes.reached(G8, "observations_alone", alone.len() as u64);
    same(notes, &alone, &again, "one job's owner sees that there was another job before");
    let mut others = Others { jobs: Vec::new(), events: 0 };
    for _ in 0..2 {
        let beside = observe(talk, Some(&mut others)).await?;
        notes.reached(G8, "observations_beside", beside.len() as u64);
        same(notes, &alone, &beside, "one job's owner sees that others are busy");
    }
    notes.reached(G8, "events_of_others", others.events);
    for job in &others.jobs {
        talk.close(job).await?;
    }
    keys::shares(talk, notes).await
}
