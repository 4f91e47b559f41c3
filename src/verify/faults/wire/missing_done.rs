//! Leaky: the body ends, and nobody says that the job did.
//!
//! Written by whoever holds that the end of a body is an end. It is also what a broken connection looks like, so
//! clients resume for ever, or take a crash for success. In the seed's system the job layer sent no marker at all, and
//! its tests passed because they narrated one themselves.
//!
//! Expected: G9, since a stream that is read to its end is owed one.

use super::gateway::Gate;
use super::stream::{Then, blocks, is};
use crate::verify::faults::about::{About, Kind};
use crate::verify::guarantee::Guarantee;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use std::sync::Arc;

/// The exhibit.
pub(super) const ABOUT: About = About {
    id: "missing-done",
    kind: Kind::Leaky,
    defect: "the body of a job's stream ends without its `done`",
    incident: "rbee job layer, fault 27 LIFECYCLE-MARKER-IN-NARRATION (until 319b5089); fault 34 ERROR-AS-200 / \
             EOF-AS-SUCCESS",
    expected: &[Guarantee::G9],
    methods: &["wire"],
};

/// Lets the body speak for itself.
#[derive(Debug, Default)]
pub(super) struct MissingDone;

impl Gate for MissingDone {
    async fn pass(self: Arc<Self>, request: Request, next: Next) -> Response {
        blocks(next.run(request).await, |passing, out| {
            if !is(passing, "done") {
                out.push_str(passing);
            }
            Then::On
        })
    }
}
