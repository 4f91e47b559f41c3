//! Rows of what was seen on sockets. The schedule is not ours: counts and breaches are volatile, results are not.

use super::child::{Answer, Task};
use super::rows::{Rows, blank, end_badly, facts, read};
use super::{Aim, Job, Method, Options, Profile};
use crate::verify::faults::{self, About, Fault};
use crate::verify::guarantee::Guarantee;
use crate::verify::methods::interleaved::SplitMix;
use crate::verify::methods::wire::{Breach, EXAMINATIONS, Examined, Plan, Report};
use crate::verify::verdict::{
    Antecedent, Condition, CounterexampleRow, Ended, Fired, NearMiss, Obligation, ObservedMutant, Strength,
};
use serde_json::{Value, json};

/// Rounds of concurrent jobs behind a gateway.
const MUSEUM_ROUNDS: u64 = 2;

/// Milliseconds after which what must come is taken not to. Of the service itself nothing that holds is judged by it;
/// a planted fault often is silent where it should speak, and silence has to be waited for.
const PATIENCE_MS: u64 = 30_000;
const MUSEUM_PATIENCE_MS: u64 = 3_000;

/// What a child answers: a report, or why the service could not be started.
type Probed = Result<Report, String>;

impl Options {
    fn wire_plan(&self, wanted: Vec<Guarantee>) -> Plan {
        let rounds = match self.profile {
            Profile::Quick => 3,
            Profile::Ci => 30,
            Profile::Deep => 300,
        };
        Plan { seed: SplitMix(self.seed).next(), rounds, wanted, patience_ms: PATIENCE_MS }
    }

    /// Whether anything of this is asked for. What happens on sockets cannot be forced sequential.
    pub(super) fn probes(&self, wanted: &[Guarantee]) -> bool {
        self.uses(Method::Wire) && !self.sequential && wanted.iter().any(|guarantee| self.asks_for(*guarantee))
    }

    /// The service itself, or the gateway that is the subject.
    pub(super) fn wire(&self) -> Option<Job> {
        let judged: Vec<Guarantee> = EXAMINATIONS.iter().flat_map(|(_, of)| of.iter().map(|(g, _)| *g)).collect();
        let (gateway, patience_ms) = match self.fault {
            None => (0, PATIENCE_MS),
            Some(Fault::Gateway(number, _)) => (number, MUSEUM_PATIENCE_MS),
            Some(Fault::Router(..) | Fault::Patch(_)) => return None,
        };
        let plan = Plan { patience_ms, ..self.wire_plan(self.only.clone()) };
        self.probes(&judged).then_some(Job { task: Task::Wire { gateway, plan }, aim: Aim::Wire })
    }

    /// The leaky gateways, each probed for what it is expected to break, and those that are right, for everything.
    pub(super) fn wire_museum(&self) -> Vec<Job> {
        let mut jobs = Vec::new();
        for fault in faults::gateways() {
            let Fault::Gateway(gateway, about) = fault else { continue };
            let wanted: Vec<Guarantee> = about.expected.iter().copied().filter(|g| self.asks_for(*g)).collect();
            if self.probes(&wanted) {
                let plan = Plan { rounds: MUSEUM_ROUNDS, patience_ms: MUSEUM_PATIENCE_MS, ..self.wire_plan(wanted) };
                jobs.push(Job { task: Task::Wire { gateway, plan }, aim: Aim::WireFault(fault) });
            }
        }
        let all = Guarantee::ALL;
        for (gateway, about) in faults::gateway_near_misses().into_iter().filter(|_| self.probes(&all)) {
            let plan = Plan { rounds: MUSEUM_ROUNDS, ..self.wire_plan(self.only.clone()) };
            jobs.push(Job { task: Task::Wire { gateway, plan }, aim: Aim::WireNearMiss(about) });
        }
        jobs
    }
}

/// What an examination shows of a guarantee, in words.
fn statement(examination: &str, claim: Guarantee) -> String {
    let what = match examination {
        "runs" => {
            let of = "concurrent jobs over sockets, one reader stalled";
            return format!("{of}: no history that was recorded breaks {claim}");
        }
        "ends" => "each end tells the true outcome, once and last; silence and readers that leave end nothing",
        "operators" => {
            "metrics and the operators' stream tell nothing of a job's own; no job's stream tells the system's"
        }
        "paired" => "what one job's owner sees over sockets is the same alone and beside busy jobs",
        "frames" => "hostile texts in every field come out as they went in, whole and at every cut, and forge nothing",
        "doors" => {
            "no route opens to what is not the right credential, nor to what a kept connection said before; revocation \
             and expiry end live streams"
        }
        "refusals" => "refusals are alike byte for byte; ids carry at least 122 random bits",
        "positions" => "only a job's own positions are resumed from; all others are refused or a stated gap",
        _ => "an examination",
    };
    what.to_owned()
}

/// The answer of a child that was to probe.
fn probed(answer: &Answer<Value>) -> Result<Report, (Ended, String)> {
    read::<Probed>(answer).and_then(|probed| probed.map_err(|why| (Ended::Abort, why)))
}

