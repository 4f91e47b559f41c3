//! One subscription, and what it delivers.

use super::{Position, park};
use crate::compiled::native::kernel::{self, Frame};
use crate::narration::{Event, Malformed, Outcome};
use bytes::Bytes;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

/// What a stream delivers.
///
/// ```
/// # use narrowcast::{narration::{Actor, Outcome}, router::{Delivery, Router, Since}};
/// # let router = Router::builder().retain(1).build();
/// # let job = router.create();
/// # let mut stream = job.reader().subscribe(Since::Start)?;
/// # job.emitter().narrate(Actor::new("queen"), "load").emit()?;
/// # job.emitter().narrate(Actor::new("queen"), "ready").emit()?;
/// # job.close(Outcome::Completed)?;
/// # let mut shown = Vec::new();
/// while let Some(delivery) = stream.next_blocking() {
///     shown.push(match delivery {
///         Delivery::Event(event) => event.decode().expect("a router delivers events").to_string(),
///         Delivery::Lagged(lost) => format!("({lost} events were lost)"),
///         Delivery::End(outcome) => format!("({outcome})"),
///     });
/// }
/// assert_eq!(shown, ["(1 events were lost)", "[queen     ] ready          : ", "(completed)"]);
/// # Ok::<(), narrowcast::router::Refused>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// An event.
    Event(Delivered),
    /// Exactly so many events were evicted before this stream came to them.
    Lagged(u64),
    /// The job is over, and everything was delivered.
    End(Outcome),
}

/// What a stream delivers, many events at once ([`Stream::next_batch`]).
#[derive(Debug, Clone)]
pub enum Arrival {
    /// Events, at least one, in their order.
    Batch(Batch),
    /// As [`Delivery::Lagged`].
    Lagged(u64),
    /// As [`Delivery::End`].
    End(Outcome),
}

/// Consecutive events of one job, taken with one lock. Walking them takes none.
///
/// While it is held, it pins up to one chunk (16 KiB, or one larger event) of the job's history.
#[derive(Debug, Clone)]
#[must_use = "its events are delivered with it, and to nobody again through this stream"]
pub struct Batch {
    frames: kernel::Batch,
    incarnation: u64,
}

impl Iterator for Batch {
    type Item = Delivered;

    fn next(&mut self) -> Option<Delivered> {
        let frame = self.frames.next()?;
        Some(Delivered { frame, incarnation: self.incarnation })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.frames.size_hint()
    }
}

impl ExactSizeIterator for Batch {}

/// A delivered event: a cheap handle on its bytes as they were emitted.
///
/// ```
/// # use narrowcast::{narration::Actor, router::{Delivery, Router, Since}};
/// # let router = Router::builder().build();
/// # let job = router.create();
/// let accepted = job.emitter().narrate(Actor::new("queen"), "load").human("Loading").emit()?;
/// let mut stream = job.reader().subscribe(Since::Start)?;
/// let Some(Delivery::Event(event)) = stream.next_blocking() else { panic!("the event comes first") };
/// assert_eq!(event.position(), accepted);
/// assert!(event.bytes().starts_with(br#"{"actor":"queen""#));
/// assert_eq!(event.decode().unwrap().human, "Loading");
/// # Ok::<(), narrowcast::router::Refused>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    frame: Frame,
    incarnation: u64,
}

impl Delivered {
    /// The event's wire form: one line of JSON.
    pub fn bytes(&self) -> &Bytes {
        &self.frame.bytes
    }

    /// Its place in the job's order, from 0.
    pub fn sequence(&self) -> u64 {
        self.frame.position
    }

    /// Where it stands: [`Since::After`](super::Since::After) it, a stream delivers what follows.
    pub fn position(&self) -> Position {
        Position { incarnation: self.incarnation, sequence: self.frame.position }
    }

    /// The event, read from its bytes.
    ///
    /// # Errors
    /// [`Malformed`] if they are none, which a router of this version never delivers.
    pub fn decode(&self) -> Result<Event, Malformed> {
        Event::decode(&self.frame.bytes)
    }
}

/// Why [`Stream::try_next`] has nothing to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "idle and over call for different deeds"]
pub enum TryNextError {
    /// Nothing now. The job is open, and more may come: idle is no end.
    Idle,
    /// The end was delivered; nothing will ever come.
    Over,
}

impl fmt::Display for TryNextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryNextError::Idle => "nothing has come yet; ask again, or wait with `next`",
            TryNextError::Over => "the stream is over; stop reading it",
        })
    }
}

impl std::error::Error for TryNextError {}

