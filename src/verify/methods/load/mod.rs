//! `load`: a running service under load, over sockets, with every byte of every stream accounted for.
//!
//! Many quiet jobs with many streams each, and for the second half of the time a noisy job that floods. The method
//! speaks HTTP/1.1 over plain sockets, reads frames with the parser of this crate, and judges what came. Of each stream:
//!
//! - nothing foreign: every event carries the token of its own job and run, and is byte for byte what was emitted (but
//!   for its number and time, which the service adds);
//! - nothing missing uncounted: the server tells emitters the positions of their events, so that the order of the whole
//!   job is known at last; each position was delivered once, in order, or counted by a `lagged` at its place;
//! - one end: exactly one `done`, last of all, with the outcome that was given at the close.
//!
//! And how long deliveries to the quiet jobs took without the noisy one, and beside it. That is reported, never judged:
//! both come from one machine, with whatever else it had to do, so that only their ratio says anything. An event is
//! due at a fixed time; how late its emitter was counts as part of how long it took (no coordinated omission).
//!
//! What it cannot see: schedules that this machine did not have, anything twice.
//!
//! # Cancel safety
//! Dropped, [`carry_out`] closes its connections; its jobs stay open until the server gives them up.

mod http;
mod jobs;
mod ledger;
mod token;

pub use ledger::Account;

use http::Place;
use jobs::Job;
use ledger::Accepted;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::{Instant, timeout};

/// What to load a server with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Quiet jobs. The noisy one comes on top.
    pub jobs: usize,
    /// Streams of each job.
    pub streams_per_job: usize,
    /// How long to emit for. The noisy job does in the second half.
    pub seconds: u64,
    /// Events a second, of each quiet job. At least one: servers close connections on which nothing is asked.
    pub rate: u64,
    /// Connections over which the noisy job emits as fast as it can; none: no noisy job.
    pub noisy_connections: usize,
    /// So long is any answer waited for, and after the close the rest of the streams.
    pub patience_s: u64,
    /// The API key, if the server wants one. It is part of no report.
    #[serde(skip)]
    pub key: Option<String>,
}

impl Default for Plan {
    /// 200 quiet jobs with 10 streams each for a minute, which a server takes with its default limits.
    fn default() -> Plan {
        Plan { jobs: 200, streams_per_job: 10, seconds: 60, rate: 5, noisy_connections: 4, patience_s: 60, key: None }
    }
}

impl Plan {
    /// How many sockets this side has open at a time. A server in the same process has as many again.
    pub fn sockets(&self) -> u64 {
        let jobs = self.jobs + usize::from(self.noisy_connections > 0);
        (jobs * self.streams_per_job + self.jobs + self.noisy_connections + 1) as u64
    }

    fn check(&self) -> Result<(), Trouble> {
        let zero = [
            ("jobs", self.jobs as u64),
            ("streams_per_job", self.streams_per_job as u64),
            ("seconds", self.seconds),
            ("rate", self.rate),
            ("patience_s", self.patience_s),
        ];
        if let Some((name, _)) = zero.iter().find(|(_, value)| *value == 0) {
            return Err(Trouble::Plan(format!("{name} is 0, so that nothing would be tried; give at least 1")));
        }
        if self.noisy_connections > usize::from(u16::MAX) {
            return Err(Trouble::Plan(format!("noisy_connections is more than {}; give fewer", u16::MAX)));
        }
        let needed = self.sockets() + 64;
        match descriptors() {
            Some(allowed) if allowed < needed => Err(Trouble::Descriptors { needed, allowed: Some(allowed) }),
            _ => Ok(()),
        }
    }
}

/// How many descriptors this process may have, where the system says so in a file.
fn descriptors() -> Option<u64> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    limits.lines().find_map(|line| line.strip_prefix("Max open files")?.split_whitespace().next()?.parse().ok())
}

