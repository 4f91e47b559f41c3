//! The client of this crate against the service of this crate: each was written from the same page, and from it alone.

use crate::rig::{PATIENCE, Rig, soon, until};
use narrowcast::client::{Client, Connect, Connecting, Delivery, Io, Origin, Stop, Update};
use narrowcast::narration::Outcome;
use narrowcast::server::Alive;
use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio::time::Instant;

fn client(rig: &Rig, job: &crate::rig::Job) -> Client {
    let url = format!("http://{}{}", rig.at, job.path("/stream"));
    Client::new(&url).and_then(|client| client.capability(&job.capability)).expect("an address and a capability")
}

/// What a watch is told, in words, up to its end.
async fn told(client: &Client) -> Vec<String> {
    let (mut watch, mut told) = (client.watch(), Vec::new());
    while let Some(update) = watch.next().await {
        told.push(match update.expect("the service is understood") {
            Update::Delivery(Delivery::Narration(event)) => event.decode().expect("an event").human,
            Update::Delivery(Delivery::Data(event)) => {
                event.decode().expect("an event").payload.expect("a result").as_json().to_owned()
            }
            Update::Delivery(Delivery::Lagged(lost)) => format!("lagged {lost}"),
            Update::Delivery(Delivery::Stopped(stop)) => format!("stopped: {stop}"),
            Update::Delivery(Delivery::Done(outcome)) => format!("done: {outcome}"),
            other => format!("{other:?}"),
        });
    }
    told
}

#[tokio::test]
async fn the_client_reads_jobs_to_their_end_and_leaves_in_good_order() {
    let rig = Rig::new().await;
    for _ in 0..20 {
        let job = rig.job(r#"{"operation":"count","args":{"to":2,"every_ms":1}}"#).await;
        let expected = ["created, to count", "1 of 2", "2 of 2", r#"{"counted":2}"#, "done: completed"];
        assert_eq!(told(&client(&rig, &job)).await, expected);
        // The client hung up after the end, so that the job is forgotten at once, and not only after its linger time.
        rig.settle(Alive::default()).await;
    }
}

#[tokio::test]
async fn the_client_resumes_and_is_told_of_loss_and_of_why_it_was_stopped() {
    let rig = Rig::with(|layer| layer.limits.retain_events = Some(3)).await;
    let job = rig.open().await;
    let mut watch = client(&rig, &job).watch();
    let first = watch.next().await.expect("a value").expect("the service is understood");
    let Update::Delivery(Delivery::Narration(first)) = first else { panic!("the creation comes first: {first:?}") };
    drop(watch);
    for number in 0..5 {
        assert_eq!(rig.emit(&job, &number.to_string()).await.status, 202);
    }
    let resumed = client(&rig, &job).resume_after(first.position().expect("events have cursors")).expect("a cursor");
    let mut watch = resumed.watch();
    let mut next = async || watch.next().await.expect("a value").expect("the service is understood");
    assert_eq!(next().await, Update::Delivery(Delivery::Lagged(2)));
    for number in 2..5 {
        let Update::Delivery(Delivery::Narration(event)) = next().await else { panic!("three are retained") };
        assert_eq!(event.decode().expect("an event").human, number.to_string());
    }
    assert_eq!(rig.of(&job, "DELETE", "/capabilities", "").await.status, 200);
    assert_eq!(next().await, Update::Delivery(Delivery::Stopped(Stop::Revoked)));
    assert_eq!(watch.next().await, None);

    // What the capability no longer opens is an error, and not an end.
    let refused = client(&rig, &job).watch().next().await.expect("a value");
    assert!(refused.is_err(), "{refused:?}");
}

#[tokio::test]
async fn every_outcome_reaches_the_client() {
    let rig = Rig::new().await;
    for outcome in Outcome::ALL {
        let job = rig.open().await;
        let body = format!("{{\"outcome\":\"{outcome}\"}}");
        assert_eq!(rig.of(&job, "POST", "/close", &body).await.status, 200);
        assert_eq!(told(&client(&rig, &job)).await, ["created, to open".to_owned(), format!("done: {outcome}")]);
    }
}

/// A way to the server whose connections the test breaks when it wants to.
#[derive(Clone, Default)]
struct Breakable(Arc<Mutex<Vec<AbortHandle>>>);

impl Breakable {
    fn break_all(&self) {
        let connections = std::mem::take(&mut *self.0.lock().expect("no holder panics"));
        connections.iter().for_each(AbortHandle::abort);
    }
}

impl Connect for Breakable {
    fn connect<'a>(&'a self, origin: &'a Origin) -> Connecting<'a> {
        Box::pin(async move {
            let mut server = TcpStream::connect((origin.host(), origin.port())).await?;
            let (ours, mut theirs) = tokio::io::duplex(4096);
            let carrying = tokio::spawn(async move {
                let _until_one_side_is_over = tokio::io::copy_bidirectional(&mut theirs, &mut server).await;
            });
            self.0.lock().expect("no holder panics").push(carrying.abort_handle());
            Ok(Box::new(ours) as Box<dyn Io>)
        })
    }
}

#[tokio::test]
async fn a_stream_from_now_that_breaks_before_its_first_event_misses_nothing() {
    let rig = Rig::new().await;
    let job = rig.open().await;
    assert_eq!(rig.emit(&job, "before").await.status, 202);
    let url = format!("http://{}{}?from=now", rig.at, job.path("/stream"));
    let line = Breakable::default();
    let client = Client::new(&url).and_then(|client| client.capability(&job.capability)).expect("an address");
    let mut watch = client.connector(line.clone()).random(|| 0).watch();

    // Polled until the head of the stream has come: no event has.
    let deadline = Instant::now() + PATIENCE;
    while watch.position().is_none() {
        assert!(Instant::now() < deadline, "the head of the stream gives no position to resume from");
        let polled = poll_fn(|cx| Poll::Ready(watch.poll_next(cx))).await;
        assert!(polled.is_pending(), "nothing is said of the time before: {polled:?}");
        tokio::task::yield_now().await;
    }
    line.break_all();
    until("the server has noticed", || rig.handle.alive().streams == 0).await;
    for text in ["while away", "still away"] {
        assert_eq!(rig.emit(&job, text).await.status, 202);
    }
    let mut next = async || soon("an update", watch.next()).await.expect("a value").expect("the service is understood");
    assert!(matches!(next().await, Update::Reconnecting { .. }));
    let Update::Resumed { position: Some(_) } = next().await else { panic!("it resumes after a position") };
    for text in ["while away", "still away"] {
        let Update::Delivery(Delivery::Narration(event)) = next().await else { panic!("{text} is owed") };
        assert_eq!(event.decode().expect("an event").human, text);
    }
    assert_eq!(rig.of(&job, "DELETE", "", "").await.status, 200);
    assert_eq!(next().await, Update::Delivery(Delivery::Done(Outcome::Cancelled)), "and nothing else");
}
