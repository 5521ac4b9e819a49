//! A bounded map that forgets what nobody has asked for lately: what both caches are made of.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher as _, Hash};
use std::sync::atomic::{AtomicUsize, Ordering};

use foldhash::fast::RandomState;
use parking_lot::Mutex;

/// So many parts, each with a lock of its own.
const SHARDS: usize = 8;

/// What a cache may keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheBounds {
    /// Bytes, upkeep included, roughly. What is larger than an eighth of them is not kept.
    pub bytes: usize,
    /// Keys.
    pub entries: usize,
}

impl Default for CacheBounds {
    /// 64 MiB and 100,000 keys.
    fn default() -> Self {
        Self { bytes: 64 * 1024 * 1024, entries: 100_000 }
    }
}

impl CacheBounds {
    fn of_a_shard(self) -> Self {
        Self { bytes: self.bytes / SHARDS, entries: self.entries.div_ceil(SHARDS) }
    }
}

/// What takes room in a cache.
pub(super) trait Weigh {
    /// Its bytes.
    fn weight(&self) -> usize;
}

/// Values by key within bounds. When there is no room, values go that nobody has asked for since they were looked at last,
/// the oldest first.
pub(super) struct Shards<K, V> {
    parts: [Mutex<Shard<K, V>>; SHARDS],
    bytes: AtomicUsize,
    entries: AtomicUsize,
    hasher: RandomState,
}

struct Shard<K, V> {
    slots: HashMap<K, Slot<V>, RandomState>,
    /// Keys in the order in which they are looked at when there is no room, each with the number of its slot: one that was
    /// removed meanwhile has another, or none.
    order: VecDeque<(K, u64)>,
    next: u64,
    bytes: usize,
}

struct Slot<V> {
    value: V,
    weight: usize,
    number: u64,
    is_used: bool,
}

impl<K: Clone + Eq + Hash, V: Weigh> Shards<K, V> {
    pub(super) fn new(bounds: CacheBounds) -> Self {
        let shards = Self {
            parts: std::array::from_fn(|_| Mutex::new(Shard::new())),
            bytes: AtomicUsize::default(),
            entries: AtomicUsize::default(),
            hasher: RandomState::default(),
        };
        shards.set_bounds(bounds);
        shards
    }

    /// Other bounds from now on; what is too much goes when the next value comes.
    pub(super) fn set_bounds(&self, bounds: CacheBounds) {
        let bounds = bounds.of_a_shard();
        self.bytes.store(bounds.bytes, Ordering::Relaxed);
        self.entries.store(bounds.entries, Ordering::Relaxed);
    }

    /// The most bytes of one value.
    pub(super) fn largest(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Bytes and keys in use.
    pub(super) fn usage(&self) -> CacheBounds {
        let mut usage = CacheBounds { bytes: 0, entries: 0 };
        for shard in &self.parts {
            let shard = shard.lock();
            usage.bytes += shard.bytes;
            usage.entries += shard.slots.len();
        }
        usage
    }

    /// What a look at the value of a key gives; a look that finds something counts as use.
    pub(super) fn look<R>(&self, key: &K, look: impl FnOnce(&mut V) -> Option<R>) -> Option<R> {
        let mut shard = self.shard(key)?.lock();
        let slot = shard.slots.get_mut(key)?;
        let found = look(&mut slot.value)?;
        slot.is_used = true;
        Some(found)
    }

    /// Puts what is made of the value so far in its place.
    pub(super) fn change(&self, key: &K, change: impl FnOnce(Option<V>) -> V) {
        let bounds = CacheBounds { bytes: self.largest(), entries: self.entries.load(Ordering::Relaxed) };
        if let Some(shard) = self.shard(key) {
            shard.lock().change(key, change, bounds);
        }
    }

    /// Forgets a key.
    pub(super) fn remove(&self, key: &K) {
        if let Some(shard) = self.shard(key) {
            drop(shard.lock().take(key));
        }
    }

    /// Forgets a key whose value is no longer good.
    pub(super) fn remove_if(&self, key: &K, is_over: impl FnOnce(&V) -> bool) {
        let Some(shard) = self.shard(key) else { return };
        let mut shard = shard.lock();
        if shard.slots.get(key).is_some_and(|slot| is_over(&slot.value)) {
            drop(shard.take(key));
        }
    }

    fn shard(&self, key: &K) -> Option<&Mutex<Shard<K, V>>> {
        self.parts.get(self.hasher.hash_one(key) as usize % SHARDS)
    }
}

impl<K: Clone + Eq + Hash, V: Weigh> Shard<K, V> {
    fn new() -> Self {
        Self { slots: HashMap::default(), order: VecDeque::new(), next: 0, bytes: 0 }
    }

