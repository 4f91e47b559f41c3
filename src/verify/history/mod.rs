//! Histories: what was asked of a router, what it answered, and what its streams delivered.
//!
//! A [`History`] is the only thing that the judges ([`oracle`](super::oracle), [`checker`](super::checker)) ever see.
//! Its shape is Jepsen's, so that a recorder in any language can write one; the wire form `narrowcast.history/v1`
//! (JSON Lines, one object a line) is fixed in `docs/history.md`, together with the rules by which it is judged.
//!
//! This file is plain data and its JSON form. It imports nothing of ours: the judge is independent of the router, and
//! `tests/independence.rs` compiles these files alone to prove it.

pub mod validator;

use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

/// The name of a job, as the caller chose it. Many incarnations may bear one name.
pub type JobName = String;
/// The name of one event, unique within a history.
pub type Token = String;
/// The name of one stream, unique within a history.
pub type StreamId = String;

/// One line of a history.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Line {
    /// Who acts. A process has at most one operation open at a time; G5 takes each process for one emitter.
    pub process: i64,
    /// Whether an operation begins here or how it ended.
    pub kind: Kind,
    /// The operation, or the observation. On a completion that omitted its value this is the invoke line's.
    pub action: Action,
    /// Why an `emit` or a `subscribe` was refused; only on a `fail`.
    pub reason: Option<Reason>,
    /// What the caller was shown besides: the position or id of what was delivered, the words of a refusal.
    ///
    /// An extension of the contract. One history says nothing about what such words may be, so the judges of histories
    /// pass over it; noninterference (G8) compares it between runs.
    pub shown: Option<String>,
}

/// The `type` of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// An operation begins. Written before the call starts.
    Invoke,
    /// It took effect, at one instant since its invoke. Written after the call returned.
    Ok,
    /// It had no effect, and never will.
    Fail,
    /// Unknown: it may take effect at any later time, or never.
    Info,
}

/// Why an operation was refused, as far as the judge has to know.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reason {
    /// No such job.
    Unknown,
    /// The job is over.
    Closed,
    /// A limit of this job or of this one event, stated beforehand.
    Limit,
    /// The caller lacks the right.
    Forbidden,
    /// Some other word.
    #[serde(untagged)]
    Other(String),
}

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It did what it was asked to.
    Completed,
    /// It could not.
    Failed,
    /// Somebody with the right to it stopped it.
    Cancelled,
    /// Its owner went away without a word.
    Abandoned,
}

/// Where a new stream starts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Since {
    /// At an instant within the subscribe's own interval.
    Now,
    /// At the job's create: everything, what was evicted by a lag marker.
    Start,
    /// Just after this event.
    After(Token),
}

/// What a line says was done or seen (`f` and `value`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Action {
    /// Open a job; after a close, a new incarnation of it.
    Create {
        /// Its name.
        job: JobName,
        /// A label for the handle that this create returns; see [`Line::life`].
        life: Option<String>,
    },
    /// Narrate an event; to the system where `job` is `None`.
    Emit {
        /// To whom.
        job: Option<JobName>,
        /// Through the handle of which create, if through a handle.
        life: Option<String>,
        /// Which event.
        event: Token,
        /// A digest of its bytes.
        digest: Option<String>,
    },
    /// Open a stream; the system's where `job` is `None`.
    Subscribe {
        /// Of whom.
        job: Option<JobName>,
        /// Through the handle of which create, if through a handle.
        life: Option<String>,
        /// Which stream.
        stream: StreamId,
        /// From where on.
        since: Since,
    },
    /// What a stream delivered. A single `ok` line, no operation.
    Receive {
        /// Which stream.
        stream: StreamId,
        /// What it delivered.
        what: Delivered,
    },
    /// The reader leaves.
    Unsubscribe {
        /// Which stream.
        stream: StreamId,
    },
    /// The job is over.
    Close {
        /// Which job.
        job: JobName,
        /// Through the handle of which create, if through a handle.
        life: Option<String>,
        /// How it ended, if the closer said.
        outcome: Option<Outcome>,
    },
    /// All that had taken effect before this line and was owed has come. A single `ok` line, no operation.
    Drained {
        /// Which stream.
        stream: StreamId,
    },
    /// How many jobs the router said it still holds something of. A single `ok` line, no operation: it was asked after
    /// the line before this one was written. What only the callers' own handles keep alive does not count.
    Retained {
        /// So many.
        jobs: u32,
    },
    /// The stated linger limit of this name's closed lives (in time, or in number) is about to pass: from here on they
    /// may have been given up unread. A single `ok` line, no operation.
    Expired {
        /// Whose.
        job: JobName,
    },
}

