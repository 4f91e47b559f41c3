//! G6 counted-loss.
//!
//! > The stream is in order if each event of `U` (accepted into its incarnation, not delivered on it) can be given a
//! > place: before the start, in a gap whose marker counts it, after all, or (`info` and open emits only) nowhere; so
//! > that places respect the order `P`. (In full: docs/history.md, "G6 in full".)
//!
//! Search: first the linear extension of `P` that the [`Order`] holds is tried as it stands. If, read along it, every
//! stretch between two deliveries is as long as the markers there say, and the rest lies before the start or after all,
//! it *is* an explanation; that costs a few comparisons for each delivery. Only a stream that it does not explain is
//! given to `placement`, which decides for all orders.
//!
//! Witness: the subscribe, and the event that has no place (with the delivery or end that it should have preceded) or
//! the marker whose number fits no order.

use super::super::guarantee::Guarantee::G6;
use super::Context;
use super::incarnation::Life;
use super::order::{Linear, Order, Track};
use super::placement::{Fault, Placement, Start, Tail};
use super::record::{From, LineNo, NEVER, Stream};
use super::report::Report;
use std::ops::Range;

/// What one stream owes, in one life that it can be bound to.
pub(super) struct Debt<'a> {
    pub(super) order: &'a Order,
    pub(super) track: &'a Track,
    pub(super) start: Start,
    pub(super) tail: Tail,
}

/// How a stream can have met its life: while that was open, or when it had been closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stance {
    pub(super) open: bool,
    pub(super) sealed: bool,
}

/// Judges one stream in all the lives that it can be bound to, each with its order.
pub(super) fn judge(
    context: &Context<'_>,
    orders: &[(Life, Order)],
    knot: Option<u32>,
    index: u32,
    report: &mut Report,
) {
    let Context { case, members, tracks, .. } = *context;
    let stream = &case.job.streams[index as usize];
    // A subscribe of unknown outcome owes nothing.
    if !stream.span.ok() {
        return;
    }
    let tail = tail(stream, report);
    // Where there is no one order, the stream is held to the emitters' and its own alone.
    let alone: Vec<Option<Order>> = orders
        .iter()
        .map(|(life, order)| order.line.is_none().then(|| Order::of_emitters(case, members, tracks, *life, knot)))
        .collect();
    let mut first = None;
    for ((life, order), alone) in orders.iter().zip(&alone) {
        let order = alone.as_ref().unwrap_or(order);
        let stance = stance(context, index, *life, order);
        for start in starts(context, index, order, stance, doubtful(context, index, *life)) {
            match (Debt { order, track: &tracks[index as usize], start, tail }).settle() {
                Ok(()) => return,
                Err(fault) => first = first.or(Some((order, fault))),
            }
        }
    }
    if let Some((order, fault)) = first {
        breach(context, index, order, &fault, report);
    }
}

/// How far the end of a stream can be judged. From when it was left or stopped no tail is owed; an end or a `drained`
/// line before that is judged.
pub(super) fn tail(stream: &Stream, report: &mut Report) -> Tail {
    let gone = stream.gone();
    let tail = match (stream.ended, stream.drained) {
        (Some(end), _) if end < gone => Tail::Nothing,
        (_, Some(drained)) if drained < gone => Tail::After(drained),
        _ if gone != NEVER => Tail::Gone,
        _ => Tail::Unjudged,
    };
    report.tails_unjudged += u64::from(tail == Tail::Unjudged);
    tail
}

/// How a stream can have met this life, by intervals. It met it sealed only if a close can lie after all that this
/// life accepted, and before the stream's own effect.
fn stance(context: &Context<'_>, index: u32, life: Life, order: &Order) -> Stance {
    let Context { case, delivered, .. } = *context;
    let Stream { span, via, .. } = &case.job.streams[index as usize];
    let (lives, via) = (case.lives.intervals(), case.lives.handle(*via));
    let open = lives.can_hold(life, span.invoke, span.up(), via);
    if !open || !lives.sealed(span.invoke, span.up(), via).contains(&life) {
        return Stance { open, sealed: !open };
    }
    let accepted = order.nodes.iter().filter(|node| node.must || delivered[node.event as usize]);
    let latest = accepted.map(|node| node.invoke).max().unwrap_or(0);
    let sealed = latest < span.up() && lives.closers(life, span.up()).any(|close| close.span.up() > latest);
    Stance { open, sealed }
}

