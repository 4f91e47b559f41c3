//! One function a command.

use super::args::{Cli, Command, Common, Evidence as EvidenceCommand, Format, Order, Verify};
use super::{Failure, descriptors, print, style};
use crate::report::progress::{Progress, Show};
use crate::report::{ExplainedCheck, Explanation, FaultRow, Replay, ReplayOutcome, Side, evidence, terminal};
use crate::verify::counterexample::{Counterexample, How};
use crate::verify::explain::explain as explained;
use crate::verify::faults::{self, Fault};
use crate::verify::findings::{Findings, Status};
use crate::verify::guarantee::Guarantee;
use crate::verify::history::{History, validator};
use crate::verify::methods::loom;
use crate::verify::methods::noninterference::{self, Contrast};
use crate::verify::outcomes::{Outcome, in_words};
use crate::verify::pairings::pairings;
use crate::verify::regressions;
use crate::verify::session::child::{Answer, Replayed, Spawner, Task};
use crate::verify::session::{self, Options, Profile, Tell};
use crate::verify::verdict::{Ended, Evidence, Strength};
use crate::verify::{checker, history};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, BufReader};
use std::path::Path;
use std::sync::OnceLock;

/// Does what the command line says. Answers the exit code.
pub(super) fn run(cli: &Cli) -> Result<u8, Failure> {
    let common = &cli.common;
    match &cli.command {
        Command::Verify(args) => verify(args, common),
        Command::Revisit => super::revisit::revisit(common),
        Command::Faults => faults_list(common),
        Command::Explain { guarantee } => explain(*guarantee, common),
        Command::Replay { file } => replay(file, common),
        Command::Check { file, order } => check(file, *order, common),
        Command::Evidence(EvidenceCommand::Check { file }) => evidence_check(file, common),
        Command::Serve(args) => super::serve::serve(args),
    }
}

/// Prints a result as the format asks.
pub(super) fn show<T: Serialize>(
    common: &Common,
    value: &T,
    human: impl FnOnce(crate::report::Style) -> String,
) -> Result<(), Failure> {
    match common.format {
        Format::Human => print(&human(style(&io::stdout()))),
        Format::Json => print(&(serde_json::to_string_pretty(value).map_err(Failure::internal)? + "\n")),
    }
}

pub(super) fn spawner(profile: Profile) -> Result<Spawner, Failure> {
    Spawner::this_program(profile.deadline()).map_err(Failure::internal)
}

fn fault_named(id: &str) -> Result<Fault, Failure> {
    let mut all = faults::faults();
    all.extend(faults::gateways());
    match all.iter().find(|fault| fault.id() == id).copied() {
        Some(Fault::Patch(patch)) if !patch.applies => Err(Failure::usage(format!(
            "the patch {id} no longer applies: src/kernel/{} has changed where it stood; bring the patch up to date",
            patch.file
        ))),
        Some(fault) => Ok(fault),
        None if near_misses().iter().any(|about| about.id == id) => Err(Failure::usage(format!(
            "{id} is a near-miss, a correct router; every run of `narrowcast verify` checks that it is not flagged"
        ))),
        None => {
            let known: Vec<&str> = all.iter().map(Fault::id).collect();
            Err(Failure::usage(format!("no planted fault is called {id:?}; there are: {}", known.join(", "))))
        }
    }
}

// === verify ===

/// As many as the largest load takes, on both of its sides. Children inherit it; one that has too few says so.
const DESCRIPTORS: u64 = 16_384;

