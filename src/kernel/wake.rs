//! Who waits for a job: registered wakers. Plain data, no locks.
//!
//! A waker is caller's code: cloning, waking and dropping one may run anything. So wakers enter and leave this list by
//! move, under the channel's lock, and everything else happens outside it.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::task::Waker;

/// The waiters of one channel.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    /// Rises when everybody is taken out to be woken, so that older tickets are void.
    round: u64,
    slots: Vec<Option<Waker>>,
    free: Vec<usize>,
}

/// A registration: which slot, in which round.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ticket {
    round: u64,
    slot: usize,
}

impl Waiters {
    /// Registers a waker, in the place of the ticket's earlier one if that is still waiting. Answers the new ticket
    /// and the waker that was replaced, to be dropped outside the lock.
    pub(super) fn register(&mut self, ticket: Option<Ticket>, waker: Waker) -> (Ticket, Option<Waker>) {
        if let Some(ticket) = ticket
            && ticket.round == self.round
        {
            return (ticket, self.slots[ticket.slot].replace(waker));
        }
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot] = Some(waker);
                slot
            }
            None => {
                self.slots.push(Some(waker));
                self.slots.len() - 1
            }
        };
        (Ticket { round: self.round, slot }, None)
    }

    /// Withdraws a registration, if it is still waiting.
    pub(super) fn withdraw(&mut self, ticket: Ticket) -> Option<Waker> {
        if ticket.round != self.round {
            return None;
        }
        let waker = self.slots[ticket.slot].take();
        if waker.is_some() {
            self.free.push(ticket.slot);
        }
        waker
    }

    /// Takes everybody out, to be woken once the lock is released.
    #[must_use = "whoever is taken out here waits for ever unless woken"]
    pub(super) fn take(&mut self) -> Woken {
        self.round += 1;
        self.free.clear();
        Woken(std::mem::take(&mut self.slots))
    }
}

/// Wakers on their way out. However this goes, all of them are woken.
#[derive(Debug)]
pub(super) struct Woken(Vec<Option<Waker>>);

impl Woken {
    /// Wakes everybody. Call it with no lock held. The first panic of a waker goes on once all are woken, unless this
    /// thread unwinds already: two at a time would end the process, and with it everybody's jobs.
    pub(super) fn wake(mut self) {
        if let Some(panic) = self.wake_all().filter(|_| !std::thread::panicking()) {
            resume_unwind(panic);
        }
    }

    fn wake_all(&mut self) -> Option<Box<dyn Any + Send>> {
        let woken = self.0.drain(..).flatten().map(|waker| catch_unwind(AssertUnwindSafe(|| waker.wake())));
        woken.fold(None, |first, woken| first.or(woken.err()))
    }
}

impl Drop for Woken {
    fn drop(&mut self) {
        // Anything is left only while something else unwinds, and one panic is enough.
        let _the_other_goes_on = self.wake_all();
    }
}
