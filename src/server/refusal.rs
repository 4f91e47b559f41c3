//! Answers that are no success: one shape, and for whoever has no right to a job, one answer.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::borrow::Cow;

/// A request that is not done. Nothing of it took effect.
///
/// On the wire it is one line of JSON: `error` for programs, `message` for people, and `remedy`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    status: StatusCode,
    error: &'static str,
    message: Cow<'static, str>,
    remedy: Cow<'static, str>,
    header: Option<(HeaderName, &'static str)>,
}

#[derive(Serialize)]
struct Shape<'a> {
    error: &'a str,
    message: &'a str,
    remedy: &'a str,
}

impl Refusal {
    fn fixed(status: StatusCode, error: &'static str, message: &'static str, remedy: &'static str) -> Refusal {
        let (message, remedy) = (Cow::Borrowed(message), Cow::Borrowed(remedy));
        Refusal { status, error, message, remedy, header: None }
    }

    /// The one answer to whoever lacks the right: for a job that never was, one of somebody else, one that is over and
    /// read, a capability that is forged, expired, revoked or for another deed, and none at all (G13). Also that of a
    /// path which leads nowhere, so that the shape of an id tells nothing either.
    pub(super) fn nothing_here() -> Refusal {
        Refusal::fixed(
            StatusCode::NOT_FOUND,
            "not_found",
            "there is nothing here for you",
            "check the path and the capability: absent, foreign, finished and forbidden jobs are answered alike",
        )
    }

    pub(super) fn unauthorized() -> Refusal {
        let mut refusal = Refusal::fixed(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "this needs a credential that the request does not carry",
            "send Authorization: Bearer with the API key (to create jobs) or the operators' credential (the rest)",
        );
        refusal.header = Some((header::WWW_AUTHENTICATE, "Bearer"));
        refusal
    }

    pub(super) fn bad_request(error: &'static str, message: impl Into<String>, remedy: &'static str) -> Refusal {
        Refusal::said(StatusCode::BAD_REQUEST, error, message, remedy)
    }

    pub(super) fn said(
        status: StatusCode,
        error: &'static str,
        message: impl Into<String>,
        remedy: impl Into<Cow<'static, str>>,
    ) -> Refusal {
        Refusal { status, error, message: Cow::Owned(message.into()), remedy: remedy.into(), header: None }
    }

    pub(super) fn invalid_cursor() -> Refusal {
        Refusal::bad_request(
            "invalid_cursor",
            "the cursor is not one of this job's: nothing is replayed",
            "send a whole id: of this very stream; or none, with ?from=start for what is retained or ?from=now",
        )
    }

    /// What is no request, as far as the HTTP layer says by its status.
    pub(super) fn unreadable(status: StatusCode) -> Refusal {
        let (error, message, remedy) = match status {
            StatusCode::REQUEST_TIMEOUT => {
                ("head_too_slow", "the head of the request did not come in time", "send it at once")
            }
            StatusCode::URI_TOO_LONG => {
                ("target_too_long", "the target of the request is too long", "put what is large into the body")
            }
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => (
                "head_too_large",
                "the head of the request is larger than 64 KiB, or has more than 100 headers",
                "send less of it; put what is large into the body",
            ),
            StatusCode::HTTP_VERSION_NOT_SUPPORTED => {
                ("http_version", "HTTP/2 is not spoken here", "speak HTTP/1.1, or put a proxy before that does")
            }
            _ => (
                "invalid_request",
                "this is no request of HTTP/1.1",
                "see to the request line, to control characters and folded lines in the headers, and to the lengths that \
                 they state",
            ),
        };
        Refusal::fixed(status, error, message, remedy)
    }

    pub(super) fn error(&self) -> &'static str {
        self.error
    }

    /// As the bytes of a connection that is told off before anybody reads from it.
    pub(super) fn raw(&self) -> String {
        let (status, body) = (self.status, self.body());
        format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncache-control: no-store\r\nconnection: close\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    fn body(&self) -> String {
        let shape = Shape { error: self.error, message: &self.message, remedy: &self.remedy };
        let json = serde_json::to_string(&shape).expect("three texts are JSON");
        json + "\n"
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some((name, value)) = self.header {
            headers.insert(name, HeaderValue::from_static(value));
        }
        // For the counts; it stays in the process.
        response.extensions_mut().insert(Refused(self.error));
        response
    }
}

/// Which refusal a response is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Refused(pub(super) &'static str);