fn verify(args: &Verify, common: &Common) -> Result<u8, Failure> {
    let _as_many_as_there_are = descriptors::ask_for(DESCRIPTORS);
    let options = Options {
        profile: args.profile.into(),
        seed: args.seed,
        only: args.only.clone(),
        methods: args.method.iter().map(|method| (*method).into()).collect(),
        fault: args.fault.as_deref().map(fault_named).transpose()?,
        sequential: args.sequential,
        hunt: args.hunt,
        argv: normalised(std::env::args().skip(1)),
    };
    // Found out now rather than after a minute of work.
    let out = args.out();
    fs::create_dir_all(&out).map_err(|error| Failure::file("create", &out, error))?;
    let progress: OnceLock<Progress> = OnceLock::new();
    let quiet = common.quiet;
    let tell = |tell: Tell<'_>| match tell {
        Tell::Tasks(tasks) => {
            let _the_first = progress.set(Progress::new(tasks, Show::choose(quiet)));
        }
        Tell::Done(what, took) => {
            if let Some(progress) = progress.get() {
                progress.step(&format!("{what} ({:.1} s)", took.as_secs_f64()));
            }
        }
    };
    let outcome = session::verify(&options, &spawner(options.profile)?, &tell);
    if let Some(progress) = progress.into_inner() {
        progress.done();
    }
    let evidence = evidence::seal(outcome.stable, outcome.volatile).map_err(Failure::internal)?;
    write_out(&out, &evidence, &outcome.counterexamples, &outcome.histories)?;
    save_regressions(Path::new(regressions::DIRECTORY), &outcome.counterexamples)?;
    show(common, &evidence, |style| terminal::verify(&as_called(&evidence, &out), style))?;
    Ok(evidence.stable.exit_code)
}

/// The evidence with commands that can be copied as they stand: the evidence itself does not know where it is
/// written, nor under which name the program was called.
fn as_called(evidence: &Evidence, out: &Path) -> Evidence {
    let program = std::env::args().next().unwrap_or_else(|| "narrowcast".into());
    let mut shown = evidence.clone();
    for row in &mut shown.stable.counterexamples {
        row.replay = format!("{program} replay {}", out.join(&row.file).display());
    }
    // What has no schedule is not replayed: a history is judged again, and what else was observed is looked for again.
    let observed = shown.volatile.get_mut("counterexamples").and_then(serde_json::Value::as_array_mut);
    for row in observed.into_iter().flatten() {
        if let Some(file) = row.get("file").and_then(|file| file.as_str()).map(|file| out.join(file)) {
            let again = row["replay"].as_str().and_then(|command| command.strip_prefix("narrowcast verify"));
            row["replay"] = match again {
                Some(rest) => format!("{program} verify{rest}").into(),
                None => format!("{program} check {}", file.display()).into(),
            };
        }
    }
    let rest = shown.stable.run.reproduce.strip_prefix("narrowcast").map(str::to_owned);
    if let Some(rest) = rest {
        shown.stable.run.reproduce = program + &rest;
    }
    shown
}

/// The command line without what only says where and how the result goes.
fn normalised(argv: impl Iterator<Item = String>) -> Vec<String> {
    let mut kept = vec!["narrowcast".to_owned()];
    let mut skip = false;
    for word in argv {
        if std::mem::take(&mut skip) {
            continue;
        }
        match word.as_str() {
            "--out" | "--format" | "--color" => skip = true,
            "-q" | "--quiet" => {}
            _ if ["--out=", "--format=", "--color="].iter().any(|flag| word.starts_with(flag)) => {}
            _ => kept.push(word),
        }
    }
    kept
}

fn write_out(
    out: &Path,
    evidence: &Evidence,
    counterexamples: &[(String, Counterexample)],
    histories: &[(String, String)],
) -> Result<(), Failure> {
    remove_old(&out.join("counterexamples"))?;
    let write = |file: &Path, text: String| {
        if let Some(parent) = file.parent() {
            fs::create_dir_all(parent).map_err(|error| Failure::file("create", parent, error))?;
        }
        fs::write(file, text).map_err(|error| Failure::file("write", file, error))
    };
    for (name, counterexample) in counterexamples {
        let text = serde_json::to_string_pretty(counterexample).map_err(Failure::internal)?;
        write(&out.join(name), text + "\n")?;
    }
    for (name, history) in histories {
        write(&out.join(name), history.clone())?;
    }
    write(&out.join("evidence.json"), evidence::to_json(evidence).map_err(Failure::internal)?)
}

