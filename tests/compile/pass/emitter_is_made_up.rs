//! The only emitters are those that a job hands out: one cannot be put together from parts of another.
#![deny(unused_must_use)]
#![allow(dead_code, unreachable_pub, unused_imports, unused_variables)]

use narrowcast::narration::Actor;
use narrowcast::router::{Emitter, Router};

const QUEEN: Actor = Actor::new("queen");

pub(crate) fn main() {
    let router = Router::builder().build();
    let (mine, yours) = (router.create().emitter(), router.create().emitter());
    let emitter = Emitter::clone(&yours);
    let _refused = (mine.narrate(QUEEN, "load").emit(), emitter.narrate(QUEEN, "load").emit());
}
