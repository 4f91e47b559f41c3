//! Leaky: every job is told to have been completed, however it ended.
//!
//! Written by whoever makes the marker where the stream ends instead of where the job does: there is no outcome there
//! to look at. The seed's queen never asked, and said `[DONE]` after failures and cancellations alike.
//!
//! Expected: G9, since the end carries another outcome than close gave.

use super::gateway::Gate;
use super::stream::{Then, block, blocks, is};
use crate::verify::faults::about::{About, Kind};
use crate::verify::guarantee::Guarantee;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use std::sync::Arc;

/// The exhibit.
pub(super) const ABOUT: About = About {
    id: "done-is-always-completed",
    kind: Kind::Leaky,
    defect: "every `done` says completed, also after a failure or a cancellation",
    incident: "rbee queen, fault 31 WRONG-TERMINAL-MARKER (until its last commit)",
    expected: &[Guarantee::G9],
    methods: &["wire"],
};

/// Optimistic.
#[derive(Debug, Default)]
pub(super) struct DoneIsAlwaysCompleted;

impl Gate for DoneIsAlwaysCompleted {
    async fn pass(self: Arc<Self>, request: Request, next: Next) -> Response {
        blocks(next.run(request).await, |passing, out| {
            // THE DEFECT: the outcome is made up here.
            let rosy = block("done", r#"{"outcome":"completed"}"#);
            out.push_str(if is(passing, "done") { &rosy } else { passing });
            Then::On
        })
    }
}
