//! Work that was given an emitter and never run narrates nothing.
#![deny(unused_must_use)]
#![allow(dead_code, unreachable_pub, unused_imports, unused_variables)]

use narrowcast::narration::Actor;
use narrowcast::router::Router;

const QUEEN: Actor = Actor::new("queen");

pub(crate) fn main() {
    let job = Router::builder().build().create();
    let emitter = job.emitter();
    emitter.carry(|emitter| emitter.narrate(QUEEN, "load").emit().unwrap());
}
