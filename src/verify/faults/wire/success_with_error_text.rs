//! Leaky: what was refused is answered as accepted, with the reason in a body that nobody reads.
//!
//! Written by whoever wants clients never to "fail": errors become texts, and texts travel under a status of success.
//! The seed's queen answered 200 with one line `ERROR: Job channel not found`, and its client reported success.
//!
//! Expected: G2, since a refusal must reach its emitter. What was said went nowhere, and the emitter counts it as
//! said.

use super::gateway::{Asked, Deed, Gate};
use crate::verify::faults::about::{About, Kind};
use crate::verify::guarantee::Guarantee;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use std::sync::Arc;

/// The exhibit.
pub(super) const ABOUT: About = About {
    id: "success-with-error-text",
    kind: Kind::Leaky,
    defect: "a refused emit, close or cancel is answered 202, with the text of the error in the body",
    incident: "rbee queen, fault 34 ERROR-AS-200 / EOF-AS-SUCCESS (until its last commit); leak catalogue C52",
    expected: &[Guarantee::G2],
    methods: &["wire"],
};

/// Never fails.
#[derive(Debug, Default)]
pub(super) struct SuccessWithErrorText;

impl Gate for SuccessWithErrorText {
    async fn pass(self: Arc<Self>, request: Request, next: Next) -> Response {
        let deed = Asked::of(&request).deed;
        let mut response = next.run(request).await;
        let tells = matches!(deed, Deed::Emit | Deed::Close | Deed::Cancel);
        if tells && response.status().is_client_error() {
            // THE DEFECT: the status is all that most clients look at.
            *response.status_mut() = StatusCode::ACCEPTED;
        }
        response
    }
}
