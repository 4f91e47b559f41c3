//! Streams: resumed, lagging, flooded, and never anybody else's.

use crate::rig::{OPERATOR, Rig, Sse, all, data, human, kinds};
use serde_json::json;
use std::collections::BTreeSet;

#[tokio::test]
async fn a_stream_resumes_exactly_after_its_cursor() {
    let rig = Rig::new().await;
    let job = rig.open().await;
    for text in ["a", "b", "c"] {
        assert_eq!(rig.emit(&job, text).await.status, 202);
    }
    let mut stream = rig.watch(&job).await;
    let mut cursors = Vec::new();
    for text in ["created, to open", "a", "b", "c"] {
        let message = stream.next().await.expect("all are retained");
        assert_eq!(human(&message), text);
        cursors.push(message.last_event_id);
    }
    assert_eq!(cursors.iter().collect::<BTreeSet<_>>().len(), 4, "no two events share a cursor");
    drop(stream);

    let (bearer, path) = (job.bearer(), job.path("/stream"));
    let authorised = ("authorization", &*bearer);
    let mut by_header = rig.stream(&path, &[authorised, ("last-event-id", &cursors[1])]).await;
    assert_eq!(by_header.human().await, "b");
    let mut by_query = rig.stream(&format!("{path}?after={}", cursors[2]), &[authorised]).await;
    assert_eq!(by_query.human().await, "c");
    // A browser that connects again keeps the URL and adds the header: the header is newer.
    let url = format!("{path}?from=now&after={}", cursors[0]);
    let mut both = rig.stream(&url, &[authorised, ("last-event-id", &cursors[2])]).await;
    assert_eq!(both.human().await, "c");
    let mut now = rig.stream(&format!("{path}?from=now"), &[authorised]).await;
    let mut at_the_tail = rig.stream(&path, &[authorised, ("last-event-id", &cursors[3])]).await;
    assert_eq!(rig.emit(&job, "d").await.status, 202);
    for stream in [&mut now, &mut at_the_tail, &mut by_query, &mut both] {
        assert_eq!(stream.human().await, "d");
    }
}

#[tokio::test]
async fn every_stream_that_stands_somewhere_says_where_before_its_first_event() {
    let rig = Rig::new().await;
    let job = rig.open().await;
    let created = rig.watch(&job).await.next().await.expect("the creation is narrated").last_event_id;
    assert_eq!(rig.emit(&job, "a").await.status, 202);
    let (bearer, path) = (job.bearer(), job.path("/stream"));
    let (authorised, operator) = ([("authorization", &*bearer)], format!("Bearer {OPERATOR}"));
    let operator = [("authorization", &*operator)];
    let (now, after) = (format!("{path}?from=now"), format!("{path}?after={created}"));
    for (url, headers, emitted) in [
        (&*now, &authorised, "b"),
        (&*after, &authorised, "a"),
        ("/v1/system/events?from=now", &operator, "open of anonymous: cancelled (it was closed)"),
    ] {
        let mut broken = rig.stream(url, headers).await;
        while !broken.bytes.ends_with(b"\n\n") {
            broken.read_some().await;
        }
        let head = String::from_utf8(broken.bytes[..].to_vec()).expect("the stream is UTF-8");
        let head = head.split_once("\n\n").expect("it was read up to there").0;
        let position = head.strip_prefix("retry: 2000\nid: ").unwrap_or_else(|| panic!("{url} begins with {head:?}"));
        drop(broken);
        // What comes before anybody is back is not lost.
        if url.starts_with(&path) {
            assert_eq!(rig.emit(&job, "b").await.status, 202);
        } else {
            assert_eq!(rig.of(&job, "DELETE", "", "").await.status, 200);
        }
        let mut resumed = rig.stream(url, &[headers[0], ("last-event-id", position)]).await;
        assert_eq!(resumed.human().await, emitted, "{url}");
    }
    // From the start there is nothing before: whoever comes back begins there again.
    let job = rig.open().await;
    let mut start = rig.watch(&job).await;
    start.human().await;
    assert!(start.bytes.starts_with(b"retry: 2000\n\nevent: narration\n"));
}

