//! The order `P` of one incarnation's events.

use super::channel::Channel;

/// The accepted events of one incarnation under one choice, with the pairs that have to come in an order.
pub(super) struct Order {
    /// The events, as indices of emits.
    pub events: Vec<usize>,
    /// Bit `j` of `before[i]`: event `i` comes before event `j`.
    before: Vec<u64>,
}

impl Order {
    /// The transitive closure of every emitter's order (by invoke: emits are indexed in that order) and every stream's
    /// order of lawful deliveries.
    pub(super) fn of(channel: &Channel<'_>, events: &[usize], streams: &[usize]) -> Order {
        let mut order = Order::of_emitters(channel, events);
        for stream in streams {
            order.add_deliveries(channel, *stream);
        }
        for via in 0..order.events.len() {
            for i in 0..order.events.len() {
                if order.before[i] & 1 << via != 0 {
                    order.before[i] |= order.before[via];
                }
            }
        }
        order
    }

    /// The emitters' orders and one stream's own, pair by pair and not closed: what is left of `P` when it has a cycle.
    ///
    /// Closing them would put everything on a cycle before everything else on it. Where the two have no cycle between
    /// them, closing adds nothing to what the places of the stream's deliveries say anyway.
    pub(super) fn of_one_stream(channel: &Channel<'_>, events: &[usize], stream: usize) -> Order {
        let mut order = Order::of_emitters(channel, events);
        order.add_deliveries(channel, stream);
        order
    }

    fn of_emitters(channel: &Channel<'_>, events: &[usize]) -> Order {
        let mut events = events.to_vec();
        events.sort_unstable();
        assert!(events.len() <= 64, "the oracle judges small histories: at most 64 events of one incarnation");
        let emitter = |i: usize| channel.facts.emits[events[i]].process;
        let later = |i| (i + 1..events.len()).filter(|j| emitter(i) == emitter(*j)).fold(0, |set, j| set | 1 << j);
        let before = (0..events.len()).map(later).collect();
        Order { events, before }
    }

    fn add_deliveries(&mut self, channel: &Channel<'_>, stream: usize) {
        let places: Vec<usize> = channel.delivered[stream].iter().filter_map(|d| self.index(d.emit)).collect();
        for (at, i) in places.iter().enumerate() {
            self.before[*i] |= places[at + 1..].iter().fold(0, |set, j| set | 1 << j);
        }
    }

    fn index(&self, emit: usize) -> Option<usize> {
        self.events.binary_search(&emit).ok()
    }

    /// Whether the order has a cycle (for a closed order).
    pub(super) fn has_cycle(&self) -> bool {
        (0..self.events.len()).any(|i| self.before[i] & 1 << i != 0)
    }

    /// Whether emit `e` has to come before emit `f`.
    pub(super) fn puts(&self, e: usize, f: usize) -> bool {
        matches!((self.index(e), self.index(f)), (Some(i), Some(j)) if self.before[i] & 1 << j != 0)
    }
}
