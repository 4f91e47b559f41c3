//! Runs a program in a given order, or in every order, and hands back what was recorded. Judges nothing.
//!
//! The small brother of [`interleaved`](crate::verify::methods::interleaved), for the museum's own demonstrations:
//! there the order is part of the story ("the reader comes, then the job speaks"), and a demonstration must not lean on
//! the judge whom it is to convince.

use super::super::support::Woken;
use crate::verify::history::History;
use crate::verify::program::Program;
use crate::verify::runner::{Pace, Run};
use crate::verify::subject::erased::Fresh;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Waker};

/// Steps after which a run is given up: far more than any program here has.
const MOST_STEPS: usize = 10_000;

struct Task {
    future: Option<Pin<Box<dyn Future<Output = ()>>>>,
    woken: Arc<Woken>,
}

impl Task {
    fn new(future: impl Future<Output = ()> + 'static) -> Task {
        Task { future: Some(Box::pin(future)), woken: Woken::at_first() }
    }

    fn can_move(&self) -> bool {
        self.future.is_some() && self.woken.is_set()
    }

    fn step(&mut self) {
        if let Some(future) = &mut self.future
            && self.woken.take()
            && future.as_mut().poll(&mut Context::from_waker(&Waker::from(Arc::clone(&self.woken)))).is_ready()
        {
            self.future = None;
        }
    }
}

/// Runs a program once. At each step `choose` is told who can move, by thread from 0, and answers an index into that.
/// A step is one operation, one delivery of a read, or what lies between two preemption points of the router.
///
/// # Panics
/// If the prelude waits for anybody.
fn run(fresh: Fresh, program: &Arc<Program>, choose: &mut dyn FnMut(usize, &[usize]) -> usize) -> History {
    let run = Run::new(fresh, Arc::clone(program), Pace::Yielding, 1);
    let mut prelude = Task::new(Arc::clone(&run).prelude());
    while prelude.can_move() {
        prelude.step();
    }
    assert!(prelude.future.is_none(), "the prelude of this program waits, and nobody else is there yet");
    let mut tasks: Vec<Task> =
        (0..program.threads.len()).map(|thread| Task::new(Arc::clone(&run).thread(thread))).collect();
    for step in 0..MOST_STEPS {
        let movable: Vec<usize> = (0..tasks.len()).filter(|&thread| tasks[thread].can_move()).collect();
        if movable.is_empty() {
            break;
        }
        tasks[movable[choose(step, &movable)]].step();
    }
    run.drain();
    run.recorder().history()
}

/// Runs a program in this order: each number gives the thread of that number one step, if it can move; when the list is
/// over, the first thread that can move does, to the end.
pub fn in_order(fresh: Fresh, program: &Arc<Program>, turns: &[usize]) -> History {
    let mut turns = turns.iter();
    run(fresh, program, &mut |_, movable| {
        let wanted = turns.by_ref().find_map(|turn| movable.iter().position(|thread| thread == turn));
        wanted.unwrap_or(0)
    })
}

/// Runs a program in every order, and answers what each recorded; `None` if there are more than `most`.
pub fn in_every_order(fresh: Fresh, program: &Arc<Program>, most: usize) -> Option<Vec<History>> {
    let mut histories = Vec::new();
    // At each step, which choice out of how many.
    let mut path: Vec<(usize, usize)> = Vec::new();
    while histories.len() < most {
        histories.push(run(fresh, program, &mut |step, movable| {
            if step == path.len() {
                path.push((0, movable.len()));
            }
            path[step].0
        }));
        // The next path in lexical order: the deepest step that has a choice left takes it.
        while path.pop_if(|(choice, of)| *choice + 1 == *of).is_some() {}
        match path.last_mut() {
            Some((choice, _)) => *choice += 1,
            None => return Some(histories),
        }
    }
    None
}
