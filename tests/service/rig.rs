//! A server on a free port, and a client that sees every byte: sockets, and no HTTP library that could be lenient.

use narrowcast::server::{Alive, Config, Ended, Handle, Layer, Log, Secret, Server};
use narrowcast::sink::sse::{Message, Parsed, Parser};
use serde_json::Value;
use std::collections::VecDeque;
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

/// Long enough that only a defect runs into it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) const OPERATOR: &str = "the operators' own credential";

/// Waits for something that must happen.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("never came: {what}"))
}

/// Waits until something is so.
pub(crate) async fn until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "never came true: {what}");
        tokio::task::yield_now().await;
    }
}

/// Runs futures side by side, until all are done.
pub(crate) async fn all<F: Future<Output = ()>>(futures: impl Iterator<Item = F>) {
    let mut futures: Vec<_> = futures.map(Box::pin).collect();
    std::future::poll_fn(|cx| {
        futures.retain_mut(|future| future.as_mut().poll(cx).is_pending());
        if futures.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}

pub(crate) struct Rig {
    pub(crate) at: SocketAddr,
    pub(crate) handle: Handle,
    pub(crate) running: JoinHandle<Ended>,
}

/// An answer, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// Status line and headers, as they came.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }

    /// Every byte, without the digits of the clock.
    pub(crate) fn bytes_but_the_clock(&self) -> String {
        let head: Vec<String> = self
            .head
            .lines()
            .map(|line| match line.strip_prefix("date: ") {
                Some(date) => format!("date: {} characters", date.len()),
                None => line.to_owned(),
            })
            .collect();
        format!("{}\r\n\r\n{}", head.join("\r\n"), self.body)
    }

    /// That it is this refusal, of this shape.
    #[track_caller]
    pub(crate) fn is(&self, status: u16, error: &str) {
        let told = (self.status, self.json()["error"].as_str().map(str::to_owned));
        assert_eq!(told, (status, Some(error.to_owned())), "{self:?}");
        let said = self.json();
        assert!(["message", "remedy"].iter().all(|part| said[part].as_str().is_some_and(|text| !text.is_empty())));
        assert_eq!(self.body.matches('\n').count(), 1, "one line of JSON");
    }
}

/// A job as its creator knows it.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) id: String,
    pub(crate) capability: String,
    pub(crate) expires: u64,
}

impl Job {
    pub(crate) fn path(&self, rest: &str) -> String {
        format!("/v1/jobs/{}{rest}", self.id)
    }

    pub(crate) fn bearer(&self) -> String {
        format!("Bearer {}", self.capability)
    }
}

