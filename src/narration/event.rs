//! One narration.

use super::label::{Action, Actor};
use super::level::Level;
use super::payload::Payload;
use super::{text, wire};
use serde::{Deserialize, Serialize};
use std::fmt;

/// One narration: who says what, and about what. It does not say whose it is: that is known from the channel it came
/// through, and only from there.
///
/// # Wire form
///
/// One JSON object on one line of UTF-8, without control characters ([`encode`](Event::encode),
/// [`decode`](Event::decode)). The fields keep the names below, in this order; fields may be added, and unknown ones
/// are ignored. [`Serialize`] and [`Deserialize`] have the same fields.
///
/// | field | type | when absent |
/// |---|---|---|
/// | `actor` | string, 1 to 10 characters | never |
/// | `action` | string, 1 to 15 characters | never |
/// | `target` | string | the action |
/// | `human` | string | never |
/// | `context` | array of strings | empty |
/// | `level` | `error`, `warn`, `info`, `debug`, `trace` | `info` |
/// | `correlation_id` | string | none was given |
/// | `duration_ms` | integer | none was given |
/// | `error_kind` | string | none was given |
/// | `sequence` | integer | the emitter does not number its events |
/// | `emitted_at_ms` | integer, milliseconds since 1970 | no clock was at hand |
/// | `defects` | array of `{"kind":..,"of":..}`, see [`Defect`] | empty: nothing is amiss |
/// | `payload` | any JSON, for programs | the event is for people only |
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "wire::Received")]
#[non_exhaustive]
pub struct Event {
    /// Who speaks.
    pub actor: Actor,
    /// What it is doing.
    pub action: Action,
    /// What is acted upon. Defaults to the action, as in the seed.
    pub target: String,
    /// The sentence for people, with the values already in it.
    pub human: String,
    /// The values, in the order in which they were given, also those that the sentence does not use.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub context: Vec<String>,
    /// How much it matters.
    pub level: Level,
    /// What ties events of one request together across programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// How long the action took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// Which kind of error this tells of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_kind: Option<String>,
    /// The number that the emitter gave to this event, counted within its job and incarnation: a number drawn from
    /// a wider counter would tell readers how busy other jobs are (G8).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// When it was emitted. This room has no clock; the router passes the time in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub emitted_at_ms: Option<u64>,
    /// What was wrong with the call that made this event. Each defect is visible in the text as well.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub defects: Vec<Defect>,
    /// A value for programs. What carries one is called a result, and is served as `data` instead of `narration`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<Payload>,
}

impl Event {
    /// An event with nothing but its sentence: level info, the target being the action.
    pub fn new(actor: Actor, action: Action, human: impl Into<String>) -> Event {
        Event {
            actor,
            action,
            target: action.as_str().to_owned(),
            human: human.into(),
            context: Vec::new(),
            level: Level::default(),
            correlation_id: None,
            duration_ms: None,
            error_kind: None,
            sequence: None,
            emitted_at_ms: None,
            defects: Vec::new(),
            payload: None,
        }
    }

    /// Appends the wire form to `out`, without a line break.
    pub fn encode(&self, out: &mut Vec<u8>) {
        wire::encode(self, out);
    }

    /// Whether these bytes, an event in its wire form as [`encode`](Event::encode) writes it, carry a payload. Costs
    /// one search and no parsing.
    pub fn carries_payload(bytes: &[u8]) -> bool {
        // A quote inside a string is escaped, so these bytes can only be a key; and the first such key is the event's
        // own, since nothing before it holds objects with a key of this name.
        bytes.windows(wire::PAYLOAD_KEY.len()).any(|window| window == wire::PAYLOAD_KEY)
    }

    /// Reads the wire form of exactly one event.
    ///
    /// # Errors
    ///
    /// [`Malformed`] if the bytes are anything else.
    pub fn decode(bytes: &[u8]) -> Result<Event, Malformed> {
        Ok(serde_json::from_slice(bytes)?)
    }
}

/// The one [text format](text), without a line break.
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        text::line(self.actor, self.action, &self.human).fmt(f)
    }
}

/// A slip in the call that made an event. The event is emitted all the same, since a slip in the wording must not
/// silence a job; it is marked in the text with a `?`, or left in it as written, and listed here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "of", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Defect {
    /// The sentence asks for a value that was not given; holds its number, from 0. The text shows `{3?}`.
    MissingValue(String),
    /// A brace that belongs to no `{}`, `{N}`, `{{` or `}}`; holds what was read, such as `{name}`. The text shows it
    /// as written.
    UnreadablePlaceholder(String),
    /// A value whose `Display` gave up; holds its number, from 0. What it wrote until then is kept, followed by `?`.
    UnfinishedValue(String),
    /// The action is no label; holds it in full. The text shows it [fitted](super::Label::fitted).
    UnfitAction(String),
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Defect::MissingValue(index) => {
                write!(f, "the text asks for value {index} (counted from 0), which was not given; add a context")
            }
            Defect::UnreadablePlaceholder(written) => {
                write!(f, "`{}` is no placeholder; write {{}}, {{0}}, or a doubled brace", text::escaped(written))
            }
            Defect::UnfinishedValue(index) => {
                write!(f, "value {index} (counted from 0) failed to print itself; mend its Display")
            }
            Defect::UnfitAction(action) => {
                let limit = Action::MAX_CHARACTERS;
                write!(f, "`{}` is no action; use 1 to {limit} printable ASCII characters", text::escaped(action))
            }
        }
    }
}

/// The bytes are not one event in its wire form.
#[derive(Debug, thiserror::Error)]
#[error("not an event: {0}; expected one JSON object with the fields of narrowcast's Event")]
pub struct Malformed(#[from] serde_json::Error);