/// What one `receive` line carries: exactly one of the four.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Delivered {
    /// An event.
    Event {
        /// Which.
        event: Token,
        /// A digest of the bytes as they came.
        digest: Option<String>,
    },
    /// So many events were skipped here; at least one.
    Lagged(u64),
    /// The job is over; nothing follows.
    End(Option<Outcome>),
    /// The stream was stopped from outside (`revoked`, `expired`, `shutdown`, `lagging`, ...); no end.
    Stopped(String),
}

/// A recorded run: lines in the order in which they were written.
pub type History = Vec<Line>;

impl Action {
    /// The contract's word for this action (`f`).
    pub fn f(&self) -> &'static str {
        match self {
            Action::Create { .. } => "create",
            Action::Emit { .. } => "emit",
            Action::Subscribe { .. } => "subscribe",
            Action::Receive { .. } => "receive",
            Action::Unsubscribe { .. } => "unsubscribe",
            Action::Close { .. } => "close",
            Action::Drained { .. } => "drained",
            Action::Retained { .. } => "retained",
            Action::Expired { .. } => "expired",
        }
    }

    /// Whether this is an operation (invoke and completion) rather than an observation (one `ok` line).
    pub fn is_operation(&self) -> bool {
        use Action::{Drained, Expired, Receive, Retained};
        !matches!(self, Receive { .. } | Drained { .. } | Retained { .. } | Expired { .. })
    }
}

impl Line {
    /// A line without a reason.
    pub fn new(process: i64, kind: Kind, action: Action) -> Self {
        Line { process, kind, action, reason: None, shown: None }
    }

    /// The label of the create through whose handle this operation went, if its recorder says so.
    ///
    /// An extension of the contract: names alone cannot tell a straggler of an old incarnation from a lawful actor of
    /// the new one. An operation with a label belongs to the incarnation that the create of that label opened, or
    /// found open, and to no other.
    pub fn life(&self) -> Option<&str> {
        match &self.action {
            Action::Create { life, .. }
            | Action::Emit { life, .. }
            | Action::Subscribe { life, .. }
            | Action::Close { life, .. } => life.as_deref(),
            _ => None,
        }
    }
}

/// Why a text is no history. Not a verdict: a malformed history says nothing about its router.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: String,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.why)
    }
}

impl std::error::Error for Malformed {}

// === the wire form ===

/// A line as it stands in a file. Unknown keys are ignored, so that recorders may add their own.
#[derive(Deserialize)]
struct WireLine<'a> {
    process: i64,
    #[serde(rename = "type")]
    kind: Kind,
    f: F,
    #[serde(borrow, default, deserialize_with = "object")]
    value: Option<WireValue<'a>>,
    #[serde(default)]
    reason: Option<Reason>,
    #[serde(borrow, default)]
    shown: Option<Text<'a>>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum F {
    Create,
    Emit,
    Subscribe,
    Receive,
    Unsubscribe,
    Close,
    Drained,
    Retained,
    Expired,
}