impl Rows<'_> {
    pub(super) fn wire(&mut self, job: &Job, answer: &Answer<Value>) {
        let Task::Wire { plan, .. } = &job.task else { return };
        let report = probed(answer);
        if let Ok(Err(why)) = read::<Probed>(answer) {
            let detail = format!("the service could not be started: {why}");
            self.conditions.push(Condition { class: Fired::SubjectUnhealthy, detail });
            return;
        }
        for (examination, judges) in EXAMINATIONS {
            for (claim, premises) in judges.iter().filter(|(claim, _)| self.options.asks_for(*claim)) {
                let mut row = blank(*claim, "wire", examination, Strength::Observed);
                row.statement = statement(examination, *claim);
                // Where other methods choose the schedule, this looks beyond them.
                row.beyond = *claim < Guarantee::G11;
                row.budget.kind = "checks".into();
                if examination == "runs" {
                    row.bounds = facts([("rounds", json!(plan.rounds)), ("jobs", json!(3))]);
                }
                match &report {
                    Ok(report) => {
                        let examined = report.examined.iter().find(|examined| examined.examination == examination);
                        self.examined(&mut row, examined, premises);
                    }
                    // A watchdog says only that the machine is busy.
                    Err((Ended::Hang, words)) => {
                        row.budget.hit = true;
                        row.statement.push_str(&format!(" ({words})"));
                    }
                    Err((ended, words)) => end_badly(&mut row, *ended, words),
                }
                self.obligations.push(row);
            }
        }
    }

    fn examined(&mut self, row: &mut Obligation, examined: Option<&Examined>, premises: &[&str]) {
        let nothing = Examined { trouble: Some("it was not carried out".into()), ..Examined::default() };
        let examined = examined.unwrap_or(&nothing);
        let reached = |premise: &str| {
            let of_claim = examined.premises.get(&row.claim);
            of_claim.and_then(|reached| reached.get(premise)).copied().unwrap_or(0)
        };
        // How often is this run's own affair; that it was reached at all is not.
        row.antecedents = premises
            .iter()
            .map(|premise| Antecedent { premise: (*premise).into(), hits: reached(premise).min(1), min: 1 })
            .collect();
        let checks = examined.checks.get(&row.claim).copied().unwrap_or(0);
        let mut counts = facts([("checks", json!(checks))]);
        counts.extend(premises.iter().map(|premise| ((*premise).to_owned(), json!(reached(premise)))));
        counts.extend(examined.trouble.iter().map(|words| ("trouble".to_owned(), json!(words))));
        self.observed.counts.insert(row.id.clone(), counts);
        if let Some(trouble) = &examined.trouble {
            row.budget.hit = true;
            self.conditions.push(Condition { class: Fired::Inconclusive, detail: format!("{}: {trouble}", row.id) });
        }
        let mut breaches = examined.breaches.iter().filter(|breach| breach.guarantee == row.claim);
        if let Some(breach) = breaches.next() {
            row.ended = Some(Ended::ObservedBreach);
            let part = row.id.rsplit('/').next().unwrap_or_default();
            self.show_breach(format!("{}-wire-{part}", breach.guarantee.id()), breach);
        }
    }

    /// Keeps what was said and heard, and shows it among the volatile counterexamples.
    fn show_breach(&mut self, id: String, breach: &Breach) {
        let extension = if breach.is_history { "jsonl" } else { "txt" };
        let file = format!("counterexamples/observed/{id}.{extension}");
        let mut again = format!("narrowcast verify --method wire --only {}", breach.guarantee.id());
        if let Some(fault) = self.options.fault {
            again.push_str(&format!(" --fault {}", fault.id()));
        }
        let steps = breach.evidence.len() as u64;
        self.observed.shown.push(CounterexampleRow {
            id,
            guarantee: breach.guarantee,
            scenario: match breach.is_history {
                true => breach.message.clone(),
                false => format!("{} (said and heard: {file})", breach.message),
            },
            steps,
            minimised_from: steps,
            seed: format!("{:#x}", self.options.seed),
            schedule: "the operating system's, not recorded".into(),
            replay: if breach.is_history { format!("narrowcast check {file}") } else { again },
            file: file.clone(),
        });
        let heard = match breach.is_history {
            true => breach.evidence.join("\n") + "\n",
            false => format!("{}: {}\n\n{}\n", breach.guarantee, breach.message, breach.evidence.join("\n\n")),
        };
        self.observed.histories.push((file, heard));
    }

    pub(super) fn wire_fault(&mut self, fault: Fault, answer: &Answer<Value>) {
        let examined = probed(answer).map(|report| report.examined).unwrap_or_default();
        let found: Vec<Guarantee> = examined.iter().flat_map(|e| e.breaches.iter().map(|b| b.guarantee)).collect();
        let expected = fault.expected();
        self.observed_mutants.push(ObservedMutant {
            id: fault.id().into(),
            defect: fault.defect().into(),
            incident: fault.incident().into(),
            noticed: expected.iter().copied().filter(|guarantee| found.contains(guarantee)).collect(),
            expected,
            method: Method::Wire.name().into(),
        });
    }

    pub(super) fn wire_near_miss(&mut self, about: &About, answer: &Answer<Value>) {
        let report = probed(answer).unwrap_or_else(|(ended, words)| {
            let trouble = Some(format!("{}: {words}", ended.word()));
            Report { examined: vec![Examined { trouble, ..Examined::default() }] }
        });
        for examined in report.examined.iter().filter(|examined| examined.trouble.is_some()) {
            // One that cannot be judged shows nothing, and must not pass unseen.
            let (what, why) = (&examined.examination, examined.trouble.as_deref().unwrap_or_default());
            let detail = format!("near-miss {} was not judged by {what}: {why}", about.id);
            self.conditions.push(Condition { class: Fired::Inconclusive, detail });
        }
        let breaches: Vec<&Breach> = report.examined.iter().flat_map(|examined| &examined.breaches).collect();
        for breach in &breaches {
            self.show_breach(format!("{}-{}", about.id, breach.guarantee.id()), breach);
        }
        let mut flagged: Vec<Guarantee> = breaches.iter().map(|breach| breach.guarantee).collect();
        flagged.sort_unstable();
        flagged.dedup();
        self.near_misses.push(NearMiss { id: about.id.into(), what: about.defect.into(), flagged });
    }
}
