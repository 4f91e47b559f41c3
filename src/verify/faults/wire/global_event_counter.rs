//! Leaky: the events of all jobs are numbered by one counter.
//!
//! Written by whoever wants ids that are short and grow, and has one counter. Nothing foreign is delivered, and a
//! number presented to another job is refused; but the gaps between a job's own numbers say how much the others speak.
//!
//! Expected: G8, since what is seen of one job depends on what is done to the others.

use super::gateway::{Asked, Deed, Gate, go_on_after, lock, reworded, take_cursor, text};
use super::stream::{Then, blocks, with_id};
use crate::verify::faults::about::{About, Kind};
use crate::verify::guarantee::Guarantee;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use serde_json::json;
use std::sync::Arc;
use std::sync::Mutex;

/// The exhibit.
pub(super) const ABOUT: About = About {
    id: "global-event-counter",
    kind: Kind::Leaky,
    defect: "`id:` is a counter over all jobs, and so are `id` and `sequence` of an emit's answer",
    incident: "JetStream's sequence gaps, Mercure's privacy notes on cursors; a global counter as the id; leak \
             catalogue C50",
    expected: &[Guarantee::G8],
    methods: &["wire"],
};

/// The cursors of all jobs: each one's number is its place among them.
#[derive(Debug, Default)]
pub(super) struct GlobalEventCounter {
    cursors: Mutex<Vec<String>>,
}

impl GlobalEventCounter {
    fn number(&self, cursor: &str) -> usize {
        let mut cursors = lock(&self.cursors);
        // THE DEFECT: one counter for all.
        cursors.iter().position(|known| known == cursor).unwrap_or_else(|| {
            cursors.push(cursor.to_owned());
            cursors.len() - 1
        })
    }

    fn cursor(&self, number: &str) -> Option<String> {
        lock(&self.cursors).get(number.parse::<usize>().ok()?).cloned()
    }
}

impl Gate for GlobalEventCounter {
    async fn pass(self: Arc<Self>, mut request: Request, next: Next) -> Response {
        match Asked::of(&request).deed {
            Deed::Emit => {
                let number = |said: &mut serde_json::Value| {
                    if said["id"].is_string() {
                        let number = self.number(text(said, "id"));
                        said["id"] = json!(number.to_string());
                        said["sequence"] = json!(number);
                    }
                };
                reworded(next.run(request).await, number).await
            }
            Deed::Watch => {
                if let Some(number) = take_cursor(&mut request) {
                    // What was never given out is refused by the service.
                    let cursor = self.cursor(&number).unwrap_or(number);
                    go_on_after(&mut request, &cursor);
                }
                blocks(next.run(request).await, move |passing, out| {
                    out.push_str(&with_id(passing, |cursor| self.number(cursor).to_string()));
                    Then::On
                })
            }
            _ => next.run(request).await,
        }
    }
}