/// What came of a plan. The numbers of two runs differ.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Report {
    /// Jobs, the noisy one included.
    pub jobs: u64,
    /// Events that the quiet jobs accepted, without their creations.
    pub events: u64,
    /// Events of quiet jobs that were due and not emitted in time: the load was less than planned.
    pub unsent: u64,
    /// Events that the noisy job accepted.
    pub noisy_events: u64,
    /// Events that were refused, of whichever job.
    pub refused: u64,
    /// The streams of the quiet jobs.
    pub quiet: Account,
    /// The streams of the noisy one.
    pub noisy: Account,
    /// How long deliveries to quiet jobs took without the noisy one.
    pub alone: Latency,
    /// How long they took beside it.
    pub beside: Latency,
}

impl Report {
    /// How much broke a promise, on whichever stream.
    pub fn breaches(&self) -> u64 {
        self.quiet.breaches() + self.noisy.breaches()
    }

    /// How many times longer the median took beside the noisy job; `None` where nothing was measured.
    pub fn p50_ratio(&self) -> Option<f64> {
        ratio(self.beside.p50_us, self.alone.p50_us)
    }

    /// The same of the slowest hundredth.
    pub fn p99_ratio(&self) -> Option<f64> {
        ratio(self.beside.p99_us, self.alone.p99_us)
    }
}

fn ratio(beside: u64, alone: u64) -> Option<f64> {
    (beside > 0 && alone > 0).then(|| beside as f64 / alone as f64)
}

/// How long deliveries took, from when their event was due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Latency {
    /// Deliveries.
    pub deliveries: u64,
    /// The median, in microseconds; 0 where there is none.
    pub p50_us: u64,
    /// Of a hundred, 99 took no longer.
    pub p99_us: u64,
    /// The slowest.
    pub max_us: u64,
}

impl Latency {
    fn of(mut took: Vec<u32>) -> Latency {
        took.sort_unstable();
        // The smallest value that so many in a hundred do not exceed.
        let percentile = |hundredths: usize| {
            let at = (took.len() * hundredths).div_ceil(100).saturating_sub(1);
            took.get(at).copied().map_or(0, u64::from)
        };
        let max_us = took.last().copied().map_or(0, u64::from);
        Latency { deliveries: took.len() as u64, p50_us: percentile(50), p99_us: percentile(99), max_us }
    }
}

/// Why a plan was not carried out. No breach is one of these.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Trouble {
    /// The plan makes no sense.
    #[error("the plan cannot be carried out: {0}")]
    Plan(String),
    /// This process may not have as many sockets.
    #[error(
        "the load needs about {needed} descriptors and may have {}; raise the limit (`ulimit -n {}`) or plan fewer streams",
        allowed.map_or("fewer".to_owned(), |allowed| allowed.to_string()),
        needed.next_power_of_two()
    )]
    Descriptors {
        /// How many are needed, on this side alone.
        needed: u64,
        /// How many there may be, where the system says so.
        allowed: Option<u64>,
    },
    /// Nobody listens there.
    #[error("cannot connect to {address}: {error}; start the server, or name the address that it prints")]
    Unreachable {
        /// Where.
        address: SocketAddr,
        /// Why.
        error: io::Error,
    },
    /// The server refused what a load needs.
    #[error("{what} was refused with {status}: {said}; raise that limit of the server, or plan less")]
    Refused {
        /// What was asked.
        what: String,
        /// The status.
        status: u16,
        /// What the server said.
        said: String,
    },
    /// A connection broke on which an answer was due.
    #[error("{what} broke off: {error}; see what the server says, and whether it still runs")]
    Broken {
        /// What was under way.
        what: String,
        /// How it broke.
        error: io::Error,
    },
    /// The server did not answer in time.
    #[error("{what} did not come within {after:?}; the server hangs, is overloaded, or is out of descriptors")]
    Overdue {
        /// What was waited for.
        what: String,
        /// For how long.
        after: Duration,
    },
}

impl Trouble {
    fn connecting(address: SocketAddr, error: io::Error) -> Trouble {
        // EMFILE and ENFILE have no kind of their own.
        match error.raw_os_error() {
            Some(23 | 24) if cfg!(unix) => Trouble::Descriptors { needed: 1, allowed: Some(0) },
            _ => Trouble::Unreachable { address, error },
        }
    }

    fn broken(what: impl fmt::Display, error: io::Error) -> Trouble {
        Trouble::Broken { what: what.to_string(), error }
    }

    fn overdue(what: impl fmt::Display, after: Duration) -> Trouble {
        Trouble::Overdue { what: what.to_string(), after }
    }
}

