//! A refusal that nobody looks at would be a silent loss (seed: `try_send` whose answer was discarded).
#![deny(unused_must_use)]
#![allow(dead_code, unreachable_pub, unused_imports, unused_variables)]

use narrowcast::narration::Actor;
use narrowcast::router::Router;

const QUEEN: Actor = Actor::new("queen");

pub(crate) fn main() {
    let job = Router::builder().build().create();
    let emitter = job.emitter();
    emitter.narrate(QUEEN, "load").emit().unwrap();
}
