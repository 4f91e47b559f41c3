//! G3 system-separation.
//!
//! > A system event on a job's stream, or a job's event on the system stream. Not G1 as well.
//!
//! Search: both are known when the delivery is read, or, of an event delivered before its emit, when that is invoked.
//!
//! Witness: the emit's invoke and the delivery.

use super::super::guarantee::Guarantee::G3;
use super::record::LineNo;
use super::report::Report;

pub(super) fn breach(report: &mut Report, token: &str, line: LineNo, invoke: LineNo, on_system: bool) {
    report.breach(G3, [line, invoke], || {
        if on_system {
            format!("event {token:?} of a job was delivered on the system stream")
        } else {
            format!("system event {token:?} was delivered on a job's stream")
        }
    });
}
