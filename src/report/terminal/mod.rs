//! What each command prints for people. Pure functions from data to text: the same page for a terminal, a file and a
//! test, but for [`Style`].
//!
//! One look for all: two columns of margin, headings in capitals, a sign and a word for every status, the verdict last
//! with the command that does it again. No line is wider than [`WIDEST`](super::style::WIDEST) columns, unless a path
//! that must stay copyable is.

mod museum;
mod run;

use super::diagram;
use super::evidence::Checked;
use super::style::{Cell, Page, Style, Tone, plural, thousands};
use super::views::{Explanation, FaultRow, Replay, ReplayOutcome, Revisit, Side};
use crate::verify::findings::{Finding, Findings, Status};
use crate::verify::guarantee::Guarantee;
use crate::verify::history::Line;
use crate::verify::verdict::Strength;

pub use run::verify;

/// A history of more lines is drawn only around its finding.
const DRAWN_WHOLE: usize = 40;
/// How many lines before and after a marked one are drawn of a longer history.
const CONTEXT: usize = 3;
/// How many findings are told in full; JSON has them all.
const TOLD: usize = 10;

/// `G1 G6`, or a word for none.
fn ids(guarantees: &[Guarantee]) -> String {
    if guarantees.is_empty() {
        return "none".to_owned();
    }
    guarantees.iter().map(|guarantee| guarantee.id()).collect::<Vec<_>>().join(" ")
}

fn strength_word(strength: Option<Strength>) -> &'static str {
    strength.map_or("-", Strength::word)
}

/// The closing lines of a page: status, one sentence, exit code.
fn closing(page: &mut Page, status: Status, sentence: &str, exit_code: u8) {
    let (word, tone) = page.style.status(status);
    page.heading("VERDICT", "");
    page.hang(&format!("  {word}  "), Some(tone), sentence, None);
    page.line(&format!("  exit {exit_code}"));
}

/// A history drawn below its heading: whole if it is short, else around the marked lines.
fn picture(page: &mut Page, history: &[Line], witness: &[usize]) {
    let style = page.style;
    let drawn = if history.len() <= DRAWN_WHOLE {
        diagram::draw(history, witness, style)
    } else {
        diagram::around(history, witness, CONTEXT, style)
    };
    for line in drawn.lines() {
        page.line(line);
    }
    if !witness.is_empty() {
        page.line(&style.paint(Tone::Dim, "! marks the lines that show it"));
    }
}

fn finding(page: &mut Page, finding: &Finding) {
    let lead = format!("  {:<3}  ", finding.guarantee.id());
    page.hang(&lead, Some(Tone::Bad), &finding.message, None);
    let lines: Vec<String> = finding.witness.iter().take(12).map(ToString::to_string).collect();
    let more = if finding.witness.len() > lines.len() { ", ..." } else { "" };
    page.hang("       ", None, &format!("lines {}{more}", lines.join(", ")), Some(Tone::Dim));
}

/// `narrowcast check`: what the judge says of one history. `history` may be empty, where it was not kept; then nothing
/// is drawn.
pub fn check(findings: &Findings, history: &[Line], style: Style) -> String {
    let mut page = Page::new(style);
    page.line(&style.paint(Tone::Strong, "narrowcast check"));
    let counted =
        [plural(findings.operations, "operation"), plural(findings.jobs, "job"), plural(findings.streams, "stream")];
    page.line(&format!("  {}", counted.join(", ")));

    page.heading("GUARANTEES", "that one history can show");
    for row in &findings.guarantees {
        let (word, tone) = style.status(row.status);
        let count = findings.findings.iter().filter(|finding| finding.guarantee == row.id).count() as u64
            + findings.findings_omitted.get(&row.id).copied().unwrap_or(0);
        let count = if count == 0 { String::new() } else { plural(count, "finding") };
        page.row(&[
            Cell::new(row.id.id(), 3),
            Cell::new(row.id.name(), 18),
            Cell::new(&word, 16).tone(tone),
            Cell::new(&count, 20),
        ]);
    }
    told(&mut page, findings);
    if let Some(first) = findings.findings.first().filter(|_| !history.is_empty()) {
        page.heading("PICTURE", "of the first finding");
        picture(&mut page, history, &first.witness);
    }
    let (sentence, exit_code) = match findings.verdict {
        Status::Violated => (format!("{} broken.", ids(&findings.violated())), 10),
        Status::Vacuous => (
            "Nothing was delivered, or no two jobs were certainly open at once: there was no chance to go wrong."
                .to_owned(),
            12,
        ),
        Status::Inconclusive => ("A part could not be judged.".to_owned(), 11),
        _ => ("Every line is explained by what the guarantees allow.".to_owned(), 0),
    };
    closing(&mut page, findings.verdict, &sentence, exit_code);
    page.finish()
}

