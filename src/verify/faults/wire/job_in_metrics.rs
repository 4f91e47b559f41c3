//! Leaky: the counts have a label with the job's name.
//!
//! Written by whoever wants to see which job is busy. Metrics are scraped, kept for months, and shown on dashboards to
//! more people than any job has readers; and each job makes a row that never goes away.
//!
//! Expected: G3, since a job's name and doings reach the operators' counts.

use super::gateway::{Asked, Deed, Gate, Ledger, lock, rewritten};
use crate::verify::faults::about::{About, Kind};
use crate::verify::guarantee::Guarantee;
use axum::body::Bytes;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::Mutex;

/// The exhibit.
pub(super) const ABOUT: About = About {
    id: "job-in-metrics",
    kind: Kind::Leaky,
    defect: "/metrics has a row for each job, with its id as a label",
    incident: "per-job labels in metrics, presence and queue lengths as oracles; leak catalogue C50",
    expected: &[Guarantee::G3],
    methods: &["wire"],
};

/// How many requests there were of each job.
#[derive(Debug, Default)]
pub(super) struct JobInMetrics {
    ledger: Ledger,
    requests: Mutex<BTreeMap<String, u64>>,
}

impl Gate for JobInMetrics {
    async fn pass(self: Arc<Self>, request: Request, next: Next) -> Response {
        let Asked { deed, job, .. } = Asked::of(&request);
        if self.ledger.knows(&job) {
            *lock(&self.requests).entry(job).or_default() += 1;
        }
        let response = self.ledger.pass(request, next).await;
        if deed != Deed::Metrics || !response.status().is_success() {
            return response;
        }
        rewritten(response, |bytes| {
            let mut text = String::from_utf8_lossy(&bytes).into_owned();
            text += "# HELP narrowcast_job_requests_total Requests of a job.\n";
            text += "# TYPE narrowcast_job_requests_total counter\n";
            for (job, count) in &*lock(&self.requests) {
                // THE DEFECT: a label that names somebody.
                let _a_string_takes_all = writeln!(text, "narrowcast_job_requests_total{{job=\"{job}\"}} {count}");
            }
            Bytes::from(text)
        })
        .await
    }
}
