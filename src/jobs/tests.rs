//! Every way in which a job can end, and what its readers, its creator and its stragglers are told.

use super::{Denied, Jobs, Why};
use crate::narration::{Actor, Outcome, State};
use crate::router::{Delivery, Refused, Router, Since, Stream};
use std::convert::Infallible;
use std::future::{pending, poll_fn, ready};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

const ACTOR: Actor = Actor::new("test");

fn jobs() -> Jobs<&'static str> {
    Jobs::new(Router::builder().build(), 10)
}

/// Polls once, with a waker that does nothing.
fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

fn done<T>(poll: Poll<T>) -> T {
    match poll {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it is not done"),
    }
}

/// All that the stream delivers: the texts, and the outcome if it has ended.
fn read(stream: &mut Stream) -> (Vec<String>, Option<Outcome>) {
    let mut texts = Vec::new();
    let mut cx = Context::from_waker(Waker::noop());
    while let Poll::Ready(Some(delivery)) = stream.poll_next(&mut cx) {
        match delivery {
            Delivery::Event(event) => texts.push(event.decode().expect("the router's own events can be read").human),
            Delivery::Lagged(n) => texts.push(format!("lagged {n}")),
            Delivery::End(outcome) => return (texts, Some(outcome)),
        }
    }
    (texts, None)
}

#[test]
fn work_that_returns_ok_completes_its_job() {
    let jobs = jobs();
    let created = jobs.create("compile").expect("there is room");
    let mut stream = created.reader.subscribe(Since::Start).expect("the job is open");
    created
        .emitter
        .narrate(ACTOR, "create")
        .human("queued")
        .emit()
        .expect("the job is open before anybody works on it");
    assert_eq!(jobs.state(&created.id), Some(State::Queued));
    let mut work = jobs
        .execute(&created.id, |emitter, payload| async move {
            emitter.narrate(ACTOR, "work").verbatim(payload).emit().map(|_position| ())
        })
        .expect("it is queued");
    assert_eq!(jobs.state(&created.id), Some(State::Running));
    let report = done(poll(&mut work));
    assert_eq!((report.outcome, report.why), (Outcome::Completed, Why::Done));
    assert_eq!(read(&mut stream), (vec!["queued".into(), "compile".into()], Some(Outcome::Completed)));
    assert_eq!((jobs.counts(), jobs.router().jobs()), ((0, 0), 0), "nothing of it is left");
    assert_eq!(jobs.state(&created.id), None);
}

#[test]
fn errors_panics_and_deadlines_fail_the_job_and_end_its_streams() {
    let jobs = jobs();
    let endings: [(&str, Why<&str>); 3] = [
        ("error", Why::Error("no such file")),
        ("panic", Why::Panic("out of paper".into())),
        ("deadline", Why::Deadline),
    ];
    for (payload, why) in endings {
        let created = jobs.create(payload).expect("there is room");
        let mut stream = created.reader.subscribe(Since::Now).expect("the job is open");
        let work = jobs.execute(&created.id, |_emitter, payload| async move {
            match payload {
                "error" => Err("no such file"),
                "panic" => panic!("out of paper"),
                _ => pending().await,
            }
        });
        let mut work = work.expect("it is queued").deadline(ready(()));
        let report = done(poll(&mut work));
        assert_eq!((report.outcome, report.why), (Outcome::Failed, why));
        assert_eq!(read(&mut stream), (vec![], Some(Outcome::Failed)), "{payload}");
        assert_eq!(jobs.counts(), (0, 0));
    }
}

#[test]
fn work_that_is_dropped_abandons_its_job() {
    let jobs = jobs();
    let created = jobs.create("x").expect("there is room");
    let mut stream = created.reader.subscribe(Since::Now).expect("the job is open");
    let mut work = jobs.execute(&created.id, |_, _| pending::<Result<(), Infallible>>()).expect("it is queued");
    assert!(poll(&mut work).is_pending());
    drop(work);
    assert_eq!(read(&mut stream), (vec![], Some(Outcome::Abandoned)));
    assert_eq!(jobs.counts(), (0, 0));
}

#[test]
fn a_queued_job_that_is_cancelled_never_runs() {
    let jobs = jobs();
    let created = jobs.create("x").expect("there is room");
    let mut stream = created.reader.subscribe(Since::Now).expect("the job is open");
    assert_eq!(jobs.cancel(&created.id), Ok(()));
    assert_eq!(read(&mut stream), (vec![], Some(Outcome::Cancelled)));
    let denied = jobs.execute(&created.id, |_, _| pending::<Result<(), Infallible>>()).err();
    assert_eq!(denied, Some(Denied::Unknown));
    assert_eq!(jobs.cancel(&created.id), Err(Denied::Unknown));
}

#[test]
fn a_running_job_that_is_cancelled_ends_at_once_and_wakes_its_work() {
    struct Count(AtomicUsize);
    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let jobs = jobs();
    let created = jobs.create("x").expect("there is room");
    let mut stream = created.reader.subscribe(Since::Now).expect("the job is open");
    let alive = Arc::new(());
    let held = Arc::clone(&alive);
    let mut work = jobs
        .execute(&created.id, |_, _| async move {
            let _held = held;
            pending::<Result<(), Infallible>>().await
        })
        .expect("it is queued");
    let count = Arc::new(Count(AtomicUsize::new(0)));
    let waker = Waker::from(Arc::clone(&count));
    assert!(pin!(&mut work).poll(&mut Context::from_waker(&waker)).is_pending());
    assert_eq!(jobs.cancel(&created.id), Ok(()));
    assert_eq!(read(&mut stream), (vec![], Some(Outcome::Cancelled)), "before the work has had another turn");
    assert_eq!(count.0.load(Ordering::Relaxed), 1, "the work is woken");
    let report = done(poll(&mut work));
    assert_eq!((report.outcome, report.why), (Outcome::Cancelled, Why::Stopped));
    assert_eq!(Arc::strong_count(&alive), 1, "what the work held is gone");
}

