//! Name -> channel, and the closed jobs that linger until somebody has read them to their end.
//!
//! The registry is asked when a job is created, looked up by name, or given up; never on the way of an event. It is
//! sharded, and a shard's lock is held for one map operation. It forgets by identity: only the very channel that is
//! given up leaves the map, never whatever bears its name by then (seed fault 20, leak class C06).

use super::Refused;
use super::channel::Channel;
use super::log::Retention;
use super::rights::{Access, Owner};
use super::sync::{Arc, Counter, Mutex};
use crate::narration::{JobId, Outcome};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasher, DefaultHasher, Hasher};

/// What a kernel is built from. Nothing in it is read from the environment.
#[derive(Debug, Clone)]
pub struct Setup {
    /// How many shards the registry has (at least 1). More shards, less contention between creates of different jobs.
    pub shards: usize,
    /// Seed of the registry's hash, from a secret random source where callers choose names.
    pub hash_seed: [u64; 2],
    /// What each job retains.
    pub retention: Retention,
    /// The largest event, in bytes as encoded; at most 1 GiB.
    pub event_bytes: usize,
    /// How long a closed job that nobody has read to its end stays readable, in the ticks given to [`Kernel::sweep`].
    pub linger_ticks: u64,
    /// How many closed jobs may linger; the oldest is given up first. One that is being read when it is closed makes no
    /// other go; what is too much all the same goes with the next close or sweep.
    pub linger_jobs: usize,
}

/// What was refused and given up so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Look-ups of names that no job has.
    pub unknown: u64,
    /// Operations on jobs that are over.
    pub closed: u64,
    /// Creates of names that are in use.
    pub in_use: u64,
    /// Events that were too large.
    pub too_large: u64,
    /// Streams asked for from a position that is not the job's.
    pub foreign_position: u64,
    /// Starts of jobs that were running.
    pub running: u64,
    /// Lingering jobs given up because there were too many.
    pub evicted: u64,
    /// Lingering jobs given up because their time was over.
    pub expired: u64,
}

/// All jobs of one router. A cheap handle; clones share the jobs.
#[derive(Debug, Clone)]
pub struct Kernel {
    core: Arc<Core>,
}

/// What the rights share.
#[derive(Debug)]
pub(super) struct Core {
    setup: Setup,
    hash: Keyed,
    shards: Box<[Mutex<Shard>]>,
    lingering: Mutex<Lingering>,
    refusals: [Counter; 6],
    evicted: Counter,
    expired: Counter,
}

type Shard = HashMap<JobId, Arc<Channel>, Keyed>;

#[derive(Debug, Default)]
struct Lingering {
    /// Places are given in the order of closing.
    next: u64,
    /// By place: when its time is over (set by the first sweep that sees it), and the job.
    jobs: BTreeMap<u64, (Option<u64>, Arc<Channel>)>,
}

impl Lingering {
    /// Takes out the oldest, until there are no more than so many.
    fn surplus(&mut self, most: usize) -> Vec<Arc<Channel>> {
        let surplus = self.jobs.len().saturating_sub(most);
        std::iter::from_fn(|| self.jobs.pop_first()).take(surplus).map(|(_, (_, channel))| channel).collect()
    }
}

/// SipHash, keyed by absorbing the seed first: whoever does not know the seed cannot choose names that collide.
#[derive(Debug, Clone, Copy)]
struct Keyed([u64; 2]);

impl BuildHasher for Keyed {
    type Hasher = DefaultHasher;

    fn build_hasher(&self) -> DefaultHasher {
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(self.0[0]);
        hasher.write_u64(self.0[1]);
        hasher
    }
}

impl Kernel {
    /// A kernel without jobs.
    pub fn new(setup: Setup) -> Self {
        let setup = Setup { shards: setup.shards.max(1), event_bytes: setup.event_bytes.min(1 << 30), ..setup };
        let hash = Keyed(setup.hash_seed);
        let shards = (0..setup.shards).map(|_| Mutex::new(HashMap::with_hasher(hash))).collect();
        let core = Core {
            setup,
            hash,
            shards,
            lingering: Mutex::new(Lingering::default()),
            refusals: Default::default(),
            evicted: Counter::default(),
            expired: Counter::default(),
        };
        Kernel { core: Arc::new(core) }
    }

    /// Opens a job. The incarnation's number must be fresh; draw it at random, since positions show it.
    ///
    /// # Errors
    /// [`Refused::InUse`] while a job of this name is open. A closed one that lingers gives up its name, and stays
    /// readable through the rights to it.
    pub fn create(&self, id: &JobId, incarnation: u64) -> Result<Owner, Refused> {
        let core = &self.core;
        let channel = Channel::new(id.clone(), incarnation, core.setup.retention, core.setup.event_bytes);
        let channel = Arc::new(channel);
        // Whether the name is free and taking it is one step: two creates cannot both find it free.
        let replaced = {
            let mut shard = core.shard(id).lock();
            if shard.get(id).is_some_and(|there| there.outcome().is_none()) {
                return Err(core.refuse(Refused::InUse));
            }
            shard.insert(id.clone(), Arc::clone(&channel))
        };
        drop(replaced); // Outside the lock: it may be the last handle on a whole history.
        Ok(Owner::new(channel, Arc::clone(core)))
    }

