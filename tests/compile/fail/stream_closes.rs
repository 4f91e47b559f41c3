//! Who reads a job cannot end it, so a reader that disconnects ends nothing for the others.
#![deny(unused_must_use)]
#![allow(dead_code, unreachable_pub, unused_imports, unused_variables)]

use narrowcast::narration::Outcome;
use narrowcast::router::{Router, Since};

pub(crate) fn main() {
    let job = Router::builder().build().create();
    let mut stream = job.reader().subscribe(Since::Start).unwrap();
    stream.close(Outcome::Completed).unwrap();
    assert!(stream.try_next().is_ok());
}
