//! A reader of one byte a second, with a socket that takes next to nothing, beside quick ones.

use crate::rig::{OPERATOR, Rig, Sse, data, kinds, soon, until};
use narrowcast::sink::sse::Message;
use serde_json::json;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// As little as the system allows for what has come and is not read.
const TINY: u32 = 1;

/// Opens a stream of this job on a socket that takes next to nothing, and reads none of it.
async fn tiny(rig: &Rig, job: &crate::rig::Job) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("there are descriptors");
    socket.set_recv_buffer_size(TINY).expect("the system takes it for its least");
    let mut socket = soon("a connection", socket.connect(rig.at)).await.expect("the server listens");
    let request = rig.request("GET", &job.path("/stream"), &[("authorization", &job.bearer())], "");
    socket.write_all(request.as_bytes()).await.expect("the server reads");
    socket
}

/// Delivered, and counted as lost; and that one true end comes last.
fn account(messages: &[Message]) -> (u64, u64) {
    let (last, before) = messages.split_last().expect("something came");
    assert_eq!((&*last.event, data(last)), ("done", json!({ "outcome": "completed" })));
    let mut next = 0;
    let mut lagged = 0;
    for message in before {
        match &*message.event {
            // The creation; then `chatter` numbers what it says.
            "narration" if next == 0 => next = 1,
            "narration" => {
                assert_eq!(data(message)["context"], json!([(next - 1).to_string()]), "in order, each at its place");
                next += 1;
            }
            "lagged" => {
                let lost = data(message)["lagged"].as_u64().expect("a number");
                next += lost;
                lagged += lost;
            }
            other => panic!("{other} before the end"),
        }
    }
    (next - lagged, lagged)
}

const EVENTS: u64 = 20_000;

/// The operation: about 20 MB, which no system buffers for a socket that takes nothing.
fn flood() -> String {
    json!({ "operation": "chatter", "args": { "events": EVENTS, "bytes": 1000 } }).to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_of_one_byte_a_second_delays_nobody_and_is_told_its_exact_loss() {
    let rig = Rig::with(|layer| layer.limits.retain_events = Some(100)).await;
    let quiet = rig.open().await;
    let mut neighbour = rig.watch(&quiet).await;
    neighbour.human().await;
    let job = rig.job(&flood()).await;
    let mut slow = tiny(&rig, &job).await;
    let (mut quick, mut dripping) = (rig.watch(&job).await, tokio::time::interval(Duration::from_secs(1)));
    let mut dripped = Vec::new();
    let others = async {
        // On the job itself and on another one, everything comes while the slow one drips.
        for number in 0..50 {
            assert_eq!(rig.emit(&quiet, &number.to_string()).await.status, 202);
            assert_eq!(neighbour.human().await, number.to_string());
        }
        quick.rest().await
    };
    let messages = tokio::select! {
        messages = others => messages,
        () = async {
            loop {
                dripping.tick().await;
                dripped.push(slow.read_u8().await.expect("the server goes on with it"));
            }
        } => unreachable!("it drips for ever"),
    };
    let (delivered, lagged) = account(&messages);
    assert_eq!(delivered + lagged, EVENTS + 1, "the quick one is owed everything, and was told of everything");
    assert!(dripped.starts_with(b"H"), "the premise: the slow one read something meanwhile");
    // The premise: the flood is over before the slow one has read it.
    until("the flood is over", || rig.handle.alive().working == 1).await;

    // Now it reads as others do, and every event that it missed is counted at its place.
    let mut slow = Sse::begun(slow, dripped).await;
    let (delivered, lagged) = account(&slow.rest().await);
    assert_eq!(delivered + lagged, EVENTS + 1);
    assert!(lagged > EVENTS / 2, "the premise: it missed most, and was told so: {lagged}");
    assert_eq!(rig.of(&quiet, "DELETE", "", "").await.status, 200);
    assert_eq!(kinds(&neighbour.rest().await), ["done"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_of_next_to_nothing_is_cut_once_it_stalls_and_can_come_back() {
    let rig = Rig::with(|layer| layer.times.stall_ms = Some(300)).await;
    let job = rig.job(&flood()).await;
    let (mut slow, mut quick) = (tiny(&rig, &job).await, rig.watch(&job).await);
    let (delivered, lagged) = account(&quick.rest().await);
    assert_eq!(delivered + lagged, EVENTS + 1, "nobody waited for the slow one");
    drop(quick);
    let operator = [("authorization", &*format!("Bearer {OPERATOR}"))];
    let mut dripping = tokio::time::interval(Duration::from_secs(1));
    tokio::select! {
        () = until("its connection is cut", || rig.handle.alive().streams == 0) => {}
        () = async {
            // One byte makes no room that is worth a word from one system to the other.
            while slow.read_u8().await.is_ok() {
                dripping.tick().await;
            }
        } => assert_eq!(rig.handle.alive().streams, 0, "it was cut while it read"),
    }
    let metrics = rig.ask("GET", "/metrics", &operator, "").await.body;
    assert!(metrics.contains("narrowcast_connections_stalled_total 1\n"), "{metrics}");
}
