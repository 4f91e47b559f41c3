//! What can be asked for.

use crate::verify::guarantee::Guarantee;
use crate::verify::session;
use clap::builder::FalseyValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

const EXIT_CODES: &str = "\
Exit codes:
   0  held                          2  usage, configuration or malformed input
   4  nothing selected             10  violated
  11  inconclusive, or stale       12  vacuous
  20  subject not reachable        70  internal error
 130  interrupted
When several apply: 10 > 20 > 12 > 11.";

/// Are we guaranteed isolated channels? Evidence, not prose.
#[derive(Debug, Parser)]
#[command(name = "narrowcast", version, after_help = EXIT_CODES, max_term_width = 100)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Command,
    #[command(flatten)]
    pub(super) common: Common,
}

/// What every command understands.
#[derive(Debug, Args)]
pub(super) struct Common {
    /// How the result is printed
    #[arg(long, global = true, value_enum, default_value = "human", env = "NARROWCAST_FORMAT")]
    pub(super) format: Format,
    /// When to colour
    #[arg(long, global = true, value_enum, default_value = "auto", env = "NARROWCAST_COLOR")]
    pub(super) color: Color,
    /// No progress on standard error
    #[arg(short, long, global = true, env = "NARROWCAST_QUIET", value_parser = FalseyValueParser::new())]
    pub(super) quiet: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    Human,
    /// One JSON document
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    /// On a terminal that can
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl Color {
    /// Makes this the choice for every stream.
    pub(super) fn write_global(self) {
        match self {
            Color::Auto => anstream::ColorChoice::Auto,
            Color::Always => anstream::ColorChoice::Always,
            Color::Never => anstream::ColorChoice::Never,
        }
        .write_global();
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Verify the reference router with every method of this build, and prove the checks on planted faults
    Verify(Verify),
    /// The seed's analysis, claim by claim, run now on the seed's own router and on ours
    Revisit,
    /// List the planted faults and the near-misses
    Faults,
    /// What a guarantee promises, why it matters, how it is checked
    Explain {
        /// Such as G6
        #[arg(value_parser = guarantee)]
        guarantee: Guarantee,
    },
    /// Replay a counterexample exactly
    Replay {
        /// A file from `counterexamples/`
        file: PathBuf,
    },
    /// Judge a recorded history (narrowcast.history/v1)
    Check {
        /// The history; `-` reads standard input
        file: PathBuf,
        /// Also demand that what returned earlier comes earlier
        #[arg(long, value_enum, default_value = "emitters", env = "NARROWCAST_ORDER")]
        order: Order,
    },
    /// Evidence files
    #[command(subcommand)]
    Evidence(Evidence),
    /// Run the reference router as an HTTP/SSE server
    Serve(Box<super::serve::Serve>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Order {
    /// Each emitter's own order, and every stream's
    Emitters,
    /// That, and real time
    RealTime,
}

#[derive(Debug, Subcommand)]
pub(super) enum Evidence {
    /// Recompute the verdict of an evidence file from its rows alone
    Check {
        /// An `evidence.json`
        file: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(super) struct Verify {
    /// How much is tried
    #[arg(long, value_enum, default_value = "quick", env = "NARROWCAST_PROFILE")]
    pub(super) profile: Profile,
    /// From which everything random is drawn; decimal or 0x hexadecimal
    #[arg(long, default_value = "0x1", value_parser = seed, env = "NARROWCAST_SEED")]
    pub(super) seed: u64,
    /// These guarantees only
    #[arg(long, value_delimiter = ',', value_parser = guarantee, env = "NARROWCAST_ONLY")]
    pub(super) only: Vec<Guarantee>,
    /// These methods only
    #[arg(long, value_enum, value_delimiter = ',', env = "NARROWCAST_METHOD")]
    pub(super) method: Vec<Method>,
    /// Verify this planted fault instead; must end in `violated` (see `narrowcast faults`)
    #[arg(long, value_name = "ID", env = "NARROWCAST_FAULT")]
    pub(super) fault: Option<String>,
    /// Force everything sequential: no premise of the checks is then reached, and the run must end `vacuous`
    #[arg(long, env = "NARROWCAST_SEQUENTIAL", value_parser = FalseyValueParser::new())]
    pub(super) sequential: bool,
    /// Hunt each planted fault with so many seeds (the profile `deep`: 50), for the table of schedules to find
    #[arg(long, hide = true, value_name = "SEEDS", env = "NARROWCAST_HUNT")]
    pub(super) hunt: Option<u64>,
    /// Where the evidence and the counterexamples are written [default: target/narrowcast, and for a planted fault
    /// target/narrowcast/faults/ID]
    #[arg(long, value_name = "DIR", env = "NARROWCAST_OUT")]
    out: Option<PathBuf>,
}

impl Verify {
    /// Where the results go. A planted fault's must not take the place of the router's own.
    pub(super) fn out(&self) -> PathBuf {
        let default = PathBuf::from("target/narrowcast");
        match (&self.out, &self.fault) {
            (Some(out), _) => out.clone(),
            (None, Some(fault)) => default.join("faults").join(fault),
            (None, None) => default,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Profile {
    /// A minute or two
    Quick,
    /// For every merge
    Ci,
    /// For the night
    Deep,
}

impl From<Profile> for session::Profile {
    fn from(profile: Profile) -> Self {
        match profile {
            Profile::Quick => session::Profile::Quick,
            Profile::Ci => session::Profile::Ci,
            Profile::Deep => session::Profile::Deep,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Method {
    /// Our deterministic executor, over any router
    Interleaved,
    /// Every interleaving inside the kernel
    Loom,
    /// Drawn schedules of wide programs inside the kernel
    Shuttle,
    /// Threads of the operating system; what they show is observed, and does not replay
    Threads,
    /// Real sockets: the service is started and probed; what they show is observed, and does not replay
    Wire,
}

impl From<Method> for session::Method {
    fn from(method: Method) -> Self {
        match method {
            Method::Interleaved => session::Method::Interleaved,
            Method::Loom => session::Method::Loom,
            Method::Shuttle => session::Method::Shuttle,
            Method::Threads => session::Method::Threads,
            Method::Wire => session::Method::Wire,
        }
    }
}

fn guarantee(text: &str) -> Result<Guarantee, String> {
    Guarantee::by_id(text.trim()).ok_or_else(|| "the guarantees are G1 to G15".to_owned())
}

fn seed(text: &str) -> Result<u64, String> {
    let parsed = match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => text.parse(),
    };
    parsed.map_err(|_| "a seed is a number of 64 bits, decimal or 0x hexadecimal".to_owned())
}
