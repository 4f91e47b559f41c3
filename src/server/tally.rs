//! What operators may count. No number here belongs to one job or one tenant (G3).

use super::state::Service;
use super::stream::Stop;
use crate::router::{Position, Refused};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Counts of a whole service.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Connections that are open.
    pub(super) connections: Gauge,
    /// Streams that are open, of jobs and of operators.
    pub(super) streams: Gauge,
    connections_refused: AtomicU64,
    connections_stalled: AtomicU64,
    streams_opened: AtomicU64,
    jobs_created: AtomicU64,
    stopped: [AtomicU64; 3],
    unsaid: AtomicU64,
    defects: AtomicU64,
    refused: Mutex<BTreeMap<&'static str, u64>>,
}

/// How many of something there are now.
#[derive(Debug, Default)]
pub(super) struct Gauge(Arc<AtomicUsize>);

impl Gauge {
    /// One more, until what this answers is dropped.
    pub(super) fn enter(&self) -> Counted {
        self.0.fetch_add(1, Ordering::AcqRel);
        Counted(Arc::clone(&self.0))
    }

    pub(super) fn get(&self) -> usize {
        self.0.load(Ordering::Acquire)
    }
}

/// Something that is counted while it lives.
#[derive(Debug)]
pub(super) struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

fn up(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}

impl Tally {
    pub(super) fn connection_refused(&self) {
        up(&self.connections_refused);
    }

    pub(super) fn connection_stalled(&self) {
        up(&self.connections_stalled);
    }

    pub(super) fn stream_opened(&self) {
        up(&self.streams_opened);
    }

    pub(super) fn job_created(&self) {
        up(&self.jobs_created);
    }

    pub(super) fn stopped(&self, stop: Stop) {
        up(&self.stopped[stop as usize]);
    }

    /// Something that the service's own code should have made impossible.
    pub(super) fn defect(&self) {
        up(&self.defects);
    }

    /// A system narration that was refused is counted; there is nobody else to tell.
    pub(super) fn told(&self, told: Result<Position, Refused>) {
        if told.is_err() {
            up(&self.unsaid);
        }
    }

    pub(super) fn refused(&self, error: &'static str) {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner).entry(error).or_default() += 1;
    }
}

impl Service {
    /// The counts in Prometheus' text format.
    pub(super) fn metrics(&self) -> String {
        let tally = &self.tally;
        let counts = self.router().counts();
        let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let (_queued, running) = self.jobs.counts();
        let mut text = String::new();
        let mut say = |name: &str, kind: &str, help: &str, rows: &[(String, u64)]| {
            // A String takes all that is written.
            let _ = writeln!(text, "# HELP narrowcast_{name} {help}\n# TYPE narrowcast_{name} {kind}");
            for (labels, value) in rows {
                let _ = writeln!(text, "narrowcast_{name}{labels} {value}");
            }
        };
        let one = |value: u64| [(String::new(), value)];
        say("jobs", "gauge", "Jobs that are held: open, or closed and not yet read.", &one(self.held() as u64));
        say("jobs_running", "gauge", "Jobs that are worked on.", &one(running as u64));
        say("jobs_created_total", "counter", "Jobs that were created.", &one(get(&tally.jobs_created)));
        say("streams", "gauge", "Open streams.", &one(tally.streams.get() as u64));
        say("streams_opened_total", "counter", "Streams that were opened.", &one(get(&tally.streams_opened)));
        let stopped =
            Stop::ALL.map(|stop| (format!("{{reason=\"{}\"}}", stop.reason()), get(&tally.stopped[stop as usize])));
        say("streams_stopped_total", "counter", "Streams that were stopped before their job's end.", &stopped);
        say("connections", "gauge", "Open connections.", &one(tally.connections.get() as u64));
        say(
            "connections_refused_total",
            "counter",
            "Connections over the limit.",
            &one(get(&tally.connections_refused)),
        );
        say(
            "connections_stalled_total",
            "counter",
            "Connections given up since nobody read.",
            &one(get(&tally.connections_stalled)),
        );
        let refused: Vec<_> = {
            let refused = tally.refused.lock().unwrap_or_else(PoisonError::into_inner);
            refused.iter().map(|(error, count)| (format!("{{error=\"{error}\"}}"), *count)).collect()
        };
        say("requests_refused_total", "counter", "Requests that were refused.", &refused);
        let events = [("closed", counts.closed), ("too_large", counts.too_large)];
        let events = events.map(|(reason, count)| (format!("{{reason=\"{reason}\"}}"), count));
        say("events_refused_total", "counter", "Operations that the router refused.", &events);
        say("jobs_expired_total", "counter", "Closed jobs given up unread.", &one(counts.expired + counts.evicted));
        say("sink_panics_total", "counter", "Panics of sinks.", &one(self.router().sink_panics()));
        say("unsaid_total", "counter", "System narration that was refused.", &one(get(&tally.unsaid)));
        say("defects_total", "counter", "Panics of the service's own bookkeeping.", &one(get(&tally.defects)));
        text
    }
}
