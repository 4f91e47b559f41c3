//! What can go wrong: once and for all, or until the next attempt.

use super::origin::Origin;
use crate::narration::text::escaped;
use crate::sink::sse::TooLong;
use std::fmt;
use std::time::Duration;

/// A client cannot be made so. The texts repeat no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidClient {
    /// The address is none.
    #[error("not the address of a stream; write it in full, as in http://127.0.0.1:7878/v1/jobs/ID/stream")]
    Url,
    /// The address holds a name or password.
    #[error("the address holds a user's name or password; take it out, and give a capability instead")]
    UserInfo,
    /// The capability cannot be sent.
    #[error("the capability holds characters that no header may hold; give the token alone, without a line end")]
    Capability,
    /// The position cannot be sent.
    #[error("the position holds characters that no header may hold; give an id as the server sent it")]
    Position,
}

/// A watch has ended with this. It yields nothing more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// 204, by which a server tells clients to stop asking.
    #[error("the server answered 204: there is nothing to stream here, now or later")]
    NoContent,
    /// Any other status that a further attempt would meet again.
    #[error("the server answered {status}{}", said(text))]
    Refused {
        /// The status.
        status: u16,
        /// The beginning of what the server said with it.
        text: String,
    },
    /// The server points elsewhere.
    #[error("the server redirects {}; only its own origin is followed, with what was given to it: \
             watch that address directly if it is to be trusted", elsewhere(to.as_ref()))]
    Redirected {
        /// Where to; `None` if its address cannot be read.
        to: Option<Origin>,
    },
    /// It redirects within its own origin, again and again.
    #[error("the server redirects more than {0} times; it goes round in circles")]
    Circles(usize),
    /// The answer is 200, and no event stream.
    #[error("the server's answer is no text/event-stream but {}; is this the address of a stream?", kind(was.as_deref()))]
    ContentType {
        /// Its content type, if there is one.
        was: Option<String>,
    },
    /// The answer is compressed, which was not asked for.
    #[error(
        "the server's answer has the content encoding `{}`, which was not asked for; a proxy may have put it on",
        escaped(was)
    )]
    ContentEncoding {
        /// The encoding.
        was: String,
    },
    /// The address asks for TLS and the connector has none, or the other way round.
    #[error("an address that says {scheme} needs a connector that {}; give one with Client::connector", tls(scheme))]
    Scheme {
        /// The scheme of the address.
        scheme: &'static str,
    },
    /// The stream holds more than the limits allow.
    #[error(transparent)]
    TooLong(#[from] TooLong),
    /// An event that says how the stream fares cannot be read.
    #[error("the server's event `{event}` cannot be read ({reason}); it is no narrowcast service, or a newer one")]
    Malformed {
        /// Its type.
        event: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// So many attempts in a row brought no event.
    #[error("{attempts} attempts in a row brought no event; the last: {last}")]
    GaveUp {
        /// How many.
        attempts: u32,
        /// What was amiss at the last.
        last: Lost,
    },
}

/// Why there is no connection just now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Lost {
    /// None was to be had.
    #[error("the server cannot be reached: {0}")]
    Unreachable(String),
    /// The server said that it cannot serve just now (5xx, 408 or 429).
    #[error("the server answered {0}")]
    Unavailable(u16),
    /// The answer did not begin in time.
    #[error("the server did not answer within {0:?}")]
    Silent(Duration),
    /// The stream ended without `done` or `stopped`.
    #[error("the stream ended before the job did")]
    Ended,
    /// The stream broke off.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// Nothing came, not even a comment.
    #[error("nothing came for {0:?}")]
    Idle(Duration),
}

fn said(text: &str) -> impl fmt::Display + '_ {
    fmt::from_fn(move |f| match text {
        "" => f.write_str(" and no reason"),
        text => write!(f, ": {}", escaped(text.trim_end())),
    })
}

fn elsewhere(to: Option<&Origin>) -> impl fmt::Display + '_ {
    fmt::from_fn(move |f| match to {
        Some(origin) => write!(f, "to {origin}"),
        None => f.write_str("to an address that cannot be read"),
    })
}

fn kind(was: Option<&str>) -> impl fmt::Display + '_ {
    fmt::from_fn(move |f| match was {
        Some(was) => write!(f, "`{}`", escaped(was)),
        None => f.write_str("of no stated type"),
    })
}

fn tls(scheme: &str) -> &'static str {
    if scheme == "https" { "speaks TLS" } else { "speaks no TLS" }
}
