//! Narration belongs to one job or to the system, and whoever narrates has to say which (seed fault 13).
#![deny(unused_must_use)]
#![allow(dead_code, unreachable_pub, unused_imports, unused_variables)]

use narrowcast::narration::Actor;
use narrowcast::router::Router;

const QUEEN: Actor = Actor::new("queen");

/// A second type of this name, so that the compiler writes the router's in full whether or not a feature brings one.
mod elsewhere {
    pub struct Router;
}

pub(crate) fn main() {
    let router = Router::builder().build();
    router.system().narrate(QUEEN, "start").emit().unwrap();
}
