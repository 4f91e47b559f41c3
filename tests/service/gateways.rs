//! The planted faults of the wire, over sockets: behind each gateway ordinary use still works, which is why nobody has
//! noticed; each defect shows where it is looked for; and where there is none, none shows.
//!
//! Each defect has one question that is asked of a server ([`shows`]). It must be answered yes behind its gateway, and
//! no without one and behind every near-miss: a question that finds its fault everywhere has found nothing.

use crate::rig::{Job, OPERATOR, Rig, Sse, data, human, kinds, soon, until};
use narrowcast::server::{Layer, Secret};
use narrowcast::verify::faults::Kind;
use narrowcast::verify::faults::wire::{GATEWAYS, wrap};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

async fn behind(number: u32, change: impl FnOnce(&mut Layer)) -> Rig {
    Rig::made(change, |server| server.wrapped(move |routes| wrap(number, routes))).await
}

/// Every gateway, by its number; 0 is none.
fn gateways(kind: Kind) -> impl Iterator<Item = (u32, &'static str)> {
    (1..).zip(GATEWAYS).filter(move |(_, gateway)| gateway.about.kind == kind).map(|(n, gateway)| (n, gateway.about.id))
}

// === ordinary use ===

/// A job from its creation to its end, as one reader sees it: what was said, and the types of the messages.
async fn ordinary(number: u32) -> (Vec<String>, Vec<String>) {
    let rig = behind(number, |_| {}).await;
    let job = rig.open().await;
    assert_eq!(rig.emit(&job, "first").await.status, 202);
    let mut stream = rig.watch(&job).await;
    let mut messages = vec![stream.next().await.expect("the creation"), stream.next().await.expect("the first")];
    assert_eq!(rig.emit(&job, "second").await.status, 202);
    messages.push(stream.next().await.expect("the second"));
    assert_eq!(rig.of(&job, "POST", "/close", r#"{"outcome":"completed"}"#).await.status, 200);
    messages.extend(stream.rest().await);
    let said = messages.iter().filter(|message| message.event == "narration").map(human).collect();
    (said, kinds(&messages).into_iter().map(str::to_owned).collect())
}

#[tokio::test]
async fn ordinary_use_works_behind_every_gateway() {
    let all = gateways(Kind::Leaky).chain(gateways(Kind::NearMiss)).chain([(0, "none")]);
    for (number, id) in all {
        let (said, kinds) = ordinary(number).await;
        assert_eq!(said[..3], ["created, to open", "first", "second"], "{id}");
        let ends_with = |kind: &str| kinds.last().is_some_and(|last| last == kind);
        // What these two are about stands in the way of every reader: the news of an end comes before it or after.
        let as_said = match id {
            "missing-done" => ends_with("narration") && said.len() == 3,
            "system-on-every-stream" => kinds.iter().any(|kind| kind == "done"),
            _ => ends_with("done") && said.len() == 3,
        };
        assert!(as_said, "{id}: {kinds:?}");
    }
}

#[test]
#[should_panic(expected = "there is no gateway 1000")]
fn an_unknown_number_is_refused_aloud() {
    let rig = || async { behind(1_000, |_| {}).await.running.await };
    let panicked = tokio::runtime::Runtime::new().expect("a runtime").block_on(rig()).expect_err("it cannot run");
    std::panic::resume_unwind(panicked.into_panic());
}

// === one question for each defect ===

const SAY: &str = r#"{"action":"say","human":"x"}"#;

/// A job, and a stream of it that has read its creation.
async fn watched(rig: &Rig) -> (Job, Sse) {
    let job = rig.open().await;
    let mut stream = rig.watch(&job).await;
    assert_eq!(stream.human().await, "created, to open");
    (job, stream)
}

async fn close(rig: &Rig, job: &Job, outcome: &str) -> u16 {
    rig.of(job, "POST", "/close", &json!({ "outcome": outcome }).to_string()).await.status
}

/// The status with which a stream opens, or does not.
async fn opening(rig: &Rig, path: &str, headers: &[(&str, &str)]) -> u16 {
    let mut socket = rig.connect().await;
    socket.write_all(rig.request("GET", path, headers, "").as_bytes()).await.expect("the server reads");
    let mut head = vec![0; "HTTP/1.1 200".len()];
    soon("a status", socket.read_exact(&mut head)).await.expect("the server answers");
    String::from_utf8_lossy(&head[9..]).parse().expect("a status is a number")
}

async fn success_with_error_text(rig: &Rig) -> bool {
    let job = rig.open().await;
    rig.ask("POST", &job.path("/events"), &[], SAY).await.status == 202
}

async fn idle_read_as_done(rig: &Rig) -> bool {
    let (_job, mut stream) = watched(rig).await;
    loop {
        let bytes = String::from_utf8_lossy(&stream.bytes).into_owned();
        if bytes.contains("event: done") || bytes.contains("\n:") {
            return bytes.contains("event: done");
        }
        stream.read_some().await;
    }
}

async fn marker_in_payload(rig: &Rig) -> bool {
    let (job, mut stream) = watched(rig).await;
    assert_eq!(rig.emit(&job, "it printed [DONE]").await.status, 202);
    stream.next().await.expect("something comes").event == "done"
}

async fn first_reader_steals(rig: &Rig) -> bool {
    let job = rig.open().await;
    let (mut first, mut second) = (rig.watch(&job).await, rig.watch(&job).await);
    assert_eq!(rig.emit(&job, "x").await.status, 202);
    close(rig, &job, "completed").await;
    let (first, second) = tokio::join!(first.rest(), second.rest());
    assert_eq!(kinds(&first).len(), 3, "the first has everything");
    kinds(&second) != kinds(&first)
}

async fn missing_done(rig: &Rig) -> bool {
    let (job, mut stream) = watched(rig).await;
    close(rig, &job, "completed").await;
    !kinds(&stream.rest().await).contains(&"done")
}

async fn done_is_always_completed(rig: &Rig) -> bool {
    let (job, mut stream) = watched(rig).await;
    close(rig, &job, "failed").await;
    stream.rest().await.last().map(data) == Some(json!({ "outcome": "completed" }))
}

async fn hang_up_cancels(rig: &Rig) -> bool {
    let (job, first) = watched(rig).await;
    let _second = rig.watch(&job).await;
    drop(first);
    // The second one's stream is gone too, if the job is by then.
    until("the reader is missed", || rig.handle.alive().streams <= 1).await;
    for _ in 0..50 {
        if rig.emit(&job, "still there").await.status == 409 {
            return true;
        }
    }
    false
}

async fn lag_swallowed(rig: &Rig) -> bool {
    let job = rig.open().await;
    for _ in 0..30 {
        assert_eq!(rig.emit(&job, "x").await.status, 202);
    }
    rig.watch(&job).await.next().await.expect("something is retained").event != "lagged"
}

/// More than the system holds for a connection that nobody reads (some 4 MiB), and than is retained.
async fn lag_swallowed_midstream(rig: &Rig) -> bool {
    let (job, mut stream) = watched(rig).await;
    let long = "x".repeat(30_000);
    for _ in 0..500 {
        assert_eq!(rig.emit(&job, &long).await.status, 202);
    }
    close(rig, &job, "completed").await;
    !kinds(&stream.rest().await).contains(&"lagged")
}

async fn foreign_cursor_accepted(rig: &Rig) -> bool {
    let (job, other) = (rig.open().await, rig.open().await);
    assert_eq!(rig.emit(&job, "x").await.status, 202);
    let foreign = rig.emit(&other, "x").await.json()["id"].as_str().expect("an emit answers its cursor").to_owned();
    let headers = [("authorization", &*job.bearer()), ("last-event-id", &*foreign)];
    opening(rig, &job.path("/stream"), &headers).await == 200
}

async fn forged_cursor_restarts(rig: &Rig) -> bool {
    let job = rig.open().await;
    let headers = [("authorization", &*job.bearer()), ("last-event-id", "forged")];
    opening(rig, &job.path("/stream"), &headers).await == 200
}

async fn cursor_ignored(rig: &Rig) -> bool {
    let job = rig.open().await;
    assert_eq!(rig.emit(&job, "x").await.status, 202);
    let cursor = rig.watch(&job).await.next().await.expect("the creation").last_event_id;
    let headers = [("authorization", &*job.bearer()), ("last-event-id", &*cursor)];
    rig.stream(&job.path("/stream"), &headers).await.human().await != "x"
}

async fn archive_knows_no_cursor(rig: &Rig) -> bool {
    let job = rig.open().await;
    assert_eq!(close(rig, &job, "completed").await, 200);
    let headers = [("authorization", &*job.bearer()), ("last-event-id", "forged")];
    opening(rig, &job.path("/stream"), &headers).await == 200
}

async fn forbidden_is_not_absent(rig: &Rig) -> bool {
    let job = rig.open().await;
    let absent = format!("/v1/jobs/job-{}/stream", "0".repeat(32));
    opening(rig, &job.path("/stream"), &[]).await != opening(rig, &absent, &[]).await
}

async fn expiry_is_told(rig: &Rig) -> bool {
    let job = rig.open().await;
    assert_eq!(rig.of(&job, "DELETE", "/capabilities", "").await.status, 200);
    let absent = Job { id: format!("job-{}", "0".repeat(32)), ..job.clone() };
    let refused = rig.of(&job, "POST", "/tickets", "").await;
    assert_eq!(refused.status, 404, "{refused:?}");
    refused.bytes_but_the_clock() != rig.of(&absent, "POST", "/tickets", "").await.bytes_but_the_clock()
}

async fn body_before_right(rig: &Rig) -> bool {
    let job = rig.open().await;
    let status = rig.ask("POST", &job.path("/events"), &[], "{").await.status;
    assert!(matches!(status, 400 | 404), "{status}");
    status == 400
}

async fn sequential_ids(rig: &Rig) -> bool {
    rig.open().await.id.len() < "job-".len() + 32
}

async fn capability_of_any_job(rig: &Rig) -> bool {
    let (job, other) = (rig.open().await, rig.open().await);
    rig.ask("POST", &job.path("/events"), &[("authorization", &other.bearer())], SAY).await.status == 202
}

async fn granted(rig: &Rig, job: &Job, body: &str) -> Value {
    let reply = rig.of(job, "POST", "/capabilities", body).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    reply.json()
}

async fn unchecked_verb(rig: &Rig) -> bool {
    let job = rig.open().await;
    let narrowed = granted(rig, &job, r#"{"verbs":["read"]}"#).await["capability"].as_str().expect("a text").to_owned();
    rig.emit(&Job { capability: narrowed, ..job }, "x").await.status == 202
}

async fn grants_what_is_asked(rig: &Rig) -> bool {
    let job = rig.open().await;
    let narrowed =
        granted(rig, &job, r#"{"verbs":["grant"]}"#).await["capability"].as_str().expect("a text").to_owned();
    let narrowed = Job { capability: narrowed, ..job };
    rig.of(&narrowed, "POST", "/capabilities", r#"{"verbs":["emit"]}"#).await.status == 201
}

async fn authority_outlives_request(rig: &Rig) -> bool {
    let job = rig.open().await;
    // Two at once on one connection, the second of which ends it; no layer may end it for all that.
    let first = rig.request("POST", &job.path("/tickets"), &[("authorization", &job.bearer())], "");
    let second = rig.request("POST", &job.path("/tickets"), &[], "");
    let last = rig.request("GET", "/healthz", &[("connection", "close")], "");
    let mut socket = rig.connect().await;
    socket.write_all([first, second, last].concat().as_bytes()).await.expect("the server reads");
    let mut said = String::new();
    soon("three answers", socket.read_to_string(&mut said)).await.expect("the server answers");
    let made = said.matches("HTTP/1.1 201 ").count();
    assert_eq!((made + said.matches("HTTP/1.1 404 ").count(), said.matches("HTTP/1.1 200 ").count()), (2, 1), "{said}");
    made == 2
}

async fn body_left_unread(rig: &Rig) -> bool {
    let job = rig.open().await;
    let hidden = rig.request("GET", "/healthz", &[], "");
    let emit = rig.request("POST", &job.path("/events"), &[], &hidden);
    let own = rig.request("POST", &job.path("/tickets"), &[("authorization", &job.bearer())], "");
    let mut socket = rig.connect().await;
    socket.write_all([emit, own].concat().as_bytes()).await.expect("the server reads");
    let mut said = Vec::new();
    // The answer to the second, or what is given out for it.
    while !["\"ticket\":", "ok\n"].iter().any(|end| String::from_utf8_lossy(&said).contains(end)) {
        assert_ne!(soon("two answers", socket.read_buf(&mut said)).await.expect("the server answers"), 0);
    }
    !String::from_utf8_lossy(&said).contains("\"ticket\":")
}

async fn done_and_hung_up(rig: &Rig) -> bool {
    let job = rig.open().await;
    let left = rig.of(&job, "DELETE", "/capabilities", "").await.json();
    let owner = Job { capability: left["capability"].as_str().expect("a capability").to_owned(), ..job.clone() };
    let mut stream = rig.watch(&owner).await;
    let emit =
        rig.request("POST", &job.path("/events"), &[("authorization", &job.bearer()), ("connection", "close")], SAY);
    let mut socket = rig.connect().await;
    socket.write_all(emit.as_bytes()).await.expect("the server reads");
    let mut said = String::new();
    let _cut_or_answered = soon("the end of it", socket.read_to_string(&mut said)).await;
    assert_eq!(rig.emit(&owner, "the owner's").await.status, 202);
    assert_eq!(stream.human().await, "created, to open");
    let heard = stream.human().await == "x";
    assert!(said.is_empty() == heard, "{said:?}");
    heard
}

async fn checked_before_body(rig: &Rig) -> bool {
    let job = rig.open().await;
    let revoke = async {
        assert_eq!(rig.of(&job, "DELETE", "/capabilities", "").await.status, 200);
    };
    let late = rig.amid_body(&job, ("POST", "/events", SAY), revoke).await;
    late.expect("its body is asked for").status == 202
}

async fn second_door(rig: &Rig) -> bool {
    let job = rig.open().await;
    let doors =
        [job.path("/stream/"), format!("/{}", job.path("/stream")), job.path("/stream").replace("jobs", "Jobs")];
    let mut open = 0;
    for door in doors.iter().chain([&job.path("/stream").replace("stream", "%73tream")]) {
        open += usize::from(opening(rig, door, &[]).await == 200);
    }
    assert!(open == 0 || open == 4, "{open} of four doors are open");
    open == 4
}

async fn capability_in_url(rig: &Rig) -> bool {
    let job = rig.open().await;
    opening(rig, &job.path(&format!("/stream?access_token={}", job.capability)), &[]).await == 200
}

async fn revoked_still_flows(rig: &Rig) -> bool {
    let (job, mut stream) = watched(rig).await;
    let left = rig.of(&job, "DELETE", "/capabilities", "").await.json();
    let job = Job { capability: left["capability"].as_str().expect("a capability").to_owned(), ..job };
    assert_eq!(rig.emit(&job, "among us").await.status, 202);
    stream.next().await.expect("something comes").event == "narration"
}

async fn done_after_stopped(rig: &Rig) -> bool {
    let (job, mut stream) = watched(rig).await;
    assert_eq!(rig.of(&job, "DELETE", "/capabilities", "").await.status, 200);
    kinds(&stream.rest().await).contains(&"done")
}

/// Waits until the time is over for which something is good.
async fn when_over(answer: &Value) {
    let until = UNIX_EPOCH + Duration::from_millis(answer["expires"].as_u64().expect("a time"));
    while SystemTime::now() < until {
        tokio::task::yield_now().await;
    }
}

async fn expired_emit(rig: &Rig) -> bool {
    let job = rig.open().await;
    let short = granted(rig, &job, r#"{"verbs":["emit"],"ttl_ms":1}"#).await;
    let text = |key: &str| short[key].as_str().unwrap_or_default().to_owned();
    when_over(&short).await;
    rig.emit(&Job { capability: text("capability"), ..job }, "x").await.status == 202
}

async fn expired_still_flows(rig: &Rig) -> bool {
    let job = rig.open().await;
    granted(rig, &job, r#"{"verbs":["read"],"ttl_ms":1}"#).await["expires"] == job.expires
}

async fn operators_door_open(rig: &Rig) -> bool {
    let operator = format!("Bearer {OPERATOR}");
    assert_eq!(rig.ask("GET", "/metrics", &[("authorization", &operator)], "").await.status, 200);
    rig.ask("GET", "/metrics", &[], "").await.status == 200
}

async fn ticket_outlives_its_time(rig: &Rig) -> bool {
    let job = rig.open().await;
    let ticket = rig.of(&job, "POST", "/tickets", "").await.json();
    when_over(&ticket).await;
    opening(rig, ticket["sse_url"].as_str().expect("a URL"), &[]).await == 200
}

async fn any_host(rig: &Rig) -> bool {
    assert_eq!(rig.ask("GET", "/healthz", &[], "").await.status, 200);
    rig.ask("GET", "/healthz", &[("host", "rebound.example")], "").await.status == 200
}

async fn any_host_to_create(rig: &Rig) -> bool {
    rig.open().await;
    rig.ask("POST", "/v1/jobs", &[("host", "rebound.example")], r#"{"operation":"open"}"#).await.status == 202
}

async fn any_origin(rig: &Rig) -> bool {
    rig.ask("GET", "/healthz", &[("origin", "https://elsewhere.example")], "").await.status == 200
}

async fn cacheable_stream(rig: &Rig) -> bool {
    let (_job, stream) = watched(rig).await;
    stream.head.contains("cache-control: public")
}

async fn shared_cache(rig: &Rig) -> bool {
    let (job, _stream) = watched(rig).await;
    opening(rig, &job.path("/stream"), &[]).await == 200
}

/// Whether a text that holds this comes out as something that is no JSON.
async fn is_torn(rig: &Rig, end_of_line: &str) -> bool {
    let (job, mut stream) = watched(rig).await;
    let text = format!("a{end_of_line}id: forged{end_of_line}b");
    assert_eq!(rig.emit(&job, &text).await.status, 202);
    let message = stream.next().await.expect("something comes");
    message.last_event_id == "forged" || serde_json::from_str::<Value>(&message.data).is_err()
}

async fn lf_splits_frame(rig: &Rig) -> bool {
    is_torn(rig, "\n").await
}

async fn lone_cr_splits_frame(rig: &Rig) -> bool {
    is_torn(rig, "\r").await
}

async fn split_character_replaced(rig: &Rig) -> bool {
    let (job, mut stream) = watched(rig).await;
    assert_eq!(rig.emit(&job, &"aé".repeat(100)).await.status, 202);
    stream.human().await.contains('\u{fffd}')
}

async fn frame_beyond_buffer_lost(rig: &Rig) -> bool {
    let (job, mut stream) = watched(rig).await;
    for text in [&*"long".repeat(500), "short"] {
        assert_eq!(rig.emit(&job, text).await.status, 202);
    }
    stream.human().await == "short"
}

async fn numbers_as_doubles(rig: &Rig) -> bool {
    let (job, mut stream) = watched(rig).await;
    let body = r#"{"action":"say","human":"x","payload":9007199254740993}"#;
    assert_eq!(rig.of(&job, "POST", "/events", body).await.status, 202);
    !stream.next().await.expect("something comes").data.contains("9007199254740993")
}

async fn shared_buffer(rig: &Rig) -> bool {
    for _ in 0..20 {
        let (a, b) = (rig.open().await, rig.open().await);
        let (mut of_a, mut of_b) = (rig.watch(&a).await, rig.watch(&b).await);
        let said = tokio::join!(rig.emit(&a, "said to A"), rig.emit(&b, "said to B"));
        assert_eq!((said.0.status, said.1.status), (202, 202));
        tokio::join!(close(rig, &a, "completed"), close(rig, &b, "completed"));
        tokio::join!(of_a.rest(), of_b.rest());
        let has = |stream: &Sse, text: &str| String::from_utf8_lossy(&stream.bytes).contains(text);
        if has(&of_a, "said to B") || has(&of_b, "said to A") {
            return true;
        }
    }
    false
}

async fn global_event_counter(rig: &Rig) -> bool {
    let (job, other) = (rig.open().await, rig.open().await);
    let before = rig.emit(&job, "x").await.json()["sequence"].as_u64().expect("a number");
    assert_eq!(rig.emit(&other, "x").await.status, 202);
    let after = rig.emit(&job, "x").await.json()["sequence"].as_u64().expect("a number");
    after != before + 1
}

async fn full_for_everybody(rig: &Rig) -> bool {
    let create = async |key: &str| {
        let headers = [("authorization", &*format!("Bearer {key}"))];
        rig.ask("POST", "/v1/jobs", &headers, r#"{"operation":"open"}"#).await.status
    };
    assert_eq!([create(TENANTS[0]).await, create(TENANTS[0]).await], [202, 429]);
    create(TENANTS[1]).await == 429
}

async fn system_on_every_stream(rig: &Rig) -> bool {
    let (job, mut stream) = watched(rig).await;
    let other = rig.open().await;
    assert_eq!(close(rig, &other, "completed").await, 200);
    assert_eq!(rig.emit(&job, "x").await.status, 202);
    stream.human().await != "x"
}

async fn job_in_metrics(rig: &Rig) -> bool {
    let job = rig.open().await;
    assert_eq!(rig.emit(&job, "x").await.status, 202);
    let operator = format!("Bearer {OPERATOR}");
    rig.ask("GET", "/metrics", &[("authorization", &operator)], "").await.body.contains(&job.id)
}

macro_rules! questions {
    ($($question:ident),* $(,)?) => {
        /// The faults that there is a question for: all of them.
        const ASKED: &[&str] = &[$(stringify!($question)),*];

        /// Asks one question, by its fault's id, of a server.
        async fn shows(id: &str, rig: &Rig) -> bool {
            match &*id.replace('-', "_") {
                $(stringify!($question) => $question(rig).await,)*
                _ => panic!("nobody looks for {id}"),
            }
        }
    };
}

questions! {
    success_with_error_text, idle_read_as_done, marker_in_payload, first_reader_steals, missing_done,
    done_is_always_completed, hang_up_cancels, lag_swallowed, foreign_cursor_accepted, forged_cursor_restarts,
    lag_swallowed_midstream, archive_knows_no_cursor, body_before_right, grants_what_is_asked, done_and_hung_up,
    body_left_unread, ticket_outlives_its_time, authority_outlives_request, done_after_stopped, expired_emit,
    any_host_to_create, numbers_as_doubles, full_for_everybody, cursor_ignored, forbidden_is_not_absent,
    expiry_is_told, sequential_ids, capability_of_any_job, unchecked_verb, checked_before_body, second_door,
    capability_in_url, revoked_still_flows, expired_still_flows, operators_door_open, any_host, any_origin,
    cacheable_stream, shared_cache, lf_splits_frame, lone_cr_splits_frame, split_character_replaced,
    frame_beyond_buffer_lost, shared_buffer, global_event_counter, system_on_every_stream, job_in_metrics,
}

/// Little is retained, so that it is evicted; silence is soon told; tickets are soon old.
fn small(layer: &mut Layer) {
    layer.limits.retain_events = Some(20);
    layer.times.keep_alive_ms = Some(50);
    layer.times.ticket_ms = Some(20);
}

const TENANTS: [&str; 2] = ["the first tenant's key", "the second tenant's key"];

/// Two tenants, with room for one job each.
fn tenanted(layer: &mut Layer) {
    layer.limits.jobs = Some(1);
    layer.api_keys = Some(Secret::new(format!("one={},two={}", TENANTS[0], TENANTS[1])));
}

async fn asked(id: &str, number: u32) -> bool {
    let settings = if id == "full-for-everybody" { tenanted } else { small };
    shows(id, &behind(number, settings).await).await
}

#[tokio::test]
async fn every_defect_shows_where_it_is_looked_for() {
    for (number, id) in gateways(Kind::Leaky) {
        assert!(asked(id, number).await, "{id} does not show behind its gateway");
    }
    assert_eq!(ASKED.len(), gateways(Kind::Leaky).count(), "a question for each fault, and no other");
}

#[tokio::test]
async fn no_defect_shows_where_there_is_none() {
    for (_, id) in gateways(Kind::Leaky) {
        assert!(!asked(id, 0).await, "{id} shows on the shipped service");
    }
}

#[tokio::test]
async fn no_defect_shows_behind_a_near_miss() {
    for (number, near) in gateways(Kind::NearMiss) {
        for (_, id) in gateways(Kind::Leaky) {
            assert!(!asked(id, number).await, "{id} shows behind {near}");
        }
    }
}
