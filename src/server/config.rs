//! What the service is told before it starts: by a file, by the environment, by flags.
//!
//! Each source is a [`Layer`] in which everything may be left unsaid. [`Layer::over`] lays one upon the other (flags
//! over environment over file), and [`Config::new`] fills in the defaults and refuses what cannot work.

use super::authority::Secret;
use serde::Deserialize;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// One source of settings: what it leaves unsaid is decided by the source below it.
///
/// ```
/// use narrowcast::server::{Config, Layer};
///
/// let file = Layer::from_toml("listen = \"127.0.0.1:0\"\n[limits]\njobs = 5\nevent_bytes = 4096\n").unwrap();
/// let limits = narrowcast::server::Limits { jobs: Some(7), ..Default::default() };
/// let flags = Layer { limits, ..Layer::default() };
/// let config = Config::new(flags.over(file)).unwrap();
/// assert_eq!((config.jobs, config.event_bytes), (7, 4096));
/// assert!(Layer::from_toml("[limits]\njob = 5").unwrap_err().to_string().contains("unknown field"));
/// ```
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Layer {
    /// Where to listen.
    pub listen: Option<SocketAddr>,
    /// What clients may call this server in `Host`, besides the address that it listens on.
    pub hosts: Option<Vec<String>>,
    /// Pages of which other origins may use the service.
    pub origins: Option<Vec<String>>,
    /// Which narration is written to standard error.
    pub log: Option<Log>,
    /// A file with the operators' credential.
    pub operator_credential_file: Option<PathBuf>,
    /// A file with the key that capabilities are made with; without one they die with the process.
    pub key_file: Option<PathBuf>,
    /// What may be used of everything.
    pub limits: Limits,
    /// How long everything may take.
    pub times: Times,
    /// Who may create jobs.
    pub tenants: Vec<TenantEntry>,
    /// The operators' credential itself; from the environment, never from a file or a flag.
    #[serde(skip)]
    pub operator_credential: Option<Secret>,
    /// API keys, as `name=key,name=key`; from the environment, never from a file or a flag.
    #[serde(skip)]
    pub api_keys: Option<Secret>,
}

/// Which narration is written to standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Log {
    /// The system's only.
    #[default]
    System,
    /// Every job's too. No line names its job.
    All,
    /// None.
    Off,
}

/// One API key of the file, by its digest, so that the file holds no secret.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TenantEntry {
    /// Its name, for the operators.
    pub name: String,
    /// SHA-256 of the key, in hexadecimal (`printf %s KEY | sha256sum`).
    pub key_sha256: String,
    /// How many jobs it may hold, if not as many as everybody.
    pub jobs: Option<usize>,
}

macro_rules! layered {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: Option<$type>,)*
        }

        impl $name {
            fn over(self, below: $name) -> $name {
                $name { $($field: self.$field.or(below.$field),)* }
            }
        }
    };
}

layered! {
    /// What may be used of everything.
    Limits {
        /// Jobs that a tenant may hold: open, closed and not yet read to the end, or with streams that are not hung up on.
        jobs: usize,
        /// Streams that a job may have at a time. One that is over counts until its reader hangs up.
        streams_per_job: usize,
        /// Connections that carry no stream, of all clients together: to whom one belongs is not known before it has
        /// asked. Beyond, whoever has been silent for longest gives way. (Each stream has one of its own beside these.)
        connections: usize,
        /// The largest body of a request.
        body_bytes: usize,
        /// The largest event, as encoded.
        event_bytes: usize,
        /// Events that each job retains.
        retain_events: usize,
        /// Bytes of events that each job retains.
        retain_bytes: usize,
    }
}

layered! {
    /// How long everything may take, in milliseconds.
    Times {
        /// The longest a job may run. Its capability is good for as long, and then until `linger_ms` have passed.
        job_ms: u64,
        /// How long a ticket opens a stream.
        ticket_ms: u64,
        /// How long a closed job stays readable that nobody has read to its end.
        linger_ms: u64,
        /// How long a stream is silent before a comment is sent.
        keep_alive_ms: u64,
        /// What readers are told to wait before they connect again.
        retry_ms: u64,
        /// How long a request may take to arrive, head and body each.
        request_ms: u64,
        /// How long a write may make no progress before its connection is given up.
        stall_ms: u64,
        /// How long a shutdown waits for connections.
        shutdown_ms: u64,
    }
}

impl Layer {
    /// The layer that a TOML text says.
    ///
    /// # Errors
    /// [`ConfigError`] with the line.
    pub fn from_toml(text: &str) -> Result<Layer, ConfigError> {
        toml::from_str(text).map_err(|error| ConfigError(error.to_string().trim_end().to_owned()))
    }

