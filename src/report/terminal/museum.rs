//! The planted faults on the page of `narrowcast verify`: the kill matrix, and how many schedules it takes to meet
//! them.

use super::super::style::{Cell, Page, Tone, thousands};
use super::ids;
use super::run::column;
use crate::verify::guarantee::Guarantee;
use crate::verify::verdict::{Evidence, Hunt, Mutant, MutantOutcome, Stable, Tried, noticed};
use serde_json::Value;
use std::collections::BTreeSet;

/// What an explorer's cell says if it must find the fault and did not.
const MISSED: &str = "missed";

/// One row for each planted fault, one column for each explorer.
pub(super) fn planted_faults(page: &mut Page, stable: &Stable) {
    if stable.mutants.is_empty() {
        return;
    }
    let kill = stable.kill;
    let ordinary: Vec<bool> = stable.mutants.iter().filter_map(|mutant| mutant.ordinary_tests_notice).collect();
    let mut beside = format!("{} of {} found", kill.killed, kill.viable);
    if !ordinary.is_empty() {
        let noticed = ordinary.iter().filter(|noticed| **noticed).count();
        beside.push_str(&format!("; ordinary sequential tests notice {noticed} of {}", ordinary.len()));
    }
    page.heading("PLANTED FAULTS", &beside);
    let table = Table::new(page, stable);
    if !table.explorers.is_empty() {
        let dot = page.style.sign("·", ".");
        let legend = format!("{dot} did not find it, - cannot run it");
        page.hang("  operations of the smallest counterexample; ", Some(Tone::Dim), &legend, Some(Tone::Dim));
        table.head(page);
    }
    for mutant in &stable.mutants {
        table.fault(page, mutant);
    }
    table.foot(page, stable);
}

/// The planted faults that can only be observed, and what was noticed of them.
pub(super) fn observed_faults(page: &mut Page, stable: &Stable) {
    let mutants = &stable.observed_mutants;
    if mutants.is_empty() {
        return;
    }
    let (seen, all) = noticed(mutants);
    page.heading("PLANTED FAULTS OF THE WIRE", &format!("{seen} of {all} noticed; observed, so none counts as a kill"));
    let style = page.style;
    let room = style.columns().saturating_sub(2 + OUTCOME + 2 + BROKEN + 2);
    let id = column(mutants.iter().map(|mutant| mutant.id.as_str()), room.max(8));
    for mutant in mutants {
        let is_noticed = noticed(std::slice::from_ref(mutant)).0 > 0;
        let (word, tone, broken) = match is_noticed {
            true => (format!("{} noticed", style.sign("✓", "+")), Tone::Good, &mutant.noticed),
            false => (format!("{} missed", style.sign("✗", "X")), Tone::Bad, &mutant.expected),
        };
        page.row(&[Cell::new(&word, OUTCOME).tone(tone), Cell::new(&mutant.id, id), Cell::new(&ids(broken), BROKEN)]);
        if !is_noticed {
            page.hang(
                "              ",
                None,
                &format!("{}; after {}", mutant.defect, mutant.incident),
                Some(Tone::Dim),
            );
        }
    }
}

/// The columns.
struct Table<'s> {
    explorers: Vec<&'s str>,
    id: usize,
    ordinary: usize,
}

const OUTCOME: usize = 10;
const BROKEN: usize = 7;

/// The columns of an explorer: its name, or what may stand below it.
fn explorer_columns(explorer: &str) -> usize {
    explorer.chars().count().clamp(MISSED.len(), 12)
}

impl<'s> Table<'s> {
    fn new(page: &Page, stable: &'s Stable) -> Self {
        let tried = stable.mutants.iter().flat_map(|mutant| &mutant.tried);
        let explorers: BTreeSet<&str> = tried.map(|tried| tried.explorer.as_str()).collect();
        let explorers: Vec<&str> = explorers.into_iter().collect();
        // Where it is narrow, what ordinary tests make of a fault goes: the heading counts it.
        let ordinary = if page.style.columns() < 99 { 0 } else { 14 };
        let others: usize = explorers.iter().map(|explorer| explorer_columns(explorer) + 2).sum();
        let room = page.style.columns().saturating_sub(2 + OUTCOME + 2 + 2 + BROKEN + others + 2 + ordinary);
        let id = column(stable.mutants.iter().map(|mutant| mutant.id.as_str()), room.max(8));
        Table { explorers, id, ordinary }
    }

