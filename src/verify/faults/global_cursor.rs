//! Leaky: events are numbered by one counter of the whole router, and readers are shown the numbers.
//!
//! No event goes astray, nothing is lost, nothing ends early. But whoever reads his own job alone sees by the gaps how
//! much everybody else narrates, and when: ids are a channel too.
//!
//! Expected: G8, and nothing else. No judge of one history can find it, since in one history every number is as good as
//! any other; `noninterference` finds it beside any load that narrates. The near-miss
//! [`near_own_cursor`](super::near_own_cursor) shows the place in the job's own order instead.

use super::about::{About, Kind};
use super::support::lock;
use super::workbench::{Design, Job, Stream, Workbench};
use crate::verify::guarantee::Guarantee;
use crate::verify::subject::{Delivery, Refused};
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::Mutex;

/// The exhibit.
pub const ABOUT: About = About {
    id: "global-cursor",
    kind: Kind::Leaky,
    defect: "readers are shown event ids from one counter of the whole router, whose gaps tell how much others narrate",
    incident: "a global event counter as SSE id (leak catalogue C50); sequence numbers that count strangers' orders",
    expected: &[Guarantee::G8],
    methods: &["interleaved"],
};

/// Which number an event bears.
pub trait Numbering: Send + Sync + 'static {
    /// Of its place among all events, and in its own job.
    fn shown(among_all: u64, in_its_job: u64) -> u64;
}

/// That among all.
#[derive(Debug)]
pub struct AmongAll;

impl Numbering for AmongAll {
    fn shown(among_all: u64, _in_its_job: u64) -> u64 {
        among_all // THE DEFECT: a number that others move on.
    }
}

/// Numbers by event.
#[derive(Debug)]
pub struct Numbered<N> {
    numbers: Mutex<BTreeMap<String, u64>>,
    numbering: PhantomData<fn() -> N>,
}

impl<N> Default for Numbered<N> {
    fn default() -> Self {
        Numbered { numbers: Mutex::default(), numbering: PhantomData }
    }
}

impl<N: Numbering> Design for Numbered<N> {
    async fn emit(bench: &Workbench<Self>, job: &Job, event: &str) -> Result<(), Refused> {
        let mut numbers = lock(&bench.own.numbers);
        let in_its_job = job.channel.accepted();
        let among_all = numbers.len() as u64;
        numbers.insert(event.to_owned(), N::shown(among_all, in_its_job));
        drop(numbers);
        job.channel.push(event)
    }

    async fn next(stream: &mut Stream<Self>) -> Delivery {
        let delivery = stream.in_turn().await;
        if let Delivery::Event(event) = &delivery {
            stream.mark = lock(&stream.own.numbers).get(event).copied().unwrap_or_default();
        }
        delivery
    }

    fn position(stream: &Stream<Self>) -> Option<String> {
        Some(stream.mark.to_string())
    }
}

/// The router.
pub type GlobalCursor = Workbench<Numbered<AmongAll>>;
