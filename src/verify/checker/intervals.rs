//! Intervals: in which lives of a name an operation can have fallen, without trying the instants.
//!
//! Creates and closes are intervals of lines, and each took effect at one instant inside its own. A life is named
//! after the create that opened it. For every create we compute its *openings*: the slots (gaps between two lines) in
//! which it can have opened a life, each with the line before which that life must have been over. Both follow from a
//! few extreme lines, so no choice of instants is ever enumerated:
//!
//! - it opens a life in slot `k` if no other create must have come before (`up <= k`), or a close can lie after all
//!   those that must: one that begins by `k` and can last beyond the latest of their invokes;
//! - a life opened in slot `k` is over before the earliest `up` among the closes invoked after `k`. Those invoked
//!   before may have come before it.
//!
//! An operation can fall into the life if its own interval meets the time between.

use super::frame::Frame;
use super::incarnation::{Closing, Handle, Life};
use super::record::{Job, LineNo, NEVER, Span, Stream, Via};
use std::collections::HashMap;

/// A run of slots in which a create can open a life, all with the same latest end.
#[derive(Debug, Clone, Copy)]
struct Opening {
    first: LineNo,
    last: LineNo,
    /// The life is over before this line.
    over: LineNo,
    /// The one close (by its place among the closes) that must have come before, if there is only one that can have.
    needs: Option<u32>,
}

#[derive(Debug, Clone, Copy)]
struct Reach {
    span: Span,
    up: LineNo,
    /// The life that it opens, if it opens one.
    life: Life,
    /// Where its openings begin and end in [`Intervals::openings`].
    from: usize,
    to: usize,
    /// The latest `over` among them; 0 if it opens nothing.
    over: LineNo,
}

/// The possible lives of one name. Each is named by its opening create: [`Life`] is an index among the creates that did
/// not fail.
#[derive(Debug)]
pub(super) struct Intervals {
    creates: Vec<Reach>,
    openings: Vec<Opening>,
    closes: Vec<Closing>,
    /// For each create, the latest `up` among it and those invoked before it.
    creates_up: Vec<LineNo>,
    /// For each create, the latest `over` among it and those invoked before it.
    creates_over: Vec<LineNo>,
    /// For each close, the latest `up` among it and those invoked before it.
    closes_up: Vec<LineNo>,
    /// For each close, the latest `ret` among it and those invoked before it.
    closes_ret: Vec<LineNo>,
    /// The life of each create of the job; `None` if it failed.
    life_of: Vec<Option<Life>>,
}

/// The running maximum of a sequence.
fn running_max(of: impl Iterator<Item = LineNo>) -> Vec<LineNo> {
    of.scan(0, |most, line| {
        *most = line.max(*most);
        Some(*most)
    })
    .collect()
}

impl Intervals {
    /// The system: one life, open from before the first line.
    pub(super) fn system() -> Self {
        let mut span = Span::begin(0);
        span.show(1);
        Intervals {
            creates: vec![Reach { span, up: 1, life: 0, from: 0, to: 1, over: NEVER }],
            openings: vec![Opening { first: 0, last: 0, over: NEVER, needs: None }],
            closes: Vec::new(),
            creates_up: vec![1],
            creates_over: vec![NEVER],
            closes_up: Vec::new(),
            closes_ret: Vec::new(),
            life_of: Vec::new(),
        }
    }

