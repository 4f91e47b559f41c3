//! Runs one program against one router and records what happened.
//!
//! The runner is the same for every method: each thread of the program is one future ([`Run::thread`]) that performs
//! its operations in order and writes their lines. Who polls those futures (our executor, loom's threads, real ones)
//! decides the schedule. The recorder's lock is a leaf that no explorer sees: it adds no interleavings, and a line is
//! written immediately before the call begins or after it returned, so that the recorded intervals are as narrow as
//! the explorer allows.

use super::history::{Action, Delivered, History, Kind, Line, Outcome, Reason, Since as HistorySince};
use super::program::{Door, From, Op, Program, Until};
use super::quiet::Pass;
use super::subject::erased::{Erased, Fresh, Job, Operation, Stream};
use super::subject::{Delivery, Operations, Refused, Setup, Since, preempt};
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// How the threads of a run give way to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Each operation and each delivery is preceded by a point where another thread may go first.
    Yielding,
    /// The explorer preempts inside the router; no points of ours.
    Preemptive,
    /// One thread after the other, and a read that would wait gives up: what ordinary sequential tests do. The premises
    /// of every check must then fail to be reached.
    Sequential,
}

/// Lines as they are written, shared by a run's threads. A leaf lock: nothing is called while it is held.
#[derive(Debug, Default)]
pub struct Recorder {
    state: Mutex<Recorded>,
}

#[derive(Debug, Default)]
struct Recorded {
    lines: History,
    /// Of each stream number: its name in the history, and whether it is still owed something.
    streams: BTreeMap<usize, (String, Reading)>,
    waits: u64,
    lacks: Operations,
    /// Of each thread: how many turns it has had, and its operations.
    threads: BTreeMap<usize, (usize, Vec<Pass>)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    Open,
    /// A thread is reading it, or waits for it.
    Held,
    Over,
}

impl Recorder {
    fn state(&self) -> MutexGuard<'_, Recorded> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, line: Line) {
        self.state().lines.push(line);
    }

    /// What was recorded so far.
    pub fn history(&self) -> History {
        self.state().lines.clone()
    }

    /// How often a reader found nothing and had to wait.
    pub fn waits(&self) -> u64 {
        self.state().waits
    }

    /// The operations that were asked for and that the subject said it does not have.
    pub fn lacks(&self) -> Operations {
        self.state().lacks.clone()
    }

    /// How many lines there are.
    pub fn lines(&self) -> usize {
        self.state().lines.len()
    }

    /// A thread has its next turn. Called by executors that count turns.
    pub fn turn(&self, thread: usize) {
        self.state().threads.entry(thread).or_default().0 += 1;
    }

    /// The operations of a thread so far, with the turns that they took.
    pub fn passes(&self, thread: usize) -> Vec<Pass> {
        self.state().threads.get(&thread).map(|(_, passes)| passes.clone()).unwrap_or_default()
    }

    fn begin(&self, thread: usize) {
        let mut state = self.state();
        let from = state.lines.len();
        let (turns, passes) = state.threads.entry(thread).or_default();
        passes.push(Pass { begun: *turns, from, returned: None });
    }

    fn returned(&self, thread: usize) {
        let mut state = self.state();
        let to = state.lines.len();
        let (turns, passes) = state.threads.entry(thread).or_default();
        if let Some(pass) = passes.last_mut() {
            pass.returned = Some((*turns, to));
        }
    }

    /// Declares every stream that is still being read drained: nothing more can come, since nobody can move, and
    /// whoever could ask has asked.
    pub fn declare_drained(&self, process: i64) {
        self.declare(process, &[Reading::Open, Reading::Held]);
    }

    /// Declares those streams drained that threads are waiting for, none of which can move; what others may hold, nobody
    /// has asked them.
    pub fn declare_stuck(&self, process: i64) {
        self.declare(process, &[Reading::Held]);
    }

    fn declare(&self, process: i64, which: &[Reading]) {
        let mut state = self.state();
        let mut drained = Vec::new();
        for (name, reading) in state.streams.values_mut().filter(|(_, reading)| which.contains(reading)) {
            drained.push(Line::new(process, Kind::Ok, Action::Drained { stream: name.clone() }));
            *reading = Reading::Over;
        }
        state.lines.extend(drained);
    }

    fn mark(&self, number: usize, reading: Reading) {
        if let Some((_, of_it)) = self.state().streams.get_mut(&number) {
            *of_it = reading;
        }
    }
}

