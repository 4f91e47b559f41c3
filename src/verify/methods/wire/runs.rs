//! Concurrent jobs over sockets, recorded as a history and judged like any other (G1 to G6, G9).
//!
//! Each job has two emitters at a time, readers from its start, from now, from a cursor, and after its close, one that
//! lags, stragglers that emit while it is closed and afterwards, and somebody who emits to a job that never was. An
//! operators' stream is read beside them.
//!
//! The service narrates the creation of each job itself, before it answers: that event is recorded as the creator's own
//! first. What the judge finds of G10 is passed over: on the wire an end counts as had when its reader hangs up, which
//! no line of a history tells (`docs/service.md`).

use super::http::{Answer, Job, Over, Reading, Reply, Talk, Trouble, bearer, never};
use super::{Breach, Notes, stalls};
use crate::sink::sse::Message;
use crate::verify::checker;
use crate::verify::findings::Status;
use crate::verify::guarantee::Guarantee;
use crate::verify::history::{Action, Delivered, History, Kind, Line, Outcome, Reason, Since};
use crate::verify::methods::interleaved::SplitMix;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::task::JoinHandle;

/// What is judged, and what must have happened.
pub(super) const JUDGES: [(Guarantee, &[&str]); 7] = {
    use Guarantee::*;
    [
        (G1, &["rounds_of_overlapping_jobs", "events_delivered"]),
        (G2, &["refused_after_close", "refused_of_no_job"]),
        (G3, &["system_events_read", "events_delivered"]),
        (G4, &["emits_accepted"]),
        (G5, &["rounds_of_overlapping_jobs", "events_delivered"]),
        (G6, &["markers_of_loss", "streams_resumed", "lagged_between_deliveries"]),
        (G9, &["ends_completed", "ends_cancelled", "ends_failed"]),
    ]
};

const JOBS: usize = 3;

/// Writes lines down in the order in which things are known to have happened.
struct Stage {
    talk: Talk,
    round: u64,
    retain_events: u64,
    lines: Mutex<History>,
    processes: AtomicI64,
}

/// What an event is recorded as: its token, and a digest of what it says.
type Recorded = (String, Option<String>);

