//! Reports: what a run found, for programs and for people. Data in, text out; nothing here opens a file, asks a clock
//! or looks at a terminal, save [`progress`], which writes to standard error while a run goes on.
//!
//! - [`evidence`]: the file that says everything, and the check that doubts it.
//! - [`terminal`]: what each command prints. Its inputs are [`views`] and the evidence itself.
//! - [`diagram`]: a history as a picture.
//! - [`style`]: colour, ASCII, columns, and the one door by which a hostile name reaches a line.

pub mod diagram;
pub mod evidence;
#[cfg(feature = "cli")]
pub mod progress;
pub mod style;
pub mod terminal;
pub mod views;

pub use evidence::{Checked, Discrepancy, Unreadable};
pub use style::{Style, Tone};
pub use views::{
    ExplainedCheck, Explanation, FaultRow, OrdinaryTests, Replay, ReplayOutcome, Revisit, RevisitRow, Side,
};
