//! The order `P` of one life: every emitter's order together with the order of deliveries of every stream.
//!
//! Its events are numbered in the order of their invokes. Neighbours are joined by edges (each emit with the
//! emitter's next, each delivery with the stream's next); most streams deliver the same sequence, so most edges are
//! met again and dropped at once, and what remains is as long as the life's events, not as its deliveries.

use super::Case;
use super::frame::Frame;
use super::incarnation::Life;
use super::record::{LineNo, Stream, Via, What};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

/// No node.
pub(super) const NONE: u32 = u32::MAX;

/// One delivery that takes part in orders.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) event: u32,
    pub(super) line: LineNo,
}

/// One lag marker.
#[derive(Debug, Clone, Copy)]
pub(super) struct Marker {
    /// How many deliveries came before it.
    pub(super) gap: u32,
    pub(super) count: u64,
    pub(super) line: LineNo,
}

/// What one stream delivered, without what breaks G1, G2 or G3 and without repetitions.
#[derive(Debug, Default)]
pub(super) struct Track {
    pub(super) steps: Vec<Step>,
    pub(super) markers: Vec<Marker>,
    /// Deliveries of an event that this stream had delivered before: the first and the later line.
    pub(super) repeated: Vec<(u32, LineNo, LineNo)>,
}

/// The tracks of all streams of a name; and for each event, whether it stands on one.
pub(super) fn tracks(case: &Case<'_>) -> (Vec<Track>, Vec<bool>) {
    let Case { job, bonds, .. } = *case;
    let mut seen: Vec<(u32, LineNo)> = vec![(NONE, 0); job.events.len()];
    let mut tracks = Vec::with_capacity(job.streams.len());
    for (index, stream) in job.streams.iter().enumerate() {
        let index = index as u32;
        let mut track = Track::default();
        if bonds.stream(index).is_empty() {
            tracks.push(track);
            continue;
        }
        for (at, item) in stream.items.iter().enumerate() {
            match item.what {
                What::Event(event) => {
                    let torn = !bonds.torn.is_empty() && bonds.torn.contains(&(index, at as u32));
                    if torn || job.events[event as usize].span.failed() {
                        continue;
                    }
                    let last = &mut seen[event as usize];
                    if last.0 == index {
                        track.repeated.push((event, last.1, item.line));
                    } else {
                        *last = (index, item.line);
                        track.steps.push(Step { event, line: item.line });
                    }
                }
                What::Lagged(count) => {
                    track.markers.push(Marker { gap: track.steps.len() as u32, count, line: item.line });
                }
                What::End(_) => {}
            }
        }
        tracks.push(track);
    }
    let delivered = seen.into_iter().map(|(stream, _)| stream != NONE).collect();
    (tracks, delivered)
}

/// Which events and streams can belong to each life.
#[derive(Debug, Default)]
pub(super) struct Members {
    /// Events that can belong to a life, in the order of their invokes.
    events: HashMap<Life, Vec<u32>>,
    /// Streams that can belong to this life and to no other.
    pub(super) streams: HashMap<Life, Vec<u32>>,
    /// Streams that can belong to several lives, or to one to which other things may or may not belong, by their knot.
    pub(super) knots: HashMap<u32, Vec<u32>>,
    /// What each knot that can belong to several lives needs of the one to which it does.
    frames: HashMap<u32, Frame>,
}

impl Members {
    pub(super) fn of(case: &Case<'_>) -> Self {
        let Case { job, bonds, lives } = *case;
        let possible = lives.intervals();
        let mut members = Members::default();
        let mut shared: HashSet<Life> = HashSet::new();
        for event in 0..job.events.len() as u32 {
            let bound = bonds.event(event);
            for &life in bound {
                members.events.entry(life).or_default().push(event);
            }
            if bound.len() > 1 {
                shared.extend(bound);
                let frame = members.frames.entry(bonds.event_knot(event)).or_insert(Frame::FREE);
                frame.hold(&job.events[event as usize].span);
            }
        }
        for stream in 0..job.streams.len() as u32 {
            match bonds.stream(stream) {
                [] => {}
                [life] => {
                    members.streams.entry(*life).or_default().push(stream);
                    if shared.contains(life) {
                        members.knots.entry(bonds.stream_knot(stream)).or_default().push(stream);
                    }
                }
                _ => {
                    let knot = bonds.stream_knot(stream);
                    members.knots.entry(knot).or_default().push(stream);
                    let Stream { span, via, .. } = &job.streams[stream as usize];
                    if possible.sealed(span.invoke, span.up(), possible.handle(*via)).is_empty() {
                        members.frames.entry(knot).or_insert(Frame::FREE).hold(span);
                    }
                }
            }
        }
        members
    }
}

