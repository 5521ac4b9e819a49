//! JSON bodies, read strictly and once.
//!
//! [`Document`] is a flat list of values over the bytes of the body: nothing is copied but strings with escapes. What
//! two readers could take for different things is refused: duplicate keys, byte order marks, numbers that no double
//! holds, bytes that are not UTF-8.

mod equality;
mod keys;
mod node;
mod number;
mod parse;
mod write;

use std::fmt;

pub(crate) use self::node::{Tape, TapeNode};
pub(crate) use self::number::is_number;
pub(crate) use self::write::{push_string, to_value, without};

/// How deep values may be nested.
pub const MAX_DEPTH: usize = 128;

/// A JSON text and the values in it.
#[derive(Debug, Default)]
pub struct Document<'b> {
    text: &'b str,
    /// Values in the order of the text; a member of an object is its key followed by its value.
    slots: Vec<Slot>,
    /// Strings that hold escapes, decoded.
    decoded: String,
    /// Keys of large objects by their hash.
    indexes: Vec<keys::Index>,
}

/// One value, or the key of a member.
#[derive(Clone, Copy, Debug)]
struct Slot {
    kind: Kind,
    /// Where its text begins, in bytes.
    start: u32,
    /// Of a string: where its characters begin in the text or among the decoded; of a large object: its index.
    at: u32,
    /// Of a string or a number: the length in bytes; of an array or an object: how many items or members there are.
    length: u32,
    /// The slot after the value and everything in it.
    next: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Null,
    True,
    False,
    /// Digits with or without a sign.
    Integer,
    /// A number with a fraction or an exponent.
    Decimal,
    /// A string as it stands in the text.
    Plain,
    /// A string among the decoded ones.
    Decoded,
    Array,
    Object,
    /// An object whose keys have an index.
    Indexed,
}

/// Why a text is not JSON that can be trusted, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// What is wrong, as a sentence.
    pub message: String,
    /// Where, in bytes from the beginning.
    pub offset: usize,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// A place in a text for people: both count from 1, the position in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The position in it.
    pub position: usize,
}

impl Place {
    /// The place of an offset in bytes.
    pub fn of(text: &[u8], offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line = 1 + memchr::memchr_iter(b'\n', before).count();
        let start = memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
        let characters = before.get(start..).unwrap_or_default();
        let is_first = |byte: &&u8| !matches!(byte, 0x80..=0xBF);
        Self { line, position: 1 + characters.iter().filter(is_first).count() }
    }
}

impl<'b> Document<'b> {
    /// The value that the document consists of.
    pub(crate) fn root(&self) -> TapeNode<'_> {
        TapeNode::Slot { document: self, index: 0 }
    }

    /// The bytes that it was read from.
    pub fn text(&self) -> &'b str {
        self.text
    }

    /// The place of a value that an instance path leads to, such as `/items/0/name`; of what is around it where the path
    /// leads nowhere.
    pub(crate) fn locate<'s>(&self, path: impl Iterator<Item = PathStep<'s>>) -> usize {
        let mut index = 0;
        for step in path {
            match self.child(index, step) {
                Some(next) => index = next,
                None => break,
            }
        }
        self.slots.get(index as usize).map_or(0, |slot| slot.start as usize)
    }

    /// Where the key of a member of the object at a path begins.
    pub(crate) fn locate_key<'s>(
        &self,
        path: impl Iterator<Item = PathStep<'s>>,
        name: &str,
    ) -> Option<usize> {
        let mut index = 0;
        for step in path {
            index = self.child(index, step)?;
        }
        let key = self.keys(index).find(|key| self.string(*key) == name)?;
        Some(self.slots.get(key as usize)?.start as usize)
    }

    fn child(&self, index: u32, step: PathStep<'_>) -> Option<u32> {
        let slot = self.slots.get(index as usize)?;
        match (slot.kind, step) {
            (Kind::Array, PathStep::Index(at)) => self.items(index).nth(at),
            (Kind::Object | Kind::Indexed, PathStep::Name(name)) => {
                self.keys(index).find(|key| self.string(*key) == name).map(|key| key + 1)
            }
            _ => None,
        }
    }

    /// The slots of the keys of an object.
    fn keys(&self, index: u32) -> impl Iterator<Item = u32> + '_ {
        let count = self.slots.get(index as usize).map_or(0, |slot| slot.length);
        let mut next = index + 1;
        (0..count).map(move |_| {
            let key = next;
            next = self.slots.get(key as usize + 1).map_or(key + 2, |value| value.next);
            key
        })
    }

    /// The slots of the items of an array.
    fn items(&self, index: u32) -> impl Iterator<Item = u32> + '_ {
        let count = self.slots.get(index as usize).map_or(0, |slot| slot.length);
        let mut next = index + 1;
        (0..count).map(move |_| {
            let item = next;
            next = self.slots.get(item as usize).map_or(item + 1, |slot| slot.next);
            item
        })
    }

    /// The characters of a string or a key, or the text of a number.
    fn string(&self, index: u32) -> &str {
        let Some(slot) = self.slots.get(index as usize) else { return "" };
        self.slot_text(slot)
    }

    #[inline]
    fn slot_text(&self, slot: &Slot) -> &str {
        let range = slot.at as usize..slot.at as usize + slot.length as usize;
        let source = if slot.kind == Kind::Decoded { self.decoded.as_str() } else { self.text };
        source.get(range).unwrap_or_default()
    }
}

/// One step of an instance path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PathStep<'s> {
    Name(&'s str),
    Index(usize),
}

#[cfg(test)]
mod tests;
