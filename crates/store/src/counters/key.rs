//! The names of counters.

use std::hash::{BuildHasher as _, Hash, Hasher, RandomState};

use smallvec::SmallVec;

/// Names a counter: a hash of 128 bits, so that no counter has to keep the text that names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CounterKey(pub(crate) u128);

/// Makes counter keys from what they stand for, under a secret of this process: nobody outside can look for
/// two texts with one key.
///
/// Keys of one maker mean nothing to another. Counters that several processes share need a maker whose secret
/// they share, too.
#[derive(Clone, Debug)]
pub struct CounterKeys {
    low: RandomState,
    high: RandomState,
}

impl CounterKeys {
    /// A maker with a secret of its own.
    pub fn new() -> Self {
        Self { low: RandomState::new(), high: RandomState::new() }
    }

    /// The key of something: a tuple of the policy's kind, its place and the value it counts by, say.
    pub fn key(&self, of: impl Hash) -> CounterKey {
        // Gathered first: what costs in SipHash is every piece more than every byte.
        let mut name = Name::default();
        of.hash(&mut name);
        let [low, high] = [&self.low, &self.high].map(|state| {
            let mut hasher = state.build_hasher();
            hasher.write(&name.0);
            u128::from(hasher.finish())
        });
        CounterKey(high << 64 | low)
    }
}

/// The bytes that something hashes.
#[derive(Default)]
struct Name(SmallVec<[u8; 128]>);

impl Hasher for Name {
    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn finish(&self) -> u64 {
        0
    }
}

impl Default for CounterKeys {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_things_have_equal_keys_and_others_do_not() {
        let keys = CounterKeys::new();
        assert_eq!(keys.key(("rate", "10.0.0.1")), keys.key(("rate", "10.0.0.1")));
        assert_ne!(keys.key(("rate", "10.0.0.1")), keys.key(("quota", "10.0.0.1")));
        assert_ne!(keys.key(("a", "bc")), keys.key(("ab", "c")));
        assert_ne!(keys.key("a"), CounterKeys::new().key("a"));
    }

    #[test]
    fn both_halves_carry_entropy() {
        let keys = CounterKeys::new();
        let CounterKey(key) = keys.key("a");
        assert_ne!(key >> 64, key & u128::from(u64::MAX));
    }
}
