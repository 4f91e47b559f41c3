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

use super::interleaved::{self, Breach, Execution, Found, SplitMix, every, replay, sampled};
use super::minimise;
use crate::verify::findings::{Finding, Findings, Row, Status};
use crate::verify::guarantee::Guarantee;
use crate::verify::history::{Action, History, Kind, Line, parse_line};
use crate::verify::outcomes::{Outcome, in_words};
use crate::verify::pairings::{OWN, Pairing};
use crate::verify::program::Program;
use crate::verify::runner::Pace;
use crate::verify::sightings::{Sighting as Seen, Sightings};
use crate::verify::subject::erased::Fresh;
use serde::{Deserialize, Serialize};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
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
        self.see_often(program, jobs, (schedule, self.schedules + 1), history, 1);
    }

    /// The same, of a run that was seen so often, and that first was the one of this number.
    pub fn see_often(
        &mut self,
        program: &Program,
        jobs: &[&str],
        (schedule, iteration): (&[u8], u64),
        history: &[Line],
        times: u64,
    ) {
        self.schedules += times;
        let outcome = Outcome::seen(history, program.threads.len(), jobs);
        self.interleaved = self.interleaved || is_interleaved(history, program.threads.len(), jobs);
        let first = || Sighting { times: 0, schedule: schedule.to_vec(), iteration, history: history.to_vec() };
        self.outcomes.entry(outcome).or_insert_with(first).times += times;
    }
}

/// Whether another job was worked on between two answers about these: an operation on it was answered, or its streams
/// delivered.
fn is_interleaved(history: &[Line], threads: usize, jobs: &[&str]) -> bool {
    let mut own_streams: BTreeSet<&str> = BTreeSet::new();
    let mut sides: Vec<bool> = Vec::new();
    for line in history.iter().filter(|line| line.kind != Kind::Invoke) {
        let is_own = match &line.action {
            Action::Create { job, .. } | Action::Close { job, .. } => jobs.contains(&job.as_str()),
            Action::Emit { job, .. } | Action::Subscribe { job, .. } => {
                job.as_deref().is_some_and(|job| jobs.contains(&job))
            }
            Action::Receive { stream, .. } | Action::Unsubscribe { stream } => own_streams.contains(stream.as_str()),
            // What is left when no thread can move any more comes after everything.
            Action::Drained { .. } | Action::Retained { .. } | Action::Expired { .. } => continue,
        };
        if let Action::Subscribe { stream, .. } = &line.action
            && is_own
        {
            own_streams.insert(stream);
        }
        // Before any thread runs, and when none can move any more, there is nothing to be between.
        let in_a_thread = (1..=threads as i64).contains(&line.process);
        if in_a_thread && sides.last() != Some(&is_own) {
            sides.push(is_own);
        }
    }
    sides.len() >= 3
}

impl From<Side> for Sightings {
    fn from(side: Side) -> Sightings {
        let seen = side.outcomes.into_iter().map(|(outcome, first)| Seen {
            outcome,
            times: first.times,
            schedule: first.schedule,
            iteration: first.iteration,
            history: first.history.iter().map(Line::to_json).collect(),
        });
        Sightings {
            seen: seen.collect(),
            id: String::new(),
            schedules: side.schedules,
            complete: side.frontier_emptied,
            interleaved: side.interleaved,
            abnormal: side.abnormal,
        }
    }
}

impl From<Sightings> for Side {
    fn from(sightings: Sightings) -> Side {
        let run = |seen: Seen| {
            let lines = seen.history.iter().filter_map(|text| parse_line(text).ok()??.into_line());
            let history = lines.collect();
            let Seen { times, schedule, iteration, .. } = seen;
            (seen.outcome, Sighting { times, schedule, iteration, history })
        };
        Side {
            outcomes: sightings.seen.into_iter().map(run).collect(),
            schedules: sightings.schedules,
            frontier_emptied: sightings.complete,
            interleaved: sightings.interleaved,
            unsupported: false,
            abnormal: sightings.abnormal,
        }
    }
}

