//! Near-miss: the one refusal is said in other words, the same for all.
//!
//! One edit away from [`forbidden_is_not_absent`](super::forbidden_is_not_absent), which says it differently of jobs
//! that exist. What matters is that the words do not differ, not which they are.

use super::gateway::{Gate, reworded};
use crate::verify::faults::about::{About, Kind};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use serde_json::json;
use std::sync::Arc;

/// The exhibit.
pub(super) const ABOUT: About = About {
    id: "near-refusal-reworded",
    kind: Kind::NearMiss,
    defect: "none: the one refusal is reworded, for all alike; with a status that depends on whether the job exists, \
             it is forbidden-is-not-absent",
    incident: "refusals that tell nothing, in whatever words (docs/service.md; leak catalogue C49)",
    expected: &[],
    methods: &[],
};

/// Friendly.
#[derive(Debug, Default)]
pub(super) struct RefusalReworded;

impl Gate for RefusalReworded {
    async fn pass(self: Arc<Self>, request: Request, next: Next) -> Response {
        let response = next.run(request).await;
        if response.status() != StatusCode::NOT_FOUND {
            return response;
        }
        reworded(response, |said| said["message"] = json!("we could not find what you are looking for")).await
    }
}
