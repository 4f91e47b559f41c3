//! Leaky: nothing is kept for who subscribes later, and a stream from the start is given what is said from now on.
//!
//! Shaped after the broadcast sink of the seed's project: the job's creation was narrated before the client could
//! subscribe, so that this event was *always* lost, and whatever a fast job said before its reader came with it.
//!
//! Expected: G6, since a stream from the start is owed what was accepted before, delivered or counted. Found by
//! `interleaved` with any program that subscribes from the start after an emit; tests subscribe first, as the
//! project's did.

use super::about::{About, Kind};
use super::workbench::{Design, Job, Stream, Workbench};
use crate::verify::guarantee::Guarantee;
use crate::verify::subject::{Refused, Since};

/// The exhibit.
pub const ABOUT: About = About {
    id: "pre-subscribe-loss",
    kind: Kind::Leaky,
    defect: "a stream that asks for everything from the start gets what comes from now on; the rest is lost \
             uncounted",
    incident: "rbee narration-core, fault 11 PRE-SUBSCRIBE-LOSS (80b7050d until 60b30539)",
    expected: &[Guarantee::G6],
    methods: &["interleaved"],
};

/// A broadcast's way to subscribe.
#[derive(Debug, Default)]
pub struct Broadcast;

impl Design for Broadcast {
    async fn subscribe(bench: &Workbench<Self>, job: &Job, since: Since<'_>) -> Result<Stream<Self>, Refused> {
        let since = if since == Since::Start { Since::Now } else { since }; // THE DEFECT: nothing was kept.
        job.channel.reader(since).map(|reader| bench.stream(reader))
    }
}

/// The router.
pub type PreSubscribeLoss = Workbench<Broadcast>;
