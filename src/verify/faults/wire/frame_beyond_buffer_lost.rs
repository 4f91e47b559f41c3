//! Leaky: a block that does not fit into the buffer is skipped.
//!
//! Written by whoever reads blocks into a buffer of a fixed size and goes on with the next when one is too large.
//! Short events never show it; the one that is lost is the result.
//!
//! Expected: G6, since nobody counts it.

use super::gateway::Gate;
use super::stream::{Then, blocks};
use crate::verify::faults::about::{About, Kind};
use crate::verify::guarantee::Guarantee;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use std::sync::Arc;

/// The exhibit.
pub(super) const ABOUT: About = About {
    id: "frame-beyond-buffer-lost",
    kind: Kind::Leaky,
    defect: "a block of more than 1 KiB is dropped without a word",
    incident: "lines that a reader cannot take are skipped silently (rbee client, fault 29 CHUNK-SPLIT); rbee, fault \
             15 SILENT-DROP-NEWEST",
    expected: &[Guarantee::G6],
    methods: &["wire"],
};

/// The size of the buffer, in bytes.
const BUFFER: usize = 1 << 10;

/// Has one size.
#[derive(Debug, Default)]
pub(super) struct FrameBeyondBufferLost;

impl Gate for FrameBeyondBufferLost {
    async fn pass(self: Arc<Self>, request: Request, next: Next) -> Response {
        blocks(next.run(request).await, |passing, out| {
            if passing.len() <= BUFFER {
                out.push_str(passing);
            }
            Then::On
        })
    }
}