    /// The lives of a name, with what its ends have shown so far.
    pub(super) fn of(job: &Job, shown: &Shown) -> Self {
        if job.is_system() {
            return Intervals::system();
        }
        let mut creates = Vec::new();
        let mut life_of = Vec::with_capacity(job.creates.len());
        for create in &job.creates {
            if create.span.failed() {
                life_of.push(None);
                continue;
            }
            life_of.push(Some(creates.len() as Life));
            creates.push(Reach { span: create.span, up: create.span.up(), life: 0, from: 0, to: 0, over: 0 });
        }
        show_by_use(&mut creates, job);
        let mut lives = Intervals {
            creates_up: running_max(creates.iter().map(|create| create.up)),
            creates_over: Vec::new(),
            openings: Vec::new(),
            closes: Vec::new(),
            closes_up: Vec::new(),
            closes_ret: Vec::new(),
            creates,
            life_of,
        };
        for (index, close) in job.closes.iter().enumerate().filter(|(_, close)| !close.span.failed()) {
            let mut span = close.span;
            if let Some(&end) = shown.closes.get(&index) {
                span.show(end);
            }
            lives.closes.push(Closing { span, via: lives.handle(close.via), index });
        }
        lives.closes_up = running_max(lives.closes.iter().map(|close| close.span.up()));
        lives.closes_ret = running_max(lives.closes.iter().map(|close| close.span.ret()));
        for life in 0..lives.creates.len() {
            lives.find_openings(life as Life);
        }
        lives.join_lives();
        lives.heed_use(job);
        lives.heed_shown(shown);
        lives.creates_over = running_max(lives.creates.iter().map(|create| create.over));
        lives
    }

    pub(super) fn handle(&self, via: Via) -> Handle {
        match via {
            Via::Name => Handle::Name,
            Via::Nothing => Handle::Nothing,
            Via::Create(create) => match self.life_of.get(create as usize) {
                Some(Some(life)) => Handle::Life(*life),
                _ => Handle::Nothing,
            },
        }
    }

    // --- openings ---

    fn find_openings(&mut self, life: Life) {
        let create = self.creates[life as usize];
        let from = self.openings.len();
        let slots = self.turning_slots(create.span.invoke, create.up);
        for (at, &first) in slots.iter().enumerate() {
            let Some(needs) = self.can_open(life, first) else { continue };
            let last = slots.get(at + 1).copied().unwrap_or(create.up) - 1;
            let over = self.over_before(life, first);
            self.openings.push(Opening { first, last, over, needs });
        }
        let to = self.openings.len();
        let create = &mut self.creates[life as usize];
        (create.from, create.to) = (from, to);
        self.measure(life);
    }

    /// Notes the latest end of a life's openings.
    fn measure(&mut self, life: Life) {
        let over = self.openings(life).iter().map(|opening| opening.over).max().unwrap_or(0);
        self.creates[life as usize].over = over;
    }

    /// Creates with no close that can lie between any two of them open one life, not several: the openings of all
    /// become those of the first.
    fn join_lives(&mut self) {
        let mut group: Vec<usize> = Vec::new();
        for at in 0..self.creates.len() {
            self.creates[at].life = at as Life;
            if self.creates[at].from == self.creates[at].to {
                continue;
            }
            if group.is_empty() || group.iter().any(|&other| self.can_part(other, at)) {
                group = vec![at];
                continue;
            }
            let (first, to) = (group[0], self.creates[at].to);
            self.creates[first].to = to;
            (self.creates[at].from, self.creates[at].over, self.creates[at].life) = (to, 0, first as Life);
            self.measure(first as Life);
            group.push(at);
        }
    }

    /// Whether a close can lie between these creates, in either order.
    fn can_part(&self, a: usize, b: usize) -> bool {
        let between = |a: &Reach, b: &Reach| {
            let until = self.closes.partition_point(|close| close.span.invoke < b.up);
            until > 0 && self.closes_up[until - 1] > a.span.invoke
        };
        let (a, b) = (&self.creates[a], &self.creates[b]);
        between(a, b) || between(b, a)
    }

    /// An accepted emit or subscribe shows that some create took effect before it returned; where that can only have
    /// been the first life's, it was open by then.
    fn heed_use(&mut self, job: &Job) {
        let Some(first) = self.creates.iter().position(|create| create.from < create.to) else { return };
        let invoke = self.creates[first].span.invoke;
        let second = self.creates[first + 1..].iter().find(|create| create.from < create.to);
        let second = second.map_or(NEVER, |create| create.span.invoke);
        if self.openings(first as Life).iter().all(|opening| opening.last == invoke) {
            return;
        }
        let used = job.events.iter().map(|event| &event.span).chain(job.streams.iter().map(|stream| &stream.span));
        let shown = used.filter(|span| span.ok() && span.end > invoke).map(|span| span.end).min();
        if let Some(shown) = shown.filter(|&shown| shown < second) {
            self.narrow(first as Life, |opening| opening.last = opening.last.min(shown - 1));
        }
    }

