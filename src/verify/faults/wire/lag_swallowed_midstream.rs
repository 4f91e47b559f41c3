//! Leaky: the marker of a loss passes at the head of a stream and nowhere else.
//!
//! Written by whoever tells a reader once what it came too late for, and takes a marker amid its events for a
//! repetition of that. A reader that stalled believes that it has everything.
//!
//! Expected: G6, since losses are counted at the head, between deliveries and at the tail alike.

use super::gateway::Gate;
use super::stream::{Then, blocks, is, is_event};
use crate::verify::faults::about::{About, Kind};
use crate::verify::guarantee::Guarantee;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use std::sync::Arc;

/// The exhibit.
pub(super) const ABOUT: About = About {
    id: "lag-swallowed-midstream",
    kind: Kind::Leaky,
    defect: "`lagged` is passed on before the first event only: what a reader lost as it stalled is not counted to it",
    incident: "rbee, fault 15 SILENT-DROP-NEWEST (60b30539 until its last commit); leak catalogue C22",
    expected: &[Guarantee::G6],
    methods: &["wire"],
};

/// Tells it once.
#[derive(Debug, Default)]
pub(super) struct LagSwallowedMidstream;

impl Gate for LagSwallowedMidstream {
    async fn pass(self: Arc<Self>, request: Request, next: Next) -> Response {
        let mut begun = false;
        blocks(next.run(request).await, move |passing, out| {
            begun |= is_event(passing);
            // THE DEFECT: whoever has begun to read is taken to have read on.
            if !(begun && is(passing, "lagged")) {
                out.push_str(passing);
            }
            Then::On
        })
    }
}