/// In a working copy of this repository, keeps what was found in the reference router among the regressions.
fn save_regressions(directory: &Path, counterexamples: &[(String, Counterexample)]) -> Result<(), Failure> {
    if !directory.is_dir() {
        return Ok(());
    }
    let found = counterexamples.iter().map(|(_, counterexample)| counterexample);
    let saved = regressions::save_all(directory, found);
    for file in saved.map_err(|error| Failure::file("write", directory, error))? {
        eprintln!("narrowcast: saved as a regression, to be committed: {}", file.display());
    }
    Ok(())
}

/// Removes the counterexamples of an earlier run, which beside those of this one would be taken for its findings; and
/// nothing that we did not write.
fn remove_old(directory: &Path) -> Result<(), Failure> {
    let Ok(entries) = fs::read_dir(directory) else { return Ok(()) };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            remove_old(&path)?;
        } else if fs::read_to_string(&path).is_ok_and(|text| is_ours(&path, &text)) {
            fs::remove_file(&path).map_err(|error| Failure::file("remove", &path, error))?;
        }
    }
    Ok(())
}

/// Whether we wrote this: a counterexample, or in its place the history of one that has no schedule.
fn is_ours(path: &Path, text: &str) -> bool {
    let is_history = || text.lines().all(|line| matches!(history::parse_line(line), Ok(Some(_))));
    text.contains(Counterexample::SCHEMA)
        || path.extension().is_some_and(|ending| ending == "jsonl") && !text.is_empty() && is_history()
}

// === faults, explain ===

fn row(fault: &Fault) -> FaultRow {
    FaultRow {
        id: fault.id().into(),
        defect: fault.defect().into(),
        incident: fault.incident().into(),
        breaks: fault.expected(),
        methods: fault.methods().into_iter().map(str::to_owned).collect(),
    }
}

/// All near-misses: routers, then gateways.
fn near_misses() -> Vec<&'static faults::About> {
    faults::near_misses().into_iter().chain(faults::gateway_near_misses()).map(|(_, about)| about).collect()
}

fn faults_list(common: &Common) -> Result<u8, Failure> {
    let mut rows: Vec<FaultRow> = faults::faults().iter().chain(&faults::gateways()).map(row).collect();
    rows.extend(near_misses().into_iter().map(|about| FaultRow {
        id: about.id.into(),
        defect: about.defect.into(),
        incident: about.incident.into(),
        breaks: Vec::new(),
        methods: vec![about.methods.first().copied().unwrap_or("interleaved").to_owned()],
    }));
    show(common, &rows, |style| terminal::faults(&rows, style))?;
    Ok(0)
}

fn explain(guarantee: Guarantee, common: &Common) -> Result<u8, Failure> {
    let text = explained(guarantee);
    let mut faults = faults::faults();
    faults.extend(faults::gateways());
    let explanation = Explanation {
        guarantee,
        statement: text.statement.into(),
        why: format!("{} For example: {}", text.why, text.breach),
        checks: checks_of(guarantee),
        faults: faults.iter().filter(|fault| fault.expected().contains(&guarantee)).map(row).collect(),
        limits: vec![text.checked.into(), text.limits.into()],
    };
    show(common, &explanation, |style| terminal::explain(&explanation, style))?;
    Ok(0)
}

