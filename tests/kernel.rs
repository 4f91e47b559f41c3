//! The kernel as plain data structures and rights, over std's primitives and on one thread.
//!
//! What one job retains is compared with the most naive log there is, a vector of everything. Then: where streams
//! start, which life a right reaches, how a job ends and is given up, what refusals count, and that caller's code
//! (wakers that panic, batches that are held) can do no harm to others. The races between these are the explorers'
//! business.
#![cfg(feature = "router")]

use narrowcast::compiled::native::kernel::log::{CHUNK_BYTES, Retention};
use narrowcast::compiled::native::kernel::rights::Arrival;
use narrowcast::compiled::native::kernel::{
    Batch, Counts, Delivery, Emitter, Kernel, Owner, Position, Reader, Refused, Setup, Since, Stream,
};
use narrowcast::narration::{JobId, Outcome, State};
use proptest::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

// === short words ===

fn setup() -> Setup {
    Setup {
        shards: 4,
        hash_seed: [1, 2],
        retention: Retention { events: 100, bytes: 1 << 20 },
        event_bytes: 1 << 16,
        linger_ticks: 10,
        linger_jobs: 8,
    }
}

fn retaining(events: usize, bytes: usize) -> Kernel {
    Kernel::new(Setup { retention: Retention { events, bytes }, ..setup() })
}

fn name(text: &str) -> JobId {
    JobId::named(text).expect("a short name")
}

/// A job called `a`, with incarnation 7.
fn job(kernel: &Kernel) -> (Owner, Emitter, Reader) {
    let owner = kernel.create(&name("a"), 7).expect("the name is free");
    let (emitter, reader) = (owner.emitter(), owner.reader());
    (owner, emitter, reader)
}

fn next(stream: &mut Stream) -> Poll<Option<Delivery>> {
    stream.poll_next(&mut Context::from_waker(Waker::noop()))
}

fn arrival(stream: &mut Stream) -> Poll<Option<Arrival>> {
    stream.poll_arrival(&mut Context::from_waker(Waker::noop()))
}

fn at(sequence: u64) -> Position {
    Position { incarnation: 7, sequence }
}

/// All that the stream has to give now, in words: events as their text.
fn read(stream: &mut Stream) -> Vec<String> {
    let mut words = Vec::new();
    while let Poll::Ready(Some(delivery)) = next(stream) {
        words.push(match delivery {
            Delivery::Event(frame) => String::from_utf8_lossy(&frame.bytes).into_owned(),
            Delivery::Lagged(n) => format!("lagged {n}"),
            Delivery::End(outcome) => format!("end {outcome}"),
        });
    }
    words
}

fn emit_all(emitter: &Emitter, words: &[&str]) {
    words.iter().for_each(|word| {
        emitter.emit(word.as_bytes()).expect("the job is open");
    });
}

// === what a job retains: against a vector of everything ===

#[derive(Debug, Clone)]
enum Step {
    Push(usize),
    Open(Start),
    /// One delivery to this reader.
    Next(usize),
    /// All that is there for this reader, by arrivals.
    Arrivals(usize),
    /// A batch that is kept to the end of the test.
    Hold(usize),
    Leave(usize),
}

#[derive(Debug, Clone, Copy)]
enum Start {
    Now,
    First,
    After(prop::sample::Index),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let size = prop_oneof![
        4 => 0_usize..64,
        2 => 0_usize..2_000,
        1 => CHUNK_BYTES - 12..CHUNK_BYTES + 12,
        1 => 0_usize..40 * 1024,
    ];
    let start = prop_oneof![Just(Start::Now), Just(Start::First), any::<prop::sample::Index>().prop_map(Start::After)];
    let step = prop_oneof![
        8 => size.prop_map(Step::Push),
        1 => start.prop_map(Step::Open),
        4 => (0_usize..8).prop_map(Step::Next),
        1 => (0_usize..8).prop_map(Step::Arrivals),
        1 => (0_usize..8).prop_map(Step::Hold),
        1 => (0_usize..8).prop_map(Step::Leave),
    ];
    prop::collection::vec(step, 1..160)
}

/// Everything that was ever emitted, and what of it must be retained.
struct Everything {
    events: Vec<Vec<u8>>,
    retention: Retention,
}

impl Everything {
    fn push(&mut self, size: usize) -> Vec<u8> {
        let at = self.events.len();
        let event: Vec<u8> = (0..size).map(|i| (at * 31 + i * 7) as u8).collect();
        self.events.push(event.clone());
        event
    }

    fn next(&self) -> u64 {
        self.events.len() as u64
    }

    /// The oldest retained position: the first from which on all is within the retention, or the newest event.
    fn first(&self) -> u64 {
        let fits = |from: usize| {
            let kept = &self.events[from..];
            let bytes: usize = kept.iter().map(Vec::len).sum();
            kept.len() <= 1 || (kept.len() <= self.retention.events && bytes <= self.retention.bytes)
        };
        (0..=self.events.len()).find(|from| fits(*from)).unwrap_or_default() as u64
    }
}

/// A reader, and where it stands.
struct Reading {
    stream: Stream,
    /// The position that it is owed next.
    owed: u64,
    /// Where the run of events that it last fetched can end at most: up to there it may get what is evicted meanwhile.
    fetched: u64,
    /// How many bytes it got of events that were evicted already, since it last fetched.
    stale: Vec<usize>,
}