#[tokio::test]
async fn a_cursor_of_anything_else_is_refused_and_nothing_is_replayed() {
    let rig = Rig::new().await;
    let (job, other) = (rig.open().await, rig.open().await);
    for each in [&job, &other] {
        for _ in 0..5 {
            assert_eq!(rig.emit(each, "x").await.status, 202);
        }
    }
    let foreign = rig.watch(&other).await.next().await.expect("it is retained").last_event_id;
    let own = rig.watch(&job).await.next().await.expect("it is retained").last_event_id;
    let elsewhere = Rig::new().await;
    let abroad = elsewhere.open().await;
    let abroad = elsewhere.watch(&abroad).await.next().await.expect("it is retained").last_event_id;
    let flipped: String = own.chars().rev().collect();
    let huge = "9".repeat(5_000);
    let (bearer, path) = (job.bearer(), job.path("/stream"));
    let authorised = ("authorization", &*bearer);
    for cursor in
        [&*foreign, &*abroad, &*flipped, &own[1..], "", "0", "-1", "18446744073709551615", "*", "\u{fffd}", &*huge]
    {
        let by_header = rig.ask("GET", &path, &[authorised, ("last-event-id", cursor)], "").await;
        by_header.is(400, "invalid_cursor");
        if cursor.is_ascii() {
            rig.ask("GET", &format!("{path}?after={cursor}"), &[authorised], "").await.is(400, "invalid_cursor");
        }
    }
    let twice = [authorised, ("last-event-id", &*own), ("last-event-id", &*own)];
    rig.ask("GET", &path, &twice, "").await.is(400, "invalid_cursor");
    for query in ["from=end", "from=", "from", "form=now", "from=now&from=now", "after=x&after=y"] {
        rig.ask("GET", &format!("{path}?{query}"), &[authorised], "").await.is(400, "invalid_query");
    }
    // The genuine one is still good, so that the refusals above were not of everything.
    let mut resumed = rig.stream(&path, &[authorised, ("last-event-id", &own)]).await;
    assert_eq!(resumed.human().await, "x");
}

#[tokio::test]
async fn what_was_evicted_is_counted_exactly() {
    let rig = Rig::with(|layer| layer.limits.retain_events = Some(10)).await;
    let job = rig.open().await;
    let mut early = rig.watch(&job).await;
    let cursor = early.next().await.expect("the creation is narrated").last_event_id;
    drop(early);
    for number in 0..25 {
        assert_eq!(rig.emit(&job, &number.to_string()).await.status, 202);
    }
    let (bearer, path) = (job.bearer(), job.path("/stream"));
    // 26 events in all, of which the last 10 are retained.
    for (headers, lost) in [(vec![], 16), (vec![("last-event-id", &*cursor)], 15)] {
        let mut stream = rig.stream(&path, &[&[("authorization", &*bearer)], &headers[..]].concat()).await;
        let lagged = stream.next().await.expect("the loss is told first");
        assert_eq!((lagged.event.as_str(), data(&lagged)), ("lagged", json!({ "lagged": lost })));
        assert_eq!(stream.human().await, "15");
        // Whoever resumes after the marker is not told of the loss again.
        let resumed = [("authorization", &*bearer), ("last-event-id", &*lagged.last_event_id)];
        assert_eq!(rig.stream(&path, &resumed).await.human().await, "15");
    }
}

