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
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    events: VecDeque<String>,
    /// How many events were accepted before the oldest retained one: the position of `events[0]`.
    evicted: u64,
    outcome: Option<Outcome>,
    waiting: Vec<Waker>,
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
        self.change(|state| {
            state.events.push_back(event.to_owned());
            if state.events.len() > self.retain {
                state.events.pop_front();
                state.evicted += 1;
            }
        })
    }

    /// Ends the job.
    ///
    /// # Errors
    /// [`Refused::Closed`] if it has ended.
    pub fn seal(&self, outcome: Outcome) -> Result<(), Refused> {
        self.change(|state| state.outcome = Some(outcome))
    }

    /// One change of an open channel; then, with the lock released, whoever waits is woken.
    fn change(&self, change: impl FnOnce(&mut State)) -> Result<(), Refused> {
        let waiting = {
            let mut state = lock(&self.state);
            if state.outcome.is_some() {
                return Err(Refused::Closed);
            }
            change(&mut state);
            std::mem::take(&mut state.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
        Ok(())
    }

    /// A new reader; of a sealed channel too, which replays what is retained and then ends.
    ///
    /// # Errors
    /// [`Refused::Unsupported`] for [`Since::After`].
    pub fn reader(self: &Arc<Self>, since: Since<'_>) -> Result<Reader, Refused> {
        let position = match since {
            Since::Start => 0,
            Since::Now => {
                let state = lock(&self.state);
                state.evicted + state.events.len() as u64
            }
            Since::After(_) => return Err(Refused::Unsupported),
        };
        Ok(Reader { channel: Arc::clone(self), position })
    }
}

/// A cursor in a [`Channel`].
#[derive(Debug)]
pub struct Reader {
    channel: Arc<Channel>,
    position: u64,
}

impl Reader {
    /// What comes next; an eviction is told, with its exact number, before what follows it.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Delivery> {
        let mut state = lock(&self.channel.state);
        if self.position < state.evicted {
            let lagged = state.evicted - self.position;
            self.position = state.evicted;
            return Poll::Ready(Delivery::Lagged(lagged));
        }
        if let Some(event) = state.events.get((self.position - state.evicted) as usize) {
            self.position += 1;
            return Poll::Ready(Delivery::Event(event.clone()));
        }
        if let Some(outcome) = state.outcome {
            return Poll::Ready(Delivery::End(Some(outcome)));
        }
        enlist(&mut state.waiting, cx.waker());
        Poll::Pending
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
