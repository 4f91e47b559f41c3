//! What the prober says and hears: HTTP/1.1 over a socket, byte for byte.
//!
//! No HTTP library stands between: one would mend, or hide, what is to be seen. Each request has a connection of its
//! own, so that an answer is all that comes on it; only where connections that are kept are the question, several
//! requests go over one ([`Kept`]).

use crate::sink::sse::{Message, Parsed, Parser};
use crate::verify::subject::service::Keyed;
use serde_json::Value;
use std::collections::VecDeque;
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// Why an examination could not go on. No verdict on the service: what is one, the examination says itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub(super) struct Trouble {
    pub(super) what: String,
    /// Whether it is that the service hung up before its answer was whole. Then what was asked for may have been done.
    pub(super) hung_up: bool,
}

/// Something that was to come and did not.
pub(super) fn never<T>(what: impl Into<String>) -> Result<T, Trouble> {
    Err(Trouble { what: what.into(), hung_up: false })
}

fn hung_up<T>(within: &str, read: &[u8]) -> Result<T, Trouble> {
    let what = format!("the service hung up within {within}: {:?}", String::from_utf8_lossy(read));
    Err(Trouble { what, hung_up: true })
}

/// A job as its creator knows it.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub(super) id: String,
    pub(super) capability: String,
}

impl Job {
    pub(super) fn at(&self, rest: &str) -> String {
        format!("/v1/jobs/{}{rest}", self.id)
    }
}

/// An answer, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) status: u16,
    /// Status line and headers, as they came, without the blank line.
    pub(super) head: String,
    pub(super) body: String,
}

impl Reply {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }

    /// A text of the answer's body; empty if there is none.
    pub(super) fn text(&self, key: &str) -> String {
        self.json()[key].as_str().unwrap_or_default().to_owned()
    }

    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Every byte of it, but for the clock.
    pub(super) fn but_the_clock(&self) -> String {
        format!("{}\n\n{}", head_but_the_clock(&self.head), self.body)
    }
}

/// A head without what its clock says.
pub(super) fn head_but_the_clock(head: &str) -> String {
    let lines = head.lines().map(|line| match line.split_once(':') {
        Some((name, _)) if name.eq_ignore_ascii_case("date") => "date: (a date)",
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The values of a header.
pub(super) fn header<'h>(head: &'h str, name: &str) -> Vec<&'h str> {
    let lines = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    lines.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).collect()
}

/// What comes of a request.
pub(super) enum Answer {
    Reply(Reply),
    /// It was let in to a stream.
    Stream(Box<Reading>),
}

impl Answer {
    pub(super) fn head(&self) -> &str {
        match self {
            Answer::Reply(reply) => &reply.head,
            Answer::Stream(reading) => &reading.head,
        }
    }

    pub(super) fn status(&self) -> u16 {
        match self {
            Answer::Reply(reply) => reply.status,
            Answer::Stream(_) => 200,
        }
    }

    /// The answer in a few words, for the evidence.
    pub(super) fn brief(&self) -> String {
        match self {
            Answer::Reply(reply) => format!("{} {}", reply.status, reply.body.trim_end()),
            Answer::Stream(_) => "200 and a stream".into(),
        }
    }

    /// That it is no stream.
    pub(super) fn reply(self, to: &str) -> Result<Reply, Trouble> {
        match self {
            Answer::Reply(reply) => Ok(reply),
            Answer::Stream(_) => never(format!("{to} was answered with a stream")),
        }
    }

    /// That it is a stream.
    pub(super) fn stream(self, of: &str) -> Result<Reading, Trouble> {
        match self {
            Answer::Stream(reading) => Ok(*reading),
            Answer::Reply(reply) => never(format!("{of} was answered {} {}", reply.status, reply.body.trim_end())),
        }
    }
}

/// What came of a request whose body was awaited.
pub(super) struct Amid {
    /// Whether the service had let it in, as far as that shows: it asked for the body.
    pub(super) was_asked_for: bool,
    pub(super) answer: Answer,
}

/// Where the service is, and who we are to it.
#[derive(Debug, Clone)]
pub(super) struct Talk {
    pub(super) address: SocketAddr,
    /// The operators' credential.
    pub(super) operator: String,
    /// For how long a ticket is good.
    pub(super) ticket_ms: u64,
    /// Another service, whose tenants have keys.
    pub(super) keyed: Option<Keyed>,
    /// After which what has not come is not awaited any more.
    pub(super) patience: Duration,
}

