//! Child processes: one task each, with a deadline.
//!
//! A model or a subject may abort, hang, deadlock or overflow its stack; that is a finding of that name and must
//! never take the harness down. So each task runs in a process of its own, which is told a number for a fault and
//! never its name, and answers with one line of JSON. Variables by which loom and shuttle can be bent from outside
//! are removed from its environment.

use crate::compiled::guarded;
use crate::verify::faults::{self, router};
use crate::verify::findings::Finding;
use crate::verify::guarantee::Guarantee;
use crate::verify::methods::noninterference::{self, Contrast, Side};
use crate::verify::methods::{hunt, interleaved, load, loom, loom_outcomes, quiet, replayed, shuttle, threads, wire};
use crate::verify::program::Program;
use crate::verify::regressions::Regression;
use crate::verify::sightings::{Sightings, Watched};
use crate::verify::subject::erased::Fresh;
use crate::verify::subject::service::{self, Setting};
use crate::verify::verdict::Ended;
use serde::{Deserialize, Serialize};
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The hidden argument by which the program knows that it is a child.
pub const CHILD: &str = "__child";

/// The line after the task that says: end with me.
const WATCH: &str = "watch";

/// What a child is asked to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "task", rename_all = "snake_case")]
pub enum Task {
    /// Explore a program with loom.
    Loom {
        /// On which compilation.
        copy: loom::Copy,
        /// What, and how far.
        plan: loom::Plan,
    },
    /// Carry a plan out on a subject.
    Interleaved {
        /// The subject's number.
        subject: u32,
        /// What to try.
        plan: interleaved::Plan,
    },
    /// Compare sets of outcomes on a subject.
    Compare {
        /// The subject's number.
        subject: u32,
        /// What to compare.
        plan: noninterference::Plan,
    },
    /// Compare them inside a compilation of the kernel, under loom.
    CompareInside {
        /// Which compilation.
        copy: loom::Copy,
        /// What to compare.
        plan: noninterference::Plan,
    },
    /// Enumerate what a program shows an observer, under loom.
    Enumerate {
        /// Which compilation.
        copy: loom::Copy,
        /// The program.
        program: Program,
        /// The bound on preemptions; none means all.
        preemptions: Option<usize>,
        /// Force everything sequential.
        sequential: bool,
    },
    /// Do a difference again.
    CompareAgain {
        /// The subject's number.
        subject: u32,
        /// The busy program.
        program: Program,
        /// The seed of the run.
        seed: u64,
        /// The schedule of the run that shows it.
        schedule: interleaved::Schedule,
        /// What is seen.
        contrast: Contrast,
    },
    /// Do a difference inside the kernel again, under loom.
    CompareAgainInside {
        /// Which compilation.
        copy: loom::Copy,
        /// The busy program.
        program: Program,
        /// What is seen.
        contrast: Contrast,
    },
    /// Draw schedules of programs under shuttle, and say which outcomes they show.
    Sightings {
        /// Which compilation.
        copy: loom::Copy,
        /// The programs.
        watched: Vec<Watched>,
        /// From which schedules are drawn.
        seed: u64,
        /// So many of each program, by each sampler.
        schedules_each: u64,
    },
    /// Run observers beside loads that are cut short, on a subject.
    Quiet {
        /// The subject's number.
        subject: u32,
        /// What to try.
        plan: quiet::Plan,
    },
    /// Carry a plan out on a compilation of the kernel, under shuttle.
    Shuttle {
        /// Which compilation.
        copy: loom::Copy,
        /// What to try.
        plan: shuttle::Plan,
    },
    /// Run one program under one of shuttle's schedules.
    ReplayShuttle {
        /// Which compilation.
        copy: loom::Copy,
        /// The program.
        program: Program,
        /// The schedule.
        schedule: interleaved::Schedule,
    },
    /// Hunt in a subject.
    Hunt {
        /// The subject's number.
        subject: u32,
        /// With what.
        plan: hunt::Plan,
    },
    /// Hunt in a compilation of the kernel, under one of shuttle's samplers.
    HuntShuttle {
        /// Which compilation.
        copy: loom::Copy,
        /// Under which sampler.
        sampler: shuttle::Sampler,
        /// With what.
        plan: hunt::Plan,
    },
    /// Carry a plan out on a subject, on threads of the operating system.
    Threads {
        /// The subject's number.
        subject: u32,
        /// What to try.
        plan: threads::Plan,
    },
    /// Replay regressions.
    Regressions {
        /// The subject's number.
        subject: u32,
        /// Which.
        regressions: Vec<Regression>,
        /// At most so many schedules of one whose own no longer fits.
        schedules_each: u64,
    },
    /// Run one program under one schedule.
    Replay {
        /// The subject's number.
        subject: u32,
        /// The program.
        program: Program,
        /// The seed of the run.
        seed: u64,
        /// The schedule.
        schedule: interleaved::Schedule,
    },
    /// Run the ordinary sequential tests.
    Ordinary {
        /// The subject's number.
        subject: u32,
    },
    /// Probe the service over its sockets.
    Wire {
        /// What stands in front of it, by its number; 0 is nothing.
        gateway: u32,
        /// What to examine.
        plan: wire::Plan,
    },
    /// Load the service over its sockets.
    Load {
        /// With what.
        plan: load::Plan,
    },
    /// Do nothing but misbehave, so that the harness can be seen to survive it.
    Misbehave(Misbehaviour),
}

