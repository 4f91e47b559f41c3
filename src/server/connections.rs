//! Connections: how many there are, how long they may take, and how they end.
//!
//! A connection belongs to nobody until a request on it has been let in, so those that carry no stream are bounded
//! together, and by short times: a head that does not come, a body that does not come, a write that nobody reads. A
//! connection that carries a stream gives its place back, since streams are bounded by their jobs: clients that open
//! connections and say nothing cannot keep anybody from a stream that is already flowing, nor a job from its share.

use super::refusal::Refusal;
use super::state::{Record, Service};
use axum::http::StatusCode;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Sleep, sleep, timeout};

/// What one connection and the requests on it tell each other.
#[derive(Clone)]
pub(super) struct Line(Arc<Mutex<Facts>>);

struct Facts {
    /// Its place among those that carry no stream.
    place: Option<OwnedSemaphorePermit>,
    /// The job whose end was handed to it.
    ended: Option<Arc<Record>>,
}

impl Line {
    fn new(place: OwnedSemaphorePermit) -> Line {
        Line(Arc::new(Mutex::new(Facts { place: Some(place), ended: None })))
    }

    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the place back: from now on the connection carries a stream, and ends with it.
    pub(super) fn release(&self) {
        let place = self.facts().place.take();
        drop(place);
    }

    /// The end of this job is on its way. If the reader hangs up in good order after it, the job is forgotten.
    pub(super) fn carries_end_of(&self, record: &Arc<Record>) {
        self.facts().ended = Some(Arc::clone(record));
    }

    fn carries_end(&self) -> bool {
        self.facts().ended.is_some()
    }
}

/// The largest head of a request, and how much is buffered for a connection in each direction.
const BUFFER_BYTES: usize = 64 << 10;

/// Serves until `stopping`, then waits for the connections, and gives up those that are not done in time. Answers how
/// many those were.
pub(super) async fn serve(listener: TcpListener, service: Arc<Service>, routes: axum::Router) -> usize {
    let places = Arc::new(Semaphore::new(service.config.connections));
    let mut stopping = service.stopping.subscribe();
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            _ = stopping.wait_for(|stopping| *stopping) => break,
            Some(_ended) = connections.join_next(), if !connections.is_empty() => continue,
            accepted = listener.accept() => accepted,
        };
        let Ok((socket, _peer)) = accepted else {
            // Out of descriptors, most likely: what is open goes on, and ends. Trying again at once would only spin.
            sleep(Duration::from_millis(20)).await;
            continue;
        };
        match Arc::clone(&places).try_acquire_owned() {
            Ok(permit) => {
                connections.spawn(connection(socket, Line::new(permit), Arc::clone(&service), routes.clone()));
            }
            Err(_full) => {
                service.tally.connection_refused();
                refuse(&socket);
            }
        }
    }
    drop(listener);
    let all = async { while connections.join_next().await.is_some() {} };
    let _in_time_or_not = timeout(service.config.shutdown, all).await;
    let left = connections.len();
    connections.shutdown().await;
    left
}

/// Says why, without waiting for anything, and hangs up.
fn refuse(socket: &TcpStream) {
    let refusal = Refusal::said(
        StatusCode::SERVICE_UNAVAILABLE,
        "too_many_connections",
        "as many connections as allowed are open",
        "close some, or try again shortly",
    );
    // A fresh socket has room for these bytes; if not, hanging up says enough.
    let _best_effort = socket.try_write(refusal.raw().as_bytes());
}

async fn connection(socket: TcpStream, line: Line, service: Arc<Service>, routes: axum::Router) {
    let _counted = service.tally.connections.enter();
    // Small frames go out at once; a peer that vanished is noticed by the system even if nothing is said to it.
    let _best_effort = socket.set_nodelay(true);
    let options = socket2::SockRef::from(&socket);
    let keepalive = socket2::TcpKeepalive::new().with_time(service.config.stall);
    let _best_effort = options.set_tcp_keepalive(&keepalive);
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let _best_effort = options.set_tcp_user_timeout(Some(service.config.stall));

    let answering = Answering { routes: TowerToHyperService::new(routes), line: line.clone() };
    let patient = Patient { socket, stall: service.config.stall, waiting: None, line: line.clone(), said_all: false };
    let io = TokioIo::new(patient);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(service.config.request).max_buf_size(BUFFER_BYTES);
    let mut connection = pin!(http.serve_connection(io, answering));
    let mut stopping = service.stopping.subscribe();
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopped(&mut stopping) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    match ended {
        // The reader hung up after all that was sent: whose end it had is forgotten.
        Ok(()) => {
            let ended = line.facts().ended.take();
            ended.iter().for_each(|record| service.forget(record));
        }
        Err(error) if is_stall(&error) => service.tally.connection_stalled(),
        // Whatever else a peer does is its own affair: an error ends this connection and nothing else. A job whose end
        // may not have arrived stays readable for as long as closed jobs do.
        Err(_) => {}
    }
}

async fn stopped(stopping: &mut watch::Receiver<bool>) {
    let _the_service_holds_the_sender = stopping.wait_for(|stopping| *stopping).await;
}

fn is_stall(error: &hyper::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::TimedOut) {
            return true;
        }
        source = error.source();
    }
    false
}

/// The routes, with the connection's place at hand.
struct Answering {
    routes: TowerToHyperService<axum::Router>,
    line: Line,
}

impl hyper::service::Service<hyper::Request<Incoming>> for Answering {
    type Response = axum::response::Response;
    type Error = std::convert::Infallible;
    type Future = <TowerToHyperService<axum::Router> as hyper::service::Service<hyper::Request<Incoming>>>::Future;

    fn call(&self, mut request: hyper::Request<Incoming>) -> Self::Future {
        request.extensions_mut().insert(self.line.clone());
        self.routes.call(request)
    }
}

/// A socket that is given up once a write has made no progress for so long, and that waits, after the end of a job, for
/// its reader to hang up: only that says that everything arrived.
struct Patient {
    socket: TcpStream,
    stall: Duration,
    waiting: Option<Pin<Box<Sleep>>>,
    line: Line,
    /// Our side is closed.
    said_all: bool,
}

impl Patient {
    fn or_given_up<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.waiting = None;
            return written;
        }
        let stall = self.stall;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(stall)));
        waiting.as_mut().poll(cx).map(|()| Err(io::Error::new(io::ErrorKind::TimedOut, "nobody reads")))
    }
}

impl AsyncRead for Patient {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(cx, buf)
    }
}

impl AsyncWrite for Patient {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(cx, bytes);
        self.or_given_up(cx, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.said_all {
            ready!(Pin::new(&mut self.socket).poll_shutdown(cx))?;
            self.said_all = true;
        }
        if !self.line.carries_end() {
            return Poll::Ready(Ok(()));
        }
        // A reader that died, or was killed with something unread, shows as an error here.
        let mut scratch = [0; 512];
        loop {
            let mut rest = ReadBuf::new(&mut scratch);
            match Pin::new(&mut self.socket).poll_read(cx, &mut rest) {
                Poll::Ready(Ok(())) if !rest.filled().is_empty() => continue,
                Poll::Ready(over) => return Poll::Ready(over),
                Poll::Pending => return self.or_given_up(cx, Poll::Pending),
            }
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write_vectored(cx, slices);
        self.or_given_up(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }
}
