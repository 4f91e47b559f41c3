//! Headless Chromium's own `EventSource`, which reads from a server of ours over HTTP.
//!
//! The server writes each chunk by itself, as a chunk of HTTP's. Whether the browser's parser sees the same cuts is for
//! the browser to say; that it sees the same bytes is not.

use super::NAMES;
use super::chromium::Browser;
use super::readers::{Answer, Chunks, Ids, Missing, OURS, Reader};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;
use std::{io, thread};

pub(crate) const CHROMIUM: Reader =
    Reader { name: "EventSource (Chromium)", ids: Ids::Lasting, tells_retry: false, read };

/// Long enough that only a defect, or a browser that hangs, runs into it.
const PATIENCE: Duration = Duration::from_secs(180);

fn read(streams: &[Chunks]) -> Answer {
    // Whatever the standard's reader sees is listened for, so that a browser which sees no more than that tells of all.
    let by_ours = (OURS.read)(streams)?;
    let names = by_ours.iter().flatten().map(|seen| seen.event.as_str()).chain(NAMES).collect::<BTreeSet<_>>();
    let asked = serde_json::json!({ "names": names, "streams": streams.len() }).to_string();
    let asked: String = asked.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let server = Server::start(streams.to_vec()).expect("a port of loopback is free");
    let _browser = Browser::showing(&format!("http://{}/#{asked}", server.address)).map_err(Missing)?;
    let seen = server.seen.recv_timeout(PATIENCE).expect("the browser tells what it has seen");
    Ok(serde_json::from_str(&seen).expect("the page answers in JSON"))
}

/// Serves the page, the streams by number, and takes what was seen.
struct Server {
    address: SocketAddr,
    seen: Receiver<String>,
    over: Arc<AtomicBool>,
}

impl Server {
    fn start(streams: Vec<Chunks>) -> io::Result<Server> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let (tell, seen) = mpsc::channel();
        let over = Arc::new(AtomicBool::new(false));
        let server = Server { address: listener.local_addr()?, seen, over: Arc::clone(&over) };
        let streams = Arc::new(streams);
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                if over.load(Ordering::Acquire) {
                    return;
                }
                let (streams, tell) = (Arc::clone(&streams), tell.clone());
                // A browser opens connections ahead of need and drops some: that is no failure.
                thread::spawn(move || drop(serve(connection, &streams, &tell)));
            }
        });
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Release);
        // So that whoever waits for a connection gets one, and looks.
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(connection: TcpStream, streams: &[Chunks], tell: &Sender<String>) -> io::Result<()> {
    connection.set_nodelay(true)?;
    let mut from = BufReader::new(connection.try_clone()?);
    let (mut request, mut header, mut length) = (String::new(), String::new(), 0);
    from.read_line(&mut request)?;
    while from.read_line(&mut header)? > 2 {
        if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
        header.clear();
    }
    let path = request.split(' ').nth(1).unwrap_or_default();
    if let Some(chunks) = path.strip_prefix("/stream/").and_then(|number| streams.get(number.parse::<usize>().ok()?)) {
        return stream(connection, chunks);
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body)?;
    if path == "/seen" {
        let _ = tell.send(String::from_utf8(body).map_err(io::Error::other)?);
    }
    let page = if path == "/" { include_str!("browser.html") } else { "" };
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length:";
    write!(&connection, "{head} {}\r\n\r\n{page}", page.len())
}

fn stream(mut connection: TcpStream, chunks: &Chunks) -> io::Result<()> {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\nConnection: close\r\n";
    write!(connection, "{head}Transfer-Encoding: chunked\r\n\r\n")?;
    for chunk in chunks {
        write!(connection, "{:x}\r\n", chunk.len())?;
        connection.write_all(chunk)?;
        connection.write_all(b"\r\n")?;
        connection.flush()?;
    }
    connection.write_all(b"0\r\n\r\n")
}