/// How this build checks noninterference.
fn checks_by_outcome_sets() -> [ExplainedCheck; 3] {
    let all = pairings();
    let (observers, loads) = (all.len(), all[0].loads.len());
    let (jobs, threads) = (all[0].crowd.jobs.len(), all[0].crowd.threads.len());
    let check = |method: &str, strength, what: String, bounds: &str| ExplainedCheck {
        method: method.into(),
        strength,
        what,
        bounds: bounds.into(),
    };
    [
        check(
            "interleaved",
            Strength::Exhaustive,
            format!("every schedule of {observers} observers alone, and of each beside {loads} loads on another job"),
            "alone without a bound on preemptions; beside a load as many as show all that is seen alone, and 1 more in \
             quick, 2 in ci, 3 in deep",
        ),
        check(
            "loom",
            Strength::Exhaustive,
            "the same inside the shipped kernel, interleaving by interleaving, but for panics and system narration"
                .into(),
            "alone without a bound on preemptions; beside a load as many as show all that is seen alone, and 1 more in deep",
        ),
        check(
            "interleaved and shuttle",
            Strength::Sampled,
            format!(
                "drawn schedules of {observers} observers in a crowd of nine jobs at once: nothing new may be seen"
            ),
            &format!("{jobs} jobs, {threads} threads; as many schedules as the profile says"),
        ),
    ]
}

/// How this build checks a guarantee.
fn checks_of(guarantee: Guarantee) -> Vec<ExplainedCheck> {
    let mut checks = Vec::new();
    if guarantee == Guarantee::G8 {
        checks.extend(checks_by_outcome_sets());
    } else if guarantee == Guarantee::G7 {
        checks.push(ExplainedCheck {
            method: "interleaved".into(),
            strength: Strength::Exhaustive,
            what:
                "every schedule of observers beside loads on other jobs, each load cut short at every step and in four \
                   ways"
                    .into(),
            bounds:
                "4 jobs, 5 threads, 4 streams; preemptions 1 in quick and ci, 2 in deep (1 fewer, in quick and deep, \
                     with 5 threads)"
                    .into(),
        });
    } else if session::CHECKED.contains(&guarantee) {
        checks.push(ExplainedCheck {
            method: "interleaved".into(),
            strength: Strength::Exhaustive,
            what: "every schedule of the small programs, operation by operation; drawn programs and schedules beyond"
                .into(),
            bounds: "2 jobs, 3 threads, 4 streams, 7 events".into(),
        });
        checks.push(ExplainedCheck {
            method: "threads".into(),
            strength: Strength::Observed,
            what: "the small programs and drawn ones on threads of the operating system, whose schedule nobody chooses"
                .into(),
            bounds: "4 jobs, 4 threads; as many runs as the profile says".into(),
        });
        if guarantee != Guarantee::G3 {
            checks.push(ExplainedCheck {
                method: "shuttle".into(),
                strength: Strength::Sampled,
                what: "drawn schedules of drawn programs inside the shipped kernel: random, PCT, uniform random walk"
                    .into(),
                bounds: "8 jobs, about 40 threads, 24 streams, 64 events and more".into(),
            });
        }
        for model in loom::models() {
            if model.claims.iter().any(|(claim, _)| *claim == guarantee) {
                checks.push(ExplainedCheck {
                    method: format!("loom {}", model.id),
                    strength: Strength::Exhaustive,
                    what: format!("every interleaving inside the shipped kernel while {}", model.race),
                    bounds: match model.most_preemptions {
                        Some(most) => format!("3 preemptions in quick, 4 in ci, {most} in deep"),
                        None => "3 preemptions in quick, all in ci and deep".into(),
                    },
                });
            }
        }
    }
    checks
}

// === replay ===