/// A right that one thread obtains and others wait for.
struct Slot {
    /// Every handle that a create of this job returned, oldest first, each with the label of its create.
    handles: Vec<(Job, String)>,
    waiting: Vec<Waker>,
}

/// One run of a program.
pub struct Run {
    subject: Erased,
    program: Arc<Program>,
    pace: Pace,
    recorder: Arc<Recorder>,
    slots: Vec<Mutex<Slot>>,
    streams: Vec<Mutex<Option<Stream>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// 64-bit FNV-1a: enough to notice a changed byte; the texts are ours, nobody forges them.
fn digest(text: &str) -> String {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016x}")
}

/// The text of an event names the event and its job, so that whoever receives it can tell where it was meant to go.
fn canary(token: &str, job: Option<&str>) -> String {
    match job {
        Some(job) => format!("{token} for job {job}"),
        None => format!("{token} for the operators"),
    }
}

/// The token of a received text: the word it begins with. A text that no emit of ours has is found out by its digest,
/// or, if even the word is unknown, by the judge.
fn token_of(text: &str) -> String {
    text.split(' ').next().unwrap_or_default().to_owned()
}

fn reason(refused: &Refused) -> Reason {
    match refused {
        Refused::Unknown => Reason::Unknown,
        Refused::Closed => Reason::Closed,
        Refused::Limit => Reason::Limit,
        Refused::Forbidden => Reason::Forbidden,
        Refused::InUse => Reason::Other("in_use".into()),
        Refused::Unsupported => Reason::Other("unsupported".into()),
        Refused::Other(why) => Reason::Other(why.clone()),
    }
}

impl Run {
    /// Prepares a run on a fresh router.
    pub fn new(fresh: Fresh, program: Arc<Program>, pace: Pace, seed: u64) -> Arc<Self> {
        let slots =
            program.jobs.iter().map(|_| Mutex::new(Slot { handles: Vec::new(), waiting: Vec::new() })).collect();
        let streams = (0..program.streams()).map(|_| Mutex::new(None)).collect();
        let subject = fresh(Setup { retain_events: program.retain, seed });
        Arc::new(Run { subject, program, pace, recorder: Arc::default(), slots, streams })
    }

    /// The recorder, which outlives a run that ends badly.
    pub fn recorder(&self) -> Arc<Recorder> {
        Arc::clone(&self.recorder)
    }

    /// Performs the prelude. Process 0.
    pub async fn prelude(self: Arc<Self>) {
        for (at, op) in self.program.prelude.iter().enumerate() {
            // The prelude is not scheduled: nobody else runs yet.
            self.perform(0, at, op, Pace::Preemptive).await;
        }
    }

    /// Performs the operations of one thread, counted from 0. Its process is that number plus one.
    pub async fn thread(self: Arc<Self>, thread: usize) {
        for (at, op) in self.program.threads[thread].iter().enumerate() {
            if at > 0 {
                self.turn(self.pace).await;
            }
            self.recorder.begin(thread);
            self.perform(thread as i64 + 1, at, op, self.pace).await;
            self.recorder.returned(thread);
        }
    }

    /// A thread is gone, or will not be heard of again. Streams that it had in its hands nobody reads any more, so nothing
    /// more is owed on them; those that it had put down are drained as ever.
    pub fn leave_behind(&self, thread: usize) {
        for number in self.program.threads[thread].iter().filter_map(Op::stream) {
            if lock(&self.streams[number]).is_none()
                && let Some((_, reading)) = self.recorder.state().streams.get_mut(&number)
            {
                *reading = Reading::Over;
            }
        }
    }

    /// Reads every stream that nobody is reading any more until it has nothing to give, and declares them all drained;
    /// then asks the router, if it can say, of how many jobs it still holds something.
    ///
    /// A stream that some thread still waits on is not asked again: had there been something to deliver, the router
    /// should have woken its reader, and asking would hide that it did not.
    pub fn drain(self: &Arc<Self>) {
        let process = self.program.threads.len() as i64 + 1;
        for number in 0..self.streams.len() {
            let Some(mut stream) = lock(&self.streams[number]).take() else { continue };
            // Bounded: a router that delivers for ever would keep the harness here for ever.
            let most = 4 * self.program.operations() + 16;
            for _ in 0..most {
                let Poll::Ready(delivery) = poll_insistently(&mut stream.next()) else { break };
                if self.record(process, number, delivery, stream.position()) == Reading::Over {
                    break;
                }
            }
        }
        self.recorder.declare_drained(process);
        if let Some(jobs) = self.subject.live() {
            self.recorder.write(Line::new(
                process,
                Kind::Ok,
                Action::Retained { jobs: u32::try_from(jobs).unwrap_or(u32::MAX) },
            ));
        }
    }

