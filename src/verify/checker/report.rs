//! From breaches to [`Findings`].

use super::super::findings::{Finding, Findings, JUDGED, LISTED_PER_GUARANTEE, Row, Status};
use super::super::guarantee::Guarantee;
use super::reclaimed::Retention;
use super::record::LineNo;
use std::collections::BTreeMap;

/// What a history held that each guarantee could judge: the premises of its rows.
#[derive(Debug, Default)]
pub(super) struct Premises {
    pub(super) deliveries: bool,
    pub(super) job_emits: bool,
    pub(super) system: bool,
    pub(super) answers: bool,
    pub(super) streams: bool,
    pub(super) ends: bool,
    /// A job's subscribe began after a close of it had returned.
    pub(super) sealed: bool,
}

impl Premises {
    fn met(&self, guarantee: Guarantee) -> bool {
        match guarantee {
            Guarantee::G1 | Guarantee::G5 => self.deliveries,
            Guarantee::G2 => self.job_emits,
            Guarantee::G3 => self.system,
            Guarantee::G4 => self.answers,
            Guarantee::G6 => self.streams,
            Guarantee::G9 => self.ends,
            Guarantee::G10 => self.sealed,
            _ => false,
        }
    }
}

/// The findings so far, and what is counted beside them.
#[derive(Debug, Default)]
pub(super) struct Report {
    findings: Vec<Finding>,
    listed: BTreeMap<Guarantee, usize>,
    omitted: BTreeMap<Guarantee, u64>,
    pub(super) premises: Premises,
    pub(super) operations: u64,
    pub(super) jobs: u64,
    pub(super) streams: u64,
    pub(super) tails_unjudged: u64,
    pub(super) late_effects: u64,
    /// What the router said it holds, and what it may hold.
    pub(super) retention: Retention,
    /// When each name was certainly open: half-open ranges of slots, with the name's number.
    pub(super) open_ranges: Vec<(LineNo, LineNo, u32)>,
}

impl Report {
    /// Adds a breach; the witness may come in any order. The message is only built if it will be listed.
    pub(super) fn breach(
        &mut self,
        guarantee: Guarantee,
        witness: impl IntoIterator<Item = LineNo>,
        message: impl FnOnce() -> String,
    ) {
        let listed = self.listed.entry(guarantee).or_default();
        if *listed == LISTED_PER_GUARANTEE {
            *self.omitted.entry(guarantee).or_default() += 1;
            return;
        }
        *listed += 1;
        let mut witness: Vec<usize> = witness.into_iter().map(|line| line as usize).collect();
        witness.sort_unstable();
        witness.dedup();
        let name = guarantee.name().to_owned();
        self.findings.push(Finding { guarantee, name, message: message(), witness });
    }

    /// Whether two different names were certainly open at one instant.
    fn jobs_overlap(&mut self) -> bool {
        self.open_ranges.sort_unstable();
        let mut latest: Option<(LineNo, u32)> = None;
        for &(from, until, name) in &self.open_ranges {
            // Ranges of one name may overlap each other; the one that lasts longest is the one to compare with. A name
            // whose range was replaced by a longer one of another name has met that other name before.
            if latest.is_some_and(|(end, other)| other != name && from < end) {
                return true;
            }
            if latest.is_none_or(|(end, _)| until > end) {
                latest = Some((until, name));
            }
        }
        false
    }

    pub(super) fn conclude(mut self) -> Findings {
        let retention = std::mem::take(&mut self.retention);
        self.premises.sealed |= retention.was_asked();
        retention.judge(&mut self);
        let overlap = self.jobs_overlap();
        let guarantees: Vec<Row> = JUDGED.iter().map(|&id| Row { id, status: self.status(id) }).collect();
        let verdict = if !self.findings.is_empty() {
            Status::Violated
        } else if !self.premises.deliveries || !overlap {
            Status::Vacuous
        } else {
            Status::Held
        };
        self.findings.sort_by(|a, b| (&a.witness, a.guarantee).cmp(&(&b.witness, b.guarantee)));
        Findings {
            schema: Findings::SCHEMA.to_owned(),
            verdict,
            operations: self.operations,
            jobs: self.jobs,
            streams: self.streams,
            tails_unjudged: self.tails_unjudged,
            late_effects: self.late_effects,
            guarantees,
            findings: self.findings,
            findings_omitted: self.omitted,
        }
    }

    fn status(&self, guarantee: Guarantee) -> Status {
        if self.listed.contains_key(&guarantee) {
            Status::Violated
        } else if !self.premises.met(guarantee) {
            Status::NotApplicable
        } else if guarantee == Guarantee::G6 && self.tails_unjudged > 0 {
            Status::Inconclusive
        } else {
            Status::Held
        }
    }
}
