//! The sentence is a constant of the program: no payload is ever read for placeholders (seed fault 25).
#![deny(unused_must_use)]
#![allow(dead_code, unreachable_pub, unused_imports, unused_variables)]

use narrowcast::narration::Actor;
use narrowcast::router::Router;

const QUEEN: Actor = Actor::new("queen");

pub(crate) fn main() {
    let job = Router::builder().build().create();
    let emitter = job.emitter();
    let payload = String::from("user said {1}");
    emitter.narrate(QUEEN, "load").verbatim(payload).emit().unwrap();
}
