//! A server that plays a script, connection by connection, and keeps what it was asked.

use narrowcast::client::{Connect, Connecting, Io, Origin};
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// What is done on a connection, once the request has come. After the last step it is closed.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Send(Vec<u8>),
    /// By the runtime's clock, which tests stop.
    Wait(Duration),
    /// Says nothing more, and does not close.
    Hang,
    /// Waits until the test says [`go_on`](Server::go_on), so that what follows travels by itself.
    Pause,
    /// Notes it if the client has left already, and does no more then.
    StillThere,
    /// Notes how the client leaves.
    SeeOff,
}

pub(crate) fn send(bytes: impl AsRef<[u8]>) -> Step {
    Step::Send(bytes.as_ref().to_vec())
}

/// The head of a stream that lasts until the connection closes.
pub(crate) const STREAM: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";

/// The scripts of the connections to come, and the requests that came.
#[derive(Debug, Clone, Default)]
pub(crate) struct Server {
    scripts: Arc<Mutex<VecDeque<Vec<Step>>>>,
    requests: Arc<Mutex<Vec<String>>>,
    resume: Arc<Notify>,
    /// Whether the client closed, instead of resetting.
    parting: Arc<Mutex<Option<io::Result<usize>>>>,
    /// How many bytes are on their way at most: one, and whoever reads gets them one by one.
    on_the_way: usize,
}

impl Server {
    pub(crate) fn new(scripts: impl IntoIterator<Item = Vec<Step>>) -> Server {
        let scripts = Arc::new(Mutex::new(scripts.into_iter().collect()));
        Server { scripts, on_the_way: 4096, ..Server::default() }
    }

    pub(crate) fn go_on(&self) {
        self.resume.notify_one();
    }

    /// How the client left, once it has: what a last read from it gave.
    pub(crate) async fn parting(&self) -> io::Result<usize> {
        loop {
            if let Some(parting) = self.parting.lock().expect("no test panics with it").take() {
                return parting;
            }
            tokio::task::yield_now().await;
        }
    }

    pub(crate) fn byte_by_byte(mut self) -> Server {
        self.on_the_way = 1;
        self
    }

    /// The heads of the requests, in lower case.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("no test panics with it").clone()
    }

    /// How many scripts nobody has asked for.
    pub(crate) fn left(&self) -> usize {
        self.scripts.lock().expect("no test panics with it").len()
    }

    /// Plays over TCP as well, and answers where.
    pub(crate) async fn listen(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port of loopback is free");
        let address = listener.local_addr().expect("it is bound");
        let server = self.clone();
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let Some(script) = server.next() else { return };
                connection.set_nodelay(true).expect("TCP can do this");
                tokio::spawn(server.clone().play(connection, script));
            }
        });
        format!("http://{address}/v1/jobs/a/stream")
    }

    fn next(&self) -> Option<Vec<Step>> {
        self.scripts.lock().expect("no test panics with it").pop_front()
    }

    async fn play(self, mut connection: impl Io, script: Vec<Step>) {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            match connection.read_u8().await {
                Ok(byte) => request.push(byte),
                Err(_) => return, // The client has gone, which is for the test to judge.
            }
        }
        let request = String::from_utf8_lossy(&request).to_lowercase();
        self.requests.lock().expect("no test panics with it").push(request);
        for step in script {
            match step {
                Step::Send(bytes) => {
                    if connection.write_all(&bytes).await.is_err() || connection.flush().await.is_err() {
                        return;
                    }
                }
                Step::Wait(time) => tokio::time::sleep(time).await,
                Step::Hang => std::future::pending().await,
                Step::Pause => self.resume.notified().await,
                Step::StillThere => {
                    let mut byte = [0];
                    let gone = tokio::select! {
                        biased;
                        _ = connection.read(&mut byte) => true,
                        () = std::future::ready(()) => false,
                    };
                    if gone {
                        let early = io::Error::other("the client left before the body had ended");
                        *self.parting.lock().expect("no test panics with it") = Some(Err(early));
                        return;
                    }
                }
                Step::SeeOff => {
                    let parting = connection.read(&mut [0]).await;
                    *self.parting.lock().expect("no test panics with it") = Some(parting);
                }
            }
        }
    }
}

/// In memory, so that a stopped clock stands still while bytes travel.
impl Connect for Server {
    fn connect<'a>(&'a self, _origin: &'a Origin) -> Connecting<'a> {
        Box::pin(async move {
            let script = self.next().ok_or_else(|| io::Error::other("nobody listens"))?;
            let (here, there) = tokio::io::duplex(self.on_the_way);
            tokio::spawn(self.clone().play(there, script));
            Ok(Box::new(here) as Box<dyn Io>)
        })
    }
}
