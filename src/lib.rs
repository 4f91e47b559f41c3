//! narrowcast answers one question with evidence: *are we guaranteed isolated channels?*
//!
//! A server runs many jobs at once and narrates each one live to whoever started it. If one event of job A reaches the
//! reader of job B, that is a privacy breach. narrowcast is a router whose jobs are isolated by construction, a harness
//! that tries to break any router, and the evidence of what was tried.
//!
//! In reading order:
//! - [`narration`]: what is said. Plain data.
//! - [`router`]: who may say it and who hears it; the face that embedders use. Its heart, the `kernel`, is some
//!   thousand lines that are compiled three times ([`compiled`]): with std's primitives, with loom's and with
//!   shuttle's.
//! - [`jobs`]: work whose narration goes through a router, from being queued to being over.
//! - [`sink`]: where narration goes besides the jobs' streams, and how a stream is written on the wire.
#![cfg_attr(feature = "client", doc = "- [`client`]: reads the service's streams, through breaks of the connection.")]
#![cfg_attr(feature = "server", doc = "- [`server`]: the router behind HTTP, and who is let in.")]
#![cfg_attr(
    feature = "verify",
    doc = "- [`verify`]: the harness: programs, histories, judges, methods, planted faults, verdict."
)]
#![cfg_attr(feature = "verify", doc = "- [`report`]: evidence files and what a person sees.")]
//!
//! # What is guaranteed, and what is not
//!
//! The guarantees G1 to G15 stand in `docs/guarantees.md`; how each is checked, within which bounds, and what nobody
//! claims (timing and cache side channels, a hostile operating system or allocator, the size of what crosses a
//! network) is printed by every `narrowcast verify`. What this version does not check yet it calls `not_checked`.

#![forbid(unsafe_code)]

#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "router")]
pub mod compiled;
#[cfg(feature = "router")]
pub mod jobs;
#[cfg(feature = "router")]
pub mod narration;
#[cfg(feature = "verify")]
pub mod report;
#[cfg(feature = "router")]
pub mod router;
#[cfg(feature = "server")]
pub mod server;
#[cfg(feature = "router")]
pub mod sink;
#[cfg(feature = "verify")]
pub mod verify;

#[cfg(feature = "cli")]
pub mod cli;
