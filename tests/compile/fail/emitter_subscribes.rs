//! An emitter narrates; to hear what others narrate to the job is another right.
#![deny(unused_must_use)]
#![allow(dead_code, unreachable_pub, unused_imports, unused_variables)]

use narrowcast::narration::Actor;
use narrowcast::router::{Router, Since, Stream};

const QUEEN: Actor = Actor::new("queen");

/// Stands in where there is no `subscribe`. Without it the compiler proposes methods of similar names from other
/// crates, so that its words depend on which features are on.
trait NoSubscribe {
    fn subscribe(&self, _since: Since) -> Option<()> {
        None
    }
}

impl<T> NoSubscribe for T {}

pub(crate) fn main() {
    let job = Router::builder().build().create();
    let (emitter, reader) = (job.emitter(), job.reader());
    emitter.narrate(QUEEN, "load").emit().unwrap();
    let _stream: Stream = emitter.subscribe(Since::Start).unwrap();
}
