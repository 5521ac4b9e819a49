//! What stands in long lists, block by block: where a gate admits nothing of what a block has, none of its values need be asked for.

use super::Transaction;
use crate::byte_class::{ByteSet, Gate};
use crate::compile::RuleSet;
use crate::values::Value;
use crate::variables::{List, Part};

/// How many entries are one block.
pub(super) const BLOCK: usize = 32;

/// The lists that may be long. Their entries never change once they are there.
const LISTS: [List; 4] = [List::ArgsGet, List::ArgsPost, List::RequestHeaders, List::RequestCookies];

/// Blocks by list, part and chain of transformations; made when they are first asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Summaries(Vec<Summary>);

#[derive(Clone, Debug, Default)]
struct Summary {
    /// How many entries the list had.
    entries: usize,
    blocks: Vec<Block>,
}

/// The classes of all values of a block, and the length of the longest.
#[derive(Clone, Copy, Debug)]
struct Block {
    classes: ByteSet,
    longest: u32,
}

impl Summaries {
    /// Whether any value of the block that begins at an entry may pass a gate.
    #[inline]
    pub(super) fn admits(&self, key: usize, at: usize, gate: &Gate) -> bool {
        let block = self.0.get(key).and_then(|summary| summary.blocks.get(at / BLOCK));
        block.is_none_or(|block| gate.admits(block.classes, block.longest))
    }
}

impl Transaction {
    /// The blocks of a list after a chain of transformations; none where the list is short.
    #[inline]
    pub(super) fn summary(&mut self, rules: &RuleSet, list: List, part: Part, chain: usize) -> Option<usize> {
        let entries = self.lists[list as usize].len();
        if entries < BLOCK {
            return None;
        }
        let place = LISTS.iter().position(|known| *known == list)?;
        let key = (place * 2 + usize::from(part == Part::Names)) * rules.chains.len() + chain;
        if self.summaries.0.get(key).is_none_or(|summary| summary.entries != entries) {
            self.summarise(rules, (list, part, chain), key);
        }
        Some(key)
    }

    #[cold]
    fn summarise(&mut self, rules: &RuleSet, (list, part, chain): (List, Part, usize), key: usize) {
        if self.summaries.0.is_empty() {
            self.summaries.0.resize(LISTS.len() * 2 * rules.chains.len(), Summary::default());
        }
        let entries = std::mem::take(&mut self.lists[list as usize]);
        let mut blocks = Vec::with_capacity(entries.len().div_ceil(BLOCK));
        for entries in entries.chunks(BLOCK) {
            let mut block = Block { classes: ByteSet::EMPTY, longest: 0 };
            for entry in entries {
                let value = match part {
                    Part::Names => Value::Text(entry.name),
                    Part::Values => entry.value,
                };
                let Value::Text(text) = value else {
                    block = Block { classes: ByteSet::ALL, longest: u32::MAX };
                    break;
                };
                let text = self.values.chain(text, chain, &rules.chains[chain]);
                let info = self.values.info(text);
                block.classes = block.classes.union(info.classes);
                block.longest = block.longest.max(info.len);
            }
            blocks.push(block);
            if self.work() > self.limits.work || self.values.size() > self.limits.memory {
                self.exceed();
                if !self.limits.pass_beyond {
                    break;
                }
            }
        }
        if let Some(summary) = self.summaries.0.get_mut(key) {
            *summary = Summary { entries: entries.len(), blocks };
        }
        self.lists[list as usize] = entries;
    }
}