    fn heed_shown(&mut self, shown: &Shown) {
        for (&life, &end) in &shown.over {
            self.narrow(life, |opening| opening.over = opening.over.min(end));
        }
        for &(opened, end) in &shown.before {
            for life in 0..self.creates.partition_point(|create| create.span.invoke < opened) as Life {
                self.narrow(life, |opening| {
                    if opening.last < opened {
                        opening.over = opening.over.min(end);
                    }
                });
            }
        }
        for &(life, line) in &shown.next {
            for later in life + 1..self.creates.len() as Life {
                self.narrow(later, |opening| opening.first = opening.first.max(line));
            }
        }
    }

    /// Changes a life's openings, and makes those void that cannot be.
    fn narrow(&mut self, life: Life, change: impl Fn(&mut Opening)) {
        let create = self.creates[life as usize];
        for opening in &mut self.openings[create.from..create.to] {
            change(opening);
            opening.last = opening.last.min(opening.over.saturating_sub(1));
            if opening.first > opening.last {
                *opening = Opening { first: NEVER, last: 0, over: 0, needs: None };
            }
        }
        self.measure(life);
    }

    /// The slots from `invoke` to before `up` at which the answer to "can it open here, and till when" may change.
    fn turning_slots(&self, invoke: LineNo, up: LineNo) -> Vec<LineNo> {
        let mut slots = vec![invoke];
        let inside = |line: LineNo| line > invoke && line < up;
        let begun = self.creates.partition_point(|create| create.span.invoke < up);
        for at in (0..begun).rev() {
            if self.creates_up[at] <= invoke {
                break;
            }
            let create = &self.creates[at];
            slots.extend([create.span.invoke, create.up].into_iter().filter(|&line| inside(line)));
        }
        let first = self.closes.partition_point(|close| close.span.invoke <= invoke);
        slots.extend(self.closes[first..].iter().map(|close| close.span.invoke).take_while(|&line| line < up));
        slots.sort_unstable();
        slots.dedup();
        slots
    }

    /// Whether the name can be closed just before an instant of this slot; if so, the one close that must have done it,
    /// if there is only one that can have.
    fn can_open(&self, life: Life, slot: LineNo) -> Option<Option<u32>> {
        let begun = self.creates.partition_point(|create| create.span.invoke <= slot);
        let before = (0..begun).rev().find(|&at| at as Life != life && self.creates[at].up <= slot);
        let Some(before) = before else { return Some(None) };
        let latest = self.creates[before].span.invoke;
        let closes = self.closes.partition_point(|close| close.span.invoke <= slot);
        let mut needs = None;
        for at in (0..closes).rev() {
            if self.closes_up[at] <= latest {
                break;
            }
            let close = &self.closes[at];
            let ends_it = match close.via {
                Handle::Name => true,
                Handle::Nothing => false,
                Handle::Life(owner) => self.can_share(owner, before as Life),
            };
            if close.span.up() > latest && ends_it {
                if needs.is_some() {
                    return Some(None);
                }
                needs = Some(at as u32);
            }
        }
        needs.map(Some)
    }

    /// The line before which a life opened in this slot must be over.
    fn over_before(&self, life: Life, slot: LineNo) -> LineNo {
        let mut over = NEVER;
        let after = self.closes.partition_point(|close| close.span.invoke <= slot);
        for close in &self.closes[after..] {
            if close.span.invoke >= over {
                break;
            }
            let up = close.span.up();
            match close.via {
                Handle::Name => over = over.min(up),
                Handle::Life(owner) if owner == life => over = over.min(up),
                // Its handle may be of this life, or of a later one that its own create opened.
                Handle::Life(owner) if self.creates[owner as usize].span.invoke > slot => {
                    over = over.min(up.max(self.creates[owner as usize].up));
                }
                Handle::Life(_) | Handle::Nothing => {}
            }
        }
        over
    }