fn replay(file: &Path, common: &Common) -> Result<u8, Failure> {
    let text = fs::read_to_string(file).map_err(|error| Failure::file("read", file, error))?;
    let cx: Counterexample = serde_json::from_str(&text)
        .map_err(|error| Failure::usage(format!("{} is no counterexample: {error}", file.display())))?;
    if cx.schema != Counterexample::SCHEMA {
        let why = format!(
            "{} has the schema {:?}, and this build reads {:?}",
            file.display(),
            cx.schema,
            Counterexample::SCHEMA
        );
        return Err(Failure::usage(why));
    }
    cx.program.check().map_err(|why| Failure::usage(format!("{}: {why}", file.display())))?;
    let cuts = matches!(&cx.how, How::Interleaved { .. })
        || matches!(&cx.how, How::Outcomes { explorer, .. } if explorer == "interleaved");
    if cx.program.cut.is_some() && !cuts {
        let why = format!("{}: {} cuts no thread short; interleaved does", file.display(), cx.how.method());
        return Err(Failure::usage(why));
    }
    let recorded = cx.lines().map_err(|why| Failure::usage(format!("{}: {why}", file.display())))?;
    let spawner = spawner(Profile::Quick)?;
    let again = match &cx.how {
        How::Interleaved { schedule } => replay_interleaved(&cx, schedule, &spawner)?,
        How::Shuttle { schedule } => replay_shuttle(&cx, schedule, &spawner)?,
        How::Loom { preemptions, iteration, .. } => replay_loom(&cx, *preemptions, *iteration, &spawner)?,
        How::Outcomes { explorer, schedule, contrast, .. } => {
            replay_outcomes(&cx, (explorer, schedule, contrast), &spawner)?
        }
    };
    let history = if again.history.is_empty() { recorded } else { again.history };
    let mut why = again.why;
    if cx.sources != env!("NARROWCAST_SOURCES") && again.outcome != ReplayOutcome::Reproduced {
        why.push_str("; the sources have changed since this file was written");
    }
    let view = Replay {
        file: file.display().to_string(),
        id: cx.id.clone(),
        guarantee: cx.guarantee,
        subject: cx.subject.clone(),
        method: cx.how.method().into(),
        scenario: cx.message(),
        seed: cx.seed.clone(),
        schedule: cx.how.schedule(),
        cut: cx.program.cut.map(|cut| cut.to_string()),
        outcome: again.outcome,
        why,
        findings: again.findings.map(|findings| findings.findings).unwrap_or_default(),
        trace: cx.program.to_string().lines().map(str::to_owned).collect(),
        sides: match &cx.how {
            How::Outcomes { contrast, .. } => sides(contrast),
            _ => Vec::new(),
        },
    };
    show(common, &view, |style| terminal::replay(&view, &history, style))?;
    Ok(view.outcome.exit_code())
}

/// What came of running a counterexample again.
struct Again {
    outcome: ReplayOutcome,
    why: String,
    history: History,
    findings: Option<Findings>,
}

impl Again {
    fn stale(why: impl Into<String>) -> Self {
        Again { outcome: ReplayOutcome::Stale, why: why.into(), history: History::new(), findings: None }
    }
}

fn lines_of(texts: &[String]) -> History {
    texts.iter().filter_map(|text| history::parse_line(text).ok()??.into_line()).collect()
}

fn replay_interleaved(cx: &Counterexample, schedule: &[u8], spawner: &Spawner) -> Result<Again, Failure> {
    let subject = match cx.subject.as_str() {
        "reference" => Some(0),
        id => faults::number_of(id),
    };
    let Some(subject) = subject else {
        return Ok(Again::stale(format!("this build has no router called {:?}", cx.subject)));
    };
    let digits = cx.seed.strip_prefix("0x").unwrap_or(&cx.seed);
    let seed = u64::from_str_radix(digits, 16).map_err(|_| Failure::usage(format!("{:?} is no seed", cx.seed)))?;
    follow(cx, &Task::Replay { subject, program: cx.program.clone(), seed, schedule: schedule.to_vec() }, spawner)
}

fn replay_shuttle(cx: &Counterexample, schedule: &[u8], spawner: &Spawner) -> Result<Again, Failure> {
    let Some(copy) = copy_of(cx) else {
        return Ok(Again::stale(format!("this build has no patch called {:?}", cx.subject)));
    };
    follow(cx, &Task::ReplayShuttle { copy, program: cx.program.clone(), schedule: schedule.to_vec() }, spawner)
}

