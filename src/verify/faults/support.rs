//! The parts that the museum's routers are built from, all of them right: a channel that retains and counts, a
//! directory of names, and a way to run a future that must not wait.
//!
//! A leaky router is leaky by what it does with these parts, so that each exhibit shows one defect and nothing else.
//! Written with the standard library alone: an exhibit must not lean on the router that it is held against.

use crate::verify::subject::{Delivery, Outcome, Refused, Since};
use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// Locks; a panic elsewhere is no reason to stop this job.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Adds a waker unless one of the same task is there.
pub fn enlist(waiting: &mut Vec<Waker>, waker: &Waker) {
    if !waiting.iter().any(|known| known.will_wake(waker)) {
        waiting.push(waker.clone());
    }
}

/// One incarnation of a job: its latest events, how many it no longer has, and its end.
#[derive(Debug)]
pub struct Channel {
    retain: usize,
    pub(super) state: Mutex<State>,
}

/// What a [`Channel`] guards. An exhibit whose defect is inside a channel does its harm here.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) events: VecDeque<String>,
    /// How many events were accepted before the oldest retained one: the position of `events[0]`.
    pub(super) evicted: u64,
    pub(super) outcome: Option<Outcome>,
    /// Some reader has had the end.
    pub(super) read_out: bool,
    pub(super) waiting: Vec<Waker>,
}

impl State {
    fn accept(&mut self, event: &str, retain: usize) {
        self.events.push_back(event.to_owned());
        if self.events.len() > retain {
            self.events.pop_front();
            self.evicted += 1;
        }
    }

    /// What a reader at this position is given, the end aside; moves it on.
    fn at(&self, position: &mut u64) -> Option<Delivery> {
        if *position < self.evicted {
            let lagged = self.evicted - *position;
            *position = self.evicted;
            return Some(Delivery::Lagged(lagged));
        }
        let event = self.events.get((*position - self.evicted) as usize)?;
        *position += 1;
        Some(Delivery::Event(event.clone()))
    }
}

impl Channel {
    /// A new channel, open and empty, that keeps its latest `retain` events.
    pub fn new(retain: usize) -> Arc<Channel> {
        Arc::new(Channel { retain, state: Mutex::default() })
    }

    /// Accepts an event, evicting the oldest where there is no room.
    ///
    /// # Errors
    /// [`Refused::Closed`] after the end.
    pub fn push(&self, event: &str) -> Result<(), Refused> {
        self.push_unheard(event).map(|waiting| waiting.into_iter().for_each(Waker::wake))
    }

    /// Accepts an event and leaves it to the caller to wake those who waited for it.
    ///
    /// # Errors
    /// [`Refused::Closed`] after the end.
    pub(super) fn push_unheard(&self, event: &str) -> Result<Vec<Waker>, Refused> {
        self.change(|state| state.accept(event, self.retain))
    }

    /// Ends the job.
    ///
    /// # Errors
    /// [`Refused::Closed`] if it has ended.
    pub fn seal(&self, outcome: Outcome) -> Result<(), Refused> {
        self.change(|state| state.outcome = Some(outcome)).map(|waiting| waiting.into_iter().for_each(Waker::wake))
    }

    /// One change of an open channel. Answers whoever waited for one, to be woken now that the lock is released.
    fn change(&self, change: impl FnOnce(&mut State)) -> Result<Vec<Waker>, Refused> {
        let mut state = lock(&self.state);
        if state.outcome.is_some() {
            return Err(Refused::Closed);
        }
        change(&mut state);
        Ok(std::mem::take(&mut state.waiting))
    }

    /// How many events it has accepted.
    pub(super) fn accepted(&self) -> u64 {
        let state = lock(&self.state);
        state.evicted + state.events.len() as u64
    }

    /// Whether some reader has had the end: nothing needs to be kept any longer.
    pub fn is_read_out(&self) -> bool {
        lock(&self.state).read_out
    }

    /// A new reader; of a sealed channel too, which replays what is retained and then ends, until one has had the end.
    ///
    /// # Errors
    /// [`Refused::Unknown`] once it has been read out; [`Refused::Unsupported`] for [`Since::After`].
    pub fn reader(self: &Arc<Self>, since: Since<'_>) -> Result<Reader, Refused> {
        if self.is_read_out() {
            return Err(Refused::Unknown);
        }
        self.reader_of_whatever_is_left(since)
    }

