//! What has been seen, for as long as it could be sent again.

use std::collections::{HashMap, VecDeque};

use parking_lot::Mutex;

/// Digests of messages that may be used once, each until its time is over; bounded.
#[derive(Debug)]
pub struct ReplayCache {
    seen: Mutex<Seen>,
    capacity: usize,
}

#[derive(Debug, Default)]
struct Seen {
    until: HashMap<[u8; 32], u64>,
    /// In the order in which they came.
    order: VecDeque<([u8; 32], u64)>,
}

/// Whether a message may be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Novelty {
    /// It is new, and noted.
    New,
    /// It was seen before.
    Seen,
    /// It cannot be noted, since so many are still in force: it must not be taken.
    Full,
}

impl ReplayCache {
    /// Room for so many.
    pub fn new(capacity: usize) -> Self {
        Self { seen: Mutex::default(), capacity }
    }

    /// Notes a digest until `until`; both times in seconds on one clock.
    pub fn note(&self, digest: [u8; 32], now: u64, until: u64) -> Novelty {
        let mut seen = self.seen.lock();
        while let Some((oldest, end)) = seen.order.front().copied()
            && end <= now
        {
            seen.order.pop_front();
            if seen.until.get(&oldest).is_some_and(|end| *end <= now) {
                seen.until.remove(&oldest);
            }
        }
        if seen.until.get(&digest).is_some_and(|end| *end > now) {
            return Novelty::Seen;
        }
        if seen.order.len() >= self.capacity {
            return Novelty::Full;
        }
        seen.until.insert(digest, until);
        seen.order.push_back((digest, until));
        Novelty::New
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_new_once_until_its_time_is_over() {
        let cache = ReplayCache::new(2);
        assert_eq!(cache.note([1; 32], 0, 10), Novelty::New);
        assert_eq!(cache.note([1; 32], 9, 19), Novelty::Seen);
        assert_eq!(cache.note([2; 32], 9, 19), Novelty::New);
        assert_eq!(cache.note([3; 32], 9, 19), Novelty::Full);
        assert_eq!(cache.note([3; 32], 10, 20), Novelty::New);
        assert_eq!(cache.note([2; 32], 18, 30), Novelty::Seen);
    }
}