impl Reading {
    fn event(&mut self, all: &Everything, position: u64, bytes: &[u8]) {
        assert_eq!(position, self.owed, "events come in order, each once");
        assert_eq!(bytes, &all.events[position as usize][..], "an event comes as it was emitted");
        if position < all.first() {
            assert!(position < self.fetched, "event {position} was evicted before it was fetched");
            self.stale.push(bytes.len());
            let pinned: usize = self.stale.iter().sum();
            assert!(self.stale.len() == 1 || pinned <= CHUNK_BYTES, "a fetched run pins more than a chunk");
        } else {
            // It may have been fetched just now, with all that there is.
            self.fetched = all.next();
            self.stale.clear();
        }
        self.owed += 1;
    }

    fn lagged(&mut self, all: &Everything, n: u64) {
        assert!(self.owed < all.first(), "nothing that is owed was evicted, yet {n} are said to be");
        assert_eq!(n, all.first() - self.owed, "a lag marker is exact");
        (self.owed, self.fetched) = (all.first(), all.next());
        self.stale.clear();
    }

    fn next(&mut self, all: &Everything) -> bool {
        match next(&mut self.stream) {
            Poll::Ready(Some(Delivery::Event(frame))) => self.event(all, frame.position, &frame.bytes),
            Poll::Ready(Some(Delivery::Lagged(n))) => self.lagged(all, n),
            Poll::Ready(other) => panic!("{other:?} on a stream of an open job"),
            Poll::Pending => {
                assert_eq!(self.owed, all.next(), "a reader waits only if it has everything");
                return false;
            }
        }
        true
    }

    /// Takes what comes next as a whole. Answers the batch, and how many events it holds.
    fn arrival(&mut self, all: &Everything) -> Option<Option<Batch>> {
        match arrival(&mut self.stream) {
            Poll::Ready(Some(Arrival::Batch(batch))) => {
                assert!(batch.len() > 0, "a batch without events");
                for frame in batch.clone() {
                    self.event(all, frame.position, &frame.bytes);
                }
                Some(Some(batch))
            }
            Poll::Ready(Some(Arrival::Lagged(n))) => {
                self.lagged(all, n);
                Some(None)
            }
            Poll::Ready(other) => panic!("{other:?} on a stream of an open job"),
            Poll::Pending => {
                assert_eq!(self.owed, all.next(), "a reader waits only if it has everything");
                None
            }
        }
    }
}

fn open(reader: &Reader, all: &Everything, start: Start) -> Option<Reading> {
    let (since, owed) = match start {
        Start::Now => (Since::Now, all.next()),
        Start::First => (Since::Start, 0),
        Start::After(_) if all.events.is_empty() => return None,
        Start::After(index) => {
            let sequence = index.index(all.events.len()) as u64;
            (Since::After(at(sequence)), sequence + 1)
        }
    };
    let stream = reader.subscribe(since).expect("a position of this job");
    Some(Reading { stream, owed, fetched: owed, stale: Vec::new() })
}

