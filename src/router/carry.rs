//! How a job's narration travels into spawned work.
//!
//! # Why there is no ambient job
//! The seed kept "the current job" in a task-local. Work that was spawned from inside a job started without one, so
//! its narration belonged to nobody and was dropped, silently, again and again (seed faults 13 and 14). A
//! thread-local is worse: a pool's thread serves many jobs, and what one leaves behind names the next one's narration
//! (seed fault 44). Whatever is ambient can be missing or stale, and the compiler sees neither.
//!
//! Here the only thing that can narrate to a job is its [`Emitter`], a value. It is moved or cloned into whatever
//! narrates, and work that was not given one cannot narrate to the job by accident, nor to another's.
//! [`carry`](Emitter::carry) and [`carry_async`](Emitter::carry_async) are a shorthand for the clone that each spawn
//! needs.

use super::Emitter;
use std::future::Future;

impl Emitter {
    /// Work for another thread, with a clone of this emitter that it owns: hand it to `std::thread::spawn`, a pool, or
    /// `spawn_blocking`. Nothing runs, and nothing is narrated, before the closure is called.
    ///
    /// There is no ambient job: a spawn inside of `work` carries the emitter that `work` was given, in the same way.
    ///
    /// ```
    /// # use narrowcast::{narration::{Actor, Outcome}, router::{Delivery, Router, Since}};
    /// # const QUEEN: Actor = Actor::new("queen");
    /// # let router = Router::builder().build();
    /// # let job = router.create();
    /// # let mut stream = job.reader().subscribe(Since::Start)?;
    /// let emitter = job.emitter();
    /// let hashing = std::thread::spawn(emitter.carry(|emitter| {
    ///     let checking = std::thread::spawn(emitter.carry(|emitter| emitter.narrate(QUEEN, "check").emit()));
    ///     emitter.narrate(QUEEN, "hash").emit().and(checking.join().unwrap())
    /// }));
    /// hashing.join().unwrap()?;
    /// # job.close(Outcome::Completed)?;
    /// # let events = std::iter::from_fn(|| stream.next_blocking()).filter(|d| matches!(d, Delivery::Event(_)));
    /// # assert_eq!(events.count(), 2);
    /// # Ok::<(), narrowcast::router::Refused>(())
    /// ```
    pub fn carry<W, T>(&self, work: W) -> impl FnOnce() -> T + use<W, T>
    where
        W: FnOnce(Emitter) -> T,
    {
        let emitter = self.clone();
        move || work(emitter)
    }

    /// A future with a clone of this emitter that it owns: hand it to any runtime's `spawn`. It is `Send` if `work`
    /// and its future are. Nothing runs, and nothing is narrated, before it is polled.
    ///
    /// ```
    /// # use narrowcast::{narration::{Actor, Outcome}, router::{Delivery, Router, Since}};
    /// # const QUEEN: Actor = Actor::new("queen");
    /// # fn spawn(task: impl Future<Output: Send> + Send + 'static) {
    /// #     let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    /// #     assert!(std::pin::pin!(task).poll(&mut cx).is_ready());
    /// # }
    /// # let router = Router::builder().build();
    /// # let job = router.create();
    /// # let emitter = job.emitter();
    /// # let mut stream = job.reader().subscribe(Since::Start)?;
    /// spawn(emitter.carry_async(|emitter| async move {
    ///     spawn(emitter.carry_async(|emitter| async move { emitter.narrate(QUEEN, "check").emit() }));
    ///     emitter.narrate(QUEEN, "hash").emit()
    /// }));
    /// # job.close(Outcome::Completed)?;
    /// # let events = std::iter::from_fn(|| stream.next_blocking()).filter(|d| matches!(d, Delivery::Event(_)));
    /// # assert_eq!(events.count(), 2);
    /// # Ok::<(), narrowcast::router::Refused>(())
    /// ```
    ///
    /// # Cancel safety
    /// That of `work`. Dropped before it was polled, `work` never runs.
    pub fn carry_async<W, F>(&self, work: W) -> impl Future<Output = F::Output> + use<W, F>
    where
        W: FnOnce(Emitter) -> F,
        F: Future,
    {
        let emitter = self.clone();
        async move { work(emitter).await }
    }
}
