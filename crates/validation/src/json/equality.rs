//! Equality of values as JSON Schema has it (2020-12, section 4.2.2): numbers by what they mean, objects without regard
//! to the order of their members.

use jsonschema::json::JsonNumber as _;

use super::number::NumberText;
use super::{Document, Kind, keys};

impl Document<'_> {
    /// A number that equal values share.
    pub(super) fn digest(&self, index: u32) -> u64 {
        let Some(slot) = self.slots.get(index as usize) else { return 0 };
        match slot.kind {
            Kind::Null => 1,
            Kind::True => 2,
            Kind::False => 3,
            Kind::Integer | Kind::Decimal => mix(number_digest(self.number(index)), 4),
            Kind::Plain | Kind::Decoded => keys::hash(self.slot_text(slot)),
            Kind::Array => self.items(index).fold(5, |all, item| mix(all, self.digest(item))),
            Kind::Object | Kind::Indexed => self.keys(index).fold(6_u64, |all, key| {
                all.wrapping_add(mix(keys::hash(self.string(key)), self.digest(key + 1)))
            }),
        }
    }

    /// Whether two values are equal. Documents are not deeper than [`MAX_DEPTH`](super::MAX_DEPTH).
    pub(super) fn are_equal(&self, a: u32, b: u32) -> bool {
        let (Some(left), Some(right)) = (self.slots.get(a as usize), self.slots.get(b as usize)) else {
            return false;
        };
        match (left.kind, right.kind) {
            (Kind::Integer | Kind::Decimal, Kind::Integer | Kind::Decimal) => {
                are_equal_numbers(self.number(a), self.number(b))
            }
            (Kind::Plain | Kind::Decoded, Kind::Plain | Kind::Decoded) => {
                self.slot_text(left) == self.slot_text(right)
            }
            (Kind::Array, Kind::Array) => {
                left.length == right.length
                    && self.items(a).zip(self.items(b)).all(|(a, b)| self.are_equal(a, b))
            }
            (Kind::Object | Kind::Indexed, Kind::Object | Kind::Indexed) => {
                left.length == right.length
                    && self.keys(a).all(|key| {
                        let name = self.string(key);
                        self.member(b, name, keys::hash(name))
                            .is_some_and(|other| self.are_equal(key + 1, other))
                    })
            }
            (a, b) => a == b,
        }
    }

    fn number(&self, index: u32) -> NumberText<'_> {
        let is_integer = self.slots.get(index as usize).is_some_and(|slot| slot.kind == Kind::Integer);
        NumberText { text: self.string(index), is_integer }
    }
}

fn mix(a: u64, b: u64) -> u64 {
    (a.rotate_left(5) ^ b).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

fn number_digest(number: NumberText<'_>) -> u64 {
    // Numbers that are equal are the same double, though not the other way round.
    let value = number.as_f64().unwrap_or(0.0);
    if value == 0.0 { 0 } else { value.to_bits() }
}

fn are_equal_numbers(a: NumberText<'_>, b: NumberText<'_>) -> bool {
    if let (Some(a), Some(b)) = (a.as_i64(), b.as_i64()) {
        return a == b;
    }
    if a.is_integer && b.is_integer {
        return a.text == b.text;
    }
    a.as_f64() == b.as_f64()
}
