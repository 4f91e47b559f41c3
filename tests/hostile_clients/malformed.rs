//! Requests that are none, too much of everything, and requests that can be read in two ways.

use crate::rig::{Reply, Rig, Sse, kinds, soon, until};
use narrowcast::server::Alive;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const OPEN: &str = r#"{"operation":"open"}"#;

/// What the clients around notice: a job with a stream, which everything else must leave alone.
struct Bystander {
    rig: Rig,
    job: crate::rig::Job,
    stream: Sse,
    said: u32,
}

impl Bystander {
    async fn new() -> Bystander {
        // A head that never ends is waited for, but not for long.
        let rig = Rig::with(|layer| layer.times.request_ms = Some(2_000)).await;
        let job = rig.open().await;
        let mut stream = rig.watch(&job).await;
        stream.human().await;
        Bystander { rig, job, stream, said: 0 }
    }

    /// Nothing is left of anybody else, and the stream goes on, with nothing in between.
    async fn is_undisturbed(&mut self) {
        self.rig.settle(Alive { connections: 1, streams: 1, jobs: 1, channels: 1, working: 1 }).await;
        self.said += 1;
        let text = self.said.to_string();
        assert_eq!(self.rig.emit(&self.job, &text).await.status, 202);
        assert_eq!(self.stream.human().await, text);
    }

    async fn ends(mut self) {
        assert_eq!(self.rig.of(&self.job, "DELETE", "", "").await.status, 200);
        assert_eq!(kinds(&self.stream.rest().await), ["done"]);
        drop(self.stream.socket);
        self.rig.settle(Alive::default()).await;
    }
}

/// Every answer on a connection, up to where the server hangs up.
fn replies(mut text: &str) -> Vec<Reply> {
    let mut replies = Vec::new();
    while !text.is_empty() {
        let (head, rest) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("its length is stated");
        let (body, after) = rest.split_at(length.parse().expect("a number"));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status line comes first");
        replies.push(Reply { status, head: head.to_owned(), body: body.to_owned() });
        text = after;
    }
    replies
}

/// Sends bytes on one connection, and reads every answer.
async fn all_said(rig: &Rig, bytes: &[u8]) -> Vec<Reply> {
    let mut socket = rig.connect().await;
    let _refused_early = socket.write_all(bytes).await;
    let mut all = Vec::new();
    let _reset_after_the_answer = soon("an answer", socket.read_to_end(&mut all)).await;
    replies(str::from_utf8(&all).expect("the answers are text"))
}

