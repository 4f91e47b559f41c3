//! What callers hold. Each right is for one incarnation of one job and for one kind of deed.
//!
//! | right | may | comes from |
//! |---|---|---|
//! | [`Owner`] | close; hand out the others | [`Kernel::create`](super::Kernel::create), once |
//! | [`Emitter`] | emit | the owner |
//! | [`Reader`] | open streams | the owner |
//! | [`Stream`] | be read | a reader |
//! | [`Access`] | all of it | [`Kernel::find`](super::Kernel::find), by name: a door that its embedder must guard |
//!
//! A right to an old life stays one: it is refused, or reads what is left, and never touches the next life of the name.

use super::Refused;
use super::channel::{Channel, Fetched};
use super::log::{Batch, Frame};
use super::registry::Core;
use super::sync::Arc;
use super::wake::Ticket;
use crate::narration::{JobId, Outcome, State};
use std::future::poll_fn;
use std::task::{Context, Poll};

/// Where an event stands: which incarnation, and how many events that had accepted before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Position {
    /// The incarnation's number.
    pub incarnation: u64,
    /// The event's place in its order, from 0.
    pub sequence: u64,
}

/// Where a stream starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// With the next event that is accepted.
    Now,
    /// With the first event of the job; what is no longer retained comes as one lag marker.
    Start,
    /// After this event.
    After(Position),
}

/// What a stream delivers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// An event.
    Event(Frame),
    /// Exactly so many events were evicted before this stream came to them. The stream goes on with the oldest
    /// retained one.
    Lagged(u64),
    /// The job is over, and everything was delivered. Nothing follows.
    End(Outcome),
}

/// What a stream delivers, many events at once.
#[derive(Debug, Clone)]
pub enum Arrival {
    /// Events, in order; walking them takes no lock. It pins up to one chunk of the job's history while it is held.
    Batch(Batch),
    /// As [`Delivery::Lagged`].
    Lagged(u64),
    /// As [`Delivery::End`].
    End(Outcome),
}

/// A channel, and the registry that it is given back to.
#[derive(Debug, Clone)]
struct Hold {
    channel: Arc<Channel>,
    core: Arc<Core>,
}

impl Hold {
    fn emit(&self, frame: &[u8]) -> Result<Position, Refused> {
        let sequence = self.channel.emit(frame).map_err(|refused| self.core.refuse(refused))?;
        Ok(Position { incarnation: self.channel.incarnation(), sequence })
    }

    fn subscribe(&self, since: Since) -> Result<Stream, Refused> {
        let incarnation = self.channel.incarnation();
        let start = |next| match since {
            Since::Now => Ok(next),
            Since::Start => Ok(0),
            Since::After(at) if at.incarnation == incarnation && at.sequence < next => Ok(at.sequence + 1),
            Since::After(_) => Err(Refused::ForeignPosition),
        };
        let next = self.channel.open(start).map_err(|refused| self.core.refuse(refused))?;
        Ok(Stream { hold: self.clone(), next, ticket: None, batch: None, over: false })
    }

    fn close(&self, outcome: Outcome) -> Result<(), Refused> {
        self.core.close(&self.channel, outcome)
    }
}

macro_rules! common {
    ($right:ident) => {
        impl $right {
            pub(super) fn new(channel: Arc<Channel>, core: Arc<Core>) -> Self {
                $right { hold: Hold { channel, core } }
            }

            /// The right to emit.
            pub fn emitter(&self) -> Emitter {
                Emitter { hold: self.hold.clone() }
            }

            /// The right to read.
            pub fn reader(&self) -> Reader {
                Reader { hold: self.hold.clone() }
            }

            /// Ends the job: nothing is accepted any more, and every stream delivers what it is owed and then this
            /// outcome.
            ///
            /// # Errors
            /// [`Refused::Closed`] with the outcome that was decided before.
            pub fn close(&self, outcome: Outcome) -> Result<(), Refused> {
                self.hold.close(outcome)
            }

            /// Says that somebody works on the job now: queued becomes running, for whoever comes first.
            ///
            /// # Errors
            /// [`Refused::Running`]; [`Refused::Closed`] with the outcome that was decided before.
            pub fn start(&self) -> Result<(), Refused> {
                self.hold.channel.start().map_err(|refused| self.hold.core.refuse(refused))
            }

            /// Where the job stands.
            pub fn state(&self) -> State {
                self.hold.channel.state()
            }

            /// How the job ended; `None` while it is open.
            pub fn outcome(&self) -> Option<Outcome> {
                self.hold.channel.outcome()
            }

            /// The job's name.
            pub fn id(&self) -> &JobId {
                self.hold.channel.id()
            }
        }
    };
}

/// The right to a job that comes with creating it. Dropped without a [`close`](Owner::close), the job is
/// [`Abandoned`](Outcome::Abandoned): its streams end and say so.
#[derive(Debug)]
#[must_use = "dropping the owner abandons the job"]
pub struct Owner {
    hold: Hold,
}

common!(Owner);

impl Drop for Owner {
    fn drop(&mut self) {
        if self.outcome().is_none() {
            // Somebody with access by name may close it in between; then the outcome is theirs.
            let _decided = self.hold.close(Outcome::Abandoned);
        }
    }
}

/// What one gets who knows a name. Dropping it changes nothing.
#[derive(Debug, Clone)]
pub struct Access {
    hold: Hold,
}

common!(Access);

