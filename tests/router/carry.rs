//! A job's emitter, carried into threads and tasks.

use super::{TESTER, Wakes, drain, retaining, say, start};
use narrowcast::narration::Outcome;
use narrowcast::router::Refused;
use std::pin::pin;
use std::sync::{Arc, mpsc};
use std::task::Poll;
use std::thread;

#[test]
fn threads_and_the_threads_they_spawn_narrate_to_the_job_that_they_were_given() {
    let router = retaining(100);
    let jobs: Vec<_> = (0..4).map(|_| router.create()).collect();
    let mut streams: Vec<_> = jobs.iter().map(start).collect();
    let outer: Vec<_> = (0..4)
        .map(|at| {
            thread::spawn(jobs[at].emitter().carry(move |emitter| {
                say(&emitter, format!("{at} outer"));
                let inner = thread::spawn(emitter.carry(move |emitter| {
                    say(&emitter, format!("{at} inner"));
                    thread::spawn(emitter.carry(move |emitter| say(&emitter, format!("{at} innermost"))))
                }));
                inner.join().unwrap().join().unwrap();
            }))
        })
        .collect();
    outer.into_iter().for_each(|thread| thread.join().unwrap());
    for (at, stream) in streams.iter_mut().enumerate() {
        assert_eq!(drain(stream), ["outer", "inner", "innermost"].map(|text| format!("{at} {text}")));
    }
}

#[test]
fn a_pools_thread_that_serves_many_jobs_mixes_none_of_them() {
    type Work = Box<dyn FnOnce() + Send>;
    let (work, queue) = mpsc::channel::<Work>();
    let pool = thread::spawn(move || queue.into_iter().for_each(|work| work()));
    let router = retaining(100);
    let (a, b) = (router.create(), router.create());
    let (mut of_a, mut of_b) = (start(&a), start(&b));
    for n in 0..20 {
        let (job, name) = if n % 2 == 0 { (&a, "a") } else { (&b, "b") };
        work.send(Box::new(job.emitter().carry(move |emitter| say(&emitter, format!("{name} {n}"))))).unwrap();
    }
    drop(work);
    pool.join().unwrap();
    let expected =
        |name: &str, odd| (0..20).filter(|n| n % 2 == odd).map(|n| format!("{name} {n}")).collect::<Vec<_>>();
    assert_eq!(drain(&mut of_a), expected("a", 0));
    assert_eq!(drain(&mut of_b), expected("b", 1));
}

#[test]
fn a_task_that_moves_between_threads_keeps_its_job() {
    let router = retaining(100);
    let (job, other) = (router.create(), router.create());
    let mut stream = start(&job);
    let wakes = Arc::new(Wakes::default());
    let mut task = Box::pin(job.emitter().carry_async(|emitter| async move {
        for n in 0..3 {
            say(&emitter, n.to_string());
            // Pending once: the next poll comes from another thread, which has narrated to another job meanwhile.
            let mut paused = false;
            std::future::poll_fn(
                |_| if std::mem::replace(&mut paused, true) { Poll::Ready(()) } else { Poll::Pending },
            )
            .await;
        }
    }));
    assert_eq!(drain(&mut stream), Vec::<String>::new(), "nothing runs before it is polled");
    loop {
        let (wakes, other) = (Arc::clone(&wakes), other.emitter());
        let (back, polled) = thread::spawn(move || {
            say(&other, "not this job's");
            let polled = wakes.poll(|cx| task.as_mut().poll(cx));
            (task, polled)
        })
        .join()
        .unwrap();
        task = back;
        if polled.is_ready() {
            break;
        }
    }
    assert_eq!(drain(&mut stream), ["0", "1", "2"]);
}

#[test]
fn carried_work_does_not_keep_its_job_open_and_is_refused_once_it_is_over() {
    let router = retaining(100);
    let job = router.create();
    let mut stream = start(&job);
    let straggler = job.emitter().carry(|emitter| emitter.narrate(TESTER, "late").emit());
    let late = job.emitter().carry_async(|emitter| async move { emitter.narrate(TESTER, "late").emit() });
    drop(job);
    let refused = Err(Refused::Closed(Outcome::Abandoned));
    assert_eq!(straggler(), refused);
    let wakes = Arc::new(Wakes::default());
    assert_eq!(wakes.poll(|cx| pin!(late).poll(cx)), Poll::Ready(refused));
    assert_eq!(drain(&mut stream), ["(abandoned)"]);
    assert_eq!(router.counts().closed, 2);
}

#[test]
fn carried_events_are_numbered_with_the_emitters_own() {
    let router = retaining(100);
    let job = router.create();
    let of_job = job.emitter();
    let mut stream = start(&job);
    say(&of_job, "first");
    of_job.carry(|emitter| say(&emitter, "second"))();
    say(&of_job, "third");
    let numbers: Vec<_> = std::iter::from_fn(|| stream.try_next().ok())
        .map(|delivery| match delivery {
            narrowcast::router::Delivery::Event(event) => event.decode().unwrap().sequence,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(numbers, [Some(0), Some(1), Some(2)]);
}
