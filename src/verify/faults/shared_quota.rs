//! Leaky: the number of open jobs is limited for all callers together.
//!
//! A limit is right, and it is stated to whoever meets it. But it is nobody's own: one caller who opens jobs and leaves them
//! open uses up what the others were to have.
//!
//! Expected: G7, where one neighbour's jobs use the limit up. The refusal says `limit`, which the direct judges believe.

use super::about::{About, Kind};
use super::support::lock;
use super::workbench::{Design, Job, Workbench};
use crate::verify::guarantee::Guarantee;
use crate::verify::subject::{Outcome, Refused};
use std::sync::Mutex;

/// The exhibit.
pub const ABOUT: About = About {
    id: "shared-quota",
    kind: Kind::Leaky,
    defect: "the limit on open jobs is one for the whole router: a neighbour who opens that many has every other create \
             refused",
    incident: "Phoenix CVE-2026-32689, h2 RUSTSEC-2026-0258 (limits that nobody has of his own); leak catalogue C25",
    expected: &[Guarantee::G7],
    methods: &["interleaved"],
};

/// How many jobs may be open.
const MOST: usize = 3;

/// How many are.
#[derive(Debug, Default)]
pub struct Quota {
    open: Mutex<usize>,
}

impl Design for Quota {
    async fn create(bench: &Workbench<Self>, name: &str) -> Result<Job, Refused> {
        let mut open = lock(&bench.own.open);
        if *open >= MOST {
            return Err(Refused::Limit); // THE DEFECT: whosever jobs those are.
        }
        let job = bench.open(name)?;
        *open += 1;
        Ok(job)
    }

    async fn close(bench: &Workbench<Self>, job: &Job, outcome: Outcome) -> Result<(), Refused> {
        job.channel.seal(outcome)?;
        *lock(&bench.own.open) -= 1;
        Ok(())
    }
}

/// The router.
pub type SharedQuota = Workbench<Quota>;
