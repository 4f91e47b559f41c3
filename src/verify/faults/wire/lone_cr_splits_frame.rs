//! Leaky: a carriage return in a text ends the line that it stands in.
//!
//! Written by whoever has heard of line feeds: data is split there, and a lone CR passes. Readers that keep to the
//! grammar end lines at CR too; others do not, and so two readers of the same bytes read different events.
//!
//! Expected: G11.

use super::gateway::Gate;
use super::lf_splits_frame::unescaped;
use super::stream::{Then, blocks, is_event};
use crate::verify::faults::about::{About, Kind};
use crate::verify::guarantee::Guarantee;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use std::sync::Arc;

/// The exhibit.
pub(super) const ABOUT: About = About {
    id: "lone-cr-splits-frame",
    kind: Kind::Leaky,
    defect: "carriage returns in texts are written raw into the data",
    incident: "h3 GHSA-4hxc-9384-m385, django-eventstream#185, fastify-sse-v2#110; leak catalogue C43",
    expected: &[Guarantee::G11],
    methods: &["wire"],
};

/// Has heard of line feeds.
#[derive(Debug, Default)]
pub(super) struct LoneCrSplitsFrame;

impl Gate for LoneCrSplitsFrame {
    async fn pass(self: Arc<Self>, request: Request, next: Next) -> Response {
        blocks(next.run(request).await, |passing, out| {
            // THE DEFECT: this ends a line as well.
            let readable = if is_event(passing) { unescaped(passing, 'r', '\r') } else { passing.to_owned() };
            out.push_str(&readable);
            Then::On
        })
    }
}
