//! The kernel over shuttle's primitives: many jobs, random schedules.

/// The primitives. shuttle's `Arc` is std's.
pub mod sync {
    pub use crate::compiled::counter::Counter;
    pub use std::sync::Arc;

    /// shuttle's, with std's face.
    #[derive(Debug)]
    pub struct Mutex<T>(shuttle::sync::Mutex<T>);

    impl<T> Mutex<T> {
        /// A mutex that holds `value`.
        pub fn new(value: T) -> Self {
            Mutex(shuttle::sync::Mutex::new(value))
        }

        /// Waits for the lock.
        pub fn lock(&self) -> shuttle::sync::MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
        }
    }
}

#[path = "../kernel/mod.rs"]
pub mod kernel;

#[path = "../verify/subject/kernel.rs"]
pub mod subject;
