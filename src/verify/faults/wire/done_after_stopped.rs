//! Leaky: a reader who is shut out is told that the job is over.
//!
//! Written by whoever has a client that waits for `done` and for nothing else: what ends a stream is made an end of the
//! job. The reader reports a job as cancelled that goes on without him.
//!
//! Expected: G12, since revocation ends a stream by its own marker and by nothing else. The end is one that nobody gave
//! (G9), and it is told to whom nothing is to be told any more.

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
    id: "done-after-stopped",
    kind: Kind::Leaky,
    defect: "after `stopped: revoked` comes `done: cancelled`, though the job is open",
    incident: "rbee, fault 31 WRONG-TERMINAL-MARKER: an end for what is none; leak catalogue C29",
    expected: &[Guarantee::G12],
    methods: &["wire"],
};

/// Closes every stream alike.
#[derive(Debug, Default)]
pub(super) struct DoneAfterStopped;

impl Gate for DoneAfterStopped {
    async fn pass(self: Arc<Self>, request: Request, next: Next) -> Response {
        blocks(next.run(request).await, |passing, out| {
            out.push_str(passing);
            if is(passing, "stopped") && passing.contains("revoked") {
                // THE DEFECT: the stream is over, the job is not.
                out.push_str(&block("done", r#"{"outcome":"cancelled"}"#));
            }
            Then::On
        })
    }
}
