//! Near-miss: cursors have another shape than the service's.
//!
//! One edit away from [`global_event_counter`](super::global_event_counter), which counts over all jobs: here each
//! cursor is given a prefix of its own job, which is taken off when it comes back. One with the prefix of another job
//! stays as it is, and is refused.

use super::gateway::{Asked, Deed, Gate, go_on_after, reworded, take_cursor, text};
use super::stream::{Then, blocks, with_id};
use crate::verify::faults::about::{About, Kind};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use serde_json::json;
use std::sync::Arc;

/// The exhibit.
pub(super) const ABOUT: About = About {
    id: "near-cursor-renamed",
    kind: Kind::NearMiss,
    defect: "none: cursors carry a prefix of their job, taken off when presented; with a counter of all jobs in its \
             place, it is global-event-counter",
    incident: "opaque ids per job, of whatever shape (docs/service.md)",
    expected: &[],
    methods: &[],
};

/// What stands before the cursors of a job: the last digits of its id, which its readers know anyway.
fn prefix(job: &str) -> String {
    let digits: String = job.chars().rev().take(6).collect();
    format!("{digits}.")
}

/// Has its own shape.
#[derive(Debug, Default)]
pub(super) struct CursorRenamed;

impl Gate for CursorRenamed {
    async fn pass(self: Arc<Self>, request: Request, next: Next) -> Response {
        let mut request = request;
        let Asked { deed, job, .. } = Asked::of(&request);
        let prefix = prefix(&job);
        match deed {
            Deed::Emit => {
                let renamed = |said: &mut serde_json::Value| {
                    if said["id"].is_string() {
                        said["id"] = json!(format!("{prefix}{}", text(said, "id")));
                    }
                };
                reworded(next.run(request).await, renamed).await
            }
            Deed::Watch => {
                if let Some(cursor) = take_cursor(&mut request) {
                    go_on_after(&mut request, cursor.strip_prefix(&prefix).unwrap_or("another job's"));
                }
                blocks(next.run(request).await, move |passing, out| {
                    out.push_str(&with_id(passing, |cursor| format!("{prefix}{cursor}")));
                    Then::On
                })
            }
            _ => next.run(request).await,
        }
    }
}
