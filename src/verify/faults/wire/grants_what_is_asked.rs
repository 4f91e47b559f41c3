//! Leaky: whoever may grant may grant everything.
//!
//! Written by whoever asks whether somebody may make capabilities, and then makes what was asked for. A helper that was
//! given the right to let others read lets itself close the job, and for as long as the job runs.
//!
//! Expected: G12, since a capability makes narrower ones only: for no more verbs, and for no longer.

use super::gateway::{Asked, Deed, Gate, Ledger, copied, present, with_body};
use crate::verify::faults::about::{About, Kind};
use crate::verify::guarantee::Guarantee;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use std::sync::Arc;

/// The exhibit.
pub(super) const ABOUT: About = About {
    id: "grants-what-is-asked",
    kind: Kind::Leaky,
    defect: "POST .../capabilities with a right to grant makes whatever is asked for: more verbs, a longer life",
    incident: "turbo-rails#493 (a signed name used with a laxer channel class); leak catalogue C33",
    expected: &[Guarantee::G12],
    methods: &["wire"],
};

/// Asks whether, and not what.
#[derive(Debug, Default)]
pub(super) struct GrantsWhatIsAsked {
    ledger: Ledger,
}

impl Gate for GrantsWhatIsAsked {
    async fn pass(self: Arc<Self>, request: Request, next: Next) -> Response {
        let Asked { deed, job, .. } = Asked::of(&request);
        let owner = self.ledger.owner(&job);
        let (Deed::Grant, Some(owner)) = (deed, owner) else { return self.ledger.pass(request, next).await };
        let (head, request) = copied(request);
        let mut request = with_body(request, |_as_it_came| {}).await;
        // Nothing is granted yet: the answer tells whether it may.
        let mut whether = Request::from_parts(head, Body::from(r#"{"verbs":["read","grant"]}"#));
        whether.headers_mut().remove(header::CONTENT_LENGTH);
        if next.clone().run(whether).await.status() == StatusCode::NOT_FOUND {
            return self.ledger.pass(request, next).await;
        }
        // THE DEFECT: what it has itself is not compared with what it asks for.
        present(&mut request, &owner);
        self.ledger.pass(request, next).await
    }
}
