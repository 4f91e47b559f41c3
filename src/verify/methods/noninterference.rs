//! Noninterference (G8) by sets of outcomes.
//!
//! An *observer*'s program is run alone, under every schedule, and the set of [outcomes](crate::verify::outcomes) that
//! it can see is written down. Then the same program is run beside a *load*: threads that do nothing but work on another
//! job. Whatever they do, the observer's set must be the same. An outcome that only the busy runs show tells the observer
//! of the other job; one that only the quiet runs show was taken from him by it.
//!
//! The loads multiply the schedules, so the busy runs are bounded in preemptions: by the smallest bound at which the
//! observer alone already shows his complete, unbounded set. Every outcome of the observer alone is then within the bound
//! of the busy runs too (the load goes first, or last), so that a difference is one of the router and none of the bound.
//! A *crowd* of all loads at once is too wide for that. Its schedules are drawn, and what they show must be among what the
//! observer sees alone; what they do not show, they may only have missed.
//!
//! Who explores is left open: our executor does it for any subject ([`carry_out`]), loom and shuttle for the kernel.
//!
//! What it cannot see: timing; what a load of another shape would show.

use super::interleaved::{self, Breach, Execution, Found, SplitMix, Start, every_on, replay_on, sampled_on, start};
use super::minimise;
use crate::verify::findings::{Finding, Findings, Row, Status};
use crate::verify::guarantee::Guarantee;
use crate::verify::history::{History, Kind, Line};
use crate::verify::outcomes::Outcome;
use crate::verify::pairings::{OWN, Pairing};
use crate::verify::program::Program;
use crate::verify::runner::Pace;
use crate::verify::subject::Subject;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

// === two sides ===

/// The run that first showed an outcome.
#[derive(Debug, Clone, Default)]
pub struct Sighting {
    /// In how many runs it was seen.
    pub times: u64,
    /// Whose turn it was, for explorers whose schedules are lists of turns; else empty.
    pub schedule: Vec<u8>,
    /// Which run it was, from 1.
    pub iteration: u64,
    /// What was recorded.
    pub history: History,
}

/// What one program's runs showed.
#[derive(Debug, Clone, Default)]
pub struct Side {
    /// Each outcome, with the run that first showed it.
    pub outcomes: BTreeMap<Outcome, Sighting>,
    /// Runs.
    pub schedules: u64,
    /// There are no others within the bound.
    pub frontier_emptied: bool,
    /// In some run another job was worked on between two answers to the observer.
    pub interleaved: bool,
    /// The subject lacks some operation.
    pub unsupported: bool,
    /// A panic or a hang.
    pub abnormal: Option<String>,
}

impl Side {
    /// Adds what a run showed those who have to do with these jobs (all, if none are given).
    pub fn see(&mut self, program: &Program, jobs: &[&str], schedule: &[u8], history: &[Line]) {
        self.schedules += 1;
        let outcome = Outcome::seen(history, program.threads.len(), jobs);
        self.interleaved = self.interleaved || is_interleaved(history, jobs);
        let iteration = self.schedules;
        let first = || Sighting { times: 0, schedule: schedule.to_vec(), iteration, history: history.to_vec() };
        self.outcomes.entry(outcome).or_insert_with(first).times += 1;
    }
}

/// Whether an operation on another job was answered between two answers about these.
fn is_interleaved(history: &[Line], jobs: &[&str]) -> bool {
    let named = |line: &Line| match &line.action {
        crate::verify::history::Action::Create { job, .. } | crate::verify::history::Action::Close { job, .. } => {
            Some(jobs.contains(&job.as_str()))
        }
        crate::verify::history::Action::Emit { job, .. } => Some(job.as_deref().is_some_and(|job| jobs.contains(&job))),
        _ => None,
    };
    // Before any thread runs there is nothing to be between.
    let threads = history.iter().filter(|line| line.kind != Kind::Invoke && line.process > 0);
    let mut sides: Vec<bool> = threads.filter_map(named).collect();
    sides.dedup();
    sides.len() >= 3
}