/// A digest of what an emitter said and a reader was told.
fn digest(human: &str, payload: &Value) -> String {
    let bytes = Sha256::digest(format!("{human}\n{payload}").as_bytes());
    bytes.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

impl Stage {
    fn line(&self, line: Line) {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    fn process(&self) -> i64 {
        self.processes.fetch_add(1, Ordering::Relaxed)
    }

    fn invoke(&self, process: i64, action: &Action) {
        self.line(Line::new(process, Kind::Invoke, action.clone()));
    }

    /// How an operation ended, by the status of its answer and by nothing that it says.
    fn complete(&self, process: i64, action: Action, answer: Result<&Reply, ()>) {
        let mut line = Line::new(process, Kind::Ok, action);
        match answer {
            Ok(reply) if reply.is_success() => {}
            Ok(reply) if (400..500).contains(&reply.status) => {
                line.kind = Kind::Fail;
                line.reason = Some(reason(reply));
            }
            // What broke off, or was answered 5xx, may have taken effect all the same.
            _ => line.kind = Kind::Info,
        }
        self.line(line);
    }

    async fn emit(&self, process: &mut i64, name: &str, job: &Job, token: &str) -> Result<Option<Reply>, Trouble> {
        // Some are longer than what a reader, or somebody between, takes at a time.
        let long = if token.bytes().map(u32::from).sum::<u32>() % 4 == 0 { "é".repeat(3_000) } else { String::new() };
        let (human, payload) = (format!("{token} says ¡günstig! 東京 \u{1f511}"), json!({ "of": token, "text": long }));
        let action = Action::Emit {
            job: Some(name.to_owned()),
            life: None,
            event: token.to_owned(),
            digest: Some(digest(&human, &payload)),
        };
        self.invoke(*process, &action);
        let body = json!({ "action": "say", "human": human, "payload": payload }).to_string();
        let answer = self.talk.of(job, "POST", "/events", &body).await.and_then(|answer| answer.reply("an emit"));
        self.complete(*process, action, answer.as_ref().map_err(drop));
        let unknown = answer.as_ref().map_or(true, |reply| reply.status >= 500);
        if unknown {
            *process = self.process();
        }
        Ok(answer.ok())
    }
}

/// Why something was refused, as the refusal says it.
fn reason(reply: &Reply) -> Reason {
    match (reply.status, reply.text("error").as_str()) {
        (404, _) => Reason::Unknown,
        (_, "job_closed") => Reason::Closed,
        (413 | 429, _) => Reason::Limit,
        (_, error) => Reason::Other(error.to_owned()),
    }
}

/// One job of a round, with everything that is done to it.
struct Scene {
    stage: Arc<Stage>,
    /// As the history calls it.
    name: String,
    job: Job,
}

impl Scene {
    /// Creates the job.
    async fn open(stage: Arc<Stage>, at: usize) -> Result<Scene, Trouble> {
        let name = format!("r{}-{}", stage.round, ["a", "b", "c"][at]);
        let process = stage.process();
        let create = Action::Create { job: name.clone(), life: None };
        stage.invoke(process, &create);
        let job = stage.talk.job(&json!({ "operation": "open", "correlation_id": name }).to_string()).await?;
        stage.line(Line::new(process, Kind::Ok, create));
        // Narrated by the service before it answered.
        let event = created(&name);
        let emit = Action::Emit { job: Some(name.clone()), life: None, event, digest: None };
        stage.invoke(process, &emit);
        stage.line(Line::new(process, Kind::Ok, emit));
        Ok(Scene { stage, name, job })
    }

    /// Narrates `n` events, one after the other.
    fn emitter(self: &Arc<Self>, who: &'static str, n: u64) -> JoinHandle<Result<(), Trouble>> {
        let scene = Arc::clone(self);
        tokio::spawn(async move {
            let mut process = scene.stage.process();
            for number in 0..n {
                let token = format!("{}-{who}{number}", scene.name);
                scene.stage.emit(&mut process, &scene.name, &scene.job, &token).await?;
            }
            Ok(())
        })
    }

    /// Opens a stream; `None` if it is refused.
    async fn subscribe(
        &self,
        stream: &str,
        since: Since,
        cursor: Option<&str>,
    ) -> Result<Option<(i64, Reading)>, Trouble> {
        let process = self.stage.process();
        let (name, authority) = (self.name.clone(), bearer(&self.job.capability));
        let action = Action::Subscribe { job: Some(name), life: None, stream: stream.into(), since: since.clone() };
        let rest = if since == Since::Now { "/stream?from=now" } else { "/stream" };
        let mut headers = vec![("authorization", authority.as_str())];
        headers.extend(cursor.map(|cursor| ("last-event-id", cursor)));
        self.stage.invoke(process, &action);
        match self.stage.talk.ask("GET", &self.job.at(rest), &headers, "").await? {
            Answer::Stream(reading) => {
                self.stage.line(Line::new(process, Kind::Ok, action));
                Ok(Some((process, *reading)))
            }
            Answer::Reply(reply) => {
                self.stage.complete(process, action, Ok(&reply));
                Ok(None)
            }
        }
    }

    /// Reads a stream to its end and beyond.
    fn read_to_end(self: &Arc<Self>, stream: String, process: i64, mut reading: Reading) -> JoinHandle<()> {
        let scene = Arc::clone(self);
        tokio::spawn(async move {
            let over = loop {
                match reading.next().await {
                    Ok(message) => scene.stage.received(process, &stream, &message),
                    Err(over) => break over,
                }
            };
            // A connection that broke off shows nothing of what was owed after it, which a history cannot say of a stream;
            // on loopback, with both sides alive, it is the service that broke it.
            let _whichever: Over = over;
            scene.stage.line(Line::new(process, Kind::Ok, Action::Drained { stream }));
        })
    }

    /// Reads some events, leaves, and comes back with the last one's cursor.
    async fn leave_and_resume(self: &Arc<Self>, first: &str, some: usize) -> Result<Option<JoinHandle<()>>, Trouble> {
        let Some((process, mut reading)) = self.subscribe(first, Since::Start, None).await? else { return Ok(None) };
        let mut last = None;
        for _ in 0..some {
            let Ok(message) = reading.next().await else { break };
            self.stage.received(process, first, &message);
            last = self.stage.token(&message).map(|(token, _)| (token, message.last_event_id.clone()));
        }
        let leave = Action::Unsubscribe { stream: first.into() };
        self.stage.invoke(process, &leave);
        drop(reading);
        self.stage.line(Line::new(process, Kind::Ok, leave));
        let Some((token, cursor)) = last else { return Ok(None) };
        let again = format!("{first}-resumed");
        let resumed = self.subscribe(&again, Since::After(token), Some(&cursor)).await?;
        Ok(resumed.map(|(process, reading)| self.read_to_end(again, process, reading)))
    }

    /// Closes the job, by one of the ways there are.
    async fn close(&self, outcome: Outcome) -> Result<(), Trouble> {
        let process = self.stage.process();
        let close = Action::Close { job: self.name.clone(), life: None, outcome: Some(outcome) };
        self.stage.invoke(process, &close);
        let answer = match outcome {
            Outcome::Cancelled => self.stage.talk.of(&self.job, "DELETE", "", "").await,
            _ => self.stage.talk.of(&self.job, "POST", "/close", &json!({ "outcome": outcome }).to_string()).await,
        };
        let answer = answer.and_then(|answer| answer.reply("a close"));
        self.stage.complete(process, close, answer.as_ref().map_err(drop));
        answer.map(drop)
    }
}

fn created(name: &str) -> String {
    format!("{name}-created")
}

impl Stage {
    /// Which event a message is; `None` if it is none.
    fn token(&self, message: &Message) -> Option<Recorded> {
        if !matches!(message.event.as_str(), "narration" | "data") {
            return None;
        }
        let data: Value = serde_json::from_str(&message.data).unwrap_or(Value::Null);
        let human = data["human"].as_str().unwrap_or_default();
        if data["actor"] == "service" && data["action"] == "job_create" {
            return Some((created(data["correlation_id"].as_str().unwrap_or("nobody")), None));
        }
        let token = human.split(' ').next().filter(|token| !token.is_empty()).unwrap_or("unreadable");
        Some((token.to_owned(), Some(digest(human, &data["payload"]))))
    }

    fn received(&self, process: i64, stream: &str, message: &Message) {
        let number = |text: &str, key: &str| serde_json::from_str::<Value>(text).ok().and_then(|v| v[key].as_u64());
        let what = match (message.event.as_str(), self.token(message)) {
            (_, Some((event, digest))) => {
                if serde_json::from_str::<Value>(&message.data).is_ok_and(|data| data["actor"] == "service")
                    && digest.is_some()
                {
                    return self.received_of_system(process, stream, event);
                }
                Delivered::Event { event, digest }
            }
            ("lagged", None) => Delivered::Lagged(number(&message.data, "lagged").unwrap_or(0).max(1)),
            ("done", None) => {
                let data: Value = serde_json::from_str(&message.data).unwrap_or(Value::Null);
                Delivered::End(serde_json::from_value(data["outcome"].clone()).ok())
            }
            ("stopped", None) => Delivered::Stopped(message.data.clone()),
            // A frame that nobody may send: an event that nobody emitted.
            (kind, None) => Delivered::Event { event: format!("a-{kind}"), digest: None },
        };
        self.line(Line::new(process, Kind::Ok, Action::Receive { stream: stream.into(), what }));
    }

    /// The service spoke, and not to this job: the system's narration.
    fn received_of_system(&self, process: i64, stream: &str, event: String) {
        let (emitter, event) = (self.process(), format!("system-{}-{event}", self.process()));
        let emit = Action::Emit { job: None, life: None, event: event.clone(), digest: None };
        self.invoke(emitter, &emit);
        self.line(Line::new(emitter, Kind::Ok, emit));
        let what = Delivered::Event { event, digest: None };
        self.line(Line::new(process, Kind::Ok, Action::Receive { stream: stream.into(), what }));
    }
}

/// Everything that is done to one job.
async fn play(stage: Arc<Stage>, at: usize, outcome: Outcome, mut random: SplitMix) -> Result<(), Trouble> {
    let floods = at == 0;
    let scene = Arc::new(Scene::open(stage, at).await?);
    let each = if floods { scene.stage.retain_events } else { 3 + random.next() % 6 };
    let mut readers = Vec::new();
    let named = |what: &str| format!("{}-{what}", scene.name);

    for what in ["first", "second"] {
        if let Some((process, reading)) = scene.subscribe(&named(what), Since::Start, None).await? {
            readers.push(scene.read_to_end(named(what), process, reading));
        }
    }
    let emitters = [scene.emitter("p", each), scene.emitter("q", each)];
    let resumed = scene.leave_and_resume(&named("leaver"), 1 + (random.next() % 3) as usize).await?;
    readers.extend(resumed);
    if let Some((process, reading)) = scene.subscribe(&named("now"), Since::Now, None).await? {
        readers.push(scene.read_to_end(named("now"), process, reading));
    }
    for emitter in emitters {
        done(emitter).await??;
    }
    // By now the flood has gone beyond what is retained: this one begins with a marker of loss.
    if let Some((process, reading)) = scene.subscribe(&named("late"), Since::Start, None).await? {
        readers.push(scene.read_to_end(named("late"), process, reading));
    }
    let straggler = scene.emitter("z", 3);
    scene.close(outcome).await?;
    done(straggler).await??;
    let mut process = scene.stage.process();
    let after = format!("{}-after", scene.name);
    scene.stage.emit(&mut process, &scene.name, &scene.job, &after).await?;
    if let Some((process, reading)) = scene.subscribe(&named("closed"), Since::Start, None).await? {
        readers.push(scene.read_to_end(named("closed"), process, reading));
    }
    // A job that never was, with a capability of one that is: its name stands for nothing.
    let nobody = Job { id: format!("job-{:032x}", random.next()), ..scene.job.clone() };
    let (name, token) = (format!("{}-nobody", scene.name), format!("{}-astray", scene.name));
    scene.stage.emit(&mut process, &name, &nobody, &token).await?;
    for reader in readers {
        done(reader).await?;
    }
    Ok(())
}

async fn done<T>(task: JoinHandle<T>) -> Result<T, Trouble> {
    task.await.or_else(|error| never(format!("a task of the prober did not end: {error}")))
}

/// The operators' stream, for as long as it is left alone: what names a job's event is recorded, the rest counted.
async fn watch_system(stage: Arc<Stage>, read: Arc<AtomicI64>) -> Result<(), Trouble> {
    let (process, stream) = (stage.process(), format!("r{}-system", stage.round));
    let subscribe = Action::Subscribe { job: None, life: None, stream: stream.clone(), since: Since::Now };
    stage.invoke(process, &subscribe);
    let authority = bearer(&stage.talk.operator);
    let asked = stage.talk.ask("GET", "/v1/system/events", &[("authorization", authority.as_str())], "").await?;
    let mut reading = asked.stream("the system's stream")?;
    stage.line(Line::new(process, Kind::Ok, subscribe));
    while let Ok(message) = reading.next().await {
        read.fetch_add(1, Ordering::Relaxed);
        let recorded = stage.token(&message).filter(|(token, _)| token.starts_with(&format!("r{}-", stage.round)));
        if let Some((event, digest)) = recorded {
            let what = Delivered::Event { event, digest };
            stage.line(Line::new(process, Kind::Ok, Action::Receive { stream: stream.clone(), what }));
        }
    }
    Ok(())
}

/// One round: its history, and how many events the operators' stream had.
async fn round(talk: &Talk, notes: &Notes, at: u64) -> Result<(History, u64), Trouble> {
    let mut random = SplitMix(notes.seed.wrapping_add(at));
    let stage = Arc::new(Stage {
        talk: talk.clone(),
        round: at,
        retain_events: notes.retain_events,
        lines: Mutex::default(),
        processes: AtomicI64::new(0),
    });
    let read = Arc::new(AtomicI64::new(0));
    let system = tokio::spawn(watch_system(Arc::clone(&stage), Arc::clone(&read)));
    let outcomes = [Outcome::Completed, Outcome::Cancelled, Outcome::Failed];
    let jobs: Vec<_> = (0..JOBS)
        .map(|job| {
            let outcome = outcomes[(job + at as usize) % outcomes.len()];
            tokio::spawn(play(Arc::clone(&stage), job, outcome, SplitMix(random.next())))
        })
        .collect();
    let mut played = Ok(());
    for job in jobs {
        played = played.and(done(job).await.and_then(|played| played));
    }
    system.abort();
    if let Ok(Err(trouble)) = system.await {
        return Err(trouble);
    }
    played?;
    let lines = std::mem::take(&mut *stage.lines.lock().unwrap_or_else(PoisonError::into_inner));
    Ok((lines, u64::try_from(read.load(Ordering::Relaxed)).unwrap_or(0)))
}

/// How often what must happen did.
fn reached(history: &History) -> Vec<(&'static str, u64)> {
    let count = |wanted: &dyn Fn(&Line) -> bool| history.iter().filter(|line| wanted(line)).count() as u64;
    let is_emit = |line: &Line| matches!(line.action, Action::Emit { .. });
    let refused = |line: &Line, reason: Reason| line.kind == Kind::Fail && line.reason.as_ref() == Some(&reason);
    let ended = |line: &Line, how: Outcome| matches!(&line.action, Action::Receive { what: Delivered::End(Some(outcome)), .. } if *outcome == how);
    let received = |line: &Line| matches!(line.action, Action::Receive { what: Delivered::Event { .. }, .. });
    let lost = |line: &Line| matches!(line.action, Action::Receive { what: Delivered::Lagged(_), .. });
    let resumed =
        |line: &Line| matches!(line.action, Action::Subscribe { since: Since::After(_), .. }) && line.kind == Kind::Ok;
    vec![
        ("events_delivered", count(&received)),
        ("refused_after_close", count(&|line| is_emit(line) && refused(line, Reason::Closed))),
        ("refused_of_no_job", count(&|line| is_emit(line) && refused(line, Reason::Unknown))),
        ("emits_accepted", count(&|line| is_emit(line) && line.kind == Kind::Ok)),
        ("markers_of_loss", count(&lost)),
        ("streams_resumed", count(&resumed)),
        ("ends_completed", count(&|line| ended(line, Outcome::Completed))),
        ("ends_cancelled", count(&|line| ended(line, Outcome::Cancelled))),
        ("ends_failed", count(&|line| ended(line, Outcome::Failed))),
    ]
}

pub(super) async fn examine(talk: &Talk, notes: &mut Notes) -> Result<(), Trouble> {
    for at in 0..notes.rounds {
        let (history, system_events) = round(talk, notes, at).await?;
        let findings = checker::check(&history);
        let mut happened = reached(&history);
        happened.push(("system_events_read", system_events));
        happened.push(("rounds_of_overlapping_jobs", u64::from(findings.verdict != Status::Vacuous)));
        for (guarantee, premises) in JUDGES {
            *notes.examined.checks.entry(guarantee).or_default() += 1;
            for (premise, times) in happened.iter().filter(|(premise, _)| premises.contains(premise)) {
                notes.reached(guarantee, premise, *times);
            }
            if let Some(finding) = findings.findings.iter().find(|finding| finding.guarantee == guarantee) {
                let evidence = history.iter().map(Line::to_json).collect();
                let message = finding.message.clone();
                notes.breach(Breach { guarantee, message, evidence, is_history: true });
            }
        }
    }
    stalls::examine(talk, notes).await
}
