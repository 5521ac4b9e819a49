//! Sets of byte classes: a value's set says which bytes stand in it, a rule's sets say which of them it needs. Two `and`s then tell
//! that a rule cannot match, without running it.

/// The class of a byte: the byte itself for printable ASCII and the usual white space, one class for other control
/// characters, one for the no-break space of Latin-1 and one for the other bytes above ASCII.
const fn class(byte: u8) -> u8 {
    match byte {
        0 | b'\t'..=b'\r' | 0x20..=0x7e => byte,
        0x01..=0x08 | 0x0e..=0x1f | 0x7f => 1,
        0xa0 => 3,
        _ => 2,
    }
}

const MASKS: [u128; 256] = {
    let mut masks = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        masks[byte] = 1 << class(byte as u8);
        byte += 1;
    }
    masks
};

/// A set of byte classes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct ByteSet(u128);

impl ByteSet {
    pub(crate) const EMPTY: Self = Self(0);
    pub(crate) const ALL: Self = Self(u128::MAX);
    /// The class that no byte has: it stands for the empty value, too.
    pub(crate) const NO_BYTE: Self = Self(EMPTY_CLASS);

    /// The classes of all bytes of a text.
    #[inline]
    pub(crate) const fn of(bytes: &[u8]) -> Self {
        let mut mask = 0;
        let mut at = 0;
        while at < bytes.len() {
            mask |= MASKS[bytes[at] as usize];
            at += 1;
        }
        Self(mask)
    }

    /// The classes of the bytes from `first` to `last`, both included.
    pub(crate) const fn range(first: u8, last: u8) -> Self {
        let mut mask = 0;
        let mut byte = first as usize;
        while byte <= last as usize {
            mask |= MASKS[byte];
            byte += 1;
        }
        Self(mask)
    }

    pub(crate) const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    #[inline]
    pub(crate) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// How much of ordinary traffic a need for one of these classes lets through, as a rough weight: letters and digits are
    /// everywhere, quotes and brackets are rare.
    pub(crate) fn weight(self) -> u32 {
        let mut rest = self.0;
        let mut weight = 0;
        while rest != 0 {
            let class = rest.trailing_zeros() as u8;
            weight += match class {
                b'a' | b'e' | b'i' | b'o' | b'n' | b'r' | b's' | b't' => 60,
                b'a'..=b'z' => 30,
                b' ' | b'.' | b'-' | b'/' | b'0'..=b'9' => 20,
                b'A'..=b'Z' | b'_' | b':' | b',' | b';' | b'=' | b'+' | b'(' | b')' | 2 => 6,
                _ => 2,
            };
            rest &= rest - 1;
        }
        weight
    }
}

/// What a value must have for an operator to be able to match it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gate {
    /// Every set must meet the value's set.
    sets: [ByteSet; Gate::SETS],
    /// The fewest bytes of a match.
    pub(crate) min_len: u32,
}

impl Gate {
    /// How many sets a gate tests.
    pub(crate) const SETS: usize = 4;
    /// A gate that lets everything through.
    pub(crate) const OPEN: Self = Self { sets: [ByteSet::ALL; Self::SETS], min_len: 0 };

    /// A gate of the most selective of the sets given. `ByteSet::ALL` stands for "no need", and also admits the empty value.
    pub(crate) fn new(mut sets: Vec<ByteSet>, min_len: u32) -> Self {
        sets.sort_by_key(|set| set.weight());
        sets.dedup();
        let mut gate = Self { sets: [ByteSet::ALL; Self::SETS], min_len };
        for (slot, set) in gate.sets.iter_mut().zip(sets) {
            *slot = set;
        }
        gate
    }

    /// Whether a value with these classes and this length may match.
    #[inline]
    pub(crate) fn admits(&self, classes: ByteSet, len: u32) -> bool {
        // An empty value has no class; needs of nothing must hold for it, too.
        let classes = ByteSet(classes.0 | EMPTY_CLASS);
        len >= self.min_len
            && self.sets[0].meets(classes)
            && self.sets[1].meets(classes)
            && self.sets[2].meets(classes)
            && self.sets[3].meets(classes)
    }
}

/// A class that no byte has.
const EMPTY_CLASS: u128 = 1 << 127;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_wants_one_byte_of_every_set() {
        let gate = Gate::new(vec![ByteSet::of(b"<"), ByteSet::of(b"sS")], 3);
        assert!(gate.admits(ByteSet::of(b"<script"), 7));
        assert!(!gate.admits(ByteSet::of(b"script"), 6));
        assert!(!gate.admits(ByteSet::of(b"<S"), 2));
        assert!(Gate::OPEN.admits(ByteSet::EMPTY, 0));
    }

    #[test]
    fn no_byte_has_the_class_of_the_empty_value() {
        assert_eq!(MASKS.iter().filter(|mask| **mask & EMPTY_CLASS != 0).count(), 0);
    }
}
