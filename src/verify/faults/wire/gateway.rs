//! What the gateways are made of: who asks for what, what is remembered of the answers, and bodies rewritten.
//!
//! A gateway stands around the shipped routes as a whole, as a reverse proxy or an embedder's own layer does: it sees
//! each request before it is routed, and each answer before it is written. A request that is passed on keeps its
//! extensions, by which the service knows its connection.

use super::stream::is_stream;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, Uri, header};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use serde_json::Value;
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One gateway: what it does with a request, and with the answer to it. `Self` is what it remembers between requests.
pub(super) trait Gate: Default + Send + Sync + 'static {
    /// Answers a request, by passing it on or otherwise.
    fn pass(self: Arc<Self>, request: Request, next: Next) -> impl Future<Output = Response> + Send;
}

/// Puts a gateway around routes. They stand behind it as one service, so that a path may be rewritten before it is
/// looked at: a layer around each route would come too late for that.
pub(super) fn put<G: Gate>(routes: Router) -> Router {
    let gate = Arc::new(G::default());
    let pass = move |request: Request, next: Next| Arc::clone(&gate).pass(request, next);
    Router::new().fallback_service(routes).layer(from_fn(pass))
}

/// Locks what a gateway remembers.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

// === requests ===

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    Create,
    Cancel,
    Watch,
    Emit,
    Close,
    Ticket,
    Grant,
    Revoke,
    System,
    Metrics,
    Other,
}

/// A request, as a gateway reads it.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// What for.
    pub(super) deed: Deed,
    /// The job that the path names; empty if it names none.
    pub(super) job: String,
    /// What follows `Bearer`; empty if nothing does.
    pub(super) bearer: String,
}

impl Asked {
    pub(super) fn of(request: &Request) -> Asked {
        let path: Vec<&str> = request.uri().path().split('/').skip(1).collect();
        let method = request.method();
        let (get, post, delete) = (method == Method::GET, method == Method::POST, method == Method::DELETE);
        let deed = match path[..] {
            ["v1", "jobs"] if post => Deed::Create,
            ["v1", "jobs", _] if delete => Deed::Cancel,
            ["v1", "jobs", _, "stream"] if get => Deed::Watch,
            ["v1", "jobs", _, "events"] if post => Deed::Emit,
            ["v1", "jobs", _, "close"] if post => Deed::Close,
            ["v1", "jobs", _, "tickets"] if post => Deed::Ticket,
            ["v1", "jobs", _, "capabilities"] if post => Deed::Grant,
            ["v1", "jobs", _, "capabilities"] if delete => Deed::Revoke,
            ["v1", "system", "events"] if get => Deed::System,
            ["metrics"] if get => Deed::Metrics,
            _ => Deed::Other,
        };
        let job = if path.starts_with(&["v1", "jobs"]) { path.get(2).copied().unwrap_or_default() } else { "" };
        let bearer = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let bearer = bearer.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
        Asked { deed, job: job.to_owned(), bearer: bearer.to_owned() }
    }
}

/// Presents another credential than the one that came, if any.
pub(super) fn present(request: &mut Request, bearer: &str) {
    if let Ok(value) = HeaderValue::from_str(&format!("Bearer {bearer}")) {
        request.headers_mut().insert(header::AUTHORIZATION, value);
    }
}

/// Asks for another path, with its query. What is none stays as it was.
pub(super) fn ask_for(request: &mut Request, path_and_query: &str) {
    if let Ok(uri) = path_and_query.parse::<Uri>() {
        *request.uri_mut() = uri;
    }
}

/// The same request once more, without a body.
pub(super) fn again(head: &Parts) -> Request {
    Request::from_parts(head.clone(), Body::empty())
}

/// A request split into its head, of which there can be copies, and itself.
pub(super) fn copied(request: Request) -> (Parts, Request) {
    let (head, body) = request.into_parts();
    (head.clone(), Request::from_parts(head, body))
}

