//! One source, three compilations.
//!
//! The kernel's files are compiled here once with std's primitives (what users run), once with loom's and once with
//! shuttle's, into one program. Each module holds a `sync` shim, the only thing that differs, and loads
//! the same files by `#[path]`. So what the explorers judge is the source that ships, without a second build,
//! without flags, on the machine where `narrowcast verify` runs.
//!
//! `guarded` holds the same files once more for each engine, made by `build.rs`: with every planted patch
//! (`verify/faults/patches/`) in place as `if active(number) { patched } else { shipped }`. With no patch active it
//! must behave as the shipped files do, and `tests/compiled.rs` compares loom's counts to see that it does. The
//! shipped files hold no hook.
//!
//! The shims are trusted code: about thirty lines each, read them.

mod counter;
#[cfg(feature = "verify")]
pub mod guarded;
#[cfg(feature = "verify")]
#[doc(hidden)]
pub mod loom;
pub mod native;
#[cfg(feature = "verify")]
#[doc(hidden)]
pub mod shuttle;
