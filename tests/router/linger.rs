//! A closed job stays readable until somebody has read it to its end, or its time is over (G10).

use super::{drain, say, start};
use narrowcast::narration::Outcome;
use narrowcast::router::{Counts, Refused, Router, Since};

fn lingering(ms: u64, jobs: usize) -> Router {
    Router::builder().linger(ms, jobs).build()
}

#[test]
fn a_job_that_was_over_before_anybody_subscribed_is_read_by_its_reader() {
    let router = lingering(100, 10);
    let job = router.create();
    let (id, reader) = (job.id().clone(), job.reader());
    say(&job.emitter(), "fast");
    job.close(Outcome::Completed).unwrap();
    drop(job);
    assert_eq!(router.jobs(), 1);
    let mut stream = reader.subscribe(Since::Start).unwrap();
    let mut slow = reader.subscribe(Since::Start).unwrap();
    assert_eq!(drain(&mut stream), ["fast", "(completed)"]);
    // Read to its end, it answers as a job that never was; but who reads it already reads on.
    assert_eq!((router.jobs(), router.find(&id).unwrap_err()), (0, Refused::Unknown));
    assert_eq!(reader.subscribe(Since::Start).unwrap_err(), Refused::Unknown);
    assert_eq!(drain(&mut slow), ["fast", "(completed)"]);
    assert_eq!(router.counts(), Counts { unknown: 2, ..Counts::default() });
}

#[test]
fn a_job_that_was_over_before_anybody_asked_is_read_by_its_name_and_stays_sealed() {
    let router = lingering(100, 10);
    let job = router.create();
    let id = job.id().clone();
    say(&job.emitter(), "fast");
    drop(job);
    let found = router.find(&id).unwrap();
    assert_eq!(found.outcome(), Some(Outcome::Abandoned));
    let late = found.emitter().narrate(super::TESTER, "late").emit();
    assert_eq!(late, Err(Refused::Closed(Outcome::Abandoned)));
    let mut stream = found.reader().subscribe(Since::Start).unwrap();
    assert_eq!(drain(&mut stream), ["fast", "(abandoned)"]);
    assert_eq!(router.counts(), Counts { closed: 1, ..Counts::default() });
}

#[test]
fn a_stream_that_left_before_the_end_gives_nothing_up() {
    let router = lingering(100, 10);
    let job = router.create();
    let mut left = start(&job);
    say(&job.emitter(), "a");
    job.close(Outcome::Completed).unwrap();
    assert!(left.try_next().is_ok());
    drop(left);
    assert_eq!(drain(&mut start(&job)), ["a", "(completed)"]);
}

#[test]
fn its_time_begins_with_the_first_sweep_and_ends_with_the_one_that_is_late_enough() {
    let router = lingering(100, 10);
    let job = router.create();
    let (id, reader) = (job.id().clone(), job.reader());
    say(&job.emitter(), "unread");
    router.sweep(1_000_000);
    job.close(Outcome::Completed).unwrap();
    router.sweep(2_000_000);
    router.sweep(2_000_099);
    assert_eq!((router.jobs(), router.find(&id).is_ok()), (1, true));
    let mut reading = reader.subscribe(Since::Start).unwrap();
    router.sweep(2_000_100);
    assert_eq!((router.jobs(), router.find(&id).unwrap_err()), (0, Refused::Unknown));
    assert_eq!(reader.subscribe(Since::Start).unwrap_err(), Refused::Unknown);
    assert_eq!(drain(&mut reading), ["unread", "(completed)"], "who had begun to read may finish");
    assert_eq!(router.counts(), Counts { expired: 1, unknown: 2, ..Counts::default() });
}

#[test]
fn the_oldest_is_given_up_when_too_many_linger() {
    let router = lingering(100, 3);
    let jobs: Vec<_> = (0..5).map(|_| router.create()).collect();
    let open = router.create();
    jobs.iter().for_each(|job| job.close(Outcome::Completed).unwrap());
    let readable: Vec<bool> = jobs.iter().map(|job| job.reader().subscribe(Since::Start).is_ok()).collect();
    assert_eq!(readable, [false, false, true, true, true]);
    assert_eq!(router.jobs(), 4);
    assert_eq!(router.counts(), Counts { evicted: 2, unknown: 2, ..Counts::default() });
    say(&open.emitter(), "an open job never lingers and is never given up");
    // Reading one to its end makes room for another.
    assert_eq!(drain(&mut start(&jobs[2])), ["(completed)"]);
    open.close(Outcome::Completed).unwrap();
    assert_eq!((router.jobs(), router.counts().evicted), (3, 2));
}

#[test]
fn every_kind_of_refusal_is_counted_as_what_it_is() {
    let router = Router::builder().largest_event(200).linger(100, 10).build();
    let job = router.create();
    let position = job.emitter().narrate(super::TESTER, "say").emit().unwrap();
    let refused = job.emitter().narrate(super::TESTER, "say").verbatim("x".repeat(200)).emit();
    assert_eq!(refused, Err(Refused::TooLarge { limit: 200 }));
    assert_eq!(router.create_named(job.id().clone()).unwrap_err(), Refused::InUse);
    let other = router.create();
    assert_eq!(other.reader().subscribe(Since::After(position)).unwrap_err(), Refused::ForeignPosition);
    other.close(Outcome::Completed).unwrap();
    assert_eq!(other.close(Outcome::Failed), Err(Refused::Closed(Outcome::Completed)));
    let never = narrowcast::narration::JobId::named("never").unwrap();
    assert_eq!(router.find(&never).unwrap_err(), Refused::Unknown);
    let counts = router.counts();
    let expected = Counts { unknown: 1, closed: 1, in_use: 1, too_large: 1, foreign_position: 1, ..Counts::default() };
    assert_eq!(counts, expected);
    assert_eq!(drain(&mut start(&job)).len(), 1, "a refused event is delivered nowhere");
}
