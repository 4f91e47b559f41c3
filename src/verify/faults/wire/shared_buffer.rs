//! Leaky: all streams write into one buffer, and whoever flushes it sends all that is in it.
//!
//! Written by whoever gathers small frames for some milliseconds, so that they share a packet, and keeps the buffer
//! with the gateway instead of with the connection. As long as one job speaks at a time, each flush finds its own
//! bytes only.
//!
//! Expected: G1: what two jobs say within the same moment goes out on the stream of the second.

use super::gateway::{Asked, Deed, Gate, lock};
use super::stream::{Out, is_stream, next_chunk, pumped};
use crate::verify::faults::about::{About, Kind};
use crate::verify::guarantee::Guarantee;
use axum::body::BodyDataStream;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// The exhibit.
pub(super) const ABOUT: About = About {
    id: "shared-buffer",
    kind: Kind::Leaky,
    defect: "streams share one output buffer: what another stream has put there and not yet flushed goes out on this \
             one",
    incident: "Tomcat CVE-2021-25122, Jetty CVE-2019-17638 (two writers own one buffer); leak catalogue C18, C46",
    expected: &[Guarantee::G1],
    methods: &["wire"],
};

/// For how long small frames are gathered.
const GATHERED: Duration = Duration::from_millis(150);

/// The one buffer.
#[derive(Debug, Default)]
pub(super) struct SharedBuffer {
    buffer: Mutex<Vec<u8>>,
}

impl SharedBuffer {
    /// Puts bytes into the buffer, and answers whether there were some before.
    fn put(&self, chunk: &[u8]) -> bool {
        let mut buffer = lock(&self.buffer);
        let shared = !buffer.is_empty();
        buffer.extend_from_slice(chunk);
        shared
    }

    /// Sends all that is in the buffer, and answers whether the reader is still there.
    async fn flush(&self, out: &Out) -> bool {
        // THE DEFECT: whose bytes these are is not known here.
        let all = std::mem::take(&mut *lock(&self.buffer));
        all.is_empty() || out.send(all.into()).await.is_ok()
    }

    async fn run(self: Arc<Self>, mut body: BodyDataStream, out: Out) {
        let mut due = None::<Instant>;
        loop {
            let time = async {
                match due {
                    Some(due) => sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            let full = tokio::select! {
                chunk = next_chunk(&mut body) => match chunk {
                    Some(chunk) => self.put(&chunk),
                    None => break,
                },
                () = time => true,
            };
            due = if full { None } else { Some(Instant::now() + GATHERED) };
            if full && !self.flush(&out).await {
                return;
            }
        }
        self.flush(&out).await;
    }
}

impl Gate for SharedBuffer {
    async fn pass(self: Arc<Self>, request: Request, next: Next) -> Response {
        let deed = Asked::of(&request).deed;
        let response = next.run(request).await;
        if deed != Deed::Watch || !is_stream(&response) {
            return response;
        }
        response.map(|body| pumped(|out| self.run(body.into_data_stream(), out)))
    }
}
