//! The verdict: what a run did, as rows, and what follows from them.
//!
//! Everything here is plain data ([`Evidence`], serialised as `narrowcast.evidence/v1`, `docs/report.md`) and pure
//! functions of it ([`rules`]). A run fills in rows and calls [`Stable::conclude`]; whoever doubts the run calls the
//! same rules on the same rows and must get the same verdict. Nothing of a verdict is ever stored that the rows do not
//! say too.

pub mod rules;
#[cfg(test)]
mod tests;

use super::findings::Status;
use super::guarantee::Guarantee;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

pub use rules::{claim_status, exit_code, kills, noticed, result_of, verdict_of, word};

/// The key in [`Obligation::explored`] under which an exhaustive search says whether it came to its end.
pub const FRONTIER_EMPTIED: &str = "frontier_emptied";

/// Bounds and counters by name: integers, booleans, strings.
pub type Facts = BTreeMap<String, Value>;

/// A whole evidence file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Always `narrowcast.evidence/v1`.
    pub schema: String,
    /// All that may differ between two equal runs: times, host, durations, and the counts, kills and counterexamples
    /// of methods whose schedule is not ours. Free in form; the verdict never rests on it.
    pub volatile: Facts,
    /// The digest of [`Evidence::stable`] in canonical form (RFC 8785, SHA-256, lower-case hex).
    pub stable_sha256: String,
    /// The same, byte for byte, in every run of the same seed, build and profile.
    pub stable: Stable,
}

impl Evidence {
    /// The schema's name.
    pub const SCHEMA: &'static str = "narrowcast.evidence/v1";
}

/// The part of the evidence that replays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stable {
    /// `held`, `violated`, `inconclusive` or `vacuous`.
    pub verdict: Status,
    /// Every class of trouble that the rows show, gravest first; empty means held.
    pub fired: Vec<Fired>,
    /// The exit code of the gravest class; 0 if none.
    pub exit_code: u8,
    /// What was asked for.
    pub run: Run,
    /// What did the checking.
    pub tool: Tool,
    /// What was checked.
    pub subject: Subject,
    /// What must be true for the rest to mean anything.
    pub assumptions: Vec<Assumption>,
    /// One row for each of G1 to G15, in order.
    pub claims: Vec<Claim>,
    /// What was checked for the claims.
    pub obligations: Vec<Obligation>,
    /// The planted faults.
    pub mutants: Vec<Mutant>,
    /// How many of them were found.
    pub kill: Kill,
    /// Planted faults that only methods whose schedule is not ours can show. Each must be noticed; none is a kill, since
    /// nothing of it replays.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub observed_mutants: Vec<ObservedMutant>,
    /// How many schedules it takes to meet them; empty where nothing was hunted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hunts: Vec<Hunt>,
    /// Correct but unusual routers, which must not be flagged.
    pub near_misses: NearMisses,
    /// Explorers held against each other; empty where only one of them ran.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub agreements: Vec<Agreement>,
    /// What was found, minimised.
    pub counterexamples: Vec<CounterexampleRow>,
    /// What nobody checked, and what nobody claims.
    pub residual_risks: Vec<Risk>,
    /// Trouble that no obligation shows: a subject that did not start, a missing shard, a drifted baseline.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The command line, without `--out` and `--format`.
    pub argv: Vec<String>,
    /// `quick`, `ci` or `deep`.
    pub profile: String,
    /// In hexadecimal, `0x1`: a seed has 64 bits and a JSON number only 53.
    pub seed: String,
    /// The command that does this run again.
    pub reproduce: String,
}

/// What did the checking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// `narrowcast`.
    pub name: String,
    /// Of the crate.
    pub version: String,
    /// The commit it was built from, or `unknown`.
    pub commit: String,
    /// Whether the tree differed from that commit.
    pub dirty: bool,
    /// The compiler.
    pub rustc: String,
}

/// What was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// Such as `reference`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// How it was driven: `in_process`, `http`.
    pub adapter: String,
    /// Set if the subject is a planted fault (`verify --fault ID`): then no planted faults are run against the checks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// What must be true for the rest to mean anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assumption {
    /// `A1`, ...
    pub id: String,
    /// The assumption.
    pub text: String,
    /// What is lost if it is false.
    pub if_false: String,
}

/// What remains unknown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Risk {
    /// `R1`, ...
    pub id: String,
    /// What remains.
    pub text: String,
}

