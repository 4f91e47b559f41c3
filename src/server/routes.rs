//! What can be asked for, route by route.
//!
//! Every route on a job begins with [`admitted`], before the body is read: whoever is not let in learns nothing from
//! what is done with the rest of the request.

use super::authority::{Claims, Kind, Verbs};
use super::guard::{self, Guard, only};
use super::line::Line;
use super::operations::{self, Operation};
use super::page;
use super::refusal::Refusal;
use super::source::Source;
use super::state::{Admitted, Service, StreamSlot, now_ms};
use super::stream::{Query, SseBody};
use crate::narration::{Action, Actor, Emit, Event, Level, Outcome, Payload};
use crate::router::{Refused, Since};
use axum::body::{Body, HttpBody};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::{DeserializeOwned, Deserializer};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::time::timeout;

type Shared = State<Arc<Service>>;
type Answer = Result<Response, Refusal>;

/// All routes, behind the guard.
pub(super) fn routes(service: &Arc<Service>, names: guard::Names) -> axum::Router {
    let guard = Guard { service: Arc::clone(service), names: Arc::new(names) };
    axum::Router::new()
        .route("/", get(page::page))
        .route("/v1/jobs", post(create))
        .route("/v1/jobs/{job_id}", delete(cancel))
        .route("/v1/jobs/{job_id}/stream", get(stream))
        .route("/v1/jobs/{job_id}/events", post(emit))
        .route("/v1/jobs/{job_id}/close", post(close))
        .route("/v1/jobs/{job_id}/tickets", post(ticket))
        .route("/v1/jobs/{job_id}/capabilities", post(grant).delete(revoke))
        .route("/v1/system/events", get(system))
        .route("/metrics", get(metrics))
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .fallback(async || Refusal::nothing_here())
        .method_not_allowed_fallback(async || {
            let remedy = "see Allow for what there is";
            Refusal::said(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "not with this method", remedy)
        })
        .layer(axum::middleware::from_fn_with_state(guard, guard::guard))
        .with_state(Arc::clone(service))
}

// === who asks ===

/// What follows `Bearer` in the one header of its kind.
fn bearer(parts: &Parts) -> Option<&str> {
    let value = only(&parts.headers, &header::AUTHORIZATION).ok()??;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// The job that the path names, byte for byte: nothing is decoded or folded.
fn job(parts: &Parts) -> &str {
    parts.uri.path().split('/').nth(3).unwrap_or_default()
}

/// Lets the request in to its job for one deed, by the capability in its header.
fn admitted(service: &Service, parts: &Parts, verb: Verbs) -> Result<Admitted, Refusal> {
    service.admit(Kind::Capability, bearer(parts).unwrap_or_default(), job(parts), verb)
}

/// Lets the request in to its job's stream: by header, or by a ticket in the URL, never both.
fn admitted_to_stream(service: &Service, parts: &Parts, query: &Query<'_>) -> Result<Admitted, Refusal> {
    match (parts.headers.contains_key(header::AUTHORIZATION), query.ticket) {
        (false, Some(ticket)) => service.admit(Kind::Ticket, ticket, job(parts), Verbs::READ),
        (true, Some(_)) => service.admit(Kind::Ticket, "", job(parts), Verbs::READ),
        (_, None) => admitted(service, parts, Verbs::READ),
    }
}

fn operator(service: &Service, parts: &Parts) -> Result<(), Refusal> {
    service.operators.admit(bearer(parts)).then_some(()).ok_or_else(Refusal::unauthorized)
}

// === what is sent ===

/// The body, whole, within its limits of size and time.
async fn whole(service: &Service, parts: &Parts, body: Body) -> Result<axum::body::Bytes, Refusal> {
    let line = parts.extensions.get::<Line>();
    let most = service.config.body_bytes;
    let too_large = || {
        Refusal::said(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body_too_large",
            format!("the body is larger than {most} bytes"),
            "send less; large results belong where they are kept, with their place narrated",
        )
    };
    // Announced by `content-length`: none of it is waited for.
    if body.size_hint().lower() > most as u64 {
        return Err(too_large());
    }
    let awaited = line.map(Line::awaits_body);
    let collected = timeout(service.config.request, Limited::new(body, most).collect()).await;
    drop(awaited);
    match collected {
        Ok(Ok(body)) => {
            line.iter().for_each(|line| line.heard_out());
            Ok(body.to_bytes())
        }
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(Refusal::bad_request("body_broken", "the body broke off", "send it whole")),
        Err(_) => Err(Refusal::said(
            StatusCode::REQUEST_TIMEOUT,
            "body_too_slow",
            format!("the body did not come within {} ms", service.config.request.as_millis()),
            "send it at once",
        )),
    }
}

/// What the body says.
async fn said<T: DeserializeOwned>(service: &Service, parts: &Parts, body: Body) -> Result<T, Refusal> {
    let bytes = whole(service, parts, body).await?;
    let invalid = |why: &dyn std::fmt::Display| {
        Refusal::bad_request("invalid_body", format!("the body is not what it should be: {why}"), "see docs/service.md")
    };
    // A list would be read too, as the fields in their order: no client means that.
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
        return Err(invalid(&"it is no JSON object"));
    }
    serde_json::from_slice(&bytes).map_err(|error| invalid(&error))
}

