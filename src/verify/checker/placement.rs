//! Placement: whether every event that a stream did not deliver can be given a place (G6, in all orders).
//!
//! Places are slots on a line: 0 before the start, `i + 1` the gap after the `i`-th delivery, and the last one after
//! all. `P` gives each event a window of slots: not before the last delivery that it follows, not after the first
//! that follows it. What else is known of an event (when it was invoked, whether it may lie before the start or after
//! all) narrows its own window, and through `P` those of its followers and forerunners.
//!
//! Once the windows agree along `P`, the order itself can be forgotten: if two events were placed against it, each
//! may take the other's slot. What remains is to fill markers from windows, earliest deadline first. Two questions
//! are asked apart: can all that *must* be counted be counted without overfilling a marker; and can all markers be
//! filled from what *may* be counted there. By the theorem of Mendelsohn and Dulmage, if both can, then both can at
//! once.
//!
//! A stream that starts `now` started at some instant of its subscribe. What an instant decides changes only where an
//! emit begins or must be over, so only those instants are tried.

use super::order::{Graph, Marker, Node, Order};
use super::record::LineNo;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;

/// From where on a stream owes events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Start {
    /// From an instant in one of these slots.
    Now(Range<LineNo>),
    /// From the create.
    First,
    /// From just after this node.
    After(u32),
    /// After a position that is none of this incarnation: from the subscribe's return, and the head marker is free.
    Elsewhere(LineNo),
    /// Opened when the incarnation was certainly closed: anything may lie before the start.
    Sealed { any_number: bool },
}

impl Start {
    /// Whether a marker at the head may carry any number.
    pub(super) fn any_number(&self) -> bool {
        matches!(self, Start::Elsewhere(_) | Start::Sealed { any_number: true })
    }
}

/// What may be missing at the end of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tail {
    /// Nothing: it has ended.
    Nothing,
    /// What can have taken effect after this line, when it was drained.
    After(LineNo),
    /// Anything: it was left or stopped.
    Gone,
    /// Anything, so far.
    Unjudged,
}

/// Why no placement exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// This node has no place; it should have come before the delivery of this number, if any.
    Unplaced { node: u32, before: Option<usize> },
    /// This marker cannot be filled.
    Marker(usize),
    /// More must be counted than the markers count.
    Miscounted,
}

/// The question.
pub(super) struct Placement<'a> {
    pub(super) order: &'a Order,
    /// The nodes delivered, in order.
    pub(super) steps: Vec<u32>,
    pub(super) markers: &'a [Marker],
    pub(super) start: &'a Start,
    pub(super) tail: Tail,
}

/// The slots that a node may have, `low..=high`; none if `low > high`.
#[derive(Debug, Clone, Copy)]
struct Window {
    low: u32,
    high: u32,
}

/// An undelivered node.
#[derive(Debug, Clone, Copy)]
struct Missing {
    node: u32,
    /// What `P` and the deliveries leave to it.
    window: Window,
    /// Whether `P` puts it after the position at which the stream resumed.
    resumed: bool,
}

