//! Many streams read by one task.

use super::{Wakes, drain, retaining, say, start, text_of};
use narrowcast::narration::Outcome;
use narrowcast::router::{Arrival, Delivery, Group, Job, Router, Since};
use proptest::prelude::*;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::thread;

const BUDGET: u32 = Group::<usize>::BUDGET;

/// So many jobs, and a group that reads each from its start under its number.
fn group_of(router: &Router, jobs: usize) -> (Vec<Job>, Group<usize>) {
    let jobs: Vec<Job> = (0..jobs).map(|_| router.create()).collect();
    let mut group = Group::new();
    for (key, job) in jobs.iter().enumerate() {
        assert!(group.insert(key, start(job)).is_none());
    }
    (jobs, group)
}

/// What a group has to give until it is pending without having woken its task, which is when it truly has nothing more.
fn read_all(group: &mut Group<usize>) -> Vec<(usize, String)> {
    let mut read = Vec::new();
    let wakes = Arc::new(Wakes::default());
    loop {
        let woken_before = wakes.count();
        match wakes.poll(|cx| group.poll_next(cx)) {
            Poll::Ready(Some((key, delivery))) => read.push((key, text_of(&delivery))),
            Poll::Pending if wakes.count() > woken_before => {}
            Poll::Pending | Poll::Ready(None) => return read,
        }
    }
}

#[test]
fn a_flooding_job_takes_turns_with_the_others() {
    let router = retaining(1000);
    let (jobs, mut group) = group_of(&router, 4);
    for n in 0..500 {
        say(&jobs[0].emitter(), n.to_string());
    }
    for job in &jobs[1..] {
        (0..3).for_each(|n| say(&job.emitter(), n.to_string()));
    }
    let keys: Vec<usize> = read_all(&mut group).into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys.len(), 509);
    assert_eq!(keys[..12], [0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3]);
    assert!(keys[12..].iter().all(|key| *key == 0));
}

#[test]
fn what_becomes_ready_amid_a_flood_waits_for_one_delivery_of_each_other_stream_at_most() {
    let router = retaining(1000);
    let (jobs, mut group) = group_of(&router, 3);
    for n in 0..500 {
        say(&jobs[0].emitter(), n.to_string());
        say(&jobs[1].emitter(), n.to_string());
    }
    let wakes = Arc::new(Wakes::default());
    for _ in 0..7 {
        assert!(wakes.poll(|cx| group.poll_next(cx)).is_ready());
    }
    say(&jobs[2].emitter(), "late");
    let mut next = || match wakes.poll(|cx| group.poll_next(cx)) {
        Poll::Ready(Some((key, _))) => key,
        other => panic!("the flood is not over: {other:?}"),
    };
    let waited = (0..).find(|_| next() == 2).unwrap();
    assert!(waited <= 2, "{waited} deliveries came first");
}

#[test]
fn the_task_is_woken_once_however_many_streams_become_ready() {
    let router = retaining(10);
    // Few enough that reading them all and finding them empty stays within the budget.
    let (jobs, mut group) = group_of(&router, 50);
    let wakes = Arc::new(Wakes::default());
    assert!(wakes.poll(|cx| group.poll_next(cx)).is_pending());
    assert_eq!(wakes.count(), 0, "nothing has come, so nothing may wake it");
    for round in 1..=3 {
        jobs.iter().for_each(|job| say(&job.emitter(), "x"));
        assert_eq!(wakes.count(), round);
        for _ in &jobs {
            assert!(wakes.poll(|cx| group.poll_next(cx)).is_ready());
        }
        assert!(wakes.poll(|cx| group.poll_next(cx)).is_pending());
        assert_eq!(wakes.count(), round, "reading wakes nobody");
    }
}

