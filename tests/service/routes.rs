//! Every route as it is documented, in good order.

use crate::rig::{OPERATOR, Rig, data, human, kinds};
use narrowcast::server::Alive;
use serde_json::{Value, json};

#[tokio::test]
async fn a_job_is_posted_watched_and_gone() {
    let rig = Rig::new().await;
    let job = rig.job(r#"{"operation":"count","args":{"to":3,"every_ms":1},"correlation_id":"mine"}"#).await;
    assert!(job.id.strip_prefix("job-").is_some_and(|bits| bits.len() == 32), "128 random bits: {}", job.id);
    let mut stream = rig.watch(&job).await;
    for (name, value) in
        [("cache-control", "no-store"), ("x-accel-buffering", "no"), ("connection", "close"), ("vary", "origin")]
    {
        assert!(stream.head.contains(&format!("\r\n{name}: {value}")), "{}", stream.head);
    }
    let messages = stream.rest().await;
    assert_eq!(kinds(&messages), ["narration", "narration", "narration", "narration", "data", "done"]);
    assert_eq!(human(&messages[0]), "created, to count", "the first event of all is not lost");
    assert_eq!([1, 2, 3].map(|at| human(&messages[at])), ["1 of 3", "2 of 3", "3 of 3"]);
    assert_eq!(data(&messages[4])["payload"], json!({ "counted": 3 }));
    assert!(messages[..5].iter().all(|message| data(message)["correlation_id"] == "mine"));
    assert_eq!(data(&messages[5]), json!({ "outcome": "completed" }));
    assert!(stream.bytes.starts_with(b"retry: 2000\n\n"), "{:?}", String::from_utf8_lossy(&stream.bytes));
    let text = String::from_utf8(stream.bytes).expect("the stream is UTF-8");
    assert!(!text.contains(&job.id), "no byte of the stream names a job");
    drop(stream.socket);
    rig.settle(Alive::default()).await;
    rig.of(&job, "GET", "/stream", "").await.is(404, "not_found");
}

#[tokio::test]
async fn a_job_that_is_driven_from_outside() {
    let rig = Rig::new().await;
    let job = rig.open().await;
    let mut stream = rig.watch(&job).await;
    assert_eq!(stream.human().await, "created, to open");

    let body = r#"{"actor":"probe","action":"say","human":"one","context":["a"],"level":"warn","target":"t"}"#;
    let reply = rig.of(&job, "POST", "/events", body).await;
    assert_eq!((reply.status, &reply.json()["sequence"]), (202, &json!(1)), "the creation was event 0");
    let message = stream.next().await.expect("the event comes");
    assert_eq!(reply.json()["id"], message.last_event_id.as_str(), "the emitter is told the event's cursor");
    let event = data(&message);
    assert_eq!(event["actor"], "probe");
    assert_eq!(
        (&event["human"], &event["context"], &event["level"], &event["target"]),
        (&json!("one"), &json!(["a"]), &json!("warn"), &json!("t"))
    );

    // Byte for byte, but for white space and characters that steer: no number is rounded, no key moved or dropped.
    for (payload, told) in [
        (
            r#"{"z":12345678901234567890123,"a":-0.10,"a":1e400}"#,
            r#"{"z":12345678901234567890123,"a":-0.10,"a":1e400}"#,
        ),
        (" [ 18446744073709551616 ,\r\n\t\"a b\\\"c\" ] ", r#"[18446744073709551616,"a b\"c"]"#),
        ("\"\u{2028}\\u2028\"", r#""\u2028\u2028""#),
    ] {
        let body = format!(r#"{{"action":"result","human":"","payload":{payload}}}"#);
        assert_eq!(rig.of(&job, "POST", "/events", &body).await.status, 202, "{payload}");
        let message = stream.next().await.expect("the stream goes on");
        assert!(message.data.ends_with(&format!(r#","payload":{told}}}"#)), "{payload}: {}", message.data);
    }
    for payload in [json!(null), json!({"rows": [1, "two\nlines"]}), json!("text")] {
        let body = json!({ "action": "result", "human": "", "payload": payload }).to_string();
        assert_eq!(rig.of(&job, "POST", "/events", &body).await.status, 202);
        let message = stream.next().await.expect("the result comes");
        assert_eq!((message.event.as_str(), &data(&message)["payload"]), ("data", &payload));
    }

    let reply = rig.of(&job, "POST", "/close", r#"{"outcome":"completed"}"#).await;
    assert_eq!((reply.status, &reply.json()["status"]), (200, &json!("completed")));
    let rest = stream.rest().await;
    assert_eq!(kinds(&rest), ["done"]);
    assert_eq!(data(&rest[0]), json!({ "outcome": "completed" }));
}

#[tokio::test]
async fn the_end_tells_the_true_outcome_once() {
    let rig = Rig::new().await;
    let (quick, cancel) = (None, Some(("DELETE", "", "")));
    let failed = Some(("POST", "/close", r#"{"outcome":"failed"}"#));
    for (body, deed, outcome) in [
        (r#"{"operation":"fail","args":{"after":1,"every_ms":1}}"#, quick, "failed"),
        (r#"{"operation":"fail","args":{"after":1,"every_ms":1,"panic":true}}"#, quick, "failed"),
        (r#"{"operation":"sleep","args":{"ms":30}}"#, quick, "completed"),
        (r#"{"operation":"chatter","args":{"events":10}}"#, quick, "completed"),
        (r#"{"operation":"count","args":{"to":1000,"every_ms":1000}}"#, cancel, "cancelled"),
        (r#"{"operation":"open"}"#, cancel, "cancelled"),
        (r#"{"operation":"open"}"#, failed, "failed"),
    ] {
        let job = rig.job(body).await;
        let mut stream = rig.watch(&job).await;
        stream.human().await;
        if let Some((method, rest, said)) = deed {
            let reply = rig.of(&job, method, rest, said).await;
            assert_eq!((reply.status, &reply.json()["status"]), (200, &json!(outcome)), "{body}");
            // Whoever comes second is told so, if there is still something to tell it of.
            let again = rig.of(&job, "DELETE", "", "").await;
            assert!([404, 409].contains(&again.status), "{again:?}");
        }
        let messages = stream.rest().await;
        let ends: Vec<Value> = messages.iter().filter(|m| ["done", "stopped"].contains(&&*m.event)).map(data).collect();
        assert_eq!(ends, [json!({ "outcome": outcome })], "{body}");
        assert_eq!(messages.last().map(|last| &*last.event), Some("done"), "nothing follows the end");
    }
    rig.settle(Alive::default()).await;
}

#[tokio::test]
async fn a_closed_job_says_how_it_ended_to_whoever_may_know() {
    let rig = Rig::new().await;
    let job = rig.open().await;
    assert_eq!(rig.of(&job, "POST", "/close", r#"{"outcome":"failed"}"#).await.status, 200);
    for (method, rest, body) in [
        ("POST", "/close", r#"{"outcome":"completed"}"#),
        ("DELETE", "", ""),
        ("POST", "/events", r#"{"action":"a","human":"h"}"#),
    ] {
        let reply = rig.of(&job, method, rest, body).await;
        reply.is(409, "job_closed");
        assert_eq!(reply.json()["message"], "the job is over (failed)");
    }
    let messages = rig.watch(&job).await.rest().await;
    assert_eq!(kinds(&messages), ["narration", "done"], "nobody had read it: it was still there");
}

#[tokio::test]
async fn operators_see_the_system_and_counts_and_no_job() {
    let rig = Rig::new().await;
    let operator = [("authorization", &*format!("Bearer {OPERATOR}"))];
    let mut system = rig.stream("/v1/system/events", &operator).await;
    assert!(system.human().await.starts_with("serving on 127.0.0.1:"));
    let job =
        rig.job(r#"{"operation":"count","args":{"to":2,"every_ms":1},"correlation_id":"secret of the job"}"#).await;
    let done = rig.watch(&job).await.rest().await;
    assert_eq!(done.last().map(|last| &*last.event), Some("done"));
    let message = system.next().await.expect("the end of the work is told");
    assert_eq!(human(&message), "count of anonymous: completed (done)");
    let text = String::from_utf8(system.bytes.clone()).expect("the stream is UTF-8");
    assert!(!text.contains("secret of the job") && !text.contains(&job.id[4..]), "{text}");

    // Resumed after the first event, the second follows.
    let first =
        system.bytes.split(|b| *b == b'\n').find_map(|line| line.strip_prefix(b"id: ")).expect("events have ids");
    let cursor = String::from_utf8(first.to_vec()).expect("a cursor is text");
    let mut resumed = rig.stream("/v1/system/events", &[operator[0], ("last-event-id", &cursor)]).await;
    assert_eq!(resumed.human().await, "count of anonymous: completed (done)");

    let metrics = rig.ask("GET", "/metrics", &operator, "").await;
    assert_eq!(
        (metrics.status, metrics.header("content-type")),
        (200, Some("text/plain; version=0.0.4; charset=utf-8"))
    );
    for row in
        ["narrowcast_jobs_created_total 1", "narrowcast_streams 2", "narrowcast_jobs 0", "narrowcast_defects_total 0"]
    {
        assert!(metrics.body.lines().any(|line| line == row), "{row} in\n{}", metrics.body);
    }
    assert!(!metrics.body.contains("job-") && !metrics.body.contains("anonymous"), "{}", metrics.body);
}

#[tokio::test]
async fn health_page_and_paths_that_lead_nowhere() {
    let rig = Rig::new().await;
    for (path, body) in [("/healthz", "ok\n"), ("/readyz", "ready\n")] {
        let reply = rig.ask("GET", path, &[], "").await;
        assert_eq!((reply.status, &*reply.body), (200, body));
    }
    let page = rig.ask("GET", "/", &[], "").await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let policy = page.header("content-security-policy").expect("the page has a policy");
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    for loaded in ["http://", "https://", "src=", "@import", "url(", "<link"] {
        assert!(!page.body.contains(loaded), "the page loads nothing: {loaded}");
    }
    for attribute in [" onclick=", " onload=", " style="] {
        assert!(!page.body.contains(attribute), "the policy forbids {attribute}");
    }
    for path in ["/v1", "/v1/jobs/", "/v1/jobs/a/b", "/v2/jobs", "/v1/jobs/job-0/stream/"] {
        rig.ask("GET", path, &[], "").await.is(404, "not_found");
    }
    for (method, path, allow) in [("PUT", "/v1/jobs", "POST"), ("POST", "/v1/jobs/job-0/stream", "GET,HEAD")] {
        let reply = rig.ask(method, path, &[], "").await;
        reply.is(405, "method_not_allowed");
        assert_eq!(reply.header("allow"), Some(allow));
    }
}
