//! How much one evaluation may take.

use std::time::Duration;

/// Bounds of one evaluation. What goes beyond ends it with an exception that no `catch` sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long it may run. The clock is looked at between steps: one call of a member may exceed it by what that takes.
    pub time: Duration,
    /// Bytes of strings, trees and collections that it may make, all together, freed or not.
    pub bytes: u64,
    /// Calls, iterations and elements.
    pub steps: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { time: Duration::from_millis(500), bytes: 128 * 1024 * 1024, steps: 10_000_000 }
    }
}