#[tokio::test]
async fn what_is_no_request_is_told_so_in_the_one_shape() {
    let mut bystander = Bystander::new().await;
    let at = bystander.rig.at;
    let host = format!("host: {at}\r\n");
    let many: String = (0..200).map(|number| format!("x-{number}: y\r\n")).collect();
    let long = "x".repeat(200_000);
    let wide = "x".repeat(60_000);
    for (request, status, error) in [
        // Lines that are none.
        ("\u{0}\u{1}\r\n\r\n".to_owned(), 400, "invalid_request"),
        ("GET\r\n\r\n".into(), 400, "invalid_request"),
        (format!("GET / HTTP/1.1 more\r\n{host}\r\n"), 400, "invalid_request"),
        (format!("GET / HTTP/3.0\r\n{host}\r\n"), 400, "invalid_request"),
        (format!("GET /\u{0}healthz HTTP/1.1\r\n{host}\r\n"), 400, "invalid_request"),
        (format!("GET / healthz HTTP/1.1\r\n{host}\r\n"), 400, "invalid_request"),
        (format!("G@T / HTTP/1.1\r\n{host}\r\n"), 400, "invalid_request"),
        // Headers that are none.
        (format!("GET /healthz HTTP/1.1\r\n{host}x: a\u{0}b\r\n\r\n"), 400, "invalid_request"),
        (format!("GET /healthz HTTP/1.1\r\n{host}a header\r\n\r\n"), 400, "invalid_request"),
        (format!("GET /healthz HTTP/1.1\r\n{host}x : y\r\n\r\n"), 400, "invalid_request"),
        (format!("GET /healthz HTTP/1.1\r\n{host}x: y\r\n folded: z\r\n\r\n"), 400, "invalid_request"),
        // Too much.
        (format!("GET / HTTP/1.1\r\n{host}x: {long}\r\n\r\n"), 431, "head_too_large"),
        (format!("GET / HTTP/1.1\r\n{host}{many}\r\n"), 431, "head_too_large"),
        (format!("GET /{long} HTTP/1.1\r\n{host}\r\n"), 431, "head_too_large"),
        (format!("GET /{wide} HTTP/1.1\r\n{host}connection: close\r\n\r\n"), 404, "not_found"),
        // Lengths that contradict each other, or are none.
        (
            format!("POST /v1/jobs HTTP/1.1\r\n{host}content-length: 20\r\ncontent-length: 3\r\n\r\n{OPEN}"),
            400,
            "invalid_request",
        ),
        (format!("POST /v1/jobs HTTP/1.1\r\n{host}content-length: +20\r\n\r\n{OPEN}"), 400, "invalid_request"),
        (format!("POST /v1/jobs HTTP/1.1\r\n{host}content-length: 20, 20\r\n\r\n{OPEN}"), 400, "invalid_request"),
        (
            format!("POST /v1/jobs HTTP/1.1\r\n{host}content-length: 99999999999999999999\r\n\r\n"),
            400,
            "invalid_request",
        ),
        (format!("POST /v1/jobs HTTP/1.1\r\n{host}content-length: 99999999999\r\n\r\n"), 413, "body_too_large"),
        (format!("POST /v1/jobs HTTP/1.1\r\n{host}transfer-encoding: gzip\r\n\r\n"), 400, "invalid_request"),
        (
            format!("POST /v1/jobs HTTP/1.0\r\n{host}transfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
            400,
            "invalid_request",
        ),
        // Other targets and hosts.
        (format!("GET {at} HTTP/1.1\r\n{host}connection: close\r\n\r\n"), 404, "not_found"),
        (format!("GET evil.example:80 HTTP/1.1\r\n{host}connection: close\r\n\r\n"), 421, "misdirected"),
        (format!("CONNECT evil.example:80 HTTP/1.1\r\n{host}connection: close\r\n\r\n"), 421, "misdirected"),
        (format!("OPTIONS * HTTP/1.1\r\n{host}connection: close\r\n\r\n"), 404, "not_found"),
        (format!("GET /healthz HTTP/1.1\r\n{host}host: evil.example\r\nconnection: close\r\n\r\n"), 421, "misdirected"),
        ("GET /healthz HTTP/1.1\r\nconnection: close\r\n\r\n".into(), 421, "misdirected"),
        // Another protocol.
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".into(), 505, "http_version"),
    ] {
        let short: String = request.chars().take(100).collect();
        let replies = all_said(&bystander.rig, request.as_bytes()).await;
        let [reply] = &replies[..] else { panic!("one answer to {short:?}, not {replies:?}") };
        let told = (reply.status, reply.json()["error"].as_str().map(str::to_owned));
        assert_eq!(told, (status, Some(error.to_owned())), "{short:?}: {reply:?}");
        reply.is(status, error);
        bystander.is_undisturbed().await;
    }
    // The target in its absolute form, with a name of this server, is one (RFC 9112, section 3.2.2).
    let absolute = format!("GET http://{at}/healthz HTTP/1.1\r\n{host}connection: close\r\n\r\n");
    assert_eq!(bystander.rig.say(absolute.as_bytes()).await.body, "ok\n");
    bystander.ends().await;
}

/// Whoever is refused while he still speaks is heard out: the system throws an answer away if what was said is not read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_says_too_much_gets_the_answer_all_the_same() {
    let mut bystander = Bystander::new().await;
    let (at, much) = (bystander.rig.at, vec![b'x'; 8 << 20]);
    let announced = format!("POST /v1/jobs HTTP/1.1\r\nhost: {at}\r\ncontent-length: {}\r\n\r\n", much.len());
    let chunked = format!("POST /v1/jobs HTTP/1.1\r\nhost: {at}\r\ntransfer-encoding: chunked\r\n\r\n800000\r\n");
    let forbidden = format!("POST /v1/jobs/x/events HTTP/1.1\r\nhost: {at}\r\ncontent-length: {}\r\n\r\n", much.len());
    let endless = format!("GET / HTTP/1.1\r\nhost: {at}\r\nx: ");
    for (head, status, error) in [
        (announced, 413, "body_too_large"),
        (chunked, 413, "body_too_large"),
        (forbidden, 404, "not_found"),
        (endless, 431, "head_too_large"),
    ] {
        for _ in 0..5 {
            let mut socket = bystander.rig.connect().await;
            socket.write_all(head.as_bytes()).await.expect("the server reads");
            // All of it is taken, and nothing of the answer is lost.
            soon("all of it is taken", socket.write_all(&much)).await.expect("the server hears it out");
            let mut all = Vec::new();
            soon("an answer", socket.read_to_end(&mut all)).await.expect("the answer comes whole");
            let replies = replies(str::from_utf8(&all).expect("the answer is text"));
            let [reply] = &replies[..] else { panic!("one answer, not {replies:?}") };
            reply.is(status, error);
        }
        bystander.is_undisturbed().await;
    }
    bystander.ends().await;
}

