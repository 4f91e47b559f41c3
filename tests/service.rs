//! The service, over sockets: every route, every refusal, and what is left when clients misbehave.
//!
//! Nothing here sleeps: tests wait for what must happen, with a deadline that only a defect reaches. The client
//! (`service/rig.rs`) reads and writes bytes itself, so that what is compared is what stood on the wire.

#[path = "service/authority.rs"]
mod authority;
#[cfg(feature = "client")]
#[path = "service/client.rs"]
mod client;
#[cfg(feature = "verify")]
#[path = "service/gateways.rs"]
mod gateways;
#[path = "service/limits.rs"]
mod limits;
#[path = "service/lives.rs"]
mod lives;
#[path = "service/rig.rs"]
mod rig;
#[path = "service/routes.rs"]
mod routes;
#[path = "service/streams.rs"]
mod streams;
