//! The threads of a run under [`interleaved`](super::interleaved): futures that are polled once they were woken, of whom
//! one may be [cut](crate::verify::program::Cut) short.
//!
//! A cut is part of the program and obeyed exactly: before the thread's next turn once it has had as many as the cut says.
//! A thread that stalls simply has no turn any more. One that is cancelled, or panics, has one last turn in which its
//! future is dropped; whose turn comes before that is the schedule's business, so every instant of the drop is tried. It
//! can have that turn also while it waits: that is where futures are cancelled.

use super::interleaved::Abnormal;
use crate::verify::program::{Cut, Way};
use crate::verify::quiet::{Course, Taken};
use crate::verify::runner::Recorder;
use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

type Panic = Box<dyn Any + Send>;

struct Flag {
    woken: AtomicBool,
    /// Whoever wakes the thread meets a panic.
    panics: AtomicBool,
}

/// The payload of a panic that is part of the program. It is raised past the panic hook: nothing went wrong.
struct Planned;

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        // A second panic while one unwinds would end the process: a waker that is called then keeps quiet.
        if self.panics.load(Ordering::Acquire) && !std::thread::panicking() {
            resume_unwind(Box::new(Planned));
        }
        self.woken.store(true, Ordering::Release);
    }
}

/// One thread's future, and whether it was woken.
pub(super) struct Task {
    future: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    flag: Arc<Flag>,
    stalled: bool,
}

impl Task {
    pub(super) fn new(future: impl Future<Output = ()> + Send + 'static) -> Self {
        let flag = Arc::new(Flag { woken: AtomicBool::new(true), panics: AtomicBool::new(false) });
        Task { future: Some(Box::pin(future)), flag, stalled: false }
    }

    pub(super) fn can_move(&self) -> bool {
        self.future.is_some() && !self.stalled && self.flag.woken.load(Ordering::Acquire)
    }

    pub(super) fn step(&mut self) -> Result<(), Abnormal> {
        self.poll().map_err(|panic| Abnormal::Panic(message(&*panic)))
    }

    fn poll(&mut self) -> Result<(), Panic> {
        let Some(future) = &mut self.future else { return Ok(()) };
        self.flag.woken.store(false, Ordering::Release);
        let waker = Waker::from(Arc::clone(&self.flag));
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(&mut Context::from_waker(&waker))));
        if !matches!(polled, Ok(Poll::Pending)) {
            self.future = None;
        }
        polled.map(|_| ())
    }

    /// Drops the future: as it is, or while a panic unwinds, which poisons the locks that it holds.
    fn drop_future(&mut self, panicking: bool) {
        let future = self.future.take();
        // What a router's own drop says is not heard: it concerns nobody but the thread that is gone.
        let _gone = catch_unwind(AssertUnwindSafe(move || {
            let _dropped_at_the_end = future;
            if panicking {
                resume_unwind(Box::new(Planned));
            }
        }));
    }
}

pub(super) fn message(panic: &(dyn Any + Send)) -> String {
    if panic.is::<Planned>() {
        return "the waker that it called panicked".into();
    }
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic without words".into())
}

/// The threads of one run.
pub(super) struct Crew {
    tasks: Vec<Task>,
    turns: Vec<usize>,
    cut: Option<Cut>,
    leave_behind: Box<dyn Fn(usize)>,
    recorder: Arc<Recorder>,
    course: Course,
    /// The first panic that is no part of the program.
    unplanned: Option<String>,
}

impl Crew {
    /// `leave_behind` is told of each thread that will not be heard of again.
    pub(super) fn new(
        tasks: Vec<Task>,
        cut: Option<Cut>,
        recorder: Arc<Recorder>,
        leave_behind: Box<dyn Fn(usize)>,
    ) -> Crew {
        let turns = vec![0; tasks.len()];
        Crew { tasks, turns, cut, leave_behind, recorder, course: Course::default(), unplanned: None }
    }

    /// The cut, if it is to be made now.
    fn due(&self) -> Option<Cut> {
        self.cut.filter(|cut| {
            let is_there = self.tasks.get(cut.thread).is_some_and(|task| task.future.is_some());
            is_there && self.course.cut.is_none() && self.turns[cut.thread] == cut.after
        })
    }

    /// Who can have the next turn.
    pub(super) fn movable(&mut self) -> Vec<u8> {
        let mut falls = None;
        match self.due() {
            Some(Cut { thread, how: how @ (Way::Stalled | Way::WakePanics), .. }) => {
                self.take(thread);
                self.tasks[thread].stalled = true;
                self.tasks[thread].flag.panics.store(how == Way::WakePanics, Ordering::Release);
            }
            Some(Cut { thread, how: Way::Cancelled | Way::Panicked, .. }) => falls = Some(thread),
            None => {}
        }
        let can_move = |thread: &usize| falls == Some(*thread) || self.tasks[*thread].can_move();
        (0..self.tasks.len()).filter(can_move).map(|thread| thread as u8).collect()
    }

    /// Notes that a thread is cut here: streams that it has in its hands stay with it, or fall with it.
    fn take(&mut self, thread: usize) {
        let passes = self.recorder.passes(thread);
        let amid = passes.len().checked_sub(1).filter(|last| passes[*last].returned.is_none());
        self.course.cut = Some(Taken { line: self.recorder.lines(), amid });
        (self.leave_behind)(thread);
    }

    /// Gives a thread its turn. A panic ends the run, as it ends a process, unless the program has a cut: then it ends the
    /// thread, and whom else it harms is the question.
    pub(super) fn step(&mut self, thread: usize) -> Result<(), Abnormal> {
        let falls = self.due().filter(|cut| cut.thread == thread);
        self.course.lines.push(self.recorder.lines());
        self.recorder.turn(thread);
        self.turns[thread] += 1;
        if let Some(cut) = falls {
            self.take(thread);
            self.tasks[thread].drop_future(cut.how == Way::Panicked);
            return Ok(());
        }
        let Err(panic) = self.tasks[thread].poll() else { return Ok(()) };
        let words = message(&*panic);
        if self.cut.is_none() {
            return Err(Abnormal::Panic(words));
        }
        if !panic.is::<Planned>() {
            self.unplanned.get_or_insert_with(|| words.clone());
        }
        self.course.panics.insert(thread, words);
        (self.leave_behind)(thread);
        Ok(())
    }

    /// The run is over: nobody's waker panics any more.
    pub(super) fn disarm(&self) {
        self.tasks.iter().for_each(|task| task.flag.panics.store(false, Ordering::Release));
    }

    /// How the run went, and the panic that was no part of the program, if there was one.
    pub(super) fn course(&mut self) -> (Course, Option<Abnormal>) {
        let mut course = std::mem::take(&mut self.course);
        course.passes = (0..self.tasks.len()).map(|thread| self.recorder.passes(thread)).collect();
        (course, self.unplanned.take().map(Abnormal::Panic))
    }
}
