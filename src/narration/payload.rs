//! A result inside an event.

use super::text;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use std::fmt::{self, Write};

/// A value for programs, beside the sentence for people: any JSON, on one line, without a character that steers.
///
/// ```
/// use narrowcast::narration::Payload;
/// let payload = Payload::new(&serde_json::json!({"rows": 3, "note": "two\nlines\u{2028}"}));
/// assert_eq!(payload.as_json(), r#"{"note":"two\nlines\u2028","rows":3}"#);
/// assert_eq!(payload.value()["rows"], 3);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Payload(Box<str>);

impl Payload {
    /// The payload that says this value.
    pub fn new(value: &Value) -> Payload {
        let json = value.to_string();
        if !json.contains(text::is_steering) {
            return Payload(json.into());
        }
        let mut plain = String::with_capacity(json.len() + 16);
        for character in json.chars() {
            // Outside of its strings, JSON as `serde_json` writes it has no such character; inside, this is its escape.
            match text::is_steering(character) {
                true => write!(plain, "\\u{:04x}", u32::from(character)).expect("a String takes all that is written"),
                false => plain.push(character),
            }
        }
        Payload(plain.into())
    }

    /// One line of JSON.
    pub fn as_json(&self) -> &str {
        &self.0
    }

    /// The value.
    pub fn value(&self) -> Value {
        // Every payload was written from a value, so the other arm is never taken.
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
        self.value().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Payload, D::Error> {
        Ok(Payload::new(&Value::deserialize(deserializer)?))
    }
}
