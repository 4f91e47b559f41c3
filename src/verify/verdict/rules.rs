//! From rows to a verdict. Pure, total, and small enough to be read in one sitting: this is what `narrowcast verify`
//! concludes with and what `narrowcast evidence check` concludes again.

use super::super::findings::Status;
use super::{
    Agreement, Budget, Claim, FRONTIER_EMPTIED, Fired, Kill, Mutant, MutantOutcome, NearMisses, Obligation,
    ObservedMutant, Stable, Strength,
};
use serde_json::Value;

/// The contract's word for a status.
pub fn word(status: Status) -> &'static str {
    match status {
        Status::Held => "held",
        Status::Violated => "violated",
        Status::Inconclusive => "inconclusive",
        Status::Vacuous => "vacuous",
        Status::NotChecked => "not_checked",
        Status::NotApplicable => "not_applicable",
    }
}

/// What one obligation's row says.
///
/// 1. *violated*, if it has a counterexample or came to a bad end. A breach is a breach, whatever else is missing.
/// 2. *not checked* or *not applicable*, if it is excused.
/// 3. *vacuous*, if a premise was reached too rarely. More budget might reach it; but what was done shows nothing.
/// 4. *inconclusive*, if it did not do what its strength promises.
/// 5. *held*.
pub fn result_of(obligation: &Obligation) -> Status {
    if !obligation.counterexamples.is_empty() || obligation.ended.is_some() {
        return Status::Violated;
    }
    if let Some(excuse) = &obligation.excuse {
        // An excuse can only ever weaken: a row that "excuses" itself as held is not checked.
        return match excuse.status {
            Status::NotApplicable => Status::NotApplicable,
            _ => Status::NotChecked,
        };
    }
    if obligation.antecedents.iter().any(|antecedent| antecedent.hits < antecedent.min) {
        return Status::Vacuous;
    }
    if fell_short(obligation) { Status::Inconclusive } else { Status::Held }
}

/// Whether an obligation ended before it had done what its strength promises: an exhaustive one an empty frontier, a
/// sampled one as many samples as its limit says (or an empty frontier, when there were no more).
fn fell_short(obligation: &Obligation) -> bool {
    let Budget { limit, used, hit, .. } = obligation.budget;
    let emptied = obligation.explored.get(FRONTIER_EMPTIED) == Some(&Value::Bool(true));
    hit || match obligation.strength {
        Strength::Exhaustive => !emptied,
        Strength::Sampled => !emptied && used < limit,
        Strength::ByConstruction | Strength::Observed => false,
    }
}

/// What a claim's obligations say of it: the worst of them, where *violated* is worse than *vacuous*, that than
/// *inconclusive*, that than *not checked*, that than *held*. What is not applicable does not count unless all is. The
/// strength is the weakest among those that were judged and are not [`beyond`](Obligation::beyond) the others.
///
/// A claim is *held* only if every applicable obligation is; without any it is *not checked*.
pub fn claim_status<'a>(obligations: impl IntoIterator<Item = &'a Obligation>) -> (Status, Option<Strength>) {
    let rows: Vec<(Status, Strength, bool)> =
        obligations.into_iter().map(|o| (result_of(o), o.strength, o.beyond)).collect();
    let has = |status: Status| rows.iter().any(|row| row.0 == status);
    let worst = [Status::Violated, Status::Vacuous, Status::Inconclusive, Status::NotChecked, Status::Held];
    let status = match worst.into_iter().find(|status| has(*status)) {
        Some(status) => status,
        None if rows.is_empty() => Status::NotChecked,
        None => Status::NotApplicable,
    };
    let judged: Vec<_> =
        rows.iter().filter(|row| !matches!(row.0, Status::NotChecked | Status::NotApplicable)).collect();
    // What looks beyond the needed obligations does not lower the strength; where there is nothing else, it is all there is.
    let needed = judged.iter().filter(|row| !row.2).map(|row| row.1).min();
    (status, needed.or_else(|| judged.iter().map(|row| row.1).min()))
}

/// Whether some check of an expected guarantee found the fault, and can show it again.
fn is_found(mutant: &Mutant) -> bool {
    mutant.killed_by.iter().any(|by| mutant.expected.contains(&by.guarantee) && !by.counterexample.is_empty())
}

/// What became of a planted fault. That it was not run, or that its time was over, only the run can say; that it was
/// killed, only the rows.
pub fn outcome_of(mutant: &Mutant) -> MutantOutcome {
    match mutant.outcome {
        _ if is_found(mutant) => MutantOutcome::Killed,
        MutantOutcome::Killed => MutantOutcome::Survived,
        said => said,
    }
}

