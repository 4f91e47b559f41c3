//! As much of HTTP/1.1 as a load needs, over plain sockets: what is judged is what stood on the wire.

use super::Trouble;
use crate::sink::sse::{Message, Parsed, Parser};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The largest head of an answer.
const MOST_HEAD_BYTES: usize = 64 << 10;

/// Where the server is, and how long it may take to answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) address: SocketAddr,
    pub(super) patience: Duration,
}

/// A request. Its target and its right are ours; nothing in them needs an escape.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request<'a> {
    pub(super) method: &'static str,
    pub(super) path: &'a str,
    pub(super) bearer: Option<&'a str>,
    pub(super) body: &'a str,
}

impl Request<'_> {
    fn bytes(&self, host: SocketAddr) -> String {
        let Request { method, path, bearer, body } = self;
        let right = bearer.map_or_else(String::new, |bearer| format!("authorization: Bearer {bearer}\r\n"));
        let length = body.len();
        format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\n{right}content-length: {length}\r\n\r\n{body}")
    }
}

/// A connection that is kept alive.
#[derive(Debug)]
pub(super) struct Connection {
    place: Place,
    socket: TcpStream,
    /// What has come and is not read yet.
    come: Vec<u8>,
}

impl Connection {
    /// Connects.
    pub(super) async fn open(place: Place) -> Result<Connection, Trouble> {
        let Place { address, patience } = place;
        let connecting = timeout(patience, TcpStream::connect(address)).await;
        let connected = connecting.map_err(|_| Trouble::overdue("a connection", patience))?;
        let socket = connected.map_err(|error| Trouble::connecting(address, error))?;
        socket.set_nodelay(true).map_err(|error| Trouble::broken("a connection", error))?;
        Ok(Connection { place, socket, come: Vec::new() })
    }

    /// Asks, and reads the answer, whose length the server must state. Answers its status and its body.
    pub(super) async fn ask(&mut self, request: Request<'_>) -> Result<(u16, String), Trouble> {
        let what = request.method;
        let answering = timeout(self.place.patience, self.answer(request));
        let answered = answering.await.map_err(|_| Trouble::overdue(what, self.place.patience))?;
        answered.map_err(|error| Trouble::broken(what, error))
    }

    async fn answer(&mut self, request: Request<'_>) -> io::Result<(u16, String)> {
        let head = self.head_of(request).await?;
        let length = header(&head, "content-length").and_then(|length| length.parse().ok());
        let length: usize = length.ok_or_else(|| malformed("an answer without its length"))?;
        while self.come.len() < length {
            read_more(&self.socket, &mut self.come).await?;
        }
        let body = self.come.drain(..length).collect();
        let body = String::from_utf8(body).map_err(|_| malformed("an answer that is no text"))?;
        Ok((status(&head)?, body))
    }

    /// Sends a request and reads the head of its answer, without the blank line.
    async fn head_of(&mut self, request: Request<'_>) -> io::Result<String> {
        write_all(&self.socket, request.bytes(self.place.address).as_bytes()).await?;
        let end = loop {
            if let Some(end) = self.come.windows(4).position(|window| window == b"\r\n\r\n") {
                break end;
            }
            if self.come.len() > MOST_HEAD_BYTES {
                return Err(malformed("an answer whose head has no end"));
            }
            read_more(&self.socket, &mut self.come).await?;
        };
        let head: Vec<u8> = self.come.drain(..end + 4).take(end).collect();
        String::from_utf8(head).map_err(|_| malformed("a head that is no text"))
    }

    /// Opens a stream, and gives the connection to it.
    pub(super) async fn stream(mut self, request: Request<'_>) -> Result<Body, Trouble> {
        let what = "a stream";
        let opening = timeout(self.place.patience, self.head_of(request));
        let opened = opening.await.map_err(|_| Trouble::overdue(what, self.place.patience))?;
        let head = opened.map_err(|error| Trouble::broken(what, error))?;
        let is_stream = header(&head, "content-type") == Some("text/event-stream")
            && header(&head, "transfer-encoding") == Some("chunked");
        match status(&head) {
            Ok(200) if is_stream => {}
            Ok(status) => {
                let said = String::from_utf8_lossy(&self.come).into_owned();
                return Err(Trouble::Refused { what: what.to_owned(), status, said });
            }
            Err(error) => return Err(Trouble::broken(what, error)),
        }
        let Connection { socket, come, .. } = self;
        Ok(Body { socket, come, read: 0, within: Within::Size, parser: Parser::default() })
    }
}

