//! What every request passes before it reaches a route, and every answer on its way out.
//!
//! - **Host.** A page of any site can have its name resolve to this machine and then speak to a local server as if it
//!   were its own (DNS rebinding). So the server answers to the names that it was given only.
//! - **Origin.** Browsers say which page a request comes from. Pages of this server itself, and of origins that were
//!   listed, are let in; all others are refused before anything is done. Programs that send no origin are not browsers.
//! - **Caches, referrers, frames.** Nothing that is answered here is kept by anybody, and no URL is passed on.

use super::refusal::{Refusal, Refused};
use super::state::Service;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::SocketAddr;
use std::sync::Arc;

/// The names that this server answers to, as they stand in `Host`.
pub(super) struct Names(Vec<String>);

impl Names {
    /// The address itself; on loopback also its other names; and those that were configured.
    pub(super) fn new(address: SocketAddr, configured: &[String]) -> Names {
        let port = address.port();
        let mut names = vec![address.to_string()];
        if address.ip().is_loopback() || address.ip().is_unspecified() {
            names.extend(["localhost", "127.0.0.1", "[::1]"].map(|host| format!("{host}:{port}")));
        }
        if port == 80 {
            let bare: Vec<String> = names.iter().filter_map(|name| name.strip_suffix(":80")).map(Into::into).collect();
            names.extend(bare);
        }
        names.extend(configured.iter().map(|host| host.to_ascii_lowercase()));
        Names(names)
    }

    fn know(&self, host: &str) -> bool {
        self.0.iter().any(|name| name.eq_ignore_ascii_case(host))
    }
}

/// The one value of a header; an error if there are several, or bytes that are no text.
pub(super) fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, ()> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(());
    }
    first.map(|value| value.to_str().map_err(|_| ())).transpose()
}

/// Which page the request comes from, if from one that is let in.
enum From {
    /// This server's own, or no page at all.
    Here,
    /// One of a listed origin.
    Listed(HeaderValue),
}

fn checked(service: &Service, names: &Names, request: &Request) -> Result<From, Refusal> {
    let misdirected = || {
        let remedy = "call the server by the address that it prints, or add the name to `hosts` in its configuration";
        let message = "this server does not go by the name in Host";
        Refusal::said(StatusCode::MISDIRECTED_REQUEST, "misdirected", message, remedy)
    };
    let host = only(request.headers(), &header::HOST).ok().flatten().ok_or_else(misdirected)?;
    let named_in_target = request.uri().authority().is_none_or(|authority| names.know(authority.as_str()));
    if !names.know(host) || !named_in_target {
        return Err(misdirected());
    }
    let foreign = || {
        let message = "pages of this origin may not use this server";
        let remedy = "add the origin to `origins` in the server's configuration";
        Refusal::said(StatusCode::FORBIDDEN, "foreign_origin", message, remedy)
    };
    let Some(origin) = only(request.headers(), &header::ORIGIN).map_err(|()| foreign())? else {
        return Ok(From::Here);
    };
    let own = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    if own.is_some_and(|own| own.eq_ignore_ascii_case(host)) {
        return Ok(From::Here);
    }
    if service.config.origins.iter().any(|listed| listed == origin) {
        let value = HeaderValue::from_str(origin).map_err(|_| foreign())?;
        return Ok(From::Listed(value));
    }
    Err(foreign())
}

/// What the guard knows.
#[derive(Clone)]
pub(super) struct Guard {
    pub(super) service: Arc<Service>,
    pub(super) names: Arc<Names>,
}

/// The middleware.
pub(super) async fn guard(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let (mut response, from) = match checked(&guard.service, &guard.names, &request) {
        Err(refusal) => (refusal.into_response(), From::Here),
        Ok(From::Listed(origin)) if request.method() == Method::OPTIONS => (preflight(), From::Listed(origin)),
        Ok(from) => (next.run(request).await, from),
    };
    if let Some(Refused(error)) = response.extensions().get() {
        guard.service.tally.refused(error);
    }
    let headers = response.headers_mut();
    let fixed = |headers: &mut HeaderMap, name, value| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    fixed(headers, header::CACHE_CONTROL, "no-store");
    fixed(headers, header::VARY, "origin");
    fixed(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    // A ticket stands in a URL: no page passes it on.
    fixed(headers, header::REFERRER_POLICY, "no-referrer");
    match from {
        From::Here => fixed(headers, HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        From::Listed(origin) => {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        }
    }
    response
}

/// The answer to a browser that asks on behalf of a listed origin whether it may.
fn preflight() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    let mut say = |name, value| headers.insert(name, HeaderValue::from_static(value));
    say(header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, DELETE");
    say(header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type, last-event-id");
    say(header::ACCESS_CONTROL_MAX_AGE, "600");
    response
}