    fn change(&mut self, key: &K, change: impl FnOnce(Option<V>) -> V, bounds: CacheBounds) {
        let (value, number) = match self.slots.remove(key) {
            Some(slot) => {
                self.bytes -= slot.weight;
                (change(Some(slot.value)), slot.number)
            }
            None => {
                self.next += 1;
                self.order.push_back((key.clone(), self.next));
                (change(None), self.next)
            }
        };
        let weight = value.weight();
        self.bytes += weight;
        self.slots.insert(key.clone(), Slot { value, weight, number, is_used: false });
        while (self.bytes > bounds.bytes || self.slots.len() > bounds.entries) && self.slots.len() > 1 {
            self.make_room(key);
        }
        // Removed keys leave their places behind.
        if self.order.len() > 2 * self.slots.len() + 16 {
            let slots = &self.slots;
            self.order.retain(|(key, number)| slots.get(key).is_some_and(|slot| slot.number == *number));
        }
    }

    fn take(&mut self, key: &K) -> Option<Slot<V>> {
        let slot = self.slots.remove(key)?;
        self.bytes -= slot.weight;
        Some(slot)
    }

    /// Looks at the key that is next: one that was asked for since the last look stays for another round.
    fn make_room(&mut self, newest: &K) {
        let Some((key, number)) = self.order.pop_front() else { return };
        match self.slots.get_mut(&key).filter(|slot| slot.number == number) {
            Some(slot) if slot.is_used || key == *newest => {
                slot.is_used = false;
                self.order.push_back((key, number));
            }
            Some(_) => drop(self.take(&key)),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Weigh for usize {
        fn weight(&self) -> usize {
            *self
        }
    }

    fn sound(shard: &Shard<u32, usize>) {
        assert_eq!(shard.bytes, shard.slots.values().map(|slot| slot.weight).sum::<usize>());
        assert!(shard.order.len() <= 2 * shard.slots.len() + 16);
        for (key, slot) in &shard.slots {
            assert!(shard.order.iter().any(|(known, number)| known == key && *number == slot.number));
        }
    }

    #[test]
    fn bytes_are_bounded_and_the_used_ones_stay() {
        let mut shard = Shard::new();
        let bounds = CacheBounds { bytes: 1000, entries: 1000 };
        for key in 0..100 {
            shard.change(&key, |_| 100, bounds);
            if let Some(slot) = shard.slots.get_mut(&0) {
                slot.is_used = true;
            }
            assert!(shard.bytes <= 1000);
            sound(&shard);
        }
        assert_eq!(shard.slots.len(), 10);
        assert!(shard.slots.contains_key(&0) && shard.slots.contains_key(&99));
    }

    #[test]
    fn keys_are_bounded() {
        let mut shard = Shard::new();
        for key in 0..100 {
            shard.change(&key, |_| 1, CacheBounds { bytes: 1000, entries: 3 });
            sound(&shard);
        }
        assert_eq!(shard.slots.len(), 3);
    }

    #[test]
    fn removing_leaves_nothing_that_grows() {
        let mut shard = Shard::new();
        let bounds = CacheBounds { bytes: 1000, entries: 1000 };
        for round in 0..1000 {
            shard.change(&(round % 7), |_| 10, bounds);
            shard.take(&(round % 7));
            shard.change(&100, |before| before.unwrap_or(0) + usize::from(round < 10), bounds);
            sound(&shard);
        }
        assert_eq!((shard.slots.len(), shard.bytes), (1, 10));
    }

    #[test]
    fn narrower_bounds_count_from_the_next_value_on() {
        let shards: Shards<u32, usize> = Shards::new(CacheBounds { bytes: 80_000, entries: 80_000 });
        for key in 0..1000 {
            shards.change(&key, |_| 10);
        }
        assert_eq!(shards.usage(), CacheBounds { bytes: 10_000, entries: 1000 });
        shards.set_bounds(CacheBounds { bytes: 800, entries: 800 });
        for key in 1000..1200 {
            shards.change(&key, |_| 10);
        }
        assert!(shards.usage().bytes <= 800, "{:?}", shards.usage());
    }
}
