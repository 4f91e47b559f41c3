//! Leaky: look-ups are remembered by the job's own name, without the tenant's.
//!
//! A job is called `tenant/job`. The registry knows whole names; the cache in front of it was written when there was
//! one tenant. Shaped after pingora's cache, whose key was the path without the host, and fastmcp's store of streams,
//! unique for each transport and shared by all.
//!
//! Expected: G1, since one tenant's event reaches another's job; G6, since its own job misses it. Found by
//! `interleaved` where two tenants' jobs bear one name and both are looked up.

use super::about::{About, Kind};
use super::support::{Life, lock};
use super::workbench::{Design, Job, Workbench};
use crate::verify::guarantee::Guarantee;
use crate::verify::subject::Refused;
use std::collections::BTreeMap;
use std::sync::Mutex;

/// The exhibit.
pub const ABOUT: About = About {
    id: "tenant-missing",
    kind: Kind::Leaky,
    defect: "a cache of look-ups is keyed by the part after the slash: the second tenant's job is answered with the \
             first one's",
    incident: "pingora-cache CVE-2026-2836 (RUSTSEC-2026-0035); PrefectHQ/fastmcp#4402; leak catalogue C11",
    expected: &[Guarantee::G1, Guarantee::G6],
    methods: &["interleaved"],
};

/// What was looked up before.
#[derive(Debug, Default)]
pub struct Cache {
    seen: Mutex<BTreeMap<String, Job>>,
}

impl Design for Cache {
    async fn find(bench: &Workbench<Self>, name: &str) -> Result<Job, Refused> {
        let key = name.rsplit('/').next().unwrap_or(name); // THE DEFECT: the tenant is not part of the key.
        let mut seen = lock(&bench.own.seen);
        if let Some(job) = seen.get(key).filter(|job| job.channel.is_open()) {
            return Ok(job.clone());
        }
        let job = bench.look_up(name)?;
        seen.insert(key.to_owned(), job.clone());
        Ok(job)
    }
}

/// The router.
pub type TenantMissing = Workbench<Cache>;
