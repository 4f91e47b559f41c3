//! Leaky: the marker of a loss is lost itself.
//!
//! Written by whoever forwards what the client is known to handle, and the client knows no `lagged`. The seed's sink
//! dropped what its channel could not hold, without a counter, an error or a line in a log.
//!
//! Expected: G6, since the loss is no longer counted to the reader.

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
    id: "lag-swallowed",
    kind: Kind::Leaky,
    defect: "`lagged` is not passed on: what a slow reader lost is not counted to it",
    incident: "rbee, fault 15 SILENT-DROP-NEWEST (60b30539 until its last commit); leak catalogue C22",
    expected: &[Guarantee::G6],
    methods: &["wire"],
};

/// Knows three events.
#[derive(Debug, Default)]
pub(super) struct LagSwallowed;

impl Gate for LagSwallowed {
    async fn pass(self: Arc<Self>, request: Request, next: Next) -> Response {
        blocks(next.run(request).await, |passing, out| {
            if !is(passing, "lagged") {
                out.push_str(passing);
            }
            Then::On
        })
    }
}