    /// The layer that a TOML file says.
    ///
    /// # Errors
    /// [`ConfigError`] if it cannot be read, or says something else.
    pub fn from_file(path: &Path) -> Result<Layer, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
        Layer::from_toml(&text).map_err(|error| ConfigError(format!("{}: {error}", path.display())))
    }

    /// This layer, and where it says nothing the one below.
    pub fn over(self, below: Layer) -> Layer {
        Layer {
            listen: self.listen.or(below.listen),
            hosts: self.hosts.or(below.hosts),
            origins: self.origins.or(below.origins),
            log: self.log.or(below.log),
            operator_credential_file: self.operator_credential_file.or(below.operator_credential_file),
            key_file: self.key_file.or(below.key_file),
            limits: self.limits.over(below.limits),
            times: self.times.over(below.times),
            tenants: if self.tenants.is_empty() { below.tenants } else { self.tenants },
            operator_credential: self.operator_credential.or(below.operator_credential),
            api_keys: self.api_keys.or(below.api_keys),
        }
    }
}

/// What is wrong with the settings, and what to do. It repeats no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError(String);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}

fn unreadable(path: &Path, error: &std::io::Error) -> ConfigError {
    ConfigError(format!("cannot read {}: {error}", path.display()))
}

/// Somebody who may create jobs.
#[derive(Debug, Clone)]
pub(super) struct Tenant {
    pub(super) name: String,
    /// `None` for the anonymous tenant, which exists on loopback only, and alone.
    pub(super) key_sha256: Option<[u8; 32]>,
    pub(super) jobs: usize,
}

/// What the service runs with: every setting decided.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Other names of this server.
    pub hosts: Vec<String>,
    /// Other origins that are let in.
    pub origins: Vec<String>,
    /// What is written to standard error.
    pub log: Log,
    /// See [`Limits`].
    pub jobs: usize,
    /// See [`Limits`].
    pub streams_per_job: usize,
    /// See [`Limits`].
    pub connections: usize,
    /// See [`Limits`].
    pub body_bytes: usize,
    /// See [`Limits`].
    pub event_bytes: usize,
    /// See [`Limits`].
    pub retain_events: usize,
    /// See [`Limits`].
    pub retain_bytes: usize,
    /// See [`Times`].
    pub job: Duration,
    /// See [`Times`].
    pub ticket: Duration,
    /// See [`Times`].
    pub linger: Duration,
    /// See [`Times`].
    pub keep_alive: Duration,
    /// See [`Times`].
    pub retry: Duration,
    /// See [`Times`].
    pub request: Duration,
    /// See [`Times`].
    pub stall: Duration,
    /// See [`Times`].
    pub shutdown: Duration,
    pub(super) tenants: Vec<Tenant>,
    pub(super) operator: Option<Secret>,
    pub(super) key: Option<Secret>,
}

/// The shortest secret that is taken: what is shorter can be guessed.
const SHORTEST_SECRET: usize = 16;

impl Config {
    /// Where it listens unless it is told otherwise.
    pub const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 7878);

    /// Fills in the defaults, reads the files that the layer names, and checks the whole.
    ///
    /// # Errors
    /// [`ConfigError`] says what cannot work and what to do.
    pub fn new(layer: Layer) -> Result<Config, ConfigError> {
        let Layer { limits, times, .. } = &layer;
        let ms = |given: Option<u64>, default: u64| Duration::from_millis(given.unwrap_or(default));
        let listen = layer.listen.unwrap_or(Config::LISTEN);
        let jobs = limits.jobs.unwrap_or(256);
        let config = Config {
            listen,
            log: layer.log.unwrap_or_default(),
            jobs,
            streams_per_job: limits.streams_per_job.unwrap_or(16),
            connections: limits.connections.unwrap_or(512),
            body_bytes: limits.body_bytes.unwrap_or(64 << 10),
            event_bytes: limits.event_bytes.unwrap_or(32 << 10),
            retain_events: limits.retain_events.unwrap_or(1000),
            retain_bytes: limits.retain_bytes.unwrap_or(1 << 20),
            job: ms(times.job_ms, 3_600_000),
            ticket: ms(times.ticket_ms, 30_000),
            linger: ms(times.linger_ms, 60_000),
            keep_alive: ms(times.keep_alive_ms, 15_000),
            retry: ms(times.retry_ms, 2_000),
            request: ms(times.request_ms, 10_000),
            stall: ms(times.stall_ms, 30_000),
            shutdown: ms(times.shutdown_ms, 5_000),
            tenants: tenants(&layer, jobs, listen)?,
            operator: operator(&layer)?,
            key: layer.key_file.as_deref().map(|path| secret_file(path, 32)).transpose()?,
            hosts: layer.hosts.unwrap_or_default(),
            origins: layer.origins.unwrap_or_default(),
        };
        config.check()?;
        Ok(config)
    }

    /// How many sockets these limits allow at a time: a process needs as many descriptors, and some more.
    pub fn sockets(&self) -> usize {
        let jobs = self.tenants.iter().map(|tenant| tenant.jobs).fold(0, usize::saturating_add);
        jobs.saturating_mul(self.streams_per_job).saturating_add(self.connections)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let at_least_one = [
            ("jobs", self.jobs),
            ("streams_per_job", self.streams_per_job),
            ("connections", self.connections),
            ("retain_events", self.retain_events),
        ];
        if let Some((name, _)) = at_least_one.iter().find(|(_, limit)| *limit == 0) {
            return Err(ConfigError(format!(
                "the limit {name} is 0, so that nothing could be served; give at least 1"
            )));
        }
        if !(1024..=16 << 20).contains(&self.event_bytes) {
            return Err(ConfigError("the limit event_bytes must lie between 1024 and 16777216".into()));
        }
        if self.body_bytes < 1024 {
            return Err(ConfigError("the limit body_bytes must be at least 1024".into()));
        }
        let day = Duration::from_secs(86_400);
        let positive = [
            ("job_ms", self.job, day * 365),
            ("ticket_ms", self.ticket, day),
            ("keep_alive_ms", self.keep_alive, day),
            ("request_ms", self.request, day),
            ("stall_ms", self.stall, day),
            ("retry_ms", self.retry, day),
        ];
        for (name, time, most) in positive {
            if time.is_zero() || time > most {
                let most = most.as_millis();
                return Err(ConfigError(format!("the time {name} must lie between 1 and {most} milliseconds")));
            }
        }
        for origin in &self.origins {
            let host = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
            if host.is_none_or(|host| host.is_empty() || host.contains(['/', '*', ' '])) {
                let why = "write it as browsers send it, such as https://app.example: no path, no pattern";
                return Err(ConfigError(format!("{origin:?} is no origin; {why}")));
            }
        }
        Ok(())
    }
}

