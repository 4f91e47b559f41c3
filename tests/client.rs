//! The client against a server that plays a script: over TCP, and in memory with the clock stopped.

#[path = "client/server.rs"]
mod server;

use narrowcast::client::{
    Backoff, Client, Delivery, Error, InvalidClient, Limits, Lost, Stop, Timeouts, Update, Watch,
};
use narrowcast::narration::Outcome;
use narrowcast::sink::sse::TooLong;
use server::{STREAM, Server, Step, send};
use std::num::NonZeroU32;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;
use tokio::time::{Instant, timeout};

const NARRATION: &str = r#"{"actor":"queen","action":"step","target":"x","human":"one","level":"info"}"#;
const DATA: &str = r#"{"actor":"queen","action":"sum","target":"x","human":"","level":"info","payload":[1]}"#;
const DONE: &str = "event: done\ndata: {\"outcome\":\"completed\"}\n\n";

/// Long enough that only a defect runs into it; by the clock, which some tests stop.
const PATIENCE: Duration = Duration::from_secs(3600);

fn event(kind: &str, data: &str, id: &str) -> String {
    format!("event: {kind}\ndata: {data}\nid: {id}\n\n")
}

/// A client of this server in memory, which waits for nothing when it connects again.
fn client(server: &Server) -> Client {
    let client = Client::new("http://narrowcast.test/v1/jobs/a/stream").expect("an address");
    client.connector(server.clone()).random(|| 0)
}

async fn next(watch: &mut Watch) -> Option<Result<Update, Error>> {
    timeout(PATIENCE, watch.next()).await.expect("something comes")
}

/// Everything until the watch is over.
async fn all(mut watch: Watch) -> Vec<Result<Update, Error>> {
    let mut updates = Vec::new();
    while let Some(update) = next(&mut watch).await {
        updates.push(update);
        assert!(updates.len() < 1000, "there is no end to it");
    }
    assert_eq!(next(&mut watch).await, None, "what is over stays over");
    updates
}

/// What a watch yields, each update in a word or two.
async fn told(watch: Watch) -> Vec<String> {
    let words = |update: Result<Update, Error>| match update {
        Ok(Update::Delivery(Delivery::Narration(event))) => format!("narration {}", event.position().unwrap_or("-")),
        Ok(Update::Delivery(Delivery::Data(event))) => format!("data {}", event.position().unwrap_or("-")),
        Ok(Update::Delivery(Delivery::Lagged(lost))) => format!("lagged {lost}"),
        Ok(Update::Delivery(Delivery::Done(outcome))) => format!("done {outcome}"),
        Ok(Update::Delivery(Delivery::Stopped(stop))) => format!("stopped {stop}"),
        Ok(Update::Delivery(Delivery::Other { event, data })) => format!("other {event} {data}"),
        Ok(Update::Reconnecting { after, lost }) => format!("again in {after:?}: {lost}"),
        Ok(Update::Resumed { position }) => format!("resumed {}", position.as_deref().unwrap_or("-")),
        Ok(other) => panic!("this test knows no {other:?}"),
        Err(error) => format!("error: {error}"),
    };
    all(watch).await.into_iter().map(words).collect()
}

fn header<'r>(request: &'r str, name: &str) -> Option<&'r str> {
    request.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// A whole stream: everything that the service sends, with all three ends of lines.
