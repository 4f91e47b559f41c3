//! A narration that is begun and not emitted says nothing, and must not look as if it did.
#![deny(unused_must_use)]
#![allow(dead_code, unreachable_pub, unused_imports, unused_variables)]

use narrowcast::narration::Actor;
use narrowcast::router::Router;

const QUEEN: Actor = Actor::new("queen");

pub(crate) fn main() {
    let job = Router::builder().build().create();
    let emitter = job.emitter();
    emitter.narrate(QUEEN, "load").human("Loading");
}
