//! The page of `narrowcast verify`.

use super::super::style::{Cell, Page, Style, Tone, plural, thousands};
use super::museum::{hunts, observed_faults, planted_faults};
use super::{closing, ids, misses, strength_word};
use crate::verify::findings::Status;
use crate::verify::guarantee::Guarantee;
use crate::verify::verdict::{
    Claim, CounterexampleRow, Evidence, FRONTIER_EMPTIED, Fired, MutantOutcome, Obligation, Stable, Strength, noticed,
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// `narrowcast verify`: everything a run says, the verdict and the command that does it again last.
pub fn verify(evidence: &Evidence, style: Style) -> String {
    let stable = &evidence.stable;
    let mut page = Page::new(style);
    header(&mut page, stable);
    guarantees(&mut page, evidence);
    obligations(&mut page, evidence);
    planted_faults(&mut page, stable);
    observed_faults(&mut page, stable);
    hunts(&mut page, evidence);
    near_misses(&mut page, stable);
    agreements(&mut page, stable);
    unknown(&mut page, stable);
    counterexamples(&mut page, evidence);
    verdict(&mut page, stable, &evidence.stable_sha256);
    page.finish()
}

fn header(page: &mut Page, stable: &Stable) {
    let style = page.style;
    page.line(&style.paint(Tone::Strong, "narrowcast verify"));
    let subject = &stable.subject;
    let fault = subject.fault.as_ref().map_or(String::new(), |id| format!(", planted fault {id}"));
    let tool = &stable.tool;
    let state = if tool.dirty { "modified" } else { "clean" };
    let run = format!("seed {}, profile {}", stable.run.seed, stable.run.profile);
    page.hang("  run      ", Some(Tone::Dim), &run, None);
    let subject = format!("{} {} ({}){fault}", subject.name, subject.version, subject.adapter);
    page.hang("  subject  ", Some(Tone::Dim), &subject, None);
    let tool = format!("{} {}, commit {} ({state}), {}", tool.name, tool.version, tool.commit, tool.rustc);
    page.hang("  tool     ", Some(Tone::Dim), &tool, None);
    let mut work = vec![plural(stable.obligations.len() as u64, "obligation")];
    if !stable.mutants.is_empty() {
        work.push(plural(stable.mutants.len() as u64, "planted fault"));
    }
    if !stable.observed_mutants.is_empty() {
        work.push(plural(stable.observed_mutants.len() as u64, "wire fault"));
    }
    if stable.near_misses.total > 0 {
        work.push(misses(stable.near_misses.total as usize));
    }
    page.hang("  work     ", Some(Tone::Dim), &work.join(", "), None);
}

// === the guarantee table ===

fn guarantees(page: &mut Page, evidence: &Evidence) {
    let (style, stable) = (page.style, &evidence.stable);
    page.heading("GUARANTEES", "");
    page.row(&[
        Cell::new("", 3),
        Cell::new("", 17),
        Cell::new("status", 16).tone(Tone::Dim),
        Cell::new("strength", 15).tone(Tone::Dim),
        Cell::new("frontier emptied", 16).tone(Tone::Dim),
    ]);
    for claim in &stable.claims {
        let judged: Vec<&Obligation> = stable.obligations_of(claim).filter(|o| o.excuse.is_none()).collect();
        let (word, tone) = style.status(claim.status);
        page.row(&[
            Cell::new(claim.id.id(), 3),
            Cell::new(claim.id.name(), 17),
            Cell::new(&word, 16).tone(tone),
            Cell::new(strength_word(claim.strength), 15),
            Cell::new(&frontier_of(&judged), 16),
        ]);
        let mut facts = vec![methods_of(&judged), bounds_of(&judged), explored_of(&judged)];
        // Where nobody chose a schedule there is no bound to tell, only what came up.
        if facts[1..].iter().all(String::is_empty) {
            facts.extend(judged.iter().filter_map(|row| counts(observed(evidence, row)?)));
        }
        let facts: Vec<&str> = facts.iter().map(String::as_str).filter(|fact| !fact.is_empty()).collect();
        if !facts.is_empty() {
            page.hang("       ", None, &facts.join("; "), Some(Tone::Dim));
        }
    }
}

fn methods_of(obligations: &[&Obligation]) -> String {
    let mut methods: Vec<&str> = Vec::new();
    for obligation in obligations {
        if !methods.contains(&obligation.method.as_str()) {
            methods.push(&obligation.method);
        }
    }
    if methods.is_empty() { String::new() } else { format!("by {}", methods.join(", ")) }
}

/// Whether the searches of the claim came to an empty frontier: all of them, none, or so many.
fn frontier_of(obligations: &[&Obligation]) -> String {
    let emptied = obligations.iter().filter(|o| o.explored.get(FRONTIER_EMPTIED) == Some(&Value::Bool(true))).count();
    let is_promised = obligations.iter().any(|obligation| obligation.strength == Strength::Exhaustive);
    match (emptied, is_promised) {
        (0, false) => "-".to_owned(),
        (0, true) => "no".to_owned(),
        (n, _) if n == obligations.len() => "yes".to_owned(),
        (n, _) => format!("{n} of {}", obligations.len()),
    }
}

/// The bounds of all obligations: "jobs 2-3, events 3".
fn bounds_of(obligations: &[&Obligation]) -> String {
    let mut ranges: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    let mut words: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (key, value) in obligations.iter().flat_map(|obligation| &obligation.bounds) {
        match value.as_i64() {
            Some(n) => {
                let range = ranges.entry(key).or_insert((n, n));
                *range = (range.0.min(n), range.1.max(n));
            }
            None => {
                words.entry(key).or_default().insert(bare(value));
            }
        }
    }
    let ranges = ranges.iter().map(|(key, (least, most))| {
        if least == most { format!("{} {least}", spaced(key)) } else { format!("{} {least}-{most}", spaced(key)) }
    });
    let words = words.iter().map(|(key, values)| {
        format!("{} {}", spaced(key), values.iter().map(String::as_str).collect::<Vec<_>>().join("/"))
    });
    ranges.chain(words).collect::<Vec<_>>().join(", ")
}

/// The counts of all obligations, added up: "18,204 schedules".
fn explored_of(obligations: &[&Obligation]) -> String {
    let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
    for (key, value) in obligations.iter().flat_map(|obligation| &obligation.explored) {
        if let Some(n) = value.as_u64().filter(|n| *n > 0) {
            let sum = sums.entry(key).or_default();
            *sum = sum.saturating_add(n);
        }
    }
    sums.iter().map(|(key, sum)| format!("{} {}", thousands(*sum), spaced(key))).collect::<Vec<_>>().join(", ")
}

fn spaced(key: &str) -> String {
    key.replace('_', " ")
}

fn bare(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

// === the rows ===

fn obligations(page: &mut Page, evidence: &Evidence) {
    let style = page.style;
    let rows = &evidence.stable.obligations;
    if rows.is_empty() {
        return;
    }
    page.heading("OBLIGATIONS", "premises as reached/needed");
    // Where it is narrow the method goes: an id says it too.
    let method = if style.columns() < 90 { 0 } else { 14 };
    let room = style.columns().saturating_sub(2 + 16 + 2 + 2 + method + 2 + 15);
    let id = column(rows.iter().map(|row| row.id.as_str()), room);
    for row in rows {
        let (word, tone) = style.status(row.result);
        let mut cells = vec![Cell::new(&word, 16).tone(tone), Cell::new(&row.id, id)];
        cells.extend((method > 0).then(|| Cell::new(&row.method, method)));
        cells.push(Cell::new(row.strength.word(), 15));
        page.row(&cells);
        let mut remarks = remarks(row);
        remarks.extend(observed(evidence, row).and_then(counts).map(|text| (text, Tone::Dim)));
        for (text, tone) in remarks {
            page.hang("                    ", None, &text, Some(tone));
        }
    }
}

/// As many columns as the longest needs, within `room`.
pub(super) fn column<'a>(texts: impl Iterator<Item = &'a str>, room: usize) -> usize {
    texts.map(|text| text.chars().count()).max().unwrap_or(0).min(room)
}

/// What the run noted of a row whose schedule is not ours.
fn observed<'e>(evidence: &'e Evidence, row: &Obligation) -> Option<&'e Value> {
    evidence.volatile.get("observed")?.get(&row.id)
}