/// Those of a knot's lives that leave room in others for what was accepted there for certain; all, if none does.
pub(super) fn lives_of_knot(
    case: &Case<'_>,
    members: &Members,
    tracks: &[Track],
    lives: &[Life],
    knot: u32,
) -> Vec<Life> {
    if lives.len() < 2 {
        return lives.to_vec();
    }
    let leaves_room = |life: &Life| {
        let frame = frame(case, members, tracks, *life, knot);
        lives.iter().filter(|other| *other != life).all(|&other| {
            let mut events =
                members.events.get(&other).into_iter().flatten().map(|&event| (event, case.bonds.event(event)));
            events.all(|(event, bound)| {
                let span = &case.job.events[event as usize].span;
                let homeless = || case.lives.intervals().must_join(*life, frame, bound, Frame::of(span));
                bound.contains(life) || !span.ok() || !homeless()
            })
        })
    };
    let possible: Vec<Life> = lives.iter().copied().filter(leaves_room).collect();
    if possible.is_empty() { lives.to_vec() } else { possible }
}

/// What the streams of a knot and their deliveries need of a life.
fn frame(case: &Case<'_>, members: &Members, tracks: &[Track], life: Life, knot: u32) -> Frame {
    let Case { job, lives, .. } = *case;
    let mut frame = Frame::FREE;
    for &index in members.knots.get(&knot).into_iter().flatten() {
        let stream = &job.streams[index as usize];
        let (span, via) = (&stream.span, lives.handle(stream.via));
        let steps = tracks[index as usize].steps.iter().map(|step| &job.events[step.event as usize].span);
        let sealed = lives.sealed(span.invoke, span.up(), via).contains(&life);
        if sealed && stream.via == Via::Name {
            frame.next = frame.next.max(span.invoke);
        }
        steps.chain((!sealed).then_some(span)).for_each(|span| frame.hold(span));
    }
    frame
}

/// A graph as adjacency lists in one array.
#[derive(Debug)]
pub(super) struct Graph {
    from: Vec<u32>,
    to: Vec<u32>,
}

impl Graph {
    /// The graph of these edges, which are sorted.
    fn new(nodes: usize, edges: &[(u32, u32)]) -> Self {
        let mut from = vec![0; nodes + 1];
        for edge in edges {
            from[edge.0 as usize + 1] += 1;
        }
        for at in 0..nodes {
            from[at + 1] += from[at];
        }
        Graph { from, to: edges.iter().map(|edge| edge.1).collect() }
    }

    pub(super) fn next(&self, node: u32) -> &[u32] {
        &self.to[self.from[node as usize] as usize..self.from[node as usize + 1] as usize]
    }
}

/// One event of an order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    pub(super) event: u32,
    pub(super) invoke: LineNo,
    pub(super) up: LineNo,
    /// Accepted for certain, and into this life: it must have a place on every stream.
    pub(super) must: bool,
}

/// The order of one life.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) nodes: Vec<Node>,
    first_event: u32,
    node_of: Vec<u32>,
    pub(super) next: Graph,
    pub(super) prev: Graph,
    /// A sequence of all nodes that respects the order; none if the order has a cycle.
    pub(super) line: Option<Linear>,
}

/// A linear extension of an order, with what can be asked of its stretches.
#[derive(Debug)]
pub(super) struct Linear {
    /// The position of each node.
    pub(super) position: Vec<u32>,
    /// For each position, how many nodes before it are musts.
    pub(super) musts: Vec<u32>,
    /// For each position, the latest invoke before it.
    pub(super) invoked: Vec<LineNo>,
    /// For each position, the earliest `up` from it on.
    pub(super) up: Vec<LineNo>,
}

impl Order {
    /// The order of a life: of what can belong to no other, and of one knot of streams and events, if that is given.
    pub(super) fn of(case: &Case<'_>, members: &Members, tracks: &[Track], life: Life, knot: Option<u32>) -> Self {
        let mut of_life: Vec<u32> = members.streams.get(&life).cloned().unwrap_or_default();
        of_life.extend(knot.and_then(|knot| members.knots.get(&knot)).into_iter().flatten());
        of_life.sort_unstable();
        of_life.dedup();
        Order::from_streams(case, members, tracks, life, knot, &of_life)
    }

