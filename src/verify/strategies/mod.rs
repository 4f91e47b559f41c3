//! Concurrent programs as [`proptest`] strategies: what a router is put through beyond the small programs that somebody
//! thought of.
//!
//! [`Programs`] draws them: several threads of operations over several jobs, with names that routers have confused
//! ([`hostile_names`]), a retention small enough to overflow, closes that race emits, names used again. Each program
//! leaves some kinds of operation out (swarm testing, Groce et al., ISSTA 2012). Whatever it draws, and whatever it
//! shrinks that to, can be run ([`Program::check`]).
//!
//! `narrowcast verify` draws its sampled programs from here. So can you, for a router of your own, in a test of your
//! own: implement [`Subject`](super::subject::Subject), and let proptest do the rest.
//!
//! ```
//! use narrowcast::verify::methods::{Bench, interleaved};
//! use narrowcast::verify::strategies::Programs;
//! use narrowcast::verify::subject::erased::Erased;
//! use narrowcast::verify::subject::{Delivery, Outcome, Refused, Setup, Since, Subject};
//! use proptest::test_runner::{TestCaseError, TestError, TestRunner};
//! use std::collections::HashMap;
//! use std::sync::{Arc, Mutex};
//!
//! /// Your router: here one channel for each name, which it folds to small letters.
//! #[derive(Default)]
//! struct Mine(Mutex<HashMap<String, Arc<Channel>>>);
//!
//! #[derive(Default)]
//! struct Channel(Mutex<Vec<String>>);
//!
//! impl Subject for Mine {
//!     type Job = Arc<Channel>;
//!     type Stream = (Arc<Channel>, usize);
//!
//!     fn fresh(_: Setup) -> Self {
//!         Mine::default()
//!     }
//!     async fn create(&self, name: &str) -> Result<Self::Job, Refused> {
//!         Ok(Arc::clone(self.0.lock().unwrap().entry(name.to_lowercase()).or_default()))
//!     }
//!     async fn emit(&self, job: &Self::Job, event: &str) -> Result<(), Refused> {
//!         job.0.lock().unwrap().push(event.to_owned());
//!         Ok(())
//!     }
//!     async fn subscribe(&self, job: &Self::Job, _: Since<'_>) -> Result<Self::Stream, Refused> {
//!         Ok((Arc::clone(job), 0))
//!     }
//!     async fn next((channel, at): &mut Self::Stream) -> Delivery {
//!         let event = channel.0.lock().unwrap().get(*at).cloned();
//!         *at += 1;
//!         match event {
//!             Some(event) => Delivery::Event(event),
//!             None => std::future::pending().await, // It wakes nobody; another time.
//!         }
//!     }
//!     async fn close(&self, _: &Self::Job, _: Outcome) -> Result<(), Refused> {
//!         Err(Refused::Unsupported)
//!     }
//! }
//!
//! # fn main() {
//! // In your `#[test]`: at most 20 schedules of each program, all drawn from a seed.
//! let held = |program| {
//!     use narrowcast::verify::guarantee::Guarantee;
//!     let mut confinement = |breach: &interleaved::Breach| {
//!         breach.findings.iter().any(|findings| findings.violated().contains(&Guarantee::G1))
//!     };
//!     let program = Arc::new(program);
//!     let searched = interleaved::sample(Erased::fresh::<Mine>, &program, 1, 20, &mut Bench::default(), &mut confinement);
//!     match searched.breach {
//!         None => Ok(()),
//!         Some(breach) => Err(TestCaseError::fail(breach.findings.unwrap().findings[0].message.clone())),
//!     }
//! };
//! # // A seed of its own, so that this example says the same every day.
//! # let rng = proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha);
//! # let config = proptest::test_runner::Config { cases: 5_000, failure_persistence: None, ..Default::default() };
//! # let mut runner = TestRunner::new_with_rng(config, rng);
//! let Err(TestError::Fail(why, program)) = runner.run(&Programs::new(), held) else {
//!     panic!("two names that differ in case were not told apart, and nobody noticed");
//! };
//! // Shrunk: two jobs whose names differ in case, a reader of one, an event for the other.
//! println!("{why}\n{program}");
//! assert_eq!(program.jobs.len(), 2, "{program}");
//! assert_eq!(program.jobs[0].to_lowercase(), program.jobs[1].to_lowercase());
//! assert!(program.operations() <= 5, "{program}");
//! # }
//! ```

mod draw;
mod names;
mod population;
mod shrink;

pub use names::{Kinship, hostile_names, look_alikes};
pub use population::Population;
pub use shrink::Shrinking;

