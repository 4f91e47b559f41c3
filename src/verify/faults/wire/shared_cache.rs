//! Leaky: whoever asks for a URL that somebody else is reading joins his stream.
//!
//! Written by whoever collapses requests: the origin is asked once, and all who ask for the same URL within some
//! seconds get what the first one was sent so far, and what follows. The key is the URL. Who asks is not in it.
//!
//! Expected: G12, since the second asker's credential is never looked at.

use super::gateway::{Asked, Deed, Gate, lock};
use super::stream::{Then, chunks, is_stream, pumped};
use crate::verify::faults::about::{About, Kind};
use crate::verify::guarantee::Guarantee;
use axum::body::Bytes;
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::Response;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// The exhibit.
pub(super) const ABOUT: About = About {
    id: "shared-cache",
    kind: Kind::Leaky,
    defect: "a stream's URL asked for a second time within seconds is answered with the first asker's stream, \
             whoever asks",
    incident: "sse-starlette#34 (a CDN joins one origin stream for many clients), mdn/content#12085; leak catalogue \
             C47",
    expected: &[Guarantee::G12],
    methods: &["wire"],
};

/// For how long an answer is kept, once its stream is over.
const KEPT: Duration = Duration::from_secs(5);

/// One stream of the origin.
#[derive(Debug)]
struct Copy {
    headers: HeaderMap,
    /// What was sent so far.
    sent: Vec<u8>,
    /// Who has joined it.
    joined: Vec<mpsc::UnboundedSender<Bytes>>,
    /// When it was over.
    over: Option<Instant>,
}

/// The streams, by their URLs.
#[derive(Debug, Default)]
pub(super) struct SharedCache {
    copies: Mutex<BTreeMap<String, Arc<Mutex<Copy>>>>,
}

/// The origin's stream is over when its body is dropped, whoever dropped it.
struct Origin(Arc<Mutex<Copy>>);

impl Drop for Origin {
    fn drop(&mut self) {
        let mut copy = lock(&self.0);
        copy.over = Some(Instant::now());
        copy.joined.clear();
    }
}

impl SharedCache {
    fn fresh(&self, url: &str) -> Option<Arc<Mutex<Copy>>> {
        let copy = lock(&self.copies).get(url).cloned()?;
        let stale = lock(&copy).over.is_some_and(|over| over.elapsed() > KEPT);
        (!stale).then_some(copy)
    }
}

/// What the first one was sent so far, and what follows for as long as he reads.
fn joined(copy: &Mutex<Copy>) -> Response {
    let (join, mut follows) = mpsc::unbounded_channel();
    let mut copy = lock(copy);
    let _the_receiver_is_here = join.send(Bytes::from(copy.sent.clone()));
    if copy.over.is_none() {
        copy.joined.push(join);
    }
    let headers = copy.headers.clone();
    let mut response = Response::new(pumped(|out| async move {
        while let Some(chunk) = follows.recv().await {
            if out.send(chunk).await.is_err() {
                return;
            }
        }
    }));
    *response.headers_mut() = headers;
    response
}

impl Gate for SharedCache {
    async fn pass(self: Arc<Self>, request: Request, next: Next) -> Response {
        if Asked::of(&request).deed != Deed::Watch || request.headers().contains_key("last-event-id") {
            return next.run(request).await;
        }
        let url = request.uri().to_string();
        // THE DEFECT: the key is the URL alone.
        if let Some(copy) = self.fresh(&url) {
            return joined(&copy);
        }
        let response = next.run(request).await;
        if !is_stream(&response) {
            return response;
        }
        let headers = response.headers().clone();
        let copy = Arc::new(Mutex::new(Copy { headers, sent: Vec::new(), joined: Vec::new(), over: None }));
        lock(&self.copies).insert(url, Arc::clone(&copy));
        let origin = Origin(copy);
        chunks(response, move |chunk, out| {
            let mut copy = lock(&origin.0);
            copy.sent.extend_from_slice(&chunk);
            copy.joined.retain(|reader| reader.send(chunk.clone()).is_ok());
            out.push_back(chunk);
            Then::On
        })
    }
}
