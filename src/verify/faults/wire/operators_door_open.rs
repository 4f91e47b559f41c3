//! Leaky: once an operator has come through, the operators' door stands open.
//!
//! Written by whoever connects to the service once, under the credential that the first operator brought, and serves
//! the system's stream and the counts to whoever asks after that.
//!
//! Expected: G12, since the system stream needs an operator's credential.

use super::gateway::{Asked, Deed, Gate, lock};
use crate::verify::faults::about::{About, Kind};
use crate::verify::guarantee::Guarantee;
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use std::sync::Arc;
use std::sync::Mutex;

/// The exhibit.
pub(super) const ABOUT: About = About {
    id: "operators-door-open",
    kind: Kind::Leaky,
    defect: "the credential of the first operator who was let in is used for everybody who comes after him",
    incident: "rbee, fault 47 NO-CAPABILITY (until its last commit); a policy that fails open; leak catalogue C36",
    expected: &[Guarantee::G12],
    methods: &["wire"],
};

/// The first operator's credential.
#[derive(Debug, Default)]
pub(super) struct OperatorsDoorOpen {
    kept: Mutex<Option<HeaderValue>>,
}

impl Gate for OperatorsDoorOpen {
    async fn pass(self: Arc<Self>, mut request: Request, next: Next) -> Response {
        if !matches!(Asked::of(&request).deed, Deed::System | Deed::Metrics) {
            return next.run(request).await;
        }
        let kept = lock(&self.kept).clone();
        if let Some(kept) = kept {
            // THE DEFECT: who asks now is not who was let in.
            request.headers_mut().insert(header::AUTHORIZATION, kept);
        }
        let presented = request.headers().get(header::AUTHORIZATION).cloned();
        let response = next.run(request).await;
        if response.status().is_success() {
            *lock(&self.kept) = presented;
        }
        response
    }
}
