//! The reference service as a subject: started on a free port of this machine, to be probed over its sockets.

use crate::server::{Config, Layer, Limits, Log, Secret, Server, Times};
use std::future::Future;
use std::net::SocketAddr;

/// A service under test: where it is, and what a prober must know of its settings.
#[derive(Debug, Clone)]
pub struct Service {
    /// Its address.
    pub address: SocketAddr,
    /// The operators' credential.
    pub operator: String,
    /// How many events a job retains; small, so that readers lag.
    pub retain_events: u64,
}

const OPERATOR: &str = "an operator's credential, of this run only";

/// What a service under test is set to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// To be probed: it retains so little that readers lag, and keeps silent streams alive so often that silences can be
    /// waited for.
    Probed,
    /// To be loaded: as anybody would start it.
    Loaded,
}

impl Setting {
    fn retain_events(self) -> usize {
        match self {
            Setting::Probed => 16,
            Setting::Loaded => 1_000,
        }
    }

    fn keep_alive_ms(self) -> u64 {
        match self {
            Setting::Probed => 20,
            Setting::Loaded => 15_000,
        }
    }
}

fn layer(setting: Setting) -> Layer {
    Layer {
        listen: Some(SocketAddr::from(([127, 0, 0, 1], 0))),
        log: Some(Log::Off),
        operator_credential: Some(Secret::new(OPERATOR)),
        // Jobs that nobody reads to their end count until they are given up; no probe comes near this many.
        limits: Limits { jobs: Some(20_000), retain_events: Some(setting.retain_events()), ..Limits::default() },
        times: Times { keep_alive_ms: Some(setting.keep_alive_ms()), ..Times::default() },
        ..Layer::default()
    }
}

/// Starts the service, lets it be probed, and stops it; all on a runtime of its own, while the caller waits. `wrap` puts
/// something around its routes.
///
/// # Errors
/// Why it could not be started, in words.
///
/// # Panics
/// Within a runtime.
pub fn probed<T, P: Future<Output = T>>(
    setting: Setting,
    wrap: impl FnOnce(axum::Router) -> axum::Router + Send + 'static,
    probe: impl FnOnce(Service) -> P,
) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.map_err(|error| format!("no runtime: {error}"))?.block_on(alongside(setting, wrap, probe))
}

async fn alongside<T, P: Future<Output = T>>(
    setting: Setting,
    wrap: impl FnOnce(axum::Router) -> axum::Router + Send + 'static,
    probe: impl FnOnce(Service) -> P,
) -> Result<T, String> {
    let config = Config::new(layer(setting)).map_err(|error| error.to_string())?;
    let server = Server::bind(config).await.map_err(|error| error.to_string())?.wrapped(wrap);
    let (address, handle) = (server.address(), server.handle());
    let running = tokio::spawn(server.run());
    let service = Service { address, operator: OPERATOR.to_owned(), retain_events: setting.retain_events() as u64 };
    let probed = probe(service).await;
    handle.shut_down();
    running.await.map_err(|error| format!("the service ended badly: {error}"))?;
    Ok(probed)
}
