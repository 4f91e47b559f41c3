//! Leaky: a capability of any job opens every job.
//!
//! Written by whoever checks that a token is genuine and not whose it is: the gateway has issued it, so it lets it in,
//! and speaks with the service under the right of the job in the path.
//!
//! Expected: G12, since a capability is bound to its job.

use super::gateway::{Asked, Gate, Ledger, present};
use crate::verify::faults::about::{About, Kind};
use crate::verify::guarantee::Guarantee;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use std::sync::Arc;

/// The exhibit.
pub(super) const ABOUT: About = About {
    id: "capability-of-any-job",
    kind: Kind::Leaky,
    defect: "any capability that was ever issued opens any job",
    incident: "a token that is bound to nothing (NATS CVE-2021-3127: an import token not bound to its account); leak \
             catalogue C33",
    expected: &[Guarantee::G12],
    methods: &["wire"],
};

/// Asks whether, and not what for.
#[derive(Debug, Default)]
pub(super) struct CapabilityOfAnyJob {
    ledger: Ledger,
}

impl Gate for CapabilityOfAnyJob {
    async fn pass(self: Arc<Self>, mut request: Request, next: Next) -> Response {
        let asked = Asked::of(&request);
        let (issued, owner) = (self.ledger.issued(&asked.bearer), self.ledger.owner(&asked.job));
        // THE DEFECT: that it is one of another job only decides how it is passed on.
        if let (Some((of, _)), Some(owner)) = (issued, owner)
            && of != asked.job
        {
            present(&mut request, &owner);
        }
        self.ledger.pass(request, next).await
    }
}
