//! Leaky: all readers of an event share one object, and a reader edits it while others still read.
//!
//! Shaped after Parse Server's live queries: what one subscriber may not see was taken out of the shared object, not
//! out of a copy, while other subscribers' messages were still being written from it.
//!
//! Expected: G1, since a reader is given a text that nobody emitted. Found by `interleaved` where two read one event
//! at once.

use super::about::{About, Kind};
use super::support::{Reader, lock};
use super::workbench::{Design, Stream, Workbench};
use crate::verify::guarantee::Guarantee;
use crate::verify::subject::{Delivery, preempt};

/// The exhibit.
pub const ABOUT: About = About {
    id: "edited-in-place",
    kind: Kind::Leaky,
    defect: "a reader rewrites the shared event for itself, awaits its socket, and puts the text back; a second \
             reader reads what is there meanwhile",
    incident: "Parse Server GHSA-m983-v2ff-wq65; GitHub, March 2021 (a shared hash); leak catalogue C16",
    expected: &[Guarantee::G1],
    methods: &["interleaved"],
};

/// What stands in the place of an event while one reader has it.
const IN_USE: &str = "[redacted]";

/// Edits what is shared.
#[derive(Debug, Default)]
pub struct Shared;

/// Writes a text over the event that a reader had last, if it is still retained.
fn rewrite(reader: &Reader, text: &str) {
    let mut state = lock(&reader.channel.state);
    let place = reader.position.checked_sub(state.evicted + 1);
    if let Some(event) = place.and_then(|place| state.events.get_mut(place as usize)) {
        text.clone_into(event);
    }
}

impl Design for Shared {
    async fn next(stream: &mut Stream<Self>) -> Delivery {
        let delivery = stream.reader.next().await;
        if let Delivery::Event(text) = &delivery {
            rewrite(&stream.reader, IN_USE); // THE DEFECT: the event is everybody's.
            preempt().await;
            rewrite(&stream.reader, text);
        }
        delivery
    }
}

/// The router.
pub type EditedInPlace = Workbench<Shared>;