/// When a load begins, when the noise does, and when everything ends.
#[derive(Debug, Clone, Copy)]
struct Times {
    begun: Instant,
    half: Instant,
    end: Instant,
}

impl Times {
    fn from(begun: Instant, seconds: u64) -> Times {
        let whole = Duration::from_secs(seconds);
        Times { begun, half: begun + whole / 2, end: begun + whole }
    }

    fn micros(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.begun).as_micros()).unwrap_or(u64::MAX)
    }
}

/// Carries a plan out against the server at this address. Its jobs are closed and read to their ends.
///
/// # Errors
/// [`Trouble`], if the load could not be brought about or not be judged. Breaches are no errors: they are counted in
/// the report.
///
/// # Panics
/// Outside of a tokio runtime whose I/O and time are enabled.
pub async fn carry_out(address: SocketAddr, plan: &Plan) -> Result<Report, Trouble> {
    plan.check()?;
    let patience = Duration::from_secs(plan.patience_s);
    let place = Place { address, patience };
    // Tokens of another run, perhaps at the same time on the same server, are foreign to this one.
    let nonce = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64);
    let nonce = nonce ^ u64::from(std::process::id()).rotate_left(32);
    let all = jobs::create(place, plan, nonce).await?;
    let streams = jobs::open_streams(place, plan, &all).await?;
    let times = Times::from(Instant::now(), plan.seconds);
    let readers = jobs::start_readers(streams, times);
    let emitted = jobs::emit(place, plan, &all, times).await?;
    jobs::close(place, &all).await?;
    let ended = timeout(patience, readers.join_all()).await;
    let read = ended.map_err(|_| Trouble::overdue("the end of every stream", patience))?;
    Ok(report(plan, &all, emitted, read))
}

fn report(plan: &Plan, all: &[Job], emitted: Vec<jobs::Emitted>, read: Vec<jobs::Read>) -> Report {
    let mut report = Report { jobs: all.len() as u64, ..Report::default() };
    let mut accepted: Vec<Accepted> =
        all.iter().map(|job| Accepted { positions: Vec::new(), outcome: job.outcome }).collect();
    for emitted in emitted {
        let count = emitted.positions.iter().flatten().count() as u64;
        report.refused += emitted.positions.len() as u64 - count;
        report.unsent += emitted.unsent;
        *(if emitted.job < plan.jobs { &mut report.events } else { &mut report.noisy_events }) += count;
        accepted[emitted.job].positions.push(emitted.positions);
    }
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for stream in read {
        let account = ledger::judge(&accepted[stream.job], &stream.heard);
        if stream.job < plan.jobs {
            report.quiet += account;
            alone.extend(stream.alone);
            beside.extend(stream.beside);
        } else {
            report.noisy += account;
        }
    }
    (report.alone, report.beside) = (Latency::of(alone), Latency::of(beside));
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_values() {
        assert_eq!(Latency::of(Vec::new()), Latency::default());
        let one = Latency { deliveries: 1, p50_us: 7, p99_us: 7, max_us: 7 };
        assert_eq!(Latency::of(vec![7]), one);
        let many = Latency { deliveries: 200, p50_us: 100, p99_us: 198, max_us: 200 };
        assert_eq!(Latency::of((1..=200).rev().collect()), many);
        let report = Report { alone: one, beside: many, ..Report::default() };
        assert_eq!(report.p50_ratio(), Some(100.0 / 7.0));
        assert_eq!(Report::default().p99_ratio(), None);
    }

    #[test]
    fn a_plan_that_tries_nothing_or_needs_too_much_says_so() {
        let nothing = Plan { jobs: 0, ..Plan::default() };
        assert!(matches!(nothing.check(), Err(Trouble::Plan(said)) if said.starts_with("jobs is 0")));
        assert_eq!(Plan::default().sockets(), 201 * 10 + 200 + 4 + 1);
        #[cfg(target_os = "linux")]
        {
            let much = Plan { streams_per_job: 1 << 40, ..Plan::default() };
            let trouble = much.check().expect_err("no system has as many").to_string();
            assert!(trouble.contains("ulimit -n"), "{trouble}");
        }
    }
}
