//! The seed's analysis, claim by claim, run now.
//!
//! The document that this project grew from asks "Are we guaranteed isolated channels?" and answers yes. Its claims are
//! here as data, each with a check that runs the same program on the seed's own router and on another, and decides from
//! what was recorded. Nothing is remembered: where this build cannot decide a claim by running something, the claim
//! says so, and holds neither.

pub mod orders;

use super::catch_all::CatchAll;
use super::global_broadcast::GlobalBroadcast;
use super::seed_router::{SeedRouter, SeedService};
use super::support::settle;
use crate::verify::history::{Action, Delivered, History, Kind, Line};
use crate::verify::program::{Door, From, Op, Program, Until};
use crate::verify::subject::erased::Erased;
use crate::verify::subject::{Delivery, Outcome, Setup, Since, Subject};
use orders::{in_every_order, in_order};
use std::sync::Arc;

/// One of the analysis's claims.
#[derive(Debug, Clone, Copy)]
pub struct Claim {
    /// Its number, from 1.
    pub number: u32,
    /// The seed's words, shortened.
    pub text: &'static str,
    /// What is asked of both routers to decide it.
    pub asks: &'static str,
    /// Which part of the seed's system is asked.
    pub on: &'static str,
    /// Asks.
    pub check: fn() -> ClaimResult,
}

/// What came of asking.
#[derive(Debug, Clone)]
pub struct ClaimResult {
    /// Of the seed's router.
    pub seed: Side,
    /// Of ours.
    pub ours: Side,
}

/// What one router showed.
#[derive(Debug, Clone)]
pub struct Side {
    /// Whether the claim holds; `None` if it is not decidable here.
    pub holds: Option<bool>,
    /// One line, with the numbers of this run.
    pub evidence: String,
    /// What was recorded, if the claim was decided by a program.
    pub history: Option<History>,
    /// The lines of it that show the failure, from 1, ascending.
    pub witness: Vec<usize>,
}

impl Side {
    fn undecided(evidence: impl Into<String>) -> Side {
        Side { holds: None, evidence: evidence.into(), history: None, witness: Vec::new() }
    }

    /// Decided by what the router itself says, without a recorded run.
    fn told(holds: bool, evidence: impl Into<String>) -> Side {
        Side { holds: Some(holds), ..Side::undecided(evidence) }
    }

    /// Decided by a recorded run; what would show a failure is dropped where there is none.
    fn decided(holds: bool, evidence: String, seen: Seen, witness: Vec<usize>) -> Side {
        let mut witness = if holds { Vec::new() } else { witness };
        witness.sort_unstable();
        witness.dedup();
        Side { holds: Some(holds), evidence, history: Some(seen.0), witness }
    }
}

/// The twelve claims, with `S` as the router that is held against the seed's.
pub fn claims<S: Subject>() -> [Claim; 12] {
    const SINK: &str = "seed-router";
    const SERVICE: &str = "seed-service";
    let claim = |number, text, asks, on, check| Claim { number, text, asks, on, check };
    [
        claim(
            1,
            "Each job has separate channel: Job A can't see Job B's narration",
            "do two jobs with different ids, read while both speak, get their own events and no other?",
            SINK,
            || ClaimResult { seed: separate::<SeedRouter>(), ours: separate::<S>() },
        ),
        claim(2, "All job narration has job_id", "what becomes of narration that names no job?", SINK, all_named::<S>),
        claim(
            3,
            "Client: Receives ONLY job-abc123's narration (flow, step 8)",
            "does the client that posts a job and gets its stream receive what the job says?",
            SERVICE,
            || ClaimResult { seed: flow::<SeedService>(), ours: flow::<S>() },
        ),
        claim(
            4,
            "Channels cleaned up after job completes",
            "are ten jobs' channels held while they run, and none once they are over and read?",
            SERVICE,
            || ClaimResult { seed: cleaned_up::<SeedService>(), ours: cleaned_up::<S>() },
        ),
        claim(
            5,
            "Channel created BEFORE returning: No race condition possible!",
            "with the channel made before anybody emits, in how many orders is an accepted event lost unsaid?",
            SINK,
            || ClaimResult { seed: no_race::<SeedRouter>(), ours: no_race::<S>() },
        ),
        claim(
            6,
            "Background tasks could race. But we don't do this: all happen AFTER channel creation",
            "is a background task that emits before the channel exists told so?",
            SINK,
            || ClaimResult { seed: background::<SeedRouter>(), ours: background::<S>() },
        ),
        claim(
            7,
            "No cross-contamination possible",
            "can an emitter of a job that is over speak into the next job of its name?",
            SINK,
            || ClaimResult { seed: no_contamination::<SeedRouter>(), ours: no_contamination::<S>() },
        ),
        claim(
            8,
            "System narration goes to stderr and logs, not to users' streams",
            "who receives narration of no job?",
            SINK,
            || ClaimResult { seed: system::<SeedRouter>(), ours: system::<S>() },
        ),
        claim(
            9,
            "Fail-fast (drop instead of leak)",
            "is an emit that cannot be routed refused to its emitter?",
            SINK,
            || ClaimResult { seed: fail_fast::<SeedRouter>(), ours: fail_fast::<S>() },
        ),
        claim(
            10,
            "Users see their job narration (SSE), operators see everything (logs): no privacy violations",
            "does each audience get the form of the text that it is meant to get?",
            SINK,
            redaction,
        ),
        claim(
            11,
            "It was the global channel through which User A sees User B's data; the fix: remove it",
            "on the plain path of two jobs, what leaked: the common channel, or the one broadcast before it?",
            "catch-all, global-broadcast",
            || ClaimResult { seed: what_leaked(), ours: nothing_common::<S>() },
        ),
        claim(
            12,
            "Are We Guaranteed Isolation? YES",
            "does all that was accepted arrive or get counted, and does the end tell how the job ended?",
            SINK,
            || ClaimResult { seed: guaranteed::<SeedRouter>(), ours: guaranteed::<S>() },
        ),
    ]
}