/// The findings in words, and what stayed open.
fn told(page: &mut Page, findings: &Findings) {
    if !findings.findings.is_empty() {
        page.heading("FINDINGS", "");
        for found in findings.findings.iter().take(TOLD) {
            finding(page, found);
        }
        let omitted: u64 = findings.findings_omitted.values().sum();
        let more = findings.findings.len().saturating_sub(TOLD) as u64 + omitted;
        if more > 0 {
            page.hang("       ", None, &format!("and {} more (--format json)", thousands(more)), Some(Tone::Dim));
        }
    }
    if findings.tails_unjudged > 0 || findings.late_effects > 0 {
        page.heading("OPEN", "");
    }
    if findings.tails_unjudged > 0 {
        let tails = format!(
            "{}: neither ended nor drained, so what was still owed at the end could not be judged.",
            plural(findings.tails_unjudged, "stream tail")
        );
        page.hang("  ", None, &tails, Some(Tone::Doubt));
    }
    if findings.late_effects > 0 {
        let late = format!(
            "{} of unknown outcome took effect in a later life of the job.",
            plural(findings.late_effects, "emit")
        );
        page.hang("  ", None, &late, Some(Tone::Doubt));
    }
}

/// `narrowcast faults`: the museum.
pub fn faults(list: &[FaultRow], style: Style) -> String {
    let mut page = Page::new(style);
    let (planted, near): (Vec<&FaultRow>, Vec<&FaultRow>) = list.iter().partition(|row| !row.breaks.is_empty());
    page.line(&style.paint(Tone::Strong, "narrowcast faults"));
    page.line(&format!("  {}, {}", plural(planted.len() as u64, "planted fault"), misses(near.len())));
    if !planted.is_empty() {
        page.heading("PLANTED FAULTS", "leaky routers that the checks must find");
    }
    for row in planted {
        fault(&mut page, row);
    }
    if !near.is_empty() {
        page.heading("NEAR-MISSES", "correct but unusual routers that the checks must not flag");
    }
    for row in near {
        fault(&mut page, row);
    }
    page.finish()
}

fn misses(count: usize) -> String {
    if count == 1 { "1 near-miss".to_owned() } else { format!("{count} near-misses") }
}

fn fault(page: &mut Page, row: &FaultRow) {
    let style = page.style;
    let id = style.fit(&row.id, 40);
    let mut head = format!("  {}", style.paint(Tone::Strong, &id));
    if !row.breaks.is_empty() {
        let breaks = style.clean(&format!("breaks {}", ids(&row.breaks)));
        let by = if row.methods.is_empty() { String::new() } else { format!(", found by {}", row.methods.join(", ")) };
        let room = style.columns().saturating_sub(id.chars().count() + breaks.chars().count() + 6);
        head.push_str(&format!("  {breaks}{}", style.paint(Tone::Dim, &style.fit(&by, room))));
    }
    page.line(&head);
    page.hang("      ", None, &row.defect, None);
    if !row.incident.is_empty() {
        page.hang("      after  ", Some(Tone::Dim), &row.incident, Some(Tone::Dim));
    }
}

