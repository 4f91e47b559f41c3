//! What is left behind: by clients that vanish, by readers that do not read, by jobs that nobody reads, by a shutdown.

use crate::rig::{OPERATOR, Rig, data, human, kinds, soon, until};
use narrowcast::server::Alive;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

fn tasks() -> usize {
    tokio::runtime::Handle::current().metrics().num_alive_tasks()
}

/// Hangs up without a farewell, as a killed process does.
fn kill(socket: TcpStream) {
    socket.set_zero_linger().expect("the socket is open");
    drop(socket);
}

#[tokio::test]
async fn killed_clients_leave_nothing_behind() {
    let rig = Rig::with(|layer| layer.times.linger_ms = Some(200)).await;
    // Once it has answered, all of the server's own tasks are there.
    assert_eq!(rig.ask("GET", "/healthz", &[], "").await.status, 200);
    rig.settle(Alive::default()).await;
    let before = tasks();
    let (kept, mut jobs) = (rig.open().await, Vec::new());
    let mut survivor = rig.watch(&kept).await;
    survivor.human().await;
    for _ in 0..10 {
        let job = rig.open().await;
        let mut streams = Vec::new();
        for _ in 0..5 {
            let mut stream = rig.watch(&job).await;
            stream.human().await;
            streams.push(stream);
        }
        jobs.push((job, streams));
    }
    assert_eq!((rig.handle.alive().streams, rig.handle.alive().working), (51, 11), "the premise: they were there");
    assert!(tasks() >= before + 51 + 11);
    for (job, streams) in jobs {
        streams.into_iter().for_each(|stream| kill(stream.socket));
        // A request that breaks off in its middle, and one whose answer nobody waits for.
        let mut half = rig.connect().await;
        half.write_all(b"POST /v1/jobs HTTP/1.1\r\nhost: x\r\ncontent-le").await.expect("the server listens");
        kill(half);
        let mut deaf = rig.connect().await;
        let request = rig.request("DELETE", &job.path(""), &[("authorization", &job.bearer())], "");
        deaf.write_all(request.as_bytes()).await.expect("the server listens");
        kill(deaf);
        // A killed request may not have been read. If it was, the job is over, and perhaps gone.
        let reply = rig.of(&job, "DELETE", "", "").await;
        assert!([200, 404, 409].contains(&reply.status), "{reply:?}");
    }
    let one = Alive { connections: 1, streams: 1, jobs: 1, channels: 1, working: 1 };
    rig.settle(one).await;
    assert_eq!(rig.emit(&kept, "still here").await.status, 202);
    assert_eq!(survivor.human().await, "still here");
    assert_eq!(rig.of(&kept, "DELETE", "", "").await.status, 200);
    assert_eq!(kinds(&survivor.rest().await), ["done"]);
    drop(survivor);
    rig.settle(Alive::default()).await;
    until("no task is left", || tasks() == before).await;
}

