//! The evidence file: written once, believed never. [`seal`] concludes a run and digests it; [`check`] takes a file
//! from anywhere, concludes again from its rows alone, and names each place where the file says something else.
//!
//! A digest without a signature stops no forger who is willing to write a whole consistent run: it tells whether two
//! runs are equal, and catches the edit of one field. That the rows are true is shown by running `reproduce`.

use crate::verify::findings::Status;
use crate::verify::guarantee::Guarantee;
use crate::verify::verdict::{Evidence, Facts, Fired, Kill, Stable, Strength, word};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fmt::{self, Write as _};

/// The largest integer that every JSON reader keeps exactly.
const LARGEST: u64 = (1 << 53) - 1;

/// Why a text is no evidence, or a value cannot become one. Not a verdict.
#[derive(Debug)]
pub enum Unreadable {
    /// No JSON, or a field is missing, twice there, or of the wrong type.
    Json(serde_json::Error),
    /// Another schema, or another version of it.
    Schema(String),
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unreadable::Json(error) => write!(f, "this is not {}: {error}", Evidence::SCHEMA),
            Unreadable::Schema(found) => write!(
                f,
                "this file's schema is {found:?}, and this build reads {:?}; use the narrowcast that wrote it",
                Evidence::SCHEMA
            ),
        }
    }
}

impl std::error::Error for Unreadable {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Unreadable::Json(error) => Some(error),
            Unreadable::Schema(_) => None,
        }
    }
}

impl From<serde_json::Error> for Unreadable {
    fn from(error: serde_json::Error) -> Self {
        Unreadable::Json(error)
    }
}

/// Concludes a run from its rows ([`Stable::conclude`]) and puts its digest on it.
///
/// # Errors
/// If a field cannot be written as canonical JSON.
pub fn seal(mut stable: Stable, mut volatile: Facts) -> Result<Evidence, Unreadable> {
    stable.conclude();
    for obligation in &mut stable.obligations {
        obligation.bounds.values_mut().chain(obligation.explored.values_mut()).for_each(keep_exact);
    }
    volatile.values_mut().for_each(keep_exact);
    let stable_sha256 = digest(&stable)?;
    Ok(Evidence { schema: Evidence::SCHEMA.to_owned(), volatile, stable_sha256, stable })
}

/// Turns integers that a JSON number cannot keep into strings.
fn keep_exact(value: &mut Value) {
    match value {
        Value::Number(number) if number.as_u64().is_some_and(|n| n > LARGEST) => {
            *value = Value::String(number.to_string());
        }
        Value::Number(number) if number.as_i64().is_some_and(|n| n.unsigned_abs() > LARGEST) => {
            *value = Value::String(number.to_string());
        }
        Value::Array(items) => items.iter_mut().for_each(keep_exact),
        Value::Object(fields) => fields.values_mut().for_each(keep_exact),
        _ => {}
    }
}

/// SHA-256 of the canonical form (RFC 8785), in lower-case hexadecimal.
fn digest(value: &impl Serialize) -> Result<String, Unreadable> {
    let canonical = serde_json_canonicalizer::to_vec(value)?;
    Ok(Sha256::digest(canonical).iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    }))
}

/// The text of `evidence.json`: one member a line, each in canonical form, so that the digest can be checked without
/// narrowcast (`docs/report.md`).
///
/// # Errors
/// If a field cannot be written as canonical JSON.
pub fn to_json(evidence: &Evidence) -> Result<String, Unreadable> {
    let schema = serde_json_canonicalizer::to_string(&evidence.schema)?;
    let sha256 = serde_json_canonicalizer::to_string(&evidence.stable_sha256)?;
    let stable = serde_json_canonicalizer::to_string(&evidence.stable)?;
    let volatile = serde_json_canonicalizer::to_string(&evidence.volatile)?;
    Ok(format!(
        "{{\n\"schema\":{schema},\n\"stable_sha256\":{sha256},\n\"stable\":{stable},\n\"volatile\":{volatile}\n}}\n"
    ))
}