/// Runs what shows a difference again, and every run of the side that does not show it.
fn replay_outcomes(
    cx: &Counterexample,
    (explorer, schedule, contrast): (&str, &[u8], &Contrast),
    spawner: &Spawner,
) -> Result<Again, Failure> {
    if cx.guarantee != Guarantee::G8 {
        return Err(Failure::usage(format!("a difference of outcomes breaks G8, and this file says {}", cx.guarantee)));
    }
    let (program, contrast) = (cx.program.clone(), contrast.clone());
    let task = match explorer {
        "interleaved" => {
            let subject = if cx.subject == "reference" { Some(0) } else { faults::number_of(&cx.subject) };
            let Some(subject) = subject else {
                return Ok(Again::stale(format!("this build has no router called {:?}", cx.subject)));
            };
            let digits = cx.seed.strip_prefix("0x").unwrap_or(&cx.seed);
            let seed = u64::from_str_radix(digits, 16);
            let seed = seed.map_err(|_| Failure::usage(format!("{:?} is no seed", cx.seed)))?;
            Task::CompareAgain { subject, program, seed, schedule: schedule.to_vec(), contrast: contrast.clone() }
        }
        "loom" | "shuttle" => {
            let Some(copy) = copy_of(cx) else {
                return Ok(Again::stale(format!("this build has no patch called {:?}", cx.subject)));
            };
            if explorer == "shuttle" {
                return replay_drawn(cx, copy, schedule, &contrast, spawner);
            }
            Task::CompareAgainInside { copy, program, contrast: contrast.clone() }
        }
        other => {
            return Err(Failure::usage(format!("{other:?} compares no outcomes; interleaved, loom and shuttle do")));
        }
    };
    Ok(compared_again(cx, &contrast, done::<noninterference::Again>(spawner.run(&task))?))
}

/// What came of a difference that was done again.
fn compared_again(cx: &Counterexample, contrast: &Contrast, again: noninterference::Again) -> Again {
    if let Some(step) = again.stale_at {
        return Again::stale(format!("at step {} the schedule asks for a thread that cannot move", step + 1));
    }
    let history = lines_of(&again.history);
    if let Some(why) = again.unfinished {
        return Again { history, ..Again::stale(why) };
    }
    let found = again.seen && again.differs;
    let was = match &cx.how {
        How::Outcomes { iteration, .. } => *iteration,
        _ => 0,
    };
    let why = match (again.seen, again.differs, again.iteration) {
        (true, true, Some(iteration)) if iteration != was => format!("found in iteration {iteration} (it was {was})"),
        (true, true, _) if again.history != cx.history => "the same difference, though not the same history".into(),
        (true, true, _) => String::new(),
        (true, false, _) => "the other side shows it, too".into(),
        (false, ..) => "the run shows something else".into(),
    };
    Again {
        outcome: if found { ReplayOutcome::Reproduced } else { ReplayOutcome::Gone },
        why,
        // What is said of it now is said of what was seen now.
        findings: found.then(|| contrast.findings(&cx.program, &history)),
        history,
    }
}

/// A schedule that shuttle drew is followed by shuttle; what the observer sees alone, loom enumerates.
fn replay_drawn(
    cx: &Counterexample,
    copy: loom::Copy,
    schedule: &[u8],
    contrast: &Contrast,
    spawner: &Spawner,
) -> Result<Again, Failure> {
    let (program, schedule) = (cx.program.clone(), schedule.to_vec());
    let run = Task::ReplayShuttle { copy, program: program.clone(), schedule };
    let replayed = done::<Replayed>(spawner.run(&run))?;
    let alone = Task::CompareAgainInside { copy, program, contrast: contrast.clone() };
    let alone = done::<noninterference::Again>(spawner.run(&alone))?;
    let seen = noninterference::is_again(contrast, &cx.program, &lines_of(&replayed.history));
    // loom's own number of the run is another one's.
    let (history, stale_at) = (replayed.history, replayed.stale_at);
    let again = noninterference::Again { history, stale_at, seen, iteration: None, ..alone };
    Ok(compared_again(cx, contrast, again))
}

