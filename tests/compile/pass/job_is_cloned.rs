//! There is one owner of a job: were there two, dropping either would abandon what the other still runs.
#![deny(unused_must_use)]
#![allow(dead_code, unreachable_pub, unused_imports, unused_variables)]

use narrowcast::router::Router;

pub(crate) fn main() {
    let job = Router::builder().build().create();
    let _second = Clone::clone(&job.emitter());
}