/// The volatile counts of a method whose schedule is not ours.
fn counts(observed: &Value) -> Option<String> {
    let counts: Vec<String> = observed
        .as_object()?
        .iter()
        .filter_map(|(key, value)| Some(format!("{} {}", thousands(value.as_u64()?), spaced(key))))
        .collect();
    (!counts.is_empty()).then(|| format!("in this run: {}", counts.join(", ")))
}

/// What is to be said of an obligation beyond its row.
fn remarks(obligation: &Obligation) -> Vec<(String, Tone)> {
    let mut remarks = Vec::new();
    if let Some(ended) = obligation.ended {
        remarks.push((format!("ended in: {}", spaced(ended.word())), Tone::Bad));
    }
    if !obligation.counterexamples.is_empty() {
        remarks.push((format!("counterexamples {}", obligation.counterexamples.join(", ")), Tone::Bad));
    }
    if let Some(excuse) = &obligation.excuse {
        remarks.push((excuse.why.clone(), Tone::Dim));
        return remarks;
    }
    for short in [false, true] {
        let premises: Vec<String> = obligation
            .antecedents
            .iter()
            .filter(|antecedent| (antecedent.hits < antecedent.min) == short)
            .map(|a| format!("{} {}/{}", a.premise, thousands(a.hits), thousands(a.min)))
            .collect();
        if !premises.is_empty() {
            let text = premises.join("; ");
            remarks.push(if short { (format!("never or too rarely: {text}"), Tone::Doubt) } else { (text, Tone::Dim) });
        }
    }
    if obligation.budget.hit {
        let budget = &obligation.budget;
        let (used, kind) = (thousands(budget.used), spaced(&budget.kind));
        // Without a limit of its own it was something else that ended it; the statement says what.
        let remark = match budget.limit {
            0 => format!("it did not come to its end: {used} {kind}"),
            limit => format!("its budget ended it first: {used} of {} {kind}", thousands(limit)),
        };
        remarks.push((remark, Tone::Doubt));
    } else if obligation.result == Status::Inconclusive {
        remarks.push(("it did not do what its strength promises".to_owned(), Tone::Doubt));
    }
    remarks
}