// === what a history shows ===

/// A recorded run, asked simple questions. Not the judge: it counts what one program can show and no more.
struct Seen(History);

impl Seen {
    fn lines(&self) -> impl Iterator<Item = (usize, &Line)> {
        self.0.iter().enumerate().map(|(at, line)| (at + 1, line))
    }

    /// The lines on which emits were answered in this way.
    fn emits(&self, kind: Kind) -> Vec<usize> {
        let answered = |line: &Line| line.kind == kind && matches!(line.action, Action::Emit { .. });
        self.lines().filter(|(_, line)| answered(line)).map(|(at, _)| at).collect()
    }

    /// What a stream delivered, with the lines.
    fn delivered(&self, stream: &str) -> Vec<(usize, &Delivered)> {
        self.lines()
            .filter_map(|(at, line)| match &line.action {
                Action::Receive { stream: s, what } if s == stream => Some((at, what)),
                _ => None,
            })
            .collect()
    }

    /// The events that a stream delivered: the line, and the job and life that the event was emitted to.
    fn events(&self, stream: &str) -> Vec<(usize, Option<&str>, Option<&str>)> {
        let emitted = |token: &str| {
            self.0.iter().find_map(|line| match &line.action {
                Action::Emit { job, event, .. } if event == token => Some((job.as_deref(), line.life())),
                _ => None,
            })
        };
        self.delivered(stream)
            .into_iter()
            .filter_map(|(at, what)| match what {
                Delivered::Event { event, .. } => {
                    let (job, life) = emitted(event).unzip();
                    Some((at, job.flatten(), life.flatten()))
                }
                _ => None,
            })
            .collect()
    }

    /// The lines on which a stream delivered events that were not emitted to this job.
    fn foreign(&self, stream: &str, own: &str) -> Vec<usize> {
        self.events(stream).into_iter().filter(|(_, job, _)| *job != Some(own)).map(|(at, ..)| at).collect()
    }

    /// How many events a stream was told that it missed.
    fn counted(&self, stream: &str) -> u64 {
        let lagged = |what: &Delivered| if let Delivered::Lagged(n) = what { *n } else { 0 };
        self.delivered(stream).into_iter().map(|(_, what)| lagged(what)).sum()
    }

    /// Where a stream ended, and with which outcome.
    fn end(&self, stream: &str) -> Option<(usize, Option<crate::verify::history::Outcome>)> {
        self.delivered(stream).into_iter().find_map(|(at, what)| match what {
            Delivered::End(outcome) => Some((at, *outcome)),
            _ => None,
        })
    }

    /// The lines on which emits were accepted whose events this stream did not deliver.
    fn unread(&self, stream: &str) -> Vec<usize> {
        let came = |token: &str| {
            let is_it = |what: &Delivered| matches!(what, Delivered::Event { event, .. } if event == token);
            self.delivered(stream).into_iter().any(|(_, what)| is_it(what))
        };
        let missing = |line: &Line| matches!(&line.action, Action::Emit { event, .. } if !came(event));
        self.lines().filter(|(_, line)| line.kind == Kind::Ok && missing(line)).map(|(at, _)| at).collect()
    }

