//! Leaky: the server goes by any name.
//!
//! Written by whoever puts a proxy in front, sees 421, and rewrites Host to the one that works. A page of any site can
//! now have its own name resolve to this machine, and speak to the service as if it were its own.
//!
//! Expected: G12: a door that needs no right to be knocked at from anywhere.

use super::gateway::{Gate, ask_for, lock};
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
    id: "any-host",
    kind: Kind::Leaky,
    defect: "Host is rewritten to the server's own: requests under a foreign name are let in",
    incident: "rmcp CVE-2026-42559 (DNS rebinding); leak catalogue C54",
    expected: &[Guarantee::G12],
    methods: &["wire"],
};

/// A name that the server was seen to answer to.
#[derive(Debug, Default)]
pub(super) struct AnyHost {
    own: Mutex<Option<HeaderValue>>,
}

impl Gate for AnyHost {
    async fn pass(self: Arc<Self>, mut request: Request, next: Next) -> Response {
        let own = lock(&self.own).clone();
        if let Some(own) = own {
            // THE DEFECT: what the client called the server is what the server has to see.
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
