//! A reader reads; it cannot speak to the job, nor as it.
#![deny(unused_must_use)]
#![allow(dead_code, unreachable_pub, unused_imports, unused_variables)]

use narrowcast::narration::Actor;
use narrowcast::router::{Router, Since};

const QUEEN: Actor = Actor::new("queen");

pub(crate) fn main() {
    let job = Router::builder().build().create();
    let (emitter, reader) = (job.emitter(), job.reader());
    let _stream = reader.subscribe(Since::Start).unwrap();
    reader.narrate(QUEEN, "load").emit().unwrap();
}
