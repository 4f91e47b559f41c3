//! One stream: every way of reading it, and where it starts.

use super::{Wakes, drain, retaining, say, start, text_of};
use narrowcast::narration::Outcome;
use narrowcast::router::{Arrival, Delivery, Refused, Since, TryNextError};
use proptest::prelude::*;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc;
use std::task::Poll;
use std::thread;

#[test]
fn idle_is_no_end_and_over_is() {
    let router = retaining(10);
    let job = router.create();
    let mut stream = start(&job);
    assert_eq!(stream.try_next(), Err(TryNextError::Idle));
    say(&job.emitter(), "a");
    assert_eq!(text_of(&stream.try_next().unwrap()), "a");
    assert_eq!(stream.try_next(), Err(TryNextError::Idle));
    job.close(Outcome::Cancelled).unwrap();
    assert_eq!(stream.try_next(), Ok(Delivery::End(Outcome::Cancelled)));
    assert_eq!(stream.try_next(), Err(TryNextError::Over));
    assert_eq!(stream.next_blocking(), None);
}

#[test]
fn looking_without_waiting_leaves_a_registered_waker_where_it_is() {
    let router = retaining(10);
    let job = router.create();
    let mut stream = start(&job);
    let wakes = Arc::new(Wakes::default());
    assert!(wakes.poll(|cx| stream.poll_next(cx)).is_pending());
    assert_eq!(stream.try_next(), Err(TryNextError::Idle));
    say(&job.emitter(), "a");
    assert_eq!(wakes.count(), 1);
}

#[test]
fn a_thread_sleeps_until_something_comes() {
    let router = retaining(10);
    let job = router.create();
    let mut stream = start(&job);
    let (told, hears) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(move || {
            while let Some(delivery) = stream.next_blocking() {
                told.send(text_of(&delivery)).unwrap();
            }
        });
        // Each is emitted only once the one before has come through: the reader sleeps in between, or is about to.
        for n in 0..100 {
            say(&job.emitter(), n.to_string());
            assert_eq!(hears.recv(), Ok(n.to_string()));
        }
        job.close(Outcome::Completed).unwrap();
        assert_eq!(hears.recv().as_deref(), Ok("(completed)"));
        assert!(hears.recv().is_err(), "nothing follows the end");
    });
}

#[test]
fn the_ecosystems_stream_is_the_same_stream() {
    let router = retaining(10);
    let job = router.create();
    let mut stream = start(&job);
    let wakes = Arc::new(Wakes::default());
    let mut next = || wakes.poll(|cx| futures_core::Stream::poll_next(Pin::new(&mut stream), cx));
    assert_eq!(next(), Poll::Pending);
    say(&job.emitter(), "a");
    assert_eq!(wakes.count(), 1);
    assert!(matches!(next(), Poll::Ready(Some(Delivery::Event(event))) if event.sequence() == 0));
    job.close(Outcome::Completed).unwrap();
    assert_eq!(next(), Poll::Ready(Some(Delivery::End(Outcome::Completed))));
    assert_eq!(next(), Poll::Ready(None));
}

#[test]
fn a_position_is_good_for_its_own_life_of_its_own_job_only() {
    let router = retaining(2);
    let name = narrowcast::narration::JobId::named("a").unwrap();
    let (job, other) = (router.create_named(name.clone()).unwrap(), router.create());
    let positions: Vec<_> = (0..4).map(|_| job.emitter().narrate(super::TESTER, "say").emit().unwrap()).collect();
    say(&other.emitter(), "other");
    // What was evicted after the position is counted.
    let mut stream = job.reader().subscribe(Since::After(positions[0])).unwrap();
    assert_eq!(stream.try_next(), Ok(Delivery::Lagged(1)));
    let mut last = job.reader().subscribe(Since::After(positions[3])).unwrap();
    assert_eq!(drain(&mut last), Vec::<String>::new());

    let forged = narrowcast::router::Position { sequence: 4, ..positions[3] };
    let huge = narrowcast::router::Position { sequence: u64::MAX, ..positions[3] };
    job.close(Outcome::Completed).unwrap();
    let again = router.create_named(name).unwrap();
    for (job, position) in [(&job, forged), (&job, huge), (&other, positions[0]), (&again, positions[0])] {
        assert_eq!(job.reader().subscribe(Since::After(position)).unwrap_err(), Refused::ForeignPosition);
    }
    assert_eq!(router.counts().foreign_position, 4);
}

/// What is done next; emits are twice as frequent as each way of reading.
const DEEDS: [Deed; 5] = [Deed::Say, Deed::Say, Deed::TryNext, Deed::Batch, Deed::Resume];

/// What the emitter or the reader does.
#[derive(Debug, Clone, Copy)]
enum Deed {
    Say,
    TryNext,
    Batch,
    /// Drops the stream and opens another one where it stood.
    Resume,
}

proptest! {
    /// However it is read, with whatever interruptions, a stream delivers every event once and in order, or counts it.
    #[test]
    fn every_event_is_delivered_or_counted(
        retain in 1_usize..6,
        deeds in prop::collection::vec(prop::sample::select(&DEEDS), 0..80),
    ) {
        let router = retaining(retain);
        let job = router.create();
        let mut stream = start(&job);
        let wakes = Arc::new(Wakes::default());
        let (mut said, mut owed_from) = (0_u64, 0_u64);
        for deed in deeds {
            match deed {
                Deed::Say => {
                    say(&job.emitter(), said.to_string());
                    said += 1;
                }
                Deed::TryNext => match stream.try_next() {
                    Ok(Delivery::Event(event)) => {
                        prop_assert_eq!(event.decode().unwrap().human, owed_from.to_string());
                        owed_from += 1;
                    }
                    Ok(Delivery::Lagged(lost)) => owed_from += lost,
                    other => {
                        prop_assert_eq!(other, Err(TryNextError::Idle));
                        prop_assert_eq!(owed_from, said, "idle, though something is owed");
                    }
                },
                Deed::Batch => match wakes.poll(|cx| stream.poll_arrival(cx)) {
                    Poll::Ready(Some(Arrival::Batch(batch))) => {
                        prop_assert!(batch.len() > 0);
                        for event in batch {
                            prop_assert_eq!(event.sequence(), owed_from);
                            owed_from += 1;
                        }
                    }
                    Poll::Ready(Some(Arrival::Lagged(lost))) => owed_from += lost,
                    other => {
                        prop_assert!(other.is_pending());
                        prop_assert_eq!(owed_from, said, "pending, though something is owed");
                    }
                },
                Deed::Resume => {
                    let since = stream.position().map_or(Since::Start, Since::After);
                    prop_assert_eq!(stream.position().map_or(0, |at| at.sequence + 1), owed_from);
                    stream = job.reader().subscribe(since).unwrap();
                }
            }
            prop_assert!(owed_from <= said);
        }
        job.close(Outcome::Completed).unwrap();
        while let Ok(delivery) = stream.try_next() {
            match delivery {
                Delivery::Event(_) => owed_from += 1,
                Delivery::Lagged(lost) => owed_from += lost,
                Delivery::End(outcome) => prop_assert_eq!(outcome, Outcome::Completed),
            }
        }
        prop_assert_eq!(owed_from, said);
        prop_assert_eq!(stream.try_next(), Err(TryNextError::Over));
    }
}
