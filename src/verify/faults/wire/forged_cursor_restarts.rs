//! Leaky: a position that does not exist means the beginning.
//!
//! Written by whoever finds that a client which kept an old cursor is refused for ever, and helps it: what the service
//! refuses is asked for once more without the cursor. So any text is a key to all that is retained.
//!
//! Expected: G14, since such a position is owed a refusal or a gap, never history that nobody asked for.

use super::gateway::{Asked, Deed, Gate, again, copied, take_cursor};
use crate::verify::faults::about::{About, Kind};
use crate::verify::guarantee::Guarantee;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use std::sync::Arc;

/// The exhibit.
pub(super) const ABOUT: About = About {
    id: "forged-cursor-restarts",
    kind: Kind::Leaky,
    defect: "a cursor that the service refuses is dropped, and the stream starts from the beginning",
    incident: "modelcontextprotocol/servers#4099 and others: not found means the start; leak catalogue C39",
    expected: &[Guarantee::G14],
    methods: &["wire"],
};

/// Helpful.
#[derive(Debug, Default)]
pub(super) struct ForgedCursorRestarts;

impl Gate for ForgedCursorRestarts {
    async fn pass(self: Arc<Self>, request: Request, next: Next) -> Response {
        if Asked::of(&request).deed != Deed::Watch {
            return next.run(request).await;
        }
        let (head, request) = copied(request);
        let response = next.clone().run(request).await;
        let mut afresh = again(&head);
        if response.status() != StatusCode::BAD_REQUEST || take_cursor(&mut afresh).is_none() {
            return response;
        }
        // THE DEFECT: a refusal is turned into everything.
        next.run(afresh).await
    }
}