#[test]
fn after_its_budget_it_pauses_once_and_sees_to_being_polled_again() {
    let router = retaining(1000);
    let (jobs, mut group) = group_of(&router, 1);
    for n in 0..2 * BUDGET + 1 {
        say(&jobs[0].emitter(), n.to_string());
    }
    let wakes = Arc::new(Wakes::default());
    for pauses in 1..=2 {
        for _ in 0..BUDGET {
            assert!(wakes.poll(|cx| group.poll_next(cx)).is_ready());
        }
        assert!(wakes.poll(|cx| group.poll_next(cx)).is_pending());
        assert_eq!(wakes.count(), pauses);
    }
    assert!(wakes.poll(|cx| group.poll_next(cx)).is_ready());
    assert!(wakes.poll(|cx| group.poll_next(cx)).is_pending());
    assert_eq!(wakes.count(), 2, "this time there is nothing to come back for");
}

#[test]
fn a_stream_can_be_taken_out_and_goes_on_where_the_group_stopped() {
    let router = retaining(10);
    let (jobs, mut group) = group_of(&router, 2);
    ["a", "b", "c"].into_iter().for_each(|text| say(&jobs[0].emitter(), text));
    let wakes = Arc::new(Wakes::default());
    assert!(wakes.poll(|cx| group.poll_next(cx)).is_ready());
    let mut stream = group.remove(&0).expect("it was inserted");
    assert_eq!((group.len(), group.contains(&0), group.remove(&0).is_none()), (1, false, true));
    assert_eq!(drain(&mut stream), ["b", "c"]);
    assert!(wakes.poll(|cx| group.poll_next(cx)).is_pending());
    say(&jobs[0].emitter(), "d");
    assert_eq!(wakes.count(), 0, "what has left wakes nobody here");
    assert_eq!(drain(&mut stream), ["d"]);
    // Also one that left while its waker was with the job.
    let idle = group.remove(&1).unwrap();
    say(&jobs[1].emitter(), "e");
    assert_eq!(wakes.count(), 0);
    // A slot that is used again does not hear the rings of whoever had it before.
    assert!(group.insert(7, idle).is_none());
    assert_eq!(read_all(&mut group), [(7, "e".to_owned())]);
}

#[test]
fn a_key_that_is_used_again_gives_the_former_stream_back() {
    let router = retaining(10);
    let (jobs, mut group) = group_of(&router, 2);
    say(&jobs[0].emitter(), "of 0");
    say(&jobs[1].emitter(), "of 1");
    let mut former = group.insert(0, start(&jobs[1])).expect("the key was in use");
    assert_eq!(drain(&mut former), ["of 0"]);
    let mut read = read_all(&mut group);
    read.sort();
    assert_eq!(read, [(0, "of 1".to_owned()), (1, "of 1".to_owned())]);
}

#[test]
fn an_end_is_delivered_once_and_leaves_and_an_empty_group_says_so() {
    let router = retaining(10);
    let (jobs, mut group) = group_of(&router, 2);
    say(&jobs[1].emitter(), "last");
    jobs[0].close(Outcome::Failed).unwrap();
    jobs[1].close(Outcome::Completed).unwrap();
    assert_eq!(group.next_blocking(), Some((0, Delivery::End(Outcome::Failed))));
    assert_eq!((group.len(), group.contains(&0)), (1, false), "it has left with its end");
    let read = read_all(&mut group);
    assert_eq!(read, [(1, "last".into()), (1, "(completed)".into())]);
    assert!(group.is_empty());
    assert_eq!(group.next_blocking(), None);
    assert_eq!(router.jobs(), 0, "read to the end, the jobs are given up");
    // A stream that is over already has nothing to deliver.
    let mut over = start(&router.create());
    while over.try_next().is_ok() {}
    group.insert(0, over);
    assert_eq!(group.next_blocking(), None);
    let job = router.create();
    group.insert(1, start(&job));
    say(&job.emitter(), "again");
    assert_eq!(group.next_blocking().map(|(key, _)| key), Some(1));
}

