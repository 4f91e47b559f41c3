//! Leaky: `to(room)` notes the room on the router, and `emit`, an await later, sends to all rooms that stand there.
//!
//! Shaped after socket.io, where `to` stored the rooms on the shared server object until some emit consumed them. Two
//! tasks between `to` and `emit` gave the first emit both rooms, and left none to the second: and an emit without a
//! room means everybody.
//!
//! Expected: G1, since strangers read the event; G6, since a job may be passed over. Found by `interleaved` wherever
//! two emits overlap.

use super::about::{About, Kind};
use super::support::lock;
use super::workbench::{Design, Job, Workbench};
use crate::verify::guarantee::Guarantee;
use crate::verify::subject::{Refused, preempt};
use std::sync::Mutex;

/// The exhibit.
pub const ABOUT: About = About {
    id: "route-then-await",
    kind: Kind::Leaky,
    defect: "an emit's target is noted on the shared router before an await; the next emit takes all targets noted, \
             and one that finds none sends to everybody",
    incident: "socket.io#3431, #2962, #3444; socket.io-redis-adapter#273; leak catalogue C03",
    expected: &[Guarantee::G1, Guarantee::G6],
    methods: &["interleaved"],
};

/// The rooms chosen since the last emit.
#[derive(Debug, Default)]
pub struct Rooms {
    chosen: Mutex<Vec<Job>>,
}

impl Design for Rooms {
    async fn emit(bench: &Workbench<Self>, job: &Job, event: &str) -> Result<(), Refused> {
        lock(&bench.own.chosen).push(job.clone());
        preempt().await; // THE DEFECT: the choice is the router's, not the call's.
        let mut rooms: Vec<_> = lock(&bench.own.chosen).drain(..).map(|job| job.channel).collect();
        if rooms.is_empty() {
            rooms.extend(bench.jobs.others("").into_iter().map(|(_, channel)| channel));
        }
        let accepted = rooms.iter().filter(|room| room.push(event).is_ok()).count();
        if accepted > 0 { Ok(()) } else { Err(Refused::Closed) }
    }
}

/// The router.
pub type RouteThenAwait = Workbench<Rooms>;
