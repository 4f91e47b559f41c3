//! The streaming checker: judges a history in one pass.
//!
//! Lines come in through [`Checker::push`]. What is wrong with one line at first sight (another job's event, an event
//! after an end) is found there. The rest depends on when operations returned and which incarnation they can belong
//! to; it is judged for one name at a time, when the name is quiet (closed for certain, and every stream of it ended,
//! drained or left) and its lines are to be forgotten, or at the end of the history.
//!
//! Judging a name goes in three steps, each over what the one before found:
//!
//! 1. `incarnation`: the lives of the name, from the intervals of its creates and closes (`intervals`) or, where these
//!    overlap other things, from their instants (`timelines`);
//! 2. `binding`: which of them each event and stream can belong to;
//! 3. one file for each guarantee: its definition, the search for a breach, the witness.
//!
//! Operations are intervals of lines throughout, and a thing is acquitted if its windows are not empty. Only the
//! instants of creates and closes are ever tried, name by name and within a bound on the steps; no emit's or subscribe's
//! is. The oracle decides the same questions by enumeration; `tests/judges_agree.rs` compares the two.

mod binding;
mod company;
mod confinement;
mod counted_loss;
mod frame;
mod incarnation;
mod intake;
mod intervals;
mod no_fallback;
mod one_end;
mod one_order;
mod open_before_emit;
mod order;
mod placement;
mod reclaimed;
mod record;
mod report;
mod system_separation;
#[cfg(test)]
mod tests;
mod timelines;

use super::findings::Findings;
use super::history::Line;
use binding::Bonds;
use incarnation::{Life, Lives};
use intake::Intake;
use intervals::Shown;
use order::{Members, Order, Track};
use record::Job;
use report::Report;
use std::collections::HashMap;

/// How many lines of quiet names are kept before the oldest of them are judged and forgotten.
///
/// A closed job may still be read (sealed), and its stragglers may still arrive: the longer it is remembered, the more
/// exactly they are judged. This many lines take some tens of megabytes.
const KEPT_LINES: usize = 1 << 18;

/// How many steps may be taken to try the instants of creates and closes that overlap other things: so many in advance,
/// and so many more for each line. One name in a thousand takes more than a few hundred.
const STEPS_IN_ADVANCE: usize = 1 << 22;
const STEPS_PER_LINE: usize = 1 << 8;

/// Judges a history that is pushed line by line.
#[derive(Debug)]
pub struct Checker {
    intake: Intake,
    report: Report,
    real_time: bool,
    line: usize,
    /// The steps that may yet be taken.
    steps: usize,
    steps_per_line: usize,
}

impl Default for Checker {
    fn default() -> Self {
        Self::new()
    }
}

impl Checker {
    /// A checker at the beginning of a history.
    pub fn new() -> Self {
        Checker {
            intake: Intake::new(KEPT_LINES),
            report: Report::default(),
            real_time: false,
            line: 0,
            steps: STEPS_IN_ADVANCE,
            steps_per_line: STEPS_PER_LINE,
        }
    }

    /// Judges every name by intervals alone, and tries no instants: what is left to a name that would take more steps
    /// than it may. Names whose creates and closes overlap nothing are judged so in any case.
    #[must_use]
    pub fn by_intervals_alone(mut self) -> Self {
        (self.steps, self.steps_per_line) = (0, 0);
        self
    }

    /// Asks G5 for real time too: what returned before another's invoke comes first (`--order real-time`).
    #[must_use]
    pub fn real_time(mut self, real_time: bool) -> Self {
        self.real_time = real_time;
        self
    }

    /// Takes the next line; its number is one more than the last one's.
    pub fn push(&mut self, line: &Line) {
        self.push_at(self.line + 1, line);
    }

    /// Takes the line of this number (from 1, ascending): blank lines count, and only the caller has seen them.
    ///
    /// # Panics
    /// Never for fewer than 2^32 - 2 lines; line numbers beyond that are taken as equal.
    pub fn push_at(&mut self, number: usize, line: &Line) {
        self.line = number;
        self.steps = self.steps.saturating_add(self.steps_per_line);
        let number = u32::try_from(number).unwrap_or(record::NEVER - 1).min(record::NEVER - 1);
        self.intake.take(number, line, &mut self.report);
        while let Some((number, job)) = self.intake.release() {
            self.judge(number, &job);
        }
    }

    /// Judges what is left and concludes.
    pub fn finish(mut self) -> Findings {
        self.intake.close(&mut self.report);
        let jobs = self.intake.take_jobs();
        for (number, job) in jobs.iter().enumerate() {
            self.judge(number as u32, job);
        }
        self.report.conclude()
    }