/// Every key that some value may carry. Which of them belong is decided by `f`; see [`WireValue::action`].
#[derive(Deserialize)]
struct WireValue<'a> {
    // `Some(None)` is an explicit null (the system); `None` is an absent key.
    #[serde(borrow, default, deserialize_with = "present")]
    job: Option<Option<Text<'a>>>,
    #[serde(borrow, default)]
    life: Option<Text<'a>>,
    #[serde(borrow, default)]
    event: Option<Text<'a>>,
    #[serde(borrow, default)]
    digest: Option<Text<'a>>,
    #[serde(borrow, default)]
    stream: Option<Text<'a>>,
    #[serde(default)]
    from: Option<From>,
    #[serde(borrow, default)]
    resume: Option<Text<'a>>,
    #[serde(default)]
    lagged: Option<u64>,
    #[serde(default)]
    end: Option<bool>,
    #[serde(default)]
    stopped: Option<String>,
    #[serde(default)]
    outcome: Option<Outcome>,
    #[serde(default)]
    jobs: Option<u32>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum From {
    Now,
    Start,
}

/// A string as it stands in the line, unless it has escapes (what serde derives for a `Cow` in an `Option` would copy).
struct Text<'a>(Cow<'a, str>);

impl Text<'_> {
    fn own(self) -> String {
        self.0.into_owned()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Borrowed;

        impl<'de> serde::de::Visitor<'de> for Borrowed {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_str(Borrowed)
    }
}

fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// Reads an object (or null) and nothing else: what serde derives for a struct would take an array of its fields too.
fn object<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct Object<T>(std::marker::PhantomData<T>);

    impl<'de, T: Deserialize<'de>> serde::de::Visitor<'de> for Object<T> {
        type Value = Option<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
            T::deserialize(serde::de::value::MapAccessDeserializer::new(map)).map(Some)
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
    }

    deserializer.deserialize_any(Object(std::marker::PhantomData))
}

/// What one line of text says: nothing (it is blank), or an action whose value may have been left out.
pub struct Parsed {
    /// Who acts.
    pub process: i64,
    /// Begin or end.
    pub kind: Kind,
    /// The contract's word for the action.
    pub f: &'static str,
    /// The action, unless the line is a completion without a value.
    pub action: Option<Action>,
    /// Why it was refused.
    pub reason: Option<Reason>,
    /// What the caller was shown besides.
    pub shown: Option<String>,
}

/// Parses one line of text; `Ok(None)` for a blank one.
///
/// # Errors
/// A sentence that says what is wrong with the line on its own: bad JSON, an unknown `f` or `type`, a key of the wrong
/// type, a missing key, two kinds in one receive. What is wrong *between* lines (a completion without an invoke, a
/// reused token) is for the [`validator`] to say.
pub fn parse_line(text: &str) -> Result<Option<Parsed>, String> {
    let Some(wire) = WireLine::parse(text)? else { return Ok(None) };
    let action = wire.value.map(|value| value.action(wire.f)).transpose()?;
    let shown = wire.shown.map(Text::own);
    Ok(Some(Parsed { process: wire.process, kind: wire.kind, f: wire.f.word(), action, reason: wire.reason, shown }))
}

impl F {
    /// The contract's word.
    fn word(self) -> &'static str {
        match self {
            F::Create => "create",
            F::Emit => "emit",
            F::Subscribe => "subscribe",
            F::Receive => "receive",
            F::Unsubscribe => "unsubscribe",
            F::Close => "close",
            F::Drained => "drained",
            F::Retained => "retained",
            F::Expired => "expired",
        }
    }

    fn is_operation(self) -> bool {
        !matches!(self, F::Receive | F::Drained | F::Retained | F::Expired)
    }
}