/// Explores a program within a bound on preemptions; all, if none.
pub type Explore<'e> = &'e mut dyn FnMut(&Arc<Program>, Option<usize>) -> Side;

/// An outcome that one side shows and the other does not.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Contrast {
    /// It is shown beside the load, and never alone; else it is the other way round.
    pub only_busy: bool,
    /// The bound on preemptions of the busy runs; none where their schedules were drawn.
    pub preemptions: Option<usize>,
    /// What the observer sees.
    pub seen: Outcome,
    /// Of the other side's outcomes that with the most answers in common.
    pub nearest: Outcome,
}

impl Contrast {
    /// The program that shows it, of a busy one.
    pub fn shown_by(&self, busy: &Program) -> Program {
        if self.only_busy { busy.clone() } else { busy.purged(OWN) }
    }

    /// The first lane in which the two differ, what is seen there, and what the other side shows instead.
    pub fn first_difference(&self) -> (String, Option<String>, Option<String>) {
        let others: BTreeMap<String, Vec<String>> = self.nearest.lanes().into_iter().collect();
        let mut lanes = self.seen.lanes();
        let seen: Vec<String> = lanes.iter().map(|(lane, _)| lane.clone()).collect();
        lanes.extend(others.keys().filter(|lane| !seen.contains(lane)).map(|lane| (lane.clone(), Vec::new())));
        for (lane, told) in lanes {
            let theirs = others.get(&lane).map(Vec::as_slice).unwrap_or_default();
            if told != theirs {
                let at = told.iter().zip(theirs).take_while(|(one, other)| one == other).count();
                return (lane, told.get(at).cloned(), theirs.get(at).cloned());
            }
        }
        unreachable!("an outcome that the other side does not show differs from each that it does");
    }

    /// What is wrong, as the judges of histories say it of one history.
    fn findings(&self, busy: &Program, history: &[Line]) -> Findings {
        let (lane, seen, instead) = self.first_difference();
        let said = |told: &Option<String>| told.as_ref().map_or("nothing more".into(), |told| format!("`{told}`"));
        let (here, there) = if self.only_busy { ("beside other jobs", "alone") } else { ("alone", "beside other jobs") };
        let name = busy.jobs.get(OWN).map_or("?", String::as_str);
        let message = format!(
            "what an observer of {name:?} sees is no affair of its own: {here} {lane} can be told {}; {there}, where all \
             else is as before, it is told {}",
            said(&seen),
            said(&instead)
        );
        let is_it = |line: &Line| line.kind != Kind::Invoke && Some(Line { process: 0, ..line.clone() }.to_json()) == seen;
        let witness = history.iter().zip(1..).filter(|(line, _)| is_it(line)).map(|(_, number)| number).take(1).collect();
        let finding = Finding { guarantee: Guarantee::G8, name: Guarantee::G8.name().into(), message, witness };
        Findings {
            schema: Findings::SCHEMA.into(),
            verdict: Status::Violated,
            operations: history.iter().filter(|line| line.kind == Kind::Invoke).count() as u64,
            jobs: busy.jobs.len() as u64,
            streams: busy.streams() as u64,
            tails_unjudged: 0,
            late_effects: 0,
            guarantees: vec![Row { id: Guarantee::G8, status: Status::Violated }],
            findings: vec![finding],
            findings_omitted: BTreeMap::new(),
        }
    }
}

/// The first outcome of one side that the other does not show.
fn differ(one: &Side, other: &Side, only_busy: bool, preemptions: Option<usize>) -> Option<(Contrast, Sighting)> {
    let (seen, sighting) = one.outcomes.iter().find(|(outcome, _)| !other.outcomes.contains_key(outcome))?;
    let nearest = other.outcomes.keys().max_by_key(|candidate| candidate.in_common(seen)).cloned().unwrap_or_default();
    Some((Contrast { only_busy, preemptions, seen: seen.clone(), nearest }, sighting.clone()))
}