use super::methods::interleaved::SplitMix;
use super::program::Program;
use proptest::arbitrary::Arbitrary;
use proptest::strategy::{BoxedStrategy, NewTree, Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::ops::RangeInclusive;

/// Draws programs within bounds.
///
/// [`Programs::new`] draws crowded ones: at least three jobs, each with two threads that emit to it and two streams that
/// are read; in two of three programs more events come than are retained, and in two of three a name is closed and
/// created again. [`Programs::small`] draws little ones without such floors.
#[derive(Debug, Clone)]
pub struct Programs {
    jobs: RangeInclusive<usize>,
    threads: RangeInclusive<usize>,
    operations: RangeInclusive<usize>,
    retain: RangeInclusive<usize>,
    emitters_each: usize,
    readers_each: usize,
    system: bool,
    names: Option<BoxedStrategy<Vec<String>>>,
}

impl Programs {
    /// Crowded programs: three or four jobs with two emitters and two readers each, three or four threads.
    pub fn new() -> Programs {
        Programs {
            jobs: 3..=4,
            threads: 3..=4,
            operations: 1..=4,
            retain: 1..=3,
            emitters_each: 2,
            readers_each: 2,
            system: true,
            names: None,
        }
    }

    /// Little programs: two or three jobs, two to four threads of one to five operations.
    pub fn small() -> Programs {
        Programs::new().jobs(2..=3).threads(2..=4).operations(1..=5).crowd(0, 0)
    }

    /// So many jobs. At least one.
    pub fn jobs(self, jobs: RangeInclusive<usize>) -> Programs {
        Programs { jobs, ..self }
    }

    /// So many threads. At least one, at most 200.
    pub fn threads(self, threads: RangeInclusive<usize>) -> Programs {
        Programs { threads, ..self }
    }

    /// So many operations for each thread, beyond what the crowd needs.
    pub fn operations(self, operations: RangeInclusive<usize>) -> Programs {
        Programs { operations, ..self }
    }

    /// So many events retained. At least one.
    pub fn retain(self, retain: RangeInclusive<usize>) -> Programs {
        Programs { retain, ..self }
    }

    /// For each job at least so many threads that emit to it, and so many streams of it that are read. With 0 for both
    /// nothing is added to what is drawn, and no program is made to overflow or to create a name again.
    ///
    /// No more threads can emit than there are.
    pub fn crowd(self, emitters_each: usize, readers_each: usize) -> Programs {
        Programs { emitters_each, readers_each, ..self }
    }

    /// Whether the system narrates, in one of three programs.
    pub fn system(self, system: bool) -> Programs {
        Programs { system, ..self }
    }

    /// Names from this strategy instead of [`hostile_names`]. Names that come twice are left out, and `job-1`, `job-2`,
    /// ... are put for those that are missing.
    pub fn names(self, names: impl Strategy<Value = Vec<String>> + 'static) -> Programs {
        Programs { names: Some(names.boxed()), ..self }
    }

    /// The program that this seed stands for: the same in every run of one build.
    ///
    /// # Panics
    /// If the strategy for [`names`](Programs::names) gives up.
    pub fn drawn(&self, seed: u64) -> Program {
        let mut bits = SplitMix(seed);
        let mut bytes = [0; 32];
        bytes.chunks_mut(8).for_each(|chunk| chunk.copy_from_slice(&bits.next().to_le_bytes()));
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        // The runner's configuration says how often a test is run, and has no say in what is drawn.
        let mut runner = TestRunner::new_with_rng(Config::default(), rng);
        let tree = self.new_tree(&mut runner).unwrap_or_else(|why| panic!("the names gave up: {why}"));
        tree.current()
    }

    fn crowded(&self) -> bool {
        self.emitters_each > 0 || self.readers_each > 0
    }
}

impl Default for Programs {
    fn default() -> Programs {
        Programs::new()
    }
}

impl Strategy for Programs {
    type Tree = Shrinking;
    type Value = Program;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        let jobs = self.jobs.clone().new_tree(runner)?.current().max(1);
        let drawn = match &self.names {
            Some(names) => names.new_tree(runner)?.current(),
            None => hostile_names(jobs..=jobs).new_tree(runner)?.current(),
        };
        let program = draw::Draw::program(runner.rng(), self, names::distinct(drawn, jobs));
        debug_assert_eq!(program.check(), Ok(()), "{program}");
        Ok(Shrinking::of(program))
    }
}

impl Arbitrary for Program {
    type Parameters = Programs;
    type Strategy = Programs;

    fn arbitrary_with(programs: Programs) -> Programs {
        programs
    }
}
