//! Creating a job and dropping its owner abandons it at once, which nobody does on purpose.
#![deny(unused_must_use)]
#![allow(dead_code, unreachable_pub, unused_imports, unused_variables)]

use narrowcast::router::Router;

pub(crate) fn main() {
    let router = Router::builder().build();
    let _job = router.create();
}