fn near_misses(page: &mut Page, stable: &Stable) {
    let near_misses = &stable.near_misses;
    if near_misses.total == 0 {
        return;
    }
    let style = page.style;
    page.heading("NEAR-MISSES", &format!("{} of {} flagged", near_misses.flagged, near_misses.total));
    let names: Vec<&str> = near_misses.rows.iter().filter(|r| r.flagged.is_empty()).map(|r| r.id.as_str()).collect();
    if !names.is_empty() {
        let passed = format!("  {} passed   ", style.sign("✓", "+"));
        page.hang(&passed, Some(Tone::Good), &names.join(", "), None);
    }
    for row in near_misses.rows.iter().filter(|row| !row.flagged.is_empty()) {
        let flagged = format!("  {} flagged  ", style.sign("✗", "X"));
        let text = format!("{}: {} reported, though it is correct. {}", row.id, ids(&row.flagged), row.what);
        page.hang(&flagged, Some(Tone::Bad), &text, None);
    }
}

// === what is not known ===

fn unknown(page: &mut Page, stable: &Stable) {
    not_checked(page, stable);
    if !stable.assumptions.is_empty() {
        page.heading("ASSUMPTIONS", "");
        for assumption in &stable.assumptions {
            let lead = format!("  {:<4}", page.style.fit(&assumption.id, 4));
            page.hang(&lead, Some(Tone::Dim), &assumption.text, None);
        }
    }
    if !stable.residual_risks.is_empty() {
        page.heading("RESIDUAL RISKS", "not claimed");
        for risk in &stable.residual_risks {
            let lead = format!("  {:<4}", page.style.fit(&risk.id, 4));
            page.hang(&lead, Some(Tone::Dim), &risk.text, None);
        }
    }
}