/// Explores a program within a bound on preemptions; all, if none.
pub type Explore<'e> = &'e dyn Fn(&Arc<Program>, Option<usize>) -> Side;

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

    /// What was drawn beside a load and is not among what is seen alone.
    pub fn new_beside(seen: &Outcome, alone: &BTreeSet<Outcome>) -> Contrast {
        let nearest = alone.iter().max_by_key(|candidate| candidate.in_common(seen)).cloned().unwrap_or_default();
        Contrast { only_busy: true, preemptions: None, seen: seen.clone(), nearest }
    }

    /// The bound on preemptions of the side that shows it; none means all.
    pub fn bound(&self) -> Option<usize> {
        self.preemptions.filter(|_| self.only_busy)
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
    pub fn findings(&self, busy: &Program, history: &[Line]) -> Findings {
        let (lane, seen, instead) = self.first_difference();
        let said = |told: &Option<String>| told.as_deref().map_or("nothing more".into(), in_words);
        let (here, there) =
            if self.only_busy { ("beside other jobs", "alone") } else { ("alone", "beside other jobs") };
        let name = own_name(busy);
        let message = format!(
            "an observer of {name:?} sees more than its own job: {here}, {lane} can be told {}, as it never can {there}; \
             what comes nearest is that it is told {}",
            said(&seen),
            said(&instead)
        );
        let is_it =
            |line: &Line| line.kind != Kind::Invoke && Some(Line { process: 0, ..line.clone() }.to_json()) == seen;
        let witness =
            history.iter().zip(1..).filter(|(line, _)| is_it(line)).map(|(_, number)| number).take(1).collect();
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
    // Where a search is not brought to its end, a larger one is not either.
    let suffices = |bound: &usize| {
        let side = explore(alone, Some(*bound));
        side.outcomes.len() >= complete.outcomes.len() || !side.frontier_emptied
    };
    (0..).find(suffices).expect("a large bound is none")
}

/// How a busy program and what is left of it when purged differ, if they do.
fn difference(busy: &Arc<Program>, more: usize, explore: Explore<'_>) -> Option<(Contrast, Sighting)> {
    let quiet = Arc::new(busy.purged(OWN));
    let alone = explore(&quiet, None);
    let bound = sufficient_bound(&quiet, &alone, explore) + more;
    contrast(&alone, &explore(busy, Some(bound)), Some(bound))
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
    /// The busy runs may be preempted so much oftener than the observer alone needs.
    pub more_preemptions: usize,
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
    /// The smallest bound on preemptions at which the observer alone shows all that it shows without one.
    pub sufficient: usize,
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
    /// Which of the runs it was, from 1, for explorers whose schedules are no lists of turns.
    pub iteration: u64,
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
    /// The first difference beside a load.
    pub difference: Option<Difference>,
    /// The first that was drawn in a crowd, as it was drawn.
    pub crowd: Option<Difference>,
    /// A panic or a hang.
    pub abnormal: Option<String>,
}

/// Carries a plan out, by our executor.
pub fn carry_out(fresh: Fresh, plan: &Plan) -> Report {
    let explorer = Explorer { fresh, plan };
    let explore = |program: &Arc<Program>, bound| explorer.every(program, bound, plan.schedules_each);
    let mut report = Report::default();
    for pairing in &plan.pairings {
        let crowd = crowded(pairing, &explorer, &mut report);
        report.crowd = report.crowd.take().or(crowd);
        if let Some((busy, first)) = compare(pairing, plan.more_preemptions, &explore, &mut report) {
            let again = |contrast: &Contrast, least: &Breach| explorer.is_again(contrast, least);
            let explore = |program: &Arc<Program>, bound| explorer.every(program, bound, SCHEDULES_TO_SHRINK);
            let found = minimised(&busy, &first, (&pairing.observer, plan.more_preemptions), &explore, &again);
            report.difference.get_or_insert(found);
        }
        if plan.first_only && report.difference.is_some() {
            break;
        }
    }
    report
}

/// Where a comparison found a difference: beside what, and how.
pub type Differing = (Program, (Contrast, Sighting));

/// Compares an observer alone with itself beside each load, up to the first difference, and writes down how far it looked.
pub fn compare(pairing: &Pairing, more: usize, explore: Explore<'_>, report: &mut Report) -> Option<Differing> {
    let quiet = Arc::new(pairing.alone());
    let alone = explore(&quiet, None);
    let counted = Cell::new(alone.schedules);
    let sufficient = sufficient_bound(&quiet, &alone, &|program, bound| {
        let side = explore(program, bound);
        counted.set(counted.get() + side.schedules);
        side
    });
    report.quiet += counted.get();
    report.abnormal = report.abnormal.take().or_else(|| alone.abnormal.clone());
    report.alone.push((pairing.observer.clone(), alone.outcomes.keys().cloned().collect()));
    for load in &pairing.loads {
        let bound = Some(sufficient + more);
        let beside = explore(&Arc::new(load.program.clone()), bound);
        report.abnormal = report.abnormal.take().or_else(|| beside.abnormal.clone());
        let differing = contrast(&alone, &beside, bound);
        let complete = alone.frontier_emptied && beside.frontier_emptied;
        report.compared.push(Compared {
            load: Some(load.id.clone()),
            preemptions: bound,
            frontier_emptied: complete,
            differs: differing.is_some(),
            ..Compared::of(pairing, sufficient, &alone, &beside)
        });
        if let Some(differing) = differing {
            return Some((load.program.clone(), differing));
        }
    }
    None
}

impl Compared {
    /// The counts of the two sides.
    fn of(pairing: &Pairing, sufficient: usize, alone: &Side, beside: &Side) -> Compared {
        Compared {
            observer: pairing.observer.clone(),
            load: None,
            sufficient,
            preemptions: None,
            alone: alone.outcomes.len() as u64,
            beside: beside.outcomes.len() as u64,
            schedules: beside.schedules,
            frontier_emptied: alone.frontier_emptied,
            interleaved: beside.interleaved,
            unsupported: beside.unsupported,
            differs: false,
        }
    }
}

/// Draws schedules of an observer in a crowd, and looks for what it does not see alone. Crowds are too wide to be made smaller
/// by trying all schedules of what is left; where the difference is one that a load alone can show, its pair is small.
fn crowded(pairing: &Pairing, explorer: &Explorer<'_>, report: &mut Report) -> Option<Difference> {
    if explorer.plan.drawn == 0 {
        return None;
    }
    let alone = explorer.every(&Arc::new(pairing.alone()), None, explorer.plan.schedules_each);
    let beside = explorer.drawn(&Arc::new(pairing.crowd.clone()));
    report.abnormal = report.abnormal.take().or_else(|| beside.abnormal.clone());
    let differing = contrast(&alone, &beside, None);
    let compared = Compared::of(pairing, 0, &alone, &beside);
    report.compared.push(Compared { differs: differing.is_some(), ..compared });
    let (contrast, run) = differing?;
    let mut difference = drawn(&pairing.crowd, &pairing.observer, contrast, &run);
    let (shown, seed) = (Arc::new(pairing.crowd.clone()), explorer.plan.seed);
    let again = replay(explorer.fresh, &shown, SplitMix(seed).next(), &run.schedule);
    difference.found.replays = again.history == run.history && is_again(&difference.contrast, &shown, &again.history);
    Some(difference)
}

/// At most so many schedules of either side of a smaller pair.
const SCHEDULES_TO_SHRINK: u64 = 20_000;

/// The smallest busy program that differs in the same way from itself when purged. `again` says whether what is left shows
/// the same when it is run again.
pub fn minimised(
    busy: &Program,
    (first, sighting): &(Contrast, Sighting),
    (observer, more): (&str, usize),
    explore: Explore<'_>,
    again: &dyn Fn(&Contrast, &Breach) -> bool,
) -> Difference {
    let breach = |busy: &Arc<Program>, contrast: &Contrast, sighting: &Sighting| Pair {
        contrast: contrast.clone(),
        iteration: sighting.iteration,
        breach: Breach {
            program: Arc::clone(busy),
            schedule: sighting.schedule.clone(),
            findings: Some(contrast.findings(busy, &sighting.history)),
            history: sighting.history.clone(),
            abnormal: None,
        },
    };
    let search = |busy: &Arc<Program>, _: &Pair| {
        let (contrast, sighting) = difference(busy, more, explore)?;
        (contrast.only_busy == first.only_busy).then(|| breach(busy, &contrast, &sighting))
    };
    let least = minimise::minimise_by(&breach(&Arc::new(busy.clone()), first, sighting), search);
    let replays = again(&least.contrast, &least.breach);
    Difference {
        found: Found {
            guarantee: Guarantee::G8,
            scenario: format!("a job that {observer}, beside other jobs"),
            minimised_from: busy.operations() as u64,
            history: least.breach.history.iter().map(Line::to_json).collect(),
            findings: least.breach.findings.expect("a difference has its findings"),
            program: (*least.breach.program).clone(),
            schedule: least.breach.schedule,
            replays,
        },
        iteration: least.iteration,
        contrast: least.contrast,
    }
}

/// A difference as it was drawn. Nobody has run it again.
pub fn drawn(busy: &Program, observer: &str, contrast: Contrast, run: &Sighting) -> Difference {
    let found = Found {
        guarantee: Guarantee::G8,
        scenario: format!("a job that {observer}, beside other jobs"),
        minimised_from: busy.operations() as u64,
        history: run.history.iter().map(Line::to_json).collect(),
        findings: contrast.findings(busy, &run.history),
        program: busy.clone(),
        schedule: run.schedule.clone(),
        replays: false,
    };
    Difference { found, iteration: run.iteration, contrast }
}

/// A busy program, and how it differs from itself when purged.
#[derive(Clone)]
struct Pair {
    contrast: Contrast,
    iteration: u64,
    breach: Breach,
}

impl minimise::Shrinks for Pair {
    fn program(&self) -> &Arc<Program> {
        &self.breach.program
    }
}

/// Our executor, as one that explores.
struct Explorer<'p> {
    fresh: Fresh,
    plan: &'p Plan,
}

