//! The page at `/`: live jobs side by side, for a demonstration. One document, nothing loaded from anywhere else.

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use data_encoding::BASE64;
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

const HTML: &str = include_str!("page.html");

/// What stands between two marks of the page.
fn between(open: &str, close: &str) -> &'static str {
    let (_, rest) = HTML.split_once(open).expect("the page has one such element");
    rest.split_once(close).expect("the element is closed").0
}

/// Only the page's own style and script are run, by their digests; it talks to this server only, and stands in no
/// frame.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let digest = |text: &str| BASE64.encode(&Sha256::digest(text.as_bytes()));
    let (style, script) = (digest(between("<style>", "</style>")), digest(between("<script>", "</script>")));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{script}'; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).expect("digests in base64 are a header's text")
});

pub(super) async fn page() -> Response {
    let mut response = Response::new(Body::from(HTML));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY.clone());
    response
}