    /// Whether two creates can have met in one life: no close must lie between them.
    pub(super) fn can_share(&self, a: Life, b: Life) -> bool {
        let (a, b) = (a.min(b), a.max(b));
        if a == b {
            return true;
        }
        let until = self.creates[b as usize].span.invoke;
        let from = self.creates[a as usize].up;
        let first = self.closes.partition_point(|close| close.span.invoke < from);
        self.closes[first..]
            .iter()
            .take_while(|close| close.span.invoke < until)
            .all(|close| close.span.up() > until || !matches!(close.via, Handle::Name) && close.via != Handle::Life(a))
    }

    // --- what falls where ---

    fn openings(&self, life: Life) -> &[Opening] {
        let create = &self.creates[life as usize];
        &self.openings[create.from..create.to]
    }

    /// Whether an operation can take effect while this life is open.
    pub(super) fn can_hold(&self, life: Life, invoke: LineNo, up: LineNo, via: Handle) -> bool {
        let meets = |o: &Opening, invoke: LineNo, up: LineNo| o.first.max(invoke) < up.min(o.over);
        self.openings(life).iter().any(|opening| {
            meets(opening, invoke, up)
                && match via {
                    Handle::Name => true,
                    Handle::Nothing => false,
                    Handle::Life(owner) if self.creates[owner as usize].life == life => true,
                    Handle::Life(owner) => {
                        let owner = &self.creates[owner as usize];
                        meets(opening, owner.span.invoke, owner.up)
                    }
                }
        })
    }

    /// Adds the lives that can have been open at an instant of an operation's interval, ascending.
    pub(super) fn holding(&self, invoke: LineNo, up: LineNo, via: Handle, found: &mut Vec<Life>) {
        let already = found.len();
        let begun = self.creates.partition_point(|create| create.span.invoke < up);
        for at in (0..begun).rev() {
            if self.creates_over[at] <= invoke {
                break;
            }
            if self.can_hold(at as Life, invoke, up, via) {
                found.push(at as Life);
            }
        }
        found[already..].reverse();
    }

    /// The lives that can have been the last one at an instant of a subscribe's interval at which none was open.
    ///
    /// A life can be closed in slot `z` by one of its closers, and the subscribe can follow in slot `z` or, if that
    /// is too early, at its invoke. What must have been created by then must have been created by `z`, so that it
    /// found the life open or came before it. Through a handle the life need not be the last.
    pub(super) fn sealed(&self, invoke: LineNo, up: LineNo, via: Handle) -> Vec<Life> {
        if via == Handle::Nothing {
            return Vec::new();
        }
        let begun = self.creates.partition_point(|create| create.span.invoke < up);
        let latest = self.created_by(invoke, up, via);
        let mut found = Vec::new();
        for at in (0..begun).rev() {
            if self.creates_over[at] <= latest {
                break;
            }
            let life = at as Life;
            if self.openings(life).iter().any(|opening| self.can_be_sealed(life, opening, (invoke, up), latest, via)) {
                found.push(life);
            }
        }
        found.reverse();
        found
    }

    /// The latest invoke of a create that took effect before a subscribe for certain; 0 if that does not matter,
    /// since a handle leads to its own life.
    fn created_by(&self, invoke: LineNo, up: LineNo, via: Handle) -> LineNo {
        if via != Handle::Name {
            return 0;
        }
        let begun = self.creates.partition_point(|create| create.span.invoke < up);
        let latest = self.creates[..begun].iter().rev().find(|create| create.up <= invoke);
        latest.map_or(0, |create| create.span.invoke)
    }

    fn can_be_sealed(
        &self,
        life: Life,
        opening: &Opening,
        (invoke, up): (LineNo, LineNo),
        latest: LineNo,
        via: Handle,
    ) -> bool {
        let owner = match via {
            Handle::Life(owner) if self.creates[owner as usize].life != life => Some(&self.creates[owner as usize]),
            _ => None,
        };
        let held = owner.is_none_or(|owner| opening.first.max(owner.span.invoke) < owner.up.min(opening.over));
        let from = owner.map_or(opening.first, |owner| opening.first.max(owner.span.invoke));
        held && self.closers(life, up).any(|close| {
            let earliest = from.max(close.span.invoke);
            let last = close.span.up().min(opening.over).saturating_sub(1);
            let before = invoke.min(last);
            earliest <= last && earliest < up && (last > invoke || before >= earliest.max(latest))
        })
    }

