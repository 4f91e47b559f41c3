//! Leaky: whoever resumes is given everything again.
//!
//! Written by whoever passes on the headers that he has heard of. Nothing fails: the stream opens, and what was read
//! long ago comes once more, under the same ids.
//!
//! Expected: G14, since a resumed stream replays what was not asked for.

use super::gateway::{Asked, Deed, Gate, take_cursor};
use crate::verify::faults::about::{About, Kind};
use crate::verify::guarantee::Guarantee;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use std::sync::Arc;

/// The exhibit.
pub(super) const ABOUT: About = About {
    id: "cursor-ignored",
    kind: Kind::Leaky,
    defect: "Last-Event-ID and after= are not passed on: a resumed stream starts from the beginning",
    incident: "overlapping replay at reconnect (cloudflare/agents#1607); the header left to the application (leak \
             catalogue C39)",
    expected: &[Guarantee::G14],
    methods: &["wire"],
};

/// Knows no such header.
#[derive(Debug, Default)]
pub(super) struct CursorIgnored;

impl Gate for CursorIgnored {
    async fn pass(self: Arc<Self>, request: Request, next: Next) -> Response {
        let mut request = request;
        if matches!(Asked::of(&request).deed, Deed::Watch | Deed::System) {
            let _never_passed_on = take_cursor(&mut request);
        }
        next.run(request).await
    }
}
