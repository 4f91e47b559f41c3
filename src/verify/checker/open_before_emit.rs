//! G4 open-before-emit.
//!
//! > A refused emit or subscribe, with a reason other than `limit` or `forbidden` (or with none), on a job that was
//! > certainly open throughout its whole interval. With a `life` label: whose incarnation was certainly open (closes
//! > that carry the label of another life do not count). The system is always open: a system emit or subscribe
//! > refused for another reason than `limit` or `forbidden` breaks G4.
//!
//! > A job is *certainly open* throughout lines `s..e` if there is an `ok` create `c` with `ret(c) < s` and every
//! > close that is not a `fail` has `ret < inv(c)` or `inv e`.
//!
//! Search: of the creates that had returned, the one invoked last is the best witness; then the running maximum of the
//! closes' returns says in one comparison whether any of them counts.
//!
//! Witness: that create, and the refused operation.

use super::super::guarantee::Guarantee::G4;
use super::Case;
use super::report::Report;

/// Judges the refusals of a name that no reason excuses.
pub(super) fn judge(case: &Case<'_>, report: &mut Report) {
    let Case { job, lives, .. } = *case;
    for refusal in &job.refusals {
        let span = &refusal.span;
        if job.is_system() {
            report
                .breach(G4, span.lines(), || format!("{} was refused, though the system is always open", refusal.what));
            continue;
        }
        if let Some(create) = lives.certainly_open(span.invoke, span.end, lives.handle(refusal.via)) {
            report.breach(G4, create.lines().chain(span.lines()), || {
                format!(
                    "{} was refused, though {} was open: its create returned before, and no close had begun",
                    refusal.what,
                    job.title()
                )
            });
        }
    }
}
