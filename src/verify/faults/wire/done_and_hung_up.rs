//! Leaky: what a revoked capability says is done, and then the connection is cut.
//!
//! Written by whoever ends sessions that were revoked from the outside, by a watchdog: an event that is under way when
//! it strikes is accepted, and its answer is the first thing that the cut connection does not carry any more. To
//! whoever asks, that looks like a refusal.
//!
//! Expected: G12, since what is revoked is good for nothing any more, answered or not.

use super::gateway::{Asked, Deed, Gate, Ledger, lock, present, with_body};
use crate::verify::faults::about::{About, Kind};
use crate::verify::guarantee::Guarantee;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use futures_core::Stream;
use std::collections::BTreeSet;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::task::{Context, Poll};

/// The exhibit.
pub(super) const ABOUT: About = About {
    id: "done-and-hung-up",
    kind: Kind::Leaky,
    defect: "an emit with a revoked capability is accepted, and then its connection is cut without an answer",
    incident: "checked at connect only (Mattermost CVE-2026-9162, rails#35319): what is under way is done; leak \
             catalogue C34",
    expected: &[Guarantee::G12],
    methods: &["wire"],
};

/// Cuts what it finds, a moment late.
#[derive(Debug, Default)]
pub(super) struct DoneAndHungUp {
    ledger: Ledger,
    /// Capabilities that had every right until their job's were revoked.
    revoked: Mutex<BTreeSet<String>>,
}

/// A body that breaks off before its first byte, so that no byte of its answer is sent.
struct Cut;

impl Stream for Cut {
    type Item = io::Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into())))
    }
}

impl Gate for DoneAndHungUp {
    async fn pass(self: Arc<Self>, request: Request, next: Next) -> Response {
        let Asked { deed, job, bearer } = Asked::of(&request);
        let owner = self.ledger.owner(&job);
        if deed == Deed::Revoke {
            let answer = self.ledger.pass(request, next).await;
            if answer.status().is_success() {
                lock(&self.revoked).extend(owner);
            }
            return answer;
        }
        let owner = owner.filter(|_| lock(&self.revoked).contains(&bearer));
        let (Deed::Emit, Some(owner)) = (deed, owner) else { return self.ledger.pass(request, next).await };
        let mut request = with_body(request, |_as_it_came| {}).await;
        // THE DEFECT: the session is ended, and what it was about to do is done.
        present(&mut request, &owner);
        let _nobody_hears_it = next.run(request).await;
        Response::new(Body::from_stream(Cut))
    }
}