/// Reads an evidence file without checking what it concludes; [`check`] does that.
///
/// # Errors
/// If the text is no evidence of this schema.
pub fn read(text: &str) -> Result<Evidence, Unreadable> {
    // The schema first: of a later version no field need be where we look for it.
    #[derive(Deserialize)]
    #[serde(expecting = "an object with a schema")]
    struct Header {
        schema: String,
    }
    let header: Header = serde_json::from_str(text)?;
    if header.schema != Evidence::SCHEMA {
        return Err(Unreadable::Schema(header.schema));
    }
    Ok(serde_json::from_str(text)?)
}

/// What an evidence file comes to when it is concluded again; serialised as `narrowcast.evidence-check/v1`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Checked {
    /// Always `narrowcast.evidence-check/v1`.
    pub schema: String,
    /// The verdict that follows from the rows.
    pub verdict: Status,
    /// The classes that fired.
    pub fired: Vec<Fired>,
    /// The exit code that follows from the rows.
    pub exit_code: u8,
    /// Each claim's status and strength, as they follow from the rows.
    pub claims: Vec<CheckedClaim>,
    /// The planted faults found, as they follow from the rows.
    pub kill: Kill,
    /// The digest of the file's `stable`.
    pub stable_sha256: String,
    /// Where the file says something else; empty if it tells the truth about itself.
    pub discrepancies: Vec<Discrepancy>,
}

/// One claim, concluded again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckedClaim {
    /// Which guarantee.
    pub id: Guarantee,
    /// What its obligations say of it.
    pub status: Status,
    /// The weakest of them.
    pub strength: Option<Strength>,
}

/// One place where an evidence file contradicts itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discrepancy {
    /// Which field.
    pub place: String,
    /// What stands there.
    pub stated: String,
    /// What follows from the rows.
    pub recomputed: String,
}

impl Checked {
    /// The schema's name.
    pub const SCHEMA: &'static str = "narrowcast.evidence-check/v1";

    /// The exit code of `narrowcast evidence check`: 2 if the file contradicts itself, since then it is malformed and
    /// supports no verdict; else the one that follows from its rows.
    pub fn exit_code(&self) -> u8 {
        if self.discrepancies.is_empty() { self.exit_code } else { 2 }
    }
}

/// Concludes an evidence file again from its rows alone.
///
/// # Errors
/// If the text is no evidence of this schema. A file that can be read but contradicts itself is no error here: see
/// [`Checked::discrepancies`].
pub fn check(text: &str) -> Result<Checked, Unreadable> {
    let evidence = read(text)?;
    // The digest covers the file's own members, also those that this build does not know.
    let raw: Value = serde_json::from_str(text)?;
    let stable_sha256 = digest(&raw["stable"])?;
    let stated = &evidence.stable;
    let mut concluded = stated.clone();
    concluded.conclude();

    let mut found = Discrepancies::default();
    found.compare("stable_sha256", &evidence.stable_sha256, &stable_sha256);
    found.compare("stable.verdict", word(stated.verdict), word(concluded.verdict));
    found.compare("stable.fired", classes(&stated.fired), classes(&concluded.fired));
    found.compare("stable.exit_code", stated.exit_code, concluded.exit_code);
    found.claims(stated, &concluded);
    found.obligations(stated, &concluded);
    found.planted(stated, &concluded);
    found.counterexamples(stated);

    Ok(Checked {
        schema: Checked::SCHEMA.to_owned(),
        verdict: concluded.verdict,
        fired: concluded.fired,
        exit_code: concluded.exit_code,
        claims: concluded
            .claims
            .iter()
            .map(|claim| CheckedClaim { id: claim.id, status: claim.status, strength: claim.strength })
            .collect(),
        kill: concluded.kill,
        stable_sha256,
        discrepancies: found.0,
    })
}

fn classes(fired: &[Fired]) -> String {
    let words: Vec<&str> = fired.iter().map(|class| class.word()).collect();
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

fn strength_word(strength: Option<Strength>) -> &'static str {
    strength.map_or("none", Strength::word)
}

#[derive(Default)]
struct Discrepancies(Vec<Discrepancy>);

impl Discrepancies {
    fn compare(&mut self, place: impl fmt::Display, stated: impl fmt::Display, recomputed: impl fmt::Display) {
        let (stated, recomputed) = (stated.to_string(), recomputed.to_string());
        if stated != recomputed {
            self.0.push(Discrepancy { place: place.to_string(), stated, recomputed });
        }
    }

