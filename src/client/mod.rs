//! A client of the service's streams.
//!
//! One [`Client`] knows where a stream is and how to ask for it; each [`Watch`] of it is one subscription, an async
//! [`Stream`](futures_core::Stream) that outlives its connections. What it yields is a value: events as they were sent,
//! loss by its number, why a stream was stopped, how a job ended, and every break of the connection with the wait that
//! follows. Nothing is hidden in a log and nothing is guessed: a stream that breaks off is no end.
//!
//! ```no_run
//! use narrowcast::client::{Client, Delivery, Update};
//!
//! # async fn watch(url: &str, capability: &str) -> Result<(), Box<dyn std::error::Error>> {
//! let mut watch = Client::new(url)?.capability(capability)?.watch();
//! while let Some(update) = watch.next().await {
//!     match update? {
//!         Update::Delivery(Delivery::Narration(event)) => println!("{}", event.decode()?),
//!         Update::Delivery(Delivery::Lagged(lost)) => println!("({lost} events were evicted before we read them)"),
//!         Update::Delivery(Delivery::Done(outcome)) => println!("the job is {outcome}"),
//!         Update::Reconnecting { after, lost } => println!("({lost}; again in {after:?})"),
//!         other => println!("{other:?}"),
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # What it does when a connection is lost
//!
//! It waits (see [`Backoff`]), connects again and sends the last id that came whole as `Last-Event-ID`. The torn rest
//! of an event is never delivered. It does not connect again after [`Delivery::Done`] or [`Delivery::Stopped`], nor
//! after an [`Error`]: 204, any 4xx, an answer that is no event stream, a redirect to elsewhere, and whatever it cannot
//! read would be the same the next time.
//!
//! # What it does not do
//!
//! It speaks HTTP/1.1 over TCP and no TLS; bring a [`Connect`] of your own for that. It follows redirects within one
//! origin only: what it sends along was given to that origin. It asks for no compression, and refuses it.

mod backoff;
mod delivery;
mod error;
mod origin;
mod transport;
mod watch;

pub use crate::sink::sse::Limits;
pub use backoff::Backoff;
pub use delivery::{Delivery, Received, Stop, Update};
pub use error::{Error, InvalidClient, Lost};
pub use origin::Origin;
pub use transport::{Connect, Connecting, Io, Tcp};
pub use watch::Watch;

use hyper::header::HeaderValue;
use origin::Url;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Where a stream is, and how to ask for it. Cloning it copies no connection.
#[derive(Clone)]
pub struct Client {
    settings: Arc<Settings>,
    position: String,
}

/// What a watch needs to know, at every connection again.
#[derive(Clone)]
struct Settings {
    url: Url,
    capability: Option<HeaderValue>,
    backoff: Backoff,
    timeouts: Timeouts,
    limits: Limits,
    connect: Arc<dyn Connect>,
    draw: Arc<dyn Fn() -> u64 + Send + Sync>,
}

/// How long a client waits for the other side. Times are those of the tokio runtime that polls the watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// From connecting to the head of the answer, redirects included.
    pub open: Duration,
    /// From one byte of the stream to the next. Comments count: a server that keeps its connections alive sends some.
    pub idle: Duration,
}

impl Default for Timeouts {
    /// Ten seconds to open; 45 seconds idle, which is three of the service's comments.
    fn default() -> Timeouts {
        Timeouts { open: Duration::from_secs(10), idle: Duration::from_secs(45) }
    }
}

impl Client {
    /// A client for the stream at this address, over plain TCP.
    ///
    /// # Errors
    /// [`InvalidClient`] if it is no absolute `http` or `https` URL, or holds a user's name or password.
    pub fn new(url: &str) -> Result<Client, InvalidClient> {
        let settings = Settings {
            url: Url::parse(url)?,
            capability: None,
            backoff: Backoff::default(),
            timeouts: Timeouts::default(),
            limits: Limits::default(),
            connect: Arc::new(Tcp),
            // A system that has no randomness left gets the longest waits.
            draw: Arc::new(|| getrandom::u64().unwrap_or(u64::MAX)),
        };
        Ok(Client { settings: Arc::new(settings), position: String::new() })
    }

    /// Sends this capability along, as a bearer token. It is never shown by `Debug`.
    ///
    /// # Errors
    /// [`InvalidClient`] if it holds what no header may hold.
    pub fn capability(self, capability: &str) -> Result<Client, InvalidClient> {
        let bearer = HeaderValue::try_from(format!("Bearer {capability}"));
        let mut bearer = bearer.map_err(|_| InvalidClient::Capability)?;
        bearer.set_sensitive(true);
        Ok(self.with(|settings| settings.capability = Some(bearer)))
    }

    /// Begins after this position, such as [`Watch::position`] of an earlier watch told it. Empty: from the start.
    ///
    /// # Errors
    /// [`InvalidClient`] if it holds what no header may hold; no server of ours sends such an id.
    pub fn resume_after(mut self, position: &str) -> Result<Client, InvalidClient> {
        HeaderValue::try_from(position).map_err(|_| InvalidClient::Position)?;
        position.clone_into(&mut self.position);
        Ok(self)
    }

    /// How long to wait before connecting again, and how often.
    #[must_use = "answers the changed client"]
    pub fn backoff(self, backoff: Backoff) -> Client {
        self.with(|settings| settings.backoff = backoff)
    }

    /// How long to wait for the other side.
    #[must_use = "answers the changed client"]
    pub fn timeouts(self, timeouts: Timeouts) -> Client {
        self.with(|settings| settings.timeouts = timeouts)
    }

    /// How large a line and an event may be.
    #[must_use = "answers the changed client"]
    pub fn limits(self, limits: Limits) -> Client {
        self.with(|settings| settings.limits = limits)
    }

    /// Connects in another way: with TLS, through a proxy, in memory.
    #[must_use = "answers the changed client"]
    pub fn connector(self, connect: impl Connect + 'static) -> Client {
        self.with(|settings| settings.connect = Arc::new(connect))
    }

    /// Draws the jitter from here instead of the system's randomness: numbers of 64 bits, all equally likely.
    #[must_use = "answers the changed client"]
    pub fn random(self, draw: impl Fn() -> u64 + Send + Sync + 'static) -> Client {
        self.with(|settings| settings.draw = Arc::new(draw))
    }

    /// A subscription. Nothing is sent before it is polled.
    pub fn watch(&self) -> Watch {
        Watch::new(Arc::clone(&self.settings), self.position.clone())
    }

    fn with(mut self, change: impl FnOnce(&mut Settings)) -> Client {
        change(Arc::make_mut(&mut self.settings));
        self
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the path: what stands after the origin may be a ticket.
        f.debug_struct("Client").field("origin", &self.settings.url.origin).finish_non_exhaustive()
    }
}
