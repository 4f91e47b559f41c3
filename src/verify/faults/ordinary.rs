//! Ordinary sequential tests, such as a competent developer writes for a router, and such as the seed's project had.
//!
//! They are here for comparison: how many of the planted faults would they notice? They must not be made stupid for
//! that, nor clever. Each does one thing after the other on the happy path and looks at what comes out: distinct ids
//! get their own events, nothing reaches a stranger, a full channel reports its lag, cleanup works. That is what the
//! project's sink tests asserted (leak catalogue C55), and a little that a reviewer would have asked for. None knows of
//! races, since none has two things at once.

use super::support::settle;
use crate::verify::subject::erased::{Erased, Fresh, Job, Stream};
use crate::verify::subject::{Delivery, Outcome, Refused, Setup, Since};

/// How many events the tests' routers retain; a power of two, since some broadcasts round to one.
const RETAIN: usize = 4;

/// What a test says when it is not satisfied.
type Verdict = Result<(), String>;

/// A test and its name.
type Test = (&'static str, fn(&Erased) -> Verdict);

/// Runs all of them, each on a fresh router.
pub fn ordinary(fresh: Fresh) -> Vec<(&'static str, Verdict)> {
    let tests: [Test; 10] = [
        ("each job reads its own", each_job_reads_its_own),
        ("events arrive in order", events_arrive_in_order),
        ("two readers both receive", two_readers_both_receive),
        ("an unknown job reaches nobody", an_unknown_job_reaches_nobody),
        ("narration without a job reaches nobody", narration_without_a_job_reaches_nobody),
        ("a job is found by its name", a_job_is_found_by_its_name),
        ("close ends the stream", close_ends_the_stream),
        ("a full channel reports lag", a_full_channel_reports_lag),
        ("a job can be created again", a_job_can_be_created_again),
        ("cleanup removes the channel", cleanup_removes_the_channel),
    ];
    let run = |test: fn(&Erased) -> Verdict| test(&fresh(Setup { retain_events: RETAIN, seed: 1 }));
    tests.into_iter().map(|(name, test)| (name, run(test))).collect()
}

// === the words in which the tests are written ===

fn done<T>(what: &str, future: impl Future<Output = Result<T, Refused>>) -> Result<T, String> {
    match settle(future) {
        Some(Ok(value)) => Ok(value),
        Some(Err(refused)) => Err(format!("{what} was refused: {refused:?}")),
        None => Err(format!("{what} hangs")),
    }
}

fn create(router: &Erased, name: &str) -> Result<Job, String> {
    done("create", router.create(name))
}

fn emit(router: &Erased, job: &Job, event: &str) -> Verdict {
    done("emit", router.emit(job, event))
}

fn subscribe(router: &Erased, job: &Job) -> Result<Stream, String> {
    done("subscribe", router.subscribe(job, Since::Now))
}

fn next(stream: &mut Stream) -> Result<Delivery, String> {
    settle(stream.next()).ok_or_else(|| "the stream has nothing to read".to_owned())
}

fn reads(stream: &mut Stream, event: &str) -> Verdict {
    match next(stream)? {
        Delivery::Event(text) if text == event => Ok(()),
        other => Err(format!("wanted the event {event:?}, read {other:?}")),
    }
}

fn reads_nothing(stream: &mut Stream) -> Verdict {
    match settle(stream.next()) {
        None => Ok(()),
        Some(delivery) => Err(format!("wanted nothing, read {delivery:?}")),
    }
}

// === the tests ===

fn each_job_reads_its_own(router: &Erased) -> Verdict {
    let (a, b) = (create(router, "a")?, create(router, "b")?);
    let (mut reader_a, mut reader_b) = (subscribe(router, &a)?, subscribe(router, &b)?);
    emit(router, &a, "for a")?;
    emit(router, &b, "for b")?;
    reads(&mut reader_a, "for a")?;
    reads(&mut reader_b, "for b")?;
    reads_nothing(&mut reader_a)?;
    reads_nothing(&mut reader_b)
}

fn events_arrive_in_order(router: &Erased) -> Verdict {
    let job = create(router, "a")?;
    let mut reader = subscribe(router, &job)?;
    let events = ["one", "two", "three"];
    events.iter().try_for_each(|event| emit(router, &job, event))?;
    events.iter().try_for_each(|event| reads(&mut reader, event))
}

fn two_readers_both_receive(router: &Erased) -> Verdict {
    let job = create(router, "a")?;
    let (mut first, mut second) = (subscribe(router, &job)?, subscribe(router, &job)?);
    emit(router, &job, "event")?;
    reads(&mut first, "event")?;
    reads(&mut second, "event")
}

fn an_unknown_job_reaches_nobody(router: &Erased) -> Verdict {
    let job = create(router, "a")?;
    let mut reader = subscribe(router, &job)?;
    // Refused at once or dropped later: a seed-style test asks only that nobody reads it.
    if let Some(Ok(unknown)) = settle(router.find("nobody")) {
        let _ = settle(router.emit(&unknown, "for nobody"));
    }
    reads_nothing(&mut reader)
}

fn narration_without_a_job_reaches_nobody(router: &Erased) -> Verdict {
    let job = create(router, "a")?;
    let mut reader = subscribe(router, &job)?;
    let _ = settle(router.emit_system("starting"));
    reads_nothing(&mut reader)
}

fn a_job_is_found_by_its_name(router: &Erased) -> Verdict {
    let job = create(router, "a")?;
    let mut reader = subscribe(router, &job)?;
    match settle(router.find("a")) {
        None => return Err("find hangs".to_owned()),
        Some(Err(Refused::Unsupported)) => return Ok(()),
        Some(Err(refused)) => return Err(format!("find was refused: {refused:?}")),
        Some(Ok(found)) => emit(router, &found, "event")?,
    }
    reads(&mut reader, "event")
}

fn close_ends_the_stream(router: &Erased) -> Verdict {
    let job = create(router, "a")?;
    let mut reader = subscribe(router, &job)?;
    emit(router, &job, "event")?;
    done("close", router.close(&job, Outcome::Completed))?;
    reads(&mut reader, "event")?;
    match next(&mut reader)? {
        Delivery::End(_) => Ok(()),
        other => Err(format!("wanted the end, read {other:?}")),
    }
}

fn a_full_channel_reports_lag(router: &Erased) -> Verdict {
    let job = create(router, "a")?;
    let mut reader = subscribe(router, &job)?;
    let events: Vec<String> = (0..2 * RETAIN).map(|i| format!("event {i}")).collect();
    events.iter().try_for_each(|event| emit(router, &job, event))?;
    match next(&mut reader)? {
        Delivery::Lagged(_) => {}
        // To disconnect whoever lags is a policy that a router may have, if it says so.
        Delivery::Stopped(_) => return Ok(()),
        other => return Err(format!("wanted a report of lag, read {other:?}")),
    }
    events[RETAIN..].iter().try_for_each(|event| reads(&mut reader, event))
}

fn a_job_can_be_created_again(router: &Erased) -> Verdict {
    let first = create(router, "a")?;
    emit(router, &first, "old")?;
    done("close", router.close(&first, Outcome::Completed))?;
    let second = create(router, "a")?;
    let mut reader = subscribe(router, &second)?;
    emit(router, &second, "new")?;
    reads(&mut reader, "new")?;
    reads_nothing(&mut reader)
}

fn cleanup_removes_the_channel(router: &Erased) -> Verdict {
    let job = create(router, "a")?;
    let mut reader = subscribe(router, &job)?;
    done("close", router.close(&job, Outcome::Completed))?;
    let _ = next(&mut reader)?;
    match router.live() {
        None | Some(0) => Ok(()),
        Some(live) => Err(format!("{live} jobs are held after the last has ended")),
    }
}
