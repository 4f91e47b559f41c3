//! Rows of the service under load. What broke a promise is judged; how long anything took is told, and judged by nobody.

use super::child::{Answer, Task};
use super::rows::{Rows, blank, end_badly, facts, read};
use super::{Aim, Job, Options, Profile};
use crate::verify::guarantee::Guarantee;
use crate::verify::methods::load::{Account, Plan, Report};
use crate::verify::verdict::{Antecedent, Ended, Facts, Obligation, Strength};
use serde_json::{Value, json};

/// What is judged of a load.
const JUDGED: [Guarantee; 5] = [Guarantee::G1, Guarantee::G5, Guarantee::G6, Guarantee::G7, Guarantee::G9];

impl Options {
    fn load_plan(&self) -> Plan {
        match self.profile {
            Profile::Quick => Plan { jobs: 20, seconds: 2, ..Plan::default() },
            Profile::Ci | Profile::Deep => Plan::default(),
        }
    }

    /// The service itself; a planted fault is probed, which shows more of it.
    pub(super) fn load(&self) -> Option<Job> {
        let is_due = self.fault.is_none() && self.probes(&JUDGED);
        is_due.then(|| Job { task: Task::Load { plan: self.load_plan() }, aim: Aim::Load })
    }
}

/// What breaks a guarantee in a report: so many of what.
fn breaches(report: &Report, claim: Guarantee) -> Vec<(&'static str, u64)> {
    let sum = |of: fn(&Account) -> u64| of(&report.quiet) + of(&report.noisy);
    match claim {
        Guarantee::G1 => vec![("foreign", sum(|a| a.foreign)), ("altered", sum(|a| a.altered))],
        Guarantee::G5 => vec![("repeated", sum(|a| a.repeated)), ("misplaced", sum(|a| a.misplaced))],
        Guarantee::G6 => vec![("missing uncounted", sum(|a| a.missing)), ("counted beyond", sum(|a| a.overcounted))],
        Guarantee::G7 => vec![("refused beside the noise", report.refused), ("lost to the noise", report.quiet.lagged)],
        _ => vec![
            ("ends that are false, repeated or missing", sum(|a| a.false_ends)),
            ("messages that no stream has", sum(|a| a.unknown)),
            ("streams that broke off", sum(|a| a.broken_off)),
        ],
    }
}

fn statement(claim: Guarantee) -> &'static str {
    match claim {
        Guarantee::G1 => "under load no stream delivers anything foreign or altered",
        Guarantee::G5 => "under load no event comes twice or out of its place",
        Guarantee::G6 => "under load every position was delivered, or counted at its place",
        Guarantee::G7 => "beside a job that floods, quiet jobs are refused nothing and lose nothing",
        _ => "under load each stream has exactly one true end",
    }
}

/// Counts and times of this run.
fn counts(report: &Report) -> Facts {
    let mut counts = facts([
        ("streams", json!(report.quiet.streams + report.noisy.streams)),
        ("events", json!(report.events + report.noisy_events)),
        ("deliveries", json!(report.quiet.delivered + report.noisy.delivered)),
        ("lagged_of_the_noisy_job", json!(report.noisy.lagged)),
        ("quiet_p50_us_alone", json!(report.alone.p50_us)),
        ("quiet_p50_us_beside_the_noise", json!(report.beside.p50_us)),
        ("quiet_p99_us_alone", json!(report.alone.p99_us)),
        ("quiet_p99_us_beside_the_noise", json!(report.beside.p99_us)),
    ]);
    let ratio = report.p99_ratio().map(|ratio| json!(format!("{ratio:.2}")));
    counts.extend(ratio.map(|ratio| ("quiet_p99_ratio".to_owned(), ratio)));
    counts
}

impl Rows<'_> {
    pub(super) fn load(&mut self, job: &Job, answer: &Answer<Value>) {
        let Task::Load { plan } = &job.task else { return };
        let report: Result<Result<Report, String>, _> = read(answer);
        for claim in JUDGED.into_iter().filter(|claim| self.options.asks_for(*claim)) {
            let mut row = blank(claim, "wire", "load", Strength::Observed);
            row.statement = statement(claim).into();
            row.beyond = true;
            row.bounds = facts([
                ("jobs", json!(plan.jobs + 1)),
                ("streams", json!((plan.jobs + 1) * plan.streams_per_job)),
                ("seconds", json!(plan.seconds)),
            ]);
            row.budget.kind = "seconds".into();
            match &report {
                Ok(Ok(report)) => self.loaded(&mut row, report),
                // A load that this machine cannot bring about shows nothing either way.
                Ok(Err(words)) | Err((Ended::Hang, words)) => {
                    row.budget.hit = true;
                    row.statement.push_str(&format!(" ({words})"));
                }
                Err((ended, words)) => end_badly(&mut row, *ended, words),
            }
            self.obligations.push(row);
        }
    }

    fn loaded(&mut self, row: &mut Obligation, report: &Report) {
        let reached = [
            ("quiet_events_accepted", report.events),
            ("noisy_events_accepted", report.noisy_events),
            ("deliveries_without_noise", report.alone.deliveries),
            ("deliveries_beside_noise", report.beside.deliveries),
        ];
        // How often is this run's own affair; that it was reached at all is not.
        let antecedent =
            |(premise, hits): (&str, u64)| Antecedent { premise: premise.into(), hits: hits.min(1), min: 1 };
        row.antecedents = reached.into_iter().map(antecedent).collect();
        let broken: Vec<String> = breaches(report, row.claim)
            .into_iter()
            .filter(|(_, n)| *n > 0)
            .map(|(what, n)| format!("{n} {what}"))
            .collect();
        if !broken.is_empty() {
            row.ended = Some(Ended::ObservedBreach);
            row.statement.push_str(&format!(" ({})", broken.join(", ")));
        }
        self.observed.counts.insert(row.id.clone(), counts(report));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_breach_breaks_one_guarantee() {
        let mut account = Account::default();
        let places: [fn(&mut Account) -> &mut u64; 9] = [
            |a| &mut a.foreign,
            |a| &mut a.altered,
            |a| &mut a.repeated,
            |a| &mut a.misplaced,
            |a| &mut a.missing,
            |a| &mut a.overcounted,
            |a| &mut a.false_ends,
            |a| &mut a.unknown,
            |a| &mut a.broken_off,
        ];
        for place in places {
            *place(&mut account) = 1;
            let report = Report { quiet: account, ..Report::default() };
            let broken = |claim: &Guarantee| breaches(&report, *claim).iter().any(|(_, n)| *n > 0);
            assert_eq!(JUDGED.iter().filter(|claim| broken(claim)).count(), 1, "{account:?}");
            assert_eq!(report.breaches(), 1, "{account:?}: what the load counts as a breach is one here");
            *place(&mut account) = 0;
        }
        let lost = Report { quiet: Account { lagged: 3, ..account }, refused: 1, ..Report::default() };
        assert_eq!(breaches(&lost, Guarantee::G7).iter().map(|(_, n)| n).sum::<u64>(), 4);
    }
}
