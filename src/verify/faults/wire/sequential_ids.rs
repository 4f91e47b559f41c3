//! Leaky: jobs are called job-1, job-2, and so on.
//!
//! Written by whoever wants names that people can say aloud. The service's own ids are kept inside, and translated on
//! the way. Whoever has a job knows the names of all others, and how many there are.
//!
//! Expected: G13, since an id has to carry at least 122 random bits.

use super::gateway::{Asked, Deed, Gate, ask_for, lock, rewritten};
use crate::verify::faults::about::{About, Kind};
use crate::verify::guarantee::Guarantee;
use axum::body::Bytes;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use serde_json::Value;
use std::sync::Arc;
use std::sync::Mutex;

/// The exhibit.
pub(super) const ABOUT: About = About {
    id: "sequential-ids",
    kind: Kind::Leaky,
    defect: "outside, jobs are called job-1, job-2, ...: each name tells the next",
    incident: "MCP clients that count from 0, NexaSphere#177; leak catalogue C31",
    expected: &[Guarantee::G13],
    methods: &["wire"],
};

/// The ids inside, in order: the first is that of job-1.
#[derive(Debug, Default)]
pub(super) struct SequentialIds {
    inside: Mutex<Vec<String>>,
}

impl SequentialIds {
    /// The id inside of a job that is called so outside.
    fn meant(&self, outside: &str) -> Option<String> {
        let number = outside.strip_prefix("job-")?.parse::<usize>().ok()?;
        lock(&self.inside).get(number.checked_sub(1)?).cloned()
    }

    /// Names a job that was just created, and answers its id inside and its name outside.
    fn named(&self, answer: &[u8]) -> Option<(String, String)> {
        let answer: Value = serde_json::from_slice(answer).ok()?;
        let id = answer["job_id"].as_str()?.to_owned();
        let mut inside = lock(&self.inside);
        inside.push(id.clone());
        // THE DEFECT: a counter.
        Some((id, format!("job-{}", inside.len())))
    }
}

impl Gate for SequentialIds {
    async fn pass(self: Arc<Self>, mut request: Request, next: Next) -> Response {
        let Asked { deed, job, .. } = Asked::of(&request);
        let mut names = self.meant(&job).map(|inside| (inside, job.clone()));
        if let Some((inside, _)) = &names {
            let uri = request.uri().to_string().replacen(&job, inside, 1);
            ask_for(&mut request, &uri);
        }
        let response = next.run(request).await;
        rewritten(response, |bytes| {
            if deed == Deed::Create {
                names = self.named(&bytes);
            }
            let Some((inside, outside)) = names else { return bytes };
            Bytes::from(String::from_utf8_lossy(&bytes).replace(&inside, &outside))
        })
        .await
    }
}