impl Explorer<'_> {
    fn watch(
        &self,
        program: &Arc<Program>,
        explore: impl FnOnce(&mut dyn FnMut(&Execution)) -> interleaved::Every,
    ) -> Side {
        let mut side = Side::default();
        let own = own_name(program);
        let every = explore(&mut |execution| {
            side.see(program, &[own], &execution.schedule, &execution.history);
            side.unsupported |= !execution.lacks.is_empty();
            if let Some(abnormal) = &execution.abnormal {
                side.abnormal.get_or_insert_with(|| format!("{abnormal:?}"));
            }
        });
        side.frontier_emptied = every.frontier_emptied;
        side
    }

    /// Every run within the bound, up to so many.
    fn every(&self, program: &Arc<Program>, preemptions: Option<usize>, most: u64) -> Side {
        let pace = if self.plan.sequential { Pace::Sequential } else { Pace::Yielding };
        let seed = self.plan.seed;
        self.watch(program, |see| every(self.fresh, program, (pace, seed), (most, preemptions), see))
    }

    /// As many as are drawn of a crowd; one, if everything is sequential.
    fn drawn(&self, program: &Arc<Program>) -> Side {
        if self.plan.sequential {
            return self.every(program, None, 1);
        }
        let seed = SplitMix(self.plan.seed).next();
        self.watch(program, |see| sampled(self.fresh, program, seed, self.plan.drawn, see))
    }

    fn is_again(&self, contrast: &Contrast, least: &Breach) -> bool {
        let shown = Arc::new(contrast.shown_by(&least.program));
        let execution = replay(self.fresh, &shown, self.plan.seed, &least.schedule);
        execution.history == least.history && is_again(contrast, &shown, &execution.history)
    }
}

