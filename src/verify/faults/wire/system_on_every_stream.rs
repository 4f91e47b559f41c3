//! Leaky: what the system says to its operators is said on every job's stream.
//!
//! Written by whoever thinks that what concerns all should be told to all. The end of each job, with the name of its
//! tenant and of its work, is news for operators; here it is broadcast to whoever has a stream open.
//!
//! The news are those of the operators' stream as they pass by. As long as no operator listens, the gateway says them
//! itself, in the words of the service.
//!
//! Expected: G3, since system narration reaches no job's stream.

use super::gateway::{Asked, Deed, Gate, lock};
use super::stream::{Out, Then, block, blocks, field, is_event, is_stream, next_chunk, pumped};
use crate::verify::faults::about::{About, Kind};
use crate::verify::guarantee::Guarantee;
use axum::body::{BodyDataStream, Bytes};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::Mutex;
use tokio::sync::mpsc;

/// The exhibit.
pub(super) const ABOUT: About = About {
    id: "system-on-every-stream",
    kind: Kind::Leaky,
    defect: "system narration (such as the end of any job) is sent on every open stream of every job",
    incident: "rbee queen, fault 3 GLOBAL-BROADCAST (1c2b5cf5 until 80b7050d); leak catalogue C01, C02",
    expected: &[Guarantee::G3],
    methods: &["wire"],
};

/// Who is told everything.
#[derive(Debug, Default)]
pub(super) struct SystemOnEveryStream {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    streams: Vec<mpsc::UnboundedSender<Bytes>>,
    /// How many operators listen.
    operators: usize,
    /// What was passed on, by its id: two operators read the same news.
    told: BTreeSet<String>,
}

impl State {
    fn tell_all(&mut self, news: &str) {
        // THE DEFECT: all.
        self.streams.retain(|stream| stream.send(Bytes::copy_from_slice(news.as_bytes())).is_ok());
    }
}

/// An operator who listens, for as long as he does.
struct Operator(Arc<SystemOnEveryStream>);

impl Drop for Operator {
    fn drop(&mut self) {
        lock(&self.0.state).operators -= 1;
    }
}

/// A stream of a job, and the news.
async fn with_news(mut body: BodyDataStream, mut news: mpsc::UnboundedReceiver<Bytes>, out: Out) {
    loop {
        let chunk = tokio::select! {
            Some(news) = news.recv() => Some(news),
            chunk = next_chunk(&mut body) => chunk,
        };
        // The service sends whole blocks, so that news stand between two of them.
        let Some(chunk) = chunk else { return };
        if out.send(chunk).await.is_err() {
            return;
        }
    }
}

const A_JOB_HAS_ENDED: &str = concat!(
    r#"{"actor":"service","action":"job_end","target":"job_end","#,
    r#""human":"open of anonymous: completed (it was closed)","level":"info"}"#
);

impl Gate for SystemOnEveryStream {
    async fn pass(self: Arc<Self>, request: Request, next: Next) -> Response {
        let deed = Asked::of(&request).deed;
        let response = next.run(request).await;
        match deed {
            Deed::Close | Deed::Cancel if response.status().is_success() => {
                let mut state = lock(&self.state);
                if state.operators == 0 {
                    state.tell_all(&block("narration", A_JOB_HAS_ENDED));
                }
                drop(state);
                response
            }
            Deed::Watch if is_stream(&response) => {
                let (tell, news) = mpsc::unbounded_channel();
                lock(&self.state).streams.push(tell);
                response.map(|body| pumped(|out| with_news(body.into_data_stream(), news, out)))
            }
            Deed::System if is_stream(&response) => {
                lock(&self.state).operators += 1;
                let operator = Operator(self);
                blocks(response, move |passing, out| {
                    let mut state = lock(&operator.0.state);
                    if is_event(passing) && state.told.insert(field(passing, "id").unwrap_or_default().to_owned()) {
                        state.tell_all(&block("narration", field(passing, "data").unwrap_or_default()));
                    }
                    out.push_str(passing);
                    Then::On
                })
            }
            _ => response,
        }
    }
}
