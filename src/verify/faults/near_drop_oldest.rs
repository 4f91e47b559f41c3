//! Near-miss: every stream has a bounded queue of its own, which drops its oldest events and counts them.
//!
//! The emitter copies each event into every reader's queue; where that is full its head goes, and the reader is told
//! how many went before it is given the next. That loses events by design and loses none unsaid.
//!
//! One edit away from [`lag_as_close`](super::lag_as_close), and in another direction from
//! [`near_stop_on_lag`](super::near_stop_on_lag): what a reader that lags is told, [`OnLag::tell`]. And one edit away from
//! [`drop_newest`](super::drop_newest): what a full queue does, [`OnLag::overflow`].

use super::about::{About, Kind};
use super::support::{Life, Names, lock};
use crate::verify::subject::{Delivery, Outcome, Refused, Setup, Since, Subject};
use std::collections::VecDeque;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Poll, Waker};

/// The exhibit.
pub const ABOUT: About = About {
    id: "near-drop-oldest",
    kind: Kind::NearMiss,
    defect: "none: a full queue drops its oldest events, and the reader is told how many; told the end instead, it is \
             lag-as-close",
    incident: "tokio's broadcast, read as its documentation says",
    expected: &[],
    methods: &[],
};

/// What becomes of a queue that overflows, and what its reader is told.
pub trait OnLag: Send + Sync + 'static {
    /// The delivery in the place of `skipped` events.
    fn tell(skipped: u64) -> Delivery {
        Delivery::Lagged(skipped)
    }

    /// Makes a queue that holds one event too many fit again.
    fn overflow(queue: &mut Queue) {
        queue.events.pop_front();
        queue.dropped += 1;
    }
}

/// How many.
#[derive(Debug)]
pub struct Counted;

impl OnLag for Counted {}

/// The router.
#[derive(Debug)]
pub struct DropOldest<L = Counted> {
    jobs: Names<Job>,
    retain: usize,
    on_lag: PhantomData<fn() -> L>,
}

/// A queue that drops its oldest events and counts them.
#[derive(Debug, Clone, Default)]
pub struct Queue {
    pub(super) events: VecDeque<Arc<str>>,
    dropped: u64,
}

impl Queue {
    fn push<L: OnLag>(&mut self, event: Arc<str>, room: usize) {
        self.events.push_back(event);
        if self.events.len() > room {
            L::overflow(self);
        }
    }
}

/// One incarnation of a job.
#[derive(Debug)]
pub struct Job {
    retain: usize,
    state: Mutex<State>,
    /// Some reader has had the end.
    read_out: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    history: Queue,
    readers: Vec<Weak<Mutex<Inbox>>>,
    outcome: Option<Outcome>,
}

#[derive(Debug, Default)]
struct Inbox {
    queue: Queue,
    end: Option<Outcome>,
    waiting: Option<Waker>,
}

impl Life for Job {
    fn is_open(&self) -> bool {
        lock(&self.state).outcome.is_none()
    }
}

impl Job {
    /// One change of an open job and of all its readers; then, with the locks released, they are woken.
    fn change(&self, job: impl FnOnce(&mut State), reader: impl Fn(&mut Inbox)) -> Result<(), Refused> {
        let mut woken = Vec::new();
        {
            let mut state = lock(&self.state);
            if state.outcome.is_some() {
                return Err(Refused::Closed);
            }
            job(&mut state);
            state.readers.retain(|inbox| inbox.strong_count() > 0);
            for inbox in state.readers.iter().filter_map(Weak::upgrade) {
                let mut inbox = lock(&inbox);
                reader(&mut inbox);
                woken.extend(inbox.waiting.take());
            }
        }
        woken.into_iter().for_each(Waker::wake);
        Ok(())
    }
}

/// One reader's queue.
#[derive(Debug)]
pub struct Stream<L> {
    job: Arc<Job>,
    inbox: Arc<Mutex<Inbox>>,
    on_lag: PhantomData<fn() -> L>,
}

impl<L: OnLag> Stream<L> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Delivery> {
        let mut inbox = lock(&self.inbox);
        let dropped = std::mem::take(&mut inbox.queue.dropped);
        if dropped > 0 {
            return Poll::Ready(L::tell(dropped));
        }
        if let Some(event) = inbox.queue.events.pop_front() {
            return Poll::Ready(Delivery::Event(event.to_string()));
        }
        if let Some(outcome) = inbox.end {
            self.job.read_out.store(true, Ordering::Release);
            return Poll::Ready(Delivery::End(Some(outcome)));
        }
        inbox.waiting = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl<L: OnLag> Subject for DropOldest<L> {
    type Job = Arc<Job>;
    type Stream = Stream<L>;

    fn fresh(setup: Setup) -> Self {
        DropOldest { jobs: Names::default(), retain: setup.retain_events, on_lag: PhantomData }
    }

    async fn create(&self, name: &str) -> Result<Arc<Job>, Refused> {
        self.jobs.open(
            name,
            Arc::new(Job { retain: self.retain, state: Mutex::default(), read_out: AtomicBool::new(false) }),
        )
    }

    async fn emit(&self, job: &Arc<Job>, event: &str) -> Result<(), Refused> {
        let event: Arc<str> = event.into();
        job.change(
            |state| state.history.push::<L>(Arc::clone(&event), job.retain),
            |inbox| inbox.queue.push::<L>(Arc::clone(&event), job.retain),
        )
    }

    async fn subscribe(&self, job: &Arc<Job>, since: Since<'_>) -> Result<Stream<L>, Refused> {
        if job.read_out.load(Ordering::Acquire) {
            return Err(Refused::Unknown);
        }
        let mut state = lock(&job.state);
        let queue = match since {
            Since::Start => state.history.clone(),
            Since::Now => Queue::default(),
            Since::After(_) => return Err(Refused::Unsupported),
        };
        let inbox = Arc::new(Mutex::new(Inbox { queue, end: state.outcome, waiting: None }));
        state.readers.push(Arc::downgrade(&inbox));
        Ok(Stream { job: Arc::clone(job), inbox, on_lag: PhantomData })
    }

    async fn next(stream: &mut Stream<L>) -> Delivery {
        std::future::poll_fn(|cx| stream.poll(cx)).await
    }

    async fn close(&self, job: &Arc<Job>, outcome: Outcome) -> Result<(), Refused> {
        job.change(|state| state.outcome = Some(outcome), |inbox| inbox.end = Some(outcome))
    }

    async fn find(&self, name: &str) -> Result<Arc<Job>, Refused> {
        self.jobs.find(name)
    }
}