/// How strong a method is. The order is that of strength: the weakest comes first, so that `min` is what counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strength {
    /// A real run, whose schedule nobody chose.
    Observed,
    /// So many schedules, cases or inputs, by a named sampler.
    Sampled,
    /// Every interleaving or input within the stated bounds.
    Exhaustive,
    /// A program that breaks it does not compile.
    ByConstruction,
}

impl Strength {
    /// The word of the contract.
    pub fn word(self) -> &'static str {
        match self {
            Strength::Observed => "observed",
            Strength::Sampled => "sampled",
            Strength::Exhaustive => "exhaustive",
            Strength::ByConstruction => "by_construction",
        }
    }
}

/// What is said of one guarantee.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Which guarantee.
    pub id: Guarantee,
    /// Its name.
    pub name: String,
    /// What it promises, in one sentence.
    pub statement: String,
    /// What follows from its obligations ([`claim_status`]).
    pub status: Status,
    /// The weakest of its judged obligations; none if nothing was judged.
    pub strength: Option<Strength>,
    /// The ids of its obligations, in the order of [`Stable::obligations`].
    pub obligations: Vec<String>,
}

/// One thing that was to be shown for one claim, by one method.
///
/// Every obligation that stands here is *needed*: one that could not be checked keeps its claim from being held. What
/// the caller did not ask for (`--only`, `--method`) does not stand here at all; what no build can check is a
/// [`Risk`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Obligation {
    /// Unique; stable from run to run; no seed in it.
    pub id: String,
    /// For which guarantee.
    pub claim: Guarantee,
    /// What is shown if it holds.
    pub statement: String,
    /// `interleaved`, `loom`, `shuttle`, `outcomes`, `stress`, `compile_fail`, ...
    pub method: String,
    /// How strong that is.
    pub strength: Strength,
    /// Within which bounds: `jobs`, `emitters`, `streams`, `events`, `preemptions`, ...
    pub bounds: Facts,
    /// What was done: `schedules`, `distinct`, ..., and [`FRONTIER_EMPTIED`]. Empty for methods whose schedule is not
    /// ours (their counts are volatile).
    pub explored: Facts,
    /// What it was allowed to spend.
    pub budget: Budget,
    /// What must have happened for the check to mean anything.
    pub antecedents: Vec<Antecedent>,
    /// What follows from this row ([`result_of`]).
    pub result: Status,
    /// The ids of what it found ([`Stable::counterexamples`]).
    pub counterexamples: Vec<String>,
    /// Set if the method did not come to an ordinary end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Ended>,
    /// Set if it was not judged at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excuse: Option<Excuse>,
    /// It looks further than its claim's needed obligations do, by a weaker method. It must hold like the others, but the claim's
    /// strength, which goes with the needed ones' bounds, is not lowered by it.
    #[serde(default)]
    pub beyond: bool,
}

/// How a method ended, if not in the ordinary way. Each of these is a breach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// The model or subject aborted its process.
    Abort,
    /// It went past its deadline.
    Hang,
    /// No thread or task of it could move.
    Deadlock,
    /// It overflowed its stack.
    StackOverflow,
    /// It panicked where the guarantee allows no panic.
    Panic,
    /// It showed a breach under a schedule that is not ours; the counterexample stands in [`Evidence::volatile`].
    ObservedBreach,
}

impl Ended {
    /// The word of the contract.
    pub fn word(self) -> &'static str {
        match self {
            Ended::Abort => "abort",
            Ended::Hang => "hang",
            Ended::Deadlock => "deadlock",
            Ended::StackOverflow => "stack_overflow",
            Ended::Panic => "panic",
            Ended::ObservedBreach => "observed_breach",
        }
    }
}

/// Why an obligation was not judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Excuse {
    /// `not_checked` (this build or method cannot) or `not_applicable` (the subject lacks the operation).
    pub status: Status,
    /// In one sentence.
    pub why: String,
}

/// What an obligation was allowed to spend, and did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// Of what: `schedules`, `cases`, `seconds`, ... For a sampled obligation the unit of its samples.
    pub kind: String,
    /// How many; for a sampled obligation as many as it promised.
    #[serde(with = "exact")]
    pub limit: u64,
    /// How many were spent; 0 where that is volatile.
    #[serde(with = "exact")]
    pub used: u64,
    /// Whether this, or a clock, ended it before it had done what it promised.
    pub hit: bool,
}

