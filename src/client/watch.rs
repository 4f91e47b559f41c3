//! One subscription, over as many connections as it takes.

use super::Settings;
use super::delivery::{Delivery, Update};
use super::error::{Error, Lost};
use super::transport::{Answer, Failure, open};
use crate::sink::sse::{Message, Parsed, Parser};
use hyper::body::{Buf, Bytes};
use hyper::header::HeaderValue;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep};

/// One subscription. Dropping it closes its connection.
///
/// After [`Delivery::Done`] and [`Delivery::Stopped`] poll once more, as a `while let` does: until the server has ended
/// the connection, or a second has passed, the watch then hears it out, and closes in good order. A watch that is dropped
/// before may reset the connection, which tells a server that its last word was not heard.
///
/// It lives in the task that polls it and starts none of its own: a watch that is not polled neither reads nor notices
/// that its connection is lost.
///
/// # Panics
/// When polled outside of a tokio runtime whose time and, for [`Tcp`](super::Tcp), I/O are enabled.
#[must_use = "a watch does nothing unless it is polled"]
pub struct Watch {
    settings: Arc<Settings>,
    state: State,
    /// The last id that came whole, as of the last connection that is not open any more.
    position: String,
    /// How long the server wants to be left alone.
    retry: Option<Duration>,
    /// Attempts since the last event.
    failures: u32,
}

enum State {
    /// Nothing was asked yet, or the wait is over.
    Due {
        again: bool,
    },
    Opening {
        opening: Pin<Box<dyn Future<Output = Result<Answer, Failure>> + Send>>,
        again: bool,
    },
    Open(Box<Open>),
    Waiting(Pin<Box<Sleep>>),
    /// The last delivery was yielded; what the server says to end the connection is read, for so long at most.
    Parting(Answer, Pin<Box<Sleep>>),
    Over,
}

/// How long a server may take to end the connection after its last word.
const PARTING: Duration = Duration::from_secs(1);

/// A stream that is being read.
struct Open {
    answer: Answer,
    parser: Parser,
    /// What has come and is not parsed yet.
    chunk: Bytes,
    idle: Pin<Box<Sleep>>,
    patience: Duration,
}

impl Open {
    /// What comes next.
    fn poll_parsed(&mut self, cx: &mut Context<'_>) -> Poll<Result<Parsed, Failure>> {
        loop {
            let mut rest = &self.chunk[..];
            let parsed = self.parser.read(&mut rest);
            let used = self.chunk.len() - rest.len();
            self.chunk.advance(used);
            match parsed {
                Ok(Some(parsed)) => return Poll::Ready(Ok(parsed)),
                Ok(None) => {}
                Err(too_long) => return Poll::Ready(Err(Error::TooLong(too_long).into())),
            }
            match self.answer.poll_chunk(cx) {
                Poll::Ready(Some(Ok(chunk))) => {
                    self.chunk = chunk;
                    self.idle.as_mut().reset(Instant::now() + self.patience);
                }
                Poll::Ready(Some(Err(failure))) => return Poll::Ready(Err(failure)),
                Poll::Ready(None) => return Poll::Ready(Err(Lost::Ended.into())),
                Poll::Pending => {
                    ready!(self.idle.as_mut().poll(cx));
                    return Poll::Ready(Err(Lost::Idle(self.patience).into()));
                }
            }
        }
    }
}

impl Watch {
    pub(super) fn new(settings: Arc<Settings>, position: String) -> Watch {
        Watch { settings, state: State::Due { again: false }, position, retry: None, failures: 0 }
    }