/// One subscription. Dropping it unsubscribes, which ends nothing for anybody else.
///
/// | to wait | one by one | many at once |
/// |---|---|---|
/// | in a task | [`next`](Stream::next), or as a `futures_core::Stream` | [`next_batch`](Stream::next_batch) |
/// | with a thread | [`next_blocking`](Stream::next_blocking) | |
/// | not at all | [`try_next`](Stream::try_next) | |
/// | in a future of one's own | [`poll_next`](Stream::poll_next) | [`poll_arrival`](Stream::poll_arrival) |
///
/// They may be mixed: each goes on where the one before stopped. To read many streams with one task, see
/// [`Group`](super::Group).
///
/// ```
/// # use narrowcast::{narration::{Actor, Outcome}, router::{Delivery, Router, Since, TryNextError}};
/// # let router = Router::builder().build();
/// # let job = router.create();
/// let mut stream = job.reader().subscribe(Since::Now)?;
/// assert_eq!(stream.try_next(), Err(TryNextError::Idle));
/// job.emitter().narrate(Actor::new("queen"), "load").human("Loading").emit()?;
/// job.close(Outcome::Completed)?;
/// assert!(matches!(stream.next_blocking(), Some(Delivery::Event(event)) if event.sequence() == 0));
/// assert_eq!(stream.next_blocking(), Some(Delivery::End(Outcome::Completed)));
/// assert_eq!(stream.next_blocking(), None);
/// # Ok::<(), narrowcast::router::Refused>(())
/// ```
#[derive(Debug)]
#[must_use = "dropping a stream unsubscribes"]
pub struct Stream {
    stream: kernel::Stream,
}

impl Stream {
    pub(super) fn new(stream: kernel::Stream) -> Stream {
        Stream { stream }
    }

    /// What comes next, if there is anything; `Ready(None)` after the end. Registers the waker only if there is
    /// nothing.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Delivery>> {
        self.stream.poll_next(cx).map(|delivery| delivery.map(|delivery| self.delivered(delivery)))
    }

    /// The same, many events at once.
    pub fn poll_arrival(&mut self, cx: &mut Context<'_>) -> Poll<Option<Arrival>> {
        let arrival = std::task::ready!(self.stream.poll_arrival(cx));
        Poll::Ready(arrival.map(|arrival| match arrival {
            kernel::Arrival::Batch(frames) => Arrival::Batch(Batch { frames, incarnation: self.stream.incarnation() }),
            kernel::Arrival::Lagged(n) => Arrival::Lagged(n),
            kernel::Arrival::End(outcome) => Arrival::End(outcome),
        }))
    }

    /// Waits for what comes next; `None` after the end.
    ///
    /// # Cancel safety
    /// Dropped before it is ready, nothing is lost.
    pub async fn next(&mut self) -> Option<Delivery> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Waits for what comes next, and takes as many events as one lock gives; `None` after the end. For readers that
    /// keep up with bursts.
    ///
    /// ```
    /// # use narrowcast::{narration::Actor, router::{Arrival, Router, Since}};
    /// # let router = Router::builder().build();
    /// # let job = router.create();
    /// # let mut stream = job.reader().subscribe(Since::Start)?;
    /// # for _ in 0..3 { job.emitter().narrate(Actor::new("queen"), "load").emit()?; }
    /// # let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    /// # let next = std::pin::pin!(async {
    /// if let Some(Arrival::Batch(batch)) = stream.next_batch().await {
    ///     assert_eq!(batch.len(), 3);
    ///     for (sequence, event) in (0..).zip(batch) {
    ///         assert_eq!(event.sequence(), sequence);
    ///     }
    ///     # return true;
    /// }
    /// # false
    /// # });
    /// # assert_eq!(std::future::Future::poll(next, &mut cx), std::task::Poll::Ready(true));
    /// # Ok::<(), narrowcast::router::Refused>(())
    /// ```
    ///
    /// # Cancel safety
    /// Dropped before it is ready, nothing is lost.
    pub async fn next_batch(&mut self) -> Option<Arrival> {
        poll_fn(|cx| self.poll_arrival(cx)).await
    }

    /// What comes next, if it is there already. A waker that an earlier poll registered stays registered.
    ///
    /// # Errors
    /// [`TryNextError`]: nothing now, or nothing ever again.
    pub fn try_next(&mut self) -> Result<Delivery, TryNextError> {
        match self.stream.try_next() {
            Poll::Ready(Some(delivery)) => Ok(self.delivered(delivery)),
            Poll::Ready(None) => Err(TryNextError::Over),
            Poll::Pending => Err(TryNextError::Idle),
        }
    }

    /// Waits for what comes next with the whole thread; `None` after the end.
    ///
    /// For threads of one's own. Not for a thread of an async runtime: whatever else that thread has to run waits
    /// too, and if the emitter is among it, nothing ever comes. There, use [`next`](Stream::next).
    pub fn next_blocking(&mut self) -> Option<Delivery> {
        match self.try_next() {
            Ok(delivery) => Some(delivery),
            Err(TryNextError::Over) => None,
            Err(TryNextError::Idle) => park::wait(|cx| self.poll_next(cx)),
        }
    }

    /// The last position that was delivered or counted as lagged: a stream that is opened
    /// [`After`](super::Since::After) it delivers what this one would deliver next. `None` if that is the job's first
    /// event; then [`Start`](super::Since::Start) does the same.
    ///
    /// A [`Batch`] counts as delivered once it was handed out, whole.
    pub fn position(&self) -> Option<Position> {
        self.stream.position()
    }

    fn delivered(&self, delivery: kernel::Delivery) -> Delivery {
        match delivery {
            kernel::Delivery::Event(frame) => {
                Delivery::Event(Delivered { frame, incarnation: self.stream.incarnation() })
            }
            kernel::Delivery::Lagged(n) => Delivery::Lagged(n),
            kernel::Delivery::End(outcome) => Delivery::End(outcome),
        }
    }
}

impl futures_core::Stream for Stream {
    type Item = Delivery;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Delivery>> {
        Stream::poll_next(self.get_mut(), cx)
    }
}
