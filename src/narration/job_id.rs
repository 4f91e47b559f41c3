//! Names of jobs.

use super::text;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// The name of a job: opaque text, cheap to clone.
///
/// Names are compared byte for byte. There is no folding of case, no normalisation, no trimming, no pattern and no
/// reserved word: `Job` and `job`, `1` and `1*`, `é` written as one character or as two, are different jobs. A name
/// says nothing about permission, and two incarnations of a job may bear the same one.
///
/// [`Display`](fmt::Display) is for people and escapes what could forge a line or steer a terminal;
/// [`as_str`](JobId::as_str) is the name itself.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(Arc<str>);

impl JobId {
    /// The longest name, in bytes.
    pub const MAX_BYTES: usize = 1024;

    /// A name minted by the service: `job-` and the 32 lower-case hexadecimal digits of `bits`.
    ///
    /// The bits come from outside, since this room has no randomness. To be unguessable (G13) at least 122 of them
    /// must be random.
    pub fn from_bits(bits: u128) -> JobId {
        JobId(Arc::from(format!("job-{bits:032x}")))
    }

    /// A name that a caller chose, or that came back over the wire.
    ///
    /// # Errors
    ///
    /// [`InvalidJobId`] if the name is empty or longer than [`MAX_BYTES`](JobId::MAX_BYTES).
    pub fn named(name: impl AsRef<str>) -> Result<JobId, InvalidJobId> {
        let name = name.as_ref();
        match name.len() {
            0 => Err(InvalidJobId::Empty),
            1..=JobId::MAX_BYTES => Ok(JobId(Arc::from(name))),
            bytes => Err(InvalidJobId::TooLong { bytes }),
        }
    }

    /// The name, byte for byte.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        text::escaped(&self.0).fmt(f)
    }
}

impl fmt::Debug for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JobId({self})")
    }
}

impl AsRef<str> for JobId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// Sound, since equality, order and hash of a `JobId` are those of its text.
impl Borrow<str> for JobId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Serialize for JobId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for JobId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<JobId, D::Error> {
        JobId::named(String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// Why a text is no job's name. It does not repeat the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidJobId {
    /// Refused, since "no name" tends to become "every name" somewhere downstream.
    #[error("the job's name is empty; give it 1 to {} bytes", JobId::MAX_BYTES)]
    Empty,
    /// Longer than [`JobId::MAX_BYTES`].
    #[error("the job's name has {bytes} bytes; give it at most {}", JobId::MAX_BYTES)]
    TooLong {
        /// The length of the refused name.
        bytes: usize,
    },
}