/// Whether the position at which a stream resumed may or may not be of this life, by intervals.
fn doubtful(context: &Context<'_>, index: u32, life: Life) -> bool {
    let Context { case, tokens, delivered, .. } = *context;
    let From::After(token) = &case.job.streams[index as usize].from else { return false };
    tokens.get(&**token).is_some_and(|&event| {
        let taken = case.job.events[event as usize].span.ok() || delivered[event as usize];
        !taken || case.bonds.event(event) != [life]
    })
}

/// Where a stream can have started in a life. It may have asked for a position that was not there yet: of a `doubtful`
/// one, and of one whose emit can have taken effect after the subscribe, it may have learnt nothing.
pub(super) fn starts(context: &Context<'_>, index: u32, order: &Order, stance: Stance, doubtful: bool) -> Vec<Start> {
    let Context { case, tokens, .. } = *context;
    let Stream { span, from, .. } = &case.job.streams[index as usize];
    let elsewhere = Start::Elsewhere(span.ret());
    let starts = match from {
        From::Now => vec![Start::Now(span.invoke..span.up())],
        From::Start => vec![Start::First],
        From::After(token) => match tokens.get(&**token).and_then(|&event| order.node(event)) {
            None => vec![elsewhere],
            Some(node) if doubtful || span.invoke < order.nodes[node as usize].up => {
                vec![Start::After(node), elsewhere]
            }
            Some(node) => vec![Start::After(node)],
        },
    };
    let sealed = starts.iter().filter(|_| stance.sealed).map(|start| Start::Sealed { any_number: start.any_number() });
    let sealed: Vec<Start> = sealed.collect();
    starts.into_iter().filter(|_| stance.open).chain(sealed).collect()
}

impl Debt<'_> {
    /// Whether everything is accounted for; if not, what is not.
    pub(super) fn settle(&self) -> Result<(), Fault> {
        if self.order.line.as_ref().is_some_and(|line| self.holds_along(line)) {
            return Ok(());
        }
        let steps: Vec<u32> = self.track.steps.iter().filter_map(|step| self.order.node(step.event)).collect();
        let (start, tail, markers) = (&self.start, self.tail, &self.track.markers);
        Placement { order: self.order, steps, markers, start, tail }.solve()
    }

    /// Whether the linear extension as it stands explains the stream. `false` proves nothing.
    fn holds_along(&self, line: &Linear) -> bool {
        let steps = &self.track.steps;
        let count = self.order.nodes.len();
        let place =
            |at: usize| self.order.node(steps[at].event).map_or(0, |node| line.position[node as usize] as usize);
        let mut gaps = Gaps { markers: &self.track.markers, next: 0 };
        if steps.is_empty() {
            return self.track.markers.is_empty() && self.holds_undelivered(line);
        }
        let (head, marked) = gaps.of(0);
        let first = place(0);
        if head > 0 && (self.start.any_number() || head > first as u64 || line.invoked[first] >= marked) {
            return false;
        }
        let begin = first - head as usize;
        if !self.may_start_at(line, begin) {
            return false;
        }
        let mut last = first;
        for at in 1..steps.len() {
            let next = place(at);
            let (counted, marked) = gaps.of(at as u32);
            if !fits(line, last + 1..next, counted, marked) {
                return false;
            }
            last = next;
        }
        let (counted, marked) = gaps.of(steps.len() as u32);
        if counted > (count - last - 1) as u64 {
            return false;
        }
        let rest = last + 1 + counted as usize;
        (counted == 0 || line.invoked[rest] < marked) && self.may_lack(line, rest)
    }

    /// The same for a stream that delivered and counted nothing: some point parts what lies before its start from
    /// what is to come.
    fn holds_undelivered(&self, line: &Linear) -> bool {
        let count = self.order.nodes.len();
        let begin = match (&self.start, self.tail) {
            (Start::First, _) => 0,
            (Start::Sealed { .. }, _) => count,
            (Start::After(node), _) => line.position[*node as usize] as usize + 1,
            (Start::Elsewhere(ret), _) => line.invoked.partition_point(|invoked| invoked < ret) - 1,
            (Start::Now(_), Tail::Nothing) => count,
            (Start::Now(_), Tail::After(drained)) => line.up.partition_point(|&up| up <= drained).min(count),
            (Start::Now(within), Tail::Gone | Tail::Unjudged) => {
                line.up.partition_point(|&up| up <= within.start).min(count)
            }
        };
        self.may_start_at(line, begin) && self.may_lack(line, begin)
    }

    /// Whether all before this position can lie before the start, and the rest after it.
    fn may_start_at(&self, line: &Linear, begin: usize) -> bool {
        let musts = |range: Range<usize>| line.musts[range.end.max(range.start)] - line.musts[range.start];
        match &self.start {
            Start::Now(within) => within.start.max(line.invoked[begin]) < within.end.min(line.up[begin]),
            Start::First => musts(0..begin) == 0,
            Start::After(node) => musts(line.position[*node as usize] as usize + 1..begin) == 0,
            Start::Elsewhere(ret) => line.invoked[begin] < *ret,
            Start::Sealed { .. } => true,
        }
    }

    /// Whether all from this position on can be yet to come.
    fn may_lack(&self, line: &Linear, rest: usize) -> bool {
        let none = line.musts[line.musts.len() - 1] == line.musts[rest];
        match self.tail {
            Tail::Nothing => none,
            Tail::After(drained) => none || line.up[rest] > drained,
            Tail::Gone | Tail::Unjudged => true,
        }
    }
}