    /// The emitters' orders alone: what is left beside a stream's own places when the order of a life has a cycle.
    /// (To close the two together would put everything on the cycle before everything else on it.)
    pub(super) fn of_emitters(
        case: &Case<'_>,
        members: &Members,
        tracks: &[Track],
        life: Life,
        knot: Option<u32>,
    ) -> Self {
        Order::from_streams(case, members, tracks, life, knot, &[]).unfollowed()
    }

    /// An order that streams need not follow, so that it explains none of them as it stands.
    pub(super) fn unfollowed(self) -> Self {
        Order { line: None, ..self }
    }

    /// The order of the emitters and of these streams.
    fn from_streams(
        case: &Case<'_>,
        members: &Members,
        tracks: &[Track],
        life: Life,
        knot: Option<u32>,
        streams: &[u32],
    ) -> Self {
        let Case { job, bonds, .. } = *case;
        let frame = knot.map(|knot| frame(case, members, tracks, life, knot));
        let events = members.events.get(&life).into_iter().flatten().map(|&event| {
            let span = &job.events[event as usize].span;
            let (lives, own) = (bonds.event(event), bonds.event_knot(event));
            let joins = |frame: Frame| {
                let their = members.frames.get(&own).copied().unwrap_or_else(|| Frame::of(span));
                case.lives.intervals().must_join(life, frame, lives, their)
            };
            (event, span.ok() && (lives.len() == 1 || knot == Some(own) || frame.is_some_and(joins)))
        });
        Order::among(case, tracks, &events.collect::<Vec<_>>(), streams)
    }

    /// The order of these events (ascending; each with whether it must have a place) and streams, which delivered
    /// none but these.
    pub(super) fn among(case: &Case<'_>, tracks: &[Track], events: &[(u32, bool)], streams: &[u32]) -> Self {
        let first_event = events.first().map_or(0, |event| event.0);
        let mut node_of = vec![NONE; events.last().map_or(0, |last| (last.0 - first_event + 1) as usize)];
        let mut nodes = Vec::with_capacity(events.len());
        let mut edges = Edges::new(events.len());
        let mut last_of: HashMap<u32, u32> = HashMap::new();
        for &(event, must) in events {
            let record = &case.job.events[event as usize];
            let node = nodes.len() as u32;
            node_of[(event - first_event) as usize] = node;
            nodes.push(Node { event, invoke: record.span.invoke, up: record.span.up(), must });
            if let Some(before) = last_of.insert(record.process, node) {
                edges.add(before, node);
            }
        }
        for &stream in streams {
            let steps = &tracks[stream as usize].steps;
            for pair in steps.windows(2) {
                let node = |step: &Step| node_of[(step.event - first_event) as usize];
                edges.add(node(&pair[0]), node(&pair[1]));
            }
        }
        let (next, prev) = edges.graphs();
        let mut order = Order { nodes, first_event, node_of, next, prev, line: None };
        order.line = order.sequence().map(|position| Linear::new(&order.nodes, position));
        order
    }

    pub(super) fn node(&self, event: u32) -> Option<u32> {
        let at = event.checked_sub(self.first_event)? as usize;
        self.node_of.get(at).copied().filter(|&node| node != NONE)
    }

    /// The position of each node in a linear extension; none if there is a cycle.
    fn sequence(&self) -> Option<Vec<u32>> {
        let count = self.nodes.len() as u32;
        if (0..count).all(|node| self.next.next(node).iter().all(|&after| after > node)) {
            return Some((0..count).collect());
        }
        let (position, done) = sort(&self.next, self.nodes.len(), |node| self.nodes[node as usize].up);
        (done == self.nodes.len()).then_some(position)
    }

