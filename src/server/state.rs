//! What the service knows: a record for each job that it holds, and nothing of any other.
//!
//! The router keeps the jobs apart; this keeps what only a service has: whose job it is, how often its capabilities
//! were revoked, how many streams it has. A record is found by the job's id and given only to [`Service::admit`].

use super::authority::{Claims, Demand, Key, Kind, Operators, Sealer, Tenants, Verbs};
use super::config::Config;
use super::cursor::Cursors;
use super::operations::{self, Failure, Operation};
use super::refusal::Refusal;
use super::source::Spare;
use super::tally::Tally;
use crate::jobs::{Created, Jobs, Report, Why};
use crate::narration::{Actor, JobId};
use crate::router::{Emitter, Reader, Router, Since};
use axum::http::StatusCode;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Who speaks when the service itself does.
pub(super) const SERVICE: Actor = Actor::new("service");

/// What a job is to do, and what ties its events to the request that asked for it.
pub(super) type Task = (Operation, Option<String>);

/// One life of one job, as the service knows it.
pub(super) struct Record {
    pub(super) id: JobId,
    /// The random bits of the id.
    bits: u128,
    incarnation: u64,
    pub(super) emitter: Emitter,
    pub(super) reader: Reader,
    pub(super) cursors: Cursors,
    pub(super) spare: Spare,
    /// How often its capabilities were revoked.
    pub(super) epoch: watch::Sender<u32>,
    /// Open streams.
    streams: AtomicUsize,
    /// When its work ended, in milliseconds since 1970; [`OPEN`] until then.
    ended_ms: Arc<AtomicU64>,
    /// Its tenant is charged for it until nothing is left of it: no entry, and no stream either.
    _share: Share,
}

/// One of the jobs that a tenant may hold.
struct Share(Arc<AtomicUsize>);

impl Drop for Share {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

const OPEN: u64 = u64::MAX;

/// Somebody who was let in to one job for one deed.
pub(super) struct Admitted {
    pub(super) record: Arc<Record>,
    pub(super) claims: Claims,
}

impl Admitted {
    /// Does the deed, if the right to it still stands: a body may have taken its time, and a revocation have come
    /// meanwhile. What is done here comes before the next revocation, or is not done.
    pub(super) fn act<T>(&self, deed: impl FnOnce(&Record) -> T) -> Result<T, Refusal> {
        // Held meanwhile, so that whoever revokes waits. The deed wakes tasks and waits for nobody.
        let epoch = self.record.epoch.borrow();
        if *epoch != self.claims.epoch || now_ms() >= self.claims.expires {
            return Err(Refusal::nothing_here());
        }
        Ok(deed(&self.record))
    }
}

/// Everything that requests share.
pub(super) struct Service {
    pub(super) config: Config,
    pub(super) jobs: Jobs<Task>,
    pub(super) tally: Tally,
    pub(super) tenants: Tenants,
    pub(super) operators: Operators,
    pub(super) system_cursors: Cursors,
    /// Turns true once, when everything is to end.
    pub(super) stopping: watch::Sender<bool>,
    root: Key,
    sealer: Sealer,
    records: Mutex<HashMap<JobId, Arc<Record>>>,
    /// How many jobs each tenant is charged for.
    held: Vec<Arc<AtomicUsize>>,
    work: Mutex<JoinSet<()>>,
}

/// A leaf lock: what runs under it is ours and does not panic halfway.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Milliseconds since 1970.
pub(super) fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Counts one more unless there are as many as allowed.
fn take_one(count: &AtomicUsize, most: usize) -> bool {
    count.fetch_update(Ordering::AcqRel, Ordering::Acquire, |n| (n < most).then_some(n + 1)).is_ok()
}

impl Service {
    /// A service without jobs, on a router of its own.
    pub(super) fn new(config: Config, router: Router) -> Service {
        let root = Key::root(config.key.as_ref());
        // The first system event: its position tells which life of the channel this is.
        let started = router.system().narrate(SERVICE, "start").context(config.listen).human("serving on {}").emit();
        let incarnation = started.map_or(0, |position| position.incarnation);
        Service {
            // Every job is executed as soon as it is created; what bounds them is the tenants' share.
            jobs: Jobs::new(router, usize::MAX),
            tally: Tally::default(),
            tenants: Tenants::new(&config.tenants),
            operators: Operators::new(config.operator.as_ref()),
            system_cursors: Cursors::new(&root, "", incarnation),
            stopping: watch::Sender::new(false),
            sealer: Sealer::new(&root),
            root,
            records: Mutex::default(),
            held: config.tenants.iter().map(|_| Arc::default()).collect(),
            work: Mutex::default(),
            config,
        }
    }