/// Whether markers count the undelivered nodes of a stretch: all musts, and as many others as needed.
fn fits(line: &Linear, stretch: Range<usize>, counted: u64, marked: LineNo) -> bool {
    if stretch.is_empty() && counted == 0 {
        return true;
    }
    let musts = u64::from(line.musts[stretch.end] - line.musts[stretch.start]);
    musts <= counted && counted <= stretch.len() as u64 && (counted == 0 || line.invoked[stretch.end] < marked)
}

/// Reads the markers gap by gap.
struct Gaps<'a> {
    markers: &'a [super::order::Marker],
    next: usize,
}

impl Gaps<'_> {
    /// The sum of the markers in this gap, and the line of the first of them.
    fn of(&mut self, gap: u32) -> (u64, LineNo) {
        let (mut sum, mut first) = (0u64, NEVER);
        while let Some(marker) = self.markers.get(self.next).filter(|marker| marker.gap == gap) {
            sum = sum.saturating_add(marker.count);
            first = first.min(marker.line);
            self.next += 1;
        }
        (sum, first)
    }
}

/// Reports a stream that no life and no start explains.
pub(super) fn breach(context: &Context<'_>, index: u32, order: &Order, fault: &Fault, report: &mut Report) {
    let (case, track) = (context.case, &context.tracks[index as usize]);
    let stream = &case.job.streams[index as usize];
    let mut witness: Vec<LineNo> = stream.span.lines().collect();
    match *fault {
        Fault::Unplaced { node, before } => {
            let event = &case.job.events[order.nodes[node as usize].event as usize];
            witness.extend(event.span.lines());
            witness.extend(before.and_then(|at| track.steps.get(at)).map(|step| step.line));
            witness.extend(stream.ended.or(stream.drained));
            report.breach(G6, witness, || {
                format!(
                    "event {:?} was accepted by {}, but stream {:?} neither delivered it nor counted it as lost",
                    event.token,
                    case.job.title(),
                    stream.id
                )
            });
        }
        Fault::Marker(marker) => {
            let marker = &track.markers[marker];
            witness.push(marker.line);
            report.breach(G6, witness, || {
                format!(
                    "stream {:?} counts {} events as lost at line {}, but fewer can have been lost there",
                    stream.id, marker.count, marker.line
                )
            });
        }
        Fault::Miscounted => {
            witness.extend(track.markers.iter().map(|marker| marker.line));
            report.breach(G6, witness, || {
                format!("more events were lost on stream {:?} than its markers count", stream.id)
            });
        }
    }
}
