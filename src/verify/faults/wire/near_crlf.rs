//! Near-miss: lines of streams end with CRLF.
//!
//! One edit away from [`lone_cr_splits_frame`](super::lone_cr_splits_frame), which lets a CR stand where no line ends:
//! here one stands before each LF of ours, and none in a text. The grammar knows three ends of a line, and every
//! reader has to.

use super::gateway::Gate;
use super::stream::{Then, blocks};
use crate::verify::faults::about::{About, Kind};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use std::sync::Arc;

/// The exhibit.
pub(super) const ABOUT: About = About {
    id: "near-crlf",
    kind: Kind::NearMiss,
    defect: "none: the lines of blocks end with CRLF; with a CR within the data, it is lone-cr-splits-frame",
    incident: "the three ends of a line in the grammar of event streams (leak catalogue C43)",
    expected: &[],
    methods: &[],
};

/// Old-fashioned.
#[derive(Debug, Default)]
pub(super) struct Crlf;

impl Gate for Crlf {
    async fn pass(self: Arc<Self>, request: Request, next: Next) -> Response {
        blocks(next.run(request).await, |passing, out| {
            // Data is one line of JSON: each LF here is the end of a line of the frame.
            out.push_str(&passing.replace('\n', "\r\n"));
            Then::On
        })
    }
}
