//! A number that only statistics read.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts; orders nothing. Relaxed suffices because no decision of the kernel depends on it, and for the same reason
/// the explorers need not know it: it is std's in all three compilations and adds no interleavings.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds to it.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// Reads it.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
