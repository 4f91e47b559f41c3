//! Near-miss: a comment stands before every block.
//!
//! One edit away from [`idle_read_as_done`](super::idle_read_as_done), which takes a comment for the end: comments say
//! nothing, however many there are.

use super::gateway::Gate;
use super::stream::{Then, blocks};
use crate::verify::faults::about::{About, Kind};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use std::sync::Arc;

/// The exhibit.
pub(super) const ABOUT: About = About {
    id: "near-many-comments",
    kind: Kind::NearMiss,
    defect: "none: a comment is sent before every block; with `done` in its place, it is idle-read-as-done",
    incident: "comments as keep-alive, which readers skip (the grammar of event streams; leak catalogue C29)",
    expected: &[],
    methods: &[],
};

/// Talkative.
#[derive(Debug, Default)]
pub(super) struct ManyComments;

impl Gate for ManyComments {
    async fn pass(self: Arc<Self>, request: Request, next: Next) -> Response {
        blocks(next.run(request).await, |passing, out| {
            out.push_str(": still here\n");
            out.push_str(passing);
            Then::On
        })
    }
}
