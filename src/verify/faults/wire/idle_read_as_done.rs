//! Leaky: a stream on which nothing is said for a while is ended as done.
//!
//! Written by whoever has seen clients hang and has no end of the job to wait for: the first keep-alive comment is the
//! timer that was at hand. The seed's queen took two seconds of silence for the end; a job that thought for three had
//! told its client of success at two.
//!
//! Expected: G9, since the end comes before any close.

use super::gateway::Gate;
use super::stream::{Then, block, blocks};
use crate::verify::faults::about::{About, Kind};
use crate::verify::guarantee::Guarantee;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use std::sync::Arc;

/// The exhibit.
pub(super) const ABOUT: About = About {
    id: "idle-read-as-done",
    kind: Kind::Leaky,
    defect: "at the first keep-alive comment of a silent stream `done` completed is said, and the stream ended",
    incident: "rbee queen, fault 22 IDLE-MEANS-DONE (1c2b5cf5 until its last commit); leak catalogue C29",
    expected: &[Guarantee::G9],
    methods: &["wire"],
};

/// Impatient.
#[derive(Debug, Default)]
pub(super) struct IdleReadAsDone;

impl Gate for IdleReadAsDone {
    async fn pass(self: Arc<Self>, request: Request, next: Next) -> Response {
        blocks(next.run(request).await, |passing, out| {
            if !passing.starts_with(':') {
                out.push_str(passing);
                return Then::On;
            }
            // THE DEFECT: silence is read as the end.
            out.push_str(&block("done", r#"{"outcome":"completed"}"#));
            Then::End
        })
    }
}