#[tokio::test]
async fn a_head_that_does_not_come_whole_is_told_so_and_silence_is_not_answered() {
    let bystander = Bystander::new().await;
    bystander.rig.say(b"GET /healthz HTTP/1.1\r\nhost: x").await.is(408, "head_too_slow");
    let mut socket = bystander.rig.connect().await;
    let mut all = Vec::new();
    soon("the server hangs up", socket.read_to_end(&mut all)).await.expect("in good order");
    assert!(all.is_empty(), "nothing was asked: {all:?}");
    // Between two requests as well: the first is answered, and then nothing is.
    let request = bystander.rig.request("GET", "/healthz", &[], "");
    let replies = all_said(&bystander.rig, request.as_bytes()).await;
    assert_eq!(replies.iter().map(|reply| reply.status).collect::<Vec<_>>(), [200]);
    let half = format!("{request}GET /he");
    let replies = all_said(&bystander.rig, half.as_bytes()).await;
    assert_eq!(replies.iter().map(|reply| reply.status).collect::<Vec<_>>(), [200, 408]);
    bystander.ends().await;
}

#[tokio::test]
async fn chunks_that_are_none_break_their_own_request_and_no_other() {
    let mut bystander = Bystander::new().await;
    let host = format!("host: {}\r\n", bystander.rig.at);
    let head = format!("POST /v1/jobs HTTP/1.1\r\n{host}transfer-encoding: chunked\r\n\r\n");
    let endless = format!("1;{}", "x".repeat(100_000));
    for garbage in [
        "zz\r\n",
        "-1\r\n",
        "0x14\r\n",
        "ffffffffffffffffff\r\nx",
        "14\r\n{\"operation\":\"open\"}XX\r\n0\r\n\r\n",
        "14\n{\"operation\":\"open\"}\n0\n\n",
        "\r\n\r\n",
        "\u{0}\r\n",
        &*endless,
    ] {
        let replies = all_said(&bystander.rig, format!("{head}{garbage}").as_bytes()).await;
        let short: String = garbage.chars().take(40).collect();
        let [reply] = &replies[..] else { panic!("one answer to {short:?}, not {replies:?}") };
        reply.is(400, "body_broken");
        bystander.is_undisturbed().await;
    }
    // Chunks that are some, with an extension and a trailer, are read.
    let whole = "14;ext=1\r\n{\"operation\":\"open\"}\r\n0\r\ntrailer: x\r\n\r\n";
    let job = crate::rig::job_of(&bystander.rig.say(format!("{head}{whole}").as_bytes()).await);
    assert_eq!(bystander.rig.of(&job, "DELETE", "", "").await.status, 200);
    bystander.rig.watch(&job).await.rest().await;
    bystander.is_undisturbed().await;
    bystander.ends().await;
}

