//! Leaky: pages of every origin may use the service, and read what it answers.
//!
//! Written by whoever has a page on another port and wants it to work: Origin is dropped before the service can refuse
//! it, and repeated in the answer. The seed's daemons allowed any origin, method and header.
//!
//! Expected: G12, since every site that somebody visits can now speak to the service from within his browser.

use super::gateway::Gate;
use crate::verify::faults::about::{About, Kind};
use crate::verify::guarantee::Guarantee;
use axum::extract::Request;
use axum::http::header;
use axum::middleware::Next;
use axum::response::Response;
use std::sync::Arc;

/// The exhibit.
pub(super) const ABOUT: About = About {
    id: "any-origin",
    kind: Kind::Leaky,
    defect: "Origin is dropped, and the answer says access-control-allow-origin with it",
    incident: "rbee queen and hive (any origin allowed, fault 47 NO-CAPABILITY); leak catalogue C54",
    expected: &[Guarantee::G12],
    methods: &["wire"],
};

/// Open to the world.
#[derive(Debug, Default)]
pub(super) struct AnyOrigin;

impl Gate for AnyOrigin {
    async fn pass(self: Arc<Self>, request: Request, next: Next) -> Response {
        let mut request = request;
        let origin = request.headers_mut().remove(header::ORIGIN);
        let mut response = next.run(request).await;
        if let Some(origin) = origin {
            // THE DEFECT: every page is told that it may read this.
            response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        }
        response
    }
}
