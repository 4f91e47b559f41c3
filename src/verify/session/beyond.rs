//! Rows that look beyond the others: regressions replayed, programs drawn, and what threads of the operating system
//! showed, of which nothing replays and so most is volatile.

use super::child::Answer;
use super::rows::{Rows, antecedents, blank, bounds, end_badly, facts, lacking, read};
use super::{Job, Task};
use crate::verify::counterexample::Counterexample;
use crate::verify::findings::JUDGED;
use crate::verify::guarantee::Guarantee;
use crate::verify::methods::{replayed, threads};
use crate::verify::premises::Premise;
use crate::verify::regressions::Regression;
use crate::verify::strategies::Population;
use crate::verify::verdict::{Antecedent, Budget, CounterexampleRow, Ended, Facts, Obligation, Strength};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What methods showed whose schedule is not ours. It stands in `volatile`.
#[derive(Default)]
pub(super) struct Observed {
    /// By obligation.
    pub(super) counts: BTreeMap<String, Facts>,
    /// What was found.
    pub(super) shown: Vec<CounterexampleRow>,
    /// What was recorded, with the file that it belongs in.
    pub(super) histories: Vec<(String, String)>,
}

// === programs that were drawn ===

/// What the programs were like that were drawn: of each number the largest, and where a floor was promised the least.
pub(super) fn drawn_bounds(population: &Population) -> Facts {
    facts([
        ("programs", json!(population.programs)),
        ("jobs", json!(population.jobs[1])),
        ("jobs_at_least", json!(population.jobs[0])),
        ("emitters_each_at_least", json!(population.emitters_each[0])),
        ("readers_each_at_least", json!(population.readers_each[0])),
        ("threads", json!(population.threads[1])),
        ("operations", json!(population.operations[1])),
        ("streams", json!(population.streams[1])),
        ("events", json!(population.events[1])),
        ("retained", json!(population.retained[1])),
    ])
}

/// What the programs must have been like for their number to mean anything.
pub(super) fn population(population: &Population) -> Vec<Antecedent> {
    let row = |premise: &str, hits: u64| Antecedent { premise: premise.into(), hits, min: 1 };
    vec![
        row("programs_overflowing", population.overflowing),
        row("programs_creating_again", population.recreating),
        row("programs_closing_amid_emits", population.closing_amid_emits),
    ]
}

// === regressions ===

/// The claims that a row is due for: those asked for of `due`, and whatever was found besides.
fn claims(rows: &Rows<'_>, due: impl IntoIterator<Item = Guarantee>) -> Vec<Guarantee> {
    let mut claims: Vec<Guarantee> = due.into_iter().filter(|guarantee| rows.options.asks_for(*guarantee)).collect();
    claims.sort_unstable();
    claims.dedup();
    claims
}

impl Rows<'_> {
    pub(super) fn regressions(&mut self, job: &Job, answer: &Answer<Value>) {
        let Task::Regressions { regressions, .. } = &job.task else { return };
        let report: Result<replayed::Report, _> = read(answer);
        let found = report.iter().flat_map(|report| report.found.iter().map(|found| found.guarantee));
        for claim in claims(self, regressions.iter().map(|regression| regression.guarantee).chain(found)) {
            let own: Vec<_> = regressions.iter().filter(|regression| regression.guarantee == claim).collect();
            let mut row = blank(claim, "interleaved", "regressions", Strength::Sampled);
            row.statement = format!("programs that once broke {claim}, in this router or another: no history does");
            row.beyond = true;
            row.bounds = bounds(own.iter().map(|regression| &regression.program));
            row.budget = Budget { kind: "regressions".into(), limit: own.len() as u64, used: 0, hit: false };
            match &report {
                Ok(report) => self.replayed(&mut row, report, &own, regressions),
                Err((ended, words)) => end_badly(&mut row, *ended, words),
            }
            self.obligations.push(row);
        }
    }

    /// Fills a row in with what came of its own regressions, and of all where they broke its claim.
    fn replayed(&mut self, row: &mut Obligation, report: &replayed::Report, own: &[&Regression], all: &[Regression]) {
        let is_own = |stale: &&String| own.iter().any(|regression| stale.starts_with(&regression.file));
        let stale: Vec<&str> = report.stale.iter().filter(is_own).map(String::as_str).collect();
        if !stale.is_empty() {
            let stale = stale.join(", ");
            row.statement.push_str(&format!(" (stale, so every schedule was tried instead: {stale})"));
        }
        row.explored = facts([("regressions", json!(own.len())), ("stale_schedules", json!(stale.len()))]);
        row.budget.used = own.len() as u64;
        row.budget.hit = !stale.is_empty() && !report.frontier_emptied;
        row.antecedents =
            vec![Antecedent { premise: "regressions_replayed".into(), hits: own.len() as u64, min: own.len() as u64 }];
        row.excuse = lacking(row.claim, report.found.iter().map(|found| found.guarantee), &report.lacks);
        if let Some(abnormal) = &report.abnormal {
            end_badly(row, Ended::Panic, abnormal);
        }
        for found in report.found.iter().filter(|found| found.guarantee == row.claim) {
            let source = all.iter().find(|regression| regression.file == found.scenario);
            let seed = source.map_or(self.options.seed, |regression| regression.seed);
            let id = format!("{}-interleaved-regressions", row.claim.id());
            let cx = Counterexample::of_interleaved(id, self.subject(), seed, found);
            row.counterexamples.push(self.show("counterexamples", cx));
        }
    }
}