/// `narrowcast explain G7`.
pub fn explain(explanation: &Explanation, style: Style) -> String {
    let mut page = Page::new(style);
    let title = format!("{} {}", explanation.guarantee.id(), explanation.guarantee.name());
    page.line(&style.paint(Tone::Strong, &title));
    page.hang("  ", None, &explanation.statement, None);
    page.heading("WHY", "");
    page.hang("  ", None, &explanation.why, None);

    page.heading("HOW IT IS CHECKED", "");
    if explanation.checks.is_empty() {
        let (word, tone) = style.status(Status::NotChecked);
        page.hang(&format!("  {word}  "), Some(tone), "this build has no method for it.", None);
    }
    for check in &explanation.checks {
        let method = style.fit(&check.method, 40);
        page.line(&format!("  {}  {}", style.paint(Tone::Strong, &method), check.strength.word()));
        page.hang("      ", None, &check.what, None);
        if !check.bounds.is_empty() {
            page.hang("      within  ", Some(Tone::Dim), &check.bounds, Some(Tone::Dim));
        }
    }
    if !explanation.faults.is_empty() {
        page.heading("PLANTED FAULTS", "that these checks find");
        for row in &explanation.faults {
            fault(&mut page, row);
        }
    }
    if !explanation.limits.is_empty() {
        page.heading("LIMITS", "what is not shown even if it holds");
        for limit in &explanation.limits {
            page.hang("  - ", None, limit, None);
        }
    }
    page.finish()
}

/// `narrowcast replay FILE`: the steps, and whether the finding appeared again.
pub fn replay(replay: &Replay, history: &[Line], style: Style) -> String {
    let mut page = Page::new(style);
    let title = format!("narrowcast replay {}", style.fit(&replay.id, 40));
    page.line(&style.paint(Tone::Strong, &title));
    page.hang("  ", None, &format!("{} {}: {}", replay.guarantee, replay.guarantee.name(), replay.scenario), None);
    page.hang("  subject   ", Some(Tone::Dim), &replay.subject, None);
    page.hang("  method    ", Some(Tone::Dim), &format!("{}, seed {}", replay.method, replay.seed), None);
    page.hang("  schedule  ", Some(Tone::Dim), &replay.schedule, None);
    if let Some(cut) = &replay.cut {
        page.hang("  cut       ", Some(Tone::Dim), cut, None);
    }
    page.hang("  promised  ", Some(Tone::Dim), crate::verify::explain::explain(replay.guarantee).statement, None);

    if !history.is_empty() || !replay.trace.is_empty() {
        page.heading("STEPS", "");
    }
    let witness = replay.findings.first().map_or(&[][..], |finding| &finding.witness);
    if history.is_empty() {
        for (step, at) in replay.trace.iter().zip(1..) {
            page.hang(&format!("  {at:>4}  "), Some(Tone::Dim), step, None);
        }
    } else {
        picture(&mut page, history, witness);
    }
    side_by_side(&mut page, &replay.sides);
    if !replay.findings.is_empty() {
        page.heading("FINDINGS", "");
        for found in replay.findings.iter().take(TOLD) {
            finding(&mut page, found);
        }
    }
    let (status, sentence) = match replay.outcome {
        ReplayOutcome::Reproduced => (Status::Violated, "Reproduced: the finding appeared again."),
        ReplayOutcome::Gone => (Status::Held, "Gone: the same schedule runs, and the finding does not appear."),
        ReplayOutcome::Stale => {
            (Status::Inconclusive, "Stale: the code has changed so that the schedule no longer fits.")
        }
    };
    let sentence = if replay.why.is_empty() { sentence.to_owned() } else { format!("{sentence} {}", replay.why) };
    closing(&mut page, status, &sentence, replay.outcome.exit_code());
    page.command("  again  ", &format!("narrowcast replay {}", replay.file));
    page.finish()
}

/// Two runs as an observer sees them, a lane of the first beside the same lane of the second.
fn side_by_side(page: &mut Page, sides: &[Side]) {
    if sides.is_empty() {
        return;
    }
    page.heading("SIDE BY SIDE", "what the observer is told; `!` where no schedule can make the two alike");
    let names = sides.iter().map(|side| side.lane.chars().count()).max().unwrap_or(0).max(4);
    let each = (page.style.columns().saturating_sub(names + 9) / 2).max(12);
    page.row(&[Cell::new("", 1), Cell::new("", names), Cell::new("beside other jobs", each), Cell::new("alone", each)]);
    for side in sides {
        let rows = side.beside_others.len().max(side.alone.len());
        for at in 0..rows {
            let told = |of: &[String]| of.get(at).cloned().unwrap_or_else(|| "-".to_owned());
            let (beside, alone) = (told(&side.beside_others), told(&side.alone));
            let differs = beside != alone;
            let lane = if at == 0 { side.lane.as_str() } else { "" };
            let cell = |text, columns| match differs {
                true => Cell::new(text, columns).tone(Tone::Bad),
                false => Cell::new(text, columns),
            };
            let mark = if differs { "!" } else { "" };
            page.row(&[cell(mark, 1), Cell::new(lane, names), cell(&beside, each), cell(&alone, each)]);
        }
    }
}