impl Rig {
    pub(crate) async fn new() -> Rig {
        Rig::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Layer)) -> Rig {
        Rig::made(change, |server| server).await
    }

    /// A server with something around it, or done to it, before it runs.
    pub(crate) async fn made(change: impl FnOnce(&mut Layer), finish: impl FnOnce(Server) -> Server) -> Rig {
        let mut layer = Layer { listen: Some(([127, 0, 0, 1], 0).into()), log: Some(Log::Off), ..Layer::default() };
        layer.operator_credential = Some(Secret::new(OPERATOR));
        change(&mut layer);
        let config = Config::new(layer).expect("the test's settings can work");
        let server = finish(Server::bind(config).await.expect("there is a free port"));
        let (at, handle) = (server.address(), server.handle());
        Rig { at, handle, running: tokio::spawn(server.run()) }
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        soon("a connection", TcpStream::connect(self.at)).await.expect("the server listens")
    }

    /// The bytes of a request. It names the host unless a header given does.
    pub(crate) fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> String {
        let mut text = format!("{method} {path} HTTP/1.1\r\n");
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            text += &format!("host: {}\r\n", self.at);
        }
        for (name, value) in headers {
            text += &format!("{name}: {value}\r\n");
        }
        text + &format!("content-length: {}\r\n\r\n{body}", body.len())
    }

    pub(crate) async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        self.say(self.request(method, path, &[headers, &[("connection", "close")]].concat(), body).as_bytes()).await
    }

    /// Sends bytes, and reads what comes until the server hangs up.
    pub(crate) async fn say(&self, bytes: &[u8]) -> Reply {
        self.on(self.connect().await, bytes).await
    }

    /// The same, on a connection that there is.
    pub(crate) async fn on(&self, mut socket: TcpStream, bytes: &[u8]) -> Reply {
        // Who is refused early may not be listened to any further.
        let _refused_early = socket.write_all(bytes).await;
        answer(socket).await
    }

    /// Asks for something of a job with a body that comes late: once the server has let the head in and asked for the
    /// body, and something else was done meanwhile. `None` if it was answered without its body.
    pub(crate) async fn amid_body(
        &self,
        job: &Job,
        (method, rest, body): (&str, &str, &str),
        meanwhile: impl Future<Output = ()>,
    ) -> Option<Reply> {
        let bearer = job.bearer();
        let headers = [("authorization", &*bearer), ("expect", "100-continue"), ("connection", "close")];
        let request = self.request(method, &job.path(rest), &headers, body);
        let (head, body) = request.split_at(request.len() - body.len());
        let mut socket = self.connect().await;
        socket.write_all(head.as_bytes()).await.expect("the server reads");
        let mut asked = vec![0; "HTTP/1.1 100 Continue\r\n\r\n".len()];
        soon("being asked for the body", socket.read_exact(&mut asked)).await.expect("the server answers");
        if asked != b"HTTP/1.1 100 Continue\r\n\r\n" {
            return None;
        }
        meanwhile.await;
        socket.write_all(body.as_bytes()).await.expect("the server reads");
        Some(answer(socket).await)
    }

    /// Asks for something of a job, with its capability.
    pub(crate) async fn of(&self, job: &Job, method: &str, rest: &str, body: &str) -> Reply {
        self.ask(method, &job.path(rest), &[("authorization", &job.bearer())], body).await
    }

    pub(crate) async fn post(&self, body: &str) -> Reply {
        self.ask("POST", "/v1/jobs", &[], body).await
    }

    /// Creates a job.
    pub(crate) async fn job(&self, body: &str) -> Job {
        job_of(&self.post(body).await)
    }

    pub(crate) async fn open(&self) -> Job {
        self.job(r#"{"operation":"open"}"#).await
    }

    pub(crate) async fn emit(&self, job: &Job, human: &str) -> Reply {
        let body = serde_json::json!({ "action": "say", "human": human }).to_string();
        self.of(job, "POST", "/events", &body).await
    }

    /// Opens a stream of a job, with its capability.
    pub(crate) async fn watch(&self, job: &Job) -> Sse {
        self.stream(&job.path("/stream"), &[("authorization", &job.bearer())]).await
    }

    pub(crate) async fn stream(&self, path: &str, headers: &[(&str, &str)]) -> Sse {
        let mut socket = self.connect().await;
        let request = self.request("GET", path, headers, "");
        socket.write_all(request.as_bytes()).await.expect("the server reads");
        Sse::begin(socket).await
    }

    /// Waits until nothing is left of any client.
    pub(crate) async fn settle(&self, wanted: Alive) {
        let deadline = Instant::now() + PATIENCE;
        while self.handle.alive() != wanted {
            assert!(Instant::now() < deadline, "{:?} never became {wanted:?}", self.handle.alive());
            tokio::task::yield_now().await;
        }
    }
}

/// What comes until the server hangs up.
async fn answer(mut socket: TcpStream) -> Reply {
    let mut all = Vec::new();
    let _reset_after_the_answer = soon("an answer", socket.read_to_end(&mut all)).await;
    let text = String::from_utf8(all).expect("the answer is text");
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status line comes first");
    Reply { status, head: head.to_owned(), body: body.to_owned() }
}

#[track_caller]
pub(crate) fn job_of(reply: &Reply) -> Job {
    assert_eq!(reply.status, 202, "{reply:?}");
    let said = reply.json();
    let text = |name: &str| said[name].as_str().unwrap_or_else(|| panic!("no {name}: {said}")).to_owned();
    let (id, capability) = (text("job_id"), text("capability"));
    assert_eq!(said["sse_url"], format!("/v1/jobs/{id}/stream"));
    Job { id, capability, expires: said["expires"].as_u64().expect("expires is a time") }
}