    async fn turn(&self, pace: Pace) {
        if pace == Pace::Yielding {
            preempt().await;
        }
    }

    async fn perform(&self, process: i64, at: usize, op: &Op, pace: Pace) {
        let token = format!("e{process}.{at}");
        match op {
            Op::Create { job } => self.create(process, format!("L{process}.{at}"), *job).await,
            Op::Emit { job, door } => self.emit(process, token, *job, *door).await,
            Op::EmitSystem => self.emit_system(process, token).await,
            Op::Subscribe { job, stream, from, door } => self.subscribe(process, *job, *stream, *from, *door).await,
            Op::SubscribeSystem { stream } => self.subscribe_system(process, *stream).await,
            Op::Read { stream, until } => self.read(process, *stream, *until, pace).await,
            Op::Poll { stream } => self.poll(process, *stream).await,
            Op::Leave { stream } => self.leave(process, *stream),
            Op::Close { job, outcome, door } => self.close(process, *job, *outcome, *door).await,
            Op::Drop { job } => self.abandon(process, *job).await,
        }
    }

    async fn create(&self, process: i64, label: String, job: usize) {
        let name = &self.program.jobs[job];
        let action = Action::Create { job: name.clone(), life: Some(label.clone()) };
        self.recorder.write(Line::new(process, Kind::Invoke, action.clone()));
        match self.subject.create(name).await {
            Ok(handle) => {
                self.recorder.write(Line::new(process, Kind::Ok, action));
                let waiting = {
                    let mut slot = lock(&self.slots[job]);
                    slot.handles.push((handle, label));
                    std::mem::take(&mut slot.waiting)
                };
                waiting.into_iter().for_each(Waker::wake);
            }
            Err(refused) => self.refuse(process, "create", action, &refused),
        }
    }

    fn refuse(&self, process: i64, operation: &'static str, action: Action, refused: &Refused) {
        if *refused == Refused::Unsupported {
            // The router has no such operation: nothing was asked of it, so nothing is recorded.
            let mut state = self.recorder.state();
            state.lacks.insert(operation);
            if let Some(asked) = state.lines.iter().rposition(|line| line.process == process) {
                state.lines.remove(asked);
            }
            return;
        }
        let mut line = Line::new(process, Kind::Fail, action);
        line.reason = Some(reason(refused));
        self.recorder.write(line);
    }

    /// The handle through which an operation goes, with the label of its create; `None` if it is to be found by name.
    /// Waits for a create that has not returned yet.
    async fn handle(&self, job: usize, door: Door) -> Option<(Job, String)> {
        std::future::poll_fn(|cx| {
            let mut slot = lock(&self.slots[job]);
            let found = match door {
                Door::Name => return Poll::Ready(None),
                Door::Handle => slot.handles.last(),
                Door::Straggler => slot.handles.first(),
            };
            if let Some(found) = found {
                return Poll::Ready(Some(found.clone()));
            }
            slot.waiting.push(cx.waker().clone());
            Poll::Pending
        })
        .await
    }

