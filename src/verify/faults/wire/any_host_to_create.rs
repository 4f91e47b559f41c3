//! Leaky: jobs are created under any name of the server.
//!
//! Written by whoever lets other systems of the house start jobs by whatever name they know the server under, and finds
//! no harm in it, since creating needs no capability. A page that rebinds its own name to this machine starts work on
//! it.
//!
//! Expected: G12: every surface checks.

use super::gateway::{Asked, Deed, Gate, ask_for, lock};
use crate::verify::faults::about::{About, Kind};
use crate::verify::guarantee::Guarantee;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use std::sync::Arc;
use std::sync::Mutex;

/// The exhibit.
pub(super) const ABOUT: About = About {
    id: "any-host-to-create",
    kind: Kind::Leaky,
    defect: "Host is not looked at for POST /v1/jobs",
    incident: "rmcp CVE-2026-42559 (DNS rebinding), at one door of many; leak catalogue C54",
    expected: &[Guarantee::G12],
    methods: &["wire"],
};

/// A name that the server was seen to answer to.
#[derive(Debug, Default)]
pub(super) struct AnyHostToCreate {
    own: Mutex<Option<HeaderValue>>,
}

impl Gate for AnyHostToCreate {
    async fn pass(self: Arc<Self>, mut request: Request, next: Next) -> Response {
        let own = lock(&self.own).clone();
        if let Some(own) = own.filter(|_| Asked::of(&request).deed == Deed::Create) {
            // THE DEFECT: a door to which nobody needs a right is taken for one that needs no lock.
            request.headers_mut().insert(header::HOST, own);
            let target = request.uri().path_and_query().map(ToString::to_string);
            target.iter().for_each(|target| ask_for(&mut request, target));
        }
        let called = request.headers().get(header::HOST).cloned();
        let response = next.run(request).await;
        if response.status() != StatusCode::MISDIRECTED_REQUEST {
            *lock(&self.own) = called;
        }
        response
    }
}
