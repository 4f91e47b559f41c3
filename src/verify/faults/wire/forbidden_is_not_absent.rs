//! Leaky: a job that is there and not yours is answered otherwise than one that is not there.
//!
//! Written by whoever takes the words of HTTP seriously: 403 is for what you may not, 404 for what does not exist. The
//! difference tells anybody which jobs exist.
//!
//! Expected: G13.

use super::gateway::{Asked, Gate, Ledger};
use crate::verify::faults::about::{About, Kind};
use crate::verify::guarantee::Guarantee;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use std::sync::Arc;

/// The exhibit.
pub(super) const ABOUT: About = About {
    id: "forbidden-is-not-absent",
    kind: Kind::Leaky,
    defect: "a refused request is answered 403 if the job exists, and 404 if it does not",
    incident: "Langflow CVE-2026-10560 (404 or 200), Parse GHSA-qpc3-fg4j-8hgm; leak catalogue C49",
    expected: &[Guarantee::G13],
    methods: &["wire"],
};

/// Correct to the letter.
#[derive(Debug, Default)]
pub(super) struct ForbiddenIsNotAbsent {
    ledger: Ledger,
}

impl Gate for ForbiddenIsNotAbsent {
    async fn pass(self: Arc<Self>, request: Request, next: Next) -> Response {
        let exists = self.ledger.knows(&Asked::of(&request).job);
        let mut response = self.ledger.pass(request, next).await;
        if exists && response.status() == StatusCode::NOT_FOUND {
            // THE DEFECT: the status tells what the body does not.
            *response.status_mut() = StatusCode::FORBIDDEN;
        }
        response
    }
}