#[tokio::test]
async fn half_closed_clients_are_hung_up_on() {
    let rig = Rig::new().await;
    let job = rig.open().await;
    let mut stream = rig.watch(&job).await;
    stream.human().await;
    stream.socket.shutdown().await.expect("the socket is open");
    until("the stream is gone", || rig.handle.alive().streams == 0).await;
    assert_eq!(rig.emit(&job, "the job goes on").await.status, 202);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_does_not_read_is_given_up_and_delays_nobody() {
    let rig = Rig::with(|layer| layer.times.stall_ms = Some(300)).await;
    let job = rig.job(r#"{"operation":"chatter","args":{"events":200000,"bytes":1000}}"#).await;
    let stalled = rig.watch(&job).await;
    let quiet = rig.open().await;
    let mut neighbour = rig.watch(&quiet).await;
    neighbour.human().await;
    for number in 0..20 {
        assert_eq!(rig.emit(&quiet, &number.to_string()).await.status, 202);
        assert_eq!(neighbour.human().await, number.to_string(), "no reader waits for another job's");
    }
    until("the stalled stream is given up", || rig.handle.alive().streams == 1).await;
    let operator = [("authorization", &*format!("Bearer {OPERATOR}"))];
    let metrics = rig.ask("GET", "/metrics", &operator, "").await.body;
    assert!(metrics.contains("narrowcast_connections_stalled_total 1\n"), "{metrics}");
    drop(stalled);
    // The job was not told of it: it runs to its own end, and can be read again.
    until("the work is done", || rig.handle.alive().working == 1).await;
    let rest = rig.watch(&job).await.rest().await;
    assert_eq!(rest.last().map(data), Some(json!({ "outcome": "completed" })));
}

#[tokio::test]
async fn a_job_that_nobody_reads_lingers_and_is_then_given_up() {
    let fast = r#"{"operation":"chatter","args":{"events":5}}"#;
    let rig = Rig::new().await;
    let job = rig.job(fast).await;
    until("it is over", || rig.handle.alive().working == 0).await;
    assert_eq!(rig.handle.alive(), Alive { jobs: 1, channels: 1, ..Alive::default() }, "it lingers");
    let messages = rig.watch(&job).await.rest().await;
    assert_eq!(messages.len(), 7, "a fast job does not lose its output: {messages:?}");
    rig.settle(Alive::default()).await;

    let rig = Rig::with(|layer| layer.times.linger_ms = Some(100)).await;
    let job = rig.job(fast).await;
    rig.settle(Alive::default()).await;
    rig.of(&job, "GET", "/stream", "").await.is(404, "not_found");
}

#[tokio::test]
async fn whoever_holds_the_right_is_told_that_a_job_is_over_until_it_is_forgotten() {
    let rig = Rig::new().await;
    let job = rig.open().await;
    let mut stream = rig.watch(&job).await;
    assert_eq!(rig.of(&job, "POST", "/close", r#"{"outcome":"failed"}"#).await.status, 200);
    stream.rest().await;
    // The end was read and not hung up on: every deed is refused for the one reason.
    for (method, rest, body) in [
        ("DELETE", "", ""),
        ("POST", "/close", r#"{"outcome":"completed"}"#),
        ("POST", "/events", r#"{"action":"say","human":"x"}"#),
    ] {
        rig.of(&job, method, rest, body).await.is(409, "job_closed");
    }
    drop(stream);
    rig.settle(Alive::default()).await;
    rig.of(&job, "DELETE", "", "").await.is(404, "not_found");
}

#[tokio::test]
async fn an_end_that_never_arrived_is_told_again() {
    let rig = Rig::with(|layer| layer.limits.retain_events = Some(5)).await;
    let job = rig.open().await;
    let mut stream = rig.watch(&job).await;
    let first = stream.next().await.expect("the creation is narrated").last_event_id;
    for number in 0..8 {
        assert_eq!(rig.emit(&job, &number.to_string()).await.status, 202);
    }
    assert_eq!(rig.of(&job, "POST", "/close", r#"{"outcome":"completed"}"#).await.status, 200);
    // The end was handed over, and the reader dies with all of it unread.
    until("the end is on its way", || (rig.handle.alive().streams, rig.handle.alive().channels) == (0, 0)).await;
    assert_eq!(rig.handle.alive().jobs, 1, "it is not forgotten before the reader hangs up");
    kill(stream.socket);
    until("the connection is gone", || rig.handle.alive().connections == 0).await;

    // Whoever comes back is told everything that is retained, again and again, until somebody has had it.
    let (bearer, path) = (job.bearer(), job.path("/stream"));
    let authorised = ("authorization", &*bearer);
    for (query, headers, lost) in [
        ("", vec![authorised], Some(4)),
        ("", vec![authorised, ("last-event-id", &*first)], Some(3)),
        ("?from=now", vec![authorised], None),
    ] {
        let mut again = rig.stream(&format!("{path}{query}"), &headers).await;
        let messages = again.rest().await;
        let told =
            messages.iter().find(|message| message.event == "lagged").map(|message| data(message)["lagged"].clone());
        assert_eq!(told, lost.map(|lost| json!(lost)), "{query} {headers:?}");
        let texts: Vec<String> = messages.iter().filter(|m| m.event == "narration").map(human).collect();
        assert_eq!(texts, if lost.is_some() { vec!["3", "4", "5", "6", "7"] } else { vec![] });
        assert_eq!(messages.last().map(data), Some(json!({ "outcome": "completed" })));
        if let Some(lagged) = messages.iter().find(|message| message.event == "lagged") {
            let resumed = [authorised, ("last-event-id", &*lagged.last_event_id)];
            let mut resumed = rig.stream(&path, &resumed).await;
            assert_eq!(resumed.human().await, "3", "the marker's cursor stands right before what is retained");
            kill(resumed.socket);
        }
        if query.is_empty() {
            kill(again.socket);
        }
    }
    rig.settle(Alive::default()).await;
    rig.of(&job, "GET", "/stream", "").await.is(404, "not_found");
}

#[tokio::test]
async fn a_shutdown_is_told_to_every_stream() {
    let rig = Rig::new().await;
    let job = rig.job(r#"{"operation":"count","args":{"to":1000,"every_ms":1000}}"#).await;
    let mut stream = rig.watch(&job).await;
    stream.human().await;
    let operator = [("authorization", &*format!("Bearer {OPERATOR}"))];
    let mut system = rig.stream("/v1/system/events", &operator).await;
    system.human().await;
    let idle = rig.connect().await;
    until("all are there", || rig.handle.alive().connections >= 3).await;
    rig.handle.shut_down();
    for stream in [&mut stream, &mut system] {
        let rest = stream.rest().await;
        let last = rest.last().expect("the stream says why it ends");
        assert_eq!((&*last.event, data(last)), ("stopped", json!({ "reason": "shutdown" })));
        assert!(rest.iter().all(|message| message.event != "done"), "stopped is no end");
    }
    let Rig { at, handle, running } = rig;
    let ended = soon("the server's end", running).await.expect("the server does not panic");
    assert_eq!(ended.given_up, 0);
    drop(idle);
    assert!(TcpStream::connect(at).await.is_err(), "nobody listens any more");
    assert_eq!((handle.alive().connections, handle.alive().streams, handle.alive().working), (0, 0, 0));
}

#[tokio::test]
async fn a_server_that_is_dropped_takes_its_work_along() {
    let before = tasks();
    let rig = Rig::new().await;
    let job = rig.open().await;
    let stream = rig.watch(&job).await;
    rig.running.abort();
    soon("the server's end", rig.running).await.expect_err("it was aborted");
    until("no task is left", || tasks() == before).await;
    assert_eq!((rig.handle.alive().connections, rig.handle.alive().working), (0, 0));
    drop(stream);
}
