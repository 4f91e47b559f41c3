//! G1 confinement.
//!
//! > A delivered event: was never emitted in this history, or its invoke line comes after the delivery; or was
//! > emitted to another job; or ties together streams and events that can share no incarnation; or carries another
//! > digest than its emit (where both have one); or stands on a stream whose subscribe failed, or that is bound to
//! > none. A delivery that breaks G1 pays no debt under G6 and takes no part in any order.
//!
//! Search: whether an event was emitted, to whom, and with which digest, is known when the delivery is read (an event
//! that was not emitted yet is remembered until its invoke, or the end: if it turns out to be the system's, or a
//! job's on the system stream, that is G3 alone). What a stream can be bound to is known when its name is judged.
//!
//! Witness: the delivery, and the operations that it contradicts.

use super::super::guarantee::Guarantee::G1;
use super::Case;
use super::record::{Event, LineNo, Stream, What};
use super::report::Report;

pub(super) fn never_emitted(report: &mut Report, token: &str, line: LineNo) {
    report.breach(G1, [line], || format!("event {token:?} was delivered, but never emitted"));
}

pub(super) fn before_invoke(report: &mut Report, token: &str, line: LineNo, invoke: LineNo) {
    report.breach(G1, [line, invoke], || format!("event {token:?} was delivered before its emit was invoked"));
}

pub(super) fn forgotten(report: &mut Report, token: &str, stream: &str, line: LineNo) {
    report.breach(G1, [line], || {
        format!("stream {stream:?} delivered event {token:?} long after its job was closed and it had nothing left to deliver")
    });
}

pub(super) fn other_job(report: &mut Report, event: &Event, stream: &Stream, titles: (String, String), line: LineNo) {
    report.breach(G1, [event.span.invoke, stream.span.invoke, line], || {
        let (emitted, delivered) = titles;
        format!(
            "event {:?} was emitted to {emitted}, but delivered on stream {:?} of {delivered}",
            event.token, stream.id
        )
    });
}

pub(super) fn other_digest(report: &mut Report, event: &Event, line: LineNo) {
    report.breach(G1, [event.span.invoke, line], || {
        format!("event {:?} was delivered with another digest than it was emitted with", event.token)
    });
}

/// Judges the deliveries of a name that were not wrong at first sight.
pub(super) fn judge(case: &Case<'_>, report: &mut Report) {
    let Case { job, bonds, .. } = *case;
    for (index, stream) in job.streams.iter().enumerate() {
        let index = index as u32;
        let unbound = bonds.stream(index).is_empty();
        if !unbound && bonds.torn.is_empty() {
            continue;
        }
        for (at, item) in stream.items.iter().enumerate() {
            let What::Event(event) = item.what else { continue };
            if !unbound && !bonds.torn.contains(&(index, at as u32)) {
                continue;
            }
            let event = &job.events[event as usize];
            let witness = event.span.lines().chain(stream.span.lines()).chain([item.line]);
            report.breach(G1, witness, || {
                let why = if stream.span.failed() {
                    "whose subscribe failed"
                } else if unbound {
                    "which can be bound to no incarnation"
                } else {
                    "with which it can share no incarnation"
                };
                format!("event {:?} of {} was delivered on stream {:?}, {why}", event.token, job.title(), stream.id)
            });
        }
    }
}