fn check_against_everything(retention: Retention, steps: &[Step]) {
    let kernel = retaining(retention.events, retention.bytes);
    let (owner, emitter, reader) = job(&kernel);
    let mut all = Everything { events: Vec::new(), retention };
    let mut readers: Vec<Reading> = open(&reader, &all, Start::First).into_iter().collect();
    let mut held: Vec<Batch> = Vec::new();
    for step in steps {
        let of = |k: usize, readers: &[Reading]| (!readers.is_empty()).then(|| k % readers.len());
        match step {
            Step::Push(size) => {
                let event = all.push(*size);
                assert_eq!(emitter.emit(&event), Ok(at(all.next() - 1)), "positions are counted");
            }
            Step::Open(start) => readers.extend(open(&reader, &all, *start)),
            Step::Next(k) => {
                if let Some(k) = of(*k, &readers) {
                    readers[k].next(&all);
                }
            }
            Step::Arrivals(k) => {
                if let Some(k) = of(*k, &readers) {
                    while readers[k].arrival(&all).is_some() {}
                }
            }
            Step::Hold(k) => {
                if let Some(k) = of(*k, &readers) {
                    held.extend(readers[k].arrival(&all).flatten());
                }
            }
            Step::Leave(k) => {
                if let Some(k) = of(*k, &readers) {
                    readers.swap_remove(k);
                }
            }
        }
    }
    owner.close(Outcome::Failed).expect("nobody closed it yet");
    for mut reading in readers {
        while reading.owed < all.next() {
            reading.next(&all);
        }
        assert_eq!(next(&mut reading.stream), Poll::Ready(Some(Delivery::End(Outcome::Failed))), "then the end");
        assert_eq!(next(&mut reading.stream), Poll::Ready(None), "and nothing after it");
    }
    for frame in held.into_iter().flatten() {
        assert_eq!(frame.bytes, all.events[frame.position as usize], "what a held batch shows does not change");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn retention_is_exact_by_events_and_by_bytes_at_every_position(
        events in 1_usize..50,
        bytes in prop_oneof![1_usize..64, 1_usize..64 * 1024],
        steps in steps(),
    ) {
        check_against_everything(Retention { events, bytes }, &steps);
    }
}

#[test]
fn the_newest_event_is_kept_whatever_its_size() {
    let kernel = retaining(0, 0);
    let (_owner, emitter, reader) = job(&kernel);
    emit_all(&emitter, &["one", "two"]);
    assert_eq!(read(&mut reader.subscribe(Since::Start).unwrap()), ["lagged 1", "two"]);
}

#[test]
fn a_batch_pins_one_chunk_or_one_event_and_no_neighbour() {
    let kernel = retaining(100, 1 << 20);
    let (_owner, emitter, reader) = job(&kernel);
    let mut stream = reader.subscribe(Since::Start).unwrap();
    let large = vec![1; 60_000];
    emitter.emit(&large).unwrap();
    let Poll::Ready(Some(Delivery::Event(first))) = next(&mut stream) else { panic!("the first event is there") };
    emitter.emit(b"small").unwrap();
    let Poll::Ready(Some(Delivery::Event(second))) = next(&mut stream) else { panic!("the second event is there") };
    // Behind the first event stands its chunk's table of one entry; what follows at once shares its allocation.
    let behind = first.bytes.as_ptr_range().end as usize + size_of::<u32>();
    assert_ne!(
        second.bytes.as_ptr() as usize,
        behind,
        "who holds 5 bytes holds the 60,000 of the event before them, too: the chunks share one allocation"
    );
}

#[test]
fn a_chunk_is_filled_to_its_last_byte_and_not_beyond() {
    // How many events a reader finds in each batch, if these many bytes are emitted before it comes.
    let batches = |sizes: &[usize]| {
        let kernel = retaining(100, 1 << 20);
        let (_owner, emitter, reader) = job(&kernel);
        sizes.iter().for_each(|size| assert!(emitter.emit(&vec![1; *size]).is_ok()));
        let mut stream = reader.subscribe(Since::Start).unwrap();
        let mut found = Vec::new();
        while let Poll::Ready(Some(Arrival::Batch(batch))) = arrival(&mut stream) {
            found.push(batch.len());
        }
        found
    };
    // Each event has an entry in the chunk's table, too.
    let full = CHUNK_BYTES - 3 * size_of::<u32>();
    assert_eq!(batches(&[10, 100, full - 110]), [3]);
    assert_eq!(batches(&[10, 100, full - 109]), [2, 1]);
    assert_eq!(batches(&[10, 100, full - 110, 0]), [3, 1]);
}

#[test]
fn a_stream_is_a_future_too() {
    let kernel = Kernel::new(setup());
    let (owner, emitter, reader) = job(&kernel);
    let mut stream = reader.subscribe(Since::Now).unwrap();
    let poll = |stream: &mut Stream| pin!(stream.next()).poll(&mut Context::from_waker(Waker::noop()));
    assert!(poll(&mut stream).is_pending());
    emit_all(&emitter, &["0"]);
    assert!(matches!(poll(&mut stream), Poll::Ready(Some(Delivery::Event(frame))) if frame.bytes == "0"));
    owner.close(Outcome::Completed).unwrap();
    assert!(matches!(poll(&mut stream), Poll::Ready(Some(Delivery::End(Outcome::Completed)))));
    assert!(matches!(poll(&mut stream), Poll::Ready(None)));
}

// === limits, and where streams start ===

#[test]
fn refusals_say_why() {
    let all = [
        Refused::Unknown,
        Refused::Closed(Outcome::Completed),
        Refused::Running,
        Refused::InUse,
        Refused::TooLarge { limit: 9 },
        Refused::ForeignPosition,
    ];
    let said = all.map(|refused| refused.to_string());
    assert!(said[1].contains("completed") && said[4].contains("9 bytes"), "{said:?}");
    assert!(said.iter().all(|words| said.iter().filter(|other| *other == words).count() == 1), "{said:?}");
}

#[test]
fn the_largest_event_is_accepted_and_one_byte_more_is_refused_and_counted() {
    let kernel = Kernel::new(Setup { event_bytes: 10, ..setup() });
    let (_owner, emitter, reader) = job(&kernel);
    assert_eq!(emitter.emit(&[0; 11]), Err(Refused::TooLarge { limit: 10 }));
    assert_eq!(emitter.emit(&[b'x'; 10]), Ok(at(0)), "what was refused took no position");
    assert_eq!(emitter.emit(&[]), Ok(at(1)), "an empty event is one");
    assert_eq!(read(&mut reader.subscribe(Since::Start).unwrap()), ["xxxxxxxxxx", ""]);
    assert_eq!(kernel.counts(), Counts { too_large: 1, ..Counts::default() });
}

#[test]
fn a_stream_starts_now_or_at_the_start_or_after_an_event() {
    let kernel = Kernel::new(setup());
    let (_owner, emitter, reader) = job(&kernel);
    let mut from_the_start = reader.subscribe(Since::Start).unwrap();
    emit_all(&emitter, &["0", "1", "2"]);
    let mut now = reader.subscribe(Since::Now).unwrap();
    let mut after_the_first = reader.subscribe(Since::After(at(0))).unwrap();
    let mut after_the_last = reader.subscribe(Since::After(at(2))).unwrap();
    emit_all(&emitter, &["3"]);
    assert_eq!(read(&mut from_the_start), ["0", "1", "2", "3"]);
    assert_eq!(read(&mut now), ["3"]);
    assert_eq!(read(&mut after_the_first), ["1", "2", "3"]);
    assert_eq!(read(&mut after_the_last), ["3"]);
}

#[test]
fn a_position_that_is_not_of_this_life_or_beyond_its_tail_is_refused_and_counted() {
    let kernel = Kernel::new(setup());
    let (_owner, emitter, reader) = job(&kernel);
    let refused = |position| reader.subscribe(Since::After(position)).map(drop);
    assert_eq!(refused(at(0)), Err(Refused::ForeignPosition), "nothing was emitted yet");
    emit_all(&emitter, &["0", "1"]);
    assert_eq!(refused(Position { incarnation: 8, sequence: 0 }), Err(Refused::ForeignPosition), "another life");
    assert_eq!(refused(at(2)), Err(Refused::ForeignPosition), "one beyond the tail");
    assert_eq!(refused(at(u64::MAX)), Err(Refused::ForeignPosition), "the largest number there is");
    assert_eq!(refused(at(1)), Ok(()), "the tail itself");
    assert_eq!(kernel.counts(), Counts { foreign_position: 4, ..Counts::default() });
}

#[test]
fn after_an_event_that_is_evicted_the_gap_is_counted() {
    let kernel = retaining(2, usize::MAX);
    let (_owner, emitter, reader) = job(&kernel);
    emit_all(&emitter, &["0", "1", "2", "3", "4"]);
    assert_eq!(read(&mut reader.subscribe(Since::After(at(0))).unwrap()), ["lagged 2", "3", "4"]);
    assert_eq!(read(&mut reader.subscribe(Since::After(at(2))).unwrap()), ["3", "4"], "evicted, but nothing lost");
}

// === two lives of a name ===

#[test]
fn a_name_that_is_in_use_is_refused_and_free_again_after_the_close() {
    let kernel = Kernel::new(setup());
    let (owner, ..) = job(&kernel);
    assert_eq!(kernel.create(&name("a"), 8).map(drop), Err(Refused::InUse));
    assert_eq!(kernel.create(&name("A"), 8).map(drop), Ok(()), "names are compared byte for byte");
    owner.close(Outcome::Completed).unwrap();
    assert_eq!(kernel.create(&name("a"), 8).map(drop), Ok(()));
    assert_eq!(kernel.counts(), Counts { in_use: 1, ..Counts::default() });
}

#[test]
fn rights_to_an_old_life_do_not_reach_the_new_one() {
    let kernel = Kernel::new(setup());
    let (old_owner, old_emitter, old_reader) = job(&kernel);
    let old_access = kernel.find(&name("a")).unwrap();
    emit_all(&old_emitter, &["old"]);
    let mut old_stream = old_reader.subscribe(Since::Start).unwrap();
    old_owner.close(Outcome::Failed).unwrap();
    let new_owner = kernel.create(&name("a"), 8).unwrap();
    let mut new_stream = new_owner.reader().subscribe(Since::Start).unwrap();

    assert_eq!(old_emitter.emit(b"late"), Err(Refused::Closed(Outcome::Failed)));
    assert_eq!(old_access.emitter().emit(b"late"), Err(Refused::Closed(Outcome::Failed)));
    assert_eq!(old_owner.close(Outcome::Cancelled), Err(Refused::Closed(Outcome::Failed)));
    assert_eq!(old_access.close(Outcome::Cancelled), Err(Refused::Closed(Outcome::Failed)));
    new_owner.emitter().emit(b"new").unwrap();
    let mut late_reader = old_reader.subscribe(Since::Start).unwrap();
    let position_of_old = Position { incarnation: 7, sequence: 0 };
    assert_eq!(new_owner.reader().subscribe(Since::After(position_of_old)).map(drop), Err(Refused::ForeignPosition));

    assert_eq!(read(&mut old_stream), ["old", "end failed"]);
    assert_eq!(read(&mut late_reader), ["old", "end failed"], "the old life stays readable through its own right");
    drop((old_owner, old_access, old_emitter, old_reader));
    assert_eq!(new_owner.outcome(), None, "that the old owner goes abandons nothing");
    assert_eq!(read(&mut new_stream), ["new"]);
    assert_eq!(kernel.find(&name("a")).unwrap().emitter().emit(b"by name").map(|at| at.incarnation), Ok(8));
    assert_eq!(read(&mut new_stream), ["by name"]);
}

#[test]
fn reading_an_old_life_to_its_end_gives_up_the_old_life_alone() {
    let kernel = Kernel::new(setup());
    let (owner, _, reader) = job(&kernel);
    let mut stream = reader.subscribe(Since::Start).unwrap();
    owner.close(Outcome::Completed).unwrap();
    let new = kernel.create(&name("a"), 8).unwrap();
    assert_eq!(read(&mut stream), ["end completed"]);
    kernel.sweep(1_000);
    kernel.sweep(2_000);
    assert_eq!(kernel.jobs(), 1, "the new life bears the name");
    assert_eq!(kernel.find(&name("a")).unwrap().outcome(), None);
    drop(new);
}

#[test]
fn sweeping_an_old_life_gives_up_the_old_life_alone() {
    let kernel = Kernel::new(setup());
    let (owner, _, reader) = job(&kernel);
    owner.close(Outcome::Completed).unwrap();
    let new = kernel.create(&name("a"), 8).unwrap();
    kernel.sweep(0);
    kernel.sweep(10);
    assert_eq!(kernel.counts().expired, 1);
    assert_eq!(reader.subscribe(Since::Start).map(drop), Err(Refused::Unknown));
    assert_eq!(new.reader().subscribe(Since::Start).map(drop), Ok(()));
    assert_eq!(kernel.jobs(), 1);
}

// === how a job ends ===

#[test]
fn an_owner_that_goes_without_a_word_abandons_the_job() {
    let kernel = Kernel::new(setup());
    let (owner, emitter, reader) = job(&kernel);
    let access = kernel.find(&name("a")).unwrap();
    let mut stream = reader.subscribe(Since::Start).unwrap();
    emit_all(&emitter, &["last words"]);
    drop(owner);
    assert_eq!(access.outcome(), Some(Outcome::Abandoned));
    assert_eq!(read(&mut stream), ["last words", "end abandoned"]);
}

#[test]
fn an_owner_that_unwinds_abandons_the_job() {
    let kernel = Kernel::new(setup());
    let (owner, _, reader) = job(&kernel);
    let mut stream = reader.subscribe(Since::Start).unwrap();
    let _panic = catch_unwind(AssertUnwindSafe(move || {
        let _owner = owner;
        std::panic::resume_unwind(Box::new("the job's own code"));
    }));
    assert_eq!(read(&mut stream), ["end abandoned"]);
}

#[test]
fn the_first_close_decides_and_the_others_are_told_its_outcome_and_counted() {
    let kernel = Kernel::new(setup());
    let (owner, emitter, reader) = job(&kernel);
    let access = kernel.find(&name("a")).unwrap();
    assert_eq!(access.close(Outcome::Cancelled), Ok(()));
    assert_eq!(owner.close(Outcome::Completed), Err(Refused::Closed(Outcome::Cancelled)));
    assert_eq!(emitter.emit(b"late"), Err(Refused::Closed(Outcome::Cancelled)));
    drop(owner);
    let mut stream = reader.subscribe(Since::Start).unwrap();
    assert_eq!(read(&mut stream), ["end cancelled"]);
    assert_eq!(kernel.counts(), Counts { closed: 2, ..Counts::default() });
}

#[test]
fn every_stream_has_one_end_after_all_that_it_is_owed_and_then_nothing() {
    let kernel = retaining(2, usize::MAX);
    let (owner, emitter, reader) = job(&kernel);
    let mut slow = reader.subscribe(Since::Start).unwrap();
    emit_all(&emitter, &["0", "1", "2"]);
    owner.close(Outcome::Completed).unwrap();
    let mut late = reader.subscribe(Since::Now).unwrap();
    let mut replayed = reader.subscribe(Since::Start).unwrap();
    assert_eq!(read(&mut slow), ["lagged 1", "1", "2", "end completed"]);
    assert_eq!(read(&mut late), ["end completed"]);
    assert_eq!(read(&mut replayed), ["lagged 1", "1", "2", "end completed"], "open before the history was given up");
    for stream in [&mut slow, &mut late, &mut replayed] {
        assert_eq!(next(stream), Poll::Ready(None));
        assert!(matches!(arrival(stream), Poll::Ready(None)));
    }
}

#[test]
fn a_job_is_queued_until_it_is_started_once_and_over_from_its_close_on() {
    let kernel = Kernel::new(setup());
    let (owner, ..) = job(&kernel);
    let access = kernel.find(&name("a")).unwrap();
    assert_eq!(owner.state(), State::Queued);
    assert_eq!(access.start(), Ok(()));
    assert_eq!((owner.start(), owner.state()), (Err(Refused::Running), State::Running));
    owner.close(Outcome::Completed).unwrap();
    assert_eq!(owner.start(), Err(Refused::Closed(Outcome::Completed)));
    assert_eq!(access.state(), State::Over(Outcome::Completed));
    assert_eq!(kernel.counts(), Counts { running: 1, closed: 1, ..Counts::default() });
}

// === nothing is left behind, and nothing goes too early ===

#[test]
fn a_job_that_was_read_to_its_end_is_gone() {
    let kernel = Kernel::new(setup());
    let (owner, emitter, reader) = job(&kernel);
    emit_all(&emitter, &["0"]);
    owner.close(Outcome::Completed).unwrap();
    assert_eq!(kernel.jobs(), 1, "it stays readable until somebody has read it");
    assert_eq!(read(&mut reader.subscribe(Since::Start).unwrap()), ["0", "end completed"]);
    assert_eq!(kernel.jobs(), 0);
    assert_eq!(reader.subscribe(Since::Start).map(drop), Err(Refused::Unknown));
    assert_eq!(kernel.find(&name("a")).map(drop), Err(Refused::Unknown));
    kernel.sweep(0);
    kernel.sweep(u64::MAX);
    assert_eq!(kernel.counts(), Counts { unknown: 2, ..Counts::default() }, "nothing of it is left to expire");
}

#[test]
fn the_history_goes_with_the_job_whatever_rights_to_it_are_still_held() {
    let kernel = Kernel::new(setup());
    let (owner, emitter, reader) = job(&kernel);
    emit_all(&emitter, &["0"]);
    let mut stream = reader.subscribe(Since::Start).unwrap();
    let late = reader.subscribe(Since::Start).unwrap();
    let Poll::Ready(Some(Delivery::Event(frame))) = next(&mut stream) else { panic!("an event is there") };
    owner.close(Outcome::Completed).unwrap();
    assert_eq!(read(&mut stream), ["end completed"]);
    drop(stream);
    assert!(!frame.bytes.is_unique(), "another stream has yet to read the event");
    drop(late);
    assert!(frame.bytes.is_unique(), "who keeps a right to a job that is gone keeps none of its history");
    drop((owner, emitter, reader));
}

#[test]
fn a_job_that_nobody_reads_is_given_up_when_its_time_is_over_and_not_before() {
    let kernel = Kernel::new(setup());
    let (owner, emitter, reader) = job(&kernel);
    emit_all(&emitter, &["0"]);
    kernel.sweep(1_000_000);
    owner.close(Outcome::Completed).unwrap();
    kernel.sweep(1_000_005);
    kernel.sweep(1_000_014);
    assert_eq!((kernel.jobs(), kernel.counts().expired), (1, 0), "ten ticks from the first sweep after its close");
    let mut open = reader.subscribe(Since::Start).unwrap();
    kernel.sweep(1_000_015);
    assert_eq!((kernel.jobs(), kernel.counts().expired), (0, 1));
    assert_eq!(reader.subscribe(Since::Start).map(drop), Err(Refused::Unknown));
    assert_eq!(read(&mut open), ["0", "end completed"], "a stream that is open keeps what it reads");
}

#[test]
fn an_open_job_is_never_swept() {
    let kernel = Kernel::new(setup());
    let (owner, ..) = job(&kernel);
    kernel.sweep(0);
    kernel.sweep(u64::MAX);
    assert_eq!((kernel.jobs(), owner.outcome()), (1, None));
}

#[test]
fn when_too_many_linger_the_oldest_is_given_up_first_and_counted() {
    let kernel = Kernel::new(Setup { linger_jobs: 2, ..setup() });
    let close = |text: &str| {
        let owner = kernel.create(&name(text), 1).unwrap();
        owner.close(Outcome::Completed).unwrap();
        owner.reader()
    };
    let readers = ["a", "b", "c", "d"].map(close);
    assert_eq!((kernel.jobs(), kernel.counts().evicted), (2, 2));
    let answers = readers.map(|reader| reader.subscribe(Since::Start).map(drop));
    assert_eq!(answers, [Err(Refused::Unknown), Err(Refused::Unknown), Ok(()), Ok(())]);
}

#[test]
fn where_no_job_may_linger_a_close_gives_the_job_up() {
    let kernel = Kernel::new(Setup { linger_jobs: 0, ..setup() });
    let (owner, emitter, reader) = job(&kernel);
    emit_all(&emitter, &["0"]);
    owner.close(Outcome::Completed).unwrap();
    assert_eq!((kernel.jobs(), kernel.counts().evicted), (0, 1));
    assert_eq!(reader.subscribe(Since::Start).map(drop), Err(Refused::Unknown));
}

#[test]
fn a_job_that_is_being_read_when_it_is_closed_makes_no_other_go() {
    let kernel = Kernel::new(Setup { linger_jobs: 1, ..setup() });
    let job = |text: &str| kernel.create(&name(text), 1).unwrap();
    let close = |owner: &Owner| owner.close(Outcome::Completed).unwrap();
    let unread = job("unread");
    close(&unread);
    for round in 0..3 {
        let owner = job(&format!("read {round}"));
        let mut stream = owner.reader().subscribe(Since::Start).unwrap();
        close(&owner);
        assert_eq!(read(&mut stream), ["end completed"]);
    }
    assert_eq!((kernel.jobs(), kernel.counts().evicted), (1, 0));
    // Whoever leaves without the end has not read it: it is too much, and that shows with the next sweep or close.
    for enough in [
        |kernel: &Kernel| kernel.sweep(0),
        |kernel: &Kernel| {
            kernel.create(&name("next"), 1).unwrap().close(Outcome::Completed).unwrap();
        },
    ] {
        let before = kernel.counts().evicted;
        let owner = job("left");
        let stream = owner.reader().subscribe(Since::Start).unwrap();
        close(&owner);
        drop(stream);
        assert_eq!((kernel.jobs(), kernel.counts().evicted), (2, before));
        enough(&kernel);
        assert_eq!(kernel.jobs(), 1);
        assert!(kernel.counts().evicted > before);
    }
    assert_eq!(unread.reader().subscribe(Since::Start).map(drop), Err(Refused::Unknown), "the oldest went first");
}

#[test]
fn jobs_that_come_and_go_leave_nothing() {
    let kernel = Kernel::new(setup());
    for round in 0..1_000 {
        let owner = kernel.create(&name(&format!("job {}", round % 7)), round).unwrap();
        owner.emitter().emit(b"event").unwrap();
        let mut stream = owner.reader().subscribe(Since::Start).unwrap();
        owner.close(Outcome::Completed).unwrap();
        match round % 3 {
            0 => assert_eq!(read(&mut stream), ["event", "end completed"]),
            1 => drop(stream),
            _ => assert!(next(&mut stream).is_ready()),
        }
    }
    kernel.sweep(0);
    kernel.sweep(u64::MAX);
    assert_eq!(kernel.jobs(), 0);
}

#[test]
fn a_held_batch_outlives_eviction_close_and_kernel() {
    let kernel = retaining(2, usize::MAX);
    let (owner, emitter, reader) = job(&kernel);
    emit_all(&emitter, &["0", "1"]);
    let mut stream = reader.subscribe(Since::Start).unwrap();
    let Poll::Ready(Some(Arrival::Batch(batch))) = arrival(&mut stream) else { panic!("two events are there") };
    emit_all(&emitter, &["2", "3", "4"]);
    assert_eq!(read(&mut stream), ["lagged 1", "3", "4"], "what is held is not counted as lost, nor delivered again");
    owner.close(Outcome::Completed).unwrap();
    drop((stream, owner, emitter, reader, kernel));
    let texts: Vec<String> = batch.map(|frame| String::from_utf8_lossy(&frame.bytes).into_owned()).collect();
    assert_eq!(texts, ["0", "1"]);
}

#[test]
fn what_was_fetched_and_not_yet_delivered_comes_first_in_a_batch() {
    let kernel = Kernel::new(setup());
    let (_owner, emitter, reader) = job(&kernel);
    let mut stream = reader.subscribe(Since::Start).unwrap();
    emit_all(&emitter, &["0", "1", "2"]);
    assert!(matches!(next(&mut stream), Poll::Ready(Some(Delivery::Event(_)))));
    emit_all(&emitter, &["3"]);
    let mut positions = Vec::new();
    while let Poll::Ready(Some(Arrival::Batch(batch))) = arrival(&mut stream) {
        positions.extend(batch.map(|frame| frame.position));
    }
    assert_eq!(positions, [1, 2, 3]);
}

// === wakers are caller's code ===

/// Counts its wakes; panics at each, if it is told to.
#[derive(Default)]
struct Alarm {
    rung: AtomicUsize,
    panics: bool,
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.rung.fetch_add(1, Ordering::Relaxed);
        if self.panics {
            // Not `panic!`: a hook that prints a backtrace would only hide what else this test says.
            std::panic::resume_unwind(Box::new("a waker panics"));
        }
    }
}

