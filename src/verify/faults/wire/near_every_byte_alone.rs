//! Near-miss: every byte of a stream is sent alone.
//!
//! One edit away from [`split_character_replaced`](super::split_character_replaced), which makes text of each piece:
//! here the pieces are smaller still, and nothing is made of them. A reader has to put characters and lines together
//! whatever the cuts.

use super::gateway::Gate;
use super::stream::{Then, chunks};
use crate::verify::faults::about::{About, Kind};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use std::sync::Arc;

/// The exhibit.
pub(super) const ABOUT: About = About {
    id: "near-every-byte-alone",
    kind: Kind::NearMiss,
    defect: "none: streams are cut into single bytes, which are passed on as they are; decoded alone, with U+FFFD \
             for what is cut, it is split-character-replaced",
    incident: "readers must not care where bytes are cut (leak catalogue C44)",
    expected: &[],
    methods: &[],
};

/// Thorough.
#[derive(Debug, Default)]
pub(super) struct EveryByteAlone;

impl Gate for EveryByteAlone {
    async fn pass(self: Arc<Self>, request: Request, next: Next) -> Response {
        chunks(next.run(request).await, |chunk, out| {
            out.extend((0..chunk.len()).map(|at| chunk.slice(at..=at)));
            Then::On
        })
    }
}