/// Every claim that this run says nothing about, by name.
fn not_checked(page: &mut Page, stable: &Stable) {
    let silent = |status: Status| stable.claims.iter().filter(move |claim| claim.status == status);
    let unproven: Vec<&Claim> =
        stable.claims.iter().filter(|claim| claim.status == Status::Held && !is_tried(stable, claim.id)).collect();
    let is_own_subject = stable.subject.fault.is_some();
    if silent(Status::NotChecked).chain(silent(Status::NotApplicable)).next().is_none()
        && (unproven.is_empty() || is_own_subject)
    {
        return;
    }
    page.heading("NOT CHECKED", "");
    for status in [Status::NotChecked, Status::NotApplicable] {
        let mut by_reason: Vec<(String, Vec<String>)> = Vec::new();
        for claim in silent(status) {
            let (why, name) = (reason(stable, claim), format!("{} {}", claim.id, claim.id.name()));
            match by_reason.iter_mut().find(|group| group.0 == why) {
                Some(group) => group.1.push(name),
                None => by_reason.push((why, vec![name])),
            }
        }
        let (word, tone) = page.style.status(status);
        for (why, names) in by_reason {
            page.hang(&format!("  {word:<16}  "), Some(tone), &format!("{}: {why}.", names.join(", ")), None);
        }
    }
    if !unproven.is_empty() && !is_own_subject {
        let names: Vec<String> = unproven.iter().map(|claim| format!("{} {}", claim.id, claim.id.name())).collect();
        let text = format!("Held, but no planted fault was run that it must find: {}.", names.join(", "));
        page.hang("  ", None, &text, Some(Tone::Doubt));
    }
}

/// Explorers held against each other.
fn agreements(page: &mut Page, stable: &Stable) {
    let agreements = &stable.agreements;
    let Some(first) = agreements.first() else { return };
    let telling: Vec<_> = agreements.iter().filter(|agreement| agreement.tells()).collect();
    let holding = telling.iter().filter(|agreement| agreement.holds()).count();
    let beside = format!("{holding} of {}", telling.len());
    page.heading("AGREEMENT", &beside);
    let schedules: u64 = agreements.iter().map(|agreement| agreement.schedules).sum();
    let outcomes: u64 = telling.iter().map(|agreement| agreement.outcomes).sum();
    let rarest = telling.iter().map(|agreement| agreement.rarest).min().unwrap_or(0);
    let silent = match agreements.len() - telling.len() {
        0 => String::new(),
        n => format!("; {} of one outcome say nothing", plural(n as u64, "more program")),
    };
    let told = format!(
        "what {} draws is what {} enumerates: {} in {} of {}; {} schedules, the rarest outcome {rarest} times \
         (at least {}){silent}",
        first.draws,
        first.enumerates,
        plural(outcomes, "outcome"),
        holding,
        plural(telling.len() as u64, "program"),
        thousands(schedules),
        first.rarest_at_least
    );
    page.hang("  ", None, &told, None);
    for short in agreements.iter().filter(|agreement| !agreement.holds()) {
        let told = format!(
            "{}: {} of them drawn that were not enumerated, the rarest of {} drawn {} times{}",
            short.program,
            short.beyond,
            short.outcomes,
            short.rarest,
            if short.complete { "" } else { ", and the enumeration did not complete" }
        );
        page.hang("  ! ", Some(Tone::Doubt), &told, None);
    }
}

/// Whether a planted fault was run that the checks of the guarantee must find.
fn is_tried(stable: &Stable, guarantee: Guarantee) -> bool {
    let by_schedule = stable.mutants.iter().filter(|mutant| mutant.outcome != MutantOutcome::NotRun);
    let expected = by_schedule.map(|mutant| &mutant.expected);
    expected.chain(stable.observed_mutants.iter().map(|mutant| &mutant.expected)).any(|of| of.contains(&guarantee))
}

/// Why a claim was not judged, in words that fit several claims.
fn reason(stable: &Stable, claim: &Claim) -> String {
    let excuses = stable.obligations_of(claim).filter_map(|obligation| obligation.excuse.as_ref());
    let mut whys: Vec<&str> = excuses.map(|excuse| excuse.why.trim_end_matches('.')).collect();
    whys.dedup();
    if whys.is_empty() { "no obligation in this build and selection".to_owned() } else { whys.join("; ") }
}

