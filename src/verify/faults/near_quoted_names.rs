//! Near-miss: one table holds names and the addresses of single lives, told apart by quoting.
//!
//! The third life of `a` has the address `a:3`. So that no name looks like an address, a colon in a name is doubled:
//! a name's colons come in pairs, and an address has one that has no fellow.
//!
//! One edit away from [`separator_collision`](super::separator_collision): the quoting, [`Quoting::quote`].

use super::about::{About, Kind};
use super::support::lock;
use super::workbench::{Design, Job, Workbench};
use crate::verify::subject::Refused;
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::Mutex;

/// The exhibit.
pub const ABOUT: About = About {
    id: "near-quoted-names",
    kind: Kind::NearMiss,
    defect: "none: names and addresses of lives share a table, and separators in names are quoted; unquoted, it is \
             separator-collision",
    incident: "the usual repair of a composite key",
    expected: &[],
    methods: &[],
};

/// How a name becomes a part of a key.
pub trait Quoting: Send + Sync + 'static {
    /// The part.
    fn quote(name: &str) -> String;
}

/// So that it cannot be taken for anything else.
#[derive(Debug)]
pub struct Doubled;

impl Quoting for Doubled {
    fn quote(name: &str) -> String {
        name.replace(':', "::")
    }
}

/// The table: of each name its newest life, and of each life its address, with how many lives a name had.
#[derive(Debug)]
pub struct Table<Q> {
    keys: Mutex<BTreeMap<String, Job>>,
    lives: Mutex<BTreeMap<String, u64>>,
    quoting: PhantomData<fn() -> Q>,
}

impl<Q> Default for Table<Q> {
    fn default() -> Self {
        Table { keys: Mutex::default(), lives: Mutex::default(), quoting: PhantomData }
    }
}

impl<Q: Quoting> Design for Table<Q> {
    async fn create(bench: &Workbench<Self>, name: &str) -> Result<Job, Refused> {
        let job = bench.open(name)?;
        let life = {
            let mut lives = lock(&bench.own.lives);
            let life = lives.entry(name.to_owned()).or_default();
            *life += 1;
            *life
        };
        let part = Q::quote(name);
        let mut keys = lock(&bench.own.keys);
        keys.insert(format!("{part}:{life}"), job.clone());
        keys.insert(part, job.clone());
        Ok(job)
    }

    async fn find(bench: &Workbench<Self>, name: &str) -> Result<Job, Refused> {
        lock(&bench.own.keys).get(&Q::quote(name)).cloned().ok_or(Refused::Unknown)
    }
}

/// The router.
pub type QuotedNames = Workbench<Table<Doubled>>;