    /// How many accepted events the stream neither delivered nor counted, in a program of one job.
    fn lost(&self, stream: &str) -> u64 {
        let accounted = self.events(stream).len() as u64 + self.counted(stream);
        (self.emits(Kind::Ok).len() as u64).saturating_sub(accounted)
    }
}

// === the words in which the programs are written ===

fn create(job: usize) -> Op {
    Op::Create { job }
}

fn emit(job: usize) -> Op {
    Op::Emit { job, door: Door::Handle }
}

fn subscribe(job: usize, stream: usize) -> Op {
    Op::Subscribe { job, stream, from: From::Start, door: Door::Handle }
}

fn read(stream: usize, until: Until) -> Op {
    Op::Read { stream, until }
}

fn close(job: usize, outcome: Outcome) -> Op {
    Op::Close { job, outcome, door: Door::Handle }
}

fn program(retain: usize, prelude: Vec<Op>, threads: Vec<Vec<Op>>) -> Arc<Program> {
    Arc::new(Program { jobs: vec!["a".into(), "b".into()], retain, prelude, threads, cut: None })
}

/// Two jobs that are read while both speak: threads 0 and 1 read, thread 2 speaks, for the operators too.
fn two_jobs<R: Subject>() -> Seen {
    let reader = |n| vec![subscribe(n, n), read(n, Until::End)];
    let speaker = vec![emit(0), emit(1), Op::EmitSystem, emit(0), emit(1)];
    let program = program(8, vec![create(0), create(1)], vec![reader(0), reader(1), speaker]);
    Seen(in_order(Erased::fresh::<R>, &program, &[0, 1, 2, 2, 2, 2, 2]))
}

// === the checks, in the order of the claims ===

fn separate<R: Subject>() -> Side {
    let seen = two_jobs::<R>();
    let foreign = [seen.foreign("s0", "a"), seen.foreign("s1", "b")].concat();
    let (a, b) = (seen.events("s0").len(), seen.events("s1").len());
    let evidence =
        format!("stream of a read {a} events, stream of b {b}; {} of them foreign, 4 emitted", foreign.len());
    Side::decided(foreign.is_empty() && a == 2 && b == 2, evidence, seen, foreign)
}

fn all_named<S: Subject>() -> ClaimResult {
    // Run as far as it can be: what the router does with one that names no job.
    let unnamed = |seen: Seen| {
        let nobodys = |line: &&Line| matches!(line.action, Action::Emit { job: None, .. });
        let accepted = seen.0.iter().filter(nobodys).filter(|line| line.kind == Kind::Ok).count();
        let read = seen.foreign("s0", "a").len() + seen.foreign("s1", "b").len();
        format!("of 1 event that names no job {accepted} was accepted, and read on {read} of 2 job streams")
    };
    let (seed, ours) = (unnamed(two_jobs::<SeedRouter>()), unnamed(two_jobs::<S>()));
    ClaimResult {
        seed: Side::undecided(format!("a matter of the daemon's call sites, which are not in this build; {seed}")),
        ours: Side::undecided(format!("a matter of types: to emit takes a job, for the compiler to show; {ours}")),
    }
}

fn flow<R: Subject>() -> Side {
    let client = vec![subscribe(0, 0), read(0, Until::End)];
    let job = vec![emit(0), emit(0), emit(0), close(0, Outcome::Completed)];
    let program = program(8, vec![create(0)], vec![client, job]);
    // The client subscribes, in two steps should its handler take that many, and begins to read; then the job runs.
    let seen = Seen(in_order(Erased::fresh::<R>, &program, &[0, 0, 0, 1, 1, 1, 1]));
    let (read, accepted) = (seen.events("s0").len(), seen.emits(Kind::Ok));
    let end = seen.end("s0").map(|(at, _)| at);
    let late = accepted.iter().filter(|&&emit| end.is_some_and(|end| end < emit)).count();
    let evidence = format!(
        "the client read {read} of {} accepted events; {late} were emitted after its stream had ended",
        accepted.len()
    );
    let holds = read == 3 && accepted.len() == 3;
    let witness = seen.unread("s0").into_iter().chain(end).collect();
    Side::decided(holds, evidence, seen, witness)
}

