//! An emitter narrates; to end the job is its owner's right.
#![deny(unused_must_use)]
#![allow(dead_code, unreachable_pub, unused_imports, unused_variables)]

use narrowcast::narration::{Actor, Outcome};
use narrowcast::router::Router;

const QUEEN: Actor = Actor::new("queen");

pub(crate) fn main() {
    let job = Router::builder().build().create();
    let emitter = job.emitter();
    emitter.narrate(QUEEN, "load").emit().unwrap();
    emitter.close(Outcome::Completed).unwrap();
}
