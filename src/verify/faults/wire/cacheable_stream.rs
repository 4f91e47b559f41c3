//! Leaky: every answer may be kept, and shown to others.
//!
//! Written by whoever speeds up a site with one line for all routes. The service itself answers nothing twice; the
//! first shared cache on the way will, to whoever asks for the same URL.
//!
//! Expected: G12, since what a cache has kept is given out without any check.

use super::gateway::Gate;
use crate::verify::faults::about::{About, Kind};
use crate::verify::guarantee::Guarantee;
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use std::sync::Arc;

/// The exhibit.
pub(super) const ABOUT: About = About {
    id: "cacheable-stream",
    kind: Kind::Leaky,
    defect: "streams and answers say cache-control: public, max-age=60",
    incident: "mdn/content#12085 (no-cache still stores; streams need no-store); leak catalogue C47",
    expected: &[Guarantee::G12],
    methods: &["wire"],
};

/// One line for all routes.
#[derive(Debug, Default)]
pub(super) struct CacheableStream;

impl Gate for CacheableStream {
    async fn pass(self: Arc<Self>, request: Request, next: Next) -> Response {
        let mut response = next.run(request).await;
        // THE DEFECT: public.
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=60"));
        response
    }
}