/// Delivered and lagged, together.
async fn account(stream: &mut Sse) -> (u64, u64) {
    let (mut delivered, mut lagged) = (0, 0);
    for message in stream.rest().await {
        match message.event.as_str() {
            "narration" => delivered += 1,
            "lagged" => lagged += data(&message)["lagged"].as_u64().expect("a number"),
            _ => assert_eq!(data(&message), json!({ "outcome": "completed" })),
        }
    }
    (delivered, lagged)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flooded_stream_accounts_for_every_event_and_disturbs_nobody() {
    let rig = Rig::with(|layer| layer.limits.retain_events = Some(100)).await;
    let noisy = rig.job(r#"{"operation":"chatter","args":{"events":50000,"bytes":200}}"#).await;
    let quiet = rig.job(r#"{"operation":"count","args":{"to":50,"every_ms":1}}"#).await;
    let (mut flood, mut calm) = (rig.watch(&noisy).await, rig.watch(&quiet).await);
    let (flooded, counted) = tokio::join!(account(&mut flood), calm.rest());
    assert_eq!(flooded.0 + flooded.1, 50_001, "{flooded:?}: each event is delivered or counted");
    assert!(flooded.1 > 0, "the premise: it lagged");
    assert_eq!(kinds(&counted).iter().filter(|kind| **kind == "narration").count(), 51, "the neighbour lost nothing");
    assert_eq!(counted.last().map(data), Some(json!({ "outcome": "completed" })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_of_many_jobs_at_once_carry_their_own_canaries_only() {
    let rig = Rig::new().await;
    let (mut readers, mut jobs) = (Vec::new(), Vec::new());
    for number in 0..8 {
        let canary = format!("canary-{number}");
        let job = rig.job(&json!({"operation": "open", "correlation_id": canary}).to_string()).await;
        for _ in 0..3 {
            let (mut stream, canary) = (rig.watch(&job).await, canary.clone());
            readers.push(tokio::spawn(async move {
                let messages = stream.rest().await;
                let of = |message: &_| data(message)["correlation_id"].clone();
                assert!(messages[..messages.len() - 1].iter().all(|message| of(message) == canary), "{canary}");
                assert_eq!((messages.len(), messages.last().map(data)), (22, Some(json!({"outcome": "completed"}))));
            }));
        }
        jobs.push((job, canary));
    }
    // All jobs are emitted to at once, each event by a connection of its own.
    let emitters = jobs.iter().map(async |(job, canary)| {
        for number in 0..20 {
            let body = json!({"action": "say", "human": number.to_string(), "correlation_id": canary});
            assert_eq!(rig.of(job, "POST", "/events", &body.to_string()).await.status, 202);
        }
        assert_eq!(rig.of(job, "POST", "/close", r#"{"outcome":"completed"}"#).await.status, 200);
    });
    all(emitters).await;
    for reader in readers {
        reader.await.expect("every stream is whole and its own");
    }
}

#[tokio::test]
async fn no_text_forges_a_frame() {
    let rig = Rig::new().await;
    let job = rig.open().await;
    let mut stream = rig.watch(&job).await;
    stream.human().await;
    let hostile = [
        "x\n\nevent: done\ndata: {\"outcome\":\"completed\"}\n\n",
        "x\r\rdata: forged\r\r",
        "\r\nid: 0\r\nretry: 1\r\n\r\n",
        ": comment\n",
        "\u{feff}data: x\u{2028}\u{2029}\u{85}\u{0}",
        ",\"payload\":1",
        "[DONE]",
        "",
    ];
    for text in hostile {
        assert_eq!(rig.emit(&job, text).await.status, 202, "{text:?}");
        assert_eq!(stream.human().await, text, "one event, and the very text");
    }
    let lines = String::from_utf8(stream.bytes.clone()).expect("the stream is UTF-8");
    let fields = ["retry: ", "event: narration", "data: {", "id: "];
    assert!(lines.lines().all(|line| line.is_empty() || fields.iter().any(|field| line.starts_with(field))), "{lines}");
    assert!(!lines.contains(['\r', '\u{2028}', '\u{85}']));
}

#[tokio::test]
async fn a_silent_stream_is_kept_alive_by_comments() {
    let rig = Rig::with(|layer| layer.times.keep_alive_ms = Some(20)).await;
    let job = rig.open().await;
    let mut stream = rig.watch(&job).await;
    stream.human().await;
    let comments = |bytes: &[u8]| bytes.split(|b| *b == b'\n').filter(|line| line.starts_with(b":")).count();
    crate::rig::soon("three comments", async {
        while comments(&stream.bytes) < 3 {
            stream.read_some().await;
        }
    })
    .await;
    assert_eq!(rig.of(&job, "DELETE", "", "").await.status, 200);
    assert_eq!(kinds(&stream.rest().await), ["done"], "idle was no end");
}