impl Alarm {
    fn new() -> Arc<Alarm> {
        Arc::default()
    }

    fn panicking() -> Arc<Alarm> {
        Arc::new(Alarm { panics: true, ..Alarm::default() })
    }

    fn wait(self: &Arc<Self>, stream: &mut Stream) {
        let waker = Waker::from(Arc::clone(self));
        assert_eq!(stream.poll_next(&mut Context::from_waker(&waker)), Poll::Pending);
    }

    fn rung(&self) -> usize {
        self.rung.load(Ordering::Relaxed)
    }
}

#[test]
fn every_waiting_reader_is_woken_once_by_an_emit_and_by_the_close() {
    let kernel = Kernel::new(setup());
    let (owner, emitter, reader) = job(&kernel);
    let mut streams: Vec<Stream> = (0..5).map(|_| reader.subscribe(Since::Now).unwrap()).collect();
    let alarms: Vec<Arc<Alarm>> = streams
        .iter_mut()
        .map(|stream| {
            let alarm = Alarm::new();
            alarm.wait(stream);
            alarm
        })
        .collect();
    let rung = || alarms.iter().map(|alarm| alarm.rung()).collect::<Vec<_>>();
    emit_all(&emitter, &["0"]);
    assert_eq!(rung(), [1; 5]);
    emit_all(&emitter, &["1"]);
    assert_eq!(rung(), [1; 5], "whoever was woken and has not come back is not waiting");
    for (stream, alarm) in streams.iter_mut().zip(&alarms) {
        assert_eq!(read(stream), ["0", "1"]);
        alarm.wait(stream);
    }
    owner.close(Outcome::Completed).unwrap();
    assert_eq!(rung(), [2; 5]);
}

