//! Leaky: of several streams of one job, the first has the events and the others have nothing.
//!
//! Written by whoever keeps one receiver for each job. In the seed's system whoever asked first took it, an owner's
//! second window or a stranger, and everybody after that read an error. Here the others wait in a queue and see only
//! the end.
//!
//! Expected: G6, since nobody counts to them what the first one took.

use super::gateway::{Asked, Deed, Gate, lock};
use super::stream::{Then, blocks, is, is_event};
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
    id: "first-reader-steals",
    kind: Kind::Leaky,
    defect: "of several streams of one job only the first that is open gets the events; the others lose them uncounted",
    incident: "rbee, fault 17 FIRST-GET-STEALS (60b30539 until its last commit); leak catalogue C20",
    expected: &[Guarantee::G6],
    methods: &["wire"],
};

/// The streams of each job, in the order in which they were opened, by numbers of their own.
#[derive(Debug, Default)]
pub(super) struct FirstReaderSteals {
    queues: Mutex<(u64, BTreeMap<String, Vec<u64>>)>,
}

/// A stream's place in the queue of its job; left when the stream is.
struct Place {
    gate: Arc<FirstReaderSteals>,
    job: String,
    number: u64,
}

impl Place {
    fn in_queue(gate: Arc<FirstReaderSteals>, job: String) -> Place {
        let mut queues = lock(&gate.queues);
        queues.0 += 1;
        let number = queues.0;
        queues.1.entry(job.clone()).or_default().push(number);
        drop(queues);
        Place { gate, job, number }
    }

    fn is_first(&self) -> bool {
        lock(&self.gate.queues).1.get(&self.job).and_then(|queue| queue.first()) == Some(&self.number)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(queue) = lock(&self.gate.queues).1.get_mut(&self.job) {
            queue.retain(|number| *number != self.number);
        }
    }
}

impl Gate for FirstReaderSteals {
    async fn pass(self: Arc<Self>, request: Request, next: Next) -> Response {
        let asked = Asked::of(&request);
        let response = next.run(request).await;
        if asked.deed != Deed::Watch {
            return response;
        }
        let place = Place::in_queue(self, asked.job);
        blocks(response, move |passing, out| {
            // THE DEFECT: what the first one has taken is not there for the others.
            let taken = is_event(passing) || is(passing, "lagged");
            if !taken || place.is_first() {
                out.push_str(passing);
            }
            Then::On
        })
    }
}