/// A request within another's body: who reads the one length sees one request, who reads the other sees two.
#[tokio::test]
async fn a_request_that_hides_in_another_is_never_read() {
    let mut bystander = Bystander::new().await;
    let at = bystander.rig.at;
    let hidden = format!("POST /v1/jobs HTTP/1.1\r\nhost: {at}\r\ncontent-length: 20\r\n\r\n{OPEN}");
    let (bearer, path) = (bystander.job.bearer(), bystander.job.path("/close"));
    let begin = format!("POST {path} HTTP/1.1\r\nhost: {at}\r\nauthorization: {bearer}\r\n");
    let length = format!("content-length: {}\r\n", hidden.len() + 5);
    for headers in [
        format!("{length}transfer-encoding: chunked\r\n"),
        format!("transfer-encoding: chunked\r\n{length}"),
        format!("Transfer-Encoding: gzip, chunked\r\n{length}"),
    ] {
        let replies = all_said(&bystander.rig, format!("{begin}{headers}\r\n0\r\n\r\n{hidden}").as_bytes()).await;
        let [reply] = &replies[..] else { panic!("one answer to {headers:?}, not {replies:?}") };
        // The body that it was taken to have is empty, and nothing behind it is a request.
        reply.is(400, "invalid_body");
        assert_eq!(reply.header("connection"), Some("close"), "{headers:?}");
        bystander.is_undisturbed().await;
    }
    bystander.ends().await;
}

#[tokio::test]
async fn requests_in_a_row_are_answered_in_a_row() {
    let mut bystander = Bystander::new().await;
    let (rig, at) = (&bystander.rig, bystander.rig.at);
    let emit = |number: u32| {
        let body = format!(r#"{{"action":"say","human":"in a row {number}"}}"#);
        rig.request("POST", &bystander.job.path("/events"), &[("authorization", &bystander.job.bearer())], &body)
    };
    let row: String = (0..500).map(emit).collect();
    let garbage = format!("{row}GET /\u{0} HTTP/1.1\r\nhost: {at}\r\n\r\n{}", emit(500));
    let mut socket = rig.connect().await;
    let (mut from, mut to) = socket.split();
    let mut all = Vec::new();
    let (_refused_at_the_end, read) =
        soon("the answers", async { tokio::join!(to.write_all(garbage.as_bytes()), from.read_to_end(&mut all)) }).await;
    assert!(read.is_ok() || !all.is_empty(), "{read:?}");
    let replies = replies(str::from_utf8(&all).expect("the answers are text"));
    assert_eq!(replies.len(), 501, "one for each, and one for what is none");
    for (sequence, reply) in (1_u64..).zip(&replies[..500]) {
        assert_eq!((reply.status, reply.json()["sequence"].as_u64()), (202, Some(sequence)));
    }
    replies[500].is(400, "invalid_request");
    for number in 0..500 {
        assert_eq!(bystander.stream.human().await, format!("in a row {number}"));
    }
    bystander.is_undisturbed().await;
    bystander.ends().await;
}

/// Bytes of all kinds, the same in every run.
#[tokio::test]
async fn noise_is_refused_or_hung_up_on_and_leaves_nothing() {
    let mut bystander = Bystander::new().await;
    let before = bystander.rig.handle.alive();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut byte = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        u8::try_from(random >> 56).expect("eight bits are left")
    };
    let starts: [&[u8]; 4] = [
        b"",
        b"GET /healthz HTTP/1.1\r\n",
        b"POST /v1/jobs HTTP/1.1\r\ntransfer-encoding: chunked\r\n",
        b"\x16\x03\x01",
    ];
    for round in 0..200 {
        let mut noise = starts[round % starts.len()].to_vec();
        noise.extend((0..50 + round * 7).map(|_| byte()));
        noise.extend(b"\r\n\r\n");
        let mut socket = bystander.rig.connect().await;
        let _refused_early = socket.write_all(&noise).await;
        let _hung_up_already = socket.shutdown().await;
        let mut all = Vec::new();
        let _reset = soon("the server hangs up", socket.read_to_end(&mut all)).await;
        let said = String::from_utf8_lossy(&all);
        assert!(!said.contains("HTTP/1.1 2") && !said.contains("HTTP/1.1 5"), "{said}");
    }
    until("nothing is left of them", || bystander.rig.handle.alive() == before).await;
    bystander.is_undisturbed().await;
    bystander.ends().await;
}
