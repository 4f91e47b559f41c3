//! The client of this crate against the service of this crate: each was written from the same page, and from it alone.

use crate::rig::Rig;
use narrowcast::client::{Client, Delivery, Stop, Update};
use narrowcast::narration::Outcome;
use narrowcast::server::Alive;

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
