//! Leaky: the router notes who is connecting, and a handshake later connects whoever is noted.
//!
//! Shaped after the MCP SDK for TypeScript: one server object held one `_transport`, which every new connection
//! overwrote, so that an older request went on with the newest client's.
//!
//! Expected: G1, since a stream is bound to another job than it asked for; G6, since it misses its own. Found by
//! `interleaved` where two subscribe at once.

use super::about::{About, Kind};
use super::support::lock;
use super::workbench::{Design, Job, Stream, Workbench};
use crate::verify::guarantee::Guarantee;
use crate::verify::subject::{Refused, Since, preempt};
use std::sync::Mutex;

/// The exhibit.
pub const ABOUT: About = About {
    id: "last-connect",
    kind: Kind::Leaky,
    defect: "a subscribe stores its job in one field of the router, awaits the handshake, and opens the stream on \
             whatever the field holds",
    incident: "MCP TypeScript SDK CVE-2026-25536 (issue 2); nodejs/node#41978; leak catalogue C15",
    expected: &[Guarantee::G1, Guarantee::G6],
    methods: &["interleaved"],
};

/// Who connected last.
#[derive(Debug, Default)]
pub struct Current {
    job: Mutex<Option<Job>>,
}

impl Design for Current {
    async fn subscribe(bench: &Workbench<Self>, job: &Job, since: Since<'_>) -> Result<Stream<Self>, Refused> {
        *lock(&bench.own.job) = Some(job.clone());
        preempt().await; // THE DEFECT: there is one field for all connections.
        let current = lock(&bench.own.job).clone();
        current.as_ref().unwrap_or(job).channel.reader(since).map(|reader| bench.stream(reader))
    }
}

/// The router.
pub type LastConnect = Workbench<Current>;