    fn judge(&mut self, number: u32, job: &Job) {
        let (lives, bonds) = bind(job, &mut self.steps);
        let case = Case { job, lives: &lives, bonds: &bonds };
        confinement::judge(&case, &mut self.report);
        no_fallback::judge(&case, &mut self.report);
        open_before_emit::judge(&case, &mut self.report);
        self.judge_orders(&case);
        one_end::judge(&case, &mut self.report);
        reclaimed::judge(&case, &mut self.report);
        let late = (0..job.events.len() as u32).filter(|&event| binding::took_effect_late(&case, event));
        self.report.late_effects += late.count() as u64;
        if !job.is_system() {
            let ranges = lives.certain_ranges(job).into_iter().map(|(from, until)| (from, until, number));
            self.report.open_ranges.extend(ranges);
        }
    }
}

impl Checker {
    /// Judges G5 and G6 of a name, life by life.
    fn judge_orders(&mut self, case: &Case<'_>) {
        let (tracks, delivered) = order::tracks(case);
        let members = if case.lives.timelines().is_some() { Members::default() } else { Members::of(case) };
        one_order::judge_repetitions(case, &tracks, &mut self.report);
        let resumes = case.job.streams.iter().any(|stream| matches!(stream.from, record::From::After(_)));
        let events = case.job.events.iter().take(if resumes { usize::MAX } else { 0 });
        let tokens: HashMap<&str, u32> = events.map(|event| &*event.token).zip(0..).collect();
        let context = Context { case, members: &members, tracks: &tracks, tokens: &tokens, delivered: &delivered };
        if let Some(timelines) = case.lives.timelines() {
            return company::judge(&context, timelines, self.real_time, &mut self.steps, &mut self.report);
        }
        let mut lives: Vec<_> = members.streams.iter().collect();
        lives.sort_unstable();
        for (&life, streams) in lives {
            let settled = |stream: &&u32| !members.knots.contains_key(&case.bonds.stream_knot(**stream));
            let streams: Vec<u32> = streams.iter().filter(settled).copied().collect();
            if !streams.is_empty() {
                self.judge_order(&context, &[life], None, &streams);
            }
        }
        let mut knots: Vec<_> = members.knots.iter().collect();
        knots.sort_unstable();
        for (&knot, streams) in knots {
            if let Some(&stream) = streams.first() {
                let lives = order::lives_of_knot(case, &members, &tracks, case.bonds.stream(stream), knot);
                self.judge_order(&context, &lives, Some(knot), streams);
            }
        }
    }

    /// Judges streams that share a set of lives: in order if they are in one of them.
    fn judge_order(&mut self, context: &Context<'_>, lives: &[Life], knot: Option<u32>, streams: &[u32]) {
        let Context { case, members, tracks, .. } = *context;
        let orders: Vec<(Life, Order)> =
            lives.iter().map(|&life| (life, Order::of(case, members, tracks, life, knot))).collect();
        let cycles: Vec<Vec<u32>> = orders.iter().map(|(_, order)| order.cycle(case, self.real_time)).collect();
        if let (Some((_, order)), Some(cycle)) = (orders.first(), cycles.first())
            && cycles.iter().all(|cycle| !cycle.is_empty())
        {
            one_order::breach(case, order, cycle, tracks, &mut self.report);
        }
        for &index in streams {
            counted_loss::judge(context, &orders, knot, index, &mut self.report);
        }
    }
}

/// Judges a whole history.
pub fn check(history: &[Line]) -> Findings {
    let mut checker = Checker::new();
    history.iter().for_each(|line| checker.push(line));
    checker.finish()
}

/// One name (or the system) to be judged.
#[derive(Debug, Clone, Copy)]
struct Case<'a> {
    job: &'a Job,
    lives: &'a Lives,
    bonds: &'a Bonds,
}

/// What the judges of order and loss share while they go through a name's lives.
#[derive(Debug, Clone, Copy)]
struct Context<'a> {
    case: &'a Case<'a>,
    members: &'a Members,
    tracks: &'a [Track],
    /// The name's events by token, if some stream resumed after one.
    tokens: &'a HashMap<&'a str, u32>,
    /// For each event, whether some stream delivered it lawfully.
    delivered: &'a [bool],
}

/// Finds the lives of a name and what is bound to them: by its timelines where they are needed and these steps allow
/// it, else by intervals.
///
/// An end shows the close that it came from, where only one can be meant; and which one can be meant depends on the
/// lives. So where an end tells more than the operations' own lines, the intervals are computed again, until
/// nothing changes. Few histories need a second round.
fn bind(job: &Job, steps: &mut usize) -> (Lives, Bonds) {
    if let Some(lives) = Lives::by_timelines(job, steps) {
        let bonds = Bonds::of(job, &lives);
        return (lives, bonds);
    }
    let mut shown = Shown::default();
    loop {
        let lives = Lives::by_intervals(job, &shown);
        let bonds = Bonds::of(job, &lives);
        let ends = job.streams.iter().zip(0..).filter(|_| !job.is_system());
        let ends = ends.filter_map(|(stream, index)| Some((bonds.stream_alone(index), stream, stream.ended?)));
        let news =
            ends.fold(false, |news, (bound, stream, end)| lives.heed_end(bound, stream, end, &mut shown) || news);
        if !news {
            return (lives, bonds);
        }
    }
}
