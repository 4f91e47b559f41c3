//! Limits: what is too much is refused alone, with its name; and requests that are none.

use crate::rig::{Rig, job_of, kinds, soon, until};
use narrowcast::server::{Alive, Secret};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const OPEN: &str = r#"{"operation":"open"}"#;

#[tokio::test]
async fn a_tenant_that_holds_its_share_of_jobs_is_refused_alone() {
    let rig = Rig::with(|layer| {
        layer.limits.jobs = Some(2);
        layer.api_keys = Some(Secret::new("a=the key of tenant a,b=the key of tenant b"));
    })
    .await;
    let post =
        async |key: &str| rig.ask("POST", "/v1/jobs", &[("authorization", &format!("Bearer {key}"))], OPEN).await;
    let first = job_of(&post("the key of tenant a").await);
    job_of(&post("the key of tenant a").await);
    post("the key of tenant a").await.is(429, "too_many_jobs");
    job_of(&post("the key of tenant b").await);
    // A closed job counts until it was read: it is still held.
    assert_eq!(rig.of(&first, "DELETE", "", "").await.status, 200);
    post("the key of tenant a").await.is(429, "too_many_jobs");
    rig.watch(&first).await.rest().await;
    until("it is forgotten", || rig.handle.alive().jobs == 2).await;
    job_of(&post("the key of tenant a").await);
    post("the key of tenant a").await.is(429, "too_many_jobs");
}

#[tokio::test]
async fn a_job_with_its_share_of_streams_is_refused_alone() {
    let rig = Rig::with(|layer| layer.limits.streams_per_job = Some(2)).await;
    let (job, other) = (rig.open().await, rig.open().await);
    let (first, _second) = (rig.watch(&job).await, rig.watch(&job).await);
    rig.of(&job, "GET", "/stream", "").await.is(429, "too_many_streams");
    rig.watch(&other).await.human().await;
    drop(first);
    until("the first stream is gone", || rig.handle.alive().streams == 1).await;
    rig.watch(&job).await.human().await;
}

#[tokio::test]
async fn large_bodies_and_events_are_refused_and_nothing_else_changes() {
    let rig = Rig::with(|layer| {
        layer.limits.body_bytes = Some(4096);
        layer.limits.event_bytes = Some(2048);
    })
    .await;
    let job = rig.open().await;
    let mut stream = rig.watch(&job).await;
    stream.human().await;
    rig.emit(&job, &"x".repeat(3000)).await.is(413, "event_too_large");
    rig.emit(&job, &"x".repeat(5000)).await.is(413, "body_too_large");
    let huge = format!("{{\"operation\":\"open\",\"args\":\"{}\"}}", "x".repeat(5000));
    rig.post(&huge).await.is(413, "body_too_large");
    assert_eq!(rig.emit(&job, "small").await.status, 202);
    assert_eq!(stream.human().await, "small", "what was refused reached nobody");
    // An event is measured as it is encoded: escapes count.
    rig.emit(&job, &"\u{1}".repeat(500)).await.is(413, "event_too_large");
    // A body without end, of no stated length.
    let endless = format!(
        "POST /v1/jobs HTTP/1.1\r\nhost: {}\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n{}",
        rig.at,
        format!("400\r\n{}\r\n", "x".repeat(0x400)).repeat(8)
    );
    rig.say(endless.as_bytes()).await.is(413, "body_too_large");
}

#[tokio::test]
async fn what_is_not_understood_is_said_so() {
    let rig = Rig::new().await;
    for body in [
        "",
        "{",
        "[]",
        "null",
        r#"["open"]"#,
        r#"["open",{},null]"#,
        r#"{"operation":"open","x":1}"#,
        r#"{"operation":1}"#,
        "{}",
        "\u{0}",
    ] {
        rig.post(body).await.is(400, "invalid_body");
    }
    for body in [
        r#"{"operation":"Open"}"#,
        r#"{"operation":"count","args":{"to":-1}}"#,
        r#"{"operation":"open","args":3}"#,
        r#"{"operation":"count","args":[3]}"#,
    ] {
        rig.post(body).await.is(400, "invalid_operation");
    }
    let long = json!({ "operation": "open", "correlation_id": "x".repeat(200) }).to_string();
    rig.post(&long).await.is(400, "invalid_body");
    let not_text = [b"{\"operation\":\"open\",\"correlation_id\":\"".as_slice(), b"\xff\xfe\"}"].concat();
    let mut request = rig.request("POST", "/v1/jobs", &[("connection", "close")], "").into_bytes();
    let length = format!("content-length: {}", not_text.len()).into_bytes();
    let at = request.windows(17).position(|window| window == b"content-length: 0").expect("it has a length");
    request.splice(at..at + 17, length);
    request.extend(not_text);
    rig.say(&request).await.is(400, "invalid_body");

    let job = rig.open().await;
    for body in [
        "",
        r#"{"human":"no action"}"#,
        r#"{"action":"this action is too long","human":""}"#,
        r#"{"action":"a","human":"h","level":"mute"}"#,
        r#"{"action":"a","human":"h","job_id":"job-1"}"#,
        r#"{"action":"a","human":"h","sequence":7}"#,
        r#"["client","a","h"]"#,
    ] {
        rig.of(&job, "POST", "/events", body).await.is(400, "invalid_body");
    }
    for body in [r#"{"outcome":"done"}"#, "{}"] {
        rig.of(&job, "POST", "/close", body).await.is(400, "invalid_body");
    }
    assert_eq!(rig.handle.alive().jobs, 1, "no refused request made a job");
}