    /// A cycle, as nodes each of which comes before the next and the last before the first; empty if there is none.
    ///
    /// With `real_time`, what returned before another's invoke comes first as well.
    pub(super) fn cycle(&self, case: &Case<'_>, real_time: bool) -> Vec<u32> {
        if !real_time {
            return if self.line.is_some() { Vec::new() } else { find_cycle(&self.next, &self.prev, self.nodes.len()) };
        }
        // One more node for each return, in a chain: an event comes before the node of its return, and the last return
        // before an invoke comes before that event. So the interval order costs no more edges than nodes.
        let count = self.nodes.len() as u32;
        let must = |node: u32| self.nodes[node as usize].must;
        let ret = |node: u32| case.job.events[self.nodes[node as usize].event as usize].span.ret();
        let mut returns: Vec<(LineNo, u32)> = (0..count).filter(|&n| must(n)).map(|n| (ret(n), n)).collect();
        returns.sort_unstable();
        let mut edges = Edges::new(self.nodes.len() + returns.len());
        for node in 0..count {
            self.next.next(node).iter().for_each(|&after| edges.add(node, after));
            let earlier = returns.partition_point(|&(line, _)| line < self.nodes[node as usize].invoke);
            if must(node) && earlier > 0 {
                edges.add(count + earlier as u32 - 1, node);
            }
        }
        for (at, &(_, node)) in returns.iter().enumerate() {
            let instant = count + at as u32;
            edges.add(node, instant);
            if at > 0 {
                edges.add(instant - 1, instant);
            }
        }
        let (next, prev) = edges.graphs();
        let mut cycle = find_cycle(&next, &prev, self.nodes.len() + returns.len());
        cycle.retain(|&node| node < count);
        cycle
    }
}

impl Linear {
    fn new(nodes: &[Node], position: Vec<u32>) -> Self {
        let count = nodes.len();
        let mut at = vec![0u32; count];
        for (node, &place) in position.iter().enumerate() {
            at[place as usize] = node as u32;
        }
        let mut musts = vec![0; count + 1];
        let mut invoked = vec![0; count + 1];
        let mut up = vec![LineNo::MAX; count + 1];
        for place in 0..count {
            let node = &nodes[at[place] as usize];
            musts[place + 1] = musts[place] + u32::from(node.must);
            invoked[place + 1] = node.invoke.max(invoked[place]);
        }
        for place in (0..count).rev() {
            up[place] = nodes[at[place] as usize].up.min(up[place + 1]);
        }
        Linear { position, musts, invoked, up }
    }
}

/// Collects edges; the same edge met again in a row of streams is dropped at once.
struct Edges {
    list: Vec<(u32, u32)>,
    latest: Vec<u32>,
}

impl Edges {
    fn new(nodes: usize) -> Self {
        Edges { list: Vec::new(), latest: vec![NONE; nodes] }
    }

    fn add(&mut self, from: u32, to: u32) {
        let latest = &mut self.latest[from as usize];
        if *latest != to {
            *latest = to;
            self.list.push((from, to));
        }
    }

    fn graphs(mut self) -> (Graph, Graph) {
        let nodes = self.latest.len();
        self.list.sort_unstable();
        self.list.dedup();
        let next = Graph::new(nodes, &self.list);
        for edge in &mut self.list {
            *edge = (edge.1, edge.0);
        }
        self.list.sort_unstable();
        (next, Graph::new(nodes, &self.list))
    }
}

/// Kahn's sort, of those that could come next always the one with the least key. Gives each node's position
/// ([`NONE`] on or behind a cycle), and how many nodes were placed.
fn sort(next: &Graph, count: usize, key: impl Fn(u32) -> LineNo) -> (Vec<u32>, usize) {
    let mut waiting = vec![0u32; count];
    for node in 0..count as u32 {
        next.next(node).iter().for_each(|&after| waiting[after as usize] += 1);
    }
    let mut free: BinaryHeap<Reverse<(LineNo, u32)>> =
        (0..count as u32).filter(|&node| waiting[node as usize] == 0).map(|node| Reverse((key(node), node))).collect();
    let mut position = vec![NONE; count];
    let mut done = 0;
    while let Some(Reverse((_, node))) = free.pop() {
        position[node as usize] = done as u32;
        done += 1;
        for &after in next.next(node) {
            waiting[after as usize] -= 1;
            if waiting[after as usize] == 0 {
                free.push(Reverse((key(after), after)));
            }
        }
    }
    (position, done)
}

fn find_cycle(next: &Graph, prev: &Graph, count: usize) -> Vec<u32> {
    let (position, done) = sort(next, count, |_| 0);
    if done == count {
        return Vec::new();
    }
    // Every node left over has a predecessor that is left over too: walking back must come round.
    let left = |node: u32| position[node as usize] == NONE;
    let mut met = vec![NONE; count];
    let mut path = Vec::new();
    let mut node = (0..count as u32).find(|&node| left(node)).unwrap_or(0);
    while met[node as usize] == NONE {
        met[node as usize] = path.len() as u32;
        path.push(node);
        node = prev.next(node).iter().copied().find(|&before| left(before)).unwrap_or(node);
    }
    let mut cycle = path.split_off(met[node as usize] as usize);
    cycle.reverse();
    cycle
}
