//! What is over leaves nothing behind (G10): not in the router's count, not in its waiters, not in memory.
//!
//! `narrowcast verify` judges G10 by what the router says it holds and whom it serves. A router can say less than it
//! holds, so this looks from outside, where the counts cannot lie: at the references to a waker, and at the memory of
//! the process. That the measure can fail is shown beside it, on jobs that lawfully linger.
#![cfg(feature = "router")]

use narrowcast::narration::{Action, Actor, JobId, Outcome};
use narrowcast::router::{Delivery, Job, Router, Since, Stream};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

const TESTER: Actor = Actor::new("tester");
const SAY: Action = Action::new("say");

/// How many jobs live and end.
const JOBS: u64 = 10_000;
/// What each of them says, in bytes: 80 MB in all.
const SAYS: usize = 8 << 10;

fn router() -> Router {
    Router::builder().linger(1_000, usize::MAX).build()
}

fn say(job: &Job) {
    job.emitter().narrate(TESTER, SAY).verbatim("x".repeat(SAYS)).emit().expect("the job is open");
}

fn subscribe(job: &Job) -> Stream {
    job.reader().subscribe(Since::Start).expect("nobody has read the job to its end")
}

/// Reads what is there; whether the end was.
fn read_to_end(stream: &mut Stream) -> bool {
    std::iter::from_fn(|| stream.try_next().ok()).any(|delivery| matches!(delivery, Delivery::End(_)))
}

struct Nothing;

impl Wake for Nothing {
    fn wake(self: Arc<Self>) {}
}

/// Polls a stream that has nothing yet, so that it keeps the waker.
fn wait_once(stream: &mut Stream, waker: &Arc<Nothing>) {
    let waker = Waker::from(Arc::clone(waker));
    assert!(matches!(pin!(stream.next()).poll(&mut Context::from_waker(&waker)), Poll::Pending));
}

/// One life, in one of the ways in which lives go. Every one of them ends with the router holding nothing.
fn live_and_end(router: &Router, way: u64, waker: &Arc<Nothing>) {
    let name = JobId::named(format!("job {}", way % 7)).expect("a name");
    let job = router.create_named(name.clone()).expect("nobody bears the name");
    match way % 5 {
        // A reader waits, reads, and has the end; another never reads and goes.
        0 => {
            let (mut stream, idle) = (subscribe(&job), subscribe(&job));
            wait_once(&mut stream, waker);
            say(&job);
            job.close(Outcome::Completed).expect("it is open");
            assert!(read_to_end(&mut stream));
            drop(idle);
        }
        // Over before anybody came, by a failure; read by name.
        1 => {
            say(&job);
            job.close(Outcome::Failed).expect("it is open");
            drop(job);
            let found = router.find(&name).expect("it lingers");
            assert!(read_to_end(&mut found.reader().subscribe(Since::Start).expect("it lingers")));
        }
        // Abandoned while its reader waits.
        2 => {
            let mut stream = subscribe(&job);
            say(&job);
            assert!(!read_to_end(&mut stream));
            wait_once(&mut stream, waker);
            drop(job);
            assert!(read_to_end(&mut stream));
        }
        // Its name is created again before it is read; both lives are read, the new one first.
        3 => {
            say(&job);
            job.close(Outcome::Cancelled).expect("it is open");
            let again = router.create_named(name).expect("the old life is over");
            say(&again);
            again.close(Outcome::Completed).expect("it is open");
            assert!(read_to_end(&mut subscribe(&again)));
            assert!(read_to_end(&mut subscribe(&job)));
        }
        // Nobody ever reads it; its time passes.
        _ => {
            say(&job);
            drop(job);
            router.sweep(way * 10_000);
            router.sweep(way * 10_000 + 1_000);
        }
    }
}

#[test]
fn after_ten_thousand_lives_nothing_is_held() {
    let (router, waker) = (router(), Arc::new(Nothing));
    for way in 0..JOBS {
        live_and_end(&router, way, &waker);
        assert_eq!(router.jobs(), 0, "after life {way}");
    }
    assert_eq!(Arc::strong_count(&waker), 1, "wakers of streams that are gone");
}

#[test]
fn a_life_whose_name_was_created_again_is_counted_until_it_is_read() {
    let router = router();
    let old = router.create();
    old.close(Outcome::Completed).expect("it is open");
    let new = router.create_named(old.id().clone()).expect("the old life is over");
    assert_eq!(router.jobs(), 2, "an unread life lingers without its name");
    assert!(read_to_end(&mut subscribe(&old)));
    assert_eq!(router.jobs(), 1, "the new life stays");
    drop(new);
    router.sweep(0);
    router.sweep(1_000);
    assert_eq!(router.jobs(), 0);
}

/// The memory of this process that is in use, in bytes.
#[cfg(target_os = "linux")]
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("it says how much is resident");
    let kib = line.split_whitespace().nth(1).and_then(|number| number.parse::<usize>().ok());
    kib.expect("a number of KiB") << 10
}

/// The buffers are given back, not only the count. The measure is coarse; so is the difference: what the jobs said is
/// 80 MB and more, and what may be left of it is a tenth.
#[cfg(target_os = "linux")]
#[test]
fn the_memory_of_what_was_read_is_given_back_and_that_of_what_lingers_is_not() {
    let (router, waker) = (router(), Arc::new(Nothing));
    let said = JOBS as usize * SAYS;
    // Once through, so that the allocator and the registry have their size.
    (0..100).for_each(|way| live_and_end(&router, way, &waker));
    let before = resident();
    (100..JOBS + 100).for_each(|way| live_and_end(&router, way, &waker));
    let kept = resident().saturating_sub(before);
    assert!(kept < said / 10, "{kept} bytes are kept of {said} that were said and read");

    // The same measure on jobs that nobody has read: they stay, and it shows.
    let before = resident();
    for _ in 0..JOBS {
        let job = router.create();
        say(&job);
    }
    assert_eq!(router.jobs() as u64, JOBS);
    let kept = resident().saturating_sub(before);
    assert!(kept > said / 2, "{kept} bytes are kept of {said} that nobody has read");
}
