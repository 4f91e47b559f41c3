//! The wire form of an event: one line of JSON.
//!
//! Encoding stands on the emit path of every job, so it is written by hand: no failure to handle, no intermediate
//! value, one pass over each string. A test holds it equal to what `serde_json` makes of the same event, save for the
//! characters that it escapes beyond JSON's duty.

use super::event::{Defect, Event};
use super::label::{Action, Actor};
use super::level::Level;
use super::payload::Payload;
use super::text;
use serde::Deserialize;

/// How the last field begins, if there is one.
pub(super) const PAYLOAD_KEY: &[u8] = b",\"payload\":";

/// Appends `event` to `out`.
pub(super) fn encode(event: &Event, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"actor\":");
    string(event.actor.as_str(), out);
    text_field("action", event.action.as_str(), out);
    text_field("target", &event.target, out);
    text_field("human", &event.human, out);
    if !event.context.is_empty() {
        key("context", out);
        list(&event.context, out, |value, out| string(value, out));
    }
    text_field("level", event.level.as_str(), out);
    if let Some(id) = &event.correlation_id {
        text_field("correlation_id", id, out);
    }
    number_field("duration_ms", event.duration_ms, out);
    if let Some(kind) = &event.error_kind {
        text_field("error_kind", kind, out);
    }
    number_field("sequence", event.sequence, out);
    number_field("emitted_at_ms", event.emitted_at_ms, out);
    if !event.defects.is_empty() {
        key("defects", out);
        list(&event.defects, out, defect);
    }
    if let Some(payload) = &event.payload {
        out.extend_from_slice(PAYLOAD_KEY);
        out.extend_from_slice(payload.as_json().as_bytes());
    }
    out.push(b'}');
}

fn key(name: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

fn text_field(name: &str, value: &str, out: &mut Vec<u8>) {
    key(name, out);
    string(value, out);
}

fn number_field(name: &str, value: Option<u64>, out: &mut Vec<u8>) {
    if let Some(value) = value {
        key(name, out);
        out.extend_from_slice(value.to_string().as_bytes());
    }
}

fn list<T>(items: &[T], out: &mut Vec<u8>, item: impl Fn(&T, &mut Vec<u8>)) {
    for (index, value) in items.iter().enumerate() {
        out.push(if index == 0 { b'[' } else { b',' });
        item(value, out);
    }
    out.push(b']');
}

fn defect(defect: &Defect, out: &mut Vec<u8>) {
    let (kind, of) = match defect {
        Defect::MissingValue(of) => ("missing_value", of),
        Defect::UnreadablePlaceholder(of) => ("unreadable_placeholder", of),
        Defect::UnfinishedValue(of) => ("unfinished_value", of),
        Defect::UnfitAction(of) => ("unfit_action", of),
    };
    out.extend_from_slice(b"{\"kind\":");
    string(kind, out);
    text_field("of", of, out);
    out.push(b'}');
}

/// A JSON string. Beyond what JSON demands, every steering character is escaped (line and paragraph separators, C1,
/// DEL, bidi controls, the byte order mark), so that no consumer of the line splits, reorders or strips it.
fn string(value: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut plain_from = 0;
    for (at, character) in value.char_indices() {
        if !matches!(character, '"' | '\\') && !text::is_steering(character) {
            continue;
        }
        out.extend_from_slice(&value.as_bytes()[plain_from..at]);
        plain_from = at + character.len_utf8();
        match character {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\r' => out.extend_from_slice(b"\\r"),
            '\t' => out.extend_from_slice(b"\\t"),
            // No steering character lies beyond U+FFFF, so four digits do.
            other => out.extend_from_slice(format!("\\u{:04x}", u32::from(other)).as_bytes()),
        }
    }
    out.extend_from_slice(&value.as_bytes()[plain_from..]);
    out.push(b'"');
}

/// An event as it comes in, before what is absent gets its default.
#[derive(Deserialize)]
pub(super) struct Received {
    actor: Actor,
    action: Action,
    target: Option<String>,
    human: String,
    #[serde(default)]
    context: Vec<String>,
    #[serde(default)]
    level: Level,
    correlation_id: Option<String>,
    duration_ms: Option<u64>,
    error_kind: Option<String>,
    sequence: Option<u64>,
    emitted_at_ms: Option<u64>,
    #[serde(default)]
    defects: Vec<Defect>,
    #[serde(default, deserialize_with = "given")]
    payload: Option<Payload>,
}

/// A payload that is `null` is one all the same.
fn given<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Payload>, D::Error> {
    Payload::deserialize(deserializer).map(Some)
}

impl From<Received> for Event {
    fn from(received: Received) -> Event {
        let mut event = Event::new(received.actor, received.action, received.human);
        if let Some(target) = received.target {
            event.target = target;
        }
        event.context = received.context;
        event.level = received.level;
        event.correlation_id = received.correlation_id;
        event.duration_ms = received.duration_ms;
        event.error_kind = received.error_kind;
        event.sequence = received.sequence;
        event.emitted_at_ms = received.emitted_at_ms;
        event.defects = received.defects;
        event.payload = received.payload;
        event
    }
}
