//! Probing a running service over its sockets: what is said on the wire, and to whom.
//!
//! The prober knows the service by its contract alone: an address, an operators' credential, and the routes and shapes
//! of `docs/service.md`. It runs next to nothing of the router's code (the parser of event streams is ours), sends and
//! reads bytes, and each *examination* judges one guarantee, or a few:
//!
//! | examination | guarantees | how |
//! |---|---|---|
//! | `runs` | G1 to G6, G9 | histories of concurrent jobs, judged by the streaming judge; a reader that stalls |
//! | `ends` | G9 | ends, and what is none: silence, readers that leave, each outcome |
//! | `aside` | G3, G8 | what operators see of jobs; what a job sees of others, by paired runs; tenants' shares |
//! | `frames` | G11 | hostile texts in every field; the bytes, and three readings of them; payloads to the letter |
//! | `doors` | G12 | every route, with every credential but the right one; what revocation and expiry end |
//! | `refusals` | G13 | refusals compared byte for byte, whatever else is wrong; the bits of ids |
//! | `positions` | G14 | cursors that are foreign, forged, damaged, evicted, and genuine, before and after the close |
//!
//! The schedule is the operating system's, so all this is *observed*. Nothing is judged by time: what must come is
//! awaited with patience, and what must not come is awaited up to a sign that it would have come by then.

mod aside;
mod doors;
mod ends;
mod frames;
mod http;
mod kept;
mod keys;
mod positions;
mod refusals;
mod runs;
mod stalls;

use crate::verify::guarantee::Guarantee;
use crate::verify::subject::service::Service;
use http::{Talk, Trouble};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// What to examine, and how long.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plan {
    /// From which names, texts, cuts and orders are drawn.
    pub seed: u64,
    /// So many rounds of concurrent jobs.
    pub rounds: u64,
    /// These guarantees only; all, if none.
    pub wanted: Vec<Guarantee>,
    /// Milliseconds after which what must come is taken not to. A net: nothing that holds waits for it.
    pub patience_ms: u64,
}

/// What one examination came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Examined {
    /// Its name.
    pub examination: String,
    /// What was checked of each guarantee, and how often.
    pub checks: BTreeMap<Guarantee, u64>,
    /// What had to happen for the checks to mean anything, and how often it did.
    pub premises: BTreeMap<Guarantee, BTreeMap<String, u64>>,
    /// What was found; of each guarantee the first few.
    pub breaches: Vec<Breach>,
    /// Why it could not go on, if it could not.
    pub trouble: Option<String>,
}

/// A breach, with what was said and heard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breach {
    /// Of what.
    pub guarantee: Guarantee,
    /// In one sentence.
    pub message: String,
    /// What shows it, a line each; a history (`narrowcast.history/v1`) if `is_history`.
    pub evidence: Vec<String>,
    /// Whether `narrowcast check` can judge the evidence again.
    pub is_history: bool,
}

/// At most so many breaches of one guarantee are kept by an examination.
const KEPT: usize = 3;

/// Everything that came of a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// In the order of [`EXAMINATIONS`].
    pub examined: Vec<Examined>,
}

/// A guarantee, and the premises that its checks need.
pub type Judged = (Guarantee, &'static [&'static str]);

/// The examinations, the guarantees that each judges, and the premises that each of these needs.
pub const EXAMINATIONS: [(&str, &[Judged]); 8] = {
    use Guarantee::*;
    [
        ("runs", &runs::JUDGES),
        ("ends", &[(G9, ends::PREMISES)]),
        ("operators", &[(G3, aside::OPERATORS)]),
        ("paired", &[(G8, aside::PAIRED)]),
        ("frames", &[(G11, frames::PREMISES)]),
        ("doors", &[(G12, doors::PREMISES)]),
        ("refusals", &[(G13, refusals::PREMISES)]),
        ("positions", &[(G14, positions::PREMISES)]),
    ]
};

/// What an examination writes down.
pub(super) struct Notes {
    seed: u64,
    rounds: u64,
    retain_events: u64,
    examined: Examined,
}

impl Notes {
    /// One check. `Err` says what is wrong, and what shows it.
    fn check(&mut self, guarantee: Guarantee, ok: bool, wrong: impl FnOnce() -> (String, Vec<String>)) {
        *self.examined.checks.entry(guarantee).or_default() += 1;
        if !ok {
            let (message, evidence) = wrong();
            self.breach(Breach { guarantee, message, evidence, is_history: false });
        }
    }

    fn breach(&mut self, breach: Breach) {
        let known = self.examined.breaches.iter().filter(|known| known.guarantee == breach.guarantee).count();
        if known < KEPT {
            self.examined.breaches.push(breach);
        }
    }

    /// Something happened that had to.
    fn reached(&mut self, guarantee: Guarantee, premise: &str, times: u64) {
        *self.examined.premises.entry(guarantee).or_default().entry(premise.to_owned()).or_default() += times;
    }
}

/// Examines a running service.
///
/// # Cancel safety
/// Dropped, it closes its connections; jobs that it created stay until the service gives them up.
pub async fn carry_out(service: &Service, plan: &Plan) -> Report {
    let talk = Talk {
        address: service.address,
        operator: service.operator.clone(),
        ticket_ms: service.ticket_ms,
        keyed: service.keyed.clone(),
        patience: Duration::from_millis(plan.patience_ms),
    };
    let mut report = Report::default();
    for (name, judges) in EXAMINATIONS {
        let is_wanted = |guarantee: &Guarantee| plan.wanted.is_empty() || plan.wanted.contains(guarantee);
        if !judges.iter().any(|(guarantee, _)| is_wanted(guarantee)) {
            continue;
        }
        let examined = Examined { examination: name.into(), ..Examined::default() };
        let retain_events = service.retain_events;
        let mut notes = Notes { seed: plan.seed, rounds: plan.rounds, retain_events, examined };
        let done = examine(name, &talk, &mut notes).await;
        notes.examined.trouble = done.err().map(|trouble| trouble.what);
        report.examined.push(notes.examined);
    }
    report
}

async fn examine(name: &str, talk: &Talk, notes: &mut Notes) -> Result<(), Trouble> {
    match name {
        "runs" => runs::examine(talk, notes).await,
        "ends" => ends::examine(talk, notes).await,
        "operators" => aside::operators(talk, notes).await,
        "paired" => aside::paired(talk, notes).await,
        "frames" => frames::examine(talk, notes).await,
        "doors" => doors::examine(talk, notes).await,
        "refusals" => refusals::examine(talk, notes).await,
        "positions" => positions::examine(talk, notes).await,
        _ => http::never(format!("there is no examination {name}")),
    }
}
