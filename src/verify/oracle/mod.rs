//! The oracle: the slow, declarative judge of small histories.
//!
//! It answers the same questions as the streaming [`checker`](super::checker) from the same text (`docs/history.md`,
//! section 2), and shares no code with it: it enumerates the choices that the text speaks of, and asks of each thing in
//! the history whether some choice explains it. The two are compared on very many small histories.
//!
//! - `facts` sorts the lines out: operations with their intervals, streams with what they delivered.
//! - `timeline` enumerates the instants of one name's creates and closes, and replays them to incarnations.
//! - `channel` binds emits and streams to incarnations under each timeline, and ties them together by deliveries.
//! - `order` and `loss` hold the order of one incarnation's events and the places of those that a stream lacks.
//! - `rules` states each guarantee, `reclaimed` the last of them.
//!
//! Names are independent of each other: no rule asks for the instants of two of them together.

mod channel;
mod facts;
mod loss;
mod order;
mod reclaimed;
mod rules;
#[cfg(test)]
mod tests;
mod timeline;

use super::findings::Status;
use super::guarantee::Guarantee;
use super::history::Line;
use channel::Channel;
use facts::{Facts, Seen};
use std::collections::BTreeSet;

/// What the oracle says of one history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// The guarantees that some finding breaks.
    pub violated: BTreeSet<Guarantee>,
    /// The whole: `violated`, `vacuous` or `held`.
    pub verdict: Status,
    /// Streams whose tail could not be judged: open, and never drained.
    pub tails_unjudged: u64,
    /// `info` emits that were delivered in a later incarnation.
    pub late_effects: u64,
}

/// Judges a small, well-formed history by trying every explanation.
///
/// # Panics
/// If the history is not small: more than 64 creates and closes of one name, or events of one incarnation.
pub fn judge(history: &[Line]) -> Judgement {
    type Rule = fn(&Channel<'_>) -> bool;
    const RULES: [(Guarantee, Rule); 8] = [
        (Guarantee::G1, rules::confinement),
        (Guarantee::G2, rules::no_fallback),
        (Guarantee::G3, rules::system_separation),
        (Guarantee::G4, rules::open_before_emit),
        (Guarantee::G5, rules::one_order),
        (Guarantee::G6, rules::counted_loss),
        (Guarantee::G9, rules::one_end),
        (Guarantee::G10, reclaimed::untimely),
    ];
    let facts = Facts::of(history);
    let (mut violated, mut tails_unjudged, mut late_effects) = (BTreeSet::new(), 0, 0);
    let mut held = vec![0; facts.retained.len()];
    for job in std::iter::once(None).chain((0..facts.jobs).map(Some)) {
        let channel = Channel::new(&facts, job);
        violated.extend(RULES.iter().filter(|(_, broken)| broken(&channel)).map(|(guarantee, _)| *guarantee));
        reclaimed::hold(&channel, &mut held);
        tails_unjudged += rules::tails_unjudged(&channel);
        late_effects += rules::late_effects(&channel);
    }
    if facts.retained.iter().zip(&held).any(|((_, said), may)| said > may) {
        violated.insert(Guarantee::G10);
    }
    let receives = facts.streams.iter().flat_map(|stream| &stream.receives);
    let delivered = receives.into_iter().any(|receive| matches!(receive.what, Seen::Event { .. }));
    let verdict = if !violated.is_empty() {
        Status::Violated
    } else if !delivered || !rules::names_overlapped(&facts, history.len()) {
        Status::Vacuous
    } else {
        Status::Held
    };
    Judgement { violated, verdict, tails_unjudged, late_effects }
}
