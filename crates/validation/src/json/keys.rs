//! The keys of objects: found fast, and none twice.

use std::hash::BuildHasher as _;
use std::sync::LazyLock;

use foldhash::fast::RandomState;

use super::{Document, Kind};

/// From how many members on the keys of an object have an index.
const INDEXED_FROM: usize = 12;

/// Hashes keys: seeded anew in each process, so that nobody can choose keys which collide.
static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::default);

/// The keys of one object: hash and slot, in the order of the hashes.
pub(super) type Index = Box<[(u64, u32)]>;

pub(super) fn hash(key: &str) -> u64 {
    HASHER.hash_one(key)
}

impl Document<'_> {
    /// Completes an object whose members are all read: gives it an index where it has many. The error is the slot of a
    /// key that was there before.
    pub(super) fn close_object(&mut self, index: u32) -> Result<(), u32> {
        let count = self.slots.get(index as usize).map_or(0, |slot| slot.length as usize);
        if count < 2 {
            return Ok(());
        }
        if count < INDEXED_FROM {
            let mut known: [&str; INDEXED_FROM] = [""; INDEXED_FROM];
            for (number, key) in self.keys(index).enumerate() {
                let text = self.string(key);
                let (before, rest) = known.split_at_mut(number.min(INDEXED_FROM - 1));
                if before.contains(&text) {
                    return Err(key);
                }
                if let Some(slot) = rest.first_mut() {
                    *slot = text;
                }
            }
            return Ok(());
        }
        let mut entries: Vec<(u64, u32)> =
            self.keys(index).map(|key| (hash(self.string(key)), key)).collect();
        entries.sort_unstable();
        // Keys that share a hash are next to one another.
        for (number, (code, key)) in entries.iter().enumerate() {
            let same = entries.iter().skip(number + 1).take_while(|(other, _)| other == code);
            for (_, other) in same {
                if self.string(*key) == self.string(*other) {
                    return Err((*key).max(*other));
                }
            }
        }
        let place = self.indexes.len() as u32;
        self.indexes.push(entries.into_boxed_slice());
        if let Some(slot) = self.slots.get_mut(index as usize) {
            slot.kind = Kind::Indexed;
            slot.at = place;
        }
        Ok(())
    }

    /// The slot of the value of a member.
    pub(super) fn member(&self, index: u32, key: &str, code: u64) -> Option<u32> {
        let slot = self.slots.get(index as usize)?;
        if slot.kind == Kind::Indexed {
            let entries = self.indexes.get(slot.at as usize)?;
            let first = entries.partition_point(|(known, _)| *known < code);
            let same = entries.get(first..)?.iter().take_while(|(known, _)| *known == code);
            return same.map(|(_, at)| *at).find(|at| self.string(*at) == key).map(|at| at + 1);
        }
        let mut next = index + 1;
        for _ in 0..slot.length {
            let name = self.slots.get(next as usize)?;
            if name.length as usize == key.len() && self.slot_text(name) == key {
                return Some(next + 1);
            }
            next = self.slots.get(next as usize + 1)?.next;
        }
        None
    }
}
