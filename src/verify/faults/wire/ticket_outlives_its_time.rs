//! Leaky: a ticket is good for as long as its job.
//!
//! Written by whoever found that a page which is loaded again shows nothing, since the URL of its stream is too old: a
//! ticket that was good once opens the stream once more. So does whoever finds it in a history or a log.
//!
//! Expected: G12, since what is short-lived by its contract is good for nothing after that.

use super::gateway::{Asked, Deed, Gate, Ledger, again, copied, lock, present, reworded, take_parameters, text};
use crate::verify::faults::about::{About, Kind};
use crate::verify::guarantee::Guarantee;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::Mutex;

/// The exhibit.
pub(super) const ABOUT: About = About {
    id: "ticket-outlives-its-time",
    kind: Kind::Leaky,
    defect: "a ticket opens its stream beyond its time, until it is revoked",
    incident: "turbo-rails#493 (a signed name, good for ever): a token not bound to its expiry; leak catalogue C33",
    expected: &[Guarantee::G12],
    methods: &["wire"],
};

/// Helps those who load again.
#[derive(Debug, Default)]
pub(super) struct TicketOutlivesItsTime {
    ledger: Ledger,
    /// Jobs, each with a ticket that was made for it.
    made: Mutex<BTreeSet<(String, String)>>,
}

impl Gate for TicketOutlivesItsTime {
    async fn pass(self: Arc<Self>, request: Request, next: Next) -> Response {
        let Asked { deed, job, .. } = Asked::of(&request);
        match deed {
            Deed::Ticket => {
                let learn = |said: &mut serde_json::Value| {
                    if said["ticket"].is_string() {
                        lock(&self.made).insert((job, text(said, "ticket").to_owned()));
                    }
                };
                reworded(next.run(request).await, learn).await
            }
            Deed::Watch => {
                let (head, request) = copied(request);
                let response = next.clone().run(request).await;
                let mut once_more = again(&head);
                let ticket = take_parameters(&mut once_more, &["ticket"]).unwrap_or_default();
                let owner = self.ledger.owner(&job).filter(|_| lock(&self.made).contains(&(job, ticket)));
                let Some(owner) = owner.filter(|_| response.status() == StatusCode::NOT_FOUND) else { return response };
                // THE DEFECT: it was good once, and that is all that is asked.
                present(&mut once_more, &owner);
                next.run(once_more).await
            }
            _ => {
                let answer = self.ledger.pass(request, next).await;
                if deed == Deed::Revoke && answer.status().is_success() {
                    lock(&self.made).retain(|(known, _)| *known != job);
                }
                answer
            }
        }
    }
}
