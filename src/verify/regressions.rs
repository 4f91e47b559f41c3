//! Regressions: programs, each with a schedule, that once showed a breach. They are tried before anything else, by
//! `narrowcast verify` and by `cargo test`.
//!
//! Each is a counterexample file (`narrowcast.counterexample/v1`) in `tests/regressions/`, and part of the program: what
//! it replays is decided when it is built. They come from two places. A breach in the reference router is
//! [saved](save) there by whatever found it, `verify` in the working copy or a test. And of each leaky router of the
//! museum the smallest program that shows it stands there, with a schedule that the reference router follows: what
//! others fell for, ours must stand.
//!
//! A schedule is a list of turns, and fits only the code that it was recorded on. One that no longer fits is *stale*:
//! that is reported, and all schedules of the program are tried instead
//! ([`replayed`](super::methods::replayed)).

use super::counterexample::{Counterexample, How};
use super::methods::interleaved::Schedule;
use super::program::Program;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Where they stand, from the root of the repository.
pub const DIRECTORY: &str = "tests/regressions";

// `FILES`, made by build.rs: each file's name and text, by name.
include!(concat!(env!("OUT_DIR"), "/regressions.rs"));

/// One regression.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Regression {
    /// The name of its file.
    pub file: String,
    /// What it was about, in words.
    pub about: String,
    /// The guarantee that it broke.
    pub guarantee: super::guarantee::Guarantee,
    /// What is run.
    pub program: Program,
    /// The seed of the run.
    pub seed: u64,
    /// Under which schedule.
    pub schedule: Schedule,
}

impl Regression {
    /// Reads a regression's file.
    ///
    /// # Errors
    /// What is wrong with it, and with which.
    pub fn read(file: &str, text: &str) -> Result<Regression, String> {
        let cx: Counterexample = serde_json::from_str(text).map_err(|error| format!("{file}: {error}"))?;
        if cx.schema != Counterexample::SCHEMA {
            return Err(format!("{file}: its schema is {:?}, not {:?}", cx.schema, Counterexample::SCHEMA));
        }
        let How::Interleaved { schedule } = cx.how else {
            return Err(format!("{file}: a regression has a schedule of ours, and this is one of {}", cx.how.method()));
        };
        cx.program.check().map_err(|why| format!("{file}: {why}"))?;
        let digits = cx.seed.strip_prefix("0x").unwrap_or(&cx.seed);
        let seed = u64::from_str_radix(digits, 16).map_err(|_| format!("{file}: {:?} is no seed", cx.seed))?;
        let (about, guarantee, program) = (cx.scenario, cx.guarantee, cx.program);
        Ok(Regression { file: file.to_owned(), about, guarantee, program, seed, schedule })
    }
}

/// Those that this program was built with, by the names of their files.
///
/// # Errors
/// What is wrong with a file, and with which: the repository is damaged.
pub fn regressions() -> Result<Vec<Regression>, String> {
    FILES.iter().map(|(file, text)| Regression::read(file, text)).collect()
}

/// Writes a counterexample as a regression into a directory, to be committed. Its file is called after its id and a
/// digest of its program, so that the same breach found again does not come twice.
///
/// # Errors
/// If the directory cannot be written.
pub fn save(directory: &Path, cx: &Counterexample) -> io::Result<PathBuf> {
    // FNV-1a: a name, not a defence against anybody.
    let program = serde_json::to_string(&cx.program)?;
    let fold = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let digest = program.bytes().fold(0xcbf2_9ce4_8422_2325, fold);
    let file = directory.join(format!("{}-{:08x}.json", cx.id, digest >> 32));
    fs::create_dir_all(directory)?;
    fs::write(&file, serde_json::to_string_pretty(cx)? + "\n")?;
    Ok(file)
}

/// Saves every breach of the reference router among these that has a schedule of ours; answers the files.
///
/// # Errors
/// If the directory cannot be written.
pub fn save_all<'c>(directory: &Path, found: impl IntoIterator<Item = &'c Counterexample>) -> io::Result<Vec<PathBuf>> {
    let ours = |cx: &&Counterexample| cx.subject == "reference" && matches!(cx.how, How::Interleaved { .. });
    found.into_iter().filter(ours).map(|cx| save(directory, cx)).collect()
}
