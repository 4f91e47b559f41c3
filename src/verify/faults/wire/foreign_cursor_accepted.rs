//! Leaky: a position on one job is good for the place of the same number on another.
//!
//! Written by whoever keeps what has passed by in lists, and looks a cursor up in all of them: it finds a number, and
//! asks the job in the path for what follows that number. Each cursor stays genuine; only its job is no longer part of
//! it.
//!
//! Expected: G14, since a position of another job must be refused, or answered by a gap, and never by silently leaving
//! out the events before that place.

use super::gateway::{Asked, Deed, Gate, go_on_after, lock, reworded, take_cursor, text};
use super::stream::{Then, blocks, field};
use crate::verify::faults::about::{About, Kind};
use crate::verify::guarantee::Guarantee;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;

/// The exhibit.
pub(super) const ABOUT: About = About {
    id: "foreign-cursor-accepted",
    kind: Kind::Leaky,
    defect: "a cursor of another job is accepted, for the event of the same number on this one",
    incident: "cursors that do not know their job (frontmcp GHSA-84j6-jc92-77jm, nchan's time:tag); leak catalogue C38",
    expected: &[Guarantee::G14],
    methods: &["wire"],
};

/// The cursors of each job, in the order in which they first passed by.
#[derive(Debug, Default)]
pub(super) struct ForeignCursorAccepted {
    seen: Mutex<BTreeMap<String, Vec<String>>>,
}

impl ForeignCursorAccepted {
    fn saw(&self, job: &str, cursor: &str) {
        let mut seen = lock(&self.seen);
        let of_job = seen.entry(job.to_owned()).or_default();
        if !of_job.iter().any(|known| known == cursor) {
            of_job.push(cursor.to_owned());
        }
    }

    /// The cursor of this job that is meant. What has never passed by is left to the service.
    fn meant(&self, job: &str, cursor: &str) -> Option<String> {
        let seen = lock(&self.seen);
        // THE DEFECT: the number is looked up among all jobs.
        let number = seen.values().find_map(|of_job| of_job.iter().position(|known| known == cursor))?;
        let own = seen.get(job)?;
        if own.iter().any(|known| known == cursor) {
            return None;
        }
        own.get(number).or(own.last()).cloned()
    }
}

impl Gate for ForeignCursorAccepted {
    async fn pass(self: Arc<Self>, mut request: Request, next: Next) -> Response {
        let Asked { deed, job, .. } = Asked::of(&request);
        match deed {
            Deed::Emit => {
                let answer = next.run(request).await;
                reworded(answer, |said| {
                    if said["id"].is_string() {
                        self.saw(&job, text(said, "id"));
                    }
                })
                .await
            }
            Deed::Watch => {
                if let Some(cursor) = take_cursor(&mut request) {
                    let meant = self.meant(&job, &cursor).unwrap_or(cursor);
                    go_on_after(&mut request, &meant);
                }
                blocks(next.run(request).await, move |passing, out| {
                    field(passing, "id").into_iter().for_each(|cursor| self.saw(&job, cursor));
                    out.push_str(passing);
                    Then::On
                })
            }
            _ => next.run(request).await,
        }
    }
}
