//! Near-miss: an emit waits until every reader of its job has room for it.
//!
//! Every stream has a bounded queue, and nothing is dropped: the emitter waits for the slowest reader. That is
//! backpressure, and its own job's affair: a reader that stalls holds up his own job's emitters, and nobody else's. One who
//! leaves holds up nobody.
//!
//! One edit away from [`blocking_broadcast`](super::blocking_broadcast): whose readers an emitter waits for,
//! [`Waits::concern`].

use super::about::{About, Kind};
use super::support::lock;
use super::workbench::{Design, Job, Stream, Workbench};
use crate::verify::subject::{Delivery, Refused, Since};
use std::marker::PhantomData;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::task::{Poll, Waker};

/// The exhibit.
pub const ABOUT: About = About {
    id: "near-bounded-queue",
    kind: Kind::NearMiss,
    defect: "none: an emitter waits for the slowest reader of its own job; for the slowest of all, and it is \
             blocking-broadcast",
    incident: "backpressure by a bounded channel for each job",
    expected: &[],
    methods: &[],
};

/// Whose readers an emitter waits for.
pub trait Waits: Send + Sync + 'static {
    /// Whether a reader of `job` concerns an emitter of `own`.
    fn concern(own: usize, job: usize) -> bool;
}

/// Its own job's.
#[derive(Debug)]
pub struct OwnReaders;

impl Waits for OwnReaders {
    fn concern(own: usize, job: usize) -> bool {
        own == job
    }
}

/// The emitters that wait, each with its job.
type Waiting = Arc<Mutex<Vec<(usize, Waker)>>>;

/// What one stream has not read yet.
#[derive(Debug)]
pub struct Backlog<W: Waits> {
    /// The channel that it reads, by its address.
    job: usize,
    unread: AtomicUsize,
    waiting: Waiting,
    waits: PhantomData<fn() -> W>,
}

impl<W: Waits> Backlog<W> {
    /// There is room for so many more; whom that concerns is woken, and nobody else: a waker is its owner's code.
    fn make_room(&self, events: usize) {
        self.unread.fetch_sub(events.min(self.unread.load(Ordering::Acquire)), Ordering::AcqRel);
        let woken: Vec<_> = lock(&self.waiting).extract_if(.., |(own, _)| W::concern(*own, self.job)).collect();
        woken.into_iter().for_each(|(_, waker)| waker.wake());
    }
}

impl<W: Waits> Drop for Backlog<W> {
    fn drop(&mut self) {
        self.make_room(usize::MAX);
    }
}

/// All streams' backlogs, and the emitters that wait for room.
#[derive(Debug)]
pub struct Bounded<W: Waits> {
    backlogs: Mutex<Vec<Weak<Backlog<W>>>>,
    waiting: Waiting,
}

impl<W: Waits> Default for Bounded<W> {
    fn default() -> Self {
        Bounded { backlogs: Mutex::default(), waiting: Arc::default() }
    }
}

fn address(job: &Job) -> usize {
    Arc::as_ptr(&job.channel) as usize
}

impl<W: Waits> Design for Bounded<W> {
    async fn emit(bench: &Workbench<Self>, job: &Job, event: &str) -> Result<(), Refused> {
        std::future::poll_fn(|cx| {
            let there: Vec<Arc<Backlog<W>>> = lock(&bench.own.backlogs).iter().filter_map(Weak::upgrade).collect();
            let concerned = there.iter().filter(|backlog| W::concern(address(job), backlog.job));
            if concerned.into_iter().any(|backlog| backlog.unread.load(Ordering::Acquire) >= bench.retain) {
                lock(&bench.own.waiting).push((address(job), cx.waker().clone()));
                return Poll::Pending;
            }
            let own = there.iter().filter(|backlog| backlog.job == address(job));
            Poll::Ready(job.channel.push(event).map(|()| {
                own.for_each(|backlog| _ = backlog.unread.fetch_add(1, Ordering::AcqRel));
            }))
        })
        .await
    }

    async fn subscribe(bench: &Workbench<Self>, job: &Job, since: Since<'_>) -> Result<Stream<Self>, Refused> {
        let reader = job.channel.reader(since)?;
        let unread = {
            let state = lock(&reader.channel.state);
            (state.evicted + state.events.len() as u64).saturating_sub(reader.position.max(state.evicted))
        };
        let unread = AtomicUsize::new(unread as usize);
        let waiting = Arc::clone(&bench.own.waiting);
        let backlog = Arc::new(Backlog::<W> { job: address(job), unread, waiting, waits: PhantomData });
        lock(&bench.own.backlogs).push(Arc::downgrade(&backlog));
        Ok(Stream { kept: Some(backlog), ..bench.stream(reader) })
    }

    async fn next(stream: &mut Stream<Self>) -> Delivery {
        let delivery = stream.in_turn().await;
        let backlog = stream.kept.as_deref().and_then(|kept| kept.downcast_ref::<Backlog<W>>());
        if let (Delivery::Event(_), Some(backlog)) = (&delivery, backlog) {
            backlog.make_room(1);
        }
        delivery
    }
}

/// The router.
pub type BoundedQueue = Workbench<Bounded<OwnReaders>>;