/// Takes parameters out of the query, and answers the value of the last that was there.
pub(super) fn take_parameters(request: &mut Request, names: &[&str]) -> Option<String> {
    let query = request.uri().query()?;
    let named = |pair: &&str| names.contains(&pair.split('=').next().unwrap_or_default());
    let taken = query.split('&').rfind(named)?.split_once('=').map(|(_, value)| value.to_owned());
    let rest: Vec<&str> = query.split('&').filter(|pair| !named(pair)).collect();
    let path = request.uri().path();
    let uri = if rest.is_empty() { path.to_owned() } else { format!("{path}?{}", rest.join("&")) };
    ask_for(request, &uri);
    taken
}

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Takes the position out of a request, wherever it stands. The header goes before the query, as with the service.
pub(super) fn take_cursor(request: &mut Request) -> Option<String> {
    let by_query = take_parameters(request, &["after"]);
    let by_header = request.headers_mut().remove(LAST_EVENT_ID);
    by_header.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).or(by_query)
}

/// Asks to go on after a position.
pub(super) fn go_on_after(request: &mut Request, cursor: &str) {
    if let Ok(value) = HeaderValue::from_bytes(cursor.as_bytes()) {
        request.headers_mut().insert(LAST_EVENT_ID, value);
    }
}

// === whole bodies ===

/// The most that is read of a body that is read whole: more than the service takes or answers.
const MOST_BYTES: usize = 1 << 20;

/// A request with another body. One whose body is no JSON object is passed on as it came.
pub(super) async fn with_body(request: Request, change: impl FnOnce(&mut Value)) -> Request {
    let (mut head, body) = request.into_parts();
    let bytes = axum::body::to_bytes(body, MOST_BYTES).await.unwrap_or_default();
    let bytes = changed(bytes, change);
    head.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    Request::from_parts(head, Body::from(bytes))
}

/// An answer with another body. A stream passes untouched, and so does what is no JSON object.
pub(super) async fn reworded(response: Response, change: impl FnOnce(&mut Value)) -> Response {
    rewritten(response, |bytes| changed(bytes, change)).await
}

/// An answer with other bytes. A stream passes untouched.
pub(super) async fn rewritten(response: Response, change: impl FnOnce(Bytes) -> Bytes) -> Response {
    if is_stream(&response) {
        return response;
    }
    let (mut head, body) = response.into_parts();
    let bytes = change(axum::body::to_bytes(body, MOST_BYTES).await.unwrap_or_default());
    head.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    Response::from_parts(head, Body::from(bytes))
}

fn changed(bytes: Bytes, change: impl FnOnce(&mut Value)) -> Bytes {
    match serde_json::from_slice::<Value>(&bytes) {
        Ok(mut value) if value.is_object() => {
            change(&mut value);
            Bytes::from(format!("{value}\n"))
        }
        _ => bytes,
    }
}

/// A text in a JSON object; empty if there is none.
pub(super) fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_default()
}

// === what is remembered ===

/// The capabilities that were answered to whom: what a gateway that "only logs" ends up holding.
#[derive(Debug, Default)]
pub(super) struct Ledger(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    /// Of each job, the one with every right.
    owners: BTreeMap<String, String>,
    /// Every one, with its job and whether it was narrowed.
    issued: BTreeMap<String, (String, bool)>,
}

impl Ledger {
    /// Passes a request on and reads what is answered.
    pub(super) async fn pass(&self, request: Request, next: Next) -> Response {
        let asked = Asked::of(&request);
        let response = next.run(request).await;
        let issues = matches!(asked.deed, Deed::Create | Deed::Grant | Deed::Revoke);
        if !issues || !response.status().is_success() {
            return response;
        }
        reworded(response, |answer| self.learn(&asked, answer)).await
    }

    fn learn(&self, asked: &Asked, answer: &Value) {
        let capability = text(answer, "capability").to_owned();
        let job = if asked.deed == Deed::Create { text(answer, "job_id").to_owned() } else { asked.job.clone() };
        let narrowed = asked.deed == Deed::Grant;
        let mut entries = lock(&self.0);
        if !narrowed {
            entries.owners.insert(job.clone(), capability.clone());
        }
        entries.issued.insert(capability, (job, narrowed));
    }

    /// The capability with every right on a job.
    pub(super) fn owner(&self, job: &str) -> Option<String> {
        lock(&self.0).owners.get(job).cloned()
    }

    /// Of which job this is a capability, and whether it was narrowed.
    pub(super) fn issued(&self, capability: &str) -> Option<(String, bool)> {
        lock(&self.0).issued.get(capability).cloned()
    }

    /// Whether there ever was such a job.
    pub(super) fn knows(&self, job: &str) -> bool {
        lock(&self.0).owners.contains_key(job)
    }
}
