//! Leaky: the body of a refused request is taken for the next request.
//!
//! Written by whoever answers a refusal at once and leaves the rest of the request where it is, on a connection that is
//! kept. If that rest looks like a request it is answered, and each answer from then on is the one to the request
//! before.
//!
//! Expected: G12, since on such a connection one client is given what another one asked for with its own right.

use super::gateway::{Asked, Deed, Gate, lock};
use crate::verify::faults::about::{About, Kind};
use crate::verify::guarantee::Guarantee;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use std::sync::Arc;
use std::sync::Mutex;

/// The exhibit.
pub(super) const ABOUT: About = About {
    id: "body-left-unread",
    kind: Kind::Leaky,
    defect: "a refused emit on a kept connection whose body looks like a request leaves that one's answer to the next",
    incident: "pingora CVE-2025-4366 (undrained body, then reuse), hyper CVE-2017-18587; leak catalogue C46",
    expected: &[Guarantee::G12],
    methods: &["wire"],
};

/// The answer that is too many. There is one place for it, as there is one connection to the service.
#[derive(Debug, Default)]
pub(super) struct BodyLeftUnread {
    left: Mutex<Option<Response>>,
}

/// What a body asks for, if it looks like a request.
fn asks_for(body: &[u8]) -> Option<&str> {
    str::from_utf8(body).ok()?.strip_prefix("GET ")?.split(' ').next()
}

impl Gate for BodyLeftUnread {
    async fn pass(self: Arc<Self>, request: Request, next: Next) -> Response {
        if request.headers().get(header::CONNECTION).is_some_and(|value| value == "close") {
            return next.run(request).await;
        }
        let left = lock(&self.left).take();
        if let Some(left) = left {
            *lock(&self.left) = Some(next.run(request).await);
            return left;
        }
        if Asked::of(&request).deed != Deed::Emit {
            return next.run(request).await;
        }
        let (head, body) = request.into_parts();
        let bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap_or_default();
        let mut hidden = Request::new(Body::empty());
        hidden.headers_mut().extend(head.headers.get(header::HOST).map(|host| (header::HOST, host.clone())));
        let uri = asks_for(&bytes).and_then(|target| target.parse().ok());
        let response = next.clone().run(Request::from_parts(head, Body::from(bytes))).await;
        if let Some(uri) = uri.filter(|_| response.status() == StatusCode::NOT_FOUND) {
            *hidden.uri_mut() = uri;
            // THE DEFECT: nobody has asked for this, and somebody will be given it.
            *lock(&self.left) = Some(next.run(hidden).await);
        }
        response
    }
}