// === the end ===

fn counterexamples(page: &mut Page, evidence: &Evidence) {
    // What a method showed whose schedule is not ours stands beside the rest in `volatile`, in the same form.
    let observed = evidence.volatile.get("counterexamples").cloned().unwrap_or_default();
    let observed: Vec<CounterexampleRow> = serde_json::from_value(observed).unwrap_or_default();
    if evidence.stable.counterexamples.is_empty() && observed.is_empty() {
        return;
    }
    page.heading("COUNTEREXAMPLES", "");
    for row in evidence.stable.counterexamples.iter().chain(&observed) {
        let style = page.style;
        let lead = format!("  {}  {}  ", style.fit(&row.id, 30), row.guarantee);
        page.hang(&lead, Some(Tone::Bad), &row.scenario, None);
        let size = format!("{}, minimised from {}", plural(row.steps, "step"), thousands(row.minimised_from));
        page.hang("      ", None, &size, Some(Tone::Dim));
        page.command("      replay: ", &row.replay);
    }
}

fn verdict(page: &mut Page, stable: &Stable, stable_sha256: &str) {
    if !stable.conditions.is_empty() {
        page.heading("CONDITIONS", "");
        for condition in &stable.conditions {
            let lead = format!("  {}  ", spaced(condition.class.word()));
            page.hang(&lead, Some(Tone::Doubt), &condition.detail, None);
        }
    }
    closing(page, stable.verdict, &sentence(stable), stable.exit_code);
    page.command("  digest     ", stable_sha256);
    page.command("  reproduce  ", &stable.run.reproduce);
}

/// One sentence, generated: what the verdict rests on.
fn sentence(stable: &Stable) -> String {
    let with = |status: Status| -> Vec<Guarantee> {
        stable.claims.iter().filter(|claim| claim.status == status).map(|claim| claim.id).collect()
    };
    let unjudged = with(Status::NotChecked).len() + with(Status::NotApplicable).len();
    let mut parts = Vec::new();
    // A claim may be short in more ways than its status, the worst of them, says.
    let short = |status: Status| -> Vec<Guarantee> {
        let rows = stable.obligations.iter().filter(|obligation| obligation.result == status);
        let claims: BTreeSet<Guarantee> = rows.map(|obligation| obligation.claim).collect();
        claims.into_iter().collect()
    };
    for (class, status, what) in [
        (Fired::Violated, Status::Violated, "broken"),
        (Fired::Vacuous, Status::Vacuous, "checked where nothing could go wrong"),
        (Fired::Inconclusive, Status::Inconclusive, "not decided within the budget"),
    ] {
        let which = short(status);
        if stable.fired.contains(&class) && !which.is_empty() {
            parts.push(format!("{} {what}.", ids(&which)));
        }
    }
    for class in &stable.fired {
        parts.extend(match class {
            Fired::Survivor => {
                let kill = stable.kill;
                let (seen, observed) = noticed(&stable.observed_mutants);
                let missed = u64::from(kill.viable.saturating_sub(kill.killed)) + (observed - seen) as u64;
                Some(format!("{} not found: the checks are too weak.", plural(missed, "planted fault")))
            }
            Fired::FalseAlarm => Some("A correct router was flagged: the judge cries wolf.".to_owned()),
            Fired::SubjectUnhealthy => Some("The subject could not be started or reached.".to_owned()),
            Fired::BaselineDrift => Some("The baseline no longer fits.".to_owned()),
            Fired::PerformanceRegression => Some("A performance counter got worse.".to_owned()),
            Fired::NothingSelected => Some("Nothing was selected: nothing was checked.".to_owned()),
            Fired::Violated | Fired::Vacuous | Fired::Inconclusive => None,
        });
    }
    let held = with(Status::Held).len() as u64;
    if stable.fired.is_empty() {
        parts.push(format!("{} held, within the bounds and assumptions above.", plural(held, "guarantee")));
    }
    if unjudged > 0 {
        parts.push(format!("{unjudged} of {} not checked or not applicable.", stable.claims.len()));
    }
    parts.join(" ")
}
