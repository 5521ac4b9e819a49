//! A bounded table of counters.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

/// What a table holds.
pub(super) trait Counter {
    /// Whether nothing is lost by forgetting it.
    fn is_idle(&mut self, now: i64) -> bool;

    /// How much is lost by forgetting it.
    fn weight(&self) -> u64;
}

/// Counters by key, in shards of their own locks. When a shard is full, a counter that has run out gives its
/// place to a new one; where none of [`EXAMINED`] has, the one with the fewest calls does. Whoever wants to
/// have a counter forgotten before its time must therefore fill the table with counters that have as many
/// calls as that one.
#[derive(Debug)]
pub(super) struct Table<T> {
    shards: Box<[Mutex<Shard<T>>]>,
    evicted: AtomicU64,
}

impl<T: Counter> Table<T> {
    /// A table of at most `capacity` counters (rounded up to a multiple of the number of shards).
    pub(super) fn new(capacity: usize) -> Self {
        let capacity = capacity.div_ceil(SHARDS).max(1);
        let shard = || Mutex::new(Shard { index: HashMap::default(), slots: Vec::new(), hand: 0, capacity });
        Self { shards: std::iter::repeat_with(shard).take(SHARDS).collect(), evicted: AtomicU64::new(0) }
    }

    /// Runs `change` on the counter of a key, which is made when there is none.
    pub(super) fn change<R>(
        &self,
        key: u128,
        now: i64,
        make: impl FnOnce() -> T,
        change: impl FnOnce(&mut T) -> R,
    ) -> R {
        let mut shard = self.shard(key).lock();
        let slot = if let Some(slot) = shard.index.get(&key) {
            *slot
        } else {
            if shard.make_room(now) {
                self.evicted.fetch_add(1, Ordering::Relaxed);
            }
            shard.insert(key, make())
        };
        change(&mut shard.slots[slot as usize].1)
    }

    /// Runs `look` on the counter of a key if there is one.
    pub(super) fn look<R>(&self, key: u128, look: impl FnOnce(&mut T) -> R) -> Option<R> {
        let mut shard = self.shard(key).lock();
        let slot = *shard.index.get(&key)?;
        Some(look(&mut shard.slots[slot as usize].1))
    }

    /// How many counters it holds.
    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().slots.len()).sum()
    }

    /// How many counters were forgotten before their time.
    pub(super) fn evicted(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }

    fn shard(&self, key: u128) -> &Mutex<Shard<T>> {
        &self.shards[(key >> 121) as usize % SHARDS]
    }
}

const SHARDS: usize = 64;

/// How many counters a new one looks at for a place.
const EXAMINED: usize = 16;

#[derive(Debug)]
struct Shard<T> {
    index: HashMap<u128, u32, BuildHasherDefault<LowBits>>,
    slots: Vec<(u128, T)>,
    hand: usize,
    capacity: usize,
}

impl<T: Counter> Shard<T> {
    fn insert(&mut self, key: u128, counter: T) -> u32 {
        let slot = self.slots.len() as u32;
        self.slots.push((key, counter));
        self.index.insert(key, slot);
        slot
    }

    /// Forgets idle counters in passing, and a live one if there is no place otherwise (then `true`).
    fn make_room(&mut self, now: i64) -> bool {
        let mut lightest: Option<(usize, u64)> = None;
        for _ in 0..EXAMINED.min(self.slots.len()) {
            if self.hand >= self.slots.len() {
                self.hand = 0;
            }
            let Some((_, counter)) = self.slots.get_mut(self.hand) else { break };
            if counter.is_idle(now) {
                // The last slot has moved here and is looked at next.
                self.remove(self.hand);
                lightest = None;
                continue;
            }
            let weight = counter.weight();
            if lightest.is_none_or(|(_, least)| weight < least) {
                lightest = Some((self.hand, weight));
            }
            self.hand += 1;
        }
        if self.slots.len() < self.capacity {
            return false;
        }
        self.remove(lightest.map_or(0, |(slot, _)| slot));
        true
    }

    fn remove(&mut self, slot: usize) {
        let (key, _) = self.slots.swap_remove(slot);
        self.index.remove(&key);
        if let Some((moved, _)) = self.slots.get(slot) {
            self.index.insert(*moved, slot as u32);
        }
    }
}

/// Takes the low bits of a key as its hash: a key is a keyed hash already.
#[derive(Default)]
struct LowBits(u64);

impl Hasher for LowBits {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, key: u128) {
        self.0 = key as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Calls {
        count: u64,
        ends: i64,
    }

    impl Counter for Calls {
        fn is_idle(&mut self, now: i64) -> bool {
            self.ends <= now
        }

        fn weight(&self) -> u64 {
            self.count
        }
    }

    fn key(number: u64) -> u128 {
        // Spread over the shards as hashes are.
        u128::from(number.wrapping_mul(0x9E37_79B9_7F4A_7C15)) << 64 | u128::from(number)
    }

    fn hit(table: &Table<Calls>, number: u64, now: i64) -> u64 {
        let make = || Calls { count: 0, ends: now + 100 };
        table.change(key(number), now, make, |calls| {
            calls.count += 1;
            calls.count
        })
    }

    #[test]
    fn a_flood_of_new_keys_neither_grows_the_table_nor_resets_a_used_counter() {
        let table = Table::new(6_400);
        for _ in 0..10 {
            hit(&table, 0, 0);
        }
        for number in 1..200_000 {
            hit(&table, number, 1);
        }
        assert!(table.len() <= 6_400);
        assert!(table.evicted() > 100_000);
        assert_eq!(hit(&table, 0, 2), 11, "the counter in use is as it was");
    }

    #[test]
    fn counters_that_ran_out_give_way_first() {
        let table = Table::new(6_400);
        for number in 0..3_000 {
            hit(&table, number, 0);
        }
        for number in 10_000..13_000 {
            hit(&table, number, 100);
        }
        assert_eq!(table.evicted(), 0);
        assert!(table.len() < 6_000, "the old ones are going: {}", table.len());
        for number in 10_000..13_000 {
            assert_eq!(hit(&table, number, 101), 2);
        }
    }

    #[test]
    fn every_counter_is_found_after_others_were_removed() {
        let table = Table::new(64);
        for number in 0..10_000 {
            hit(&table, number, i64::try_from(number).unwrap() / 2);
            assert_eq!(table.look(key(number), |calls| calls.count), Some(1));
        }
        for shard in &table.shards {
            let shard = shard.lock();
            assert_eq!(shard.index.len(), shard.slots.len());
            for (slot, (key, _)) in shard.slots.iter().enumerate() {
                assert_eq!(shard.index[key] as usize, slot);
            }
        }
    }
}
