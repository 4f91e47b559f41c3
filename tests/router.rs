//! The router as embedders see it: its rights, streams, groups and sinks, one thread at a time and with many.
//!
//! Nothing here sleeps or asserts anything about time. Where a test must be sure that a thread has come to some
//! point, that thread says so through a channel; a defect then shows as a wrong count, or as a test that never ends.
#![cfg(feature = "router")]

#[path = "router/carry.rs"]
mod carry;
#[path = "router/group.rs"]
mod group;
#[path = "router/linger.rs"]
mod linger;
#[path = "router/sinks.rs"]
mod sinks;
#[path = "router/streams.rs"]
mod streams;
#[path = "router/stress.rs"]
mod stress;

use narrowcast::narration::{Actor, Outcome};
use narrowcast::router::{Delivery, Emitter, Job, Router, Since, Stream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

const TESTER: Actor = Actor::new("tester");

/// Emits one event whose text is `text`.
fn say(emitter: &Emitter, text: impl Into<String>) {
    emitter.narrate(TESTER, "say").verbatim(text).emit().expect("the job is open");
}

fn start(job: &Job) -> Stream {
    job.reader().subscribe(Since::Start).expect("the job has not been read to its end")
}

/// What a delivery says: the event's text, `+n` for n lost events, or the outcome.
fn text_of(delivery: &Delivery) -> String {
    match delivery {
        Delivery::Event(event) => event.decode().expect("a router delivers events").human,
        Delivery::Lagged(lost) => format!("+{lost}"),
        Delivery::End(outcome) => format!("({outcome})"),
    }
}

/// All that a stream has to give now.
fn drain(stream: &mut Stream) -> Vec<String> {
    std::iter::from_fn(|| stream.try_next().ok()).map(|delivery| text_of(&delivery)).collect()
}

/// A waker that counts.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Wakes {
    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    /// Polls once with this waker.
    fn poll<T>(self: &Arc<Self>, poll: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
        poll(&mut Context::from_waker(&Waker::from(Arc::clone(self))))
    }
}

/// A router whose jobs retain so many events.
fn retaining(events: usize) -> Router {
    Router::builder().retain(events).build()
}

#[test]
fn routers_of_one_process_share_nothing() {
    let name = narrowcast::narration::JobId::named("a").unwrap();
    let (one, two) = (retaining(10), retaining(10));
    let (in_one, in_two) = (one.create_named(name.clone()).unwrap(), two.create_named(name.clone()).unwrap());
    let (mut of_one, mut of_two) = (start(&in_one), start(&in_two));
    let mut operators_of_two = two.system().subscribe(Since::Start).unwrap();
    say(&in_one.emitter(), "to one");
    one.system().narrate(TESTER, "say").emit().unwrap();
    let Ok(Delivery::Event(event)) = of_one.try_next() else { panic!("it was emitted before") };
    assert_eq!((drain(&mut of_two), drain(&mut operators_of_two)), (vec![], vec![]));
    // The same name, the same sequence number, and yet a position of another router.
    say(&in_two.emitter(), "to two");
    assert!(in_two.reader().subscribe(Since::After(event.position())).is_err());
    assert_eq!((one.counts().foreign_position, two.counts().foreign_position), (0, 1));
    in_one.close(Outcome::Completed).unwrap();
    assert_eq!((in_one.outcome(), in_two.outcome()), (Some(Outcome::Completed), None));
    assert_eq!(drain(&mut of_one), ["(completed)"]);
    assert_eq!((one.jobs(), two.jobs()), (0, 1));
    assert!(two.find(&name).is_ok() && one.find(&name).is_err());
}