    /// A row: what comes first, a cell of each explorer, what comes last.
    fn row(&self, page: &mut Page, first: [Cell<'_>; 3], cells: &[(String, Option<Tone>)], last: &str) {
        let mut row = Vec::from(first);
        for (explorer, (text, tone)) in self.explorers.iter().zip(cells) {
            let cell = Cell::new(text, explorer_columns(explorer));
            row.push(match tone {
                Some(tone) => cell.tone(*tone),
                None => cell,
            });
        }
        row.extend((self.ordinary > 0).then(|| Cell::new(last, self.ordinary).tone(Tone::Dim)));
        page.row(&row);
    }

    fn head(&self, page: &mut Page) {
        let names: Vec<_> = self.explorers.iter().map(|name| ((*name).to_owned(), Some(Tone::Dim))).collect();
        let broken = Cell::new("breaks", BROKEN).tone(Tone::Dim);
        self.row(page, [Cell::new("", OUTCOME), Cell::new("", self.id), broken], &names, "");
    }

    fn fault(&self, page: &mut Page, mutant: &Mutant) {
        let style = page.style;
        let (unicode, ascii, tone) = match mutant.outcome {
            MutantOutcome::Killed => ("✓", "+", Tone::Good),
            MutantOutcome::Survived => ("✗", "X", Tone::Bad),
            MutantOutcome::Timeout => ("?", "?", Tone::Doubt),
            MutantOutcome::NotRun => ("·", ".", Tone::Dim),
        };
        let outcome = format!("{} {}", style.sign(unicode, ascii), mutant.outcome.word());
        let found: BTreeSet<Guarantee> = mutant.killed_by.iter().map(|by| by.guarantee).collect();
        let breaks: Vec<Guarantee> = match mutant.outcome {
            MutantOutcome::Killed => mutant.expected.iter().copied().filter(|g| found.contains(g)).collect(),
            _ => mutant.expected.clone(),
        };
        let ordinary = match mutant.ordinary_tests_notice {
            Some(true) => "(tests notice)",
            Some(false) => "(tests pass)",
            None => "",
        };
        let tried = |explorer: &&str| mutant.tried.iter().find(|tried| tried.explorer == *explorer);
        let cells: Vec<_> = self.explorers.iter().map(|explorer| cell(page, tried(explorer))).collect();
        let broken = ids(&breaks);
        let first =
            [Cell::new(&outcome, OUTCOME).tone(tone), Cell::new(&mutant.id, self.id), Cell::new(&broken, BROKEN)];
        self.row(page, first, &cells, ordinary);
        for (text, tone) in remarks(mutant) {
            page.hang("              ", None, &text, Some(tone));
        }
    }

    /// How many of those that it ran each explorer found.
    fn foot(&self, page: &mut Page, stable: &Stable) {
        if self.explorers.is_empty() {
            return;
        }
        let of = |explorer: &&str| {
            let tried: Vec<&Tried> =
                stable.mutants.iter().flat_map(|m| &m.tried).filter(|tried| tried.explorer == **explorer).collect();
            let found = tried.iter().filter(|tried| tried.operations.is_some()).count();
            (format!("{found}/{}", tried.len()), Some(Tone::Dim))
        };
        let counts: Vec<_> = self.explorers.iter().map(of).collect();
        let found = Cell::new("found/tried", self.id).tone(Tone::Dim);
        self.row(page, [Cell::new("", OUTCOME), found, Cell::new("", BROKEN)], &counts, "");
    }
}

fn cell(page: &Page, tried: Option<&Tried>) -> (String, Option<Tone>) {
    match tried {
        None => ("-".to_owned(), Some(Tone::Dim)),
        Some(Tried { operations: Some(operations), .. }) => (operations.to_string(), None),
        Some(Tried { must: true, .. }) => (MISSED.to_owned(), Some(Tone::Bad)),
        Some(_) => (page.style.sign("·", ".").to_owned(), Some(Tone::Dim)),
    }
}

/// What is to be said of a fault that some explorer should have found and did not, or only found to break something
/// else.
fn remarks(mutant: &Mutant) -> Vec<(String, Tone)> {
    let mut remarks = Vec::new();
    let is_unexpected = |by: &&crate::verify::verdict::KilledBy| !mutant.expected.contains(&by.guarantee);
    let others: BTreeSet<String> =
        mutant.killed_by.iter().filter(is_unexpected).map(|by| format!("{} by {}", by.guarantee, by.method)).collect();
    match mutant.outcome {
        MutantOutcome::Survived | MutantOutcome::Timeout => {
            let only = match others.is_empty() {
                true => "nothing found it".to_owned(),
                false => format!("only found: {}", others.into_iter().collect::<Vec<_>>().join(", ")),
            };
            remarks.push((format!("expected {}, and {only}", ids(&mutant.expected)), Tone::Bad));
            remarks.push((mutant.defect.clone(), Tone::Dim));
        }
        MutantOutcome::Killed => {
            let missed = mutant.tried.iter().filter(|tried| tried.must && tried.operations.is_none());
            remarks.extend(missed.map(|by| (format!("{} must find it, and did not", by.explorer), Tone::Bad)));
        }
        MutantOutcome::NotRun => {}
    }
    remarks
}

// === schedules to find ===

/// The names of the hunts' columns: shuttle's longest is shortened.
const HUNTERS: [(&str, &str); 5] = [
    ("interleaved", "interleaved"),
    ("loom", "loom"),
    ("random", "random"),
    ("pct", "pct"),
    ("uniform_random_walk", "urw"),
];

/// One row for each planted fault that was hunted: the median and the 95th percentile of the schedules that it took.
pub(super) fn hunts(page: &mut Page, evidence: &Evidence) {
    let hunts = &evidence.stable.hunts;
    let Some(seeds) = hunts.iter().map(|hunt| hunt.seeds).max() else { return };
    page.heading("SCHEDULES TO FIND", &format!("median/95th percentile over {} seeds", thousands(seeds)));
    let most = thousands(hunts.iter().map(|hunt| hunt.most).max().unwrap_or(0));
    let legend = format!(
        "> more than {most}, where the hunt ends; - not hunted by it. random, pct and urw (uniform random walk) are \
         shuttle's. A number alone: nothing is drawn there, and the first finding is the same for every seed."
    );
    page.hang("  ", None, &legend, Some(Tone::Dim));
    let mut faults: Vec<&str> = Vec::new();
    hunts.iter().for_each(|hunt| {
        if faults.last() != Some(&hunt.fault.as_str()) {
            faults.push(&hunt.fault)
        }
    });
    let room = page.style.columns().saturating_sub(2 + HUNTERS.len() * (2 + HUNTER));
    let id = column(faults.iter().copied(), room.max(8));
    let head: Vec<String> = HUNTERS.iter().map(|(_, name)| (*name).to_owned()).collect();
    hunt_row(page, Cell::new("", id), &head, Some(Tone::Dim));
    for fault in faults {
        let of = |explorer: &str| hunts.iter().find(|hunt| hunt.fault == fault && hunt.explorer == explorer);
        let cells: Vec<String> = HUNTERS.iter().map(|(explorer, _)| hunted(of(explorer))).collect();
        hunt_row(page, Cell::new(fault, id), &cells, None);
    }
    if let Some(times) = evidence.volatile.get("hunts") {
        page.hang("  in this run: ", None, &soonest(times.get("median_fault_us").and_then(Value::as_u64)), None);
    }
}

/// The columns of a hunter.
const HUNTER: usize = 11;

fn hunt_row(page: &mut Page, first: Cell<'_>, cells: &[String], tone: Option<Tone>) {
    let cell = |text| match tone {
        Some(tone) => Cell::new(text, HUNTER).tone(tone),
        None => Cell::new(text, HUNTER),
    };
    let mut row = vec![first];
    row.extend(cells.iter().map(|text| cell(text)));
    page.row(&row);
}

fn hunted(hunt: Option<&Hunt>) -> String {
    let Some(hunt) = hunt else { return "-".to_owned() };
    let number = |number: Option<u64>| number.map_or_else(|| ">".to_owned(), thousands);
    match hunt.seeds {
        1 => number(hunt.median),
        _ => format!("{}/{}", number(hunt.median), number(hunt.p95)),
    }
}

/// How soon the median fault is found by the explorer that finds it soonest.
fn soonest(median_fault_us: Option<u64>) -> String {
    match median_fault_us {
        None => "the median fault is not found by half of the seeds of any explorer.".to_owned(),
        Some(us) => {
            let second = if us < 1_000_000 { "in less than a second" } else { "not within a second" };
            let ms = format!("{}.{} ms", thousands(us / 1_000), us % 1_000 / 100);
            format!("the median fault is found {second} of search by the explorer that finds it soonest: {ms}.")
        }
    }
}