/// The smallest bound on preemptions at which a program shows all that it shows without one.
pub fn sufficient_bound(alone: &Arc<Program>, complete: &Side, explore: Explore<'_>) -> usize {
    let shows_all = |bound: &usize| explore(alone, Some(*bound)).outcomes.len() == complete.outcomes.len();
    (0..).find(shows_all).expect("a large bound is none")
}

/// How the sides of a comparison differ, if they do. What is missing beside the load is missing only if everything beside it
/// was seen; what is new there is new at once.
pub fn contrast(alone: &Side, beside: &Side, preemptions: Option<usize>) -> Option<(Contrast, Sighting)> {
    let new = || differ(beside, alone, true, preemptions).filter(|_| alone.frontier_emptied);
    let gone = || differ(alone, beside, false, preemptions).filter(|_| beside.frontier_emptied);
    new().or_else(gone)
}

// === a whole plan ===

/// What to compare.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plan {
    /// For the subject's own ids, and for schedules that are drawn.
    pub seed: u64,
    /// Who, beside what.
    pub pairings: Vec<Pairing>,
    /// At most so many schedules of each side.
    pub schedules_each: u64,
    /// So many schedules are drawn of each crowd.
    pub drawn: u64,
    /// Force everything sequential.
    pub sequential: bool,
    /// Stop at the first difference.
    pub first_only: bool,
}

/// What came of one comparison.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Compared {
    /// The observer.
    pub observer: String,
    /// What went on beside it; a crowd, if that is not one load.
    pub load: Option<String>,
    /// The bound on preemptions of the busy runs; none where their schedules were drawn.
    pub preemptions: Option<usize>,
    /// How many different outcomes the observer has alone, without a bound. One alone would show nothing.
    pub alone: u64,
    /// How many it has beside the load.
    pub beside: u64,
    /// Runs beside the load.
    pub schedules: u64,
    /// Both sets are complete; of a crowd, that of the observer alone.
    pub frontier_emptied: bool,
    /// In some run the load's turns lay between the observer's.
    pub interleaved: bool,
    /// The subject lacks an operation of the load; of the observer, if the load is none.
    pub unsupported: bool,
    /// The sets differ.
    pub differs: bool,
}

/// A difference, minimised, and confirmed by doing it all again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Difference {
    /// The busy program, the run that shows it, and what is wrong with that.
    pub found: Found,
    /// What is seen, and what it was compared with.
    pub contrast: Contrast,
}

/// What came of a plan.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Report {
    /// One for each comparison that was made.
    pub compared: Vec<Compared>,
    /// What each observer sees alone.
    pub alone: Vec<(String, Vec<Outcome>)>,
    /// Runs of observers alone: without a bound, and to find the bound.
    pub quiet: u64,
    /// The first difference.
    pub difference: Option<Difference>,
    /// A panic or a hang.
    pub abnormal: Option<String>,
}

/// Carries a plan out, by our executor.
pub fn carry_out<S: Subject>(plan: &Plan) -> Report {
    carry_out_on(start::<S>, plan)
}

fn carry_out_on(start: Start, plan: &Plan) -> Report {
    let explorer = Explorer { start, plan };
    let mut report = Report::default();
    for pairing in &plan.pairings {
        if let Some((busy, (contrast, sighting))) = compare(pairing, &mut |p, b| explorer.every(p, b), &mut report)
            .or_else(|| crowded(pairing, &explorer, &mut report))
        {
            let found = explorer.minimised(&busy, &contrast, &sighting, pairing);
            report.difference.get_or_insert(found);
        }
        if plan.first_only && report.difference.is_some() {
            break;
        }
    }
    report
}

/// Where a comparison found a difference: beside what, and how.
type Differing = (Program, (Contrast, Sighting));

