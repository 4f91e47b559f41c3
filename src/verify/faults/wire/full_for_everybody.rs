//! Leaky: one tenant's full share is everybody's.
//!
//! Written by whoever spares a service that says "too many": a breaker answers in its place, until something is closed.
//! It knows that the service was full, and not for whom.
//!
//! Expected: G8, since another tenant sees by it what this one does.

use super::gateway::{Asked, Deed, Gate, lock};
use crate::verify::faults::about::{About, Kind};
use crate::verify::guarantee::Guarantee;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use std::sync::Mutex;

/// The exhibit.
pub(super) const ABOUT: About = About {
    id: "full-for-everybody",
    kind: Kind::Leaky,
    defect: "once a tenant was answered 429, every tenant is, until some job is closed",
    incident: "Phoenix CVE-2026-32689 (a quota that all share, used up by one); leak catalogue C25",
    expected: &[Guarantee::G8],
    methods: &["wire"],
};

/// Whether the service was full when it was asked last.
#[derive(Debug, Default)]
pub(super) struct FullForEverybody {
    full: Mutex<bool>,
}

const FULL: &str = "{\"error\":\"too_many_jobs\",\"message\":\"too many jobs\",\"remedy\":\"try again later\"}\n";

impl Gate for FullForEverybody {
    async fn pass(self: Arc<Self>, request: Request, next: Next) -> Response {
        let Asked { deed, .. } = Asked::of(&request);
        if deed == Deed::Create && *lock(&self.full) {
            // THE DEFECT: who asks is not who was refused.
            let kind = [(header::CONTENT_TYPE, "application/json")];
            return (StatusCode::TOO_MANY_REQUESTS, kind, Body::from(FULL)).into_response();
        }
        let response = next.run(request).await;
        match deed {
            Deed::Create => *lock(&self.full) = response.status() == StatusCode::TOO_MANY_REQUESTS,
            Deed::Close | Deed::Cancel => *lock(&self.full) = false,
            _ => {}
        }
        response
    }
}