/// The name of the observed job.
pub fn own_name(program: &Program) -> &str {
    program.jobs.get(OWN).map_or("", String::as_str)
}

/// Whether a run shows the observer what the contrast says.
pub fn is_again(contrast: &Contrast, shown: &Program, history: &[Line]) -> bool {
    Outcome::seen(history, shown.threads.len(), &[own_name(shown)]) == contrast.seen
}

// === replaying ===

/// What came of doing a difference again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Again {
    /// What was recorded in the run that shows it, a line of JSON each.
    pub history: Vec<String>,
    /// At which step the schedule no longer fits, if it does not.
    pub stale_at: Option<usize>,
    /// The run shows the observer the same again.
    pub seen: bool,
    /// Which run of its side it was, where the explorer's runs are numbered.
    pub iteration: Option<u64>,
    /// No run of the other side does, and all of them were tried.
    pub differs: bool,
    /// Why a side was not explored to its end, though what was looked for depends on that.
    pub unfinished: Option<String>,
}

impl Again {
    /// How a difference, or that there is none any more, follows from the two sides.
    pub(super) fn of(history: Vec<String>, run: (bool, Option<u64>), other: Result<bool, String>) -> Again {
        let (seen, iteration) = run;
        let (differs, unfinished) = match other {
            Ok(differs) => (differs, None),
            Err(why) => (false, Some(why)),
        };
        Again { history, stale_at: None, seen, iteration, differs, unfinished }
    }
}