/// Ways in which a child can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Misbehaviour {
    /// `abort`.
    Abort,
    /// Never answers.
    Hang,
    /// Recurses without end.
    StackOverflow,
    /// Answers with something else.
    Babble,
}

/// What a replay came to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Replayed {
    /// What was recorded, a line of JSON each.
    pub history: Vec<String>,
    /// At which step the schedule no longer fits, if it does not.
    pub stale_at: Option<usize>,
    /// A panic or a hang.
    pub abnormal: Option<String>,
    /// What is wrong with what the observers of a program with a cut had (G7), which the history alone does not show.
    #[serde(default)]
    pub beside: Vec<Finding>,
}

/// How a child ended.
#[derive(Debug, Clone)]
pub enum Answer<T> {
    /// It answered.
    Said(T),
    /// It did not, and this is how it ended; with the last words on its standard error.
    Ended(Ended, String),
}

impl<T> Answer<T> {
    /// The answer, if there is one.
    pub fn said(&self) -> Option<&T> {
        match self {
            Answer::Said(said) => Some(said),
            Answer::Ended(..) => None,
        }
    }
}

/// Reads the task from standard input, does it, and ends the process.
///
/// If a line `watch` follows the task, standard input stays open for as long as the parent lives: when it ends, so
/// does the child, whatever it is at.
pub fn run_and_exit() -> ! {
    let mut text = String::new();
    let read = io::stdin().read_line(&mut text).map_err(|error| error.to_string());
    let task = read.and_then(|_| serde_json::from_str::<Task>(&text).map_err(|error| error.to_string()));
    let task = task.unwrap_or_else(|why| {
        eprintln!("narrowcast: {CHILD} is for narrowcast itself, which writes a task to standard input: {why}");
        std::process::exit(2);
    });
    std::thread::spawn(|| {
        let mut next = String::new();
        if io::stdin().read_line(&mut next).is_ok() && next.trim() == WATCH {
            let _until_the_parent_is_gone = io::stdin().read_to_end(&mut Vec::new());
            std::process::exit(130);
        }
    });
    let answer = match task {
        Task::Loom { copy, plan } => loom::explore_and_exit(&plan, copy),
        Task::Interleaved { subject, plan } => {
            // What a subject's panic says is in the report; a thousand backtraces are in nobody's interest.
            std::panic::set_hook(Box::new(|_| {}));
            serde_json::to_string(&router(subject).map(|fresh| interleaved::carry_out(fresh, &plan)))
        }
        Task::Quiet { subject, plan } => {
            std::panic::set_hook(Box::new(|_| {}));
            serde_json::to_string(&router(subject).map(|fresh| quiet::carry_out(fresh, &plan)))
        }
        Task::Compare { subject, plan } => {
            std::panic::set_hook(Box::new(|_| {}));
            serde_json::to_string(&router(subject).map(|fresh| noninterference::carry_out(fresh, &plan)))
        }
        Task::CompareInside { copy, plan } => {
            serde_json::to_string(&loom_outcomes::carry_out(&plan, &apart(copy, plan.sequential)))
        }
        Task::Enumerate { copy, program, preemptions, sequential } => {
            activate(copy);
            let side = loom_outcomes::enumerate(copy, &program.into(), preemptions, sequential);
            serde_json::to_string(&Sightings::from(side))
        }
        Task::CompareAgain { subject, program, seed, schedule, contrast } => {
            std::panic::set_hook(Box::new(|_| {}));
            let again = |fresh| noninterference::again(fresh, &program, seed, &schedule, &contrast);
            serde_json::to_string(&router(subject).map(again))
        }
        Task::CompareAgainInside { copy, program, contrast } => {
            serde_json::to_string(&loom_outcomes::again(&program, &contrast, &apart(copy, false)))
        }
        Task::Sightings { copy, watched, seed, schedules_each } => {
            std::panic::set_hook(Box::new(|_| {}));
            activate(copy);
            let sightings = |watched| shuttle::sightings(copy, watched, seed, schedules_each);
            serde_json::to_string(&watched.iter().map(sightings).collect::<Vec<_>>())
        }
        Task::Shuttle { copy, plan } => {
            std::panic::set_hook(Box::new(|_| {}));
            activate(copy);
            serde_json::to_string(&shuttle::carry_out(copy, &plan))
        }
        Task::ReplayShuttle { copy, program, schedule } => {
            std::panic::set_hook(Box::new(|_| {}));
            activate(copy);
            let execution = shuttle::replay(copy, &std::sync::Arc::new(program), &schedule);
            serde_json::to_string(&Some(Replayed::of(execution, &schedule)))
        }
        Task::Hunt { subject, plan } => {
            std::panic::set_hook(Box::new(|_| {}));
            serde_json::to_string(&router(subject).map(|fresh| hunt::between_operations(fresh, &plan)))
        }
        Task::HuntShuttle { copy, sampler, plan } => {
            std::panic::set_hook(Box::new(|_| {}));
            activate(copy);
            serde_json::to_string(&hunt::inside_the_kernel(copy, sampler, &plan))
        }
        Task::Threads { subject, plan } => {
            std::panic::set_hook(Box::new(|_| {}));
            serde_json::to_string(&router(subject).map(|fresh| threads::carry_out(fresh, &plan)))
        }
        Task::Regressions { subject, regressions, schedules_each } => {
            std::panic::set_hook(Box::new(|_| {}));
            let replay_all = |fresh| replayed::replay_all(fresh, &regressions, schedules_each);
            serde_json::to_string(&router(subject).map(replay_all))
        }
        Task::Replay { subject, program, seed, schedule } => {
            std::panic::set_hook(Box::new(|_| {}));
            serde_json::to_string(&router(subject).map(|fresh| Replayed::on(fresh, program, seed, &schedule)))
        }
        Task::Ordinary { subject } => {
            std::panic::set_hook(Box::new(|_| {}));
            serde_json::to_string(&router(subject).map(ordinary_tests))
        }
        Task::Wire { gateway, plan } => {
            std::panic::set_hook(Box::new(|_| {}));
            serde_json::to_string(&probed(gateway, &plan))
        }
        Task::Load { plan } => serde_json::to_string(&loaded(&plan)),
        Task::Misbehave(how) => misbehave(how),
    };
    println!("{}", answer.expect("a report is plain data"));
    std::process::exit(0);
}

