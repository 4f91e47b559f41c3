//! The router behind HTTP: jobs are created, narrated to, watched and closed by whoever has the right to.
//!
//! Isolation is promised where it is usually lost: at the socket. The shapes, routes and the security model stand in
//! `docs/service.md`; here is how the room is laid out, in reading order:
//!
//! 1. `authority`: capabilities, tickets, keys, the operators' credential. The one lock of all doors.
//! 2. `guard`: what every request passes first: host, origin.
//! 3. `routes`: what can be asked for.
//! 4. `state`: what is known of each job, and for how long.
//! 5. `stream`, `source`, `cursor`: one stream on the wire, where it comes from, and how it is resumed.
//! 6. `connections`, `line`, `socket`: how many, how long, how they end, and what is said to what is no request.
//!
//! ```
//! use narrowcast::server::{Config, Layer, Server};
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! let config = Config::new(Layer { listen: Some("127.0.0.1:0".parse().unwrap()), ..Layer::default() })?;
//! let server = Server::bind(config).await?;
//! println!("serving on http://{}", server.address());
//! let handle = server.handle();
//! let running = tokio::spawn(server.run());
//! handle.shut_down();
//! assert_eq!(running.await.unwrap().given_up, 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```

mod authority;
mod config;
mod connections;
mod cursor;
mod guard;
mod line;
mod operations;
mod page;
mod refusal;
mod routes;
mod socket;
mod source;
mod state;
mod stream;
mod tally;

pub use authority::Secret;
pub use config::{Config, ConfigError, Layer, Limits, Log, TenantEntry, Times};

use crate::narration::{Event, Scope};
use crate::router::Router;
use crate::sink::{Sink, Stderr};
use state::{SERVICE, Service};
use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::{MissedTickBehavior, interval, timeout};

/// Why a server could not be started.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// Something listens there already.
    InUse(SocketAddr),
    /// The address cannot be listened on for another reason.
    Bind(SocketAddr, io::Error),
    /// The runtime, or the handlers of signals, could not be set up.
    System(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::InUse(address) => {
                let ip = address.ip();
                let any = SocketAddr::new(ip, 0);
                write!(f, "{address} is in use: stop what listens there, or say --listen {any} to take any free port")
            }
            StartError::Bind(address, error) => {
                write!(f, "cannot listen on {address}: {error}; say --listen with an address of this machine")
            }
            StartError::System(error) => write!(f, "cannot start: {error}; the system lacks threads or descriptors"),
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            StartError::InUse(_) => None,
            StartError::Bind(_, error) | StartError::System(error) => Some(error),
        }
    }
}

/// A server that listens and does not answer yet.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    service: Arc<Service>,
    wrap: Wrap,
}

/// What is put around the routes.
type Wrap = Box<dyn FnOnce(axum::Router) -> axum::Router + Send>;

/// How a server ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// Connections that were not done in time and were given up.
    pub given_up: usize,
}

/// How many there are of what a client could leave behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Alive {
    /// Connections.
    pub connections: usize,
    /// Streams, of jobs and of operators.
    pub streams: usize,
    /// Jobs that the service knows.
    pub jobs: usize,
    /// Jobs that the router holds something of.
    pub channels: usize,
    /// Jobs that are worked on.
    pub working: usize,
}

/// A hand on a running server. Cheap to clone.
#[derive(Clone)]
pub struct Handle(Arc<Service>);

impl Handle {
    /// Ends every stream with `stopped: shutdown`, lets requests finish, and then ends [`Server::run`].
    pub fn shut_down(&self) {
        self.0.stopping.send_replace(true);
    }

    /// What is alive now.
    pub fn alive(&self) -> Alive {
        let (_queued, working) = self.0.jobs.counts();
        Alive {
            connections: self.0.tally.connections.get(),
            streams: self.0.tally.streams.get(),
            jobs: self.0.held(),
            channels: self.0.router().jobs(),
            working,
        }
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Handle").field(&self.alive()).finish()
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("address", &self.address).finish_non_exhaustive()
    }
}

/// System narration only, for the log.
struct SystemOnly(Stderr);

impl Sink for SystemOnly {
    fn accept(&self, scope: &Scope, event: &Event) {
        if *scope == Scope::System {
            self.0.accept(scope, event);
        }
    }
}

fn router(config: &Config) -> Router {
    let builder = Router::builder()
        .retain(config.retain_events)
        .retain_bytes(config.retain_bytes)
        .largest_event(config.event_bytes)
        // The shares of the tenants bound how many jobs linger: no job is given up because another one lingers too.
        .linger(u64::try_from(config.linger.as_millis()).unwrap_or(u64::MAX), usize::MAX)
        .clock(state::now_ms);
    match config.log {
        Log::System => builder.sink(SystemOnly(Stderr::default())),
        Log::All => builder.sink(Stderr::default()),
        Log::Off => builder,
    }
    .build()
}

