//! Where the deliveries of one stream come from: the router, or what a finished job has left.
//!
//! The router lets a job go once some stream was handed its end. On a wire that is too early: the reader may have died
//! with the end, and what came before it, still on the way. So the service holds a spare stream of each job, which
//! nobody reads; if the connection that had the end breaks instead of being closed by its reader, the job's last
//! retained events and its end are read from the spare one, for whoever comes back.

use crate::narration::Outcome;
use crate::router::{Arrival, Batch, Delivered, Delivery, Since, Stream};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

/// What a stream is given to say.
pub(super) enum Said {
    /// Events, as many as one look at the router gave.
    Batch(Batch),
    /// One event.
    Event(Delivered),
    /// So many were lost, the last of them at this position.
    Lagged(u64, Option<u64>),
    /// The job is over.
    End(Outcome),
}

/// Where it comes from.
pub(super) enum Source {
    /// The router.
    Live(Stream),
    /// A job that the router has let go.
    Left(Left),
}

impl Source {
    /// The position after which it goes on; `None` if nothing stands before what comes next.
    pub(super) fn position(&self) -> Option<u64> {
        match self {
            Source::Live(stream) => stream.position().map(|position| position.sequence),
            Source::Left(left) => left.next.checked_sub(1),
        }
    }

    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Said>> {
        match self {
            Source::Left(left) => Poll::Ready(left.next()),
            Source::Live(stream) => stream.poll_arrival(cx).map(|arrival| {
                Some(match arrival? {
                    Arrival::Batch(batch) => Said::Batch(batch),
                    Arrival::Lagged(lost) => Said::Lagged(lost, stream.position().map(|position| position.sequence)),
                    Arrival::End(outcome) => Said::End(outcome),
                })
            }),
        }
    }
}

/// The rest of a finished job, from some position on.
pub(super) struct Left {
    deliveries: VecDeque<Delivery>,
    /// The position that comes next.
    next: u64,
}

impl Left {
    fn next(&mut self) -> Option<Said> {
        Some(match self.deliveries.pop_front()? {
            Delivery::Event(event) => {
                self.next = event.sequence() + 1;
                Said::Event(event)
            }
            Delivery::Lagged(lost) => {
                self.next += lost;
                Said::Lagged(lost, Some(self.next - 1))
            }
            Delivery::End(outcome) => Said::End(outcome),
        })
    }
}

/// A stream that nobody reads unless it is needed.
pub(super) struct Spare(Mutex<State>);

enum State {
    Unread(Stream),
    /// All that it delivered. Cheap handles on what the job had retained.
    Read(Arc<[Delivery]>),
    Gone,
}

impl Spare {
    /// `stream` must begin at the job's start.
    pub(super) fn new(stream: Stream) -> Spare {
        Spare(Mutex::new(State::Unread(stream)))
    }

    /// What a finished job has left for a reader that starts there; `None` if it is not over, or forgotten.
    pub(super) fn left(&self, since: Since) -> Option<Left> {
        let all = self.read()?;
        let after = |delivery: &Delivery| match delivery {
            Delivery::Event(event) => Some(event.sequence() + 1),
            Delivery::Lagged(lost) => Some(*lost),
            Delivery::End(_) => None,
        };
        let next = match since {
            Since::Start => 0,
            Since::After(position) => position.sequence.saturating_add(1),
            Since::Now => all.iter().rev().find_map(after).unwrap_or(0),
        };
        let wanted = |delivery: &Delivery| match delivery {
            Delivery::Event(event) => event.sequence() >= next,
            // The spare stream was not read before the job was over: what it lost, it lost at its head.
            Delivery::Lagged(_) | Delivery::End(_) => true,
        };
        let deliveries =
            all.iter().filter(|delivery| wanted(delivery)).cloned().filter_map(|delivery| match delivery {
                Delivery::Lagged(lost) => lost.checked_sub(next).filter(|lost| *lost > 0).map(Delivery::Lagged),
                other => Some(other),
            });
        Some(Left { deliveries: deliveries.collect(), next })
    }

    /// How the job ended; `None` if it is not over, or forgotten.
    pub(super) fn outcome(&self) -> Option<Outcome> {
        match self.read()?.last()? {
            Delivery::End(outcome) => Some(*outcome),
            Delivery::Event(_) | Delivery::Lagged(_) => None,
        }
    }

    fn read(&self) -> Option<Arc<[Delivery]>> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let State::Unread(stream) = &mut *state {
            let all: Arc<[Delivery]> = std::iter::from_fn(|| stream.try_next().ok()).collect();
            if !matches!(all.last(), Some(Delivery::End(_))) {
                return None;
            }
            *state = State::Read(all);
        }
        match &*state {
            State::Read(all) => Some(Arc::clone(all)),
            State::Unread(_) | State::Gone => None,
        }
    }

    /// Lets go of what it holds.
    pub(super) fn drop_it(&self) {
        let held = std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), State::Gone);
        drop(held); // Outside the lock: it may be the last handle on a whole history.
    }
}