/// What a child answered that replays.
fn done<T>(answer: Answer<T>) -> Result<T, Failure> {
    match answer {
        Answer::Said(said) => Ok(said),
        Answer::Ended(ended, words) => Err(Failure::internal(format!("the replay ended in {}: {words}", ended.word()))),
    }
}

/// Two outcomes lane by lane, in words: what is seen beside other jobs, and what alone.
fn sides(contrast: &Contrast) -> Vec<Side> {
    let lanes = |outcome: &Outcome| -> BTreeMap<String, Vec<String>> { outcome.lanes().into_iter().collect() };
    let (busy, alone) = match contrast.only_busy {
        true => (lanes(&contrast.seen), lanes(&contrast.nearest)),
        false => (lanes(&contrast.nearest), lanes(&contrast.seen)),
    };
    let names: BTreeSet<&String> = busy.keys().chain(alone.keys()).collect();
    let words = |told: Option<&Vec<String>>| told.into_iter().flatten().map(|told| in_words(told)).collect();
    let side = |lane: &String| Side {
        lane: lane.clone(),
        beside_others: words(busy.get(lane)),
        alone: words(alone.get(lane)),
    };
    names.into_iter().map(side).collect()
}

/// The compilation of the kernel that a counterexample is about.
fn copy_of(cx: &Counterexample) -> Option<loom::Copy> {
    if cx.subject == "reference" {
        return Some(loom::Copy::Shipped);
    }
    match faults::faults().into_iter().find(|fault| fault.id() == cx.subject) {
        Some(Fault::Patch(patch)) => Some(loom::Copy::Guarded(patch.number)),
        _ => None,
    }
}

/// Has a program run again under its schedule, and looks for the breach.
fn follow(cx: &Counterexample, task: &Task, spawner: &Spawner) -> Result<Again, Failure> {
    let replayed = match spawner.run::<Replayed>(task) {
        Answer::Said(replayed) => replayed,
        Answer::Ended(ended, words) => {
            return Err(Failure::internal(format!("the replay ended in {}: {words}", ended.word())));
        }
    };
    if let Some(step) = replayed.stale_at {
        return Ok(Again::stale(format!("at step {} the schedule asks for a thread that cannot move", step + 1)));
    }
    let history = lines_of(&replayed.history);
    let findings = checker::check(&history).with(Guarantee::G7, replayed.beside);
    let found = findings.violated().contains(&cx.guarantee);
    // That a run ends badly, or breaks something else, is no sign that all is well.
    let otherwise = replayed.abnormal.map(|abnormal| format!("the run ends otherwise: {abnormal}")).or_else(|| {
        let now: Vec<&str> = findings.violated().into_iter().map(Guarantee::id).collect();
        (!now.is_empty()).then(|| format!("what the run breaks now is {}, and not {}", now.join(", "), cx.guarantee))
    });
    if let Some(why) = otherwise.filter(|_| !found) {
        return Ok(Again { history, findings: Some(findings), ..Again::stale(why) });
    }
    let outcome = if found { ReplayOutcome::Reproduced } else { ReplayOutcome::Gone };
    let why = match found && replayed.history != cx.history {
        true => "the same breach, though not the same history".to_owned(),
        false => String::new(),
    };
    Ok(Again { outcome, why, history, findings: Some(findings) })
}