fn whole() -> String {
    let mut stream = String::from("\u{feff}retry: 1\r\r\n: kept alive\n\n");
    stream += &event("narration", NARRATION, "p1").replace('\n', "\r\n");
    stream += &event("data", DATA, "p2").replace('\n', "\r");
    stream += &event("lagged", r#"{"lagged":3}"#, "p5");
    stream += ": kept alive\n\ndata: news\n\n";
    stream + DONE
}

const WHOLE: [&str; 5] = ["narration p1", "data p2", "lagged 3", "other message news", "done completed"];

#[tokio::test]
async fn a_stream_is_read_to_its_end_over_tcp() {
    let server = Server::new([vec![send(STREAM), send(whole()), Step::Hang]]);
    let client = Client::new(&server.listen().await).expect("an address").random(|| 0);
    let client = client.capability("cap.x").expect("a token");
    assert!(!format!("{client:?} {:?}", client.watch()).contains("cap.x"), "a capability is shown to nobody");
    let mut watch = client.watch();
    let Some(Ok(Update::Delivery(Delivery::Narration(first)))) = next(&mut watch).await else { panic!("it is first") };
    assert_eq!(first.as_json(), NARRATION, "byte for byte");
    assert_eq!(first.decode().expect("an event").human, "one");
    assert_eq!(watch.position(), Some("p1"));
    assert_eq!(told(watch).await, WHOLE[1..]);
    let [request] = &server.requests()[..] else { panic!("one request") };
    assert!(request.starts_with("get /v1/jobs/a/stream http/1.1\r\n"), "{request}");
    assert_eq!(header(request, "authorization"), Some("bearer cap.x"));
    assert_eq!(header(request, "accept"), Some("text/event-stream"));
    assert_eq!(header(request, "last-event-id"), None);
    assert!(header(request, "host").is_some_and(|host| host.starts_with("127.0.0.1:")));
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_comes_byte_by_byte_is_the_same_stream() {
    let server = Server::new([vec![send(STREAM), send(whole())]]).byte_by_byte();
    assert_eq!(told(client(&server).watch()).await, WHOLE);
}

#[tokio::test(start_paused = true)]
async fn a_chunked_body_is_read_as_well() {
    let head =
        "HTTP/1.1 200 OK\r\ncontent-type: Text/Event-Stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n";
    let stream = whole();
    let chunks = stream.as_bytes().chunks(7).flat_map(|chunk| {
        let size = format!("{:x}\r\n", chunk.len()).into_bytes();
        [size, chunk.to_vec(), b"\r\n".to_vec()].concat()
    });
    let server = Server::new([vec![send(head), Step::Send(chunks.collect()), send("0\r\n\r\n")]]);
    assert_eq!(told(client(&server).watch()).await, WHOLE);
}

#[tokio::test(start_paused = true)]
async fn whoever_gives_up_waiting_and_asks_again_misses_nothing() {
    let server =
        Server::new([vec![send(STREAM), send(event("narration", NARRATION, "p1"))], vec![send(STREAM), send(whole())]])
            .byte_by_byte();
    let mut watch = client(&server).watch();
    let (mut dropped, mut yielded) = (0, 0);
    loop {
        // A new future each time; a dropped one has been polled once.
        let polled = {
            let mut next = pin!(watch.next());
            std::future::poll_fn(|cx| Poll::Ready(next.as_mut().poll(cx))).await
        };
        match polled {
            Poll::Ready(None) => break,
            Poll::Ready(Some(update)) => {
                update.expect("no error");
                yielded += 1;
                assert!(yielded < 100, "there is no end to it");
            }
            Poll::Pending => {
                dropped += 1;
                assert!(dropped < 100_000, "it waits for what does not come");
                tokio::task::yield_now().await;
                // Only the clock is left to move: the wait before connecting again.
                if dropped % 4096 == 0 {
                    tokio::time::advance(Duration::from_secs(1)).await;
                }
            }
        }
    }
    assert!(dropped > 500, "only {dropped} futures were dropped");
    assert_eq!(yielded, 1 + 2 + WHOLE.len(), "an event, a break, a resumption, and the whole stream");
}

#[tokio::test]
async fn a_torn_event_is_not_delivered_and_the_stream_is_resumed_before_it() {
    let torn = event("narration", NARRATION, "p2");
    let server = Server::new([
        vec![send(STREAM), send(event("narration", NARRATION, "p1")), send(&torn[..torn.len() - 1])],
        vec![send(STREAM), send(&torn), send(DONE)],
    ]);
    let client = Client::new(&server.listen().await).expect("an address").random(|| 0);
    let expected = [
        "narration p1",
        "again in 0ns: the stream ended before the job did",
        "resumed p1",
        "narration p2",
        "done completed",
    ];
    assert_eq!(told(client.watch()).await, expected);
    let requests = server.requests();
    let sent: Vec<_> = requests.iter().map(|request| header(request, "last-event-id")).collect();
    assert_eq!(sent, [None, Some("p1")]);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_ends_before_its_time_is_a_broken_connection() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    let server = Server::new([vec![send(head), send("20\r\ndata: x\n\n")], vec![send(STREAM), send(DONE)]]);
    let updates = all(client(&server).watch()).await;
    let [
        Ok(Update::Delivery(Delivery::Other { .. })),
        Ok(Update::Reconnecting { lost: Lost::Broken(_), .. }),
        rest @ ..,
    ] = &updates[..]
    else {
        panic!("{updates:?}")
    };
    assert_eq!(rest[0], Ok(Update::Resumed { position: None }), "no id was given, and the watch says so");
}

#[tokio::test(start_paused = true)]
async fn a_position_is_given_from_outside_and_lasts_until_the_next() {
    let server = Server::new([
        vec![send(STREAM), send("data: x\n\n")],
        vec![send(STREAM), send("id: p8\n\n")],
        vec![send(STREAM), send("id: bad\u{1}id\ndata: y\n\n")],
        vec![send(STREAM), send(DONE)],
    ]);
    let client = client(&server).resume_after("p7").expect("fit for a header");
    let resumed: Vec<_> = told(client.watch()).await.into_iter().filter(|word| word.starts_with("resumed")).collect();
    assert_eq!(resumed, ["resumed p7", "resumed p8", "resumed -"], "what no header can hold cannot be resumed after");
    let requests = server.requests();
    let sent: Vec<_> = requests.iter().map(|request| header(request, "last-event-id")).collect();
    assert_eq!(sent, [Some("p7"), Some("p7"), Some("p8"), None]);
}

#[tokio::test(start_paused = true)]
async fn a_stop_is_no_end_and_nothing_is_read_or_asked_after_it() {
    let after = format!("event: narration\ndata: {NARRATION}\n\n");
    for (reason, stop) in [
        ("revoked", Stop::Revoked),
        ("expired", Stop::Expired),
        ("shutdown", Stop::Shutdown),
        ("lagging", Stop::Lagging),
        ("tired", Stop::Other("tired".to_owned())),
    ] {
        let stopped = format!("event: stopped\ndata: {{\"reason\":\"{reason}\"}}\n\n");
        let server = Server::new([vec![send(STREAM), send(stopped), send(&after)], vec![send(STREAM)]]);
        assert_eq!(all(client(&server).watch()).await, [Ok(Update::Delivery(Delivery::Stopped(stop)))]);
        assert_eq!(server.left(), 1, "nobody connects again after a stop");
    }
    for outcome in Outcome::ALL {
        let done = format!("event: done\ndata: {{\"outcome\":\"{outcome}\"}}\n\n");
        let server = Server::new([vec![send(STREAM), send(done), send(&after)], vec![send(STREAM)]]);
        assert_eq!(all(client(&server).watch()).await, [Ok(Update::Delivery(Delivery::Done(outcome)))]);
        assert_eq!(server.left(), 1, "nobody connects again after an end");
    }
}

#[tokio::test]
async fn a_server_is_heard_out_so_that_it_knows_its_end_has_come() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    let done = format!("{:x}\r\n{DONE}\r\n", DONE.len());
    let last = [Step::Pause, Step::StillThere, send("0\r\n\r\n"), Step::SeeOff];
    let server = Server::new([[vec![send(head), send(done)], last.to_vec()].concat()]);
    let client = Client::new(&server.listen().await).expect("an address").random(|| 0);
    let mut watch = client.watch();
    assert_eq!(next(&mut watch).await, Some(Ok(Update::Delivery(Delivery::Done(Outcome::Completed)))));
    server.go_on();
    assert_eq!(next(&mut watch).await, None);
    drop(watch);
    assert_eq!(server.parting().await.expect("closed, and not reset"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_part_is_not_waited_for() {
    let server = Server::new([vec![send(STREAM), send(DONE), Step::Hang]]);
    let mut watch = client(&server).watch();
    assert!(matches!(next(&mut watch).await, Some(Ok(_))));
    let done = Instant::now();
    assert_eq!(next(&mut watch).await, None);
    assert!(done.elapsed() < Duration::from_millis(1100), "{:?}", done.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_would_be_the_same_again_ends_the_watch() {
    let refused = |status, text: &str| Error::Refused { status, text: text.to_owned() };
    let kind = |was: Option<&str>| Error::ContentType { was: was.map(str::to_owned) };
    let encoded = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\n\r\n";
    for (answer, error) in [
        ("HTTP/1.1 204 No Content\r\n\r\n", Error::NoContent),
        ("HTTP/1.1 403 No\r\nContent-Length: 4\r\n\r\nwhy?", refused(403, "why?")),
        ("HTTP/1.1 400 No\r\nConnection: close\r\n\r\ninvalid_cursor", refused(400, "invalid_cursor")),
        ("HTTP/1.1 418 No\r\nContent-Length: 0\r\n\r\n", refused(418, "")),
        ("HTTP/1.1 206 Part\r\nContent-Type: text/event-stream\r\nContent-Length: 0\r\n\r\n", refused(206, "")),
        ("HTTP/1.1 304 Same\r\n\r\n", refused(304, "")),
        ("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\ndata: x\n\n", kind(Some("text/html"))),
        ("HTTP/1.1 200 OK\r\nContent-Type: text/event-streams\r\n\r\n", kind(Some("text/event-streams"))),
        ("HTTP/1.1 200 OK\r\n\r\ndata: x\n\n", kind(None)),
        (encoded, Error::ContentEncoding { was: "gzip".to_owned() }),
    ] {
        let server = Server::new([vec![send(answer)], vec![send(STREAM)]]);
        assert_eq!(all(client(&server).watch()).await, [Err(error)], "{answer}");
        assert_eq!(server.left(), 1, "nobody asks again after {answer}");
    }
    let slow = "HTTP/1.1 403 No\r\nContent-Length: 9\r\n\r\nwhy";
    for end in [vec![Step::Hang], vec![]] {
        let server = Server::new([[vec![send(slow)], end].concat()]);
        assert_eq!(all(client(&server).watch()).await, [Err(refused(403, "why"))], "a refusal is one, however it ends");
    }
    let long = format!("HTTP/1.1 404 No\r\nConnection: close\r\n\r\n{}", "\u{1b}".repeat(9000));
    let server = Server::new([vec![send(long)]]);
    let [Err(error)] = &all(client(&server).watch()).await[..] else { panic!("one error") };
    assert_eq!(*error, refused(404, &"\u{1b}".repeat(4096)), "no more is read than that");
    assert!(!error.to_string().contains('\u{1b}'), "and no terminal is steered by it");
}

#[tokio::test(start_paused = true)]
async fn what_says_how_the_stream_fares_must_be_readable() {
    for (event, data) in [
        ("lagged", r#"{"lagged":0}"#),
        ("lagged", r#"{"lagged":-1}"#),
        ("lagged", ""),
        ("done", r#"{"outcome":"fine"}"#),
        ("done", "[DONE]"),
        ("stopped", r#"{"why":"revoked"}"#),
    ] {
        let server = Server::new([vec![send(STREAM), send(format!("event: {event}\ndata: {data}\n\n"))]]);
        let updates = all(client(&server).watch()).await;
        assert!(matches!(&updates[..], [Err(Error::Malformed { event: e, .. })] if *e == event), "{updates:?}");
    }
    // A narration is not read until it is asked for, and then the stream goes on.
    let server = Server::new([vec![send(STREAM), send("event: narration\ndata: [DONE]\n\n"), send(DONE)]]);
    let mut watch = client(&server).watch();
    let Some(Ok(Update::Delivery(Delivery::Narration(event)))) = next(&mut watch).await else { panic!("it is first") };
    assert!(event.decode().is_err() && event.position().is_none());
    assert_eq!(told(watch).await, ["done completed"]);
}

#[tokio::test(start_paused = true)]
async fn a_redirect_is_followed_at_home_and_nowhere_else() {
    let to =
        |location: &str| vec![send(format!("HTTP/1.1 307 There\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"))];
    let server = Server::new([to("/other?a=b"), to("http://NARROWCAST.test:80/third"), vec![send(STREAM), send(DONE)]]);
    let bearing = client(&server).capability("secret").expect("a token").resume_after("p1").expect("fit");
    assert_eq!(told(bearing.watch()).await, ["done completed"]);
    let requests = server.requests();
    let paths: Vec<_> = requests.iter().map(|request| request.split(' ').nth(1).unwrap()).collect();
    assert_eq!(paths, ["/v1/jobs/a/stream", "/other?a=b", "/third"]);
    assert!(requests.iter().all(|request| header(request, "authorization") == Some("bearer secret")));
    assert!(requests.iter().all(|request| header(request, "last-event-id") == Some("p1")));

    let elsewhere = ["http://evil.test/", "//evil.test/", "http://narrowcast.test:81/", "https://narrowcast.test/"];
    for (location, readable) in
        elsewhere.map(|location| (location, true)).into_iter().chain([("?x", false), ("", false)])
    {
        let server = Server::new([to(location), vec![send(STREAM), send(DONE)]]);
        let watch = client(&server).capability("secret").expect("a token").watch();
        let updates = all(watch).await;
        let [Err(Error::Redirected { to })] = &updates[..] else { panic!("{location}: {updates:?}") };
        assert_eq!((to.is_some(), server.left()), (readable, 1), "{location}: nobody was asked there");
    }
    let server = Server::new((0..9).map(|_| to("/again")));
    assert_eq!(all(client(&server).watch()).await, [Err(Error::Circles(5))]);
}

#[tokio::test(start_paused = true)]
async fn waits_grow_and_a_server_s_retry_and_an_event_reset_them() {
    let unavailable = |status: u16| vec![send(format!("HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n"))];
    let backoff = Backoff { base: Duration::from_millis(100), max: Duration::from_secs(1), attempts: None };
    let server = Server::new([
        unavailable(503),
        // A stream that broke off may still be counted among as many as are allowed.
        unavailable(429),
        vec![],
        vec![send(STREAM), send("retry: 250\n\n")],
        vec![send(STREAM), send("data: x\n\n")],
        vec![send(STREAM), send(DONE)],
    ]);
    let started = Instant::now();
    // Half of each jitter, exactly.
    let mut watch = client(&server).random(|| 1 << 63).backoff(backoff).watch();
    let (mut waits, mut at) = (Vec::new(), Vec::new());
    while let Some(update) = next(&mut watch).await {
        match update.expect("no error") {
            Update::Reconnecting { after, .. } => waits.push(after.as_millis()),
            Update::Resumed { .. } => at.push(started.elapsed().as_millis()),
            _ => {}
        }
    }
    assert_eq!(waits, [50, 100, 200, 250 + 400, 250 + 50]);
    // Timers have a resolution of a millisecond, and a wait is never shorter than it says.
    let expected = [350, 1000, 1300];
    let late: Vec<_> = at.iter().zip(expected).map(|(at, expected)| at - expected).collect();
    assert!(late.len() == 3 && late.iter().all(|late| *late <= 6), "{at:?}");
}

#[tokio::test(start_paused = true)]
async fn attempts_without_an_event_are_counted_and_those_with_one_begin_afresh() {
    let backoff = Backoff { attempts: NonZeroU32::new(2), ..Backoff::default() };
    let ended = || vec![send(STREAM), send("data: x\n\n")];
    let server = Server::new([vec![send(STREAM)], ended(), ended(), vec![send(STREAM)]]);
    let updates = told(client(&server).backoff(backoff).watch()).await;
    let lost = "again in 0ns: the stream ended before the job did";
    let expected = [lost, "resumed -", "other message x", lost, "resumed -", "other message x", lost, "resumed -"];
    assert_eq!(updates[..8], expected);
    let gave_up = "error: 2 attempts in a row brought no event; the last: the stream ended before the job did";
    assert_eq!(updates[8..], [gave_up]);
    // Nobody listens: every attempt fails.
    let server = Server::new([]);
    let [Ok(Update::Reconnecting { lost, .. }), Err(Error::GaveUp { attempts: 2, last })] =
        &all(client(&server).backoff(backoff).watch()).await[..]
    else {
        panic!("a break, then the end")
    };
    assert_eq!((lost, last), (&Lost::Unreachable("nobody listens".to_owned()), lost));
}

#[tokio::test(start_paused = true)]
async fn silence_is_noticed_and_comments_break_it() {
    let timeouts = Timeouts { open: Duration::from_secs(10), idle: Duration::from_secs(20) };
    let comment = || [Step::Wait(Duration::from_secs(19)), send(": kept alive\n")];
    let server = Server::new([
        vec![Step::Hang],
        vec![send("HTTP/1.1 200 OK\r\n"), Step::Hang],
        [vec![send(STREAM)], comment().to_vec(), comment().to_vec(), vec![Step::Hang]].concat(),
        vec![send(STREAM), send(DONE)],
    ]);
    let started = Instant::now();
    let mut watch = client(&server).timeouts(timeouts).watch();
    let mut breaks = Vec::new();
    while let Some(update) = next(&mut watch).await {
        if let Update::Reconnecting { lost, .. } = update.expect("no error") {
            breaks.push((lost, started.elapsed().as_secs()));
        }
    }
    let silent = Lost::Silent(timeouts.open);
    assert_eq!(breaks, [(silent.clone(), 10), (silent, 20), (Lost::Idle(timeouts.idle), 20 + 19 + 19 + 20)]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_sends_too_much_is_not_listened_to() {
    let limits = Limits { line_bytes: 20, data_bytes: 18 };
    for (stream, error) in
        [("data: 0123456789abcdef", TooLong::Line(20)), ("data: 0123456789\ndata: 01234567\n\n", TooLong::Data(18))]
    {
        let server = Server::new([vec![send(STREAM), send(stream), Step::Hang], vec![send(STREAM)]]);
        assert_eq!(all(client(&server).limits(limits).watch()).await, [Err(Error::TooLong(error))]);
        assert_eq!(server.left(), 1, "nobody asks for it again");
    }
}

#[test]
fn what_cannot_be_sent_is_no_client() {
    assert_eq!(Client::new("localhost/stream").err(), Some(InvalidClient::Url));
    assert_eq!(Client::new("http://me:secret@localhost/").err(), Some(InvalidClient::UserInfo));
    let client = || Client::new("http://localhost/").expect("an address");
    assert_eq!(client().capability("a\r\nHost: b").err(), Some(InvalidClient::Capability));
    assert_eq!(client().resume_after("a\nb").err(), Some(InvalidClient::Position));
}

#[tokio::test(start_paused = true)]
async fn an_address_with_tls_is_not_asked_without() {
    let server = Server::new([vec![send(STREAM)]]);
    let client = Client::new("https://localhost/").expect("an address").connector(server.clone());
    assert_eq!(all(client.watch()).await, [Err(Error::Scheme { scheme: "https" })]);
    assert_eq!(server.left(), 1);
}