/// `narrowcast revisit`: the seed's analysis, claim by claim, on the seed's router and on ours.
pub fn revisit(revisit: &Revisit, history: &[Line], style: Style) -> String {
    let mut page = Page::new(style);
    page.line(&style.paint(Tone::Strong, "narrowcast revisit"));
    page.line("  Are we guaranteed isolated channels? The seed's claims, run now on its own router and on ours.");
    for row in &revisit.rows {
        page.blank();
        page.hang(&format!("  {:>2}  ", row.number), Some(Tone::Dim), &row.claim, Some(Tone::Strong));
        for (whose, status, evidence) in
            [("seed", row.seed, &row.seed_evidence), ("ours", row.ours, &row.ours_evidence)]
        {
            let (word, tone) = style.status(status);
            let lead = format!("      {whose}  {word:<16}  ");
            page.hang(&lead, Some(tone), evidence, None);
        }
    }
    if let Some(number) = revisit.pictured.filter(|_| !history.is_empty()) {
        page.heading("PICTURE", &format!("of claim {number} failing on the seed's router"));
        picture(&mut page, history, &revisit.witness);
    }
    let tests = revisit.ordinary_tests;
    page.heading("PLANTED FAULTS", &format!("{} tried", tests.planted));
    page.line(&format!("  {:>4}  noticed by sequential tests in the seed's style", tests.noticed));
    page.line(&format!("  {:>4}  found by narrowcast", tests.found));

    page.heading("RESULT", "");
    let count = |of: fn(&super::views::RevisitRow) -> Status, status: Status| {
        revisit.rows.iter().filter(|row| of(row) == status).count()
    };
    for (whose, of) in [("seed", (|row| row.seed) as fn(&super::views::RevisitRow) -> Status), ("ours", |row| row.ours)]
    {
        let (held, violated) = (count(of, Status::Held), count(of, Status::Violated));
        let other = revisit.rows.len() - held - violated;
        let other = if other == 0 { String::new() } else { format!(", {other} not known") };
        page.line(&format!("  {whose}  {} of {} hold, {violated} do not{other}", held, revisit.rows.len()));
    }
    page.finish()
}

/// `narrowcast evidence check FILE`: what the rows come to, and where the file says something else.
pub fn evidence_check(file: &str, checked: &Checked, style: Style) -> String {
    let mut page = Page::new(style);
    page.line(&style.paint(Tone::Strong, "narrowcast evidence check"));
    page.hang("  file    ", Some(Tone::Dim), file, None);
    page.hang("  digest  ", Some(Tone::Dim), &checked.stable_sha256, None);
    page.heading("CLAIMS", "concluded again from the rows");
    for claim in &checked.claims {
        let (word, tone) = style.status(claim.status);
        page.row(&[
            Cell::new(claim.id.id(), 3),
            Cell::new(claim.id.name(), 18),
            Cell::new(&word, 16).tone(tone),
            Cell::new(strength_word(claim.strength), 15),
        ]);
    }
    page.line(&format!("  planted faults found: {} of {}", checked.kill.killed, checked.kill.viable));
    if checked.discrepancies.is_empty() {
        closing(&mut page, checked.verdict, "The file says what follows from its rows.", checked.exit_code());
        return page.finish();
    }
    page.heading("DISCREPANCIES", "what the file says, and what follows from its rows");
    for discrepancy in &checked.discrepancies {
        page.hang("  ", None, &discrepancy.place, Some(Tone::Bad));
        page.hang("      says     ", Some(Tone::Dim), &discrepancy.stated, None);
        page.hang("      follows  ", Some(Tone::Dim), &discrepancy.recomputed, None);
    }
    page.heading("NO VERDICT", "");
    let sentence = format!(
        "The file contradicts itself in {}. It supports nothing: run its `reproduce` command again.",
        plural(checked.discrepancies.len() as u64, "place")
    );
    page.hang("  ", None, &sentence, Some(Tone::Bad));
    page.line(&format!("  exit {}", checked.exit_code()));
    page.finish()
}