/// Who may create jobs: the API keys, or on loopback without any, one anonymous tenant.
fn tenants(layer: &Layer, jobs: usize, listen: SocketAddr) -> Result<Vec<Tenant>, ConfigError> {
    let mut tenants = Vec::new();
    for TenantEntry { name, key_sha256, jobs: own } in &layer.tenants {
        let digest = data_encoding::HEXLOWER_PERMISSIVE.decode(key_sha256.as_bytes()).ok();
        let Some(digest) = digest.and_then(|digest| <[u8; 32]>::try_from(digest).ok()) else {
            let why = "give the 64 hexadecimal digits that `printf %s KEY | sha256sum` prints";
            return Err(ConfigError(format!("the key_sha256 of the tenant {name:?} is no SHA-256; {why}")));
        };
        tenants.push(Tenant { name: name.clone(), key_sha256: Some(digest), jobs: own.unwrap_or(jobs) });
    }
    let listed = layer.api_keys.as_ref().map_or("", Secret::expose);
    for entry in listed.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
        // The entry itself is not repeated: it may be a key.
        let Some((name, key)) = entry.split_once('=').filter(|(_, key)| key.len() >= SHORTEST_SECRET) else {
            let why = format!("write name=key,name=key, each key of at least {SHORTEST_SECRET} characters");
            return Err(ConfigError(format!("NARROWCAST_API_KEYS cannot be read; {why}")));
        };
        tenants.push(Tenant { name: name.into(), key_sha256: Some(super::authority::sha256(key)), jobs });
    }
    for (at, tenant) in tenants.iter().enumerate() {
        let same = |other: &Tenant| other.name == tenant.name || other.key_sha256 == tenant.key_sha256;
        if tenants[..at].iter().any(same) {
            let name = &tenant.name;
            return Err(ConfigError(format!(
                "the tenant {name:?} has the name or the key of another; give it its own"
            )));
        }
    }
    if tenants.is_empty() {
        if !listen.ip().is_loopback() {
            let why = "without API keys only this machine is served: set NARROWCAST_API_KEYS, or [[tenants]] in the \
                       file, or listen on 127.0.0.1";
            return Err(ConfigError(format!("refusing to listen on {listen} for everybody; {why}")));
        }
        tenants.push(Tenant { name: "anonymous".into(), key_sha256: None, jobs });
    }
    Ok(tenants)
}

fn operator(layer: &Layer) -> Result<Option<Secret>, ConfigError> {
    let from_file = layer.operator_credential_file.as_deref().map(|path| secret_file(path, SHORTEST_SECRET));
    let credential = match &layer.operator_credential {
        Some(credential) => Some(credential.clone()),
        None => from_file.transpose()?,
    };
    match credential {
        Some(credential) if credential.expose().len() < SHORTEST_SECRET => {
            let why = format!("give at least {SHORTEST_SECRET} characters, such as `openssl rand -hex 32` prints");
            Err(ConfigError(format!("the operators' credential can be guessed; {why}")))
        }
        credential => Ok(credential),
    }
}

/// A secret that stands in a file; white space around it is no part of it.
fn secret_file(path: &Path, shortest: usize) -> Result<Secret, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
    let text = text.trim();
    if text.len() < shortest {
        let why = format!("put at least {shortest} characters there, such as `openssl rand -hex 32` prints");
        return Err(ConfigError(format!("the secret in {} is too short; {why}", path.display())));
    }
    Ok(Secret::new(text))
}
