//! `narrowcast revisit`: the seed's analysis, claim by claim, run now.

use super::args::Common;
use super::commands::show;
use super::{Failure, commands};
use crate::report::{OrdinaryTests, Revisit, RevisitRow, terminal};
use crate::verify::faults::revisit::claims;
use crate::verify::findings::Status;
use crate::verify::history::History;
use crate::verify::session;
use crate::verify::subject::reference::Reference;

fn status(holds: Option<bool>) -> Status {
    match holds {
        Some(true) => Status::Held,
        Some(false) => Status::Violated,
        None => Status::NotChecked,
    }
}

/// Runs every claim on both routers, and the museum's faults under ordinary tests and under `interleaved`.
pub(super) fn revisit(common: &Common) -> Result<u8, Failure> {
    let mut rows = Vec::new();
    let mut pictured: Option<(u32, History, Vec<usize>)> = None;
    for claim in claims::<Reference>() {
        let result = (claim.check)();
        if result.seed.holds == Some(false)
            && pictured.is_none()
            && let Some(history) = &result.seed.history
        {
            pictured = Some((claim.number, history.clone(), result.seed.witness.clone()));
        }
        rows.push(RevisitRow {
            number: claim.number,
            claim: claim.text.into(),
            seed: status(result.seed.holds),
            seed_evidence: result.seed.evidence,
            ours: status(result.ours.holds),
            ours_evidence: result.ours.evidence,
        });
    }
    let spawner = commands::spawner(session::Profile::Quick)?;
    let museum = session::museum(&spawner);
    let count = |wanted: &dyn Fn(&session::Exhibit) -> bool| museum.iter().filter(|row| wanted(row)).count() as u32;
    let ordinary_tests = OrdinaryTests {
        planted: museum.len() as u32,
        noticed: count(&|row| row.ordinary_tests_notice),
        found: count(&|row| row.found),
    };
    let ours_fail = rows.iter().any(|row| row.ours == Status::Violated);
    let (pictured, history, witness) = match pictured {
        Some((number, history, witness)) => (Some(number), history, witness),
        None => (None, History::new(), Vec::new()),
    };
    let view = Revisit { rows, pictured, witness, ordinary_tests };
    show(common, &view, |style| terminal::revisit(&view, &history, style))?;
    Ok(if ours_fail { 10 } else { 0 })
}
