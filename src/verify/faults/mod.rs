//! The museum: planted faults, which every check must be seen to find, and near-misses, which none may flag.
//!
//! Two kinds. *Leaky routers* are complete small subjects, each shaped after a real incident; what they look like
//! stands in a file each. *Patches* change one place of the shipped kernel (`patches/*.patch`); `build.rs` puts them
//! all into one guarded copy of its source. What people put in front of a service that is right stands in `wire`
//! (feature `server`).
//!
//! Checker, oracle and methods never see this module: a fault's child process is told a number, never a name.

pub mod abandoned_growth;
pub mod abandoned_lock;
pub mod about;
pub mod blocking_broadcast;
pub mod busy_refusal;
pub mod cancel_lost_update;
pub mod case_folding;
pub mod catch_all;
pub mod cleanup_by_prefix;
pub mod competing_readers;
pub mod context_lost_on_spawn;
pub mod drop_newest;
pub mod edited_in_place;
pub mod fail_silent;
pub mod foreign_keepalive;
pub mod global_broadcast;
pub mod global_cursor;
pub mod guard_across_await;
pub mod happy_path_cleanup;
pub mod history_outlives_job;
pub mod history_then_live;
pub mod id_reuse_overwrite;
pub mod idle_as_done;
pub mod lag_as_close;
pub mod last_connect;
pub mod late_remove;
pub mod live_then_history;
pub mod lock_across_await;
pub mod lock_poison;
pub mod near_bounded_queue;
pub mod near_checked_removal;
pub mod near_drop_oldest;
pub mod near_job_lock;
pub mod near_joined_maps;
pub mod near_joined_replay;
pub mod near_keyed_retry;
pub mod near_lingering;
pub mod near_own_cursor;
pub mod near_own_idle;
pub mod near_quoted_names;
pub mod near_recovered_lock;
pub mod near_shared_log;
pub mod near_single_reader;
pub mod near_stated_busy;
pub mod near_stop_on_lag;
pub mod near_two_replicas;
pub mod ordinary;
pub mod panic_forgets_close;
pub mod pre_subscribe_loss;
pub mod prefix_match;
pub mod re_emit_without_id;
pub mod recycled_buffer;
pub mod removed_at_close;
pub mod retry_without_key;
pub mod revisit;
pub mod route_then_await;
pub mod seed_router;
pub mod sentinel_name;
pub mod separator_collision;
pub mod shadowed_life;
pub mod shared_budget;
pub mod shared_quota;
pub mod shared_ring;
pub mod stale_handle;
pub mod stolen_receiver;
pub mod support;
pub mod system_name;
pub mod telling_refusal;
pub mod tenant_missing;
pub mod thread_local_sender;
pub mod torn_maps;
pub mod truncated_name;
pub mod unicode_folding;
pub mod unlocked_fan_out;
pub mod wake_before_publish;
pub mod wake_one;
pub mod wire;
pub mod workbench;
pub mod wrong_outcome;
pub mod zombie_emitter;

pub use about::{About, Kind};

use super::guarantee::Guarantee;
use super::subject::erased::{Erased, Fresh};
pub use crate::compiled::guarded::Patch;
use crate::compiled::guarded::{self, PATCHES};

macro_rules! exhibits {
    ($($about:path => $subject:ty),* $(,)?) => {
        /// The complete routers of the museum: leaky ones first, then near-misses. A subject's number is its place
        /// here plus one.
        pub static ROUTERS: &[&About] = &[$(&$about),*];

        /// How to make the subject of this number; 0 is the reference router. `None` if there is no such number. A
        /// [patched](patched) kernel stays so for as long as the process lives: ask for one in a child.
        pub fn router(number: u32) -> Option<Fresh> {
            const FRESH: &[Fresh] = &[$(Erased::fresh::<$subject>),*];
            if let Some(patch) = number.checked_sub(PATCHED) {
                guarded::activate(patch);
                return Some(Erased::fresh::<guarded::native::subject::KernelSubject>);
            }
            match number.checked_sub(1) {
                None => Some(Erased::fresh::<super::subject::reference::Reference>),
                Some(place) => FRESH.get(place as usize).copied(),
            }
        }
    };
}