    /// Whether a stream can have been opened in this life, or on it when it was sealed, so that the life was closed
    /// before the stream's end.
    fn can_end(&self, life: Life, stream: &Stream, end: LineNo) -> bool {
        let (invoke, up, via) = (stream.span.invoke, stream.span.up(), self.handle(stream.via));
        let latest = self.created_by(invoke, up, via);
        self.openings(life).iter().any(|opening| {
            let held = || opening.first.max(invoke) < up.min(opening.over);
            let closed = self.closers(life, end).any(|close| self.fits(opening, close, end));
            closed && (held() || self.can_be_sealed(life, opening, (invoke, up), latest, via))
        })
    }

    /// The closes invoked before a line that can have closed this life.
    pub(super) fn closers(&self, life: Life, before: LineNo) -> impl Iterator<Item = &Closing> {
        let from = self.creates[life as usize].span.invoke;
        let until = self.closes.partition_point(|close| close.span.invoke < before);
        // A close whose `up` is not after the create began cannot lie after it; the running maximum tells where to
        // stop.
        let start = self.closes_up.partition_point(|&up| up <= from).min(until);
        let over = self.creates[life as usize].over;
        self.closes[start..until]
            .iter()
            .take_while(move |close| close.span.invoke < over)
            .filter(move |close| self.can_close(life, close, before))
    }

    /// Whether a close can have ended this life before a line: it fell into it, and was not needed to make room for it.
    fn can_close(&self, life: Life, close: &Closing, before: LineNo) -> bool {
        self.openings(life).iter().any(|opening| self.fits(opening, close, before))
            && self.can_hold(life, close.span.invoke, close.span.up().min(before), close.via)
    }

    fn fits(&self, opening: &Opening, close: &Closing, before: LineNo) -> bool {
        opening.first.max(close.span.invoke) < close.span.up().min(before).min(opening.over)
            && opening.needs.is_none_or(|needs| self.closes[needs as usize].index != close.index)
    }

    /// Whether this life was over before a line under every choice, by a close that returned `ok` before it; if so,
    /// such a close.
    ///
    /// What belongs to it was over before the line `until`, so it was opened before that.
    pub(super) fn certainly_over(&self, life: Life, until: LineNo, before: LineNo) -> Option<&Closing> {
        let returned = |close: &&Closing| close.span.ok() && close.span.up() < before;
        let openings = self.openings(life).iter().filter(|opening| opening.first < until);
        let last = openings.map(|opening| opening.last.min(until - 1)).max()?;
        let first = self.closes.partition_point(|close| close.span.invoke <= last);
        let after = self.closes[first..].iter().take_while(|close| close.span.invoke < before);
        let own = |close: &&Closing| close.via == Handle::Name || close.via == Handle::Life(life);
        if let Some(close) = after.filter(own).find(returned) {
            return Some(close);
        }
        // Or an end has shown that it was over, and all closes that can have ended it returned.
        let over = self.creates[life as usize].over;
        let mut closers = self.closers(life, over);
        if over > before {
            None
        } else {
            closers.next().filter(returned).filter(|_| closers.all(|close| returned(&close)))
        }
    }

    /// Whether other things, which can belong to several lives, must belong to this one as long as these things do.
    ///
    /// In another life they would lie before this one was opened, and so before the first of these was over; or after
    /// it was closed, and so after the last of these began.
    pub(super) fn must_join(&self, life: Life, frame: Frame, others: &[Life], their: Frame) -> bool {
        let may_hold = |own: &&Opening| own.first < frame.until && frame.from < own.over;
        let own = || self.openings(life).iter().filter(may_hold);
        // A close must lie between two lives: one that begins by the later's opening and can outlast the earlier.
        let parted = |from: LineNo, opened: LineNo| {
            let until = self.closes.partition_point(|close| close.span.invoke <= opened);
            until > 0 && self.closes_up[until - 1] > from
        };
        let before = |other: &Opening, own: &Opening| {
            let begun = other.first.max(their.from);
            let opened = own.last.min(frame.until - 1);
            begun < other.over && begun <= opened && parted(begun, opened)
        };
        let after = |other: &Opening, own: &Opening| {
            let earliest = other.first.max(frame.from).max(frame.next).max(own.first);
            let latest = other.last.min(their.until - 1);
            earliest <= latest && earliest.max(their.from) < other.over && parted(frame.from, latest)
        };
        let elsewhere = others.iter().filter(|&&other| other != life).flat_map(|&other| self.openings(other));
        !elsewhere
            .filter(|other| other.first < their.until)
            .any(|other| own().any(|own| before(other, own) || after(other, own)))
    }

