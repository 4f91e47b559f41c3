//! The reference service as a subject: started on a free port of this machine, to be probed over its sockets.

use crate::server::{Config, Ended, Handle, Layer, Limits, Log, Secret, Server, Times};
use std::future::Future;
use std::net::SocketAddr;
use tokio::task::JoinHandle;

/// A service under test: where it is, and what a prober must know of its settings.
#[derive(Debug, Clone)]
pub struct Service {
    /// Its address.
    pub address: SocketAddr,
    /// The operators' credential.
    pub operator: String,
    /// How many events a job retains; small, so that readers lag.
    pub retain_events: u64,
    /// For how many milliseconds a ticket is good; little, so that it can be waited for.
    pub ticket_ms: u64,
    /// A second service beside it, whose tenants have keys; only where the service is probed.
    pub keyed: Option<Keyed>,
}

/// A service whose tenants have API keys.
#[derive(Debug, Clone)]
pub struct Keyed {
    /// Its address. The operators' credential is the other service's.
    pub address: SocketAddr,
    /// A key of each tenant.
    pub keys: [String; 3],
    /// How many jobs a tenant may hold.
    pub share: u64,
}

const KEYS: [&str; 3] = ["the first tenant's key", "the second tenant's key", "the third tenant's key"];

const SHARE: usize = 4;

const OPERATOR: &str = "an operator's credential, of this run only";

/// What a service under test is set to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// To be probed: it retains so little that readers lag, and keeps silent streams alive so often that silences can
    /// be waited for.
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

    fn ticket_ms(self) -> u64 {
        match self {
            Setting::Probed => 1_500,
            Setting::Loaded => 30_000,
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
        times: Times {
            keep_alive_ms: Some(setting.keep_alive_ms()),
            ticket_ms: Some(setting.ticket_ms()),
            ..Times::default()
        },
        ..Layer::default()
    }
}

/// The same, but for its tenants, who have keys, and small shares.
fn keyed(setting: Setting) -> Layer {
    let keys: Vec<String> = KEYS.iter().enumerate().map(|(at, key)| format!("tenant-{at}={key}")).collect();
    let layer = layer(setting);
    let limits = Limits { jobs: Some(SHARE), ..layer.limits };
    Layer { api_keys: Some(Secret::new(keys.join(","))), limits, ..layer }
}

/// A service that runs.
struct Running {
    address: SocketAddr,
    handle: Handle,
    task: JoinHandle<Ended>,
}

impl Running {
    async fn started(
        layer: Layer,
        wrap: impl FnOnce(axum::Router) -> axum::Router + Send + 'static,
    ) -> Result<Running, String> {
        let config = Config::new(layer).map_err(|error| error.to_string())?;
        let server = Server::bind(config).await.map_err(|error| error.to_string())?.wrapped(wrap);
        let (address, handle) = (server.address(), server.handle());
        Ok(Running { address, handle, task: tokio::spawn(server.run()) })
    }

    async fn ended(self) -> Result<(), String> {
        self.handle.shut_down();
        self.task.await.map(drop).map_err(|error| format!("the service ended badly: {error}"))
    }
}

/// Starts the service, lets it be probed, and stops it; all on a runtime of its own, while the caller waits. `wrap`
/// puts something around its routes; around those of each service of its own, with a memory of its own.
///
/// # Errors
/// Why it could not be started, in words.
///
/// # Panics
/// Within a runtime.
pub fn probed<T, P: Future<Output = T>>(
    setting: Setting,
    wrap: impl FnOnce(axum::Router) -> axum::Router + Clone + Send + 'static,
    probe: impl FnOnce(Service) -> P,
) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.map_err(|error| format!("no runtime: {error}"))?.block_on(alongside(setting, wrap, probe))
}

async fn alongside<T, P: Future<Output = T>>(
    setting: Setting,
    wrap: impl FnOnce(axum::Router) -> axum::Router + Clone + Send + 'static,
    probe: impl FnOnce(Service) -> P,
) -> Result<T, String> {
    let running = Running::started(layer(setting), wrap.clone()).await?;
    let second = match setting {
        Setting::Probed => Some(Running::started(keyed(setting), wrap).await?),
        Setting::Loaded => None,
    };
    let service = Service {
        address: running.address,
        operator: OPERATOR.to_owned(),
        retain_events: setting.retain_events() as u64,
        ticket_ms: setting.ticket_ms(),
        keyed: second.as_ref().map(|second| Keyed {
            address: second.address,
            keys: KEYS.map(str::to_owned),
            share: SHARE as u64,
        }),
    };
    let probed = probe(service).await;
    for running in [Some(running), second].into_iter().flatten() {
        running.ended().await?;
    }
    Ok(probed)
}
