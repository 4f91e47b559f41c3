//! Leaky: a capability for reading is good for everything.
//!
//! Written by whoever binds a token to its job and forgets what for. The narrowed capability that an owner gives away
//! to be watched with can narrate, close and grant.
//!
//! Expected: G12, since a capability is bound to its verbs.

use super::gateway::{Asked, Gate, Ledger, present};
use crate::verify::faults::about::{About, Kind};
use crate::verify::guarantee::Guarantee;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use std::sync::Arc;

/// The exhibit.
pub(super) const ABOUT: About = About {
    id: "unchecked-verb",
    kind: Kind::Leaky,
    defect: "a capability narrowed by POST .../capabilities is as good as the full one",
    incident: "turbo-rails#493 (a signed name used with a laxer channel class); leak catalogue C33",
    expected: &[Guarantee::G12],
    methods: &["wire"],
};

/// Asks for which job, and not for what.
#[derive(Debug, Default)]
pub(super) struct UncheckedVerb {
    ledger: Ledger,
}

impl Gate for UncheckedVerb {
    async fn pass(self: Arc<Self>, mut request: Request, next: Next) -> Response {
        let asked = Asked::of(&request);
        let (issued, owner) = (self.ledger.issued(&asked.bearer), self.ledger.owner(&asked.job));
        // THE DEFECT: the job is right, and that is all that is asked.
        if let (Some((of, true)), Some(owner)) = (issued, owner)
            && of == asked.job
        {
            present(&mut request, &owner);
        }
        self.ledger.pass(request, next).await
    }
}
