//! Many streams, read by one task.
//!
//! ```text
//!   kernel ── wakes ──▶ Ring (one a stream) ── queues itself, once ──▶ Bell ── wakes, once ──▶ the task
//!                                                                        │
//!   the task ◀── one delivery ── stream whose turn it is ◀── a round ◀───┘
//! ```
//!
//! A stream with nothing to give is left alone until the kernel wakes its ring. Those that were rung stand in the
//! bell's queue; the task takes the queue as a whole and goes through it in rounds, one delivery a stream and round.

use super::{Arrival, Delivery, Stream, park};
use crate::compiled::native::sync::Mutex;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::future::poll_fn;
use std::hash::Hash;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Wake, Waker};

/// Many streams, of one job or of many, read by one task. Each has a key of the caller's.
///
/// - **Fair.** What is ready is read in turns: a stream that becomes ready waits for at most one delivery (or, with
///   [`next_batch`](Group::next_batch), one batch) of each other stream, however much any of them is flooded.
/// - **One wake.** However many streams become ready before the task runs, it is woken once.
/// - **Bounded work.** After [`BUDGET`](Group::BUDGET) turns without a pause, `poll_next` is pending once and wakes
///   its task at once, so that the other tasks of its thread run too, even if some job floods without end.
/// - **Nothing is polled that was not woken.**
///
/// A stream that has delivered its end leaves the group. A group without streams delivers `None`, and goes on when
/// one is inserted.
///
/// ```
/// # use narrowcast::{narration::{Actor, Outcome}, router::{Delivery, Group, Router, Since}};
/// # const QUEEN: Actor = Actor::new("queen");
/// # let router = Router::builder().build();
/// # let (a, b) = (router.create(), router.create());
/// let mut group = Group::new();
/// group.insert("a", a.reader().subscribe(Since::Start)?);
/// group.insert("b", b.reader().subscribe(Since::Start)?);
/// for _ in 0..2 {
///     a.emitter().narrate(QUEEN, "flood").emit()?;
/// }
/// b.close(Outcome::Completed)?;
///
/// let mut keys = Vec::new();
/// for _ in 0..3 {
///     let (key, delivery) = group.next_blocking().unwrap();
///     keys.push((key, matches!(delivery, Delivery::End(_))));
/// }
/// assert_eq!(keys, [("a", false), ("b", true), ("a", false)]);
/// assert!(group.contains(&"a") && !group.contains(&"b"));
/// # Ok::<(), narrowcast::router::Refused>(())
/// ```
pub struct Group<K> {
    /// By slot.
    members: Vec<Option<Member<K>>>,
    free: Vec<usize>,
    slots: HashMap<K, usize>,
    bell: Arc<Bell>,
    /// Whose turn it still is in this round.
    round: VecDeque<Arc<Ring>>,
    /// Who had a turn in this round and may have more to give.
    again: Vec<Arc<Ring>>,
    /// Turns since the task paused.
    turns: u32,
}

struct Member<K> {
    key: K,
    stream: Stream,
    ring: Arc<Ring>,
    /// The ring as the kernel knows it.
    waker: Waker,
}

/// Where the streams that were woken queue up, and the task that waits for them.
#[derive(Default)]
struct Bell {
    state: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    rung: Vec<Arc<Ring>>,
    task: Option<Waker>,
}

/// One stream's waker. It knows the group weakly: a group that is gone is not kept in memory by wakers that still
/// stand with some job.
struct Ring {
    bell: Weak<Bell>,
    slot: usize,
    /// It stands in the bell's queue or in the round, or its stream has left.
    rung: AtomicBool,
}

impl Ring {
    /// Says that from now on it may queue up again. Must come before its stream is polled: what is emitted after the
    /// poll then rings.
    ///
    /// A swap, not a store, so that it synchronises with a wake that found the flag set and went away: the poll sees
    /// what was emitted before that wake.
    fn rest(&self) {
        self.rung.swap(false, Ordering::AcqRel);
    }

    /// Never queues up again.
    fn silence(&self) {
        self.rung.swap(true, Ordering::AcqRel);
    }
}

impl Wake for Ring {
    fn wake(self: Arc<Self>) {
        if self.rung.swap(true, Ordering::AcqRel) {
            return;
        }
        let Some(bell) = self.bell.upgrade() else { return };
        let task = {
            let mut waiting = bell.state.lock();
            waiting.rung.push(self);
            waiting.task.take()
        };
        task.into_iter().for_each(Waker::wake); // Outside the lock: a waker is the caller's code.
    }
}

impl<K> Group<K> {
    /// How many turns are taken without a pause.
    pub const BUDGET: u32 = 128;

    /// A group without streams.
    pub fn new() -> Group<K> {
        Group {
            members: Vec::new(),
            free: Vec::new(),
            slots: HashMap::new(),
            bell: Arc::default(),
            round: VecDeque::new(),
            again: Vec::new(),
            turns: 0,
        }
    }

    /// How many streams it reads.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether it reads none.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The keys of the streams that it reads, in no particular order.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.slots.keys()
    }
}