/// Why a side does not show all that there is to be seen, if it does not.
pub(super) fn unfinished(side: &Side) -> Option<String> {
    let cut_off = || (!side.frontier_emptied).then(|| "it was not explored to its end".to_owned());
    side.abnormal.clone().or_else(cut_off)
}

/// At most so many schedules of the other side when a difference is done again.
const SCHEDULES_OF_THE_OTHER_SIDE: u64 = 200_000;

/// Whether the other side of a contrast does not show what is seen; or why nobody knows.
pub(super) fn differs_again(busy: &Program, contrast: &Contrast, explore: Explore<'_>) -> Result<bool, String> {
    let other = match contrast.only_busy {
        true => explore(&Arc::new(busy.purged(OWN)), None),
        false => explore(&Arc::new(busy.clone()), contrast.preemptions),
    };
    if other.outcomes.contains_key(&contrast.seen) {
        return Ok(false);
    }
    unfinished(&other).map_or(Ok(true), |why| Err(format!("of the other side nobody knows: {why}")))
}

/// Runs what shows a difference again, and every run of the other side.
pub fn again(fresh: Fresh, busy: &Program, seed: u64, schedule: &[u8], contrast: &Contrast) -> Again {
    let (pairings, schedules_each) = (Vec::new(), SCHEDULES_OF_THE_OTHER_SIDE);
    let sequential = false;
    let plan = Plan { seed, pairings, schedules_each, drawn: 0, sequential, more_preemptions: 0, first_only: true };
    let explorer = Explorer { fresh, plan: &plan };
    let shown = Arc::new(contrast.shown_by(busy));
    let execution = replay(explorer.fresh, &shown, seed, schedule);
    let stale_at = match execution.abnormal {
        Some(interleaved::Abnormal::Stale(step)) => Some(step),
        _ if execution.schedule.len() != schedule.len() => Some(execution.schedule.len()),
        _ => None,
    };
    let seen = is_again(contrast, &shown, &execution.history);
    let other = differs_again(busy, contrast, &|program, bound| explorer.every(program, bound, schedules_each));
    let history = execution.history.iter().map(Line::to_json).collect();
    Again { stale_at, ..Again::of(history, (seen, None), other) }
}