/// Starts the service behind this gateway, and examines it.
fn probed(gateway: u32, plan: &wire::Plan) -> Result<wire::Report, String> {
    let wrap = move |routes| faults::wire::wrap(gateway, routes);
    service::probed(Setting::Probed, wrap, |service| async move { wire::carry_out(&service, plan).await })
}

/// Starts the service, and loads it.
fn loaded(plan: &load::Plan) -> Result<load::Report, String> {
    let load = |service: service::Service| async move { load::carry_out(service.address, plan).await };
    let report = service::probed(Setting::Loaded, |routes| routes, load)?;
    report.map_err(|trouble| trouble.to_string())
}

/// Enumerates outcomes under loom, each program in a process of its own. One that takes its process down shows nothing.
fn apart(copy: loom::Copy, sequential: bool) -> impl Fn(&Arc<Program>, Option<usize>) -> Side {
    let spawner = Spawner::this_program(ENUMERATED_WITHIN);
    move |program, preemptions| {
        let failed = |words: String| Side { abnormal: Some(words), ..Side::default() };
        let Ok(spawner) = &spawner else { return failed("the running program is not to be found".into()) };
        let program = (**program).clone();
        let task = Task::Enumerate { copy, program, preemptions, sequential };
        match spawner.run::<Sightings>(&task) {
            Answer::Said(sightings) => sightings.into(),
            Answer::Ended(ended, words) => failed(format!("{}: {words}", ended.word())),
        }
    }
}

