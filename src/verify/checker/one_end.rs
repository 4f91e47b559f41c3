//! G9 one-end.
//!
//! > An end on a stream: before the invoke of any close that can close its incarnation; with an outcome that differs
//! > from the outcome of every close that can have closed it (where both state one); a second end; an event, marker
//! > or end after an end; an end on a stream bound to no incarnation; an end on the system stream. A stream with a
//! > `drained` line (the last one counts), no end and no stop before it, that has not been left, whose incarnation
//! > was certainly closed before that line by a close that returned `ok`: its end is missing. Two ends that state
//! > different outcomes, on streams of which some choice binds both to one incarnation and none binds them to two.
//!
//! Search: what comes after an end, and ends of the system, are found while the lines are read. The rest asks for the
//! closes that can have closed the stream's lives. Of streams that share a set of lives the first end is remembered
//! for each outcome.
//!
//! Witness: the end, the closes that contradict it; for a missing end, the close and the `drained` line; for two
//! outcomes, both ends.

use super::super::guarantee::Guarantee::G9;
use super::super::history::Outcome;
use super::Case;
use super::binding::{NO_LIFE, SetId};
use super::record::{LineNo, NEVER, Span, Stream, What};
use super::report::Report;
use std::collections::HashMap;

/// How many sets of lives are remembered while outcomes are compared. More of one name only come to be where its lives
/// are in doubt, and where in doubt no end accuses another.
const MOST_SETS: usize = 64;

/// What a stream's end stated.
#[derive(Debug, Clone, Copy)]
struct Told {
    stream: u32,
    line: LineNo,
    outcome: Outcome,
}

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
            judge_end(case, index as u32, line, stream.outcome(), report);
        }
        if let Some(drained) = stream.drained {
            judge_missing(case, index as u32, stream, drained, report);
        }
    }
    judge_outcomes(case, report);
}

/// Finds ends that tell another outcome of a life than the first end of a stream that certainly shared it.
fn judge_outcomes(case: &Case<'_>, report: &mut Report) {
    let Case { job, lives, bonds } = *case;
    // By knot, and by set of lives for those that can be one with others: the first stream and what it was told.
    let mut tied: HashMap<u32, Told> = HashMap::new();
    let mut bound: Vec<(SetId, Told)> = Vec::new();
    for (stream, index) in job.streams.iter().zip(0..) {
        let (Some(line), Some(outcome), set) = (stream.ended, stream.outcome(), bonds.stream_set(index)) else {
            continue;
        };
        if set == NO_LIFE {
            continue;
        }
        let told = Told { stream: index, line, outcome };
        let own = *tied.entry(bonds.stream_knot(index)).or_insert(told);
        let same = bound.iter().filter(|(other, _)| lives.are_one(bonds.lives(set), bonds.lives(*other)));
        let first = std::iter::once(own).chain(same.map(|(_, told)| *told)).find(|told| told.outcome != outcome);
        if let Some(first) = first {
            report.breach(G9, [first.line, line], || {
                format!(
                    "the streams {:?} and {:?} of one life of {} were told different outcomes",
                    job.streams[first.stream as usize].id,
                    stream.id,
                    job.title()
                )
            });
        } else if bound.len() < MOST_SETS && !bound.iter().any(|(other, told)| *other == set && told.outcome == outcome)
        {
            bound.push((set, told));
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
