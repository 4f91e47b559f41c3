//! Leaky: a character that is cut by the edge of a buffer comes out as two replacement characters.
//!
//! Written by whoever reads a stream in pieces, and makes text of each piece alone. With ASCII nothing ever happens.
//! The seed's client did so with the chunks of TCP, and lost the stream over a letter that stood on the edge.
//!
//! Expected: G11, since what is read is not what was said, depending on where the bytes were cut.

use super::gateway::Gate;
use super::stream::{Then, chunks};
use crate::verify::faults::about::{About, Kind};
use crate::verify::guarantee::Guarantee;
use axum::body::Bytes;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use std::sync::Arc;

/// The exhibit.
pub(super) const ABOUT: About = About {
    id: "split-character-replaced",
    kind: Kind::Leaky,
    defect: "bodies are read in pieces of 64 bytes, each decoded alone, with U+FFFD for what is cut",
    incident: "rbee client, fault 29 CHUNK-SPLIT (until d1932278); leak catalogue C44",
    expected: &[Guarantee::G11],
    methods: &["wire"],
};

/// How much is read at a time.
const PIECE: usize = 64;

/// Reads piece by piece.
#[derive(Debug, Default)]
pub(super) struct SplitCharacterReplaced;

impl Gate for SplitCharacterReplaced {
    async fn pass(self: Arc<Self>, request: Request, next: Next) -> Response {
        chunks(next.run(request).await, |chunk, out| {
            // THE DEFECT: half a character is no text.
            let texts = chunk.chunks(PIECE).map(|piece| String::from_utf8_lossy(piece).into_owned());
            out.extend(texts.map(Bytes::from));
            Then::On
        })
    }
}