#[test]
fn a_neighbours_events_wake_nobody() {
    let kernel = Kernel::new(Setup { shards: 1, ..setup() });
    let (_owner, _, reader) = job(&kernel);
    let neighbour = kernel.create(&name("b"), 9).unwrap();
    let mut stream = reader.subscribe(Since::Now).unwrap();
    let alarm = Alarm::new();
    alarm.wait(&mut stream);
    emit_all(&neighbour.emitter(), &["0", "1"]);
    neighbour.close(Outcome::Failed).unwrap();
    assert_eq!(alarm.rung(), 0);
    assert_eq!(read(&mut stream), Vec::<String>::new());
}

#[test]
fn a_waker_is_let_go_with_its_stream() {
    let kernel = Kernel::new(setup());
    let (_owner, emitter, reader) = job(&kernel);
    let mut stream = reader.subscribe(Since::Now).unwrap();
    let alarm = Alarm::new();
    alarm.wait(&mut stream);
    assert_eq!(Arc::strong_count(&alarm), 2, "the channel holds the waker");
    drop(stream);
    assert_eq!(Arc::strong_count(&alarm), 1, "and lets it go");
    emit_all(&emitter, &["0"]);
    assert_eq!(alarm.rung(), 0);
}

#[test]
fn a_waker_is_let_go_once_it_is_woken() {
    let kernel = Kernel::new(setup());
    let (_owner, emitter, reader) = job(&kernel);
    let mut stream = reader.subscribe(Since::Now).unwrap();
    let alarm = Alarm::new();
    alarm.wait(&mut stream);
    emit_all(&emitter, &["0"]);
    assert_eq!((alarm.rung(), Arc::strong_count(&alarm)), (1, 1));
}