/// After which a program that is enumerated is given up: a net, beyond what any of ours takes.
const ENUMERATED_WITHIN: Duration = Duration::from_secs(600);

/// Makes a patch take effect, for as long as this process lives.
fn activate(copy: loom::Copy) {
    if let loom::Copy::Guarded(number) = copy {
        guarded::activate(number);
    }
}

impl Replayed {
    fn on(fresh: Fresh, program: Program, seed: u64, schedule: &[u8]) -> Replayed {
        let (execution, findings) = quiet::replay(fresh, &Arc::new(program), seed, schedule);
        let beside = findings.into_iter().flat_map(|findings| findings.findings);
        let beside = beside.filter(|finding| finding.guarantee == Guarantee::G7).collect();
        Replayed { beside, ..Replayed::of(execution, schedule) }
    }

    fn of(execution: interleaved::Execution, schedule: &[u8]) -> Replayed {
        let (stale_at, abnormal) = match execution.abnormal {
            Some(interleaved::Abnormal::Stale(step)) => (Some(step), None),
            // The schedule was followed to its end, but did not say everything.
            None if execution.schedule.len() != schedule.len() => (Some(execution.schedule.len()), None),
            other => (None, other.map(|abnormal| format!("{abnormal:?}"))),
        };
        Replayed {
            history: execution.history.iter().map(|line| line.to_json()).collect(),
            stale_at,
            abnormal,
            beside: Vec::new(),
        }
    }
}

fn ordinary_tests(fresh: Fresh) -> Vec<(String, Option<String>)> {
    let tests = faults::ordinary::ordinary(fresh);
    tests.into_iter().map(|(name, result)| (name.to_owned(), result.err())).collect()
}

fn misbehave(how: Misbehaviour) -> serde_json::Result<String> {
    #[expect(unconditional_recursion, reason = "that is what it is for")]
    fn deeper(n: &u64) -> u64 {
        let more = std::hint::black_box([*n + 1; 64]);
        deeper(&more[0]) + more[1]
    }
    match how {
        Misbehaviour::Abort => std::process::abort(),
        Misbehaviour::Hang => loop {
            std::thread::park();
        },
        Misbehaviour::StackOverflow => Ok(deeper(&0).to_string()),
        Misbehaviour::Babble => Ok("not what you asked for".into()),
    }
}

/// Starts children.
#[derive(Debug, Clone)]
pub struct Spawner {
    /// The program to start: this one.
    pub program: PathBuf,
    /// After which a child is killed.
    pub deadline: Duration,
    /// How many at a time.
    pub at_once: usize,
}

