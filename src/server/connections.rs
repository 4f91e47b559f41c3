//! Connections: how many there are, how long they may take, and how they end.
//!
//! A connection belongs to nobody until a request on it has been let in, so those that carry no stream are bounded
//! together, and by short times: a head that does not come, a body that does not come, a write that nobody reads. Where
//! there is no place left, whoever has been silent for longest gives his up: clients that open connections and say nothing,
//! or half of something, keep nobody out. A connection that carries a stream gives its place back, since streams are bounded
//! by their jobs.

use super::line::{Accepted, Line};
use super::refusal::Refusal;
use super::socket::Patient;
use super::state::Service;
use axum::http::StatusCode;
use axum::response::Response;
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// The largest head of a request, and how much is buffered for a connection in each direction.
const BUFFER_BYTES: usize = 64 << 10;

/// Bytes that the system may hold for a connection on their way to a reader who does not read. Linux doubles it.
const SEND_BYTES: usize = 64 << 10;

/// Serves until `stopping`, then waits for the connections, and gives up those that are not done in time. Answers how
/// many those were.
pub(super) async fn serve(listener: TcpListener, service: Arc<Service>, routes: axum::Router) -> usize {
    let places = Arc::new(Semaphore::new(service.config.connections));
    let mut stopping = service.stopping.subscribe();
    let mut connections = JoinSet::new();
    // In the order in which they came, with some that are no more.
    let mut accepted_before: VecDeque<Accepted> = VecDeque::new();
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
        let mut place = Arc::clone(&places).try_acquire_owned();
        if place.is_err() && accepted_before.iter().any(Accepted::give_up_if_awaited) {
            place = Arc::clone(&places).try_acquire_owned();
        }
        match place {
            Ok(permit) => {
                let line = Line::new(permit);
                if accepted_before.len() >= 2 * service.config.connections {
                    accepted_before.retain(Accepted::has_place);
                }
                accepted_before.push_back(line.accepted());
                connections.spawn(connection(socket, line, Arc::clone(&service), routes.clone()));
            }
            Err(_full) => {
                service.tally.connection_refused();
                // A fresh socket has room for these bytes; if not, hanging up says enough.
                let _best_effort = socket.try_write(too_many().raw().as_bytes());
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

fn too_many() -> Refusal {
    Refusal::said(
        StatusCode::SERVICE_UNAVAILABLE,
        "too_many_connections",
        "as many connections as allowed are open",
        "close some, or try again shortly",
    )
}

async fn connection(socket: TcpStream, line: Line, service: Arc<Service>, routes: axum::Router) {
    let _counted = service.tally.connections.enter();
    // Small frames go out at once; a peer that vanished is noticed by the system even if nothing is said to it.
    let _best_effort = socket.set_nodelay(true);
    let options = socket2::SockRef::from(&socket);
    let keepalive = socket2::TcpKeepalive::new().with_time(service.config.stall);
    let _best_effort = options.set_tcp_keepalive(&keepalive);
    // Left to itself, the system holds megabytes for a reader who does not read.
    let _best_effort = options.set_send_buffer_size(SEND_BYTES);
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let _best_effort = options.set_tcp_user_timeout(Some(service.config.stall));

    let answering = Answering { routes: TowerToHyperService::new(routes), line: line.clone() };
    let io = TokioIo::new(Patient::new(socket, Arc::clone(&service), line.clone()));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(service.config.request).max_buf_size(BUFFER_BYTES);
    let mut connection = http.serve_connection(io, answering);
    let mut stopping = service.stopping.subscribe();
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = stopped(&mut stopping) => {
            Pin::new(&mut connection).graceful_shutdown();
            (&mut connection).await
        }
        () = line.given_up() => {
            service.tally.connection_refused();
            let connection = connection.into_parts();
            // Who has asked for nothing is told nothing.
            if !line.is_unasked() || !connection.read_buf.is_empty() {
                connection.io.into_inner().refuse(&too_many());
            }
            return;
        }
    };
    match ended {
        // The reader hung up after all that was sent: whose end it had is forgotten.
        Ok(()) => {
            line.take_ended().iter().for_each(|record| service.forget(record));
        }
        Err(error) if is_stall(&error) => service.tally.connection_stalled(),
        // Whatever else a peer does is its own affair: an error ends this connection and nothing else. A job whose end
        // may not have arrived stays readable for as long as closed jobs do.
        Err(error) => {
            let connection = connection.into_parts();
            if let Some(status) = unanswered(&error, &connection.read_buf) {
                connection.io.into_inner().refuse(&Refusal::unreadable(status));
            }
        }
    }
}

/// What the peer is to be told, where the HTTP layer gave it up without a word. A peer that has asked for nothing, or
/// has had its answers and is silent, is told nothing.
fn unanswered(error: &hyper::Error, unread: &[u8]) -> Option<StatusCode> {
    if error.is_parse_version_h2() {
        return Some(StatusCode::HTTP_VERSION_NOT_SUPPORTED);
    }
    (error.is_timeout() && !unread.is_empty()).then_some(StatusCode::REQUEST_TIMEOUT)
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

/// The routes, with their connection at hand.
struct Answering {
    routes: TowerToHyperService<axum::Router>,
    line: Line,
}

impl hyper::service::Service<hyper::Request<Incoming>> for Answering {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn call(&self, mut request: hyper::Request<Incoming>) -> Self::Future {
        let line = self.line.clone();
        line.asked(!request.body().is_end_stream());
        request.extensions_mut().insert(line.clone());
        let answer = self.routes.call(request);
        Box::pin(async move { answer.await.map(|response| line.answers(response)) })
    }
}
