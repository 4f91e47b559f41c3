//! Near-miss: the name of a job that is over, and was read to its end, is removed some time later, but only if it is
//! still that job's.
//!
//! In between somebody else may have created the name again; the removal then finds another incarnation there and
//! leaves it alone. Some time later is here: when anybody emits next, which is when the runtime gets round to what
//! was left over.
//!
//! One edit away from [`late_remove`](super::late_remove), which does not look: [`Condemned::is`].

use super::about::{About, Kind};
use super::support::{Channel, lock};
use super::workbench::{Design, Job, Workbench};
use crate::verify::subject::{Outcome, Refused};
use std::marker::PhantomData;
use std::sync::{Arc, Mutex};

/// The exhibit.
pub const ABOUT: About = About {
    id: "near-checked-removal",
    kind: Kind::NearMiss,
    defect: "none: a job's name is removed some time after its end, if it still stands for that incarnation; \
             without the look, it is late-remove",
    incident: "the usual repair of a late removal: compare before you remove",
    expected: &[],
    methods: &[],
};

/// Which bearer of the name a late removal removes.
pub trait Condemned: Send + Sync + 'static {
    /// Whether the name's present bearer is removed for the one that has ended.
    fn is(present: &Arc<Channel>, ended: &Arc<Channel>) -> bool;
}

/// The incarnation that has ended.
#[derive(Debug)]
pub struct Same;

impl Condemned for Same {
    fn is(present: &Arc<Channel>, ended: &Arc<Channel>) -> bool {
        Arc::ptr_eq(present, ended)
    }
}

/// The jobs that are over and still have their names.
#[derive(Debug)]
pub struct Removing<C> {
    ended: Mutex<Vec<Job>>,
    condemned: PhantomData<fn() -> C>,
}

impl<C> Default for Removing<C> {
    fn default() -> Self {
        Removing { ended: Mutex::default(), condemned: PhantomData }
    }
}

impl<C: Condemned> Design for Removing<C> {
    async fn emit(bench: &Workbench<Self>, job: &Job, event: &str) -> Result<(), Refused> {
        // Who has not been read to the end stays, with his name: a late reader looks for him there.
        let ended: Vec<Job> = lock(&bench.own.ended).extract_if(.., |over| over.channel.is_read_out()).collect();
        for over in ended {
            bench.jobs.remove_if(&over.name, |present| C::is(present, &over.channel));
        }
        job.channel.push(event)
    }

    async fn close(bench: &Workbench<Self>, job: &Job, outcome: Outcome) -> Result<(), Refused> {
        job.channel.seal(outcome)?;
        lock(&bench.own.ended).push(job.clone());
        Ok(())
    }
}

/// The router.
pub type CheckedRemoval = Workbench<Removing<Same>>;