    /// Whether a subscribe or an emit, refused throughout these lines, met a job that was certainly open; if so, the
    /// create that proves it.
    pub(super) fn certainly_open(&self, invoke: LineNo, end: LineNo, via: Handle) -> Option<Span> {
        match via {
            Handle::Nothing => None,
            Handle::Name => {
                let begun = self.creates.partition_point(|create| create.span.invoke < invoke);
                let create = self.creates[..begun].iter().rev().find(|create| create.span.ret() < invoke)?;
                let closes = self.closes.partition_point(|close| close.span.invoke < end);
                let closed = closes > 0 && self.closes_ret[closes - 1] > create.span.invoke;
                (!closed).then_some(create.span)
            }
            Handle::Life(owner) => {
                let create = self.creates[owner as usize];
                let closes = self.closes.partition_point(|close| close.span.invoke < end);
                let closed = (0..closes)
                    .rev()
                    .take_while(|&at| self.closes_ret[at] > create.span.invoke)
                    .map(|at| &self.closes[at])
                    .filter(|close| close.span.ret() > create.span.invoke)
                    .any(|close| match close.via {
                        Handle::Name => true,
                        Handle::Nothing => false,
                        Handle::Life(other) => self.can_share(owner, other),
                    });
                (create.span.ret() < invoke && !closed).then_some(create.span)
            }
        }
    }

    /// The slots in which the name was certainly open, as half-open ranges: a create had returned, or what was accepted
    /// showed it open, and no close had begun since.
    pub(super) fn certain_ranges(&self, job: &Job) -> Vec<(LineNo, LineNo)> {
        let mut ranges: Vec<(LineNo, LineNo)> =
            self.creates.iter().filter_map(|create| self.open_since(&create.span)).collect();
        let proved = ranges.clone();
        let known = |span: &Span| {
            let at = proved.partition_point(|range| range.0 <= span.end);
            at > 0 && proved[at - 1].1 > span.end
        };
        let emits = job.events.iter().map(|event| &event.span).filter(|span| span.ok() && !known(span));
        ranges.extend(emits.filter_map(|span| self.open_since(span)));
        // A subscribe may have met the job closed (sealed), unless no close had begun at all.
        let first = self.closes.first().map_or(NEVER, |close| close.span.invoke);
        let streams = job.streams.iter().map(|stream| stream.span.ret()).filter(|&ret| ret < first);
        ranges.extend(streams.map(|ret| (ret, first)));
        ranges
    }

    /// From the return of an operation that met an open job to the invoke of the next close that can lie after it.
    fn open_since(&self, span: &Span) -> Option<(LineNo, LineNo)> {
        let first = self.closes_ret.partition_point(|&ret| ret < span.invoke);
        let next = self.closes[first..].iter().find(|close| close.span.ret() > span.invoke);
        let until = next.map_or(NEVER, |close| close.span.invoke);
        (span.ret() < until).then_some((span.ret(), until))
    }