fn json(status: StatusCode, value: &impl Serialize) -> Response {
    let body = serde_json::to_string(value).expect("what is answered is JSON") + "\n";
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

// === jobs ===

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Create {
    operation: String,
    #[serde(default)]
    args: Value,
    correlation_id: Option<String>,
}

/// The longest text that ties events to a request.
const LONGEST_CORRELATION: usize = 128;

async fn create(State(service): Shared, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    let tenant = service.tenants.who(bearer(&parts)).ok_or_else(Refusal::unauthorized)?;
    let Create { operation, args, correlation_id } = said(&service, &parts, body).await?;
    let operation = Operation::parse(&operation, args).map_err(|why| {
        Refusal::said(StatusCode::BAD_REQUEST, "invalid_operation", why, format!("operations: {}", operations::NAMES))
    })?;
    if correlation_id.as_ref().is_some_and(|id| id.len() > LONGEST_CORRELATION) {
        let message = format!("the correlation_id is longer than {LONGEST_CORRELATION} bytes");
        return Err(Refusal::bad_request("invalid_body", message, "send a shorter one"));
    }
    if *service.stopping.borrow() {
        let (error, message) = ("shutting_down", "the service is about to end");
        let remedy = "try again once it is back";
        return Err(Refusal::said(StatusCode::SERVICE_UNAVAILABLE, error, message, remedy));
    }
    let Admitted { record, claims } = service.create(tenant, (operation, correlation_id))?;
    service.tally.job_created();
    let answer = json!({
        "job_id": record.id,
        "sse_url": format!("/v1/jobs/{}/stream", record.id.as_str()),
        "capability": service.seal(claims),
        "expires": claims.expires,
    });
    Ok(json(StatusCode::ACCEPTED, &answer))
}

/// The job is over, and whoever asks may know it.
fn over(refused: Refused) -> Refusal {
    Refusal::said(
        StatusCode::CONFLICT,
        "job_closed",
        refused.to_string(),
        "nothing of this took effect; read the stream",
    )
}

async fn cancel(State(service): Shared, request: Request) -> Answer {
    let (parts, _unread) = request.into_parts();
    let admitted = admitted(&service, &parts, Verbs::CLOSE)?;
    end(&service, &admitted, Outcome::Cancelled)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Close {
    outcome: Outcome,
}

async fn close(State(service): Shared, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    let admitted = admitted(&service, &parts, Verbs::CLOSE)?;
    let Close { outcome } = said(&service, &parts, body).await?;
    end(&service, &admitted, outcome)
}

fn end(service: &Service, admitted: &Admitted, outcome: Outcome) -> Answer {
    let id = &admitted.record.id;
    match admitted.act(|_| service.jobs.end(id, outcome))? {
        Ok(()) => Ok(json(StatusCode::OK, &json!({ "job_id": id, "status": outcome }))),
        Err(_over) => {
            let outcome = admitted.record.spare.outcome();
            Err(outcome.map_or_else(Refusal::nothing_here, |outcome| over(Refused::Closed(outcome))))
        }
    }
}

// === events ===

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Narrated {
    actor: Option<Actor>,
    action: Action,
    human: String,
    target: Option<String>,
    #[serde(default)]
    context: Vec<String>,
    #[serde(default)]
    level: Level,
    correlation_id: Option<String>,
    duration_ms: Option<u64>,
    error_kind: Option<String>,
    #[serde(default, deserialize_with = "given")]
    payload: Option<Payload>,
}

/// A payload that is `null` is one all the same.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Payload>, D::Error> {
    Payload::deserialize(deserializer).map(Some)
}

const CLIENT: Actor = Actor::new("client");

impl From<Narrated> for Event {
    fn from(said: Narrated) -> Event {
        let mut event = Event::new(said.actor.unwrap_or(CLIENT), said.action, said.human);
        if let Some(target) = said.target {
            event.target = target;
        }
        event.context = said.context;
        event.level = said.level;
        event.correlation_id = said.correlation_id;
        event.duration_ms = said.duration_ms;
        event.error_kind = said.error_kind;
        event.payload = said.payload;
        event
    }
}

async fn emit(State(service): Shared, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    let admitted = admitted(&service, &parts, Verbs::EMIT)?;
    let event: Narrated = said(&service, &parts, body).await?;
    match admitted.act(|record| record.emitter.emit(event.into()))? {
        Ok(position) => {
            let answer =
                json!({ "id": admitted.record.cursors.seal(position.sequence), "sequence": position.sequence });
            Ok(json(StatusCode::ACCEPTED, &answer))
        }
        Err(Refused::TooLarge { limit }) => Err(Refusal::said(
            StatusCode::PAYLOAD_TOO_LARGE,
            "event_too_large",
            format!("the event is larger than {limit} bytes, as encoded"),
            "say less in one event; it was delivered to nobody",
        )),
        Err(refused) => Err(over(refused)),
    }
}

// === streams ===

async fn stream(State(service): Shared, request: Request) -> Answer {
    let (parts, _no_body) = request.into_parts();
    let query = Query::of(&parts.uri);
    let Admitted { record, claims } = admitted_to_stream(&service, &parts, &query)?;
    let since = since(&parts, &query, |text| record.cursors.open(text))?;
    let mut slot = Some(service.take_stream(&record)?);
    let source = match record.reader.subscribe(since) {
        Ok(stream) => Source::Live(stream),
        Err(Refused::ForeignPosition) => return Err(Refusal::invalid_cursor()),
        // The router has let it go: what is left is for whoever lost the end, or it answers as a job that never was.
        Err(_) => Source::Left(record.spare.left(since).ok_or_else(Refusal::nothing_here)?),
    };
    let line = line(&parts, || slot.take());
    Ok(sse(SseBody::of_job(&service, source, (record, line, slot), (claims.epoch, claims.expires))))
}

async fn system(State(service): Shared, request: Request) -> Answer {
    let (parts, _no_body) = request.into_parts();
    operator(&service, &parts)?;
    let query = Query::of(&parts.uri);
    let since = since(&parts, &query, |text| service.system_cursors.open(text))?;
    let opened = service.router().system().subscribe(since);
    let stream = opened.map_err(|_foreign| Refusal::invalid_cursor())?;
    let _counted_as_a_stream = line(&parts, || None);
    Ok(sse(SseBody::of_system(&service, Source::Live(stream))))
}

/// Where the stream is to start. A cursor, wherever it stands, is genuine or refused: it never means the beginning.
fn since(
    parts: &Parts,
    query: &Query<'_>,
    open: impl Fn(&str) -> Option<crate::router::Position>,
) -> Result<Since, Refusal> {
    if let Some(name) = query.odd {
        let message = format!("the query has an unknown or repeated parameter: {}", name.escape_default());
        return Err(Refusal::bad_request("invalid_query", message, "from=start, from=now, after=CURSOR, each once"));
    }
    let from = match query.from {
        None | Some("start") => Since::Start,
        Some("now") => Since::Now,
        Some(_) => {
            let message = "from is neither start nor now";
            return Err(Refusal::bad_request("invalid_query", message, "say from=start or from=now"));
        }
    };
    let header = only(&parts.headers, &HeaderName::from_static("last-event-id"));
    // The header is the newer one: browsers add it to the same URL when they connect again.
    let cursor = header.map_err(|()| Refusal::invalid_cursor())?.or(query.after);
    match cursor {
        None => Ok(from),
        Some(text) => open(text).map(Since::After).ok_or_else(Refusal::invalid_cursor),
    }
}

/// The connection. Since it carries a stream now, it is counted with its job, and no longer among those of everybody.
fn line(parts: &Parts, slot: impl FnOnce() -> Option<StreamSlot>) -> Option<Line> {
    let line = parts.extensions.get::<Line>().cloned();
    if let Some(line) = &line {
        line.carries_stream(slot());
    }
    line
}

fn sse(body: SseBody) -> Response {
    let mut response = Response::new(Body::new(body));
    let headers = response.headers_mut();
    let mut say = |name, value| headers.insert(name, HeaderValue::from_static(value));
    say(header::CONTENT_TYPE, "text/event-stream");
    // Proxies hold nothing back, and the connection ends with the stream.
    say(HeaderName::from_static("x-accel-buffering"), "no");
    say(header::CONNECTION, "close");
    response
}

// === rights ===

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Grant {
    verbs: Vec<String>,
    ttl_ms: Option<u64>,
}

/// Makes a narrower capability: no more verbs than the one presented, and no longer.
async fn grant(State(service): Shared, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    let admitted = admitted(&service, &parts, Verbs::GRANT)?;
    let Grant { verbs, ttl_ms } = said(&service, &parts, body).await?;
    let claims = admitted.act(|_| admitted.claims)?;
    let wanted = Verbs::named(verbs.iter().map(String::as_str));
    let Some(verbs) = wanted.filter(|wanted| claims.verbs.include(*wanted).into()) else {
        let message = "these verbs cannot be granted";
        let remedy = "name at least one of read, emit, close, grant, and none that your capability lacks";
        return Err(Refusal::bad_request("invalid_verbs", message, remedy));
    };
    let expires = ttl_ms.map_or(claims.expires, |ttl| now_ms().saturating_add(ttl).min(claims.expires));
    let narrower = Claims { verbs, usable_until: expires, expires, ..claims };
    let answer = json!({ "capability": service.seal(narrower), "verbs": verbs.names(), "expires": expires });
    Ok(json(StatusCode::CREATED, &answer))
}

/// Revokes every capability and ticket of the job, and answers the only one that is good from now on.
async fn revoke(State(service): Shared, request: Request) -> Answer {
    let (parts, _unread) = request.into_parts();
    let Admitted { record, claims } = admitted(&service, &parts, Verbs::GRANT)?;
    let mut epoch = claims.epoch;
    let first = record.epoch.send_if_modified(|now| {
        // Of two that come at once with the same capability, one revokes the other.
        let first = *now == claims.epoch;
        if first {
            *now += 1;
            epoch = *now;
        }
        first
    });
    if !first {
        return Err(Refusal::nothing_here());
    }
    let answer = json!({ "capability": service.seal(Claims { epoch, ..claims }), "expires": claims.expires });
    Ok(json(StatusCode::OK, &answer))
}

/// Makes a ticket: a URL that opens this job's stream for a short while, for readers that cannot send headers.
async fn ticket(State(service): Shared, request: Request) -> Answer {
    let (parts, _unread) = request.into_parts();
    let Admitted { record, claims } = admitted(&service, &parts, Verbs::READ)?;
    let short = u64::try_from(service.config.ticket.as_millis()).unwrap_or(u64::MAX);
    let usable_until = now_ms().saturating_add(short).min(claims.expires);
    let ticket = service.seal(Claims { kind: Kind::Ticket as u8, verbs: Verbs::READ, usable_until, ..claims });
    let sse_url = format!("/v1/jobs/{}/stream?ticket={ticket}", record.id.as_str());
    Ok(json(StatusCode::CREATED, &json!({ "ticket": ticket, "sse_url": sse_url, "expires": usable_until })))
}

// === operators ===

async fn metrics(State(service): Shared, request: Request) -> Answer {
    let (parts, _no_body) = request.into_parts();
    operator(&service, &parts)?;
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    Ok((kind, service.metrics()).into_response())
}

async fn ready(State(service): Shared) -> Response {
    match *service.stopping.borrow() {
        false => "ready\n".into_response(),
        true => (StatusCode::SERVICE_UNAVAILABLE, "shutting down\n").into_response(),
    }
}
