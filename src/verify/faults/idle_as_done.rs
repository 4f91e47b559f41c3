//! Leaky: a stream whose job has been silent for a while is told that the job is done.
//!
//! Shaped after the stream handler of the seed's queen: `[DONE]` after two seconds without an event, once a first one
//! had come. A job that thought for three seconds had told its client of success at two. Time here is what others
//! say: each emit of anybody is one tick.
//!
//! Expected: G9, since the end comes before any close. Found by `interleaved` where a reader looks after its
//! neighbours have spoken twice; tests without a pause do not see it.

use super::about::{About, Kind};
use super::workbench::{Design, Job, Stream, Workbench};
use crate::verify::guarantee::Guarantee;
use crate::verify::subject::{Delivery, Refused};
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

/// The exhibit.
pub const ABOUT: About = About {
    id: "idle-as-done",
    kind: Kind::Leaky,
    defect: "a stream that had a first event and then nothing for two ticks is ended as done",
    incident: "rbee queen, fault 22 IDLE-MEANS-DONE (1c2b5cf5 until its last commit); leak catalogue C29",
    expected: &[Guarantee::G9],
    methods: &["interleaved"],
};

/// After so many ticks of silence.
const PATIENCE: u64 = 2;

/// A clock that ticks with every emit. A stream's mark is the time of its last event; 0 before the first.
#[derive(Debug, Default)]
pub struct Clock {
    ticks: AtomicU64,
}

impl Design for Clock {
    async fn emit(bench: &Workbench<Self>, job: &Job, event: &str) -> Result<(), Refused> {
        bench.own.ticks.fetch_add(1, Ordering::Relaxed);
        job.channel.push(event)
    }

    async fn next(stream: &mut Stream<Self>) -> Delivery {
        std::future::poll_fn(|cx| {
            let now = stream.own.ticks.load(Ordering::Relaxed);
            match stream.reader.poll(cx) {
                // THE DEFECT: silence is read as the end.
                Poll::Pending if stream.mark > 0 && now - stream.mark >= PATIENCE => Poll::Ready(Delivery::End(None)),
                Poll::Pending => Poll::Pending,
                ready => {
                    stream.mark = now;
                    ready
                }
            }
        })
        .await
    }
}

/// The router.
pub type IdleAsDone = Workbench<Clock>;