impl<'a> WireLine<'a> {
    /// See [`parse_line`]; the value has not been looked at yet.
    fn parse(text: &'a str) -> Result<Option<Self>, String> {
        let text = text.trim_ascii_start();
        if !text.starts_with('{') {
            return if text.trim().is_empty() { Ok(None) } else { Err("not a JSON object".into()) };
        }
        let mut wire: WireLine<'_> = serde_json::from_str(text).map_err(|e| e.to_string())?;
        let f = wire.f.word();
        if !wire.f.is_operation() && wire.kind != Kind::Ok {
            return Err(format!("a {f} is a single line of type ok"));
        }
        if wire.value.is_none() && (wire.kind == Kind::Invoke || !wire.f.is_operation()) {
            return Err(format!("{f}: value is missing"));
        }
        // Jepsen's recorders explain an `info` too; only a refusal's reason means anything here.
        wire.reason = wire.reason.filter(|_| wire.kind == Kind::Fail);
        Ok(Some(wire))
    }
}

/// Writes a text over another one, which keeps its room.
fn overwrite(old: &mut String, text: &Text<'_>) {
    old.clear();
    old.push_str(&text.0);
}

fn overwrite_some(old: &mut Option<String>, text: &Option<Text<'_>>) {
    match (old.as_mut(), text) {
        (Some(old), Some(text)) => overwrite(old, text),
        (_, text) => *old = text.as_ref().map(|text| text.0.to_string()),
    }
}

impl WireValue<'_> {
    /// Writes the action over an earlier one. Of the two that most lines are, nothing is allocated.
    fn write(self, f: F, into: &mut Action) -> Result<(), String> {
        match (f, &self, &mut *into) {
            (
                F::Receive,
                WireValue { stream: Some(id), event: Some(token), lagged: None, end: None, stopped: None, .. },
                Action::Receive { stream, what: Delivered::Event { event, digest } },
            ) => {
                overwrite(stream, id);
                overwrite(event, token);
                overwrite_some(digest, &self.digest);
            }
            (
                F::Emit,
                WireValue { job: Some(Some(name)), event: Some(token), .. },
                Action::Emit { job: Some(job), life, event, digest },
            ) => {
                overwrite(job, name);
                overwrite(event, token);
                overwrite_some(life, &self.life);
                overwrite_some(digest, &self.digest);
            }
            _ => *into = self.action(f)?,
        }
        Ok(())
    }

    /// Whether this is that action; the most frequent one is compared as it stands.
    fn is(self, f: F, action: &Action) -> Result<bool, String> {
        let same = |text: &Option<Text<'_>>, other: &Option<String>| text.as_ref().map(|t| &*t.0) == other.as_deref();
        match (f, &self, action) {
            (
                F::Emit,
                WireValue { job: Some(name), event: Some(token), .. },
                Action::Emit { job, life, event, digest },
            ) => Ok(token.0 == *event && same(name, job) && same(&self.life, life) && same(&self.digest, digest)),
            _ => Ok(self.action(f)? == *action),
        }
    }

    fn action(self, f: F) -> Result<Action, String> {
        let named = |job: Option<Option<Text<'_>>>, what: &str| match job {
            Some(Some(job)) => Ok(job.own()),
            Some(None) => Err(format!("{what}: job must be a string")),
            None => Err(format!("{what}: job is missing")),
        };
        let either = |job: Option<Option<Text<'_>>>, what: &str| match job {
            Some(job) => Ok(job.map(Text::own)),
            None => Err(format!("{what}: job is missing (null names the system)")),
        };
        let stream = |stream: Option<Text<'_>>, what: &str| {
            stream.map(Text::own).ok_or_else(|| format!("{what}: stream is missing"))
        };
        let life = self.life.map(Text::own);
        Ok(match f {
            F::Create => Action::Create { job: named(self.job, "create")?, life },
            F::Close => Action::Close { job: named(self.job, "close")?, life, outcome: self.outcome },
            F::Emit => Action::Emit {
                job: either(self.job, "emit")?,
                life,
                event: self.event.map(Text::own).ok_or("emit: event is missing")?,
                digest: self.digest.map(Text::own),
            },
            F::Subscribe => Action::Subscribe {
                job: either(self.job, "subscribe")?,
                life,
                stream: stream(self.stream, "subscribe")?,
                since: match (self.from, self.resume) {
                    (Some(_), Some(_)) => return Err("subscribe: from and resume exclude each other".into()),
                    (None | Some(From::Now), None) => Since::Now,
                    (Some(From::Start), None) => Since::Start,
                    (None, Some(event)) => Since::After(event.own()),
                },
            },
            F::Unsubscribe => Action::Unsubscribe { stream: stream(self.stream, "unsubscribe")? },
            F::Drained => Action::Drained { stream: stream(self.stream, "drained")? },
            F::Retained => Action::Retained { jobs: self.jobs.ok_or("retained: jobs is missing")? },
            F::Expired => Action::Expired { job: named(self.job, "expired")? },
            F::Receive => {
                let kinds = usize::from(self.event.is_some())
                    + usize::from(self.lagged.is_some())
                    + usize::from(self.end.is_some())
                    + usize::from(self.stopped.is_some());
                if kinds != 1 {
                    return Err(format!(
                        "receive: {kinds} of event, lagged, end and stopped, where exactly one belongs"
                    ));
                }
                let what = if let Some(event) = self.event {
                    Delivered::Event { event: event.own(), digest: self.digest.map(Text::own) }
                } else if let Some(lagged) = self.lagged {
                    if lagged == 0 {
                        return Err("receive: lagged must be at least 1".into());
                    }
                    Delivered::Lagged(lagged)
                } else if let Some(why) = self.stopped {
                    Delivered::Stopped(why)
                } else if self.end == Some(true) {
                    Delivered::End(self.outcome)
                } else {
                    return Err("receive: end must be true".into());
                };
                Action::Receive { stream: stream(self.stream, "receive")?, what }
            }
        })
    }
}