fn cleaned_up<R: Subject>() -> Side {
    const JOBS: usize = 10;
    match settle(hold_and_release::<R>(JOBS)) {
        None => Side::told(false, "a stream never ended after its job's close"),
        Some(Err(why)) => Side::told(false, why),
        Some(Ok((Some(running), Some(over)))) => Side::told(
            running == JOBS && over == 0,
            format!("{running} of {JOBS} channels held while the jobs run and are read, {over} after all have ended"),
        ),
        Some(Ok(_)) => Side::undecided("the router does not say what it holds"),
    }
}

/// How many jobs a router holds while so many are open and read, and once they are closed and read to their ends.
async fn hold_and_release<R: Subject>(jobs: usize) -> Result<(Option<usize>, Option<usize>), String> {
    let router = R::fresh(Setup { retain_events: 4, seed: 1 });
    let mut open = Vec::new();
    for n in 0..jobs {
        let job = router.create(&format!("job-{n}")).await.map_err(|e| format!("create was refused: {e:?}"))?;
        let stream = router.subscribe(&job, Since::Start).await.map_err(|e| format!("subscribe was refused: {e:?}"))?;
        open.push((job, stream));
    }
    let running = router.live();
    for (job, mut stream) in open {
        router.close(&job, Outcome::Completed).await.map_err(|e| format!("close was refused: {e:?}"))?;
        while !matches!(R::next(&mut stream).await, Delivery::End(_) | Delivery::Stopped(_)) {}
    }
    Ok((running, router.live()))
}

fn no_race<R: Subject>() -> Side {
    const MOST: usize = 20_000;
    let client = vec![create(0), subscribe(0, 0), read(0, Until::Accounted(2))];
    let program = program(8, Vec::new(), vec![client, vec![emit(0), emit(0)]]);
    let Some(orders) = in_every_order(Erased::fresh::<R>, &program, MOST) else {
        return Side::undecided(format!("more than {MOST} orders: the budget ended it first"));
    };
    let all = orders.len();
    let (losing, fine): (Vec<Seen>, Vec<Seen>) = orders.into_iter().map(Seen).partition(|seen| seen.lost("s0") > 0);
    let evidence = format!(
        "in {} of {all} orders, all with the channel made first, an accepted event is lost unsaid",
        losing.len()
    );
    let holds = losing.is_empty();
    // There is at least one order, so one of the two has a first.
    let Some(seen) = losing.into_iter().chain(fine).next() else { return Side::undecided(evidence) };
    let witness = seen.unread("s0");
    Side::decided(holds, evidence, seen, witness)
}

fn background<R: Subject>() -> Side {
    let client = vec![create(0), subscribe(0, 0), read(0, Until::End)];
    let task = vec![Op::Emit { job: 0, door: Door::Name }];
    let seen = Seen(in_order(Erased::fresh::<R>, &program(8, Vec::new(), vec![client, task]), &[1]));
    let (accepted, refused) = (seen.emits(Kind::Ok), seen.emits(Kind::Fail).len());
    let evidence = format!(
        "an emit by name before the create: accepted {}, refused {refused}, read {}",
        accepted.len(),
        seen.events("s0").len()
    );
    Side::decided(accepted.is_empty() && refused == 1, evidence, seen, accepted)
}

fn no_contamination<R: Subject>() -> Side {
    let prelude = vec![create(0), close(0, Outcome::Completed), create(0)];
    let straggler = vec![Op::Emit { job: 0, door: Door::Straggler }];
    let program = program(8, prelude, vec![vec![subscribe(0, 0), read(0, Until::End)], straggler]);
    let seen = Seen(in_order(Erased::fresh::<R>, &program, &[0, 1]));
    let own = seen.0.iter().find(|line| matches!(line.action, Action::Subscribe { .. })).and_then(Line::life);
    let foreign: Vec<usize> =
        seen.events("s0").into_iter().filter(|(_, _, life)| *life != own).map(|(at, ..)| at).collect();
    let evidence = format!(
        "an emit by the closed job's handle: accepted {}, refused {}; the next job's stream read {} of it",
        seen.emits(Kind::Ok).len(),
        seen.emits(Kind::Fail).len(),
        foreign.len()
    );
    let witness = seen.emits(Kind::Ok).into_iter().chain(foreign.iter().copied()).collect();
    Side::decided(foreign.is_empty(), evidence, seen, witness)
}

