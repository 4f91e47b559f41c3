//! What one connection and the requests on it tell each other.

use super::state::{Record, StreamSlot};
use axum::body::{Body, Bytes};
use axum::response::Response;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use tokio::sync::{Notify, OwnedSemaphorePermit};

/// One connection, as those see it who serve the requests on it, and as its socket does. Cheap to clone.
#[derive(Clone)]
pub(super) struct Line(Arc<Shared>);

struct Shared {
    facts: Mutex<Facts>,
    given_up: Notify,
}

struct Facts {
    /// Its place among those that carry no stream.
    place: Option<OwnedSemaphorePermit>,
    /// The place of the stream that it carries among those of its job. It is kept for as long as there is a socket: a
    /// stream that is over and not hung up on is one still.
    _slot: Option<StreamSlot>,
    /// The job whose end was handed to it.
    ended: Option<Arc<Record>>,
    voice: Voice,
    /// It is the peer's turn: a request, or the body of one, is awaited.
    awaits: bool,
    /// The body of the last request is not read to its end.
    is_spoken_to: bool,
}

/// A connection, as whoever accepted it remembers it.
pub(super) struct Accepted(Weak<Shared>);

impl Accepted {
    /// Whether there still is such a connection, and it has a place.
    pub(super) fn has_place(&self) -> bool {
        self.0.upgrade().is_some_and(|shared| Line(shared).facts().place.is_some())
    }

    /// Has the connection give up its place at once, and end, if it is its peer that is awaited.
    pub(super) fn give_up_if_awaited(&self) -> bool {
        let Some(line) = self.0.upgrade().map(Line) else { return false };
        let place = {
            let mut facts = line.facts();
            if facts.awaits { facts.place.take() } else { None }
        };
        let given_up = place.is_some();
        drop(place);
        if given_up {
            line.0.given_up.notify_one();
        }
        given_up
    }
}

/// As long as this lives, the peer's body is awaited.
pub(super) struct Awaited<'l>(&'l Line);

impl Drop for Awaited<'_> {
    fn drop(&mut self) {
        self.0.facts().awaits = false;
    }
}

/// Whose words are being written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Voice {
    /// Nobody's: every answer of ours is written out. Whatever is written all the same, the HTTP layer says by itself.
    Nobody,
    /// An answer of ours is being made, or said.
    Ours,
    /// All of an answer of ours was handed to the HTTP layer, which may not have written it yet.
    HandedOver,
}

impl Line {
    pub(super) fn new(place: OwnedSemaphorePermit) -> Line {
        let (place, voice) = (Some(place), Voice::Nobody);
        let facts = Facts { place, _slot: None, ended: None, voice, awaits: true, is_spoken_to: false };
        Line(Arc::new(Shared { facts: Mutex::new(facts), given_up: Notify::new() }))
    }

    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.0.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What whoever accepts connections keeps of it.
    pub(super) fn accepted(&self) -> Accepted {
        Accepted(Arc::downgrade(&self.0))
    }

    /// Waits until its place is taken from it: others are waiting, and its peer is silent.
    pub(super) async fn given_up(&self) {
        self.0.given_up.notified().await;
    }

    /// Gives the place back: from now on the connection carries a stream, and ends with it.
    pub(super) fn carries_stream(&self, slot: Option<StreamSlot>) {
        let (place, before) = {
            let mut facts = self.facts();
            (facts.place.take(), std::mem::replace(&mut facts._slot, slot))
        };
        drop((place, before));
    }

    /// The body of a request is awaited.
    pub(super) fn awaits_body(&self) -> Awaited<'_> {
        self.facts().awaits = true;
        Awaited(self)
    }

    /// The body of a request has come, whole.
    pub(super) fn heard_out(&self) {
        self.facts().is_spoken_to = false;
    }

    /// Whether the peer may be in the middle of a body that nobody wants.
    pub(super) fn is_spoken_to(&self) -> bool {
        self.facts().is_spoken_to
    }

    /// The end of this job is on its way. If the reader hangs up in good order after it, the job is forgotten.
    pub(super) fn carries_end_of(&self, record: &Arc<Record>) {
        self.facts().ended = Some(Arc::clone(record));
    }

    pub(super) fn carries_end(&self) -> bool {
        self.facts().ended.is_some()
    }

    /// The job whose end was handed to it, once.
    pub(super) fn take_ended(&self) -> Option<Arc<Record>> {
        self.facts().ended.take()
    }

    /// A request has come, with a body or without, and will be answered.
    pub(super) fn asked(&self, has_body: bool) {
        let mut facts = self.facts();
        (facts.voice, facts.awaits, facts.is_spoken_to) = (Voice::Ours, false, has_body);
    }

    /// This is the answer. Until it is dropped, and then written, what is written is ours.
    pub(super) fn answers(&self, response: Response) -> Response {
        response.map(|body| Body::new(Answer { body, line: self.clone() }))
    }

    /// Everything that was to be written is written.
    pub(super) fn flushed(&self) {
        let mut facts = self.facts();
        if facts.voice == Voice::HandedOver {
            (facts.voice, facts.awaits) = (Voice::Nobody, true);
        }
    }

    /// Whether what is written now is no answer of ours.
    pub(super) fn is_unasked(&self) -> bool {
        self.facts().voice == Voice::Nobody
    }
}

/// The body of an answer, which tells its line when it was handed over.
struct Answer {
    body: Body,
    line: Line,
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.line.facts().voice = Voice::HandedOver;
    }
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