// === threads ===

impl Rows<'_> {
    pub(super) fn threads(&mut self, job: &Job, answer: &Answer<Value>) {
        let Task::Threads { plan, .. } = &job.task else { return };
        let report: Result<threads::Report, _> = read(answer);
        let programs = plan.all_programs();
        let found = report.iter().flat_map(|report| report.found.iter().map(|found| found.guarantee));
        for claim in claims(self, JUDGED.into_iter().chain(found)) {
            let mut row = blank(claim, "threads", "observed", Strength::Observed);
            row.statement = format!("on threads of the operating system no history that was recorded breaks {claim}");
            row.beyond = true;
            row.bounds = bounds(programs.iter().map(|(_, program)| program));
            let limit = plan.runs_each * programs.len() as u64;
            row.budget = Budget { kind: "runs".into(), limit, used: 0, hit: false };
            match &report {
                Ok(report) => self.observed(&mut row, report),
                // Each run has a watchdog of its own. That the many were not done in time says only that the machine is
                // busy.
                Err((Ended::Hang, words)) => {
                    row.budget.hit = true;
                    row.statement.push_str(&format!(" ({words})"));
                }
                Err((ended, words)) => end_badly(&mut row, *ended, words),
            }
            self.obligations.push(row);
        }
    }

    fn observed(&mut self, row: &mut Obligation, report: &threads::Report) {
        row.antecedents = antecedents(Premise::needed(row.claim), &report.premises);
        // How often is this run's own affair; that it was reached at all is not.
        row.antecedents.iter_mut().for_each(|antecedent| antecedent.hits = antecedent.hits.min(1));
        row.excuse = lacking(row.claim, report.found.iter().map(|found| found.guarantee), &report.lacks);
        if let Some(abnormal) = &report.abnormal {
            row.ended = Some(if abnormal.starts_with("Hang") { Ended::Hang } else { Ended::Panic });
        }
        let mut counts = facts([
            ("runs", json!(report.runs)),
            ("threads", json!(report.threads)),
            ("distinct", json!(report.distinct)),
        ]);
        let needed = Premise::needed(row.claim).iter().map(|premise| premise.id());
        counts.extend(needed.filter_map(|id| Some((id.to_owned(), json!(report.premises.get(id)?)))));
        counts.extend(report.abnormal.iter().map(|words| ("ended".to_owned(), json!(words))));
        self.observed.counts.insert(row.id.clone(), counts);
        for found in report.found.iter().filter(|found| found.guarantee == row.claim) {
            row.ended = Some(Ended::ObservedBreach);
            self.show_history(found);
        }
    }

    /// Keeps what was recorded, and shows it among the volatile counterexamples: nobody can run it again, but whoever
    /// doubts the judge can judge it again.
    fn show_history(&mut self, found: &threads::Found) {
        let id = format!("{}-threads-observed", found.guarantee.id());
        let file = format!("counterexamples/observed/{id}.jsonl");
        let finding = found.findings.findings.iter().find(|finding| finding.guarantee == found.guarantee);
        self.observed.shown.push(CounterexampleRow {
            id,
            guarantee: found.guarantee,
            scenario: finding.map_or_else(|| found.scenario.clone(), |finding| finding.message.clone()),
            steps: found.program.operations() as u64,
            minimised_from: found.program.operations() as u64,
            seed: format!("{:#x}", self.options.seed),
            schedule: "the operating system's, not recorded".into(),
            replay: format!("narrowcast check {file}"),
            file: file.clone(),
        });
        self.observed.histories.push((file, found.history.join("\n") + "\n"));
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Aim, Method, Options, Profile, rows};
    use super::*;
    use crate::verify::findings::Status;

    #[test]
    fn floors_stand_beside_the_bounds() {
        let population = Population { jobs: [3, 4], emitters_each: [2, 3], overflowing: 5, ..Population::default() };
        let bounds = drawn_bounds(&population);
        assert_eq!((&bounds["jobs"], &bounds["jobs_at_least"]), (&json!(4), &json!(3)));
        assert_eq!(bounds["emitters_each_at_least"], json!(2));
        let short = super::population(&population).into_iter().filter(|row| row.hits < row.min);
        assert_eq!(
            short.map(|row| row.premise).collect::<Vec<_>>(),
            ["programs_creating_again", "programs_closing_amid_emits"]
        );
    }

    /// The verdict on real threads whose child ended so.
    fn verdict(ended: Ended) -> Status {
        let options = Options {
            profile: Profile::Quick,
            seed: 1,
            only: Vec::new(),
            methods: vec![Method::Threads],
            fault: None,
            sequential: false,
            hunt: None,
            argv: Vec::new(),
        };
        let jobs = options.jobs();
        assert!(matches!(jobs[..], [Job { aim: Aim::Threads, .. }]), "real threads and nothing else");
        let answers = [Answer::Ended(ended, "as it ended".into())];
        let mut stable = rows::assemble(&options, &jobs, &answers, &[Vec::new()]).stable;
        stable.conclude();
        stable.verdict
    }

    #[test]
    fn a_child_that_is_late_shows_nothing_and_one_that_dies_is_a_breach() {
        assert_eq!(verdict(Ended::Hang), Status::Inconclusive);
        assert_eq!(verdict(Ended::Abort), Status::Violated);
    }
}
