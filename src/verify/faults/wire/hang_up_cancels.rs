//! Leaky: when one reader hangs up, the job is cancelled for all.
//!
//! Written by whoever wants to save work that nobody waits for, and thinks of one reader: when a stream is dropped,
//! the gateway cancels the job with the capability that it has seen. Whoever else was watching reads the end of a job
//! that its owner never ended.
//!
//! Expected: G9: an outcome that no close gave. The second reader sees it, and so does the owner when he closes.

use super::gateway::{Asked, Deed, Gate, Ledger, again, copied, present};
use super::stream::{Then, blocks, is_last};
use crate::verify::faults::about::{About, Kind};
use crate::verify::guarantee::Guarantee;
use axum::extract::Request;
use axum::http::{Method, Uri};
use axum::middleware::Next;
use axum::response::Response;
use std::sync::Arc;
use tokio::runtime::Handle;

/// The exhibit.
pub(super) const ABOUT: About = About {
    id: "hang-up-cancels",
    kind: Kind::Leaky,
    defect: "when one reader's stream is dropped before its end, the job is cancelled for everybody",
    incident: "cleanup and cancellation by whoever comes past (Langflow CVE-2026-10560, rbee's removal by name); \
             leak catalogue C21",
    expected: &[Guarantee::G9],
    methods: &["wire"],
};

/// Tidy.
#[derive(Debug, Default)]
pub(super) struct HangUpCancels {
    ledger: Ledger,
}

/// What is asked for when a stream is dropped, unless it had its end before.
struct WhenDropped(Option<(Request, Next)>);

impl WhenDropped {
    fn never_mind(&mut self) {
        self.0 = None;
    }
}

impl Drop for WhenDropped {
    fn drop(&mut self) {
        if let (Some((request, next)), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            // THE DEFECT: one reader is taken for all of them, and for the owner.
            runtime.spawn(next.run(request));
        }
    }
}

impl Gate for HangUpCancels {
    async fn pass(self: Arc<Self>, request: Request, next: Next) -> Response {
        let asked = Asked::of(&request);
        let capability = self.ledger.owner(&asked.job);
        let (Deed::Watch, Some(capability)) = (asked.deed, capability) else {
            return self.ledger.pass(request, next).await;
        };
        let (mut head, request) = copied(request);
        head.method = Method::DELETE;
        head.uri = format!("/v1/jobs/{}", asked.job).parse::<Uri>().unwrap_or_default();
        let mut cancel = again(&head);
        present(&mut cancel, &capability);
        let response = next.clone().run(request).await;
        if !response.status().is_success() {
            return response;
        }
        let mut when_dropped = WhenDropped(Some((cancel, next)));
        blocks(response, move |passing, out| {
            out.push_str(passing);
            if is_last(passing) {
                when_dropped.never_mind();
            }
            Then::On
        })
    }
}
