//! G2 no-fallback.
//!
//! > An `ok` emit to a job (not to the system) that can belong to no incarnation. A refused (`fail`) emit that is
//! > delivered anywhere, before or after its `fail` line; on a foreign stream that is G1 as well.
//!
//! Search: refusals and deliveries meet while the lines are read, whichever comes second. Whether an accepted emit can
//! belong to an incarnation is known when its name is judged.
//!
//! Witness: the emit's lines, and the delivery.

use super::super::guarantee::Guarantee::G2;
use super::Case;
use super::record::{Event, LineNo};
use super::report::Report;

pub(super) fn refused_yet_delivered(report: &mut Report, event: &Event, line: LineNo) {
    report.breach(G2, event.span.lines().chain([line]), || {
        format!("the emit of event {:?} was refused, and yet it was delivered", event.token)
    });
}

/// Judges the accepted emits of a name.
pub(super) fn judge(case: &Case<'_>, report: &mut Report) {
    let Case { job, bonds, .. } = *case;
    if job.is_system() {
        return;
    }
    for (event, _) in job.events.iter().zip(&bonds.alone).filter(|(event, set)| event.span.ok() && **set == 0) {
        report.breach(G2, event.span.lines(), || {
            format!(
                "the emit of event {:?} was accepted, though no incarnation of {} can have been open",
                event.token,
                job.title()
            )
        });
    }
}
