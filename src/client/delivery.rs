//! What a watch yields.

use super::error::{Error, Lost};
use crate::narration::{Event, Malformed, Outcome};
use crate::sink::sse::Message;
use serde::Deserialize;
use std::fmt;
use std::time::Duration;

/// One value of a [`Watch`](super::Watch): what the server delivered, or how the connection fares.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Update {
    /// Something that the server delivered.
    Delivery(Delivery),
    /// The connection is lost, or was not to be had. The watch waits for `after`, then connects again.
    Reconnecting {
        /// How long it waits.
        after: Duration,
        /// What was amiss.
        lost: Lost,
    },
    /// There is a connection again, and what follows comes after `position`. Without a position the server had given
    /// none: what follows begins wherever the server begins, so that events may come again, or be missing.
    Resumed {
        /// The `Last-Event-ID` that was sent.
        position: Option<String>,
    },
}

/// What a server delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Delivery {
    /// An event for people.
    Narration(Received),
    /// An event with a result for programs in it.
    Data(Received),
    /// Exactly so many events were evicted before this stream came to them.
    Lagged(u64),
    /// The stream is over, the job may not be. Nothing follows.
    Stopped(Stop),
    /// The job is over, and everything was delivered. Nothing follows.
    Done(Outcome),
    /// A kind of event that this version does not know.
    Other {
        /// Its type.
        event: String,
        /// What it says.
        data: String,
    },
}

/// An event, as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    json: String,
    position: String,
}

impl Received {
    /// The event's wire form, byte for byte: one line of JSON.
    pub fn as_json(&self) -> &str {
        &self.json
    }

    /// Its position, if the server gives any: [`resume_after`](super::Client::resume_after) it, a watch yields what
    /// follows.
    pub fn position(&self) -> Option<&str> {
        Some(self.position.as_str()).filter(|position| !position.is_empty())
    }

    /// The event, read from its bytes.
    ///
    /// # Errors
    /// [`Malformed`] if they are none. The stream is not at fault: a later event may be one.
    pub fn decode(&self) -> Result<Event, Malformed> {
        Event::decode(self.json.as_bytes())
    }
}

/// Why a stream was stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stop {
    /// The capability was taken back.
    Revoked,
    /// The capability's time is over.
    Expired,
    /// The server shuts down.
    Shutdown,
    /// This reader was too slow for a server that disconnects slow readers.
    Lagging,
    /// A reason that this version does not know, in the server's words.
    Other(String),
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stop::Revoked => f.pad("revoked"),
            Stop::Expired => f.pad("expired"),
            Stop::Shutdown => f.pad("shutdown"),
            Stop::Lagging => f.pad("lagging"),
            Stop::Other(reason) => crate::narration::text::escaped(reason).fmt(f),
        }
    }
}

impl Delivery {
    /// Whether nothing follows.
    pub(super) fn is_last(&self) -> bool {
        matches!(self, Delivery::Stopped(_) | Delivery::Done(_))
    }

    /// What a message says.
    pub(super) fn read(message: Message) -> Result<Delivery, Error> {
        #[derive(Deserialize)]
        struct Lagged {
            lagged: std::num::NonZeroU64,
        }
        #[derive(Deserialize)]
        struct Stopped {
            reason: String,
        }
        #[derive(Deserialize)]
        struct Done {
            outcome: Outcome,
        }
        let Message { event, data, last_event_id } = message;
        let received = |json| Received { json, position: last_event_id };
        Ok(match event.as_str() {
            "narration" => Delivery::Narration(received(data)),
            "data" => Delivery::Data(received(data)),
            "lagged" => Delivery::Lagged(read::<Lagged>("lagged", &data)?.lagged.get()),
            "stopped" => Delivery::Stopped(match read::<Stopped>("stopped", &data)?.reason {
                reason if reason == "revoked" => Stop::Revoked,
                reason if reason == "expired" => Stop::Expired,
                reason if reason == "shutdown" => Stop::Shutdown,
                reason if reason == "lagging" => Stop::Lagging,
                reason => Stop::Other(reason),
            }),
            "done" => Delivery::Done(read::<Done>("done", &data)?.outcome),
            _ => Delivery::Other { event, data },
        })
    }
}

/// These three steer what a reader believes of the stream as a whole: one that cannot be read is not passed over.
fn read<'de, T: Deserialize<'de>>(event: &'static str, data: &'de str) -> Result<T, Error> {
    serde_json::from_str(data).map_err(|error| Error::Malformed { event, reason: error.to_string() })
}
