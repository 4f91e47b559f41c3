//! Leaky: a stream that was once let in flows on after its capability was revoked.
//!
//! Written by whoever looks at credentials when a stream is opened, and keeps connections to the service alive for his
//! clients: when the service stops a stream, the gateway opens it anew where it was, with the capability that it knows
//! to be good. The reader whom the owner has shut out never notices.
//!
//! Expected: G12, since revocation ends live streams.

use super::gateway::{Asked, Deed, Gate, again, ask_for, copied, go_on_after, lock, present, reworded, text};
use super::stream::{Out, Splitter, Then, field, is, is_stream, next_chunk, pumped};
use crate::verify::faults::about::{About, Kind};
use crate::verify::guarantee::Guarantee;
use axum::body::BodyDataStream;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use tokio::sync::watch;

/// The exhibit.
pub(super) const ABOUT: About = About {
    id: "revoked-still-flows",
    kind: Kind::Leaky,
    defect: "streams flow on after DELETE .../capabilities: the gateway opens them anew with the new capability",
    incident: "checked at connect only (Mattermost CVE-2026-9162, Mosquitto CVE-2021-34434, rails#35319); leak \
             catalogue C34",
    expected: &[Guarantee::G12],
    methods: &["wire"],
};

/// The capability of each job that the last revocation left.
#[derive(Debug, Default)]
pub(super) struct RevokedStillFlows {
    left: Mutex<BTreeMap<String, watch::Sender<String>>>,
}

impl RevokedStillFlows {
    /// What is heard of the revocations of a job.
    fn of(&self, job: &str) -> watch::Receiver<String> {
        lock(&self.left).entry(job.to_owned()).or_default().subscribe()
    }

    fn revoked(&self, job: &str, left: &str) {
        lock(&self.left).entry(job.to_owned()).or_default().send_replace(left.to_owned());
    }
}

/// One stream of a client: many of the service's, one after the other.
struct Flow {
    job: String,
    head: Parts,
    next: Next,
    left: watch::Receiver<String>,
    /// Where the client is.
    cursor: Option<String>,
}

impl Flow {
    async fn run(mut self, mut body: BodyDataStream, out: Out) {
        loop {
            if !self.passed_on(&mut body, &out).await {
                return;
            }
            // The service has stopped it before the one who revoked has been answered with what is good now.
            let Ok(()) = self.left.changed().await else { return };
            let mut request = again(&self.head);
            ask_for(&mut request, &format!("/v1/jobs/{}/stream", self.job));
            let capability = self.left.borrow_and_update().clone();
            // THE DEFECT: the reader has no right any more, so that of the owner is used.
            present(&mut request, &capability);
            self.cursor.iter().for_each(|cursor| go_on_after(&mut request, cursor));
            let response = self.next.clone().run(request).await;
            if !is_stream(&response) {
                return;
            }
            body = response.into_body().into_data_stream();
        }
    }

    /// Passes a stream of the service on, and answers whether it was revoked.
    async fn passed_on(&mut self, body: &mut BodyDataStream, out: &Out) -> bool {
        let (mut splitter, mut revoked) = (Splitter::default(), false);
        while let Some(chunk) = next_chunk(body).await {
            let mut said = String::new();
            splitter.split(&chunk, |block| {
                revoked = is(block, "stopped") && field(block, "data").is_some_and(|data| data.contains("revoked"));
                if revoked {
                    return Then::End;
                }
                self.cursor = field(block, "id").map(str::to_owned).or(self.cursor.take());
                said.push_str(block);
                Then::On
            });
            if out.send(said.into()).await.is_err() {
                return false;
            }
        }
        revoked
    }
}

impl Gate for RevokedStillFlows {
    async fn pass(self: Arc<Self>, request: Request, next: Next) -> Response {
        let Asked { deed, job, .. } = Asked::of(&request);
        if deed == Deed::Revoke {
            let answer = next.run(request).await;
            let learn = answer.status().is_success();
            return if learn {
                reworded(answer, |said| self.revoked(&job, text(said, "capability"))).await
            } else {
                answer
            };
        }
        if deed != Deed::Watch {
            return next.run(request).await;
        }
        let left = self.of(&job);
        let (head, request) = copied(request);
        let response = next.clone().run(request).await;
        if !is_stream(&response) {
            return response;
        }
        let flow = Flow { job, head, next, left, cursor: None };
        response.map(|body| pumped(|out| flow.run(body.into_data_stream(), out)))
    }
}