    pub(super) fn router(&self) -> &Router {
        self.jobs.router()
    }

    /// Creates a job and starts its work. Its channel is open, and its creation narrated, before anybody learns its id.
    pub(super) fn create(self: &Arc<Self>, tenant: usize, task: Task) -> Result<Admitted, Refusal> {
        let most = self.config.tenants[tenant].jobs;
        if !take_one(&self.held[tenant], most) {
            return Err(Refusal::said(
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_jobs",
                format!("you hold {most} jobs, which is the limit"),
                "read finished jobs to their end, cancel some, or wait until unread ones have been given up",
            ));
        }
        let share = Share(Arc::clone(&self.held[tenant]));
        // As long as the job may run, and as long as it can be read then: whoever created it is told how it ended.
        let expires = now_ms().saturating_add(ms(self.config.job)).saturating_add(ms(self.config.linger));
        let record = self.open_job(tenant, share, task)?;
        let claims = Claims {
            kind: Kind::Capability as u8,
            verbs: Verbs::ALL,
            job: record.bits,
            incarnation: record.incarnation,
            epoch: *record.epoch.borrow(),
            usable_until: expires,
            expires,
        };
        Ok(Admitted { record, claims })
    }

    fn open_job(self: &Arc<Self>, tenant: usize, share: Share, task: Task) -> Result<Arc<Record>, Refusal> {
        let broken = |what: &str| {
            let message = format!("the job could not be started: {what}");
            let remedy = "try again; if it stays so, ask the operators: this is a defect of the service";
            Refusal::said(StatusCode::INTERNAL_SERVER_ERROR, "internal", message, remedy)
        };
        let (name, correlation) = (task.0.name(), task.1.clone());
        let created = self.jobs.create(task).map_err(|denied| broken(&denied.to_string()))?;
        let narration = created.emitter.narrate(SERVICE, "job_create").context(name).human("created, to {}");
        let narration = correlation.iter().fold(narration, |narration, id| narration.correlation(id));
        let position = narration.emit().map_err(|refused| {
            let _it_may_be_over = self.jobs.cancel(&created.id);
            broken(&refused.to_string())
        })?;
        let spare = created.reader.subscribe(Since::Start).map_err(|refused| {
            let _it_may_be_over = self.jobs.cancel(&created.id);
            broken(&refused.to_string())
        })?;
        let record = Arc::new(self.record(share, created, position.incarnation, Spare::new(spare)));
        lock(&self.records).insert(record.id.clone(), Arc::clone(&record));
        let executed =
            self.jobs.execute(&record.id, |emitter, (operation, id)| operations::work(operation, id, emitter));
        let work = executed.map_err(|denied| broken(&denied.to_string()))?;
        let work = work.deadline(tokio::time::sleep(self.config.job));
        let (service, ended_ms) = (Arc::clone(self), Arc::clone(&record.ended_ms));
        let task = async move {
            let report = work.await;
            ended_ms.store(now_ms(), Ordering::Release);
            service.ended(tenant, name, report);
        };
        lock(&self.work).spawn(task);
        Ok(record)
    }

    fn record(&self, share: Share, created: Created, incarnation: u64, spare: Spare) -> Record {
        let Created { id, emitter, reader } = created;
        let bits = id.as_str().strip_prefix("job-").and_then(|digits| u128::from_str_radix(digits, 16).ok());
        Record {
            bits: bits.expect("the router minted this id from random bits"),
            incarnation,
            cursors: Cursors::new(&self.root, id.as_str(), incarnation),
            id,
            emitter,
            reader,
            spare,
            epoch: watch::Sender::new(0),
            streams: AtomicUsize::new(0),
            ended_ms: Arc::new(AtomicU64::new(OPEN)),
            _share: share,
        }
    }