/// Compares an observer alone with itself beside each load, up to the first difference, and writes down how far it looked.
pub fn compare(pairing: &Pairing, explore: Explore<'_>, report: &mut Report) -> Option<Differing> {
    let quiet = Arc::new(pairing.alone());
    let alone = explore(&quiet, None);
    report.quiet += alone.schedules;
    report.abnormal = report.abnormal.take().or_else(|| alone.abnormal.clone());
    report.alone.push((pairing.observer.clone(), alone.outcomes.keys().cloned().collect()));
    let bound = sufficient_bound(&quiet, &alone, &mut |program, bound| {
        let side = explore(program, bound);
        report.quiet += side.schedules;
        side
    });
    for load in &pairing.loads {
        let beside = explore(&Arc::new(load.program.clone()), Some(bound));
        report.abnormal = report.abnormal.take().or_else(|| beside.abnormal.clone());
        let differing = contrast(&alone, &beside, Some(bound));
        report.compared.push(Compared {
            observer: pairing.observer.clone(),
            load: Some(load.id.clone()),
            preemptions: Some(bound),
            alone: alone.outcomes.len() as u64,
            beside: beside.outcomes.len() as u64,
            schedules: beside.schedules,
            frontier_emptied: alone.frontier_emptied && beside.frontier_emptied,
            interleaved: beside.interleaved,
            unsupported: beside.unsupported,
            differs: differing.is_some(),
        });
        if let Some(differing) = differing {
            return Some((load.program.clone(), differing));
        }
    }
    None
}

/// Draws schedules of an observer in a crowd, and looks for what it does not see alone.
fn crowded(pairing: &Pairing, explorer: &Explorer<'_>, report: &mut Report) -> Option<Differing> {
    if explorer.plan.drawn == 0 {
        return None;
    }
    let alone = explorer.every(&Arc::new(pairing.alone()), None);
    let beside = explorer.drawn(&Arc::new(pairing.crowd.clone()));
    report.abnormal = report.abnormal.take().or_else(|| beside.abnormal.clone());
    let differing = contrast(&alone, &beside, None);
    report.compared.push(Compared {
        observer: pairing.observer.clone(),
        load: None,
        preemptions: None,
        alone: alone.outcomes.len() as u64,
        beside: beside.outcomes.len() as u64,
        schedules: beside.schedules,
        frontier_emptied: alone.frontier_emptied,
        interleaved: beside.interleaved,
        unsupported: beside.unsupported,
        differs: differing.is_some(),
    });
    Some((pairing.crowd.clone(), differing?))
}

/// Our executor, as one that explores.
struct Explorer<'p> {
    start: Start,
    plan: &'p Plan,
}