impl Placement<'_> {
    fn last_slot(&self) -> u32 {
        self.steps.len() as u32 + 2
    }

    fn node(&self, node: u32) -> &Node {
        &self.order.nodes[node as usize]
    }

    fn must(&self, node: u32) -> bool {
        self.node(node).must
    }

    pub(super) fn solve(&self) -> Result<(), Fault> {
        let missing = self.missing();
        let mut fault = Ok(());
        for instant in self.instants(&missing) {
            fault = self.solve_at(&missing, instant);
            if fault.is_ok() {
                break;
            }
        }
        fault
    }

    /// The nodes that were not delivered, with the windows that `P` gives them.
    fn missing(&self) -> Vec<Missing> {
        let count = self.order.nodes.len();
        let last = self.last_slot();
        let mut delivered = vec![false; count];
        self.steps.iter().for_each(|&node| delivered[node as usize] = true);
        let numbered = || self.steps.iter().enumerate().map(|(at, &node)| (node, at as u32 + 1));
        let low = spread(&self.order.next, count, numbered().rev().map(|(node, at)| (node, at + 1)));
        let high = spread(&self.order.prev, count, numbered().map(|(node, at)| (node, last - at)));
        let resumed = match *self.start {
            Start::After(node) => spread(&self.order.next, count, self.order.next.next(node).iter().map(|&n| (n, 1))),
            _ => vec![0; count],
        };
        (0..count)
            .filter(|&node| !delivered[node])
            .map(|node| Missing {
                node: node as u32,
                window: Window { low: low[node], high: last - high[node] },
                resumed: resumed[node] > 0,
            })
            .collect()
    }

    /// The slots of lines in which the stream may have started; one that stands for all, if that does not matter.
    fn instants(&self, missing: &[Missing]) -> Vec<LineNo> {
        let Start::Now(within) = self.start else { return vec![0] };
        let mut instants = vec![within.start];
        for missing in missing {
            let node = self.node(missing.node);
            instants.extend([node.invoke, node.up].into_iter().filter(|line| within.contains(line)));
        }
        instants.sort_unstable();
        instants.dedup();
        instants
    }

    fn solve_at(&self, missing: &[Missing], instant: LineNo) -> Result<(), Fault> {
        let mut windows: Vec<Window> = missing.iter().map(|missing| self.own_window(missing, instant)).collect();
        self.agree(missing, &mut windows)?;
        self.all_counted(missing, &windows)?;
        self.all_filled(missing, &windows)
    }

    /// A node's window by what is known of it alone.
    fn own_window(&self, missing: &Missing, instant: LineNo) -> Window {
        let node = self.node(missing.node);
        let Window { mut low, mut high } = missing.window;
        let before_start = match *self.start {
            Start::Now(_) => node.invoke <= instant,
            Start::First => false,
            Start::After(_) => !missing.resumed,
            Start::Elsewhere(ret) => node.invoke < ret,
            Start::Sealed { .. } => true,
        };
        if !before_start {
            low = low.max(1);
        }
        if matches!(self.start, Start::Now(_)) && node.up <= instant {
            high = 0;
        }
        let after_all = match self.tail {
            Tail::Nothing => false,
            Tail::After(drained) => node.up > drained,
            Tail::Gone | Tail::Unjudged => true,
        };
        if !after_all {
            high = high.min(self.last_slot() - 1);
        }
        Window { low, high }
    }

    /// Narrows the windows of the musts to slots that exist for them, and all windows along `P`, until nothing changes.
    fn agree(&self, missing: &[Missing], windows: &mut [Window]) -> Result<(), Fault> {
        let count = self.order.nodes.len();
        let last = self.last_slot();
        loop {
            for (missing, window) in missing.iter().zip(windows.iter_mut()).filter(|(m, _)| self.must(m.node)) {
                *window = self.rounded(self.node(missing.node).invoke, *window);
                if window.low > window.high {
                    let before = (missing.window.high < last).then(|| missing.window.high as usize - 1);
                    return Err(Fault::Unplaced { node: missing.node, before });
                }
            }
            let musts = || missing.iter().zip(&*windows).filter(|(missing, _)| self.must(missing.node));
            let mut lows: Vec<(u32, u32)> = musts().map(|(m, window)| (m.node, window.low)).collect();
            let mut highs: Vec<(u32, u32)> = musts().map(|(m, window)| (m.node, last - window.high)).collect();
            lows.sort_unstable_by_key(|&(_, low)| Reverse(low));
            highs.sort_unstable_by_key(|&(_, high)| Reverse(high));
            let low = spread(&self.order.next, count, lows.into_iter());
            let high = spread(&self.order.prev, count, highs.into_iter());
            let mut changed = false;
            for (missing, window) in missing.iter().zip(windows.iter_mut()) {
                let node = missing.node as usize;
                let narrow = Window { low: window.low.max(low[node]), high: window.high.min(last - high[node]) };
                changed |= narrow.low > window.low || narrow.high < window.high;
                *window = narrow;
            }
            if !changed {
                return Ok(());
            }
        }
    }

    /// The window, from the first to the last slot in which something invoked at this line can be placed.
    fn rounded(&self, invoke: LineNo, window: Window) -> Window {
        let last = self.last_slot();
        let marked = self.marked(invoke, window);
        let low = if window.low == 0 { 0 } else { marked.first().map_or(last, |marker| marker.gap + 1) };
        let high = if window.high == last { last } else { marked.last().map_or(0, |marker| marker.gap + 1) };
        Window { low, high }
    }

    /// The markers that may count something invoked at this line, within these slots.
    fn marked(&self, invoke: LineNo, window: Window) -> &[Marker] {
        let range = self.range(invoke, window);
        &self.markers[range]
    }

    fn range(&self, invoke: LineNo, window: Window) -> Range<usize> {
        let from = self.markers.partition_point(|marker| marker.gap + 1 < window.low || marker.line < invoke);
        let to = self.markers.partition_point(|marker| marker.gap < window.high);
        from..to.max(from)
    }

    fn free(&self, marker: &Marker) -> bool {
        marker.gap == 0 && self.start.any_number()
    }

    /// Whether all that must be counted can be, without overfilling a marker.
    fn all_counted(&self, missing: &[Missing], windows: &[Window]) -> Result<(), Fault> {
        let last = self.last_slot();
        let mut tasks = Vec::new();
        for (missing, window) in missing.iter().zip(windows) {
            if !self.must(missing.node) || window.low == 0 || window.high == last {
                continue;
            }
            let range = self.range(self.node(missing.node).invoke, *window);
            if self.markers.get(range.start).is_some_and(|marker| self.free(marker)) {
                continue;
            }
            tasks.push(range);
        }
        fill(tasks, self.markers.len(), |marker, waiting| {
            let mut room = self.markers[marker].count;
            while let Some(&Reverse(until)) = waiting.peek() {
                if room == 0 || until <= marker {
                    break;
                }
                room -= 1;
                waiting.pop();
            }
            // What is left waits for a later marker, if there is one for it.
            if waiting.peek().is_some_and(|&Reverse(until)| until <= marker + 1) {
                return Err(Fault::Miscounted);
            }
            Ok(())
        })
    }

    /// Whether all markers can be filled.
    fn all_filled(&self, missing: &[Missing], windows: &[Window]) -> Result<(), Fault> {
        let tasks = missing
            .iter()
            .zip(windows)
            .filter(|(_, window)| window.low <= window.high)
            .map(|(missing, window)| self.range(self.node(missing.node).invoke, *window));
        fill(tasks.collect(), self.markers.len(), |marker, waiting| {
            let found = &self.markers[marker];
            let mut lacking = if self.free(found) { 0 } else { found.count };
            while lacking > 0 {
                match waiting.pop() {
                    None => return Err(Fault::Marker(marker)),
                    Some(Reverse(until)) if until > marker => lacking -= 1,
                    Some(_) => {}
                }
            }
            Ok(())
        })
    }
}