impl Spawner {
    /// The running program, as many children at a time as there are processors.
    ///
    /// # Errors
    /// If the system does not tell where the running program stands.
    pub fn this_program(deadline: Duration) -> io::Result<Self> {
        let at_once = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Spawner { program: std::env::current_exe()?, deadline, at_once })
    }

    /// Has one task done.
    pub fn run<T: for<'de> Deserialize<'de>>(&self, task: &Task) -> Answer<T> {
        self.try_run(task).unwrap_or_else(|error| Answer::Ended(Ended::Abort, format!("no child: {error}")))
    }

    /// Has many tasks done, several at a time, and answers in the order of the tasks. `done` is told of each as it
    /// ends, with how long it took.
    pub fn run_all<T>(&self, tasks: &[Task], done: &(dyn Fn(usize, Duration) + Sync)) -> Vec<Answer<T>>
    where
        T: for<'de> Deserialize<'de> + Send,
    {
        self.each(tasks.len(), |at| {
            let started = Instant::now();
            let answer = self.run(&tasks[at]);
            done(at, started.elapsed());
            answer
        })
    }

    /// Does `many` things, as many at once as children may run, and answers in the order of their numbers.
    pub fn each<R: Send>(&self, many: usize, what: impl Fn(usize) -> R + Sync) -> Vec<R> {
        let results: Vec<Mutex<Option<R>>> = (0..many).map(|_| Mutex::new(None)).collect();
        let next = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..self.at_once.clamp(1, many.max(1)) {
                scope.spawn(|| {
                    loop {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        let Some(place) = results.get(at) else { return };
                        let result = what(at);
                        *place.lock().unwrap_or_else(|e| e.into_inner()) = Some(result);
                    }
                });
            }
        });
        let take = |result: Mutex<Option<R>>| result.into_inner().unwrap_or_else(|e| e.into_inner());
        results.into_iter().map(|result| take(result).expect("everything was done")).collect()
    }

    fn try_run<T: for<'de> Deserialize<'de>>(&self, task: &Task) -> io::Result<Answer<T>> {
        let mut command = Command::new(&self.program);
        command.arg(CHILD).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        for (name, _) in std::env::vars_os() {
            let name_text = name.to_string_lossy();
            if ["LOOM_", "SHUTTLE_", "PROPTEST_"].iter().any(|family| name_text.starts_with(family)) {
                command.env_remove(&name);
            }
        }
        let mut child = command.spawn()?;
        // A child that dies before it has read its task is heard of by its status.
        let mut stdin = child.stdin.take().expect("stdin is piped");
        let _broken_pipe = stdin.write_all(format!("{}\n{WATCH}\n", serde_json::to_string(task)?).as_bytes());
        let read = |mut from: Box<dyn Read + Send>| {
            std::thread::spawn(move || {
                let mut bytes = Vec::new();
                let _what_came = from.read_to_end(&mut bytes);
                String::from_utf8_lossy(&bytes).into_owned()
            })
        };
        let stdout = read(Box::new(child.stdout.take().expect("stdout is piped")));
        let stderr = read(Box::new(child.stderr.take().expect("stderr is piped")));
        let started = Instant::now();
        let mut pause = Duration::from_micros(500);
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break Some(status);
            }
            if started.elapsed() >= self.deadline {
                child.kill()?;
                child.wait()?;
                break None;
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        };
        drop(stdin);
        let said = stdout.join().unwrap_or_default();
        let words = stderr.join().unwrap_or_default();
        let last_words = words.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default().to_owned();
        let Some(status) = status else {
            return Ok(Answer::Ended(Ended::Hang, format!("no answer within {} s", self.deadline.as_secs())));
        };
        let answer = said.lines().last().and_then(|line| serde_json::from_str(line).ok());
        Ok(match answer {
            Some(answer) if status.success() => Answer::Said(answer),
            _ if words.contains("overflowed its stack") => Answer::Ended(Ended::StackOverflow, last_words),
            _ if status.code().is_none() => Answer::Ended(Ended::Abort, format!("{status}; {last_words}")),
            _ => Answer::Ended(Ended::Panic, format!("{status}; {last_words}")),
        })
    }
}
