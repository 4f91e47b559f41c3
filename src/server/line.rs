//! What one connection and the requests on it tell each other.

use super::state::Record;
use axum::body::{Body, Bytes};
use axum::response::Response;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use tokio::sync::OwnedSemaphorePermit;

/// One connection, as those see it who serve the requests on it, and as its socket does. Cheap to clone.
#[derive(Clone)]
pub(super) struct Line(Arc<Mutex<Facts>>);

struct Facts {
    /// Its place among those that carry no stream.
    place: Option<OwnedSemaphorePermit>,
    /// The job whose end was handed to it.
    ended: Option<Arc<Record>>,
    voice: Voice,
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
        Line(Arc::new(Mutex::new(Facts { place: Some(place), ended: None, voice: Voice::Nobody })))
    }

    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the place back: from now on the connection carries a stream, and ends with it.
    pub(super) fn release(&self) {
        let place = self.facts().place.take();
        drop(place);
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

    /// A request has come, and will be answered.
    pub(super) fn asked(&self) {
        self.facts().voice = Voice::Ours;
    }

    /// This is the answer. Until it is dropped, and then written, what is written is ours.
    pub(super) fn answers(&self, response: Response) -> Response {
        response.map(|body| Body::new(Answer { body, line: self.clone() }))
    }

    /// Everything that was to be written is written.
    pub(super) fn flushed(&self) {
        let mut facts = self.facts();
        if facts.voice == Voice::HandedOver {
            facts.voice = Voice::Nobody;
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
