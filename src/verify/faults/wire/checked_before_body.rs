//! Leaky: a capability is looked at when the head of a request has come, and never again.
//!
//! Written by whoever authorises in a layer and reads bodies in handlers. A head is cheap to send and its body may take
//! seconds: whoever keeps some requests half sent narrates to the job, or ends it, after its owner has shut him out.
//!
//! Expected: G12, since what is revoked is good for nothing any more.

use super::gateway::{Asked, Deed, Gate, Ledger, again, copied, present, with_body};
use crate::verify::faults::about::{About, Kind};
use crate::verify::guarantee::Guarantee;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use std::sync::Arc;

/// The exhibit.
pub(super) const ABOUT: About = About {
    id: "checked-before-body",
    kind: Kind::Leaky,
    defect: "emit and close are let in by their heads: a revocation before the body has come changes nothing",
    incident: "checked at connect only (Mattermost CVE-2026-9162, Mosquitto CVE-2021-34434); leak catalogue C34",
    expected: &[Guarantee::G12],
    methods: &["wire"],
};

/// Asks whether a capability is good, and then waits for what it is to be good for.
#[derive(Debug, Default)]
pub(super) struct CheckedBeforeBody {
    ledger: Ledger,
}

impl Gate for CheckedBeforeBody {
    async fn pass(self: Arc<Self>, request: Request, next: Next) -> Response {
        let Asked { deed, job, .. } = Asked::of(&request);
        if !matches!(deed, Deed::Emit | Deed::Close) {
            return self.ledger.pass(request, next).await;
        }
        let (head, request) = copied(request);
        // Without a body it does nothing, and the answer tells whether it was let in.
        let asked = next.clone().run(again(&head)).await;
        if asked.status() == StatusCode::NOT_FOUND {
            return asked;
        }
        let mut request = with_body(request, |_as_it_came| {}).await;
        // THE DEFECT: it was let in when it was asked; whether it still is, is not asked.
        if let Some(owner) = self.ledger.owner(&job) {
            present(&mut request, &owner);
        }
        next.run(request).await
    }
}
