//! Companies: the orders and losses of a name whose instants were tried.
//!
//! Under one timeline a knot of streams and events belongs to one of its incarnations, and some of the other knots can
//! belong to no other one: that is its company. Others may keep it company or not; each choice of them is tried for
//! each stream. A stream is in order if it is so in some company.

use super::counted_loss::{self, Debt, Stance};
use super::incarnation::Life;
use super::order::Order;
use super::placement::Fault;
use super::record::{Fate, From, Span};
use super::report::Report;
use super::timelines::Timelines;
use super::{Case, Context, one_order};
use std::collections::{BTreeSet, HashMap};

/// Of more knots than these that may or may not join a company not every choice is tried: their events are then taken
/// one by one, which explains more than any choice does.
const MOST_CHOICES: usize = 10;

/// What deliveries tie together.
#[derive(Debug, Default)]
struct Knot {
    events: Vec<u32>,
    streams: Vec<u32>,
    /// For each timeline, the incarnations to which it can belong, one bit each.
    homes: Vec<u64>,
}

impl Knot {
    fn is_tied(&self) -> bool {
        self.events.len() + self.streams.len() > 1
    }
}

/// What else belongs to one incarnation of one timeline, if one knot does; by places in [`Parish::knots`].
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Company {
    /// The knot itself, and those that can belong to no other incarnation.
    certain: Vec<usize>,
    /// Those that may belong to it.
    open: Vec<usize>,
    /// How each stream of the knot can have met the incarnation.
    stances: Vec<(u32, Stance)>,
}

/// A choice of what joins a company: its events, each with whether it must have a place, and its streams.
type Joined = (Vec<(u32, bool)>, Vec<u32>);

/// All knots of a name, under all its timelines.
struct Parish<'a> {
    context: &'a Context<'a>,
    knots: Vec<Knot>,
    /// For each stream, under each timeline, the incarnations that were open at its subscribe, and those that were over.
    stances: Vec<Vec<(u64, u64)>>,
    /// The first timeline of each kind.
    telling: Vec<usize>,
    /// Those of them that have a place for all that was accepted or delivered.
    whole: Vec<usize>,
}

/// Judges G5 and G6 of a name under its timelines. A stream for which the steps do not suffice is acquitted.
pub(super) fn judge(
    context: &Context<'_>,
    timelines: &Timelines,
    real_time: bool,
    steps: &mut usize,
    report: &mut Report,
) {
    let parish = Parish::of(context, timelines);
    for (at, knot) in parish.knots.iter().enumerate() {
        let owing = |&&stream: &&u32| context.case.job.streams[stream as usize].span.ok();
        if !knot.is_tied() && !knot.streams.iter().any(|stream| owing(&stream)) {
            continue;
        }
        let companies: Vec<(Company, Order)> = parish
            .companies(at)
            .into_iter()
            .map(|company| {
                let (events, streams) = parish.joined(&company.certain, &[]);
                let order = Order::among(context.case, context.tracks, &events, &streams);
                (company, order)
            })
            .collect();
        let cycles: Vec<Vec<u32>> = companies.iter().map(|(_, order)| order.cycle(context.case, real_time)).collect();
        if let (true, Some((_, order)), Some(cycle)) = (knot.is_tied(), companies.first(), cycles.first())
            && cycles.iter().all(|cycle| !cycle.is_empty())
        {
            one_order::breach(context.case, order, cycle, context.tracks, report);
        }
        for &stream in knot.streams.iter().filter(owing) {
            parish.judge_stream(&companies, stream, steps, report);
        }
    }
}

