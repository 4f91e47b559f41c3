//! Demonstration operations: work that a newcomer can start with one request and watch.
//!
//! An embedder's own service would put its work here. Every operation narrates through the emitter that it is given,
//! which is its job's and no other's.

use crate::narration::{Actor, IntoAction, Narration};
use crate::router::{Emitter, Refused};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::sleep;

const WORKER: Actor = Actor::new("worker");

/// What a job is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Operation {
    Count(Count),
    Chatter(Chatter),
    Fail(Fail),
    Sleep(Sleep),
    Open,
}

/// Counts aloud, and then says the sum as a result.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Count {
    to: u64,
    every_ms: u64,
}

impl Default for Count {
    fn default() -> Self {
        Count { to: 10, every_ms: 500 }
    }
}

/// Says much, as fast as it can: a noisy neighbour, and more than a slow reader can take.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Chatter {
    events: u64,
    bytes: usize,
}

impl Default for Chatter {
    fn default() -> Self {
        Chatter { events: 5_000, bytes: 100 }
    }
}

/// Does some steps and then fails.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Fail {
    after: u64,
    every_ms: u64,
    panic: bool,
}

impl Default for Fail {
    fn default() -> Self {
        Fail { after: 3, every_ms: 500, panic: false }
    }
}

/// Is silent, and then done: idle is no end.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Sleep {
    ms: u64,
}

impl Default for Sleep {
    fn default() -> Self {
        Sleep { ms: 5_000 }
    }
}

/// The names, for whoever asks for another one.
pub(super) const NAMES: &str = "count, chatter, fail, sleep, open";

const LONGEST_MS: u64 = 86_400_000;
const MOST_EVENTS: u64 = 10_000_000;
const LONGEST_TEXT: usize = 4_096;

impl Operation {
    /// The operation of this name; an error says what is wrong.
    pub(super) fn parse(name: &str, args: Value) -> Result<Operation, String> {
        fn read<T: DeserializeOwned>(args: Value) -> Result<T, String> {
            // A list would be read too, as the fields in their order: no client means that.
            let args = match args {
                Value::Null => json!({}),
                Value::Object(_) => args,
                _ => return Err("the args are no JSON object".to_owned()),
            };
            serde_json::from_value(args).map_err(|error| format!("the args do not fit the operation: {error}"))
        }
        let operation = match name {
            "count" => Operation::Count(read(args)?),
            "chatter" => Operation::Chatter(read(args)?),
            "fail" => Operation::Fail(read(args)?),
            "sleep" => Operation::Sleep(read(args)?),
            "open" => {
                #[derive(Deserialize)]
                #[serde(deny_unknown_fields)]
                struct Nothing {}
                let Nothing {} = read(args)?;
                Operation::Open
            }
            _ => return Err("there is no operation of this name".to_owned()),
        };
        operation.within_bounds().then_some(operation).ok_or_else(|| {
            format!("the args are too large: at most {MOST_EVENTS} events, {LONGEST_MS} ms, {LONGEST_TEXT} bytes")
        })
    }

    fn within_bounds(&self) -> bool {
        let (events, ms, bytes) = match *self {
            Operation::Count(Count { to, every_ms }) => (to, every_ms, 0),
            Operation::Chatter(Chatter { events, bytes }) => (events, 0, bytes),
            Operation::Fail(Fail { after, every_ms, .. }) => (after, every_ms, 0),
            Operation::Sleep(Sleep { ms }) => (0, ms, 0),
            Operation::Open => (0, 0, 0),
        };
        events <= MOST_EVENTS && ms <= LONGEST_MS && bytes <= LONGEST_TEXT
    }

    pub(super) fn name(&self) -> &'static str {
        match self {
            Operation::Count(_) => "count",
            Operation::Chatter(_) => "chatter",
            Operation::Fail(_) => "fail",
            Operation::Sleep(_) => "sleep",
            Operation::Open => "open",
        }
    }
}

/// Why an operation did not come to its end.
#[derive(Debug)]
pub(super) enum Failure {
    /// As it was asked to.
    Planned,
    /// What it said was refused, usually since its job is over.
    Refused(Refused),
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        Failure::Refused(refused)
    }
}

/// The voice of one operation: its job's emitter, and what ties its events to the request.
struct Voice {
    emitter: Emitter,
    correlation: Option<String>,
}

impl Voice {
    fn narrate(&self, action: impl IntoAction) -> Narration<&Emitter> {
        let narration = self.emitter.narrate(WORKER, action);
        match &self.correlation {
            Some(id) => narration.correlation(id),
            None => narration,
        }
    }
}

/// Does the work of a job.
pub(super) async fn work(operation: Operation, correlation: Option<String>, emitter: Emitter) -> Result<(), Failure> {
    let voice = Voice { emitter, correlation };
    match operation {
        Operation::Count(Count { to, every_ms }) => {
            for number in 1..=to {
                voice.narrate("count").context(number).context(to).human("{} of {}").emit()?;
                sleep(Duration::from_millis(every_ms)).await;
            }
            voice.narrate("result").human("counted").payload(&json!({ "counted": to })).emit()?;
            Ok(())
        }
        Operation::Chatter(Chatter { events, bytes }) => {
            let text = "x".repeat(bytes);
            for number in 0..events {
                voice.narrate("chatter").context(number).verbatim(&*text).emit()?;
                // Other tasks of this thread have their turns too.
                if number % 64 == 63 {
                    tokio::task::yield_now().await;
                }
            }
            Ok(())
        }
        Operation::Fail(Fail { after, every_ms, panic }) => {
            for number in 1..=after {
                voice.narrate("step").context(number).human("step {}").emit()?;
                sleep(Duration::from_millis(every_ms)).await;
            }
            voice.narrate("fail").human("this is where it was asked to fail").emit_error()?;
            assert!(!panic, "a demonstration: the job was asked to panic");
            Err(Failure::Planned)
        }
        Operation::Sleep(Sleep { ms }) => {
            sleep(Duration::from_millis(ms)).await;
            Ok(())
        }
        // Others narrate to it, and somebody closes it.
        Operation::Open => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_read_with_their_defaults_and_bounds() {
        assert_eq!(Operation::parse("count", Value::Null), Ok(Operation::Count(Count { to: 10, every_ms: 500 })));
        assert_eq!(Operation::parse("count", json!({"to": 3})), Ok(Operation::Count(Count { to: 3, every_ms: 500 })));
        assert_eq!(Operation::parse("open", json!({})), Ok(Operation::Open));
        for (name, args) in [
            ("Count", Value::Null),
            ("", Value::Null),
            ("count", json!({"too": 3})),
            ("count", json!({"to": -1})),
            ("count", json!([])),
            ("open", json!({"x": 1})),
            ("chatter", json!({"events": MOST_EVENTS + 1})),
            ("chatter", json!({"bytes": LONGEST_TEXT + 1})),
            ("sleep", json!({"ms": LONGEST_MS + 1})),
        ] {
            assert!(Operation::parse(name, args.clone()).is_err(), "{name} {args}");
        }
    }
}
