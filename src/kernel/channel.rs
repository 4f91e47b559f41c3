//! One incarnation of one job: its log, its waiters and its end, behind one short lock.
//!
//! Every method is one critical section (two where a waker must be cloned in between), and each of the races that the
//! guarantees speak of is decided inside one:
//!
//! - *emit against close*: whichever takes the lock first; an event is accepted before the outcome is set, or refused.
//! - *emit against a reader that goes to sleep*: the reader looks once more and registers in one critical section, so
//!   an emit comes before (and is seen) or after (and takes the waker out).
//! - *lag against read*: how far the reader is behind and where it goes on are read together.

use super::Refused;
use super::log::{Batch, Fetch, Log, Retention};
use super::sync::Mutex;
use super::wake::{Ticket, Waiters, Woken};
use crate::narration::{self, JobId, Outcome};
use std::task::Waker;

/// One life of a job.
#[derive(Debug)]
pub(super) struct Channel {
    id: JobId,
    /// Which life: drawn by the embedder, equal for no two lives of a kernel.
    incarnation: u64,
    /// The largest event, in bytes.
    event_bytes: usize,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    log: Log,
    waiters: Waiters,
    /// Set once, by start.
    running: bool,
    /// Set once, by close. From then on nothing is accepted.
    outcome: Option<Outcome>,
    /// Open streams.
    streams: usize,
    /// Some stream has had the end and is on its way to have the registry let go: none is opened any more.
    drained: bool,
    /// The registry has let go of it: it answers as a job that never was.
    reclaimed: bool,
    /// Its place in the lingering list, once it has one.
    linger: Option<u64>,
}

/// What a stream gets.
#[derive(Debug)]
pub(super) enum Fetched {
    /// Events.
    Batch(Batch),
    /// The events before this position are gone.
    Behind(u64),
    /// Everything was delivered and nothing will follow. `linger` is handed out with the first end: the closed job's
    /// place in the lingering list, to be given up.
    End { outcome: Outcome, first: bool, linger: Option<u64> },
}

impl Channel {
    pub(super) fn new(id: JobId, incarnation: u64, retention: Retention, event_bytes: usize) -> Self {
        let state = State {
            log: Log::new(retention),
            waiters: Waiters::default(),
            running: false,
            outcome: None,
            streams: 0,
            drained: false,
            reclaimed: false,
            linger: None,
        };
        Channel { id, incarnation, event_bytes, state: Mutex::new(state) }
    }

    pub(super) fn id(&self) -> &JobId {
        &self.id
    }

    pub(super) fn incarnation(&self) -> u64 {
        self.incarnation
    }

    pub(super) fn outcome(&self) -> Option<Outcome> {
        self.state.lock().outcome
    }

    pub(super) fn state(&self) -> narration::State {
        self.state.lock().state()
    }

    /// Queued to running, for whoever comes first.
    pub(super) fn start(&self) -> Result<(), Refused> {
        let mut state = self.state.lock();
        match state.state() {
            narration::State::Queued => state.running = true,
            narration::State::Running => return Err(Refused::Running),
            narration::State::Over(outcome) => return Err(Refused::Closed(outcome)),
        }
        Ok(())
    }

    /// Accepts one event, or refuses it. Answers its position.
    pub(super) fn emit(&self, frame: &[u8]) -> Result<u64, Refused> {
        if frame.len() > self.event_bytes {
            return Err(Refused::TooLarge { limit: self.event_bytes });
        }
        let (position, woken) = {
            let mut state = self.state.lock();
            if let Some(outcome) = state.outcome {
                return Err(Refused::Closed(outcome));
            }
            let position = state.log.push(frame);
            (position, state.waiters.take())
        };
        woken.wake();
        Ok(position)
    }

    /// Ends the life. Whoever comes first decides the outcome, and has the waiters to wake, and whether anybody has a
    /// stream; the others get the outcome as an error.
    pub(super) fn seal(&self, outcome: Outcome) -> Result<(Woken, bool), Outcome> {
        let is_read;
        let woken = {
            let mut state = self.state.lock();
            if let Some(decided) = state.outcome {
                return Err(decided);
            }
            is_read = state.streams > 0;
            state.outcome = Some(outcome);
            state.waiters.take()
        };
        Ok((woken, is_read))
    }

    /// Opens a stream: `start` says from which position, given the one that the next event takes.
    pub(super) fn open(&self, start: impl FnOnce(u64) -> Result<u64, Refused>) -> Result<u64, Refused> {
        let mut state = self.state.lock();
        if state.reclaimed || state.drained {
            return Err(Refused::Unknown);
        }
        let position = start(state.log.next())?;
        state.streams += 1;
        Ok(position)
    }

    /// What a stream that stands at `position` gets, if there is anything.
    pub(super) fn fetch(&self, position: u64) -> Option<Fetched> {
        self.state.lock().fetch(position)
    }

    /// The same, or registers the waker. Answers also whatever waker is no longer needed: dropping it is the caller's.
    pub(super) fn fetch_or_wait(
        &self,
        position: u64,
        ticket: &mut Option<Ticket>,
        waker: Waker,
    ) -> (Option<Fetched>, Option<Waker>) {
        let mut state = self.state.lock();
        if let Some(fetched) = state.fetch(position) {
            return (Some(fetched), Some(waker));
        }
        let (registered, replaced) = state.waiters.register(*ticket, waker);
        *ticket = Some(registered);
        (None, replaced)
    }

    /// Closes a stream.
    pub(super) fn leave(&self, ticket: Option<Ticket>) {
        let _outside = {
            let mut state = self.state.lock();
            state.streams -= 1;
            let waker = ticket.and_then(|ticket| state.waiters.withdraw(ticket));
            (waker, state.surplus())
        };
    }

    /// Notes the place in the lingering list. `false` if a stream has had the end meanwhile and no place is needed.
    pub(super) fn linger(&self, place: u64) -> bool {
        let mut state = self.state.lock();
        if !state.drained {
            state.linger = Some(place);
        }
        !state.drained
    }

    /// The registry lets go: no stream can be opened any more, and the history goes with the last one that is open.
    pub(super) fn reclaim(&self) {
        let _outside = {
            let mut state = self.state.lock();
            state.reclaimed = true;
            state.surplus()
        };
    }
}

impl State {
    fn state(&self) -> narration::State {
        match self.outcome {
            Some(outcome) => narration::State::Over(outcome),
            None if self.running => narration::State::Running,
            None => narration::State::Queued,
        }
    }

    fn fetch(&mut self, position: u64) -> Option<Fetched> {
        match self.log.fetch(position) {
            Fetch::Batch(batch) => Some(Fetched::Batch(batch)),
            Fetch::Behind(first) => Some(Fetched::Behind(first)),
            Fetch::Level => self.outcome.map(|outcome| {
                let first = !std::mem::replace(&mut self.drained, true);
                Fetched::End { outcome, first, linger: self.linger.take() }
            }),
        }
    }

    /// The history, if nobody can ask for it any more; to be dropped outside the lock.
    fn surplus(&mut self) -> Option<Log> {
        (self.reclaimed && self.streams == 0).then(|| self.log.take())
    }
}