#[test]
fn the_latest_waker_of_a_stream_replaces_the_earlier_one() {
    let kernel = Kernel::new(setup());
    let (_owner, emitter, reader) = job(&kernel);
    let mut stream = reader.subscribe(Since::Now).unwrap();
    let (first, second) = (Alarm::new(), Alarm::new());
    first.wait(&mut stream);
    second.wait(&mut stream);
    assert_eq!((Arc::strong_count(&first), Arc::strong_count(&second)), (1, 2));
    emit_all(&emitter, &["0"]);
    assert_eq!((first.rung(), second.rung()), (0, 1));
}

#[test]
fn a_stream_that_leaves_takes_nobody_elses_waker_along() {
    let kernel = Kernel::new(setup());
    let (_owner, emitter, reader) = job(&kernel);
    let mut streams: Vec<Stream> = (0..4).map(|_| reader.subscribe(Since::Now).unwrap()).collect();
    let alarms = [Alarm::new(), Alarm::new(), Alarm::new(), Alarm::new()];
    // Registered, woken, and registered anew in another order: their places have changed hands.
    streams.iter_mut().zip(&alarms).for_each(|(stream, alarm)| alarm.wait(stream));
    emit_all(&emitter, &["0"]);
    streams.iter_mut().rev().zip(alarms.iter().rev()).skip(1).for_each(|(stream, alarm)| {
        assert_eq!(read(stream), ["0"]);
        alarm.wait(stream);
    });
    drop(streams.remove(3));
    drop(streams.remove(1));
    let mut late = reader.subscribe(Since::Now).unwrap();
    let late_alarm = Alarm::new();
    late_alarm.wait(&mut late);
    emit_all(&emitter, &["1"]);
    let rung: Vec<usize> = alarms.iter().chain([&late_alarm]).map(|alarm| alarm.rung()).collect();
    assert_eq!(rung, [2, 1, 2, 1, 1]);
}