    /// The work of a job is over. Operators are told how it ended, not which one it was: ids do not stand in logs.
    fn ended(&self, tenant: usize, operation: &str, report: Report<Failure>) {
        let why = match report.why {
            Why::Done => "done".into(),
            Why::Error(Failure::Planned) => "it was asked to fail".into(),
            Why::Error(Failure::Refused(refused)) => format!("what it said was refused: {refused}"),
            Why::Panic(words) => format!("it panicked: {words}"),
            Why::Deadline => "its time was over".into(),
            Why::Stopped => "it was closed".into(),
        };
        let system = self.router().system();
        let tenant = &self.config.tenants[tenant].name;
        let told = system.narrate(SERVICE, "job_end").context(operation).context(tenant).context(report.outcome);
        self.tally.told(told.context(why).human("{} of {}: {} ({})").emit());
    }

    /// Lets somebody in to a job, for one deed. There is no other way to a record.
    pub(super) fn admit(&self, kind: Kind, token: &str, job: &str, verb: Verbs) -> Result<Admitted, Refusal> {
        let record = lock(&self.records).get(job).cloned();
        let (incarnation, epoch) =
            record.as_ref().map_or((0, 0), |record| (record.incarnation, *record.epoch.borrow()));
        let exists = record.is_some();
        let now_ms = now_ms();
        let claims = self.sealer.admit(&Demand { token, kind, job, verb, now_ms, incarnation, epoch, exists });
        match (claims, record) {
            (Some(claims), Some(record)) => Ok(Admitted { record, claims }),
            _ => Err(Refusal::nothing_here()),
        }
    }

    /// The token that says these claims.
    pub(super) fn seal(&self, claims: Claims) -> String {
        self.sealer.seal(claims)
    }

    /// One more stream of this job, unless it has as many as allowed. Others' streams do not count.
    pub(super) fn take_stream(&self, record: &Arc<Record>) -> Result<StreamSlot, Refusal> {
        let most = self.config.streams_per_job;
        if !take_one(&record.streams, most) {
            return Err(Refusal::said(
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_streams",
                format!("the job has {most} streams, which is its limit"),
                "close one of them first",
            ));
        }
        Ok(StreamSlot(Arc::clone(record)))
    }

    /// The job was read to its end, or its time is over: it is forgotten.
    pub(super) fn forget(&self, record: &Arc<Record>) {
        let removed = {
            let mut records = lock(&self.records);
            let same = records.get(&record.id).is_some_and(|there| Arc::ptr_eq(there, record));
            if same { records.remove(&record.id) } else { None }
        };
        if removed.is_some() {
            record.spare.drop_it();
        }
    }

    /// Gives up closed jobs that nobody has read in time, and what is left of finished work.
    pub(super) fn sweep(&self) {
        let now = now_ms();
        self.router().sweep(now);
        let over = |record: &Record| {
            let ended = record.ended_ms.load(Ordering::Acquire);
            ended != OPEN && now >= ended.saturating_add(ms(self.config.linger))
        };
        let over: Vec<_> = lock(&self.records).values().filter(|record| over(record)).cloned().collect();
        over.iter().for_each(|record| self.forget(record));
        let mut work = lock(&self.work);
        while let Some(finished) = work.try_join_next() {
            // The work's own panics are outcomes; one of the service's own bookkeeping is a defect worth a count.
            if finished.is_err() {
                self.tally.defect();
            }
        }
    }

    /// How many jobs tenants are charged for.
    pub(super) fn held(&self) -> usize {
        self.held.iter().map(|held| held.load(Ordering::Acquire)).sum()
    }

    /// Drops all work: what still runs is abandoned.
    pub(super) fn abandon(&self) -> JoinSet<()> {
        let mut work = std::mem::take(&mut *lock(&self.work));
        work.abort_all();
        work
    }
}

/// A stream's place among those of its job; given back when dropped.
pub(super) struct StreamSlot(Arc<Record>);

impl Drop for StreamSlot {
    fn drop(&mut self) {
        self.0.streams.fetch_sub(1, Ordering::AcqRel);
    }
}