fn replay_loom(
    cx: &Counterexample,
    preemptions: Option<usize>,
    iteration: u64,
    spawner: &Spawner,
) -> Result<Again, Failure> {
    let Some(copy) = copy_of(cx) else {
        return Ok(Again::stale(format!("this build has no patch called {:?}", cx.subject)));
    };
    let plan = loom::Plan::within(&cx.program, preemptions, vec![cx.guarantee]);
    let report = match spawner.run::<loom::Report>(&Task::Loom { copy, plan }) {
        Answer::Said(report) => report,
        Answer::Ended(Ended::Hang, words) => return Ok(Again::stale(words)),
        Answer::Ended(ended, words) => {
            return Err(Failure::internal(format!("the replay ended in {}: {words}", ended.word())));
        }
    };
    let within = preemptions.map_or_else(String::new, |most| format!(" within the preemption bound {most}"));
    let Some(breach) = report.breach else {
        return Ok(match report.completed {
            // An iteration is counted in the order in which this code is explored, and there is none of this number.
            true if report.iterations < iteration => Again::stale(format!(
                "there is no iteration {iteration} any more: all {} interleavings{within} were explored, none with the finding",
                report.iterations
            )),
            true => {
                let why = format!("all {} interleavings{within} were explored", report.iterations);
                Again { outcome: ReplayOutcome::Gone, why, history: History::new(), findings: None }
            }
            false => Again::stale(report.trouble.unwrap_or_else(|| "the exploration did not complete".into())),
        });
    };
    let history = lines_of(&breach.history);
    if !breach.breaks(cx.guarantee) && cx.findings.is_some() {
        let why = format!("iteration {} ends otherwise: {}", breach.iteration, breach.abnormal.unwrap_or_default());
        return Ok(Again { history, findings: breach.findings, ..Again::stale(why) });
    }
    let why = match (breach.iteration == iteration, breach.history == cx.history) {
        (true, true) => String::new(),
        (true, false) => "the same breach, though not the same history".to_owned(),
        (false, _) => format!("found in iteration {} (it was {iteration})", breach.iteration),
    };
    Ok(Again { outcome: ReplayOutcome::Reproduced, why, history, findings: breach.findings })
}

// === check, evidence check ===

fn check(file: &Path, order: Order, common: &Common) -> Result<u8, Failure> {
    let mut checker = checker::Checker::new().real_time(order == Order::RealTime);
    // The picture needs the lines; a history too long to be drawn is not kept.
    const MOST_DRAWN: usize = 10_000;
    let mut kept = Some(History::new());
    let mut judge = |source: &mut dyn io::BufRead| -> Result<(), Failure> {
        let read = validator::for_each_line(source, |number, line| {
            checker.push_at(number, line);
            // A picture counts lines without gaps; a blank line leaves one.
            kept = kept.take().filter(|kept| kept.len() < MOST_DRAWN && kept.len() + 1 == number);
            kept.iter_mut().for_each(|kept| kept.push(line.clone()));
        });
        read.map_err(|malformed| Failure::usage(format!("{}: {malformed}", file.display())))
    };
    if file == Path::new("-") {
        judge(&mut io::stdin().lock())?;
    } else {
        let source = fs::File::open(file).map_err(|error| Failure::file("read", file, error))?;
        judge(&mut BufReader::with_capacity(1 << 20, source))?;
    }
    let findings = checker.finish();
    show(common, &findings, |style| terminal::check(&findings, &kept.unwrap_or_default(), style))?;
    Ok(match findings.verdict {
        Status::Held => 0,
        Status::Violated => 10,
        Status::Vacuous => 12,
        _ => 11,
    })
}

fn evidence_check(file: &Path, common: &Common) -> Result<u8, Failure> {
    let text = fs::read_to_string(file).map_err(|error| Failure::file("read", file, error))?;
    let checked = evidence::check(&text).map_err(|error| Failure::usage(format!("{}: {error}", file.display())))?;
    let name = file.display().to_string();
    show(common, &checked, |style| terminal::evidence_check(&name, &checked, style))?;
    Ok(checked.exit_code())
}