#[test]
fn a_waker_that_panics_costs_no_other_reader_his_wake_nor_the_job_its_life() {
    let kernel = Kernel::new(setup());
    let (owner, emitter, reader) = job(&kernel);
    for place in 0..3 {
        let mut streams: Vec<Stream> = (0..3).map(|_| reader.subscribe(Since::Now).unwrap()).collect();
        let alarms: Vec<Arc<Alarm>> =
            (0..3).map(|at| if at == place { Alarm::panicking() } else { Alarm::new() }).collect();
        streams.iter_mut().zip(&alarms).for_each(|(stream, alarm)| alarm.wait(stream));
        let emitted = catch_unwind(AssertUnwindSafe(|| emitter.emit(b"loud")));
        assert!(emitted.is_err(), "the emitter hears of it");
        assert!(alarms.iter().all(|alarm| alarm.rung() == 1), "everybody was woken, whoever came first");
        assert!(streams.iter_mut().all(|stream| read(stream) == ["loud"]), "and the event was accepted");
    }
    emit_all(&emitter, &["quiet"]);
    let mut late = reader.subscribe(Since::After(at(2))).unwrap();
    owner.close(Outcome::Completed).unwrap();
    assert_eq!(read(&mut late), ["quiet", "end completed"], "no lock was poisoned");
    assert_eq!(kernel.jobs(), 0);
}

