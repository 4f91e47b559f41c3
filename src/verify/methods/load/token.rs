//! The token that each event carries: whose it is, which one, when it was due; and whether it is whole.

use super::ledger::Mark;
use crate::narration::{Action, Actor, Event};
use std::hash::{DefaultHasher, Hash, Hasher};

const ACTION: Action = Action::new("load");
/// Who the service says speaks, where a client does not say who it is.
const ACTOR: Actor = Actor::new("client");

/// One event's token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Token {
    /// The run's.
    pub(super) nonce: u64,
    pub(super) job: usize,
    pub(super) source: u16,
    pub(super) sequence: u32,
    /// When it was due, in microseconds since the run began.
    pub(super) due_us: u64,
}

impl Token {
    pub(super) fn mark(&self) -> Mark {
        Mark { source: self.source, sequence: self.sequence }
    }

    /// About as long as a line of narration is. What stands at its end depends on all the rest.
    pub(super) fn text(&self) -> String {
        let Token { nonce, job, source, sequence, due_us } = *self;
        // Fixed within a process, which is all that a run needs.
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        let check = hasher.finish();
        format!("load {nonce:016x} {job} {source} {sequence} {due_us} {check:016x} {check:064b}")
    }

    /// The token of a text that begins as one of this run does, whole or not.
    fn read(text: &str, nonce: u64) -> Option<Token> {
        let mut words = text.strip_prefix("load ")?.split(' ');
        let found = u64::from_str_radix(words.next()?, 16).ok()?;
        let (job, source) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let (sequence, due_us) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        (found == nonce).then_some(Token { nonce, job, source, sequence, due_us })
    }

    /// The body of the request that emits it.
    pub(super) fn request(&self) -> String {
        serde_json::json!({ "action": ACTION.as_str(), "human": self.text() }).to_string()
    }
}

/// The text that ties the creation of a job to the run.
pub(super) fn correlation(nonce: u64, job: usize) -> String {
    format!("load-{nonce:016x}-{job}")
}

/// What an event on a stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// The creation of this job of this run.
    Created,
    /// An event of this run, byte for byte.
    Whole(Token),
    /// With the token of an event of this run, and other bytes.
    Altered(Token),
    /// Anything else.
    Foreign,
}

/// Reads the `data` of an event on a stream of this job.
pub(super) fn told(data: &str, nonce: u64, job: usize) -> Told {
    let Ok(event) = Event::decode(data.as_bytes()) else { return Told::Foreign };
    if event.correlation_id.as_deref() == Some(&correlation(nonce, job)) {
        return Told::Created;
    }
    let Some(token) = Token::read(&event.human, nonce) else { return Told::Foreign };
    // Its number and its time are the service's; all else must be as it was emitted.
    let mut emitted = Event::new(ACTOR, ACTION, token.text());
    (emitted.sequence, emitted.emitted_at_ms) = (event.sequence, event.emitted_at_ms);
    let mut bytes = Vec::with_capacity(data.len());
    emitted.encode(&mut bytes);
    if bytes == data.as_bytes() { Told::Whole(token) } else { Told::Altered(token) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_back_and_every_altered_byte_is_noticed() {
        let token = Token { nonce: 7, job: 3, source: 1, sequence: 12, due_us: 1_000_000 };
        let mut event = Event::new(ACTOR, ACTION, token.text());
        event.emitted_at_ms = Some(5);
        let mut bytes = Vec::new();
        event.encode(&mut bytes);
        let data = String::from_utf8(bytes).expect("an event is text");
        assert_eq!(told(&data, 7, 3), Told::Whole(token));
        assert_eq!(told(&data, 8, 3), Told::Foreign, "of another run");
        for at in 0..data.len() {
            let mut altered = data.clone().into_bytes();
            altered[at] = if altered[at] == b'1' { b'2' } else { b'1' };
            let altered = String::from_utf8(altered).expect("ASCII stays ASCII");
            let told = told(&altered, 7, 3);
            // The time is the service's own: that it is another one, nobody can tell.
            let is_time = data[..at].ends_with("\"emitted_at_ms\":");
            assert_eq!(matches!(told, Told::Whole(_)), is_time, "{altered}");
        }
        assert_eq!(told("{}", 7, 3), Told::Foreign);
    }

    #[test]
    fn a_creation_is_that_of_one_job_of_one_run() {
        let mut event = Event::new(Actor::new("service"), Action::new("job_create"), "created, to open");
        event.correlation_id = Some(correlation(7, 3));
        let mut bytes = Vec::new();
        event.encode(&mut bytes);
        let data = String::from_utf8(bytes).expect("an event is text");
        assert_eq!(told(&data, 7, 3), Told::Created);
        assert_eq!([told(&data, 7, 4), told(&data, 8, 3)], [Told::Foreign; 2]);
    }
}