#[test]
fn work_that_is_done_elsewhere_is_ended_with_its_own_outcome() {
    let jobs = jobs();
    for outcome in Outcome::ALL {
        let created = jobs.create("x").expect("there is room");
        let mut stream = created.reader.subscribe(Since::Now).expect("the job is open");
        let mut work = jobs.execute(&created.id, |_, _| pending::<Result<(), Infallible>>()).expect("it is queued");
        assert_eq!(jobs.end(&created.id, outcome), Ok(()));
        assert_eq!(jobs.end(&created.id, Outcome::Failed), Err(Denied::Unknown), "it is over");
        assert_eq!(read(&mut stream), (vec![], Some(outcome)));
        assert_eq!(done(poll(&mut work)).outcome, outcome);
    }
    assert_eq!(jobs.counts(), (0, 0));
}

#[test]
fn whoever_comes_first_decides_between_cancel_and_completion() {
    let jobs = jobs();
    let created = jobs.create("x").expect("there is room");
    let mut stream = created.reader.subscribe(Since::Now).expect("the job is open");
    let (canceller, id) = (jobs.clone(), created.id.clone());
    // The work cancels its own job and then returns Ok: the cancel came first.
    let work = jobs.execute(&created.id, |_, _| async move {
        assert_eq!(canceller.cancel(&id), Ok(()));
        Ok::<(), Infallible>(())
    });
    let report = done(poll(&mut work.expect("it is queued")));
    assert_eq!((report.outcome, report.why), (Outcome::Cancelled, Why::Done));
    assert_eq!(read(&mut stream), (vec![], Some(Outcome::Cancelled)));
    assert_eq!(jobs.cancel(&created.id), Err(Denied::Unknown), "a cancel that comes second changes nothing");
}

#[test]
fn a_job_is_executed_once_and_reading_executes_nothing() {
    let jobs = jobs();
    let created = jobs.create("x").expect("there is room");
    for _ in 0..2 {
        let mut stream = created.reader.subscribe(Since::Start).expect("the job is open");
        assert_eq!(read(&mut stream), (vec![], None));
    }
    assert_eq!(jobs.state(&created.id), Some(State::Queued));
    let work = jobs.execute(&created.id, |_, _| pending::<Result<(), Infallible>>()).expect("it is queued");
    let again = jobs.execute(&created.id, |_, _| pending::<Result<(), Infallible>>()).err();
    assert_eq!(again, Some(Denied::Taken));
    drop(work);
}

#[test]
fn jobs_that_nobody_executes_are_reaped_and_their_number_is_bounded() {
    let jobs: Jobs<&str> = Jobs::new(Router::builder().linger(5, 100).build(), 2);
    let first = jobs.create("a").expect("there is room");
    let mut stream = first.reader.subscribe(Since::Now).expect("the job is open");
    assert_eq!(jobs.reap(1_000, 60), 0, "its time begins now");
    let second = jobs.create("b").expect("there is room");
    assert_eq!(jobs.create("c").err(), Some(Denied::Full { queued: 2 }));
    assert_eq!(jobs.reap(1_059, 60), 0);
    assert_eq!(jobs.reap(1_060, 60), 1, "the first; the second was seen 59 ago");
    assert_eq!(read(&mut stream), (vec![], Some(Outcome::Abandoned)));
    assert_eq!(jobs.cancel(&second.id), Ok(()));
    assert_eq!(jobs.counts(), (0, 0));
    // The second was never read: it lingers, and the refused one too, until their time is over.
    jobs.router().sweep(0);
    assert_eq!(jobs.router().jobs(), 2);
    jobs.router().sweep(5);
    assert_eq!(jobs.router().jobs(), 0);
}

#[test]
fn a_straggler_of_a_finished_job_is_refused() {
    let jobs = jobs();
    let created = jobs.create("x").expect("there is room");
    let (heart, heartbeat) = std::sync::mpsc::channel();
    let mut work = jobs
        .execute(&created.id, |emitter, _| {
            heart.send(emitter).expect("somebody listens");
            ready(Ok::<(), Infallible>(()))
        })
        .expect("it is queued");
    assert_eq!(done(poll(&mut work)).outcome, Outcome::Completed);
    let heartbeat = heartbeat.recv().expect("it was kept");
    let refused = heartbeat.narrate(ACTOR, "beat").human("still here").emit();
    assert_eq!(refused, Err(Refused::Closed(Outcome::Completed)));
}

#[test]
fn a_drop_that_panics_fails_the_job_and_nothing_else() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("in drop");
        }
    }
    let jobs = jobs();
    let created = jobs.create("x").expect("there is room");
    let mut stream = created.reader.subscribe(Since::Now).expect("the job is open");
    // A future that is ready while it still holds the bomb.
    let bomb = Bomb;
    let future = poll_fn(move |_| {
        let _held = &bomb;
        Poll::Ready(Ok::<(), Infallible>(()))
    });
    let mut work = jobs.execute(&created.id, |_, _| future).expect("it is queued");
    assert_eq!(done(poll(&mut work)).outcome, Outcome::Failed);
    assert_eq!(read(&mut stream), (vec![], Some(Outcome::Failed)));
}