    /// What comes next; `Ready(None)` once the watch is over: after [`Delivery::Done`], [`Delivery::Stopped`] or an
    /// error.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Update, Error>>> {
        loop {
            match &mut self.state {
                State::Over => return Poll::Ready(None),
                State::Parting(answer, until) => {
                    if until.as_mut().poll(cx).is_ready() || !matches!(ready!(answer.poll_chunk(cx)), Some(Ok(_))) {
                        self.state = State::Over;
                    }
                }
                State::Waiting(sleep) => {
                    ready!(sleep.as_mut().poll(cx));
                    self.state = State::Due { again: true };
                }
                State::Due { again } => {
                    let opening = Box::pin(open(Arc::clone(&self.settings), self.position.clone()));
                    self.state = State::Opening { opening, again: *again };
                }
                State::Opening { opening, again } => {
                    let (opened, again) = (ready!(opening.as_mut().poll(cx)), *again);
                    match opened {
                        Ok(answer) => self.begin(answer),
                        Err(failure) => return Poll::Ready(Some(self.failed(failure))),
                    }
                    if again {
                        return Poll::Ready(Some(Ok(Update::Resumed { position: self.position().map(str::to_owned) })));
                    }
                }
                State::Open(open) => match ready!(open.poll_parsed(cx)) {
                    Ok(Parsed::Retry(retry)) => self.retry = Some(retry),
                    Ok(Parsed::Message(message)) => return Poll::Ready(Some(self.told(message))),
                    Err(failure) => return Poll::Ready(Some(self.failed(failure))),
                },
            }
        }
    }

    /// Waits for what comes next; `None` once the watch is over.
    ///
    /// # Errors
    /// [`Error`]: the watch is over, and another one would fare no better.
    ///
    /// # Cancel safety
    /// Dropped before it is ready, nothing is lost: attempts, waits and half-read events stay with the watch.
    pub async fn next(&mut self) -> Option<Result<Update, Error>> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// The last id that came whole: after it, [`Client::resume_after`](super::Client::resume_after) goes on where this
    /// watch stands. `None` if the server gave none.
    pub fn position(&self) -> Option<&str> {
        let position = match &self.state {
            State::Open(open) => open.parser.last_event_id(),
            _ => &self.position,
        };
        Some(position).filter(|position| !position.is_empty())
    }

    fn begin(&mut self, answer: Answer) {
        let patience = self.settings.timeouts.idle;
        let parser = Parser::new(self.settings.limits, &self.position);
        let idle = Box::pin(sleep(patience));
        self.state = State::Open(Box::new(Open { answer, parser, chunk: Bytes::new(), idle, patience }));
    }

    fn told(&mut self, message: Message) -> Result<Update, Error> {
        self.failures = 0;
        let delivery = Delivery::read(message);
        match &delivery {
            Ok(delivery) if !delivery.is_last() => {}
            Ok(_) => self.part(),
            Err(_) => _ = self.leave(State::Over),
        }
        delivery.map(Update::Delivery)
    }

    fn failed(&mut self, failure: Failure) -> Result<Update, Error> {
        let lost = match failure {
            Failure::Lost(lost) => lost,
            Failure::Final(error) => {
                self.leave(State::Over);
                return Err(error);
            }
        };
        let settings = Arc::clone(&self.settings);
        let after = settings.backoff.wait(self.failures, self.retry, (settings.draw)());
        self.failures = self.failures.saturating_add(1);
        if settings.backoff.is_spent(self.failures) {
            self.leave(State::Over);
            return Err(Error::GaveUp { attempts: self.failures, last: lost });
        }
        self.leave(State::Waiting(Box::pin(sleep(after))));
        Ok(Update::Reconnecting { after, lost })
    }

    /// Hears the server out. A connection that is closed with something unread is reset, by which a server takes its
    /// last word for unheard.
    fn part(&mut self) {
        if let Some(answer) = self.leave(State::Over) {
            self.state = State::Parting(answer, Box::pin(sleep(PARTING)));
        }
    }

    /// Gives the connection up, if there is one, and keeps what it has taught.
    fn leave(&mut self, next: State) -> Option<Answer> {
        let State::Open(open) = std::mem::replace(&mut self.state, next) else { return None };
        let position = open.parser.last_event_id();
        // An id that no header can hold cannot be resumed after, and saying that it was would be untrue.
        let sendable = HeaderValue::try_from(position).is_ok();
        self.position = if sendable { position.to_owned() } else { String::new() };
        Some(open.answer)
    }
}

impl futures_core::Stream for Watch {
    type Item = Result<Update, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Watch::poll_next(self.get_mut(), cx)
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Due { .. } => "due",
            State::Opening { .. } => "opening",
            State::Open(_) => "open",
            State::Waiting(_) => "waiting",
            State::Parting(..) => "parting",
            State::Over => "over",
        };
        f.debug_struct("Watch")
            .field("origin", &self.settings.url.origin)
            .field("state", &state)
            .finish_non_exhaustive()
    }
}