    /// Reaches the job by the chosen door and does `call` there, between an invoke and a completion.
    async fn through<T, Fut>(
        &self,
        (process, operation): (i64, &'static str),
        job: usize,
        door: Door,
        action: impl FnOnce(Option<String>) -> Action,
        call: impl FnOnce(Job) -> Fut,
    ) -> Option<T>
    where
        Fut: Future<Output = Result<T, Refused>>,
    {
        let (handle, life) = self.handle(job, door).await.unzip();
        let action = action(life);
        self.recorder.write(Line::new(process, Kind::Invoke, action.clone()));
        let handle = match handle {
            Some(handle) => Ok(handle),
            None => self.subject.find(&self.program.jobs[job]).await,
        };
        let (operation, result) = match handle {
            Ok(handle) => (operation, call(handle).await),
            Err(refused) => ("find", Err(refused)),
        };
        match result {
            Ok(value) => {
                self.recorder.write(Line::new(process, Kind::Ok, action));
                Some(value)
            }
            Err(refused) => {
                self.refuse(process, operation, action, &refused);
                None
            }
        }
    }

    async fn emit(&self, process: i64, token: String, job: usize, door: Door) {
        let name = self.program.jobs[job].clone();
        let text = canary(&token, Some(&name));
        let digest = Some(digest(&text));
        let action = |life| Action::Emit { job: Some(name), life, event: token, digest };
        let call = |handle| async move { self.subject.emit(&handle, &text).await };
        self.through((process, "emit"), job, door, action, call).await;
    }

    async fn emit_system(&self, process: i64, token: String) {
        let text = canary(&token, None);
        let action = Action::Emit { job: None, life: None, event: token, digest: Some(digest(&text)) };
        self.recorder.write(Line::new(process, Kind::Invoke, action.clone()));
        match self.subject.emit_system(&text).await {
            Ok(()) => self.recorder.write(Line::new(process, Kind::Ok, action)),
            Err(refused) => self.refuse(process, "emit_system", action, &refused),
        }
    }

    async fn subscribe(&self, process: i64, job: usize, number: usize, from: From, door: Door) {
        let name = self.program.jobs[job].clone();
        let (since, history) = match from {
            From::Now => (Since::Now, HistorySince::Now),
            From::Start => (Since::Start, HistorySince::Start),
        };
        let id = self.stream_id(number);
        let action = |life| Action::Subscribe { job: Some(name), life, stream: id, since: history };
        let call = |handle| async move { self.subject.subscribe(&handle, since).await };
        let stream = self.through((process, "subscribe"), job, door, action, call).await;
        self.open(number, stream);
    }

    async fn subscribe_system(&self, process: i64, number: usize) {
        let stream = self.stream_id(number);
        let action = Action::Subscribe { job: None, life: None, stream, since: HistorySince::Now };
        self.recorder.write(Line::new(process, Kind::Invoke, action.clone()));
        match self.subject.subscribe_system().await {
            Ok(stream) => {
                self.recorder.write(Line::new(process, Kind::Ok, action));
                self.open(number, Some(stream));
            }
            Err(refused) => self.refuse(process, "subscribe_system", action, &refused),
        }
    }

    /// The name of a stream in the history. A number that is subscribed a second time gets another name.
    fn stream_id(&self, number: usize) -> String {
        let mut state = self.recorder.state();
        let taken = state.lines.iter().filter(|line| {
            line.kind == Kind::Invoke
                && matches!(&line.action, Action::Subscribe { stream, .. } if stream.split('\'').next() == Some(&*format!("s{number}")))
        });
        let name = format!("s{number}{}", "'".repeat(taken.count()));
        state.streams.insert(number, (name.clone(), Reading::Over));
        name
    }

    fn open(&self, number: usize, stream: Option<Stream>) {
        if stream.is_some() {
            self.recorder.mark(number, Reading::Open);
        }
        *lock(&self.streams[number]) = stream;
    }

    async fn read(&self, process: i64, number: usize, until: Until, pace: Pace) {
        // The stream leaves its place while it is read: a reader that is stuck is seen by its absence.
        let Some(mut stream) = lock(&self.streams[number]).take() else { return };
        self.recorder.mark(number, Reading::Held);
        let (mut deliveries, mut accounted) = (0, 0);
        loop {
            let done = match until {
                Until::Deliveries(n) => deliveries >= n,
                Until::Accounted(n) => accounted >= n,
                Until::End => false,
            };
            if done {
                break;
            }
            if deliveries > 0 {
                self.turn(pace).await;
            }
            let Some(delivery) = self.next(&mut stream, pace).await else { break };
            deliveries += 1;
            accounted += match delivery {
                Delivery::Event(_) => 1,
                Delivery::Lagged(n) => n,
                Delivery::Stopped(_) | Delivery::End(_) => 0,
            };
            if self.record(process, number, delivery, stream.position()) == Reading::Over {
                return;
            }
        }
        self.recorder.mark(number, Reading::Open);
        *lock(&self.streams[number]) = Some(stream);
    }

    /// Polls once, and drops the future that is not ready.
    async fn poll(&self, process: i64, number: usize) {
        let Some(mut stream) = lock(&self.streams[number]).take() else { return };
        let polled = {
            let mut next = stream.next();
            std::future::poll_fn(|cx| Poll::Ready(next.as_mut().poll(cx))).await
        };
        if let Poll::Ready(delivery) = polled
            && self.record(process, number, delivery, stream.position()) == Reading::Over
        {
            return;
        }
        *lock(&self.streams[number]) = Some(stream);
    }

    /// The next delivery; counts having to wait for it; `None` if nobody would ever come to deliver it.
    async fn next(&self, stream: &mut Stream, pace: Pace) -> Option<Delivery> {
        let mut next = stream.next();
        let mut waited = false;
        std::future::poll_fn(move |cx| {
            let polled = match pace {
                Pace::Sequential => poll_insistently(&mut next),
                _ => next.as_mut().poll(cx),
            };
            match polled {
                Poll::Ready(delivery) => Poll::Ready(Some(delivery)),
                Poll::Pending if pace == Pace::Sequential => Poll::Ready(None),
                Poll::Pending => {
                    if !std::mem::replace(&mut waited, true) {
                        self.recorder.state().waits += 1;
                    }
                    Poll::Pending
                }
            }
        })
        .await
    }

    /// Writes a delivery down, with the position that the reader was shown.
    fn record(&self, process: i64, number: usize, delivery: Delivery, shown: Option<String>) -> Reading {
        let (what, reading) = match delivery {
            Delivery::Event(text) => {
                (Delivered::Event { event: token_of(&text), digest: Some(digest(&text)) }, Reading::Open)
            }
            Delivery::Lagged(n) => (Delivered::Lagged(n), Reading::Open),
            Delivery::Stopped(why) => (Delivered::Stopped(why), Reading::Over),
            Delivery::End(outcome) => (Delivered::End(outcome), Reading::Over),
        };
        let mut state = self.recorder.state();
        if let Some((name, state_of)) = state.streams.get_mut(&number) {
            if reading == Reading::Over {
                *state_of = reading;
            }
            let stream = name.clone();
            state.lines.push(Line { shown, ..Line::new(process, Kind::Ok, Action::Receive { stream, what }) });
        }
        reading
    }

    fn leave(&self, process: i64, number: usize) {
        let Some(stream) = lock(&self.streams[number]).take() else { return };
        let name = {
            let mut state = self.recorder.state();
            let Some((name, reading)) = state.streams.get_mut(&number) else { return };
            *reading = Reading::Over;
            name.clone()
        };
        let action = Action::Unsubscribe { stream: name };
        self.recorder.write(Line::new(process, Kind::Invoke, action.clone()));
        drop(stream);
        self.recorder.write(Line::new(process, Kind::Ok, action));
    }

    async fn close(&self, process: i64, job: usize, outcome: Outcome, door: Door) {
        let name = self.program.jobs[job].clone();
        let action = |life| Action::Close { job: name, life, outcome: Some(outcome) };
        let call = |handle| async move { self.subject.close(&handle, outcome).await };
        self.through((process, "close"), job, door, action, call).await;
    }

    /// Gives the newest handle up. Recorded as a close, which it is: it waits until there is a handle, since what nobody
    /// holds nobody can drop.
    async fn abandon(&self, process: i64, job: usize) {
        let Some((handle, life)) = self.handle(job, Door::Handle).await else { return };
        lock(&self.slots[job]).handles.retain(|(_, label)| *label != life);
        let name = self.program.jobs[job].clone();
        let action = Action::Close { job: name, life: Some(life), outcome: Some(Outcome::Abandoned) };
        self.recorder.write(Line::new(process, Kind::Invoke, action.clone()));
        match self.subject.abandon(handle).await {
            Ok(()) => self.recorder.write(Line::new(process, Kind::Ok, action)),
            Err(refused) => self.refuse(process, "abandon", action, &refused),
        }
    }
}

/// Polls a future again for as long as it wakes itself: a subject's own [`preempt`] points are no reason to wait.
fn poll_insistently(future: &mut Operation<'_, Delivery>) -> Poll<Delivery> {
    struct Flag(std::sync::atomic::AtomicBool);
    impl std::task::Wake for Flag {
        fn wake(self: Arc<Self>) {
            self.0.store(true, std::sync::atomic::Ordering::Release);
        }
    }
    let flag = Arc::new(Flag(std::sync::atomic::AtomicBool::new(false)));
    let waker = Waker::from(Arc::clone(&flag));
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return Poll::Ready(value),
            Poll::Pending if flag.0.swap(false, std::sync::atomic::Ordering::AcqRel) => {}
            Poll::Pending => return Poll::Pending,
        }
    }
}