impl Line {
    /// The line as JSON, without a line break.
    pub fn to_json(&self) -> String {
        use serde_json::{Map, Value, json};
        let mut value = Map::new();
        let mut put = |key: &str, v: Value| {
            value.insert(key.to_owned(), v);
        };
        match &self.action {
            Action::Create { job, .. } => put("job", json!(job)),
            Action::Emit { job, event, digest, .. } => {
                put("job", json!(job));
                put("event", json!(event));
                if let Some(digest) = digest {
                    put("digest", json!(digest));
                }
            }
            Action::Subscribe { job, stream, since, .. } => {
                put("job", json!(job));
                put("stream", json!(stream));
                match since {
                    Since::Now => {}
                    Since::Start => put("from", json!("start")),
                    Since::After(event) => put("resume", json!(event)),
                }
            }
            Action::Receive { stream, what } => {
                put("stream", json!(stream));
                match what {
                    Delivered::Event { event, digest } => {
                        put("event", json!(event));
                        if let Some(digest) = digest {
                            put("digest", json!(digest));
                        }
                    }
                    Delivered::Lagged(n) => put("lagged", json!(n)),
                    Delivered::End(outcome) => {
                        put("end", json!(true));
                        if let Some(outcome) = outcome {
                            put("outcome", json!(outcome));
                        }
                    }
                    Delivered::Stopped(why) => put("stopped", json!(why)),
                }
            }
            Action::Unsubscribe { stream } | Action::Drained { stream } => put("stream", json!(stream)),
            Action::Retained { jobs } => put("jobs", json!(jobs)),
            Action::Expired { job } => put("job", json!(job)),
            Action::Close { job, outcome, .. } => {
                put("job", json!(job));
                if let Some(outcome) = outcome {
                    put("outcome", json!(outcome));
                }
            }
        }
        if let Some(life) = self.life() {
            put("life", json!(life));
        }
        let mut line = Map::new();
        line.insert("process".into(), json!(self.process));
        line.insert("type".into(), json!(self.kind));
        line.insert("f".into(), json!(self.action.f()));
        line.insert("value".into(), Value::Object(value));
        if let Some(reason) = &self.reason {
            line.insert("reason".into(), json!(reason));
        }
        if let Some(shown) = &self.shown {
            line.insert("shown".into(), json!(shown));
        }
        Value::Object(line).to_string()
    }
}