    /// A new reader, also of a channel that has been read out.
    ///
    /// # Errors
    /// [`Refused::Unsupported`] for [`Since::After`].
    pub(super) fn reader_of_whatever_is_left(self: &Arc<Self>, since: Since<'_>) -> Result<Reader, Refused> {
        let position = match since {
            Since::Start => 0,
            Since::Now => self.accepted(),
            Since::After(_) => return Err(Refused::Unsupported),
        };
        Ok(Reader { channel: Arc::clone(self), position })
    }
}

/// A cursor in a [`Channel`].
#[derive(Debug)]
pub struct Reader {
    pub(super) channel: Arc<Channel>,
    pub(super) position: u64,
}

impl Reader {
    /// What comes next; an eviction is told, with its exact number, before what follows it.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Delivery> {
        let mut state = lock(&self.channel.state);
        if let Some(delivery) = state.at(&mut self.position) {
            return Poll::Ready(delivery);
        }
        if let Some(outcome) = state.outcome {
            state.read_out = true;
            return Poll::Ready(Delivery::End(Some(outcome)));
        }
        enlist(&mut state.waiting, cx.waker());
        Poll::Pending
    }

    /// What is there to be read, the end aside.
    pub(super) fn read_on(&mut self) -> Option<Delivery> {
        lock(&self.channel.state).at(&mut self.position)
    }

    /// Waits for what comes next.
    pub async fn next(&mut self) -> Delivery {
        std::future::poll_fn(|cx| self.poll(cx)).await
    }
}

/// Something that is open for a while.
pub trait Life {
    /// Whether it has not ended yet.
    fn is_open(&self) -> bool;
}

impl Life for Channel {
    fn is_open(&self) -> bool {
        lock(&self.state).outcome.is_none()
    }
}

/// Who bears which name: the newest incarnation of each.
#[derive(Debug)]
pub struct Names<C> {
    newest: Mutex<BTreeMap<String, Arc<C>>>,
}

impl<C> Default for Names<C> {
    fn default() -> Self {
        Names { newest: Mutex::default() }
    }
}

impl<C: Life> Names<C> {
    /// Gives the name to a new incarnation, in one step with looking whether it is free.
    ///
    /// # Errors
    /// [`Refused::InUse`] while the last one is open.
    pub fn open(&self, name: &str, fresh: Arc<C>) -> Result<Arc<C>, Refused> {
        let mut newest = lock(&self.newest);
        if newest.get(name).is_some_and(|last| last.is_open()) {
            return Err(Refused::InUse);
        }
        newest.insert(name.to_owned(), Arc::clone(&fresh));
        Ok(fresh)
    }

    /// The newest incarnation of a name.
    ///
    /// # Errors
    /// [`Refused::Unknown`] if there never was one.
    pub fn find(&self, name: &str) -> Result<Arc<C>, Refused> {
        lock(&self.newest).get(name).cloned().ok_or(Refused::Unknown)
    }

    /// Gives the name to a new incarnation, whoever bore it before; answers that one.
    pub fn replace(&self, name: &str, fresh: Arc<C>) -> Option<Arc<C>> {
        lock(&self.newest).insert(name.to_owned(), fresh)
    }

    /// Forgets the name if `condemns` says so of its newest incarnation.
    pub fn remove_if(&self, name: &str, condemns: impl FnOnce(&Arc<C>) -> bool) {
        let mut newest = lock(&self.newest);
        if newest.get(name).is_some_and(condemns) {
            newest.remove(name);
        }
    }

    /// The newest incarnations of all names but one, in the names' order.
    pub fn others(&self, name: &str) -> Vec<(String, Arc<C>)> {
        let newest = lock(&self.newest);
        newest.iter().filter(|(other, _)| *other != name).map(|(other, c)| (other.clone(), Arc::clone(c))).collect()
    }
}

/// Whether a task has been woken since it was last polled.
#[derive(Debug, Default)]
pub struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

impl Woken {
    /// A task that has not been polled yet, and so has reason to be.
    pub fn at_first() -> Arc<Woken> {
        Arc::new(Woken(AtomicBool::new(true)))
    }

    /// Whether there is reason to poll.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// Takes the reason away, just before the poll.
    pub fn take(&self) -> bool {
        self.0.swap(false, Ordering::AcqRel)
    }
}

/// Runs a future for as long as it wakes itself; `None` if it then waits for somebody else, since nobody else is there.
pub fn settle<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let woken = Woken::at_first();
    let waker = Waker::from(Arc::clone(&woken));
    while woken.take() {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return Some(value);
        }
    }
    None
}
