//! The real clock and the real randomness.

use std::cell::Cell;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_util::future::LocalBoxFuture;
use gatehouse_policy::{Clock, Random};

/// The clock of the operating system.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    origin: Instant,
}

impl SystemClock {
    /// A clock whose monotonic time begins now.
    pub fn new() -> Self {
        Self { origin: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now_millis(&self) -> u64 {
        // A clock before 1970 is a broken machine; counters then all fall into one window.
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_millis() as u64)
    }

    fn monotonic_micros(&self) -> u64 {
        self.origin.elapsed().as_micros() as u64
    }

    fn sleep(&self, time: Duration) -> LocalBoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(time))
    }
}

/// Fast randomness of one core (`SplitMix64`), seeded by the operating system: for balancing, request ids and jitter.
#[derive(Debug)]
pub struct CoreRandom {
    state: Cell<u64>,
}

impl CoreRandom {
    /// A generator with this seed.
    pub fn new(seed: u64) -> Self {
        Self { state: Cell::new(seed) }
    }
}

impl Random for CoreRandom {
    fn next(&self) -> u64 {
        let state = self.state.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.state.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn fill(&self, buffer: &mut [u8]) {
        // The generator of the operating system or of the library fails only where nothing could be encrypted either;
        // the bytes then stay zero, which no caller takes for a key: keys are checked where they are made.
        let _ = aws_lc_rs::rand::fill(buffer);
    }
}
