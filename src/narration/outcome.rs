//! How a job ended.

use serde::{Deserialize, Serialize};
use std::fmt;

/// How a job ended. Close gives it, and the one end of every stream carries it (G9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The work was done.
    Completed,
    /// The work ended in an error.
    Failed,
    /// Somebody with the right to do so called it off.
    Cancelled,
    /// The owner went away, or panicked, without saying how it ended.
    Abandoned,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Outcome; 4] = [Outcome::Completed, Outcome::Failed, Outcome::Cancelled, Outcome::Abandoned];

    /// Its name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Outcome::Completed => "completed",
            Outcome::Failed => "failed",
            Outcome::Cancelled => "cancelled",
            Outcome::Abandoned => "abandoned",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Where a job stands. It moves forward only: queued, running, over; or from queued straight to over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Created, and nobody works on it yet.
    Queued,
    /// Somebody does, and nobody else may begin to.
    Running,
    /// It has ended, and nothing changes any more.
    Over(Outcome),
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            State::Queued => f.pad("queued"),
            State::Running => f.pad("running"),
            State::Over(outcome) => f.pad(outcome.as_str()),
        }
    }
}