impl<K: Clone + Eq + Hash> Group<K> {
    /// Reads this stream too. Answers the stream that had the key before, which then is read here no more.
    ///
    /// If a task waits in [`poll_next`](Group::poll_next), it is woken.
    pub fn insert(&mut self, key: K, stream: Stream) -> Option<Stream> {
        let former = self.remove(&key);
        let slot = self.free.pop().unwrap_or_else(|| {
            self.members.push(None);
            self.members.len() - 1
        });
        let ring = Arc::new(Ring { bell: Arc::downgrade(&self.bell), slot, rung: AtomicBool::new(false) });
        let waker = Waker::from(Arc::clone(&ring));
        self.slots.insert(key.clone(), slot);
        self.members[slot] = Some(Member { key, stream, ring, waker: waker.clone() });
        // It may have something to give already, and must be polled once to hear of what comes later.
        waker.wake();
        former
    }

    /// Reads this stream no more. It goes on where the group stopped.
    pub fn remove(&mut self, key: &K) -> Option<Stream> {
        let slot = self.slots.remove(key)?;
        let member = self.members[slot].take()?;
        self.free.push(slot);
        member.ring.silence();
        Some(member.stream)
    }

    /// Whether a stream of this key is read.
    pub fn contains(&self, key: &K) -> bool {
        self.slots.contains_key(key)
    }

    /// What comes next, of whichever stream; `Ready(None)` if there is no stream. Registers the waker if there is
    /// nothing.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<(K, Delivery)>> {
        let is_end = |delivery: &Delivery| matches!(delivery, Delivery::End(_));
        self.poll_turns(cx, Stream::poll_next, is_end)
    }

    /// The same, with as many events of one stream as one lock gives.
    pub fn poll_arrival(&mut self, cx: &mut Context<'_>) -> Poll<Option<(K, Arrival)>> {
        let is_end = |arrival: &Arrival| matches!(arrival, Arrival::End(_));
        self.poll_turns(cx, Stream::poll_arrival, is_end)
    }

    /// Waits for what comes next; `None` if there is no stream.
    ///
    /// # Cancel safety
    /// Dropped before it is ready, nothing is lost.
    pub async fn next(&mut self) -> Option<(K, Delivery)> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Waits for what comes next, and takes as many events of one stream as one lock gives; `None` if there is no
    /// stream.
    ///
    /// # Cancel safety
    /// Dropped before it is ready, nothing is lost.
    pub async fn next_batch(&mut self) -> Option<(K, Arrival)> {
        poll_fn(|cx| self.poll_arrival(cx)).await
    }

    /// Waits for what comes next with the whole thread; `None` if there is no stream. Not for a thread of an async
    /// runtime, as [`Stream::next_blocking`].
    pub fn next_blocking(&mut self) -> Option<(K, Delivery)> {
        park::wait(|cx| self.poll_next(cx))
    }

    fn poll_turns<T>(
        &mut self,
        cx: &mut Context<'_>,
        mut poll: impl FnMut(&mut Stream, &mut Context<'_>) -> Poll<Option<T>>,
        is_end: impl Fn(&T) -> bool,
    ) -> Poll<Option<(K, T)>> {
        loop {
            if self.slots.is_empty() {
                self.round.clear();
                self.again.clear();
                return Poll::Ready(None);
            }
            if self.turns == Self::BUDGET {
                self.turns = 0;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if self.round.is_empty() && self.begin_round(cx).is_pending() {
                self.turns = 0;
                return Poll::Pending;
            }
            // The key is cloned before anything is taken out: it is the caller's code, and if it panics nothing is
            // lost.
            let Some(ring) = self.round.front().map(Arc::clone) else { continue };
            let member = self.members[ring.slot].as_mut().filter(|member| Arc::ptr_eq(&member.ring, &ring));
            let key = member.as_ref().map(|member| member.key.clone());
            self.round.pop_front();
            // Without a member, it is the ring of a stream that has left meanwhile.
            let (Some(member), Some(key)) = (member, key) else { continue };
            self.turns += 1;
            ring.rest();
            match poll(&mut member.stream, &mut Context::from_waker(&member.waker)) {
                Poll::Pending => {}
                Poll::Ready(Some(delivery)) => {
                    if is_end(&delivery) {
                        drop(self.remove(&key));
                    } else {
                        self.again.push(ring);
                    }
                    return Poll::Ready(Some((key, delivery)));
                }
                // It had delivered its end before it was inserted.
                Poll::Ready(None) => drop(self.remove(&key)),
            }
        }
    }

    /// Begins a round with everybody who may have something; registers the task if that is nobody.
    fn begin_round(&mut self, cx: &Context<'_>) -> Poll<()> {
        // Who was rung during the last round comes first: nobody then has a second delivery before it has had one.
        self.round.extend(self.bell.state.lock().rung.drain(..));
        self.round.extend(self.again.drain(..));
        if !self.round.is_empty() {
            return Poll::Ready(());
        }
        // Cloning and dropping a waker is the caller's code and done with no lock held; so look again while
        // registering it.
        let waker = cx.waker().clone();
        let unneeded = {
            let mut waiting = self.bell.state.lock();
            self.round.extend(waiting.rung.drain(..));
            if self.round.is_empty() { waiting.task.replace(waker) } else { Some(waker) }
        };
        drop(unneeded);
        if self.round.is_empty() { Poll::Pending } else { Poll::Ready(()) }
    }
}

impl<K: Clone + Eq + Hash + Unpin> futures_core::Stream for Group<K> {
    type Item = (K, Delivery);

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<(K, Delivery)>> {
        Group::poll_next(self.get_mut(), cx)
    }
}

impl<K> Default for Group<K> {
    fn default() -> Group<K> {
        Group::new()
    }
}

impl<K: fmt::Debug> fmt::Debug for Group<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.slots.keys()).finish()
    }
}
