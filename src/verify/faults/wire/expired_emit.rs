//! Leaky: a capability whose time is over is still good for narrating.
//!
//! Written by whoever looks at the clock where streams are opened, for those are what lasts, and at nothing but the
//! signature where an event comes in. What was given away for a minute narrates for as long as the job.
//!
//! Expected: G12, since every operation needs a capability that has not expired. G13 is broken by it too: what is
//! refused to all others alike is let in there.

use super::gateway::{Asked, Deed, Gate, Ledger, again, copied, lock, present, reworded, text, with_body};
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
    id: "expired-emit",
    kind: Kind::Leaky,
    defect: "a capability for narrating is good for it beyond its time, until it is revoked",
    incident: "checked once, and not where it is used (turbo-rails#493, Mosquitto CVE-2021-34434); leak catalogue C34",
    expected: &[Guarantee::G12],
    methods: &["wire"],
};

/// Knows what was granted for narrating, and until when it forgot.
#[derive(Debug, Default)]
pub(super) struct ExpiredEmit {
    ledger: Ledger,
    /// Jobs, each with a capability that may narrate to it.
    emitters: Mutex<BTreeSet<(String, String)>>,
}

impl Gate for ExpiredEmit {
    async fn pass(self: Arc<Self>, request: Request, next: Next) -> Response {
        let Asked { deed, job, bearer } = Asked::of(&request);
        match deed {
            Deed::Emit => {
                let presented = (job.clone(), bearer);
                let (head, request) = copied(request);
                let asked = next.clone().run(again(&head)).await;
                let mut request = with_body(request, |_as_it_came| {}).await;
                let owner = self.ledger.owner(&job).filter(|_| lock(&self.emitters).contains(&presented));
                if let Some(owner) = owner.filter(|_| asked.status() == StatusCode::NOT_FOUND) {
                    // THE DEFECT: it was made here, for this job and for this deed: its time is not asked for.
                    present(&mut request, &owner);
                }
                next.run(request).await
            }
            Deed::Grant => {
                let mut narrates = false;
                let request = with_body(request, |said| {
                    narrates = said["verbs"].as_array().is_some_and(|verbs| verbs.iter().any(|verb| verb == "emit"));
                });
                let request = request.await;
                let answer = self.ledger.pass(request, next).await;
                if !narrates || !answer.status().is_success() {
                    return answer;
                }
                let learn = |said: &mut serde_json::Value| {
                    let capability = text(said, "capability").to_owned();
                    lock(&self.emitters).insert((job, capability));
                };
                reworded(answer, learn).await
            }
            _ => {
                let answer = self.ledger.pass(request, next).await;
                if deed == Deed::Revoke && answer.status().is_success() {
                    lock(&self.emitters).retain(|(known, _)| *known != job);
                }
                answer
            }
        }
    }
}