/// Goes through the markers with those that may be counted there, soonest deadline first; each is given as the range of
/// its markers, and waits as the end of that range.
fn fill(
    mut tasks: Vec<Range<usize>>,
    markers: usize,
    mut at: impl FnMut(usize, &mut BinaryHeap<Reverse<usize>>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    if tasks.iter().any(Range::is_empty) {
        tasks.retain(|task| !task.is_empty());
    }
    tasks.sort_unstable_by_key(|task| task.start);
    let mut tasks = tasks.into_iter().peekable();
    let mut waiting = BinaryHeap::new();
    for marker in 0..markers {
        while let Some(task) = tasks.next_if(|task| task.start <= marker) {
            waiting.push(Reverse(task.end));
        }
        at(marker, &mut waiting)?;
    }
    Ok(())
}

/// Gives every node the greatest label of those from which it can be reached (its own included); 0 if there is none.
/// The labels come in descending order, so that every node is visited once. Cycles do no harm.
fn spread(graph: &Graph, count: usize, labels: impl Iterator<Item = (u32, u32)>) -> Vec<u32> {
    let mut greatest = vec![0; count];
    let mut stack = Vec::new();
    for (node, label) in labels.filter(|&(_, label)| label > 0) {
        stack.push(node);
        while let Some(node) = stack.pop() {
            if greatest[node as usize] == 0 {
                greatest[node as usize] = label;
                stack.extend_from_slice(graph.next(node));
            }
        }
    }
    greatest
}
