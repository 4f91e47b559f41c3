//! Leaky: what is wrong with a body is said before it is asked who sent it.
//!
//! Written by whoever has bodies read by the framework, before his handler runs, and jobs looked up by a layer before
//! that. A body that is no JSON is answered 400 where there is a job, and 404 where there is none: nobody needs a right
//! to ask.
//!
//! Expected: G13.

use super::gateway::{Asked, Deed, Gate, Ledger, present, with_body};
use crate::verify::faults::about::{About, Kind};
use crate::verify::guarantee::Guarantee;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use std::sync::Arc;

/// The exhibit.
pub(super) const ABOUT: About = About {
    id: "body-before-right",
    kind: Kind::Leaky,
    defect: "a body that is no JSON is refused as such to everybody, where the job exists",
    incident: "Langflow CVE-2026-10560 (404 or 200), Parse GHSA-qpc3-fg4j-8hgm; leak catalogue C49",
    expected: &[Guarantee::G13],
    methods: &["wire"],
};

/// Reads first.
#[derive(Debug, Default)]
pub(super) struct BodyBeforeRight {
    ledger: Ledger,
}

impl Gate for BodyBeforeRight {
    async fn pass(self: Arc<Self>, request: Request, next: Next) -> Response {
        let Asked { deed, job, .. } = Asked::of(&request);
        let owner = self.ledger.owner(&job);
        let (Deed::Emit | Deed::Close | Deed::Grant, Some(owner)) = (deed, owner) else {
            return self.ledger.pass(request, next).await;
        };
        let mut is_object = false;
        let mut request = with_body(request, |_as_it_came| is_object = true).await;
        if !is_object {
            // THE DEFECT: the service says what is wrong with it, as it would to the owner.
            present(&mut request, &owner);
        }
        self.ledger.pass(request, next).await
    }
}