#[test]
fn inserting_wakes_the_task_that_waits() {
    let router = retaining(10);
    let (_jobs, mut group) = group_of(&router, 1);
    let wakes = Arc::new(Wakes::default());
    assert!(wakes.poll(|cx| group.poll_next(cx)).is_pending());
    group.insert(1, start(&router.create()));
    assert_eq!(wakes.count(), 1);
}

#[test]
fn a_group_that_is_gone_is_woken_by_nobody_and_holds_no_waker() {
    let router = retaining(10);
    let (jobs, mut group) = group_of(&router, 3);
    let wakes = Arc::new(Wakes::default());
    assert!(wakes.poll(|cx| group.poll_next(cx)).is_pending());
    say(&jobs[0].emitter(), "rung, and not yet read");
    assert_eq!(wakes.count(), 1);
    assert!(wakes.poll(|cx| group.poll_next(cx)).is_ready());
    assert!(wakes.poll(|cx| group.poll_next(cx)).is_pending());
    say(&jobs[1].emitter(), "rung, and never read");
    drop(group);
    jobs.iter().for_each(|job| say(&job.emitter(), "x"));
    assert_eq!(wakes.count(), 2);
    assert_eq!(Arc::strong_count(&wakes), 1, "nothing of the group is left");
}

#[test]
fn a_future_that_is_dropped_takes_nothing_with_it() {
    let router = retaining(100);
    let (jobs, mut group) = group_of(&router, 2);
    let wakes = Arc::new(Wakes::default());
    let mut read = Vec::new();
    for n in 0..50 {
        // Polled once and dropped, whether it was ready or not.
        if let Poll::Ready(Some((key, delivery))) = wakes.poll(|cx| pin!(group.next()).poll(cx)) {
            read.push((key, text_of(&delivery)));
        }
        say(&jobs[n % 2].emitter(), n.to_string());
        if n % 7 == 0
            && let Poll::Ready(Some((key, Arrival::Batch(batch)))) = wakes.poll(|cx| pin!(group.next_batch()).poll(cx))
        {
            read.extend(batch.map(|event| (key, text_of(&Delivery::Event(event)))));
        }
    }
    read.extend(read_all(&mut group));
    for key in 0..2 {
        let of_key: Vec<usize> =
            read.iter().filter(|(k, _)| *k == key).map(|(_, text)| text.parse().unwrap()).collect();
        assert_eq!(of_key, (0..50).filter(|n| n % 2 == key).collect::<Vec<_>>());
    }
}

#[test]
fn a_key_that_panics_when_cloned_costs_no_delivery() {
    #[derive(Debug, PartialEq, Eq, Hash)]
    struct Key;
    static ARMED: AtomicBool = AtomicBool::new(false);
    impl Clone for Key {
        fn clone(&self) -> Key {
            assert!(!ARMED.swap(false, Ordering::SeqCst), "a planted panic");
            Key
        }
    }
    let router = retaining(10);
    let job = router.create();
    let mut group = Group::new();
    group.insert(Key, start(&job));
    say(&job.emitter(), "a");
    ARMED.store(true, Ordering::SeqCst);
    let read = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| group.next_blocking()));
    assert!(read.is_err() && !ARMED.load(Ordering::SeqCst));
    let wakes = Arc::new(Wakes::default());
    let Poll::Ready(Some((_, delivery))) = wakes.poll(|cx| group.poll_next(cx)) else { panic!("the delivery is lost") };
    assert_eq!(text_of(&delivery), "a");
}

#[test]
fn streams_of_one_job_and_of_the_system_stand_side_by_side() {
    let router = retaining(10);
    let job = router.create();
    let mut group = Group::new();
    group.insert("first", start(&job));
    group.insert("second", start(&job));
    group.insert("system", router.system().subscribe(Since::Start).unwrap());
    say(&job.emitter(), "to the job");
    router.system().narrate(super::TESTER, "say").verbatim("to operators").emit().unwrap();
    let read: BTreeMap<_, _> =
        (0..3).map(|_| group.next_blocking().unwrap()).map(|(key, delivery)| (key, text_of(&delivery))).collect();
    let expected = [("first", "to the job"), ("second", "to the job"), ("system", "to operators")];
    assert_eq!(read, expected.map(|(key, text)| (key, text.to_owned())).into());
}