exhibits! {
    global_broadcast::ABOUT => global_broadcast::GlobalBroadcast,
    catch_all::ABOUT => catch_all::CatchAll,
    torn_maps::ABOUT => torn_maps::TornMaps,
    stolen_receiver::ABOUT => stolen_receiver::StolenReceiver,
    lag_as_close::ABOUT => lag_as_close::LagAsClose,
    seed_router::ROUTER => seed_router::SeedRouter,
    seed_router::SERVICE => seed_router::SeedService,
    thread_local_sender::ABOUT => thread_local_sender::ThreadLocalSender,
    route_then_await::ABOUT => route_then_await::RouteThenAwait,
    guard_across_await::ABOUT => guard_across_await::GuardAcrossAwait,
    context_lost_on_spawn::ABOUT => context_lost_on_spawn::ContextLostOnSpawn,
    re_emit_without_id::ABOUT => re_emit_without_id::ReEmitWithoutId,
    pre_subscribe_loss::ABOUT => pre_subscribe_loss::PreSubscribeLoss,
    drop_newest::ABOUT => drop_newest::DropNewest,
    id_reuse_overwrite::ABOUT => id_reuse_overwrite::IdReuseOverwrite,
    late_remove::ABOUT => late_remove::LateRemove,
    zombie_emitter::ABOUT => zombie_emitter::ZombieEmitter,
    stale_handle::ABOUT => stale_handle::StaleHandle,
    idle_as_done::ABOUT => idle_as_done::IdleAsDone,
    panic_forgets_close::ABOUT => panic_forgets_close::PanicForgetsClose,
    wrong_outcome::ABOUT => wrong_outcome::WrongOutcome,
    cancel_lost_update::ABOUT => cancel_lost_update::CancelLostUpdate,
    prefix_match::ABOUT => prefix_match::PrefixMatch,
    case_folding::ABOUT => case_folding::CaseFolding,
    unicode_folding::ABOUT => unicode_folding::UnicodeFolding,
    truncated_name::ABOUT => truncated_name::TruncatedName,
    separator_collision::ABOUT => separator_collision::SeparatorCollision,
    tenant_missing::ABOUT => tenant_missing::TenantMissing,
    sentinel_name::ABOUT => sentinel_name::SentinelName,
    last_connect::ABOUT => last_connect::LastConnect,
    edited_in_place::ABOUT => edited_in_place::EditedInPlace,
    recycled_buffer::ABOUT => recycled_buffer::RecycledBuffer,
    history_then_live::ABOUT => history_then_live::HistoryThenLive,
    live_then_history::ABOUT => live_then_history::LiveThenHistory,
    competing_readers::ABOUT => competing_readers::CompetingReaders,
    cleanup_by_prefix::ABOUT => cleanup_by_prefix::CleanupByPrefix,
    shared_ring::ABOUT => shared_ring::SharedRing,
    unlocked_fan_out::ABOUT => unlocked_fan_out::UnlockedFanOut,
    retry_without_key::ABOUT => retry_without_key::RetryWithoutKey,
    busy_refusal::ABOUT => busy_refusal::BusyRefusal,
    wake_one::ABOUT => wake_one::WakeOne,
    wake_before_publish::ABOUT => wake_before_publish::WakeBeforePublish,
    system_name::ABOUT => system_name::SystemName,
    fail_silent::ABOUT => fail_silent::FailSilent,
    abandoned_growth::ABOUT => abandoned_growth::AbandonedGrowth,
    happy_path_cleanup::ABOUT => happy_path_cleanup::HappyPathCleanup,
    removed_at_close::ABOUT => removed_at_close::RemovedAtClose,
    shadowed_life::ABOUT => shadowed_life::ShadowedLife,
    history_outlives_job::ABOUT => history_outlives_job::HistoryOutlivesJob,
    global_cursor::ABOUT => global_cursor::GlobalCursor,
    telling_refusal::ABOUT => telling_refusal::TellingRefusal,
    shared_budget::ABOUT => shared_budget::SharedBudget,
    foreign_keepalive::ABOUT => foreign_keepalive::ForeignKeepalive,
    lock_poison::ABOUT => lock_poison::LockPoison,
    blocking_broadcast::ABOUT => blocking_broadcast::BlockingBroadcast,
    lock_across_await::ABOUT => lock_across_await::LockAcrossAwait,
    abandoned_lock::ABOUT => abandoned_lock::AbandonedLock,
    shared_quota::ABOUT => shared_quota::SharedQuota,
    near_drop_oldest::ABOUT => near_drop_oldest::DropOldest,
    near_joined_maps::ABOUT => near_joined_maps::TwoMaps,
    near_shared_log::ABOUT => near_shared_log::SharedLog,
    near_single_reader::ABOUT => near_single_reader::SingleReader,
    near_stop_on_lag::ABOUT => near_stop_on_lag::StopOnLag,
    near_checked_removal::ABOUT => near_checked_removal::CheckedRemoval,
    near_quoted_names::ABOUT => near_quoted_names::QuotedNames,
    near_joined_replay::ABOUT => near_joined_replay::JoinedReplay,
    near_two_replicas::ABOUT => near_two_replicas::TwoReplicas,
    near_keyed_retry::ABOUT => near_keyed_retry::KeyedRetry,
    near_stated_busy::ABOUT => near_stated_busy::StatedBusy,
    near_lingering::ABOUT => near_lingering::KeptUntilRead,
    near_own_cursor::ABOUT => near_own_cursor::OwnCursor,
    near_own_idle::ABOUT => near_own_idle::OwnIdle,
    near_recovered_lock::ABOUT => near_recovered_lock::RecoveredLock,
    near_bounded_queue::ABOUT => near_bounded_queue::BoundedQueue,
    near_job_lock::ABOUT => near_job_lock::JobLock,
}

