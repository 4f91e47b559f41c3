//! WHAT is said. Plain data: no I/O, no clock, no randomness, no global state, and nothing of ours imported.
//!
//! In reading order:
//! - [`JobId`], [`Scope`], [`Outcome`]: whose narration it is, and how its job ended;
//! - [`Actor`], [`Action`], [`Level`], [`Payload`], [`Event`]: one narration, and its wire form (one line of JSON);
//! - [`Emit`], [`Narration`]: how an event is put together and handed to a job's handle, or to the system's;
//! - [`text`]: the one text format, `[actor     ] action         : message`.
//!
//! # A scope is a type
//!
//! An [`Event`] names no job. It belongs to the job through whose handle it is emitted, and to the system if it goes
//! through the system's handle: there is no `Option<JobId>` whose `None` could fall through to somewhere else, and
//! the bytes that a reader gets cannot carry another job's id (G1, G3). The id appears beside an event only for
//! operators, as the [`Scope`] that their sinks are given.
//!
//! # Narrating
//!
//! ```
//! use narrowcast::narration::{Action, Actor, Emit, Event, Narration};
//! # use std::{cell::RefCell, convert::Infallible};
//! # struct Handle(RefCell<Vec<String>>);
//! # impl Emit for Handle {
//! #     type Receipt = usize;
//! #     type Refusal = Infallible;
//! #     fn emit(&self, event: Event) -> Result<usize, Infallible> {
//! #         self.0.borrow_mut().push(event.to_string());
//! #         Ok(self.0.borrow().len())
//! #     }
//! # }
//! # let handle = Handle(RefCell::default());
//! const QUEEN: Actor = Actor::new("queen"); // checked when this line is compiled
//!
//! Narration::new(&handle, QUEEN, "start").context(8500).human("Starting on port {}").emit()?;
//! assert_eq!(handle.0.borrow()[0], "[queen     ] start          : Starting on port 8500");
//! # Ok::<(), Infallible>(())
//! ```
//!
//! Whoever knows the seed's `NARRATE` finds its parts here:
//!
//! | in the seed | here |
//! |---|---|
//! | `const NARRATE: NarrationFactory = NarrationFactory::new("queen")`, one a file | `const QUEEN: Actor = Actor::new("queen")`, also checked at compile time |
//! | `NARRATE.action("start")` | `handle.narrate(QUEEN, "start")`: the handle of a job, or `router.system()` |
//! | `.job_id(&id)`, or forgotten | the handle; to forget it does not compile |
//! | `.context(..)`, `.human("..{}..")` | the same, in either order; each `{}` takes the next value |
//! | `.emit()`, `.emit_warn()`, `.emit_error()` | the same, and the answer (accepted, or why not) must be looked at |
//! | a label that is too long panics in the job | it is cut visibly, and the event is emitted ([`Defect::UnfitAction`]) |
//! | level `Mute` drops the event | none: to keep quiet is a sink's choice, not something an event can ask for |
//! | `.cute()`, `.story()` and the process-wide mode that picks one | none: one text, the same for every reader |

mod builder;
mod event;
mod interpolate;
mod job_id;
mod label;
mod level;
mod outcome;
mod payload;
mod scope;
pub mod text;
mod wire;

#[cfg(test)]
mod tests;

pub use builder::{IntoAction, Narration};
pub use event::{Defect, Event, Malformed};
pub use job_id::{InvalidJobId, JobId};
pub use label::{Action, Actor, InvalidLabel, Label};
pub use level::Level;
pub use outcome::{Outcome, State};
pub use payload::Payload;
pub use scope::{Emit, Scope};