    /// Notes what the end of a stream shows; whether that is new.
    ///
    /// A close of its life took effect before it: where only one close can be meant, that one; where only one life
    /// can be meant, that life was over by then, and the next was not open when the stream was opened.
    pub(super) fn heed_end(&self, lives: &[Life], stream: &Stream, end: LineNo, shown: &mut Shown) -> bool {
        let ending = || lives.iter().copied().filter(|&life| self.can_end(life, stream, end));
        let mut closed = ending().filter_map(|life| Some((life, self.closers(life, end).next()?)));
        let (Some((life, first)), another) = (closed.next(), closed.next()) else { return false };
        let mut news = false;
        let mut all = ending().flat_map(|life| self.closers(life, end));
        if end < first.span.up() && all.all(|close| close.index == first.index) {
            shown.closes.insert(first.index, end);
            news = true;
        }
        // What was opened before the stream is its life, or came before that: it was over by then in either case.
        let opened = stream.span.invoke;
        if stream.via == Via::Name
            && self.lasting(opened, end).next().is_some()
            && !shown.before.contains(&(opened, end))
        {
            shown.before.push((opened, end));
            news = true;
        }
        if another.is_some() {
            return news;
        }
        // Through the handle of a create that opened a life, no other life can be meant.
        if let Handle::Life(owner) = self.handle(stream.via) {
            let opened = self.creates[owner as usize].life;
            if opened != life && lives.contains(&opened) && shown.over.insert(opened, 0) != Some(0) {
                news = true;
            }
        }
        let over = self.closers(life, end).map(|close| close.span.up()).max().map_or(end, |up| up.min(end));
        if over < self.creates[life as usize].over {
            shown.over.insert(life, over);
            news = true;
        }
        if stream.via == Via::Name {
            let next = (life, stream.span.invoke);
            if self.creates[life as usize + 1..].iter().any(|create| self.opens_before(create, next.1))
                && !shown.next.contains(&next)
            {
                shown.next.push(next);
                news = true;
            }
        }
        news
    }

    /// The lives that were opened before one line and that, as far as is known, can have been open at another.
    fn lasting(&self, opened: LineNo, end: LineNo) -> impl Iterator<Item = Life> {
        let begun = self.creates.partition_point(|create| create.span.invoke < opened);
        let lives = (0..begun).rev().take_while(move |&at| self.creates_over[at] > end).map(|at| at as Life);
        lives.filter(move |&life| self.openings(life).iter().any(|o| o.last < opened && o.over > end))
    }

    fn opens_before(&self, create: &Reach, line: LineNo) -> bool {
        self.openings[create.from..create.to].iter().any(|opening| opening.first < line)
    }

    /// Whether a life can have been open when this line was written.
    pub(super) fn can_span(&self, life: Life, line: LineNo) -> bool {
        self.openings(life).iter().any(|opening| opening.first < line && line < opening.over)
    }

    /// Whether a life can have been opened before this line.
    pub(super) fn can_precede(&self, life: Life, line: LineNo) -> bool {
        self.openings(life).iter().any(|opening| opening.first < line)
    }

    /// All lives that can have been open when a line was written.
    pub(super) fn spanning(&self, line: LineNo) -> impl Iterator<Item = Life> {
        let begun = self.creates.partition_point(|create| create.span.invoke < line);
        let lives = (0..begun).rev().take_while(move |&at| self.creates_over[at] > line);
        lives.map(|at| at as Life).filter(move |&life| self.can_span(life, line))
    }
}

/// An accepted emit or subscribe shows that some create took effect before it returned; where only one was invoked by
/// then, it shows that one.
fn show_by_use(creates: &mut [Reach], job: &Job) {
    let second = creates.get(1).map_or(NEVER, |create| create.span.invoke);
    let Some(first) = creates.first_mut() else { return };
    let used = job.events.iter().map(|event| &event.span).chain(job.streams.iter().map(|stream| &stream.span));
    let shown = used.filter(|span| span.ok() && span.end > first.span.invoke).map(|span| span.end).min();
    if let Some(shown) = shown.filter(|&shown| shown < second) {
        first.up = first.up.min(shown);
    }
}

/// What ends have shown.
#[derive(Debug, Default)]
pub(super) struct Shown {
    /// That a close (by its index in the job) took effect before a line.
    closes: HashMap<usize, LineNo>,
    /// That a life was over before a line.
    over: HashMap<Life, LineNo>,
    /// That what was opened before the first line was over before the second.
    before: Vec<(LineNo, LineNo)>,
    /// That no later life was opened before a line.
    next: Vec<(Life, LineNo)>,
}
