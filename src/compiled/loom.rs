//! The kernel over loom's primitives: every interleaving within bounds.

/// The primitives. `Arc` is std's: nothing in the kernel depends on the order of reference counts, and loom's would
/// multiply the interleavings (measured: 3 to 15 times) without adding a behaviour.
pub mod sync {
    pub use crate::compiled::counter::Counter;
    pub use std::sync::Arc;

    /// loom's, with std's face.
    #[derive(Debug)]
    pub struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        /// A mutex that holds `value`.
        pub fn new(value: T) -> Self {
            Mutex(loom::sync::Mutex::new(value))
        }

        /// Waits for the lock. loom's panics by itself once a thread has panicked, so poison is never seen here.
        pub fn lock(&self) -> loom::sync::MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
        }
    }
}

#[path = "../kernel/mod.rs"]
pub mod kernel;

#[path = "../verify/subject/kernel.rs"]
pub mod subject;