impl<'a> Parish<'a> {
    fn of(context: &'a Context<'a>, timelines: &Timelines) -> Self {
        let Case { job, bonds, lives } = *context.case;
        let mut knots: Vec<Knot> = Vec::new();
        let mut places: HashMap<u32, usize> = HashMap::new();
        let mut place = |knot: u32, bound: &[Life]| {
            let at = *places.entry(knot).or_insert(knots.len());
            if at == knots.len() {
                let mut homes = vec![0; timelines.count()];
                for (timeline, incarnation) in bound.iter().map(|&life| timelines.place(life)) {
                    homes[timeline] |= 1 << incarnation;
                }
                knots.push(Knot { homes, ..Knot::default() });
            }
            at
        };
        let events: Vec<(usize, u32)> = (0..job.events.len() as u32)
            .filter(|&event| !bonds.event(event).is_empty())
            .map(|event| (place(bonds.event_knot(event), bonds.event(event)), event))
            .collect();
        let streams: Vec<(usize, u32)> = (0..job.streams.len() as u32)
            .filter(|&stream| !bonds.stream(stream).is_empty())
            .map(|stream| (place(bonds.stream_knot(stream), bonds.stream(stream)), stream))
            .collect();
        events.into_iter().for_each(|(at, event)| knots[at].events.push(event));
        streams.into_iter().for_each(|(at, stream)| knots[at].streams.push(stream));
        let stances = job.streams.iter().map(|stream| {
            let (span, via) = (&stream.span, lives.handle(stream.via));
            let mut met = vec![(0, 0); timelines.count()];
            let (mut open, mut over) = (Vec::new(), Vec::new());
            if !span.failed() {
                timelines.holding(span.invoke, span.up(), via, &mut open);
                over = timelines.sealed(span.invoke, span.up(), via);
            }
            for (timeline, incarnation) in open.into_iter().map(|life| timelines.place(life)) {
                met[timeline].0 |= 1 << incarnation;
            }
            for (timeline, incarnation) in over.into_iter().map(|life| timelines.place(life)) {
                met[timeline].1 |= 1 << incarnation;
            }
            met
        });
        let stances = stances.collect();
        let mut parish = Parish { context, knots, stances, telling: Vec::new(), whole: Vec::new() };
        parish.choose_timelines(timelines.count());
        parish
    }

    fn span(&self, event: u32) -> &Span {
        &self.context.case.job.events[event as usize].span
    }

    /// Orders and losses ask only what can belong where, so timelines that agree on that are tried once.
    fn choose_timelines(&mut self, count: usize) {
        let mut rows = BTreeSet::new();
        self.telling = (0..count)
            .filter(|&timeline| {
                let homes: Vec<u64> = self.knots.iter().map(|knot| knot.homes[timeline]).collect();
                let stances: Vec<(u64, u64)> = self.stances.iter().map(|met| met[timeline]).collect();
                rows.insert((homes, stances))
            })
            .collect();
        let accepted = |knot: &&Knot| knot.is_tied() || knot.events.iter().any(|&event| self.span(event).ok());
        let musts: Vec<&Knot> = self.knots.iter().filter(accepted).collect();
        let has_room = |&&timeline: &&usize| musts.iter().all(|knot| knot.homes[timeline] != 0);
        self.whole = self.telling.iter().filter(has_room).copied().collect();
    }

    /// Each company of a knot, once: under whole timelines if some of them has a place for it.
    fn companies(&self, knot: usize) -> BTreeSet<Company> {
        let homes = &self.knots[knot].homes;
        let whole = self.whole.iter().any(|&timeline| homes[timeline] != 0);
        let timelines = if whole { &self.whole } else { &self.telling };
        let choices = timelines.iter().flat_map(|&timeline| {
            (0..64).filter(move |incarnation| homes[timeline] & 1 << incarnation != 0).map(move |k| (timeline, k))
        });
        choices.map(|(timeline, incarnation)| self.company(knot, timeline, 1 << incarnation)).collect()
    }