/// How many planted faults were found, of those that were run.
pub fn kills(mutants: &[Mutant]) -> Kill {
    let count = |wanted: fn(MutantOutcome) -> bool| {
        u32::try_from(mutants.iter().filter(|mutant| wanted(outcome_of(mutant))).count()).unwrap_or(u32::MAX)
    };
    Kill {
        killed: count(|outcome| outcome == MutantOutcome::Killed),
        viable: count(|outcome| outcome != MutantOutcome::NotRun),
    }
}

/// How many of the planted faults that can only be observed were noticed, of how many.
pub fn noticed(mutants: &[ObservedMutant]) -> (usize, usize) {
    let is_noticed = |mutant: &&ObservedMutant| mutant.noticed.iter().any(|noticed| mutant.expected.contains(noticed));
    (mutants.iter().filter(is_noticed).count(), mutants.len())
}

/// The counts of the near-misses' rows.
pub fn false_alarms(near_misses: &NearMisses) -> (u32, u32) {
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let flagged = near_misses.rows.iter().filter(|row| !row.flagged.is_empty()).count();
    (count(flagged), count(near_misses.rows.len()))
}

/// Every class of trouble that the rows show, gravest first.
pub fn fired(stable: &Stable) -> Vec<Fired> {
    let results: Vec<Status> = stable.obligations.iter().map(result_of).collect();
    let mut fired: Vec<Fired> = stable.conditions.iter().map(|condition| condition.class).collect();
    let is_judged = |status: &Status| !matches!(status, Status::NotChecked | Status::NotApplicable);
    if results.is_empty() {
        fired.push(Fired::NothingSelected);
    } else if results.contains(&Status::Vacuous) || !results.iter().any(is_judged) {
        fired.push(Fired::Vacuous);
    }
    if results.contains(&Status::Violated) {
        fired.push(Fired::Violated);
    }
    if results.contains(&Status::Inconclusive) || !stable.agreements.iter().all(Agreement::holds) {
        fired.push(Fired::Inconclusive);
    }
    // A planted fault that is itself the subject proves nothing about the checks, so nothing is asked of them.
    let kill = kills(&stable.mutants);
    let (seen, observed) = noticed(&stable.observed_mutants);
    if stable.subject.fault.is_none() && (kill.killed < kill.viable || seen < observed) {
        fired.extend([Fired::Vacuous, Fired::Survivor]);
    }
    if false_alarms(&stable.near_misses).0 > 0 {
        fired.extend([Fired::Vacuous, Fired::FalseAlarm]);
    }
    fired.sort_unstable();
    fired.dedup();
    fired
}

/// The exit code of the gravest class; 0 if nothing fired.
pub fn exit_code(fired: &[Fired]) -> u8 {
    fired.iter().min().map_or(0, |gravest| gravest.exit_code())
}

/// The verdict on isolation. A drifted baseline and a lost microsecond fail the gate, but say nothing about isolation;
/// a subject that could not be reached says nothing at all.
pub fn verdict_of(fired: &[Fired]) -> Status {
    match fired.iter().min() {
        Some(Fired::Violated) => Status::Violated,
        Some(Fired::SubjectUnhealthy | Fired::Inconclusive) => Status::Inconclusive,
        Some(Fired::Vacuous | Fired::Survivor | Fired::FalseAlarm | Fired::NothingSelected) => Status::Vacuous,
        Some(Fired::BaselineDrift | Fired::PerformanceRegression) | None => Status::Held,
    }
}

impl Stable {
    /// The obligations of one claim, in order.
    pub fn obligations_of<'a>(&'a self, claim: &'a Claim) -> impl Iterator<Item = &'a Obligation> {
        self.obligations.iter().filter(move |obligation| obligation.claim == claim.id)
    }

    /// Fills in all that follows from the rows: results, statuses, strengths, outcomes, counts, `fired`, the exit code
    /// and the verdict. What stood there before is overwritten, save that a planted fault was not run or timed out.
    pub fn conclude(&mut self) {
        for obligation in &mut self.obligations {
            obligation.result = result_of(obligation);
        }
        for claim in &mut self.claims {
            let own: Vec<&Obligation> = self.obligations.iter().filter(|o| o.claim == claim.id).collect();
            (claim.status, claim.strength) = claim_status(own.iter().copied());
            claim.obligations = own.iter().map(|o| o.id.clone()).collect();
        }
        for mutant in &mut self.mutants {
            mutant.outcome = outcome_of(mutant);
        }
        self.kill = kills(&self.mutants);
        (self.near_misses.flagged, self.near_misses.total) = false_alarms(&self.near_misses);
        self.fired = fired(self);
        self.exit_code = exit_code(&self.fired);
        self.verdict = verdict_of(&self.fired);
    }
}
