//! Leaky: once a job is closed, every position on it means its beginning.
//!
//! Written by whoever serves open jobs from memory and closed ones from an archive, of which only the former can
//! resume. A reader that was cut off just before the end gets everything twice, and any text is a position.
//!
//! Expected: G14, since a closed job that nobody has had to its end is resumed like any other.

use super::gateway::{Asked, Deed, Gate, lock, take_cursor};
use crate::verify::faults::about::{About, Kind};
use crate::verify::guarantee::Guarantee;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::Mutex;

/// The exhibit.
pub(super) const ABOUT: About = About {
    id: "archive-knows-no-cursor",
    kind: Kind::Leaky,
    defect: "cursors are dropped where the job is closed: the stream starts from the beginning, whatever was asked for",
    incident: "modelcontextprotocol/servers#4099 and others: not found means the start; leak catalogue C39",
    expected: &[Guarantee::G14],
    methods: &["wire"],
};

/// What is archived.
#[derive(Debug, Default)]
pub(super) struct ArchiveKnowsNoCursor {
    closed: Mutex<BTreeSet<String>>,
}

impl Gate for ArchiveKnowsNoCursor {
    async fn pass(self: Arc<Self>, mut request: Request, next: Next) -> Response {
        let Asked { deed, job, .. } = Asked::of(&request);
        if deed == Deed::Watch && lock(&self.closed).contains(&job) {
            // THE DEFECT: an archive is read from its first page.
            let _position = take_cursor(&mut request);
        }
        let response = next.run(request).await;
        if matches!(deed, Deed::Close | Deed::Cancel) && response.status().is_success() {
            lock(&self.closed).insert(job);
        }
        response
    }
}