    fn company(&self, knot: usize, timeline: usize, home: u64) -> Company {
        let streams = &self.knots[knot].streams;
        let stances = streams.iter().map(|&stream| {
            let (open, over) = self.stances[stream as usize][timeline];
            (stream, Stance { open: open & home != 0, sealed: over & home != 0 })
        });
        let mut company = Company { certain: Vec::new(), open: Vec::new(), stances: stances.collect() };
        for (at, other) in self.knots.iter().enumerate() {
            let may_be_nothing = !other.is_tied()
                && other.events.iter().any(|&event| matches!(self.span(event).fate, Fate::Open | Fate::Info));
            if at == knot || (other.homes[timeline] == home && !may_be_nothing) {
                company.certain.push(at);
            } else if other.homes[timeline] & home != 0 {
                company.open.push(at);
            }
        }
        company
    }

    /// The events and streams of some knots, and the events of others that need no place.
    fn joined(&self, knots: &[usize], spare: &[usize]) -> Joined {
        let of = |knots: &[usize]| knots.iter().flat_map(|&at| self.knots[at].events.clone()).collect::<Vec<u32>>();
        let mut events: Vec<(u32, bool)> = of(knots).into_iter().map(|event| (event, self.span(event).ok())).collect();
        events.extend(of(spare).into_iter().map(|event| (event, false)));
        events.sort_unstable();
        let mut streams: Vec<u32> = knots.iter().flat_map(|&at| self.knots[at].streams.clone()).collect();
        streams.sort_unstable();
        (events, streams)
    }

    fn judge_stream(&self, companies: &[(Company, Order)], stream: u32, steps: &mut usize, report: &mut Report) {
        let context = self.context;
        let record = &context.case.job.streams[stream as usize];
        let tail = counted_loss::tail(record, report);
        let mut first: Option<(Order, Fault)> = None;
        for (company, certain) in companies {
            let Some(&(_, stance)) = company.stances.iter().find(|(own, _)| *own == stream) else { continue };
            for (events, streams) in self.joinings(company, stream) {
                let Some(left) = steps.checked_sub(1 + events.len()) else { return };
                *steps = left;
                let mut order = Order::among(context.case, context.tracks, &events, &streams);
                if order.line.is_none() {
                    if certain.line.is_some() {
                        continue;
                    }
                    order = Order::among(context.case, context.tracks, &events, &[]).unfollowed();
                }
                let track = &context.tracks[stream as usize];
                let mut fault = None;
                for start in counted_loss::starts(context, stream, &order, stance, false) {
                    match (Debt { order: &order, track, start, tail }).settle() {
                        Ok(()) => return,
                        Err(found) => fault = fault.or(Some(found)),
                    }
                }
                first = first.or(fault.map(|fault| (order, fault)));
            }
        }
        if let Some((order, fault)) = first {
            counted_loss::breach(context, stream, &order, &fault, report);
        }
    }

    /// Every choice of what joins a company. An event that no stream delivered is no choice of ours (unless the stream
    /// resumed after it): it changes no order, so it joins as one that needs no place.
    fn joinings(&self, company: &Company, stream: u32) -> impl Iterator<Item = Joined> {
        let Case { job, .. } = *self.context.case;
        let position = match &job.streams[stream as usize].from {
            From::After(token) => self.context.tokens.get(&**token),
            From::Now | From::Start => None,
        };
        let matters = |at: &usize| {
            let knot = &self.knots[*at];
            knot.is_tied() || position.is_some_and(|position| knot.events.contains(position))
        };
        let (mut choosing, mut spare): (Vec<usize>, Vec<usize>) = company.open.iter().copied().partition(matters);
        if choosing.len() > MOST_CHOICES {
            spare.append(&mut choosing);
        }
        (0..1u32 << choosing.len()).map(move |set| {
            let chosen = (0..).zip(&choosing).filter(|(bit, _)| set & 1 << bit != 0).map(|(_, &at)| at);
            let knots: Vec<usize> = company.certain.iter().copied().chain(chosen).collect();
            self.joined(&knots, &spare)
        })
    }
}
