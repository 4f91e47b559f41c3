//! Leaky: an emit that meets another is refused, for no reason that was ever stated.
//!
//! A `try_lock` on the emit's path: the quick repair of a lock that was held too long. The job is open and its
//! emitter is turned away because somebody else happened to be there.
//!
//! Expected: G4, since only a stated limit may refuse an emit to an open job. Found by `interleaved` where two
//! emitters of one job overlap. It is the near-miss [`near_stated_busy`](super::near_stated_busy) with another word
//! to the emitter.

use super::about::{About, Kind};
use super::near_stated_busy::{Contended, Turnstile};
use super::workbench::Workbench;
use crate::verify::guarantee::Guarantee;
use crate::verify::subject::Refused;

/// The exhibit.
pub const ABOUT: About = About {
    id: "busy-refusal",
    kind: Kind::Leaky,
    defect: "an emit to an open job is refused because another one is under way, and no limit is named",
    incident: "try_lock in the place of a lock held too long (leak catalogue C23); rbee try_send, whose answer \
               nobody reads (fault 15)",
    expected: &[Guarantee::G4],
    methods: &["interleaved"],
};

/// That it did not work out.
#[derive(Debug)]
pub struct WouldBlock;

impl Contended for WouldBlock {
    fn refusal() -> Refused {
        Refused::Other("would block".into()) // THE DEFECT: no limit of the job's, and nobody was told of it.
    }
}

/// The router.
pub type BusyRefusal = Workbench<Turnstile<WouldBlock>>;
