//! Near-miss: whoever ends a job removes its name some time later, but only if the name is still that job's.
//!
//! Between the end and the removal somebody else may have created the name again; the removal then finds another
//! incarnation there and leaves it alone.
//!
//! One edit away from [`late_remove`](super::late_remove), which does not look: [`Condemned::is`].

use super::about::{About, Kind};
use super::support::Channel;
use super::workbench::{Design, Job, Workbench};
use crate::verify::subject::{Outcome, Refused, preempt};
use std::marker::PhantomData;
use std::sync::Arc;

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
    /// Whether the name's present bearer is removed by the one who closed `ended`.
    fn is(present: &Arc<Channel>, ended: &Arc<Channel>) -> bool;
}

/// The incarnation that was ended.
#[derive(Debug)]
pub struct Same;

impl Condemned for Same {
    fn is(present: &Arc<Channel>, ended: &Arc<Channel>) -> bool {
        Arc::ptr_eq(present, ended)
    }
}

/// Close removes the name.
#[derive(Debug)]
pub struct Removing<C>(PhantomData<fn() -> C>);

impl<C> Default for Removing<C> {
    fn default() -> Self {
        Removing(PhantomData)
    }
}

impl<C: Condemned> Design for Removing<C> {
    async fn close(bench: &Workbench<Self>, job: &Job, outcome: Outcome) -> Result<(), Refused> {
        job.channel.seal(outcome)?;
        preempt().await; // The job's own task ends here; what removes the name is the stream's, later.
        bench.jobs.remove_if(&job.name, |present| C::is(present, &job.channel));
        Ok(())
    }
}

/// The router.
pub type CheckedRemoval = Workbench<Removing<Same>>;
