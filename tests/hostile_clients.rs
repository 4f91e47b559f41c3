//! Clients that mean harm, or die: what they get, what they leave behind, and what the others notice of it (nothing).
//!
//! | room | who |
//! |---|---|
//! | `malformed` | requests that are none, too much of everything, two readings of one request |
//! | `slow` | a reader of one byte a second beside quick ones, while their job floods |
//! | `killed` | processes that are killed while they stream, and sockets that are reset, against the real program |
//! | `crossing` | a killed reader's farewell that crosses the end of its job |
//!
//! Nothing here sleeps to prove something: tests wait for what must happen, with a deadline that only a defect reaches.
//! Sockets that are reset or closed halfway, bodies and heads that never come, readers that read nothing: see
//! `tests/service/{lives,limits}.rs`.
#![cfg(all(feature = "cli", unix))]

#[cfg(target_os = "linux")]
#[path = "hostile_clients/crossing.rs"]
mod crossing;
#[path = "hostile_clients/killed.rs"]
mod killed;
#[path = "hostile_clients/malformed.rs"]
mod malformed;
#[path = "hostile_clients/program.rs"]
mod program;
#[path = "service/rig.rs"]
#[allow(dead_code, reason = "the rig of the service's own tests, of which these need a part")]
mod rig;
#[path = "hostile_clients/slow.rs"]
mod slow;