/// A header with its value.
pub(super) type Header<'h> = (&'h str, &'h str);

impl Talk {
    /// The bytes of a request that is the only one on its connection, with a `Host` unless one is given.
    pub(super) fn request(&self, method: &str, target: &str, headers: &[Header<'_>], body: &[u8]) -> Vec<u8> {
        self.one_of_many(method, target, &[headers, &[("connection", "close")]].concat(), body)
    }

    /// The bytes of a request after which the connection may be kept.
    pub(super) fn one_of_many(&self, method: &str, target: &str, headers: &[Header<'_>], body: &[u8]) -> Vec<u8> {
        let mut text = format!("{method} {target} HTTP/1.1\r\n");
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            text += &format!("host: {}\r\n", self.address);
        }
        for (name, value) in headers {
            text += &format!("{name}: {value}\r\n");
        }
        text += &format!("content-length: {}\r\n\r\n", body.len());
        [text.as_bytes(), body].concat()
    }

    pub(super) async fn soon<T>(&self, what: &str, future: impl Future<Output = T>) -> Result<T, Trouble> {
        match timeout(self.patience, future).await {
            Ok(value) => Ok(value),
            Err(_) => never(format!("{what} did not come within {} ms", self.patience.as_millis())),
        }
    }

    /// Sends bytes, and takes what comes.
    pub(super) async fn exchange(&self, bytes: &[u8]) -> Result<Answer, Trouble> {
        let mut socket = self.connected().await?;
        // Whoever is refused early may not be listened to any further; the answer tells.
        let _refused_early = self.soon("the end of a write", socket.write_all(bytes)).await?;
        let mut read = Vec::new();
        let head = self.head(&mut socket, &mut read).await?;
        self.answer(socket, head, read, bytes.starts_with(b"HEAD ")).await
    }

    /// Asks for something of a job with a body that is awaited: it is sent once the service has asked for it
    /// (`100 Continue`, RFC 9110, section 10.1.1), and something else is done meanwhile. What is answered without asking
    /// for the body is answered before.
    pub(super) async fn amid_body(
        &self,
        job: &Job,
        (method, rest, body): (&str, &str, &str),
        meanwhile: impl Future<Output = Result<(), Trouble>>,
    ) -> Result<Amid, Trouble> {
        let bearer = bearer(&job.capability);
        let headers = [("authorization", bearer.as_str()), ("expect", "100-continue")];
        let bytes = self.request(method, &job.at(rest), &headers, body.as_bytes());
        let (asking, said) = bytes.split_at(bytes.len() - body.len());
        let mut socket = self.connected().await?;
        self.soon("the end of a write", socket.write_all(asking)).await?.or_else(|_| never("a head was not taken"))?;
        let mut read = Vec::new();
        let head = self.head(&mut socket, &mut read).await?;
        let was_asked_for = head.split(' ').nth(1) == Some("100");
        meanwhile.await?;
        if !was_asked_for {
            return Ok(Amid { was_asked_for, answer: self.answer(socket, head, read, false).await? });
        }
        let _refused_early = self.soon("the end of a write", socket.write_all(said)).await?;
        let head = self.head(&mut socket, &mut read).await?;
        Ok(Amid { was_asked_for, answer: self.answer(socket, head, read, false).await? })
    }

    /// A connection to ask for several things on.
    pub(super) async fn kept(&self) -> Result<Kept, Trouble> {
        Ok(Kept { talk: self.clone(), socket: self.connected().await?, read: Vec::new() })
    }

    /// Opens a job's stream on a connection that holds little, so that a reader who does not read is soon behind.
    pub(super) async fn watch_through_little(&self, job: &Job) -> Result<Reading, Trouble> {
        let socket = if self.address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
        let small = socket.and_then(|socket| socket.set_recv_buffer_size(LITTLE_BYTES).map(|()| socket));
        let socket = small.or_else(|error| never(format!("there is no socket: {error}")))?;
        let connected = self.soon("a connection", socket.connect(self.address)).await?;
        let mut socket = connected.or_else(|error| never(format!("cannot connect to {}: {error}", self.address)))?;
        let bearer = bearer(&job.capability);
        let bytes = self.request("GET", &job.at("/stream"), &[("authorization", &bearer)], b"");
        let _refused_early = self.soon("the end of a write", socket.write_all(&bytes)).await?;
        let mut read = Vec::new();
        let head = self.head(&mut socket, &mut read).await?;
        self.answer(socket, head, read, false).await?.stream("a stream")
    }

    async fn connected(&self) -> Result<TcpStream, Trouble> {
        let connected = self.soon("a connection", TcpStream::connect(self.address)).await?;
        connected.or_else(|error| never(format!("cannot connect to {}: {error}", self.address)))
    }

    /// The head of an answer. What was read beyond it is left in `read`.
    async fn head(&self, socket: &mut TcpStream, read: &mut Vec<u8>) -> Result<String, Trouble> {
        loop {
            if let Some(at) = read.windows(4).position(|window| window == b"\r\n\r\n") {
                let rest = read.split_off(at + 4);
                let head = std::mem::replace(read, rest);
                return Ok(String::from_utf8_lossy(&head).trim_end().replace("\r\n", "\n"));
            }
            let more = self.soon("the head of an answer", socket.read_buf(read)).await?;
            if more.is_err() || more.is_ok_and(|n| n == 0) {
                return hung_up("a head", read);
            }
        }
    }

    /// What follows a head.
    async fn answer(
        &self,
        mut socket: TcpStream,
        head: String,
        mut read: Vec<u8>,
        to_head: bool,
    ) -> Result<Answer, Trouble> {
        let status = status(&head)?;
        if is_stream(&head) {
            return Ok(Answer::Stream(Box::new(Reading::begin(self, socket, head, read))));
        }
        let body = self.body(&mut socket, &head, &mut read, to_head || matches!(status, 204 | 304)).await?;
        Ok(Answer::Reply(Reply { status, head, body }))
    }

    /// The body that a head announces. What was read beyond it is left in `read`.
    async fn body(
        &self,
        socket: &mut TcpStream,
        head: &str,
        read: &mut Vec<u8>,
        is_empty: bool,
    ) -> Result<String, Trouble> {
        let length: Option<usize> = header(head, "content-length").first().and_then(|length| length.parse().ok());
        let (chunked, mut body) = (is_chunked(head), Vec::new());
        if is_empty {
            return Ok(String::new());
        }
        loop {
            if chunked {
                let mut taken = take_chunk(read, &mut body);
                while taken == Some(false) {
                    taken = take_chunk(read, &mut body);
                }
                if taken == Some(true) {
                    break;
                }
            } else if let Some(length) = length
                && read.len() >= length
            {
                let rest = read.split_off(length);
                body = std::mem::replace(read, rest);
                break;
            }
            let more = self.soon("the body of an answer", socket.read_buf(read)).await?;
            if more.is_err() || more.is_ok_and(|n| n == 0) {
                if chunked || length.is_some() {
                    return hung_up("a body", read);
                }
                // It ends with its connection, and with nothing else.
                body = std::mem::take(read);
                break;
            }
        }
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    pub(super) async fn ask(
        &self,
        method: &str,
        target: &str,
        headers: &[Header<'_>],
        body: &str,
    ) -> Result<Answer, Trouble> {
        self.exchange(&self.request(method, target, headers, body.as_bytes())).await
    }

    /// Asks for something of a job, with its capability.
    pub(super) async fn of(&self, job: &Job, method: &str, rest: &str, body: &str) -> Result<Answer, Trouble> {
        let bearer = bearer(&job.capability);
        self.ask(method, &job.at(rest), &[("authorization", &bearer)], body).await
    }

    /// Creates a job that does nothing by itself.
    pub(super) async fn open(&self) -> Result<Job, Trouble> {
        self.job(r#"{"operation":"open"}"#).await
    }

    /// Creates a job.
    pub(super) async fn job(&self, body: &str) -> Result<Job, Trouble> {
        let reply = self.ask("POST", "/v1/jobs", &[], body).await?.reply("creating a job")?;
        let (id, capability) = (reply.text("job_id"), reply.text("capability"));
        if reply.status != 202 || id.is_empty() || capability.is_empty() {
            return never(format!("a job was to be created, and the answer was {} {}", reply.status, reply.body));
        }
        Ok(Job { id, capability })
    }

    /// Narrates one event to a job, which must be accepted.
    pub(super) async fn say(&self, job: &Job, human: &str) -> Result<Reply, Trouble> {
        let reply = self.of(job, "POST", "/events", &narration(human)).await?.reply("an emit")?;
        match reply.is_success() {
            true => Ok(reply),
            false => never(format!("an emit was answered {} {}", reply.status, reply.body.trim_end())),
        }
    }

    /// Closes a job, which must be open.
    pub(super) async fn close(&self, job: &Job) -> Result<(), Trouble> {
        let reply = self.of(job, "POST", "/close", r#"{"outcome":"completed"}"#).await?.reply("a close")?;
        match reply.is_success() {
            true => Ok(()),
            false => never(format!("a close was answered {} {}", reply.status, reply.body.trim_end())),
        }
    }

    /// Opens a job's stream with its capability, which must succeed.
    pub(super) async fn watch(&self, job: &Job) -> Result<Reading, Trouble> {
        self.of(job, "GET", "/stream", "").await?.stream("a stream")
    }
}

/// What a connection takes in that nobody reads from. The system makes it a little more.
const LITTLE_BYTES: u32 = 16 << 10;

/// The status that a head gives.
fn status(head: &str) -> Result<u16, Trouble> {
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    status.map_or_else(|| never(format!("no status line: {head:?}")), Ok)
}

fn is_stream(head: &str) -> bool {
    header(head, "content-type").iter().any(|value| value.starts_with("text/event-stream"))
}

fn is_chunked(head: &str) -> bool {
    header(head, "transfer-encoding").iter().any(|value| value.eq_ignore_ascii_case("chunked"))
}

/// A connection on which several things are asked for, one after the other or at once.
pub(super) struct Kept {
    talk: Talk,
    socket: TcpStream,
    read: Vec<u8>,
}

impl Kept {
    /// Sends bytes, whatever they are.
    pub(super) async fn send(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        // Whoever was hung up on hears it where the answer is missing.
        let _hung_up_on = self.talk.soon("the end of a write", self.socket.write_all(bytes)).await?;
        Ok(())
    }

    /// The next answer. One that is a stream has no end, and is told as a reply without its body.
    pub(super) async fn next(&mut self, to_head: bool) -> Result<Reply, Trouble> {
        let head = self.talk.head(&mut self.socket, &mut self.read).await?;
        let status = status(&head)?;
        if is_stream(&head) {
            return Ok(Reply { status, head, body: "(a stream)".into() });
        }
        let is_empty = to_head || matches!(status, 204 | 304);
        let body = self.talk.body(&mut self.socket, &head, &mut self.read, is_empty).await?;
        Ok(Reply { status, head, body })
    }

    /// Asks for one thing, and takes the next answer for the answer to it.
    pub(super) async fn ask(
        &mut self,
        method: &str,
        target: &str,
        headers: &[Header<'_>],
        body: &str,
    ) -> Result<Reply, Trouble> {
        self.send(&self.talk.one_of_many(method, target, headers, body.as_bytes())).await?;
        self.next(method == "HEAD").await
    }
}

/// The value of `Authorization`.
pub(super) fn bearer(secret: &str) -> String {
    format!("Bearer {secret}")
}

/// The body of an emit that says this.
pub(super) fn narration(human: &str) -> String {
    serde_json::json!({ "action": "say", "human": human }).to_string()
}

/// Takes one chunk of the chunked coding off the front; `Some(true)` if it was the last, `None` if none is whole.
fn take_chunk(coded: &mut Vec<u8>, out: &mut Vec<u8>) -> Option<bool> {
    let line = coded.windows(2).position(|window| window == b"\r\n")?;
    let size = str::from_utf8(&coded[..line]).ok()?.split(';').next()?.trim();
    let size = usize::from_str_radix(size, 16).ok()?;
    if coded.len() < line + 2 + size + 2 {
        return None;
    }
    out.extend_from_slice(&coded[line + 2..line + 2 + size]);
    coded.drain(..line + 2 + size + 2);
    Some(size == 0)
}

/// How a stream came to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Over {
    /// The service ended it in good order.
    Ended,
    /// The connection broke off.
    Broken,
    /// Nothing came any more, and waiting has an end.
    Silent,
}

/// A stream that is being read.
pub(super) struct Reading {
    pub(super) head: String,
    /// The stream's own bytes, all of them so far.
    pub(super) bytes: Vec<u8>,
    socket: TcpStream,
    patience: Duration,
    chunked: bool,
    coded: Vec<u8>,
    parser: Parser,
    messages: VecDeque<Message>,
    over: Option<Over>,
}

impl Reading {
    fn begin(talk: &Talk, socket: TcpStream, head: String, coded: Vec<u8>) -> Reading {
        let chunked = is_chunked(&head);
        let (parser, messages, patience) = (Parser::default(), VecDeque::new(), talk.patience);
        let mut reading =
            Reading { head, bytes: Vec::new(), socket, patience, chunked, coded, parser, messages, over: None };
        reading.decode();
        reading
    }

    fn decode(&mut self) {
        let before = self.bytes.len();
        if self.chunked {
            while let Some(last) = take_chunk(&mut self.coded, &mut self.bytes) {
                if last {
                    self.over = Some(Over::Ended);
                }
            }
        } else {
            self.bytes.append(&mut self.coded);
        }
        let new = self.bytes[before..].to_vec();
        let mut rest = &new[..];
        // A line that is too long ends the reading: whatever was owed after it is missing then.
        while let Ok(Some(parsed)) = self.parser.read(&mut rest) {
            if let Parsed::Message(message) = parsed {
                self.messages.push_back(message);
            }
        }
    }

    /// The next message; how it was over, once it is. Comments are no messages: they put nothing off.
    pub(super) async fn next(&mut self) -> Result<Message, Over> {
        let deadline = tokio::time::Instant::now() + self.patience;
        loop {
            if let Some(message) = self.messages.pop_front() {
                return Ok(message);
            }
            if let Some(over) = &self.over {
                return Err(over.clone());
            }
            match tokio::time::timeout_at(deadline, self.socket.read_buf(&mut self.coded)).await {
                Ok(Ok(n)) if n > 0 => self.decode(),
                // Without the chunked coding the end of the connection is that of the stream.
                Ok(Ok(_)) => self.over = Some(if self.chunked { Over::Broken } else { Over::Ended }),
                Ok(Err(_)) => self.over = Some(Over::Broken),
                Err(_) => return Err(Over::Silent),
            }
        }
    }

    /// All messages up to the end, and how that came.
    pub(super) async fn rest(&mut self) -> (Vec<Message>, Over) {
        let mut all = Vec::new();
        loop {
            match self.next().await {
                Ok(message) => all.push(message),
                Err(over) => return (all, over),
            }
        }
    }

    /// Reads up to the first event that says this; answers what came before it.
    pub(super) async fn until(&mut self, human: &str) -> Result<Vec<Message>, Trouble> {
        let mut before = Vec::new();
        loop {
            match self.next().await {
                Ok(message) if said(&message) == human => return Ok(before),
                Ok(message) => before.push(message),
                Err(over) => return never(format!("a stream was to deliver {human:?}, and was {over:?}")),
            }
        }
    }

    /// Is gone without a word, as a reader is that was killed: nothing of what it had counts as had (RST, no FIN).
    pub(super) fn break_off(self) -> Result<(), Trouble> {
        let lingers_not = socket2::SockRef::from(&self.socket).set_linger(Some(Duration::ZERO));
        lingers_not.or_else(|error| never(format!("a connection cannot be broken off: {error}")))
    }

    /// Waits until a comment has come, or a message: a sign of life.
    pub(super) async fn sign_of_life(&mut self) -> Result<(), Trouble> {
        let before = self.bytes.len();
        while self.bytes.len() == before && self.over.is_none() {
            let read = timeout(self.patience, self.socket.read_buf(&mut self.coded)).await;
            match read {
                Ok(Ok(n)) if n > 0 => self.decode(),
                _ => return never("no comment came on a silent stream"),
            }
        }
        Ok(())
    }
}

/// What an event says to people; empty if it is none.
pub(super) fn said(message: &Message) -> String {
    let data: Value = serde_json::from_str(&message.data).unwrap_or(Value::Null);
    data["human"].as_str().unwrap_or_default().to_owned()
}

/// A message in a few words, for the evidence.
pub(super) fn brief(message: &Message) -> String {
    let mut data: String = message.data.chars().take(200).collect();
    if data.len() < message.data.len() {
        data.push('…');
    }
    format!("event {:?} data {data:?}", message.event)
}