/// One planted fault, of either kind.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    /// A complete router, by its number.
    Router(u32, &'static About),
    /// A patch of the kernel.
    Patch(&'static Patch),
    /// A gateway in front of the service, by its number.
    Gateway(u32, &'static About),
}

/// Every planted fault that can be run again under a schedule: the routers, then the patches.
pub fn faults() -> Vec<Fault> {
    let routers = numbered().filter(|(_, about)| about.kind == Kind::Leaky);
    let routers = routers.map(|(number, about)| Fault::Router(number, about));
    routers.chain(PATCHES.iter().map(Fault::Patch)).collect()
}

/// Every planted fault of the wire.
pub fn gateways() -> Vec<Fault> {
    let leaky = wire::numbered().filter(|(_, about)| about.kind == Kind::Leaky);
    leaky.map(|(number, about)| Fault::Gateway(number, about)).collect()
}

/// Every near-miss of the wire, by its number.
pub fn gateway_near_misses() -> Vec<(u32, &'static About)> {
    wire::numbered().filter(|(_, about)| about.kind == Kind::NearMiss).collect()
}

/// The number of a complete router, or of the kernel with a patch, by its name.
pub fn number_of(id: &str) -> Option<u32> {
    let router = numbered().find(|(_, about)| about.id == id).map(|(number, _)| number);
    router.or_else(|| PATCHES.iter().find(|patch| patch.id == id).map(patched))
}

/// From here on numbers stand for the kernel over std's primitives with a patch in it.
const PATCHED: u32 = 1 << 16;

/// The number of the kernel with this patch, as a subject.
pub fn patched(patch: &Patch) -> u32 {
    PATCHED + patch.number
}

/// Every near-miss, by its number.
pub fn near_misses() -> Vec<(u32, &'static About)> {
    numbered().filter(|(_, about)| about.kind == Kind::NearMiss).collect()
}

fn numbered() -> impl Iterator<Item = (u32, &'static About)> {
    (1..).zip(ROUTERS.iter().copied())
}

impl Fault {
    /// Its name.
    pub fn id(&self) -> &'static str {
        match self {
            Fault::Router(_, about) | Fault::Gateway(_, about) => about.id,
            Fault::Patch(patch) => patch.id,
        }
    }

    /// The defect in one sentence.
    pub fn defect(&self) -> &'static str {
        match self {
            Fault::Router(_, about) | Fault::Gateway(_, about) => about.defect,
            Fault::Patch(patch) => patch.defect,
        }
    }

    /// The real incident it is shaped after.
    pub fn incident(&self) -> &'static str {
        match self {
            Fault::Router(_, about) | Fault::Gateway(_, about) => about.incident,
            Fault::Patch(patch) => patch.incident,
        }
    }

    /// The guarantees it breaks; at most two.
    pub fn expected(&self) -> Vec<Guarantee> {
        match self {
            Fault::Router(_, about) | Fault::Gateway(_, about) => about.expected.to_vec(),
            Fault::Patch(patch) => patch.expected.iter().filter_map(|id| Guarantee::by_id(id)).collect(),
        }
    }

    /// The methods that must find it. The kernel's operations never await: a patch of it that shows between them as well
    /// is found by `interleaved` too.
    pub fn methods(&self) -> Vec<&'static str> {
        match self {
            Fault::Router(..) => vec!["interleaved"],
            Fault::Patch(_) => vec!["loom", "shuttle"],
            Fault::Gateway(..) => vec!["wire"],
        }
    }
}

/// The fuzz target `operations`: panics if the router of the number in `NARROWCAST_FUZZ_SUBJECT` (the reference
/// router, if there is none) is in breach on the program and schedule that these bytes stand for.
///
/// # Panics
/// With what the judge found; that is how a fuzzer is told.
pub fn fuzz_operations(bytes: &[u8]) {
    static SUBJECT: std::sync::OnceLock<u32> = std::sync::OnceLock::new();
    let chosen = || std::env::var("NARROWCAST_FUZZ_SUBJECT").ok().and_then(|number| number.parse().ok()).unwrap_or(0);
    let subject = *SUBJECT.get_or_init(chosen);
    let fresh = router(subject).expect("NARROWCAST_FUZZ_SUBJECT names a router of the museum");
    if let Some(breach) = super::methods::fuzzed::operations(fresh, bytes) {
        let findings = breach.findings.iter().flat_map(|findings| &findings.findings);
        let said: String =
            findings.map(|finding| format!("breaks {}: {}\n", finding.guarantee, finding.message)).collect();
        let ended = breach.abnormal.map(|abnormal| format!("{abnormal:?}\n")).unwrap_or_default();
        panic!("the judge says of this program under this schedule\n{said}{ended}{}", breach.program);
    }
}
