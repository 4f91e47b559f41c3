//! The router in a program of one's own: a worker narrates from its thread, a reader follows to the end.
//!
//! Only std is needed: a stream is a future, and any executor will do. Here that is one thread, which is parked
//! until there is something to read.

use narrowcast::narration::{Actor, Outcome};
use narrowcast::router::{Delivery, Router, Since};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

const WORKER: Actor = Actor::new("worker");

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let router = Router::builder().retain(100).build();
    let job = router.create(); // the owner: the only right to close; dropped, the job is abandoned
    let emitter = job.emitter(); // the right to narrate to this job, and to no other
    let mut stream = job.reader().subscribe(Since::Start)?;

    let worker = thread::spawn(move || {
        for step in 1..=3 {
            emitter.narrate(WORKER, "step").context(step).human("Step {} of 3").emit()?;
        }
        job.close(Outcome::Completed)
    });

    while let Some(delivery) = block_on(stream.next()) {
        match delivery {
            Delivery::Event(event) => println!("{}", event.decode()?.human),
            Delivery::Lagged(lost) => println!("({lost} events were evicted before we read them)"),
            Delivery::End(outcome) => println!("the job is {outcome}"),
        }
    }
    worker.join().expect("the worker does not panic")?;
    Ok(())
}

/// Waits for a future on this thread.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}