    /// Looks a job up by name: open, or closed and lingering.
    ///
    /// # Errors
    /// [`Refused::Unknown`] if there is none.
    pub fn find(&self, id: &JobId) -> Result<Access, Refused> {
        let found = self.core.shard(id).lock().get(id).cloned();
        let channel = found.ok_or_else(|| self.core.refuse(Refused::Unknown))?;
        Ok(Access::new(channel, Arc::clone(&self.core)))
    }

    /// Gives up the closed jobs whose linger time is over. `now` is in ticks of the embedder's clock, and must not go
    /// back. The time of a job begins with the first sweep after its close.
    pub fn sweep(&self, now: u64) {
        let deadline = now.saturating_add(self.core.setup.linger_ticks);
        let (mut over, mut lingering) = (Vec::new(), self.core.lingering.lock());
        lingering.jobs.retain(|_, (until, channel)| {
            let stays = *until.get_or_insert(deadline) > now;
            over.extend((!stays).then(|| Arc::clone(channel)));
            stays
        });
        let evicted = lingering.surplus(self.core.setup.linger_jobs);
        drop(lingering);
        self.core.give_up(over, &self.core.expired);
        self.core.give_up(evicted, &self.core.evicted);
    }

    /// How many jobs something is held of: open, or closed and unread, be their names created again or not.
    pub fn jobs(&self) -> usize {
        let mut held: BTreeSet<_> = self.core.lingering.lock().jobs.values().map(|(_, job)| Arc::as_ptr(job)).collect();
        self.core.shards.iter().for_each(|shard| held.extend(shard.lock().values().map(Arc::as_ptr)));
        held.len()
    }

    /// What was refused and given up so far.
    pub fn counts(&self) -> Counts {
        let [unknown, closed, in_use, too_large, foreign_position, running] =
            std::array::from_fn(|kind| self.core.refusals[kind].get());
        let (evicted, expired) = (self.core.evicted.get(), self.core.expired.get());
        Counts { unknown, closed, in_use, too_large, foreign_position, running, evicted, expired }
    }
}

impl Core {
    fn shard(&self, id: &JobId) -> &Mutex<Shard> {
        // The map uses the hash's low and high bits; the shard is chosen by those between.
        let hash = self.hash.hash_one(id) >> 24;
        &self.shards[hash as usize % self.shards.len()]
    }

    /// Counts a refusal on its way to the caller.
    pub(super) fn refuse(&self, refused: Refused) -> Refused {
        let kind = match refused {
            Refused::Unknown => 0,
            Refused::Closed(_) => 1,
            Refused::InUse => 2,
            Refused::TooLarge { .. } => 3,
            Refused::ForeignPosition => 4,
            Refused::Running => 5,
        };
        self.refusals[kind].add(1);
        refused
    }

    /// Closes a job: ends it, and lets it linger until some stream has had the end.
    pub(super) fn close(&self, channel: &Arc<Channel>, outcome: Outcome) -> Result<(), Refused> {
        let (woken, is_read) = channel.seal(outcome).map_err(|decided| self.refuse(Refused::Closed(decided)))?;
        let (place, evicted) = {
            let mut lingering = self.lingering.lock();
            let place = lingering.next;
            lingering.next += 1;
            lingering.jobs.insert(place, (None, Arc::clone(channel)));
            let most = if is_read { usize::MAX } else { self.setup.linger_jobs };
            (place, lingering.surplus(most))
        };
        // A stream may have had the end before there was a place to give up.
        if !channel.linger(place) {
            drop(self.unlinger(place));
        }
        self.give_up(evicted, &self.evicted);
        // Last: a waker is caller's code, and one that panics must find the job where it can be given up.
        woken.wake();
        Ok(())
    }

    /// Gives up closed jobs that nobody has read to their end, and counts them.
    fn give_up(&self, unread: Vec<Arc<Channel>>, count: &Counter) {
        count.add(unread.len() as u64);
        unread.iter().for_each(|channel| self.forget(channel));
    }

    /// Some stream has had the end for the first time: nothing of the job needs to be retained.
    pub(super) fn drained(&self, channel: &Arc<Channel>, place: Option<u64>) {
        if let Some(place) = place {
            drop(self.unlinger(place));
        }
        self.forget(channel);
    }

    fn unlinger(&self, place: u64) -> Option<(Option<u64>, Arc<Channel>)> {
        self.lingering.lock().jobs.remove(&place)
    }

    /// Gives up this channel, and no other that bears its name by now.
    fn forget(&self, channel: &Arc<Channel>) {
        let id = channel.id();
        let removed = {
            let mut shard = self.shard(id).lock();
            match shard.get(id) {
                Some(there) if Arc::ptr_eq(there, channel) => shard.remove(id),
                _ => None,
            }
        };
        drop(removed);
        channel.reclaim();
    }
}
