//! The kernel over std's primitives: what users run.

/// The primitives.
pub mod sync {
    pub use crate::compiled::counter::Counter;
    pub use std::sync::Arc;
    use std::sync::{MutexGuard, PoisonError};

    /// std's, without poisoning: the kernel's critical sections cannot panic halfway, and one caller's panic must not
    /// become another's.
    #[derive(Debug, Default)]
    pub struct Mutex<T>(std::sync::Mutex<T>);

    impl<T> Mutex<T> {
        /// A mutex that holds `value`.
        pub fn new(value: T) -> Self {
            Mutex(std::sync::Mutex::new(value))
        }

        /// Waits for the lock.
        pub fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }
}

#[path = "../kernel/mod.rs"]
pub mod kernel;

#[cfg(feature = "verify")]
#[path = "../verify/subject/kernel.rs"]
pub mod subject;
