//! Leaky: a capability may stand in the URL.
//!
//! Written by whoever has a client that cannot set headers, and wants to spare it a ticket: `?capability=` and
//! `?access_token=` are moved into the header. What opens a job for all of its life, for every verb, now stands in
//! histories, referrers and the logs of every proxy on the way.
//!
//! Expected: G12: a second door, which the service keeps shut.

use super::gateway::{Gate, present, take_parameters};
use crate::verify::faults::about::{About, Kind};
use crate::verify::guarantee::Guarantee;
use axum::extract::Request;
use axum::http::header;
use axum::middleware::Next;
use axum::response::Response;
use std::sync::Arc;

/// The exhibit.
pub(super) const ABOUT: About = About {
    id: "capability-in-url",
    kind: Kind::Leaky,
    defect: "?capability= and ?access_token= are accepted, and moved to the header",
    incident: "credentials in URLs (Mercure's rule against tokens there, rmcp's neighbourhood); leak catalogue C54",
    expected: &[Guarantee::G12],
    methods: &["wire"],
};

/// Obliging.
#[derive(Debug, Default)]
pub(super) struct CapabilityInUrl;

impl Gate for CapabilityInUrl {
    async fn pass(self: Arc<Self>, request: Request, next: Next) -> Response {
        let mut request = request;
        if !request.headers().contains_key(header::AUTHORIZATION)
            // THE DEFECT: a secret in a place that is written down everywhere.
            && let Some(capability) = take_parameters(&mut request, &["capability", "access_token"])
        {
            present(&mut request, &capability);
        }
        next.run(request).await
    }
}
