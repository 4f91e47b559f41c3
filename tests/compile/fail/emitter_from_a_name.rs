//! A name is no right: the only way from one to a job is `find`, which whoever serves it to others must guard.
#![deny(unused_must_use)]
#![allow(dead_code, unreachable_pub, unused_imports, unused_variables)]

use narrowcast::narration::Actor;
use narrowcast::router::{Emitter, Router};

const QUEEN: Actor = Actor::new("queen");

pub(crate) fn main() {
    let router = Router::builder().build();
    let job = router.create();
    let name = job.id().clone();
    let emitter = Emitter::from(name);
    emitter.narrate(QUEEN, "load").emit().unwrap();
}