#[tokio::test]
async fn requests_that_are_none_end_their_connection_and_nothing_else() {
    let rig = Rig::with(|layer| layer.times.request_ms = Some(1_000)).await;
    let job = rig.open().await;
    let mut stream = rig.watch(&job).await;
    stream.human().await;
    let huge = format!("GET / HTTP/1.1\r\nhost: {}\r\nx: {}\r\n\r\n", rig.at, "x".repeat(200_000));
    for (bytes, status) in [("\u{0}\u{1}\r\n\r\n", 400), ("GET\r\n\r\n", 400), (&*huge, 431)] {
        assert_eq!(rig.say(bytes.as_bytes()).await.status, status);
    }
    // A head that never comes whole, and a body that never comes: the server does not wait for ever.
    for half in ["", "GET / HTTP/1.1\r\nhost: x"] {
        let mut socket = rig.connect().await;
        socket.write_all(half.as_bytes()).await.expect("the server listens");
        let mut rest = Vec::new();
        let _hung_up = soon("the server hangs up", socket.read_to_end(&mut rest)).await;
        assert!(!String::from_utf8_lossy(&rest).starts_with("HTTP/1.1 2"), "{rest:?}");
    }
    let slow = format!("POST /v1/jobs HTTP/1.1\r\nhost: {}\r\ncontent-length: 10\r\n\r\n{{", rig.at);
    rig.say(slow.as_bytes()).await.is(408, "body_too_slow");
    assert_eq!(rig.emit(&job, "unmoved").await.status, 202);
    assert_eq!(stream.human().await, "unmoved");
    until("their connections are gone", || rig.handle.alive().connections == 1).await;
}

#[tokio::test]
async fn a_stream_that_is_over_is_one_until_it_is_hung_up_on() {
    let rig = Rig::with(|layer| layer.limits.streams_per_job = Some(1)).await;
    let job = rig.open().await;
    let mut stream = rig.watch(&job).await;
    assert_eq!(rig.of(&job, "DELETE", "", "").await.status, 200);
    assert_eq!(kinds(&stream.rest().await).last(), Some(&"done"));
    // The end was read, and the connection is kept: otherwise one job could have any number of them.
    rig.of(&job, "GET", "/stream", "").await.is(429, "too_many_streams");
    drop(stream);
    rig.settle(Alive::default()).await;
}

#[tokio::test]
async fn a_job_that_was_read_is_held_for_as_long_as_it_has_streams() {
    let rig = Rig::with(|layer| layer.limits.jobs = Some(1)).await;
    let job = rig.open().await;
    let (mut first, second) = (rig.watch(&job).await, rig.watch(&job).await);
    assert_eq!(rig.of(&job, "DELETE", "", "").await.status, 200);
    first.rest().await;
    drop(first);
    // It is forgotten, and answers as if it had never been; but its other reader still has what it retained.
    until("the first reader has gone", || rig.handle.alive().connections == 1).await;
    rig.of(&job, "GET", "/stream", "").await.is(404, "not_found");
    rig.post(OPEN).await.is(429, "too_many_jobs");
    drop(second);
    rig.settle(Alive::default()).await;
    assert_eq!(rig.post(OPEN).await.status, 202);
}

#[tokio::test]
async fn where_there_is_no_place_whoever_is_silent_for_longest_gives_way() {
    let rig = Rig::with(|layer| layer.limits.connections = Some(3)).await;
    let job = rig.open().await;
    // More streams than connections are allowed: each gives its place back.
    let mut streams = Vec::new();
    for _ in 0..6 {
        streams.push(rig.watch(&job).await);
    }
    until("requests have gone", || rig.handle.alive().connections == 6).await;
    let mut silent = Vec::new();
    for _ in 0..3 {
        silent.push(rig.connect().await);
    }
    until("the silent ones are there", || rig.handle.alive().connections == 9).await;
    // Ten times as many as there are places, one after the other: nobody who asks is kept out.
    for _ in 0..30 {
        assert_eq!(rig.emit(&job, "x").await.status, 202);
    }
    let mut rest = Vec::new();
    let _hung_up = soon("the oldest is hung up on", silent[0].read_to_end(&mut rest)).await;
    assert!(rest.is_empty(), "who has asked for nothing is told nothing");
    // The youngest is still there, and can ask.
    let youngest = silent.pop().expect("there are three");
    let asking = rig.request("GET", "/healthz", &[("connection", "close")], "");
    assert_eq!(rig.on(youngest, asking.as_bytes()).await.body, "ok\n");
    for stream in &mut streams {
        assert_eq!(stream.human().await, "created, to open");
        assert_eq!(stream.human().await, "x", "no stream had to give way");
    }
}

#[tokio::test]
async fn whoever_has_said_half_of_something_gives_way_too_and_is_told() {
    let rig = Rig::with(|layer| layer.limits.connections = Some(2)).await;
    let half = format!("POST /v1/jobs HTTP/1.1\r\nhost: {}\r\ncontent-length: 20\r\n\r\n{{", rig.at);
    let mut halves = Vec::new();
    for _ in 0..2 {
        let mut socket = rig.connect().await;
        socket.write_all(half.as_bytes()).await.expect("the server listens");
        halves.push(socket);
    }
    until("both are there", || rig.handle.alive().connections == 2).await;
    // The bodies are awaited once their heads are read; until then they are silent.
    assert_eq!(rig.ask("GET", "/healthz", &[], "").await.body, "ok\n");
    let oldest = halves.remove(0);
    rig.on(oldest, b"").await.is(503, "too_many_connections");
}
