//! Leaky: a path that is written otherwise is let in without a check.
//!
//! Written by whoever checks paths as they come and then puts them right: `//v1/jobs/J/stream`, `/V1/jobs/J/stream/`
//! and `/v1/jobs/%6Aob-...` are none of those that need a capability, so the gateway forwards them under its own
//! right, and only then folds them into the one that they mean.
//!
//! Expected: G12, since there must be no second door.

use super::gateway::{Gate, Ledger, ask_for, present};
use crate::verify::faults::about::{About, Kind};
use crate::verify::guarantee::Guarantee;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use std::sync::Arc;

/// The exhibit.
pub(super) const ABOUT: About = About {
    id: "second-door",
    kind: Kind::Leaky,
    defect: "paths with doubled or trailing slashes, escapes or capitals are put right after the check, and \
             forwarded unchecked",
    incident: "two layers that fold paths differently (Mercure's reserved paths, Parse Server CVE-2026-30947); leak \
             catalogue C08, C32",
    expected: &[Guarantee::G12],
    methods: &["wire"],
};

/// Checks first, and puts right afterwards.
#[derive(Debug, Default)]
pub(super) struct SecondDoor {
    ledger: Ledger,
}

/// The path that is meant: escapes undone, small letters, single slashes, none at the end.
fn put_right(path: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = path.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let escaped = after.get(..2).filter(|_| first == b'%');
        let escaped = escaped.and_then(|two| u8::from_str_radix(str::from_utf8(two).ok()?, 16).ok());
        bytes.push(escaped.unwrap_or(first).to_ascii_lowercase());
        rest = if escaped.is_some() { &after[2..] } else { after };
    }
    let path = String::from_utf8_lossy(&bytes).into_owned();
    path.split('/').filter(|part| !part.is_empty()).map(|part| format!("/{part}")).collect()
}

impl Gate for SecondDoor {
    async fn pass(self: Arc<Self>, mut request: Request, next: Next) -> Response {
        let meant = put_right(request.uri().path());
        let job = meant.split('/').nth(3).unwrap_or_default();
        // A path as it should be passes on to the check of the service.
        if meant != request.uri().path()
            && let Some(owner) = self.ledger.owner(job)
        {
            let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
            ask_for(&mut request, &format!("{meant}{query}"));
            // THE DEFECT: what was not recognised has not been checked either.
            present(&mut request, &owner);
        }
        self.ledger.pass(request, next).await
    }
}
