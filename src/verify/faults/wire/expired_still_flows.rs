//! Leaky: a capability lives for longer than its owner allowed.
//!
//! Written by whoever forwards the fields that he knows of a request: `ttl_ms` is none of them. What was given away
//! for a minute is good for as long as the job, and so are the streams that were opened with it.
//!
//! Expected: G12, since expiry ends live streams.

use super::gateway::{Asked, Deed, Gate, with_body};
use crate::verify::faults::about::{About, Kind};
use crate::verify::guarantee::Guarantee;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use std::sync::Arc;

/// The exhibit.
pub(super) const ABOUT: About = About {
    id: "expired-still-flows",
    kind: Kind::Leaky,
    defect: "grants with ttl_ms are passed on without it: they expire with the job",
    incident: "checked at connect only, and never again (Mosquitto CVE-2021-34434, nchan's README); leak catalogue C34",
    expected: &[Guarantee::G12],
    methods: &["wire"],
};

/// Forwards what it knows.
#[derive(Debug, Default)]
pub(super) struct ExpiredStillFlows;

impl Gate for ExpiredStillFlows {
    async fn pass(self: Arc<Self>, request: Request, next: Next) -> Response {
        if Asked::of(&request).deed != Deed::Grant {
            return next.run(request).await;
        }
        let lasting = with_body(request, |said| {
            // THE DEFECT: the limit is the one part of a grant that nobody misses at once.
            said.as_object_mut().map(|fields| fields.remove("ttl_ms"));
        });
        next.run(lasting.await).await
    }
}