/// The right to emit to one incarnation of one job.
#[derive(Debug, Clone)]
pub struct Emitter {
    hold: Hold,
}

impl Emitter {
    /// Emits one encoded event. Never waits for a reader; costs one short lock of this job.
    ///
    /// # Errors
    /// [`Refused::Closed`] or [`Refused::TooLarge`]; then the event was delivered nowhere, and the refusal was counted.
    pub fn emit(&self, frame: &[u8]) -> Result<Position, Refused> {
        self.hold.emit(frame)
    }

    /// The job's name.
    pub fn id(&self) -> &JobId {
        self.hold.channel.id()
    }
}

/// The right to read one incarnation of one job.
#[derive(Debug, Clone)]
pub struct Reader {
    hold: Hold,
}

impl Reader {
    /// Opens a stream. Also of a closed job, as long as it lingers: it then delivers what is retained, and the end.
    ///
    /// # Errors
    /// [`Refused::ForeignPosition`]; [`Refused::Unknown`] once the job was reclaimed.
    pub fn subscribe(&self, since: Since) -> Result<Stream, Refused> {
        self.hold.subscribe(since)
    }

    /// The job's name.
    pub fn id(&self) -> &JobId {
        self.hold.channel.id()
    }
}

/// One subscription.
#[derive(Debug)]
pub struct Stream {
    hold: Hold,
    /// The position of the next event that it has not fetched.
    next: u64,
    ticket: Option<Ticket>,
    /// Fetched, not yet delivered.
    batch: Option<Batch>,
    over: bool,
}

impl Stream {
    /// What comes next; `Ready(None)` after the end. Registers the waker only if there is nothing.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Delivery>> {
        self.one_by_one(|stream| stream.poll_arrival(cx))
    }

    /// The same, but never registers anything: pending if there is nothing now.
    pub fn try_next(&mut self) -> Poll<Option<Delivery>> {
        self.one_by_one(Stream::try_arrival)
    }

    /// What comes next, many events at once. Events that [`poll_next`](Stream::poll_next) has fetched and not yet
    /// delivered come first.
    pub fn poll_arrival(&mut self, cx: &mut Context<'_>) -> Poll<Option<Arrival>> {
        if let Poll::Ready(arrival) = self.try_arrival() {
            return Poll::Ready(arrival);
        }
        // Nothing yet. Cloning a waker is caller's code and is done with no lock held; so look again while
        // registering it.
        let (fetched, unneeded) = self.hold.channel.fetch_or_wait(self.next, &mut self.ticket, cx.waker().clone());
        drop(unneeded);
        let Some(fetched) = fetched else { return Poll::Pending };
        Poll::Ready(Some(self.arrive(fetched)))
    }

    /// The same, but never registers anything: pending if there is nothing now.
    pub fn try_arrival(&mut self) -> Poll<Option<Arrival>> {
        if let Some(batch) = self.batch.take().filter(|batch| batch.len() > 0) {
            return Poll::Ready(Some(Arrival::Batch(batch)));
        }
        if self.over {
            return Poll::Ready(None);
        }
        let Some(fetched) = self.hold.channel.fetch(self.next) else { return Poll::Pending };
        Poll::Ready(Some(self.arrive(fetched)))
    }

    /// The last position that it delivered or counted as lagged: whoever resumes after it gets what this stream
    /// delivers next. `None` if that is the job's first event.
    pub fn position(&self) -> Option<Position> {
        let fetched = self.batch.as_ref().map_or(0, |batch| batch.len() as u64);
        let sequence = (self.next - fetched).checked_sub(1)?;
        Some(Position { incarnation: self.incarnation(), sequence })
    }

    /// The number of the incarnation that it reads.
    pub fn incarnation(&self) -> u64 {
        self.hold.channel.incarnation()
    }

    /// Waits for what comes next; `None` after the end.
    ///
    /// # Cancel safety
    /// Dropped before it is ready, nothing is lost: a delivery is taken and answered in one poll.
    pub async fn next(&mut self) -> Option<Delivery> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Delivers what it has fetched, event by event, and fetches more when that is used up.
    fn one_by_one(&mut self, mut fetch: impl FnMut(&mut Stream) -> Poll<Option<Arrival>>) -> Poll<Option<Delivery>> {
        loop {
            if let Some(frame) = self.batch.as_mut().and_then(Iterator::next) {
                return Poll::Ready(Some(Delivery::Event(frame)));
            }
            match std::task::ready!(fetch(self)) {
                Some(Arrival::Batch(batch)) => self.batch = Some(batch),
                Some(Arrival::Lagged(n)) => return Poll::Ready(Some(Delivery::Lagged(n))),
                Some(Arrival::End(outcome)) => return Poll::Ready(Some(Delivery::End(outcome))),
                None => return Poll::Ready(None),
            }
        }
    }

    fn arrive(&mut self, fetched: Fetched) -> Arrival {
        match fetched {
            Fetched::Batch(batch) => {
                self.next = batch.next_position();
                Arrival::Batch(batch)
            }
            Fetched::Behind(first) => {
                let lagged = first - self.next;
                self.next = first;
                Arrival::Lagged(lagged)
            }
            Fetched::End { outcome, first, linger } => {
                self.over = true;
                if first {
                    self.hold.core.drained(&self.hold.channel, linger);
                }
                Arrival::End(outcome)
            }
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.hold.channel.leave(self.ticket);
    }
}
