//! Leaky: a capability that is right no more is told from one that never was.
//!
//! Written by whoever reads RFC 6750, section 3.1: a bearer token that is "expired, revoked, malformed, or invalid" is
//! answered with `error="invalid_token"`, so that a client knows to get a new one. It also tells whoever finds an old
//! token whose it was, and that the job was there.
//!
//! Expected: G13.

use super::gateway::{Asked, Gate, Ledger};
use crate::verify::faults::about::{About, Kind};
use crate::verify::guarantee::Guarantee;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use std::sync::Arc;

/// The exhibit.
pub(super) const ABOUT: About = About {
    id: "expiry-is-told",
    kind: Kind::Leaky,
    defect: "a refused request whose capability was the job's once is answered with www-authenticate: it has expired",
    incident: "distinct words for what was and what never was (rbee's \"not found or cannot be cancelled\"), RFC 6750 \
             section 3.1; leak catalogue C49",
    expected: &[Guarantee::G13],
    methods: &["wire"],
};

/// Helps clients along.
#[derive(Debug, Default)]
pub(super) struct ExpiryIsTold {
    ledger: Ledger,
}

impl Gate for ExpiryIsTold {
    async fn pass(self: Arc<Self>, request: Request, next: Next) -> Response {
        let asked = Asked::of(&request);
        let was_right = self.ledger.issued(&asked.bearer).is_some_and(|(job, _)| job == asked.job);
        let mut response = self.ledger.pass(request, next).await;
        if was_right && response.status() == StatusCode::NOT_FOUND {
            // THE DEFECT: the header says that there was such a job, and that this was its capability.
            let told = HeaderValue::from_static("Bearer error=\"invalid_token\", error_description=\"expired\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, told);
        }
        response
    }
}
