//! Streams through a gateway: read chunk by chunk, cut into blocks, rewritten, or pumped by a task of their own.

use axum::body::{Body, BodyDataStream, Bytes};
use axum::http::header;
use axum::response::Response;
use futures_core::Stream;
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::sync::mpsc;

/// Whether a stream goes on after what was just said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// It does.
    On,
    /// The body ends here.
    End,
}

/// Whether an answer is a stream of events.
pub(super) fn is_stream(response: &Response) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("text/event-stream"))
}

// === blocks ===

/// Cuts the bytes of a stream, in whatever chunks they come, into blocks (with their blank line) and comments (lines
/// of their own).
#[derive(Debug, Default)]
pub(super) struct Splitter {
    come: Vec<u8>,
}

impl Splitter {
    /// Hands on every block that is whole by now, until `each` says that the stream ends.
    pub(super) fn split(&mut self, chunk: &[u8], mut each: impl FnMut(&str) -> Then) -> Then {
        self.come.extend_from_slice(chunk);
        while let Some(end) = self.end_of_first() {
            let block: Vec<u8> = self.come.drain(..end).collect();
            if each(&String::from_utf8_lossy(&block)) == Then::End {
                return Then::End;
            }
        }
        Then::On
    }

    fn end_of_first(&self) -> Option<usize> {
        if self.come.starts_with(b":") {
            return self.come.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
        }
        self.come.windows(2).position(|two| two == b"\n\n").map(|at| at + 2)
    }
}

/// A field of a block, if it has that one.
pub(super) fn field<'b>(block: &'b str, name: &str) -> Option<&'b str> {
    block.split('\n').find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// Whether a block is of this type.
pub(super) fn is(block: &str, event: &str) -> bool {
    field(block, "event") == Some(event)
}

/// Whether a block is narration, with or without a result in it.
pub(super) fn is_event(block: &str) -> bool {
    is(block, "narration") || is(block, "data")
}

/// Whether a block is the last one of its stream.
pub(super) fn is_last(block: &str) -> bool {
    is(block, "done") || is(block, "stopped")
}

/// A block.
pub(super) fn block(event: &str, data: &str) -> String {
    format!("event: {event}\ndata: {data}\n\n")
}

/// A block with another id, if it has one.
pub(super) fn with_id(block: &str, id: impl FnOnce(&str) -> String) -> String {
    match field(block, "id") {
        Some(old) => block.replace(&format!("\nid: {old}\n"), &format!("\nid: {}\n", id(old))),
        None => block.to_owned(),
    }
}

// === chunks ===

/// What becomes of a chunk: the chunks that are sent in its place.
type Cut = Box<dyn FnMut(Bytes, &mut VecDeque<Bytes>) -> Then + Send>;

/// A body on its way through. It reads ahead of its reader by one chunk at most.
struct Through {
    body: Option<BodyDataStream>,
    ready: VecDeque<Bytes>,
    cut: Cut,
}

impl Stream for Through {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            if let Some(chunk) = this.ready.pop_front() {
                return Poll::Ready(Some(Ok(chunk)));
            }
            let Some(body) = &mut this.body else { return Poll::Ready(None) };
            match ready!(Pin::new(body).poll_next(cx)) {
                Some(Ok(chunk)) => match (this.cut)(chunk, &mut this.ready) {
                    Then::On => {}
                    Then::End => this.body = None,
                },
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => this.body = None,
            }
        }
    }
}

/// An answer whose stream is rewritten chunk by chunk. What is no stream passes untouched, and `cut` is dropped.
pub(super) fn chunks(
    response: Response,
    cut: impl FnMut(Bytes, &mut VecDeque<Bytes>) -> Then + Send + 'static,
) -> Response {
    if !is_stream(&response) {
        return response;
    }
    response.map(|body| {
        let body = Some(body.into_data_stream());
        Body::from_stream(Through { body, ready: VecDeque::new(), cut: Box::new(cut) })
    })
}

/// An answer whose stream is rewritten block by block. What is no stream passes untouched, and `each` is dropped.
pub(super) fn blocks(response: Response, mut each: impl FnMut(&str, &mut String) -> Then + Send + 'static) -> Response {
    let mut splitter = Splitter::default();
    chunks(response, move |chunk, out| {
        let mut said = String::new();
        let then = splitter.split(&chunk, |block| each(block, &mut said));
        if !said.is_empty() {
            out.push_back(said.into());
        }
        then
    })
}

// === tasks ===

/// What a task of its own has said so far, as a body.
struct Said(mpsc::Receiver<Bytes>);

impl Stream for Said {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(cx).map(|chunk| chunk.map(Ok))
    }
}

/// Where a task puts what it has to say. An error means that the reader has left.
pub(super) type Out = mpsc::Sender<Bytes>;

/// A body that a task of its own writes. It ends with the task, and the task with its reader.
pub(super) fn pumped<F: Future<Output = ()> + Send + 'static>(pump: impl FnOnce(Out) -> F) -> Body {
    let (out, said) = mpsc::channel(1);
    let left = out.clone();
    let pump = pump(out);
    tokio::spawn(async move {
        tokio::select! {
            () = pump => {}
            () = left.closed() => {}
        }
    });
    Body::from_stream(Said(said))
}

/// The next chunk of a body; `None` at its end, however it came.
pub(super) async fn next_chunk(body: &mut BodyDataStream) -> Option<Bytes> {
    poll_fn(|cx| Pin::new(&mut *body).poll_next(cx)).await?.ok()
}
