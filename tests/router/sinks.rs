//! Sinks stand beside the streams: whatever happens in one, emits and streams go on.

use super::{TESTER, drain, say, start};
use narrowcast::narration::{Event, Outcome, Scope};
use narrowcast::router::{Delivery, Router};
use narrowcast::sink::{Capture, Queued, Sink};
use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

/// Long enough that only a defect runs into it.
const PATIENCE: Duration = Duration::from_secs(60);

/// Breaks its word at each event.
struct Panics;

impl Sink for Panics {
    fn accept(&self, _: &Scope, _: &Event) {
        panic!("a planted panic of a sink");
    }
}

/// Rings a bell at each event, and then blocks until it is permitted to go on; for good, once the permission is
/// dropped.
struct Blocks {
    bell: Sender<()>,
    permission: Mutex<Receiver<()>>,
}

impl Sink for Blocks {
    fn accept(&self, _: &Scope, _: &Event) {
        // Nobody listens any more once a test is about to end.
        let _unheard = self.bell.send(());
        let _dropped = self.permission.lock().unwrap().recv();
    }
}

/// The sink, its bell, and the permission.
fn blocks() -> (Blocks, Receiver<()>, Sender<()>) {
    let (ringing, bell) = mpsc::channel();
    let (permission, permitted) = mpsc::channel();
    (Blocks { bell: ringing, permission: Mutex::new(permitted) }, bell, permission)
}

#[test]
fn a_sink_that_panics_costs_the_emit_nothing_and_the_next_sink_neither() {
    let capture = Capture::default();
    let router = Router::builder().sink(Panics).sink(capture.clone()).build();
    let job = router.create();
    let mut stream = start(&job);
    for n in 0..3 {
        let position = job.emitter().narrate(TESTER, "say").context(n).human("{}").emit().unwrap();
        assert_eq!(position.sequence, n);
    }
    router.system().narrate(TESTER, "say").emit().unwrap();
    assert_eq!(drain(&mut stream), ["0", "1", "2"]);
    assert_eq!(router.sink_panics(), 4);
    assert_eq!((capture.of_job(job.id()).len(), capture.of_system().len()), (3, 1));
}

#[test]
fn a_sink_is_told_after_the_event_was_routed_and_with_no_lock_held() {
    let (sink, bell, permission) = blocks();
    let router = Router::builder().sink(sink).build();
    let (job, other) = (router.create(), router.create());
    let mut stream = start(&job);
    thread::scope(|scope| {
        scope.spawn(|| say(&job.emitter(), "x"));
        bell.recv_timeout(PATIENCE).expect("the emitter is inside the sink now");
        // All of this would wait for ever if the emitter held a lock of the job, of the registry or of the system in
        // there.
        assert_eq!(drain(&mut stream), ["x"]);
        assert_eq!(drain(&mut start(&job)), ["x"]);
        assert!(router.find(job.id()).is_ok());
        other.close(Outcome::Completed).unwrap();
        assert_eq!(drain(&mut start(&other)), ["(completed)"]);
        job.close(Outcome::Failed).unwrap();
        assert_eq!(drain(&mut stream), ["(failed)"]);
        router.sweep(0);
        assert_eq!(router.jobs(), 0);
        drop(permission);
    });
}

#[test]
fn behind_a_queue_a_sink_may_block_and_no_emit_waits_for_it() {
    let (sink, bell, permission) = blocks();
    let queued = Queued::bounded(sink, NonZeroUsize::new(2).unwrap(), PATIENCE);
    let tally = queued.tally();
    let router = Router::builder().sink(queued).build();
    let (job, other) = (router.create(), router.create());
    let (mut stream, mut of_other) = (start(&job), start(&other));
    say(&job.emitter(), "0");
    bell.recv_timeout(PATIENCE).expect("the sink blocks now, with the first event taken out of its queue");
    (1..10).for_each(|n| say(&job.emitter(), n.to_string()));
    say(&other.emitter(), "x");
    assert_eq!((tally.handed_on(), tally.overflowed()), (0, 8));
    assert_eq!(drain(&mut stream).len(), 10);
    assert_eq!(drain(&mut of_other), ["x"]);
    drop(permission);
    drop((stream, of_other, job, other));
    drop(router);
    assert_eq!((tally.handed_on(), tally.overflowed(), tally.lost(), tally.panics()), (3, 8, 0, 0));
}

#[test]
fn behind_a_queue_a_sink_may_panic_too_and_gets_the_next_event_all_the_same() {
    let queued = Queued::bounded(Panics, NonZeroUsize::new(10).unwrap(), PATIENCE);
    let tally = queued.tally();
    let router = Router::builder().sink(queued).build();
    for _ in 0..3 {
        router.system().narrate(TESTER, "say").emit().unwrap();
    }
    assert_eq!(router.sink_panics(), 0);
    drop(router);
    assert_eq!((tally.handed_on(), tally.panics(), tally.lost()), (3, 3, 0));
}

#[test]
fn a_queue_that_is_dropped_waits_for_a_hung_sink_no_longer_than_its_deadline() {
    let (sink, bell, permission) = blocks();
    let queued = Queued::bounded(sink, NonZeroUsize::new(10).unwrap(), Duration::ZERO);
    let tally = queued.tally();
    let router = Router::builder().sink(queued).build();
    for _ in 0..3 {
        router.system().narrate(TESTER, "say").emit().unwrap();
    }
    bell.recv_timeout(PATIENCE).expect("the sink hangs in its first event");
    drop(router);
    assert_eq!(tally.handed_on(), 0);
    drop(permission);
    // The bell is dropped with the sink, when the thread is through.
    while bell.recv_timeout(PATIENCE).is_ok() {}
    assert_eq!((tally.handed_on(), tally.lost()), (1, 2));
}

#[test]
fn sinks_hear_what_was_accepted_in_the_order_in_which_an_emitter_said_it_and_nothing_that_was_refused() {
    let capture = Capture::default();
    let router = Router::builder().largest_event(300).sink(capture.clone()).build();
    let job = router.create();
    let mut stream = start(&job);
    say(&job.emitter(), "a");
    assert!(job.emitter().narrate(TESTER, "say").verbatim("x".repeat(300)).emit().is_err());
    say(&job.emitter(), "b");
    job.close(Outcome::Completed).unwrap();
    assert!(job.emitter().narrate(TESTER, "say").emit().is_err());
    let heard: Vec<String> = capture.of_job(job.id()).into_iter().map(|event| event.human).collect();
    assert_eq!(heard, ["a", "b"]);
    let events = std::iter::from_fn(|| stream.try_next().ok()).filter_map(|delivery| match delivery {
        Delivery::Event(event) => Some(event.decode().unwrap()),
        _ => None,
    });
    assert_eq!(events.collect::<Vec<_>>(), capture.of_job(job.id()), "a sink hears what the streams deliver");
}
