//! What a judge found: plain data, the same for the oracle and the streaming checker, serialised as
//! `narrowcast.findings/v1` (`docs/history.md`).

use super::guarantee::Guarantee;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The guarantees that one history can show, in the order of the rows.
pub const JUDGED: [Guarantee; 8] = {
    use Guarantee::*;
    [G1, G2, G3, G4, G5, G6, G9, G10]
};

/// How many findings of one guarantee are listed; the rest are counted in [`Findings::findings_omitted`].
pub const LISTED_PER_GUARANTEE: usize = 100;

/// What is said of one guarantee, or of a whole history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Judged, and nothing was found.
    Held,
    /// Something was found.
    Violated,
    /// A part could not be judged (an unfinished tail; a budget that ended the search first).
    Inconclusive,
    /// The premise was never reached: nothing happened that could have gone wrong.
    Vacuous,
    /// This build or method cannot check it.
    NotChecked,
    /// There was nothing to judge, or the subject lacks the operation.
    NotApplicable,
}

/// One breach, with the lines that show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Which guarantee is broken.
    pub guarantee: Guarantee,
    /// Its name.
    pub name: String,
    /// One sentence: who saw what, and why that is a contradiction.
    pub message: String,
    /// The lines that show it, from 1, ascending.
    pub witness: Vec<usize>,
}

/// One row of the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Which guarantee.
    pub id: Guarantee,
    /// What is said of it: `held`, `violated`, `inconclusive` or `not_applicable`.
    pub status: Status,
}

/// The judgement of one history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Findings {
    /// Always `narrowcast.findings/v1`.
    pub schema: String,
    /// The whole: `violated`, `vacuous` or `held`.
    pub verdict: Status,
    /// Invoke lines.
    pub operations: u64,
    /// Different job names.
    pub jobs: u64,
    /// Subscribes that did not fail.
    pub streams: u64,
    /// Streams whose tail could not be judged.
    pub tails_unjudged: u64,
    /// `info` emits that took effect in a later incarnation.
    pub late_effects: u64,
    /// A row for each of [`JUDGED`].
    pub guarantees: Vec<Row>,
    /// At most [`LISTED_PER_GUARANTEE`] of each guarantee, in the order of their first witness line.
    pub findings: Vec<Finding>,
    /// How many more there were, by guarantee.
    pub findings_omitted: BTreeMap<Guarantee, u64>,
}

impl Findings {
    /// The schema's name.
    pub const SCHEMA: &'static str = "narrowcast.findings/v1";

    /// The guarantees found broken, in order.
    pub fn violated(&self) -> Vec<Guarantee> {
        self.guarantees.iter().filter(|row| row.status == Status::Violated).map(|row| row.id).collect()
    }

    /// With findings of a guarantee that no single history shows; without any, as they were.
    pub fn with(mut self, guarantee: Guarantee, found: Vec<Finding>) -> Findings {
        if !found.is_empty() {
            self.verdict = Status::Violated;
            self.guarantees.push(Row { id: guarantee, status: Status::Violated });
            self.guarantees.sort_by_key(|row| row.id);
            self.findings.extend(found);
        }
        self
    }

    /// What is said of one guarantee; `None` if it is not one of [`JUDGED`].
    pub fn status(&self, guarantee: Guarantee) -> Option<Status> {
        self.guarantees.iter().find(|row| row.id == guarantee).map(|row| row.status)
    }
}
