//! Regressions replayed: programs that once showed a breach, each under the schedule that showed it.
//!
//! Belongs to [`interleaved`]: the same executor, the same judge. A schedule that no longer fits says nothing, so then
//! every schedule of its program is tried instead, and that it was stale is reported.

use super::Bench;
use super::interleaved::{self, Abnormal, Breach, Found};
use super::quiet;
use crate::verify::regressions::Regression;
use crate::verify::subject::erased::Fresh;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What came of it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Report {
    /// How many were replayed, or explored instead.
    pub regressions: u64,
    /// Those whose schedule does not fit any longer, each with the step at which it does not.
    pub stale: Vec<String>,
    /// Every schedule of the stale ones was tried.
    pub frontier_emptied: bool,
    /// Schedules run.
    pub schedules: u64,
    /// Different histories among them.
    pub distinct: u64,
    /// The first breach of each guarantee, minimised.
    pub found: Vec<Found>,
    /// Operations that programs asked for and the subject does not have.
    pub lacks: BTreeSet<String>,
    /// A panic or a hang without any breach that the judge could name.
    pub abnormal: Option<String>,
}

/// Replays them all. Of a program whose schedule is stale at most `schedules_each` are tried.
pub fn replay_all(fresh: Fresh, regressions: &[Regression], schedules_each: u64) -> Report {
    let mut bench = Bench::default();
    let mut report = Report { frontier_emptied: true, ..Report::default() };
    for regression in regressions {
        report.regressions += 1;
        let program = Arc::new(regression.program.clone());
        let execution = interleaved::replay(fresh, &program, regression.seed, &regression.schedule);
        report.lacks.extend(execution.lacks.iter().map(|operation| (*operation).to_owned()));
        let breach = match stale_at(&execution.abnormal, execution.schedule.len(), regression.schedule.len()) {
            None => quiet::examine_either(fresh, &program, regression.seed, execution, &mut bench),
            Some(step) => {
                report.stale.push(format!("{} at step {}", regression.file, step + 1));
                let mut any = |_: &Breach| true;
                let (seed, bench) = (regression.seed, &mut bench);
                let searched = interleaved::exhaust(fresh, &program, seed, schedules_each, bench, &mut any);
                // Whether neighbours notice a cut takes more than one history to say.
                let breach = searched.breach.or_else(|| quiet::search(fresh, &program, seed));
                report.frontier_emptied &= searched.frontier_emptied || breach.is_some();
                breach
            }
        };
        let Some(breach) = breach else { continue };
        if let (None, Some(abnormal)) = (&breach.findings, &breach.abnormal) {
            report.abnormal = Some(format!("{abnormal:?} in {}", regression.file));
        }
        for guarantee in breach.findings.iter().flat_map(|findings| findings.violated()) {
            if !report.found.iter().any(|found| found.guarantee == guarantee) {
                report.found.push(quiet::found(fresh, &regression.file, &breach, guarantee, regression.seed));
            }
        }
    }
    report.schedules = bench.executions();
    report.distinct = bench.distinct();
    report
}

/// At which step a schedule does not fit, if it does not: it asked for a thread that could not move, or the program was
/// done before it was.
fn stale_at(abnormal: &Option<Abnormal>, followed: usize, asked: usize) -> Option<usize> {
    match abnormal {
        Some(Abnormal::Stale(step)) => Some(*step),
        None if followed != asked => Some(followed),
        _ => None,
    }
}