impl Server {
    /// Begins to listen. Connections wait until [`run`](Server::run).
    ///
    /// # Errors
    /// [`StartError`] if the address cannot be had.
    pub async fn bind(mut config: Config) -> Result<Server, StartError> {
        let wanted = config.listen;
        let listener = TcpListener::bind(wanted).await.map_err(|error| match error.kind() {
            io::ErrorKind::AddrInUse => StartError::InUse(wanted),
            _ => StartError::Bind(wanted, error),
        })?;
        let address = listener.local_addr().map_err(|error| StartError::Bind(wanted, error))?;
        config.listen = address;
        let router = router(&config);
        let service = Arc::new(Service::new(config, router));
        Ok(Server { listener, address, service, wrap: Box::new(|routes| routes) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A hand on it.
    pub fn handle(&self) -> Handle {
        Handle(Arc::clone(&self.service))
    }

    /// Puts layers of the embedder's own around all routes, such as one that traces requests. What is put around first
    /// stands innermost. Whatever such a layer does to requests and answers, no guarantee of this crate speaks for it.
    #[must_use]
    pub fn wrapped(self, wrap: impl FnOnce(axum::Router) -> axum::Router + Send + 'static) -> Server {
        let inner = self.wrap;
        Server { wrap: Box::new(|routes| wrap(inner(routes))), ..self }
    }

    /// Serves until [`Handle::shut_down`].
    ///
    /// # Cancel safety
    /// Dropped, it stops at once: connections break off without their streams being told, and all work is dropped.
    pub async fn run(self) -> Ended {
        let Server { listener, address, service, wrap } = self;
        let service = AbandonedWhenDropped(service);
        let names = guard::Names::new(address, &service.0.config.hosts);
        let routes = wrap(routes::routes(&service.0, names));
        let given_up = tokio::select! {
            given_up = connections::serve(listener, Arc::clone(&service.0), routes) => given_up,
            never = sweep(&service.0) => match never {},
        };
        let mut work = service.0.abandon();
        // Work that does not yield cannot be waited for without bound.
        let all = async { while work.join_next().await.is_some() {} };
        let _in_time_or_not = timeout(service.0.config.shutdown, all).await;
        let system = service.0.router().system();
        let told = system.narrate(SERVICE, "stop").context(given_up).human("stopped; {} connections given up").emit();
        service.0.tally.told(told);
        Ended { given_up }
    }
}

/// Work holds its service, so that a service which is only dropped would live for as long as its longest job.
struct AbandonedWhenDropped(Arc<Service>);

impl Drop for AbandonedWhenDropped {
    fn drop(&mut self) {
        drop(self.0.abandon());
    }
}

/// Gives up what is due, as often as it matters.
async fn sweep(service: &Service) -> Infallible {
    let often = (service.config.linger / 4).clamp(Duration::from_millis(10), Duration::from_secs(1));
    let mut ticks = interval(often);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        service.sweep();
    }
}

/// What a person who starts a server is told, once it listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Started {
    /// Where it listens.
    pub address: SocketAddr,
    /// Whether jobs can be created without an API key.
    pub anonymous: bool,
    /// Whether there is an operators' credential.
    pub operators: bool,
}

/// Runs a server with a runtime of its own until SIGINT or SIGTERM, and ends it in good order; a second signal ends it
/// at once. Answers `None` then. `wrap` is put around the routes, as by [`Server::wrapped`].
///
/// # Errors
/// [`StartError`].
pub fn run_until_signal(
    config: Config,
    wrap: impl FnOnce(axum::Router) -> axum::Router + Send + 'static,
    started: impl FnOnce(Started),
) -> Result<Option<Ended>, StartError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(StartError::System)?;
    let ended = runtime.block_on(async {
        let mut signals = Signals::new().map_err(StartError::System)?;
        let anonymous = config.tenants.iter().any(|tenant| tenant.key_sha256.is_none());
        let operators = config.operator.is_some();
        let server = Server::bind(config).await?.wrapped(wrap);
        started(Started { address: server.address(), anonymous, operators });
        let handle = server.handle();
        let mut running = tokio::spawn(server.run());
        signals.next().await;
        handle.shut_down();
        Ok(tokio::select! {
            ended = &mut running => ended.ok(),
            () = signals.next() => None,
        })
    });
    runtime.shutdown_background();
    ended
}

/// The signals that ask a program to end.
struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg(unix)]
    fn new() -> io::Result<Signals> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    #[cfg(unix)]
    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    #[cfg(not(unix))]
    fn new() -> io::Result<Signals> {
        Ok(Signals {})
    }

    #[cfg(not(unix))]
    async fn next(&mut self) {
        let _interrupted = tokio::signal::ctrl_c().await;
    }
}
