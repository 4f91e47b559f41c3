//! `narrowcast serve`: the settings, put together from flags, environment and file, and a server that runs on them.

use super::{Failure, descriptors, print};
use crate::server::{self, Config, ConfigError, Layer, Limits, Log, Secret, StartError, Started, Times};
use crate::verify::faults::{self, Fault};
use clap::{Args, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Flags win over the environment, and that over the file.
#[derive(Debug, Args)]
pub(super) struct Serve {
    /// Where to listen [default: 127.0.0.1:7878]; port 0 takes any free one
    #[arg(long, value_name = "ADDRESS", env = "NARROWCAST_LISTEN")]
    listen: Option<SocketAddr>,
    /// A TOML file with these settings and more (docs/service.md)
    #[arg(long, value_name = "FILE", env = "NARROWCAST_CONFIG")]
    config: Option<PathBuf>,
    /// Serve through a leaky gateway, to see what that looks like: a planted fault of the wire (`narrowcast faults`)
    // No variable: what is left in an environment must not make a service leak.
    #[arg(long, value_name = "ID")]
    fault: Option<String>,
    /// Other names that clients may call this server by, as in `Host`
    #[arg(long, value_name = "HOST", value_delimiter = ',', env = "NARROWCAST_HOSTS")]
    hosts: Option<Vec<String>>,
    /// Pages of these origins may use the service, such as https://app.example
    #[arg(long, value_name = "ORIGIN", value_delimiter = ',', env = "NARROWCAST_ORIGINS")]
    origins: Option<Vec<String>>,
    /// Which narration is written to standard error [default: system]
    #[arg(long, value_enum, env = "NARROWCAST_LOG")]
    log: Option<LogChoice>,
    /// The operators' credential, in a file; or set NARROWCAST_OPERATOR_CREDENTIAL
    #[arg(long, value_name = "FILE", env = "NARROWCAST_OPERATOR_CREDENTIAL_FILE")]
    operator_credential_file: Option<PathBuf>,
    /// The key that capabilities are made with, in a file [default: fresh at each start]
    #[arg(long, value_name = "FILE", env = "NARROWCAST_KEY_FILE")]
    key_file: Option<PathBuf>,
    /// Jobs that each tenant may hold [default: 256]
    #[arg(long, value_name = "N", env = "NARROWCAST_JOBS")]
    jobs: Option<usize>,
    /// Streams that each job may have [default: 16]
    #[arg(long, value_name = "N", env = "NARROWCAST_STREAMS_PER_JOB")]
    streams_per_job: Option<usize>,
    /// Connections beside those of streams [default: 512]; beyond, whoever is silent for longest gives way
    #[arg(long, value_name = "N", env = "NARROWCAST_CONNECTIONS")]
    connections: Option<usize>,
    /// The largest body of a request [default: 65536]
    #[arg(long, value_name = "BYTES", env = "NARROWCAST_BODY_BYTES")]
    body_bytes: Option<usize>,
    /// The largest event, as encoded [default: 32768]
    #[arg(long, value_name = "BYTES", env = "NARROWCAST_EVENT_BYTES")]
    event_bytes: Option<usize>,
    /// Events that each job retains [default: 1000]
    #[arg(long, value_name = "N", env = "NARROWCAST_RETAIN_EVENTS")]
    retain_events: Option<usize>,
    /// Bytes of events that each job retains [default: 1048576]
    #[arg(long, value_name = "BYTES", env = "NARROWCAST_RETAIN_BYTES")]
    retain_bytes: Option<usize>,
    /// How long a job may run [default: 3600000]; its capability is good until nobody could read it any more
    #[arg(long, value_name = "MS", env = "NARROWCAST_JOB_MS")]
    job_ms: Option<u64>,
    /// How long a ticket opens a stream [default: 30000]
    #[arg(long, value_name = "MS", env = "NARROWCAST_TICKET_MS")]
    ticket_ms: Option<u64>,
    /// How long a closed job that nobody has read stays readable [default: 60000]
    #[arg(long, value_name = "MS", env = "NARROWCAST_LINGER_MS")]
    linger_ms: Option<u64>,
    /// How long a stream is silent before a comment keeps it alive [default: 15000]
    #[arg(long, value_name = "MS", env = "NARROWCAST_KEEP_ALIVE_MS")]
    keep_alive_ms: Option<u64>,
    /// What readers wait before they connect again [default: 2000]
    #[arg(long, value_name = "MS", env = "NARROWCAST_RETRY_MS")]
    retry_ms: Option<u64>,
    /// How long a request may take to arrive [default: 10000]
    #[arg(long, value_name = "MS", env = "NARROWCAST_REQUEST_MS")]
    request_ms: Option<u64>,
    /// How long a write may make no progress [default: 30000]
    #[arg(long, value_name = "MS", env = "NARROWCAST_STALL_MS")]
    stall_ms: Option<u64>,
    /// How long a shutdown waits for connections [default: 5000]
    #[arg(long, value_name = "MS", env = "NARROWCAST_SHUTDOWN_MS")]
    shutdown_ms: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LogChoice {
    /// The system's
    System,
    /// Every job's too, without its name
    All,
    /// None
    Off,
}

impl Serve {
    /// What flags and environment say.
    fn layer(&self) -> Layer {
        let secret = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty()).map(Secret::new);
        Layer {
            listen: self.listen,
            hosts: self.hosts.clone(),
            origins: self.origins.clone(),
            log: self.log.map(|log| match log {
                LogChoice::System => Log::System,
                LogChoice::All => Log::All,
                LogChoice::Off => Log::Off,
            }),
            operator_credential_file: self.operator_credential_file.clone(),
            key_file: self.key_file.clone(),
            limits: Limits {
                jobs: self.jobs,
                streams_per_job: self.streams_per_job,
                connections: self.connections,
                body_bytes: self.body_bytes,
                event_bytes: self.event_bytes,
                retain_events: self.retain_events,
                retain_bytes: self.retain_bytes,
            },
            times: Times {
                job_ms: self.job_ms,
                ticket_ms: self.ticket_ms,
                linger_ms: self.linger_ms,
                keep_alive_ms: self.keep_alive_ms,
                retry_ms: self.retry_ms,
                request_ms: self.request_ms,
                stall_ms: self.stall_ms,
                shutdown_ms: self.shutdown_ms,
            },
            tenants: Vec::new(),
            // No flag takes a secret: whoever lists processes would read it.
            operator_credential: secret("NARROWCAST_OPERATOR_CREDENTIAL"),
            api_keys: secret("NARROWCAST_API_KEYS"),
        }
    }

    fn config(&self) -> Result<Config, ConfigError> {
        let file = self.config.as_deref().map(Layer::from_file).transpose()?.unwrap_or_default();
        Config::new(self.layer().over(file))
    }
}

/// What is printed once the server listens: where, and three lines that can be copied as they stand.
fn greeting(started: &Started, fault: Option<Fault>) -> String {
    let url = format!("http://{}", started.address);
    let key = if started.anonymous { "" } else { " -H \"Authorization: Bearer $API_KEY\"" };
    let operators = match started.operators {
        true => String::new(),
        false => "No operators: set NARROWCAST_OPERATOR_CREDENTIAL to see /v1/system/events and /metrics.\n".into(),
    };
    let warning = fault.map_or_else(String::new, |fault| {
        format!(
            "LEAKY ON PURPOSE, for nobody's use: planted fault {}: {}\nIn a browser, {url}/#demo shows jobs side by side; \
             an event that crosses over is red.\n\n",
            fault.id(),
            fault.defect()
        )
    });
    format!(
        "{warning}narrowcast serves {url}  (in a browser: live jobs side by side; Ctrl-C ends it)\n\n\
         Start a job and watch it, in another terminal:\n\
         \x20 job=$(curl -s{key} {url}/v1/jobs -d '{{\"operation\":\"count\"}}'); echo \"$job\"\n\
         \x20 field() {{ echo \"$job\" | sed \"s/.*\\\"$1\\\":\\\"\\([^\\\"]*\\).*/\\1/\"; }}\n\
         \x20 curl -sN -H \"Authorization: Bearer $(field capability)\" \"{url}$(field sse_url)\"\n\n\
         {operators}"
    )
}

/// The planted fault of this name, which must be one of the wire.
fn gateway_named(id: &str) -> Result<Fault, Failure> {
    let gateways = faults::gateways();
    if let Some(fault) = gateways.iter().find(|fault| fault.id() == id) {
        return Ok(*fault);
    }
    let known: Vec<&str> = gateways.iter().map(Fault::id).collect();
    let what = match faults::faults().iter().any(|fault| fault.id() == id) {
        true => format!("{id} is a fault of the router, which `narrowcast verify --fault {id}` shows"),
        false => format!("no planted fault is called {id:?}"),
    };
    Err(Failure::usage(format!("{what}; these can be served: {}", known.join(", "))))
}

/// Descriptors beside those of sockets.
const OTHER_DESCRIPTORS: u64 = 64;

/// Lets the process have as many descriptors as the limits allow sockets, as far as the system does, so that it is they
/// who refuse. What to be told if it does not.
fn make_room(config: &Config) -> Option<String> {
    let sockets = config.sockets();
    let wanted = u64::try_from(sockets).unwrap_or(u64::MAX).saturating_add(OTHER_DESCRIPTORS);
    let allowed = descriptors::ask_for(wanted);
    (allowed < wanted).then(|| {
        format!(
            "the limits allow {sockets} sockets, and the system {allowed} descriptors: lower jobs or streams_per_job, or \
             raise `ulimit -Hn`; else it is the system that refuses, and whoever comes last, not whoever has most"
        )
    })
}

/// Serves until it is told to end. Answers the exit code.
pub(super) fn serve(args: &Serve) -> Result<u8, Failure> {
    let config = args.config().map_err(Failure::usage)?;
    let fault = args.fault.as_deref().map(gateway_named).transpose()?;
    let gateway = match fault {
        Some(Fault::Gateway(number, _)) => number,
        _ => 0,
    };
    if let Some(warning) = make_room(&config) {
        eprintln!("narrowcast: {warning}");
    }
    let wrap = move |routes| faults::wire::wrap(gateway, routes);
    let ended = server::run_until_signal(config, wrap, |started| {
        // Nobody may be reading; the server serves all the same.
        let _unread = print(&greeting(&started, fault));
    });
    match ended {
        Ok(Some(_in_good_order)) => Ok(0),
        Ok(None) => Ok(super::exit::INTERRUPTED),
        Err(error @ (StartError::InUse(_) | StartError::Bind(..))) => {
            Err(Failure { code: super::exit::NOT_STARTED, why: error.to_string() })
        }
        Err(error) => Err(Failure::internal(error)),
    }
}