/// Where in the chunked coding a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Within {
    Size,
    /// So many bytes of the chunk are left.
    Chunk(usize),
    /// The line end behind a chunk.
    Gap,
    /// The last chunk has come.
    Over,
}

/// What a stream's body brings.
#[derive(Debug)]
pub(super) enum Brought {
    /// One message.
    Message(Message),
    /// The server ended the body in good order.
    Over,
    /// It did not.
    BrokenOff,
}

/// The body of a stream.
#[derive(Debug)]
pub(super) struct Body {
    socket: TcpStream,
    come: Vec<u8>,
    /// How much of it is read.
    read: usize,
    within: Within,
    parser: Parser,
}

impl Body {
    /// What comes next.
    pub(super) async fn next(&mut self) -> Brought {
        loop {
            match self.parse() {
                Ok(Some(message)) => return Brought::Message(message),
                Ok(None) if self.within == Within::Over => return Brought::Over,
                Ok(None) => {}
                Err(_malformed) => return Brought::BrokenOff,
            }
            self.come.drain(..self.read);
            self.read = 0;
            if read_more(&self.socket, &mut self.come).await.is_err() {
                return Brought::BrokenOff;
            }
        }
    }

    /// Reads on in what has come; `None` once more is needed, or the body is over.
    fn parse(&mut self) -> io::Result<Option<Message>> {
        loop {
            let come = &self.come[self.read..];
            match self.within {
                Within::Over => return Ok(None),
                Within::Size => {
                    let Some(end) = come.windows(2).position(|window| window == b"\r\n") else { return Ok(None) };
                    let size = str::from_utf8(&come[..end]).ok().and_then(|size| usize::from_str_radix(size, 16).ok());
                    let size = size.ok_or_else(|| malformed("a chunk without its size"))?;
                    self.read += end + 2;
                    self.within = if size == 0 { Within::Over } else { Within::Chunk(size) };
                }
                Within::Chunk(0) => self.within = Within::Gap,
                Within::Chunk(left) => {
                    let part = &come[..left.min(come.len())];
                    if part.is_empty() {
                        return Ok(None);
                    }
                    let mut rest = part;
                    let parsed = self.parser.read(&mut rest).map_err(io::Error::other)?;
                    let used = part.len() - rest.len();
                    self.read += used;
                    self.within = Within::Chunk(left - used);
                    if let Some(Parsed::Message(message)) = parsed {
                        return Ok(Some(message));
                    }
                }
                Within::Gap if come.len() < 2 => return Ok(None),
                Within::Gap if come.starts_with(b"\r\n") => {
                    self.read += 2;
                    self.within = Within::Size;
                }
                Within::Gap => return Err(malformed("a chunk longer than its size")),
            }
        }
    }
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn status(head: &str) -> io::Result<u16> {
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    status.ok_or_else(|| malformed("an answer without a status"))
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = head.lines().filter_map(|line| line.split_once(':'));
    lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

async fn write_all(socket: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        socket.writable().await?;
        match socket.try_write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Waits for more, and appends it.
async fn read_more(socket: &TcpStream, come: &mut Vec<u8>) -> io::Result<()> {
    loop {
        socket.readable().await?;
        match try_read(socket, come) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

/// Apart, so that no future of thousands holds a buffer while it waits.
fn try_read(socket: &TcpStream, come: &mut Vec<u8>) -> io::Result<usize> {
    let mut buffer = [0; 16 << 10];
    let read = socket.try_read(&mut buffer)?;
    come.extend_from_slice(&buffer[..read]);
    Ok(read)
}