/// Something that must have happened at least so often for a check to mean anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Antecedent {
    /// What: "two jobs overlapped".
    pub premise: String,
    /// How often it did; 1 for "yes" where the count is volatile.
    #[serde(with = "exact")]
    pub hits: u64,
    /// How often it must.
    #[serde(with = "exact")]
    pub min: u64,
}

/// One planted fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mutant {
    /// Its id in the museum.
    pub id: String,
    /// What is wrong with it, in one sentence.
    pub defect: String,
    /// The real incident it is shaped after.
    pub incident: String,
    /// The guarantees it breaks; at most two.
    pub expected: Vec<Guarantee>,
    /// Who found it, by methods whose schedule is ours. A kill by any other method is volatile and does not count.
    pub killed_by: Vec<KilledBy>,
    /// Under which explorers it was run, and what each made of it: its row of the kill matrix.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tried: Vec<Tried>,
    /// What follows ([`rules::outcome_of`]).
    pub outcome: MutantOutcome,
    /// Whether ordinary sequential tests, in the seed's style, notice it; none if they were not run against it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ordinary_tests_notice: Option<bool>,
}

/// A planted fault that is looked for by methods whose schedule is not ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedMutant {
    /// Its id in the museum.
    pub id: String,
    /// What is wrong with it, in one sentence.
    pub defect: String,
    /// The real incident it is shaped after.
    pub incident: String,
    /// The guarantees it breaks; at most two.
    pub expected: Vec<Guarantee>,
    /// By which method it was looked for.
    pub method: String,
    /// Which of the expected guarantees the method found broken. What it showed is volatile.
    pub noticed: Vec<Guarantee>,
}

/// What one explorer made of a planted fault. Explorers that cannot run it are not listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    /// `interleaved`, `loom` or `shuttle`.
    pub explorer: String,
    /// It must find the fault: the museum says so.
    pub must: bool,
    /// The operations of its smallest counterexample to an expected guarantee; none if it found none that replays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operations: Option<u64>,
}

/// Whether an explorer that draws schedules saw of a program what another enumerated, and nothing else. Two that do not
/// agree cannot both be right; then nothing that either says is relied upon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreement {
    /// Of which program.
    pub program: String,
    /// Who tried all schedules within its bound.
    pub enumerates: String,
    /// Who drew some.
    pub draws: String,
    /// The enumeration came to its end.
    pub complete: bool,
    /// How many different outcomes were enumerated.
    pub outcomes: u64,
    /// How many were drawn that were not enumerated.
    pub beyond: u64,
    /// How often that of the enumerated outcomes was drawn that was drawn least.
    pub rarest: u64,
    /// How often it must.
    pub rarest_at_least: u64,
    /// How many schedules were drawn.
    pub schedules: u64,
}

impl Agreement {
    /// Whether that they agree says something: of a program with one outcome every explorer sees that.
    pub fn tells(&self) -> bool {
        self.outcomes != 1
    }

    /// Whether they agree.
    pub fn holds(&self) -> bool {
        self.complete && self.outcomes > 0 && self.beyond == 0 && self.rarest >= self.rarest_at_least
    }
}

/// How many schedules an explorer needs to meet a planted fault, over many seeds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hunt {
    /// The fault's id.
    pub fault: String,
    /// `interleaved`, `loom`, or the name of a sampler of shuttle's.
    pub explorer: String,
    /// How many seeds; 1 where nothing is drawn: for `loom`, and for what only pairs of runs show.
    pub seeds: u64,
    /// At most so many schedules for each seed (but for `loom`, whose frontier is its end).
    pub most: u64,
    /// With how many of them it met the fault.
    pub found: u64,
    /// The median of the number of the first schedule that showed it; none if half of the seeds did not.
    pub median: Option<u64>,
    /// The 95th percentile; none if more than one seed in twenty did not.
    pub p95: Option<u64>,
}

/// One finding in a planted fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KilledBy {
    /// Which guarantee was found broken.
    pub guarantee: Guarantee,
    /// By which method.
    pub method: String,
    /// What `narrowcast replay` takes to show it again: a file (relative to `--out`) or a schedule. A finding that does
    /// not replay is no kill: with an empty string here it does not count.
    pub counterexample: String,
}

/// What became of a planted fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MutantOutcome {
    /// A check of an expected guarantee found it.
    Killed,
    /// Every check ran, and none of an expected guarantee found it.
    Survived,
    /// The time was over before one found it.
    Timeout,
    /// Not part of this run.
    NotRun,
}