impl Explorer<'_> {
    fn watch(
        &self,
        program: &Arc<Program>,
        explore: impl FnOnce(&mut dyn FnMut(&Execution)) -> interleaved::Every,
    ) -> Side {
        let mut side = Side::default();
        let own = program.jobs.get(OWN).map_or("", String::as_str);
        let every = explore(&mut |execution| {
            side.see(program, &[own], &execution.schedule, &execution.history);
            side.unsupported |= execution.unsupported > 0;
            if let Some(abnormal) = &execution.abnormal {
                side.abnormal.get_or_insert_with(|| format!("{abnormal:?}"));
            }
        });
        side.frontier_emptied = every.frontier_emptied;
        side
    }

    /// Every run within the bound.
    fn every(&self, program: &Arc<Program>, preemptions: Option<usize>) -> Side {
        let pace = if self.plan.sequential { Pace::Sequential } else { Pace::Yielding };
        let (seed, most) = (self.plan.seed, self.plan.schedules_each);
        self.watch(program, |see| every_on(self.start, program, (pace, seed), (most, preemptions), see))
    }

    /// As many as are drawn of a crowd; one, if everything is sequential.
    fn drawn(&self, program: &Arc<Program>) -> Side {
        if self.plan.sequential {
            return self.every(program, None);
        }
        let seed = SplitMix(self.plan.seed).next();
        self.watch(program, |see| sampled_on(self.start, program, seed, self.plan.drawn, see))
    }

    /// How a busy program and what is left of it when purged differ in this way, if they do.
    fn difference(&self, busy: &Arc<Program>, only_busy: bool) -> Option<(Contrast, Sighting)> {
        let quiet = Arc::new(busy.purged(OWN));
        let alone = self.every(&quiet, None);
        let bound = sufficient_bound(&quiet, &alone, &mut |program, bound| self.every(program, bound));
        let beside = self.every(busy, Some(bound));
        contrast(&alone, &beside, Some(bound)).filter(|(contrast, _)| contrast.only_busy == only_busy)
    }

    /// The smallest busy program that differs in the same way from itself when purged.
    fn minimised(&self, busy: &Program, first: &Contrast, sighting: &Sighting, pairing: &Pairing) -> Difference {
        let breach = |busy: &Arc<Program>, contrast: &Contrast, sighting: &Sighting| Breach {
            program: Arc::clone(busy),
            schedule: sighting.schedule.clone(),
            findings: Some(contrast.findings(busy, &sighting.history)),
            history: sighting.history.clone(),
            abnormal: None,
        };
        let search = |busy: &Arc<Program>, _: &Breach| {
            let (contrast, sighting) = self.difference(busy, first.only_busy)?;
            Some(breach(busy, &contrast, &sighting))
        };
        let whole = breach(&Arc::new(busy.clone()), first, sighting);
        let least = minimise::minimise_by(&whole, search);
        let contrast = match self.difference(&least.program, first.only_busy) {
            Some((contrast, _)) => contrast,
            // A crowd whose schedules are too many to be tried again is shown as it was drawn.
            None => first.clone(),
        };
        let shown = Arc::new(contrast.shown_by(&least.program));
        let again = replay_on(self.start, &shown, self.plan.seed, &least.schedule);
        let replays = is_again(&contrast, &shown, &again);
        let scenario = format!("a job {}, beside other jobs", pairing.observer);
        let mut found = Found::of(&scenario, Guarantee::G8, busy, least, &again);
        found.replays &= replays;
        Difference { found, contrast }
    }
}

/// Whether a run shows the observer what the contrast says.
fn is_again(contrast: &Contrast, shown: &Program, execution: &Execution) -> bool {
    let own = shown.jobs.get(OWN).map_or("", String::as_str);
    Outcome::seen(&execution.history, shown.threads.len(), &[own]) == contrast.seen
}

// === replaying ===

/// What came of doing a difference again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Again {
    /// The run shows the observer the same again.
    pub seen: bool,
    /// No run of the other side does.
    pub differs: bool,
    /// A run of the other side that comes nearest, a line of JSON each.
    pub nearest: Vec<String>,
}

/// At most so many schedules of the other side when a difference is replayed.
const SCHEDULES_OF_THE_OTHER_SIDE: u64 = 200_000;

/// Runs what shows a difference again, and every run of the other side.
pub fn again<S: Subject>(busy: &Program, seed: u64, schedule: &[u8], contrast: &Contrast) -> (Execution, Again) {
    let plan = Plan {
        seed,
        pairings: Vec::new(),
        schedules_each: SCHEDULES_OF_THE_OTHER_SIDE,
        drawn: 0,
        sequential: false,
        first_only: true,
    };
    let explorer = Explorer { start: start::<S>, plan: &plan };
    let shown = Arc::new(contrast.shown_by(busy));
    let execution = replay_on(explorer.start, &shown, seed, schedule);
    let other = match contrast.only_busy {
        true => explorer.every(&Arc::new(busy.purged(OWN)), None),
        false => explorer.every(&Arc::new(busy.clone()), contrast.preemptions),
    };
    let nearest = other.outcomes.iter().max_by_key(|(outcome, _)| outcome.in_common(&contrast.seen));
    let again = Again {
        seen: is_again(contrast, &shown, &execution),
        differs: other.frontier_emptied && !other.outcomes.contains_key(&contrast.seen),
        nearest: nearest.map(|(_, run)| run.history.iter().map(Line::to_json).collect()).unwrap_or_default(),
    };
    (execution, again)
}
