//! G5 one-order.
//!
//! > Emitter = process. For one incarnation: each emitter's accepted events in their order (by invoke; events that
//! > were accepted but never delivered take part) together with the order of deliveries of every stream must have no
//! > cycle; and no event comes twice on one stream. The system is one incarnation.
//!
//! Search: a topological sort of the life's [`Order`]. Streams that can belong to several lives are judged in each;
//! only if all have a cycle is the order broken.
//!
//! Witness: the lines of one cycle, and who put each pair in its order.

use super::super::guarantee::Guarantee::G5;
use super::Case;
use super::order::{Order, Track};
use super::record::LineNo;
use super::report::Report;

/// Reports every event that came twice on one stream.
pub(super) fn judge_repetitions(case: &Case<'_>, tracks: &[Track], report: &mut Report) {
    for (stream, track) in case.job.streams.iter().zip(tracks) {
        for &(event, first, again) in &track.repeated {
            let token = &case.job.events[event as usize].token;
            report.breach(G5, [first, again], || format!("stream {:?} delivered event {token:?} twice", stream.id));
        }
    }
}

/// Reports the cycle of an order that these streams made with the emitters.
pub(super) fn breach(case: &Case<'_>, order: &Order, cycle: &[u32], tracks: &[Track], report: &mut Report) {
    let mut witness: Vec<LineNo> = Vec::new();
    let mut reasons: Vec<String> = Vec::new();
    for (at, &node) in cycle.iter().enumerate() {
        let after = cycle[(at + 1) % cycle.len()];
        let (event, next) = (order.nodes[node as usize].event, order.nodes[after as usize].event);
        let (before, behind) = (&case.job.events[event as usize], &case.job.events[next as usize]);
        let pair = format!("{:?} before {:?}", before.token, behind.token);
        if before.process == behind.process && before.span.invoke < behind.span.invoke {
            witness.extend([before.span.invoke, behind.span.invoke]);
            reasons.push(format!("their emitter sent {pair}"));
        } else if let Some((stream, first, second)) = seen_in_order(tracks, event, next) {
            witness.extend([first, second]);
            reasons.push(format!("stream {:?} delivered {pair}", case.job.streams[stream].id));
        } else {
            witness.extend([before.span.end, behind.span.invoke]);
            reasons.push(format!("{pair} in real time"));
        }
    }
    report
        .breach(G5, witness, || format!("{} has no single order of events: {}", case.job.title(), reasons.join("; ")));
}

/// The stream that delivered one event just before another, and the lines.
fn seen_in_order(tracks: &[Track], event: u32, next: u32) -> Option<(usize, LineNo, LineNo)> {
    tracks.iter().enumerate().find_map(|(stream, track)| {
        let pair = track.steps.windows(2).find(|pair| pair[0].event == event && pair[1].event == next)?;
        Some((stream, pair[0].line, pair[1].line))
    })
}