impl MutantOutcome {
    /// The word of the contract.
    pub fn word(self) -> &'static str {
        match self {
            MutantOutcome::Killed => "killed",
            MutantOutcome::Survived => "survived",
            MutantOutcome::Timeout => "timeout",
            MutantOutcome::NotRun => "not_run",
        }
    }
}

/// How many planted faults were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kill {
    /// By a check of an expected guarantee.
    pub killed: u32,
    /// Of how many that were run.
    pub viable: u32,
}

/// How the judges fared on correct routers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NearMisses {
    /// How many were flagged; each is a false alarm.
    pub flagged: u32,
    /// Of how many.
    pub total: u32,
    /// One for each.
    #[serde(default)]
    pub rows: Vec<NearMiss>,
}

/// A correct but unusual router, one edit away from a planted fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NearMiss {
    /// Its id.
    pub id: String,
    /// What is unusual about it.
    pub what: String,
    /// The guarantees that some check wrongly found broken.
    pub flagged: Vec<Guarantee>,
}

/// One counterexample.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CounterexampleRow {
    /// Unique.
    pub id: String,
    /// What it breaks.
    pub guarantee: Guarantee,
    /// What happens in it, in one sentence.
    pub scenario: String,
    /// Its length.
    #[serde(with = "exact")]
    pub steps: u64,
    /// Its length when it was found.
    #[serde(with = "exact")]
    pub minimised_from: u64,
    /// In hexadecimal.
    pub seed: String,
    /// The schedule that shows it.
    pub schedule: String,
    /// The command that shows it again.
    pub replay: String,
    /// Where it is written, relative to `--out`.
    pub file: String,
}

/// Trouble that no obligation shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// Of which class.
    pub class: Fired,
    /// What happened, and what to do about it.
    pub detail: String,
}

/// A class of trouble, gravest first. The order is the precedence of the exit codes: 10 > 20 > 12 > 11 > 14 > 13 > 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fired {
    /// A claim is violated.
    Violated,
    /// The subject could not be started or reached.
    SubjectUnhealthy,
    /// The run shows less than it seems to. Why, if not by a premise that was never reached, is said by the next two.
    Vacuous,
    /// A planted fault was not found: the checks are too weak. Always together with `vacuous`.
    Survivor,
    /// A correct router was flagged: the judge cries wolf, and what it finds means nothing. Always with `vacuous`.
    FalseAlarm,
    /// A budget or a missing shard ended it first.
    Inconclusive,
    /// A baseline no longer fits.
    BaselineDrift,
    /// A deterministic counter got worse.
    PerformanceRegression,
    /// There was nothing to do.
    NothingSelected,
}

impl Fired {
    /// The exit code of this class alone.
    pub fn exit_code(self) -> u8 {
        match self {
            Fired::Violated => 10,
            Fired::SubjectUnhealthy => 20,
            Fired::Vacuous | Fired::Survivor | Fired::FalseAlarm => 12,
            Fired::Inconclusive => 11,
            Fired::BaselineDrift => 14,
            Fired::PerformanceRegression => 13,
            Fired::NothingSelected => 4,
        }
    }

    /// The word of the contract.
    pub fn word(self) -> &'static str {
        match self {
            Fired::Violated => "violated",
            Fired::SubjectUnhealthy => "subject_unhealthy",
            Fired::Vacuous => "vacuous",
            Fired::Survivor => "survivor",
            Fired::FalseAlarm => "false_alarm",
            Fired::Inconclusive => "inconclusive",
            Fired::BaselineDrift => "baseline_drift",
            Fired::PerformanceRegression => "performance_regression",
            Fired::NothingSelected => "nothing_selected",
        }
    }
}

/// Numbers that JSON readers keep: beyond 2^53 a JSON number is only near the truth, so there it becomes a string.
mod exact {
    use serde::{Deserialize, Deserializer, Serializer};

    const LARGEST: u64 = (1 << 53) - 1;

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(u64),
        Text(String),
    }

    pub(super) fn serialize<S: Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        if *number <= LARGEST { serializer.serialize_u64(*number) } else { serializer.collect_str(number) }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        match Either::deserialize(deserializer)? {
            Either::Number(number) => Ok(number),
            Either::Text(text) => text.parse().map_err(serde::de::Error::custom),
        }
    }
}
