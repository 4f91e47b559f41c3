//! A result inside an event.

use super::text;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;
use std::fmt::{self, Write};

/// A value for programs, beside the sentence for people: any JSON, on one line, without a character that steers.
///
/// What comes as a text stays that text, but for white space between its parts and for steering characters, which are
/// escaped: no number is rounded, no key moved or dropped.
///
/// ```
/// use narrowcast::narration::Payload;
/// let payload = Payload::new(&serde_json::json!({"rows": 3, "note": "two\nlines\u{2028}"}));
/// assert_eq!(payload.as_json(), r#"{"note":"two\nlines\u2028","rows":3}"#);
/// assert_eq!(payload.value()["rows"], 3);
/// let exact: Payload = serde_json::from_str(r#"{ "z": 12345678901234567890123, "a": -0.10 }"#).unwrap();
/// assert_eq!(exact.as_json(), r#"{"z":12345678901234567890123,"a":-0.10}"#);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Payload(Box<str>);

/// A JSON text on one line, with every steering character escaped.
fn plain(json: &str) -> Box<str> {
    let mut plain = String::with_capacity(json.len() + 16);
    let (mut in_string, mut escaped) = (false, false);
    for character in json.chars() {
        if !in_string && matches!(character, ' ' | '\t' | '\r' | '\n') {
            continue;
        }
        // A string has no end within an escape.
        let ends_or_begins = character == '"' && !escaped;
        escaped = in_string && character == '\\' && !escaped;
        in_string ^= ends_or_begins;
        // Only inside of strings has JSON such a character, and there this is its escape.
        match text::is_steering(character) {
            true => write!(plain, "\\u{:04x}", u32::from(character)).expect("a String takes all that is written"),
            false => plain.push(character),
        }
    }
    plain.into()
}

impl Payload {
    /// The payload that says this value.
    pub fn new(value: &Value) -> Payload {
        Payload(plain(&value.to_string()))
    }

    /// One line of JSON.
    pub fn as_json(&self) -> &str {
        &self.0
    }

    /// The value, as far as [`Value`] can say it: it rounds numbers that no machine has, and knows each key once.
    pub fn value(&self) -> Value {
        // A number like 1e400 is JSON, and more than a `Value` holds.
        serde_json::from_str(&self.0).unwrap_or(Value::Null)
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Payload").field(&self.0).finish()
    }
}

impl Serialize for Payload {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_str(&self.0).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

/// From JSON only.
impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Payload, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Ok(Payload(plain(raw.get())))
    }
}