/// A stream that is being read.
pub(crate) struct Sse {
    pub(crate) socket: TcpStream,
    pub(crate) head: String,
    parser: Parser,
    /// Bytes of the chunked coding that are not decoded yet.
    coded: Vec<u8>,
    /// The stream's own bytes, all of them.
    pub(crate) bytes: Vec<u8>,
    messages: VecDeque<Message>,
    over: bool,
}

impl Sse {
    /// Reads the head of the answer, which must be that of a stream.
    async fn begin(socket: TcpStream) -> Sse {
        Sse::begun(socket, Vec::new()).await
    }

    /// Reads on, where these bytes have been read already.
    pub(crate) async fn begun(mut socket: TcpStream, mut coded: Vec<u8>) -> Sse {
        let end = loop {
            if let Some(at) = coded.windows(4).position(|window| window == b"\r\n\r\n") {
                break at;
            }
            let read = soon("the head of a stream", socket.read_buf(&mut coded)).await.expect("the server answers");
            assert_ne!(read, 0, "the server hung up: {:?}", String::from_utf8_lossy(&coded));
        };
        let head = String::from_utf8(coded[..end].to_vec()).expect("the head is text");
        assert!(head.starts_with("HTTP/1.1 200 "), "{head} {:?}", String::from_utf8_lossy(&coded[end..]));
        assert!(head.contains("content-type: text/event-stream\r\n"), "{head}");
        assert!(head.contains("transfer-encoding: chunked"), "{head}");
        coded.drain(..end + 4);
        let (parser, bytes, messages) = (Parser::default(), Vec::new(), VecDeque::new());
        let mut sse = Sse { socket, head, parser, coded, bytes, messages, over: false };
        sse.decode();
        sse
    }

    /// Takes whole chunks out of what has come.
    fn decode(&mut self) {
        while let Some(line) = self.coded.windows(2).position(|window| window == b"\r\n") {
            let size = str::from_utf8(&self.coded[..line]).ok().and_then(|size| usize::from_str_radix(size, 16).ok());
            let size = size.expect("a chunk begins with its size");
            if self.coded.len() < line + 2 + size + 2 {
                return;
            }
            let chunk: Vec<u8> = self.coded.drain(..line + 2 + size + 2).skip(line + 2).take(size).collect();
            self.over |= size == 0;
            self.bytes.extend_from_slice(&chunk);
            let mut rest = &chunk[..];
            while let Some(parsed) = self.parser.read(&mut rest).expect("no line is longer than a parser allows") {
                if let Parsed::Message(message) = parsed {
                    self.messages.push_back(message);
                }
            }
        }
    }

    /// The next message; `None` once the server has ended the stream. Comments are no message: they put nothing off.
    pub(crate) async fn next(&mut self) -> Option<Message> {
        soon("the next message", self.message()).await
    }

    async fn message(&mut self) -> Option<Message> {
        loop {
            if let Some(message) = self.messages.pop_front() {
                return Some(message);
            }
            if self.over {
                return None;
            }
            self.read_some().await;
        }
    }

    /// Reads what comes next, whatever it is.
    pub(crate) async fn read_some(&mut self) {
        let read = soon("more of the stream", self.socket.read_buf(&mut self.coded)).await.expect("the stream goes on");
        assert_ne!(read, 0, "the stream broke off after {:?}", String::from_utf8_lossy(&self.bytes));
        self.decode();
    }

    /// All messages up to the end of the stream.
    pub(crate) async fn rest(&mut self) -> Vec<Message> {
        let mut all = Vec::new();
        while let Some(message) = self.next().await {
            all.push(message);
        }
        all
    }

    /// The next message, which is narration, and its text.
    pub(crate) async fn human(&mut self) -> String {
        let message = self.next().await.expect("the stream goes on");
        assert_eq!(message.event, "narration", "{message:?}");
        human(&message)
    }
}

pub(crate) fn data(message: &Message) -> Value {
    serde_json::from_str(&message.data).unwrap_or_else(|_| panic!("data is one JSON value: {message:?}"))
}

pub(crate) fn human(message: &Message) -> String {
    data(message)["human"].as_str().unwrap_or_else(|| panic!("no text for people: {message:?}")).to_owned()
}

/// Types of messages, in order.
pub(crate) fn kinds(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|message| message.event.as_str()).collect()
}