#[test]
fn one_thread_reads_what_many_emit() {
    const JOBS: usize = 6;
    const EVENTS: usize = 2_000;
    let router = retaining(64);
    let (jobs, mut group) = group_of(&router, JOBS);
    let mut seen: HashMap<usize, (usize, Option<Outcome>)> = HashMap::new();
    thread::scope(|scope| {
        for job in &jobs {
            scope.spawn(|| {
                let emitter = job.emitter();
                (0..EVENTS).for_each(|n| say(&emitter, n.to_string()));
                job.close(Outcome::Completed).unwrap();
            });
        }
        while let Some((key, delivery)) = group.next_blocking() {
            let (accounted, end) = seen.entry(key).or_default();
            assert_eq!(*end, None, "nothing follows the end");
            match delivery {
                Delivery::Event(event) => {
                    assert_eq!(event.decode().unwrap().human, accounted.to_string());
                    *accounted += 1;
                }
                Delivery::Lagged(lost) => *accounted += lost as usize,
                Delivery::End(outcome) => *end = Some(outcome),
            }
        }
    });
    assert_eq!(seen.len(), JOBS);
    assert!(seen.values().all(|seen| *seen == (EVENTS, Some(Outcome::Completed))), "{seen:?}");
}

/// What is done to a group and its jobs.
#[derive(Debug, Clone, Copy)]
enum Deed {
    Say(usize),
    Close(usize),
    TakeOut(usize),
    PutIn(usize),
    Read,
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        6 => (0..4_usize).prop_map(Deed::Say),
        1 => (0..4_usize).prop_map(Deed::Close),
        1 => (0..4_usize).prop_map(Deed::TakeOut),
        2 => (0..4_usize).prop_map(Deed::PutIn),
        6 => Just(Deed::Read),
    ]
}

proptest! {
    /// Whatever happens between, a member delivers exactly what its job said, in order, and a group that is pending
    /// has told the truth: no member had anything to give.
    #[test]
    fn a_group_delivers_what_its_streams_would(deeds in prop::collection::vec(deed(), 0..120)) {
        let router = retaining(1000);
        let (jobs, mut group) = group_of(&router, 4);
        let mut outside = HashMap::new();
        let mut owed: Vec<VecDeque<String>> = vec![VecDeque::new(); 4];
        let mut closed = [false; 4];
        let mut said = 0;
        let read = |group: &mut Group<usize>, owed: &mut Vec<VecDeque<String>>| {
            for (key, text) in read_all(group) {
                prop_assert_eq!(owed[key].pop_front(), Some(text));
            }
            for key in group.keys() {
                prop_assert!(owed[*key].is_empty(), "it paused, and still owes {:?} of {}", owed[*key], key);
            }
            Ok(())
        };
        for deed in deeds {
            match deed {
                Deed::Say(at) if !closed[at] => {
                    say(&jobs[at].emitter(), said.to_string());
                    owed[at].push_back(said.to_string());
                    said += 1;
                }
                Deed::Close(at) if !closed[at] => {
                    jobs[at].close(Outcome::Completed).unwrap();
                    owed[at].push_back("(completed)".into());
                    closed[at] = true;
                }
                Deed::TakeOut(at) => {
                    if let Some(stream) = group.remove(&at) {
                        outside.insert(at, stream);
                    }
                }
                Deed::PutIn(at) => {
                    if let Some(stream) = outside.remove(&at) {
                        prop_assert!(group.insert(at, stream).is_none());
                    }
                }
                Deed::Read => read(&mut group, &mut owed)?,
                Deed::Say(_) | Deed::Close(_) => {}
            }
        }
        for (at, stream) in outside {
            group.insert(at, stream);
        }
        read(&mut group, &mut owed)?;
        prop_assert!(owed.iter().all(VecDeque::is_empty));
    }
}
