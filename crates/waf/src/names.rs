//! The names of `TX` that rules mention: each has a slot, so that a request finds it without a search.

use std::collections::HashMap;

use foldhash::fast::RandomState;

/// Slots of `TX`.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// By the name in lower case.
    slots: HashMap<Box<[u8]>, u32, RandomState>,
    names: Vec<Box<[u8]>>,
}

impl Names {
    /// The first slots are those of the captures, `TX:0` to `TX:9`.
    pub(crate) fn new() -> Self {
        let mut names = Self::default();
        for capture in b'0'..=b'9' {
            names.slot(&[capture]);
        }
        names
    }

    /// The slot of a name, whatever its case; a new one for a name that has none.
    pub(crate) fn slot(&mut self, name: &[u8]) -> u32 {
        let name: Box<[u8]> = name.to_ascii_lowercase().into();
        let next = self.names.len() as u32;
        let slot = *self.slots.entry(name.clone()).or_insert(next);
        if slot == next {
            self.names.push(name);
        }
        slot
    }

    /// The slot of a name in lower case.
    pub(crate) fn find(&self, name: &[u8]) -> Option<u32> {
        self.slots.get(name).copied()
    }

    pub(crate) fn name(&self, slot: u32) -> &[u8] {
        self.names.get(slot as usize).map_or(&[], |name| name)
    }

    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }
}
