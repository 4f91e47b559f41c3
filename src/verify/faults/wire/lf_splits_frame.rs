//! Leaky: a line feed in a text ends the line that it stands in.
//!
//! Written by whoever unescapes texts "for people" before they are written into `data:`, one frame with `format!`.
//! What follows the line feed is read as a field of its own: `id: ...`, `event: done`, or a blank line and a frame
//! made up.
//!
//! Expected: G11, since bytes of a payload create and alter frames.

use super::gateway::Gate;
use super::stream::{Then, blocks, is_event};
use crate::verify::faults::about::{About, Kind};
use crate::verify::guarantee::Guarantee;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use std::sync::Arc;

/// The exhibit.
pub(super) const ABOUT: About = About {
    id: "lf-splits-frame",
    kind: Kind::Leaky,
    defect: "line feeds in texts are written raw into the data",
    incident: "h3 CVE-2026-33128, Hono CVE-2026-29085; rbee hive, fault 30 FRAME-BOUNDARY-LOSS; leak catalogue C42",
    expected: &[Guarantee::G11],
    methods: &["wire"],
};

/// A block in which one escape of JSON is undone; the others are left as they are.
pub(super) fn unescaped(block: &str, letter: char, raw: char) -> String {
    let mut out = String::with_capacity(block.len());
    let mut rest = block.chars();
    while let Some(first) = rest.next() {
        match (first, if first == '\\' { rest.next() } else { None }) {
            (_, Some(escaped)) if escaped == letter => out.push(raw),
            (_, escaped) => {
                out.push(first);
                out.extend(escaped);
            }
        }
    }
    out
}

/// Makes texts readable.
#[derive(Debug, Default)]
pub(super) struct LfSplitsFrame;

impl Gate for LfSplitsFrame {
    async fn pass(self: Arc<Self>, request: Request, next: Next) -> Response {
        blocks(next.run(request).await, |passing, out| {
            // THE DEFECT: the line ends where somebody's text says so.
            let readable = if is_event(passing) { unescaped(passing, 'n', '\n') } else { passing.to_owned() };
            out.push_str(&readable);
            Then::On
        })
    }
}
