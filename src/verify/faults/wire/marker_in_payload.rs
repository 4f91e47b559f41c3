//! Leaky: a text that looks like the end is taken for it.
//!
//! Written by whoever has spoken with services that end their streams by the text `[DONE]`, and finds it by searching.
//! The seed's client did, and build output of arbitrary scripts flowed there: a job that prints the marker, or repeats
//! what a stranger typed, ends its own stream with a forged success.
//!
//! Expected: G11, since bytes of a payload end the stream and hide what follows.

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
    id: "marker-in-payload",
    kind: Kind::Leaky,
    defect: "an event whose text holds [DONE] is taken for the end: `done` is said, and the rest is lost",
    incident: "rbee hive and client, fault 28 IN-BAND-MARKER-FORGERY (until its last commit); leak catalogue C29, C45",
    expected: &[Guarantee::G11],
    methods: &["wire"],
};

/// Searches for the marker.
#[derive(Debug, Default)]
pub(super) struct MarkerInPayload;

impl Gate for MarkerInPayload {
    async fn pass(self: Arc<Self>, request: Request, next: Next) -> Response {
        blocks(next.run(request).await, |passing, out| {
            if !passing.contains("[DONE]") {
                out.push_str(passing);
                return Then::On;
            }
            // THE DEFECT: the marker may stand in what somebody said.
            out.push_str(&block("done", r#"{"outcome":"completed"}"#));
            Then::End
        })
    }
}
