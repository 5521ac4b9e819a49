//! The values of one transaction: bytes in one arena, each text once, with what the rules' gates want to know of it.

use std::sync::Arc;

use hashbrown::HashTable;

use crate::byte_class::ByteSet;
use crate::transformations::{Transformation, TransformationId};

/// A value of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ValueId(pub(crate) u32);

/// A value as a rule sees it: a text, or a number that has not been written yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Text(ValueId),
    Number(i64),
}

/// What the gates want to know of a value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Info {
    start: u32,
    pub(crate) len: u32,
    pub(crate) classes: ByteSet,
}

/// The texts of one transaction. Equal texts are one value.
#[derive(Clone, Debug)]
pub(crate) struct Values {
    bytes: Vec<u8>,
    infos: Vec<Info>,
    index: HashTable<u32>,
    hasher: foldhash::fast::RandomState,
    /// What each transformation makes of each value: where the value's row in `results` begins.
    single_rows: Vec<u32>,
    singles: Vec<u32>,
    /// The same for each chain of transformations.
    chain_rows: Vec<u32>,
    chains: Vec<u32>,
    /// What a value must have for each chain to change it.
    triggers: Arc<[ByteSet]>,
    /// Whether equal texts are one value and results are kept.
    shared: bool,
    scratch: Vec<u8>,
    /// The work of the transformations and of keeping values.
    pub(crate) transformed: u64,
}

const NONE: u32 = u32::MAX;
/// The work of keeping a value, in units of the work of a transaction.
const NEW_VALUE: u64 = 128;

impl Values {
    /// An empty store for rules with chains of transformations that have these triggers.
    pub(crate) fn new(triggers: &Arc<[ByteSet]>, shared: bool) -> Self {
        Self {
            bytes: Vec::new(),
            infos: Vec::new(),
            index: HashTable::new(),
            hasher: foldhash::fast::RandomState::default(),
            single_rows: Vec::new(),
            singles: Vec::new(),
            chain_rows: Vec::new(),
            chains: Vec::new(),
            triggers: Arc::clone(triggers),
            shared,
            scratch: Vec::new(),
            transformed: 0,
        }
    }

    /// How many bytes the store holds.
    pub(crate) fn size(&self) -> usize {
        self.bytes.len()
    }

    /// The value with that text.
    pub(crate) fn add(&mut self, text: &[u8]) -> ValueId {
        use std::hash::BuildHasher;
        let hash = self.hasher.hash_one(text);
        let (bytes, infos) = (&self.bytes, &self.infos);
        if self.shared
            && let Some(known) = self.index.find(hash, |at| slice(bytes, infos, *at) == text)
        {
            return ValueId(*known);
        }
        let id = self.infos.len() as u32;
        self.transformed += text.len() as u64 + NEW_VALUE;
        // The arena is bounded by the limits of the transaction, far below what 32 bits count.
        self.infos.push(Info {
            start: self.bytes.len() as u32,
            len: text.len() as u32,
            classes: ByteSet::of(text),
        });
        self.bytes.extend_from_slice(text);
        self.single_rows.push(NONE);
        self.chain_rows.push(NONE);
        let (bytes, infos, hasher) = (&self.bytes, &self.infos, &self.hasher);
        self.index.insert_unique(hash, id, |at| hasher.hash_one(slice(bytes, infos, *at)));
        ValueId(id)
    }

    #[inline]
    pub(crate) fn get(&self, id: ValueId) -> &[u8] {
        slice(&self.bytes, &self.infos, id.0)
    }

    #[inline]
    pub(crate) fn info(&self, id: ValueId) -> Info {
        self.infos[id.0 as usize]
    }

    /// A part of a value as a value of its own.
    pub(crate) fn part(&mut self, id: ValueId, start: usize, end: usize) -> ValueId {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        scratch.extend_from_slice(self.get(id).get(start..end).unwrap_or_default());
        let part = self.add(&scratch);
        self.scratch = scratch;
        part
    }

    /// What a chain of transformations makes of a value.
    #[inline]
    pub(crate) fn chain(&mut self, id: ValueId, chain: usize, steps: &[TransformationId]) -> ValueId {
        if !self.shared {
            return steps.iter().fold(id, |value, step| self.apply(value, step.get()));
        }
        let classes = self.infos[id.0 as usize].classes.union(ByteSet::NO_BYTE);
        if !self.triggers[chain].meets(classes) {
            return id;
        }
        let row = self.chain_rows[id.0 as usize];
        if row != NONE {
            let known = self.chains[row as usize + chain];
            if known != NONE {
                return ValueId(known);
            }
        }
        self.run_chain(id, chain, steps)
    }

    fn run_chain(&mut self, id: ValueId, chain: usize, steps: &[TransformationId]) -> ValueId {
        let mut value = id;
        for step in steps {
            value = self.transform(value, *step);
        }
        let mut row = self.chain_rows[id.0 as usize];
        if row == NONE {
            row = self.chains.len() as u32;
            self.chains.resize(self.chains.len() + self.triggers.len(), NONE);
            self.chain_rows[id.0 as usize] = row;
        }
        self.chains[row as usize + chain] = value.0;
        value
    }

    /// What one transformation makes of a value.
    pub(crate) fn transform(&mut self, id: ValueId, transformation: TransformationId) -> ValueId {
        let step = transformation.get();
        if !self.shared {
            return self.apply(id, step);
        }
        if step.keeps(self.infos[id.0 as usize].classes) {
            return id;
        }
        let mut row = self.single_rows[id.0 as usize];
        if row == NONE {
            row = self.singles.len() as u32;
            self.singles.resize(self.singles.len() + TransformationId::COUNT, NONE);
            self.single_rows[id.0 as usize] = row;
        }
        let cell = row as usize + usize::from(transformation.0);
        let known = self.singles[cell];
        if known != NONE {
            return ValueId(known);
        }
        let result = self.apply(id, step);
        self.singles[cell] = result.0;
        result
    }

    /// Runs a transformation without looking whether that is needed.
    pub(crate) fn apply(&mut self, id: ValueId, step: &Transformation) -> ValueId {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        let input = self.get(id);
        let read = input.len();
        (step.apply)(input, &mut scratch);
        self.transformed += (read + scratch.len()) as u64 + 32;
        let result = if scratch == self.get(id) { id } else { self.add(&scratch) };
        self.scratch = scratch;
        result
    }
}

fn slice<'b>(bytes: &'b [u8], infos: &[Info], id: u32) -> &'b [u8] {
    let info = &infos[id as usize];
    &bytes[info.start as usize..(info.start + info.len) as usize]
}
