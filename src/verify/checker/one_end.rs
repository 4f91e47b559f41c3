//! G9 one-end.
//!
//! > An end on a stream: before the invoke of any close that can close its incarnation; with an outcome that differs
//! > from the outcome of every close that can have closed it (where both state one); a second end; an event, marker
//! > or end after an end; an end on a stream bound to no incarnation; an end on the system stream. A stream with a
//! > `drained` line (the last one counts), no end and no stop before it, that has not been left, whose incarnation
//! > was certainly closed before that line by a close that returned `ok`: its end is missing.
//!
//! Search: what comes after an end, and ends of the system, are found while the lines are read. The rest asks for the
//! closes that can have closed the stream's lives.
//!
//! Witness: the end, the closes that contradict it; for a missing end, the close and the `drained` line.

use super::super::guarantee::Guarantee::G9;
use super::super::history::Outcome;
use super::Case;
use super::record::{LineNo, NEVER, Span, Stream, What};
use super::report::Report;

pub(super) fn after_end(report: &mut Report, stream: &str, end: LineNo, line: LineNo) {
    report.breach(G9, [end, line], || format!("stream {stream:?} delivered something after its end"));
}

pub(super) fn on_system(report: &mut Report, stream: &str, line: LineNo) {
    report.breach(G9, [line], || format!("stream {stream:?} of the system had an end, but the system never ends"));
}

/// Judges the ends of a name's streams, those that came and those that are missing.
pub(super) fn judge(case: &Case<'_>, report: &mut Report) {
    if case.job.is_system() {
        return;
    }
    for (index, stream) in case.job.streams.iter().enumerate() {
        if let Some(line) = stream.ended {
            let outcome = stream.items.iter().find_map(|item| match item.what {
                What::End(outcome) => Some(outcome),
                _ => None,
            });
            judge_end(case, index as u32, line, outcome.flatten(), report);
        }
        if let Some(drained) = stream.drained {
            judge_missing(case, index as u32, stream, drained, report);
        }
    }
}

fn judge_end(case: &Case<'_>, index: u32, line: LineNo, outcome: Option<Outcome>, report: &mut Report) {
    let Case { job, lives, bonds } = *case;
    let stream = &job.streams[index as usize];
    let bound = bonds.stream(index);
    let witness = stream.span.lines().chain([line]);
    if bound.is_empty() {
        report.breach(G9, witness, || format!("stream {:?} had an end, but it is bound to no incarnation", stream.id));
        return;
    }
    let mut told = Vec::new();
    for close in bound.iter().flat_map(|&life| lives.closers(life, line)) {
        let said = job.closes[close.index].outcome;
        if outcome.is_none() || said.is_none() || said == outcome {
            return;
        }
        told.extend(close.span.lines());
    }
    let early = told.is_empty();
    report.breach(G9, witness.chain(told), || {
        if early {
            format!("stream {:?} had an end before any close of {} can have begun", stream.id, job.title())
        } else {
            format!("the end of stream {:?} tells another outcome than every close that can have caused it", stream.id)
        }
    });
}

fn judge_missing(case: &Case<'_>, index: u32, stream: &Stream, drained: LineNo, report: &mut Report) {
    let Case { job, lives, bonds } = *case;
    let ended = stream.ended.is_some_and(|end| end < drained);
    // A subscribe of unknown outcome is owed nothing.
    if ended || stream.gone() < drained || !stream.span.ok() {
        return;
    }
    let delivered = stream.items.iter().filter_map(|item| match item.what {
        What::Event(event) => Some(&job.events[event as usize].span),
        _ => None,
    });
    // Its life was opened before it was opened itself, and before its events were accepted.
    let until = delivered.filter(|span| !span.failed()).map(Span::up).min().unwrap_or(NEVER).min(stream.span.up());
    let mut closes = Vec::new();
    for &life in bonds.stream(index) {
        let Some(close) = lives.certainly_over(life, until, drained) else { return };
        closes.extend(close.span.lines());
    }
    if closes.is_empty() {
        return;
    }
    report.breach(G9, closes.into_iter().chain(stream.span.lines()).chain([drained]), || {
        format!("stream {:?} was drained after {} was closed, but its end is missing", stream.id, job.title())
    });
}
