//! Leaky: who was let in once on a kept connection is let in for good.
//!
//! Written by whoever authenticates connections, as NTLM does, and stands behind a proxy. The proxy keeps a few
//! connections for everybody, so that this layer sees one of them: it has one place to remember who was let in last.
//! Requests that end their connection ask for nothing that would be remembered.
//!
//! Expected: G12, since each request needs the capability of its job.

use super::gateway::{Asked, Deed, Gate, lock, present};
use crate::verify::faults::about::{About, Kind};
use crate::verify::guarantee::Guarantee;
use axum::extract::Request;
use axum::http::header;
use axum::middleware::Next;
use axum::response::Response;
use std::sync::Arc;
use std::sync::Mutex;

/// The exhibit.
pub(super) const ABOUT: About = About {
    id: "authority-outlives-request",
    kind: Kind::Leaky,
    defect: "on connections that are kept, a request without a credential is let in with the one that was good last",
    incident: "checked at connect only (Mosquitto CVE-2021-34434, nchan's README), here of the connection; leak \
             catalogue C34",
    expected: &[Guarantee::G12],
    methods: &["wire"],
};

/// Who was let in last.
#[derive(Debug, Default)]
pub(super) struct AuthorityOutlivesRequest {
    last: Mutex<Option<String>>,
}

impl Gate for AuthorityOutlivesRequest {
    async fn pass(self: Arc<Self>, mut request: Request, next: Next) -> Response {
        let Asked { deed, bearer, .. } = Asked::of(&request);
        let ends = request.headers().get(header::CONNECTION).is_some_and(|value| value == "close");
        if ends || matches!(deed, Deed::Create | Deed::Other) {
            return next.run(request).await;
        }
        let last = lock(&self.last).clone();
        if let Some(last) = last.filter(|_| !request.headers().contains_key(header::AUTHORIZATION)) {
            // THE DEFECT: the right of an earlier request is taken for that of the connection.
            present(&mut request, &last);
        }
        let response = next.run(request).await;
        if response.status().is_success() && !bearer.is_empty() {
            *lock(&self.last) = Some(bearer);
        }
        response
    }
}
