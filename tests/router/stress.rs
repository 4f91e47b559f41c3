//! Many real threads at once, with every event accounted for.

use super::{TESTER, retaining};
use narrowcast::narration::Outcome;
use narrowcast::router::{Arrival, Delivery, Group, Job, Since, Stream};
use std::sync::Barrier;
use std::thread;

const THREADS: usize = 8;
const JOBS: usize = 8;
const EVENTS: usize = 500;

/// What one reader of one job has seen: the numbers of each emitter, how many were lost, and the end.
struct Account {
    job: usize,
    last: [Option<usize>; THREADS],
    events: u64,
    lagged: u64,
    end: Option<Outcome>,
}

impl Account {
    fn of(job: usize) -> Account {
        Account { job, last: [None; THREADS], events: 0, lagged: 0, end: None }
    }

    /// Takes notice of one delivery, and checks what it shows at once: whose it is, and each emitter's order.
    fn take(&mut self, delivery: Delivery) {
        assert_eq!(self.end, None, "nothing follows the end");
        match delivery {
            Delivery::Event(event) => {
                let text = event.decode().unwrap().human;
                let [job, emitter, number] = *text.split(' ').map(|n| n.parse().unwrap()).collect::<Vec<usize>>()
                else {
                    panic!("never emitted: {text}")
                };
                assert_eq!(job, self.job, "an event of another job");
                assert!(
                    self.last[emitter] < Some(number),
                    "{number} of emitter {emitter} after {:?}",
                    self.last[emitter]
                );
                assert_eq!(
                    event.sequence(),
                    self.events + self.lagged,
                    "its place counts what came or was lost before"
                );
                self.last[emitter] = Some(number);
                self.events += 1;
            }
            Delivery::Lagged(lost) => self.lagged += lost,
            Delivery::End(outcome) => self.end = Some(outcome),
        }
    }

    fn settle(&self) {
        assert_eq!(self.events + self.lagged, (THREADS * EVENTS) as u64, "events + lag = emitted");
        assert_eq!(self.end, Some(Outcome::Completed));
    }
}

/// Every thread narrates to every job; the last one that is done closes them.
fn emit_all(jobs: &[Job], emitter: usize, done: &Barrier) {
    let emitters: Vec<_> = jobs.iter().map(Job::emitter).collect();
    for number in 0..EVENTS {
        for (job, to) in emitters.iter().enumerate() {
            to.narrate(TESTER, "say")
                .verbatim(format!("{job} {emitter} {number}"))
                .emit()
                .expect("nobody has closed it");
        }
    }
    if done.wait().is_leader() {
        jobs.iter().for_each(|job| job.close(Outcome::Completed).unwrap());
    }
}

fn read_one_by_one(job: usize, mut stream: Stream) {
    let mut account = Account::of(job);
    while let Some(delivery) = stream.next_blocking() {
        account.take(delivery);
    }
    account.settle();
}

/// Reads all the jobs in batches, polling without ever waiting.
fn read_in_a_group(streams: Vec<Stream>) {
    let mut accounts: Vec<_> = (0..JOBS).map(Account::of).collect();
    let mut group = Group::new();
    for (job, stream) in streams.into_iter().enumerate() {
        assert!(group.insert(job, stream).is_none());
    }
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    while !group.is_empty() {
        match group.poll_arrival(&mut cx) {
            std::task::Poll::Ready(Some((job, arrival))) => match arrival {
                Arrival::Batch(batch) => batch.for_each(|event| accounts[job].take(Delivery::Event(event))),
                Arrival::Lagged(lost) => accounts[job].take(Delivery::Lagged(lost)),
                Arrival::End(outcome) => accounts[job].take(Delivery::End(outcome)),
            },
            _ => thread::yield_now(),
        }
    }
    accounts.iter().for_each(Account::settle);
}

/// Emitters, a reader for each job, and a group over all of them, on real threads.
fn run(retain: usize) {
    let router = retaining(retain);
    let jobs: Vec<Job> = (0..JOBS).map(|_| router.create()).collect();
    let open = || jobs.iter().map(|job| job.reader().subscribe(Since::Start).unwrap()).collect::<Vec<_>>();
    let done = Barrier::new(THREADS);
    thread::scope(|scope| {
        for (job, stream) in open().into_iter().enumerate() {
            scope.spawn(move || read_one_by_one(job, stream));
        }
        let grouped = open();
        scope.spawn(move || read_in_a_group(grouped));
        for emitter in 0..THREADS {
            let (jobs, done) = (&jobs, &done);
            scope.spawn(move || emit_all(jobs, emitter, done));
        }
    });
    assert_eq!(router.jobs(), 0, "all were read to their ends");
    assert_eq!(router.counts(), Default::default(), "nothing was refused");
}

#[test]
fn every_event_is_delivered_or_counted_when_readers_fall_behind() {
    run(4);
}

#[test]
fn every_event_is_delivered_or_counted_when_nothing_needs_to_be_lost() {
    run(THREADS * EVENTS);
}

#[test]
fn jobs_that_come_and_go_on_many_threads_leave_nothing_behind() {
    let router = retaining(100);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let router = &router;
            scope.spawn(move || {
                // Every thread uses the same few names, so lives of other threads are found, closed and replaced all
                // the time.
                for n in 0..EVENTS {
                    let name = narrowcast::narration::JobId::named(format!("job {}", n % 3)).unwrap();
                    let Ok(job) = router.create_named(name) else { continue };
                    let mut stream = job.reader().subscribe(Since::Start).expect("its owner has not closed it");
                    let mine = format!("{thread} {n}");
                    job.emitter().narrate(TESTER, "say").verbatim(mine.clone()).emit().expect("it is open");
                    job.close(Outcome::Completed).expect("only its owner closes it");
                    let read: Vec<_> = std::iter::from_fn(|| stream.next_blocking()).collect();
                    let [Delivery::Event(event), Delivery::End(Outcome::Completed)] = &read[..] else {
                        panic!("{mine} reads {read:?}")
                    };
                    assert_eq!(event.decode().unwrap().human, mine);
                }
            });
        }
    });
    assert_eq!(router.jobs(), 0);
    let counts = router.counts();
    assert_eq!((counts.unknown, counts.closed, counts.evicted), (0, 0, 0));
}
