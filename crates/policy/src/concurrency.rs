//! Executions under way, by key: what `limit-concurrency` bounds. One value a process.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use foldhash::fast::RandomState;
use parking_lot::Mutex;

/// Counts of executions under way. A key that nothing runs under is not kept, so that the table is never larger than
/// the number of requests under way.
#[derive(Clone, Default)]
pub struct Concurrency {
    counts: Arc<Mutex<HashMap<Box<str>, u32, RandomState>>>,
}

/// The right to run; it is given back when it is dropped.
#[derive(Debug)]
pub struct Permit {
    concurrency: Concurrency,
    key: Box<str>,
}

impl Concurrency {
    /// A permit for a key, unless `limit` are out already.
    pub fn acquire(&self, key: &str, limit: u32) -> Option<Permit> {
        let mut counts = self.counts.lock();
        match counts.get_mut(key) {
            Some(count) if *count >= limit => return None,
            Some(count) => *count += 1,
            None if limit == 0 => return None,
            None => drop(counts.insert(key.into(), 1)),
        }
        Some(Permit { concurrency: self.clone(), key: key.into() })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut counts = self.concurrency.counts.lock();
        match counts.get_mut(&self.key) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(counts.remove(&self.key)),
        }
    }
}

impl fmt::Debug for Concurrency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Concurrency").field("keys", &self.counts.lock().len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permits_are_bounded_by_key_and_given_back() {
        let concurrency = Concurrency::default();
        let first = concurrency.acquire("a", 2);
        let second = concurrency.acquire("a", 2);
        assert!(first.is_some() && second.is_some());
        assert!(concurrency.acquire("a", 2).is_none());
        assert!(concurrency.acquire("b", 1).is_some());
        drop(first);
        assert!(concurrency.acquire("a", 2).is_some());
        drop(second);
        assert!(concurrency.counts.lock().is_empty());
    }
}