fn system<R: Subject>() -> Side {
    let readers = vec![subscribe(0, 0), Op::SubscribeSystem { stream: 1 }, read(1, Until::Deliveries(1))];
    let program = program(8, vec![create(0)], vec![readers, vec![Op::EmitSystem]]);
    let seen = Seen(in_order(Erased::fresh::<R>, &program, &[0, 0, 1]));
    let strayed = seen.foreign("s0", "a");
    let heard = seen.events("s1").len();
    let has_stream =
        seen.0.iter().any(|line| line.kind == Kind::Ok && matches!(&line.action, Action::Subscribe { job: None, .. }));
    if !has_stream && strayed.is_empty() {
        return Side::undecided(
            "read by 0 of 1 job streams; there is no operators' stream, and stderr and logs are not seen from here",
        );
    }
    let evidence = format!("read by {heard} of 1 operators' streams and {} of 1 job streams", strayed.len());
    let witness = seen.emits(Kind::Ok).into_iter().chain(strayed.iter().copied()).collect();
    Side::decided(strayed.is_empty() && heard == 1, evidence, seen, witness)
}

fn fail_fast<R: Subject>() -> Side {
    let ops = vec![
        Op::Emit { job: 1, door: Door::Name },
        create(0),
        subscribe(0, 0),
        close(0, Outcome::Completed),
        emit(0),
        Op::Emit { job: 0, door: Door::Name },
        read(0, Until::End),
    ];
    let seen = Seen(in_order(Erased::fresh::<R>, &program(8, Vec::new(), vec![ops]), &[]));
    let (accepted, refused) = (seen.emits(Kind::Ok), seen.emits(Kind::Fail).len());
    let read = seen.events("s0").len();
    let evidence = format!(
        "of 3 emits to a job unknown or closed {refused} were refused and {} called accepted; {read} were read",
        accepted.len()
    );
    Side::decided(accepted.is_empty() && refused == 3 && read == 0, evidence, seen, accepted)
}

fn redaction() -> ClaimResult {
    ClaimResult {
        seed: Side::undecided(
            "not in this build: its stderr, its redaction and its log sink are outside of the router",
        ),
        ours: Side::undecided(
            "not decidable here: nothing is redacted, and what operators' sinks print no stream shows",
        ),
    }
}

fn what_leaked() -> Side {
    let (broadcast, common) = (two_jobs::<GlobalBroadcast>(), two_jobs::<CatchAll>());
    let foreign = |seen: &Seen| [seen.foreign("s0", "a"), seen.foreign("s1", "b")].concat();
    let (by_broadcast, by_common) = (foreign(&broadcast), foreign(&common));
    let holds = by_broadcast.is_empty() && !by_common.is_empty();
    let evidence = format!(
        "foreign deliveries with one broadcast: {}; with a common channel beside the jobs' own: {}",
        by_broadcast.len(),
        by_common.len()
    );
    Side::decided(holds, evidence, broadcast, by_broadcast)
}

fn nothing_common<R: Subject>() -> Side {
    let seen = two_jobs::<R>();
    let foreign = [seen.foreign("s0", "a"), seen.foreign("s1", "b")].concat();
    let read = seen.events("s0").len() + seen.events("s1").len();
    let evidence = format!("foreign deliveries: {} of {read}", foreign.len());
    Side::decided(foreign.is_empty() && read > 0, evidence, seen, foreign)
}

fn guaranteed<R: Subject>() -> Side {
    let job = vec![emit(0), emit(0), emit(0), emit(0), emit(0), close(0, Outcome::Failed)];
    let program = program(2, vec![create(0), emit(0)], vec![vec![subscribe(0, 0), read(0, Until::End)], job]);
    let seen = Seen(in_order(Erased::fresh::<R>, &program, &[0, 1, 1, 1, 1, 1, 1]));
    let (accepted, lost) = (seen.emits(Kind::Ok), seen.lost("s0"));
    let end = seen.end("s0");
    let told = end.and_then(|(_, outcome)| outcome);
    let evidence = format!(
        "of {} accepted events {} came, {} were counted, {lost} lost unsaid; the failed job ended as {}",
        accepted.len(),
        seen.events("s0").len(),
        seen.counted("s0"),
        told.map_or("nothing".to_owned(), |outcome| format!("{outcome:?}").to_lowercase())
    );
    let holds = lost == 0 && accepted.len() == 6 && told == Some(Outcome::Failed);
    let witness = seen.unread("s0").into_iter().chain(end.map(|(at, _)| at)).collect();
    Side::decided(holds, evidence, seen, witness)
}