#[test]
fn wakers_that_panic_together_panic_once_and_end_no_process() {
    let kernel = Kernel::new(setup());
    let (owner, emitter, reader) = job(&kernel);
    let deeds: [&dyn Fn(); 2] = [&|| _ = emitter.emit(b"loud").unwrap(), &|| owner.close(Outcome::Completed).unwrap()];
    for deed in deeds {
        let mut streams: Vec<Stream> = (0..4).map(|_| reader.subscribe(Since::Now).unwrap()).collect();
        let alarms = [Alarm::panicking(), Alarm::new(), Alarm::panicking(), Alarm::panicking()];
        streams.iter_mut().zip(&alarms).for_each(|(stream, alarm)| alarm.wait(stream));
        assert!(catch_unwind(AssertUnwindSafe(deed)).is_err(), "whoever did it hears of it");
        assert!(alarms.iter().all(|alarm| alarm.rung() == 1), "everybody was woken");
    }
    // Also while something else unwinds already: the owner goes with his thread's panic.
    let (owner, ..) = (kernel.create(&name("other"), 2).unwrap(), ());
    let mut streams: Vec<Stream> = (0..2).map(|_| owner.reader().subscribe(Since::Now).unwrap()).collect();
    let alarms = [Alarm::panicking(), Alarm::new()];
    streams.iter_mut().zip(&alarms).for_each(|(stream, alarm)| alarm.wait(stream));
    let other = catch_unwind(AssertUnwindSafe(move || {
        let _dropped_while_unwinding = owner;
        std::panic::resume_unwind(Box::new("the job's own code"));
    }));
    assert!(other.is_err());
    assert_eq!(alarms[1].rung(), 1);
    assert_eq!(read(&mut streams[1]), ["end abandoned"]);
}

#[test]
fn a_close_whose_wakes_panic_leaves_a_job_that_is_given_up_like_any_other() {
    let kernel = Kernel::new(setup());
    let (owner, _, reader) = job(&kernel);
    let mut stream = reader.subscribe(Since::Now).unwrap();
    Alarm::panicking().wait(&mut stream);
    let closed = catch_unwind(AssertUnwindSafe(|| owner.close(Outcome::Completed)));
    assert!(closed.is_err(), "the closer hears of it");
    assert_eq!(owner.outcome(), Some(Outcome::Completed));
    drop(stream);
    kernel.sweep(0);
    kernel.sweep(10);
    assert_eq!(kernel.jobs(), 0, "its time is over, like that of any closed job that nobody has read");
}

// === counters ===

#[test]
fn each_refusal_is_counted_under_its_own_name_and_only_there() {
    let kernel = Kernel::new(Setup { event_bytes: 4, linger_jobs: 1, ..setup() });
    let (owner, emitter, reader) = job(&kernel);
    assert!(kernel.find(&name("nobody")).is_err());
    assert!(kernel.create(&name("a"), 8).is_err());
    assert!(emitter.emit(b"too large").is_err());
    assert!(reader.subscribe(Since::After(at(0))).is_err());
    owner.start().unwrap();
    assert!(owner.start().is_err());
    owner.close(Outcome::Completed).unwrap();
    assert!(emitter.emit(b"x").is_err());
    kernel.create(&name("b"), 9).unwrap().close(Outcome::Completed).unwrap();
    kernel.sweep(0);
    kernel.sweep(10);
    let each = Counts {
        unknown: 1,
        closed: 1,
        in_use: 1,
        too_large: 1,
        foreign_position: 1,
        running: 1,
        evicted: 1,
        expired: 1,
    };
    assert_eq!(kernel.counts(), each);
}
