//! Headless Chromium's own `EventSource`, which reads from a server of ours over HTTP.
//!
//! The server writes each chunk by itself, as a chunk of HTTP's. Whether the browser's parser sees the same cuts is for
//! the browser to say; that it sees the same bytes is not.

use super::NAMES;
use super::readers::{Answer, Chunks, Ids, Missing, OURS, Reader};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::{fs, io, thread};

pub(crate) const CHROMIUM: Reader =
    Reader { name: "EventSource (Chromium)", ids: Ids::Lasting, tells_retry: false, read };

/// Long enough that only a defect, or a browser that hangs, runs into it.
const PATIENCE: Duration = Duration::from_secs(180);

/// One browser at a time: two would share two processors with everything else.
static ALONE: Mutex<()> = Mutex::new(());

fn read(streams: &[Chunks]) -> Answer {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    // Whatever the standard's reader sees is listened for, so that a browser which sees no more than that tells of all.
    let by_ours = (OURS.read)(streams)?;
    let names = by_ours.iter().flatten().map(|seen| seen.event.as_str()).chain(NAMES).collect::<BTreeSet<_>>();
    let asked = serde_json::json!({ "names": names, "streams": streams.len() }).to_string();
    let asked: String = asked.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let server = Server::start(streams.to_vec()).expect("a port of loopback is free");
    let _browser = Browser::start(&format!("http://{}/#{asked}", server.address))?;
    let seen = server.seen.recv_timeout(PATIENCE).expect("the browser tells what it has seen");
    Ok(serde_json::from_str(&seen).expect("the page answers in JSON"))
}

/// What it is called, here and there.
const NAMED: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

struct Browser {
    child: Child,
    profile: std::path::PathBuf,
}

impl Browser {
    fn start(url: &str) -> Result<Browser, Missing> {
        let profile = std::env::temp_dir().join(format!("narrowcast-chromium-{}", std::process::id()));
        let start = |name: &&str| {
            Command::new(name)
                .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
                .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
                .arg(format!("--user-data-dir={}", profile.display()))
                .arg(url)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .ok()
        };
        match NAMED.iter().find_map(start) {
            Some(child) => Ok(Browser { child, profile }),
            None => Err(Missing(format!("none of {NAMED:?} can be started; install Debian's `chromium`"))),
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It may be gone already, and its files with it.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.profile);
    }
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
