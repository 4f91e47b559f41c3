//! The harness: it tries to break a router, and says how hard it tried.
//!
//! In reading order: a [`subject`] is a router under test; a [`program`] is what several threads do to it, and
//! [`strategies`] draw such; the
//! [`runner`] runs one and records a [`history`]; the [`checker`] judges histories, and the slow [`oracle`] keeps the
//! checker honest; [`premises`] say whether a silence means anything; the [`methods`] choose schedules; [`faults`]
//! are planted to see that all this can fail; the [`verdict`] follows from the rows, and [`session`] is one whole
//! run.

pub mod catalogue;
pub mod checker;
pub mod counterexample;
pub mod explain;
pub mod faults;
pub mod findings;
pub mod guarantee;
pub mod history;
pub mod methods;
pub mod neighbours;
pub mod oracle;
pub mod outcomes;
pub mod pairings;
pub mod premises;
pub mod program;
pub mod quiet;
pub mod regressions;
pub mod runner;
pub mod session;
pub mod strategies;
pub mod subject;
pub mod verdict;
