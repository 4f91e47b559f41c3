//! How much an event matters.

use serde::{Deserialize, Serialize};
use std::fmt;

/// How much an event matters, the gravest first: `level <= Level::Warn` reads "a warning, or worse".
///
/// A level is information for readers and sinks; it never decides where an event goes. That is why the seed's `Mute`
/// is missing: an emit that is accepted and then shown to nobody would be a loss that nobody counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Something failed.
    Error,
    /// Something may go wrong, or went wrong and was made good.
    Warn,
    /// The course of the work.
    #[default]
    Info,
    /// Details for whoever looks into a problem.
    Debug,
    /// Every step.
    Trace,
}

impl Level {
    /// All of them, the gravest first.
    pub const ALL: [Level; 5] = [Level::Error, Level::Warn, Level::Info, Level::Debug, Level::Trace];

    /// Its name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Level::Error => "error",
            Level::Warn => "warn",
            Level::Info => "info",
            Level::Debug => "debug",
            Level::Trace => "trace",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