    /// Ids name one row each, or a reader looks at the wrong one.
    fn unique<'a>(&mut self, place: &str, ids: impl Iterator<Item = &'a str>) {
        let mut seen = BTreeSet::new();
        for id in ids {
            if !seen.insert(id) {
                self.compare(format_args!("{place}[{id}]"), "twice", "once");
            }
        }
    }

    fn claims(&mut self, stated: &Stable, concluded: &Stable) {
        let listed = stated.claims.iter().map(|claim| claim.id.id()).collect::<Vec<_>>().join(" ");
        self.compare("stable.claims", listed, Guarantee::ALL.map(Guarantee::id).join(" "));
        for (stated, concluded) in stated.claims.iter().zip(&concluded.claims) {
            let place = format!("stable.claims[{}]", stated.id);
            self.compare(format_args!("{place}.name"), &stated.name, stated.id.name());
            self.compare(format_args!("{place}.status"), word(stated.status), word(concluded.status));
            self.compare(
                format_args!("{place}.strength"),
                strength_word(stated.strength),
                strength_word(concluded.strength),
            );
            self.compare(
                format_args!("{place}.obligations"),
                stated.obligations.join(" "),
                concluded.obligations.join(" "),
            );
        }
    }

    fn obligations(&mut self, stated: &Stable, concluded: &Stable) {
        self.unique("stable.obligations", stated.obligations.iter().map(|o| o.id.as_str()));
        for (stated, concluded) in stated.obligations.iter().zip(&concluded.obligations) {
            self.compare(
                format_args!("stable.obligations[{}].result", stated.id),
                word(stated.result),
                word(concluded.result),
            );
        }
    }

    fn planted(&mut self, stated: &Stable, concluded: &Stable) {
        self.unique("stable.mutants", stated.mutants.iter().map(|mutant| mutant.id.as_str()));
        for (stated, concluded) in stated.mutants.iter().zip(&concluded.mutants) {
            let place = format!("stable.mutants[{}].outcome", stated.id);
            self.compare(place, stated.outcome.word(), concluded.outcome.word());
            if !(1..=2).contains(&stated.expected.len()) {
                // A fault that is expected of many guarantees is found by anything.
                let place = format!("stable.mutants[{}].expected", stated.id);
                self.compare(place, format_args!("{} guarantees", stated.expected.len()), "1 or 2 guarantees");
            }
        }
        self.compare("stable.kill.killed", stated.kill.killed, concluded.kill.killed);
        self.compare("stable.kill.viable", stated.kill.viable, concluded.kill.viable);
        self.unique("stable.observed_mutants", stated.observed_mutants.iter().map(|mutant| mutant.id.as_str()));
        self.unique("stable.near_misses", stated.near_misses.rows.iter().map(|row| row.id.as_str()));
        self.compare("stable.near_misses.flagged", stated.near_misses.flagged, concluded.near_misses.flagged);
        self.compare("stable.near_misses.total", stated.near_misses.total, concluded.near_misses.total);
    }

    /// Each counterexample belongs to the obligation that found it, and breaks that obligation's guarantee.
    fn counterexamples(&mut self, stated: &Stable) {
        self.unique("stable.counterexamples", stated.counterexamples.iter().map(|row| row.id.as_str()));
        for row in &stated.counterexamples {
            let finders = stated.obligations.iter().filter(|o| o.counterexamples.contains(&row.id));
            let claims: BTreeSet<Guarantee> = finders.map(|obligation| obligation.claim).collect();
            if !claims.contains(&row.guarantee) {
                let claims = claims.iter().map(|claim| claim.id()).collect::<Vec<_>>().join(" ");
                let found_for = if claims.is_empty() { "found by no obligation".to_owned() } else { claims };
                self.compare(format_args!("stable.counterexamples[{}].guarantee", row.id), row.guarantee, found_for);
            }
        }
        for obligation in &stated.obligations {
            for id in &obligation.counterexamples {
                if !stated.counterexamples.iter().any(|row| &row.id == id) {
                    let place = format!("stable.obligations[{}].counterexamples", obligation.id);
                    self.compare(place, id, "no such counterexample");
                }
            }
        }
    }
}
