//! Documents as the schema validator sees them.

use std::borrow::Cow;

use jsonschema::JsonType;
use jsonschema::json::{Array, Json, JsonNumber as _, Node, NodeIdentity, Object};
use jsonschema_value::LazyInstance;
use serde_json::Value;

use super::number::NumberText;
use super::{Document, Kind, keys, to_value};

/// The representation of JSON that is validated here.
#[derive(Debug)]
pub(crate) struct Tape;

/// A value that is looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) enum TapeNode<'a> {
    /// A value of a document.
    Slot { document: &'a Document<'a>, index: u32 },
    /// A string that stands in no document: the name of a property, or the value of a parameter.
    Text(&'a str),
    /// A number that stands in no document.
    Number(NumberText<'a>),
    /// A truth value that stands in no document.
    Boolean(bool),
    /// Null that stands in no document.
    Null,
    /// An object with one member: the name of a position in a definition, and what is validated there.
    Position { name: &'a str, value: &'a TapeNode<'a> },
}

/// The name of a property, with its hash.
#[derive(Debug)]
pub(crate) struct PreparedKey {
    text: Box<str>,
    hash: u64,
}

impl Json for Tape {
    type Node<'a> = TapeNode<'a>;
    type PreparedKey = PreparedKey;
    type StringBuffer = ();

    const KEYS_PER_LOOKUP: usize = 1;
    const ACYCLIC: bool = true;

    fn prepare_key(key: &str) -> PreparedKey {
        PreparedKey { text: key.into(), hash: keys::hash(key) }
    }

    fn with_string_node<T>((): &mut (), string: &str, f: impl FnOnce(TapeNode<'_>) -> T) -> T {
        f(TapeNode::Text(string))
    }
}

impl<'a> TapeNode<'a> {
    /// A number from its text, if it is one.
    pub(crate) fn number(text: &'a str) -> Option<Self> {
        let is_integer = super::is_number(text)?;
        Some(Self::Number(NumberText { text, is_integer }))
    }

    fn kind(&self) -> Option<Kind> {
        match self {
            Self::Slot { document, index } => document.slots.get(*index as usize).map(|slot| slot.kind),
            _ => None,
        }
    }
}

impl<'a> Node<'a, Tape> for TapeNode<'a> {
    type Object = TapeObject<'a>;
    type Array = TapeArray<'a>;
    type Number = NumberText<'a>;

    #[inline]
    fn as_object(&self) -> Option<TapeObject<'a>> {
        match self {
            Self::Slot { document, index } => {
                let slot = document.slots.get(*index as usize)?;
                matches!(slot.kind, Kind::Object | Kind::Indexed).then_some(TapeObject::Slot {
                    document,
                    index: *index,
                    count: slot.length,
                })
            }
            Self::Position { name, value } => Some(TapeObject::Position { name, value }),
            _ => None,
        }
    }

    #[inline]
    fn as_array(&self) -> Option<TapeArray<'a>> {
        match self {
            Self::Slot { document, index } => {
                let slot = document.slots.get(*index as usize)?;
                (slot.kind == Kind::Array).then_some(TapeArray {
                    document,
                    index: *index,
                    count: slot.length,
                })
            }
            _ => None,
        }
    }

    #[inline]
    fn as_string(&self) -> Option<Cow<'a, str>> {
        match self {
            Self::Slot { document, index } => {
                let slot = document.slots.get(*index as usize)?;
                matches!(slot.kind, Kind::Plain | Kind::Decoded)
                    .then(|| Cow::Borrowed(document.slot_text(slot)))
            }
            Self::Text(text) => Some(Cow::Borrowed(text)),
            _ => None,
        }
    }

    #[inline]
    fn as_number(&self) -> Option<NumberText<'a>> {
        match self {
            Self::Slot { document, index } => {
                let slot = document.slots.get(*index as usize)?;
                let is_integer = match slot.kind {
                    Kind::Integer => true,
                    Kind::Decimal => false,
                    _ => return None,
                };
                Some(NumberText { text: document.slot_text(slot), is_integer })
            }
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    fn as_boolean(&self) -> Option<bool> {
        match self {
            Self::Boolean(value) => Some(*value),
            other => match other.kind()? {
                Kind::True => Some(true),
                Kind::False => Some(false),
                _ => None,
            },
        }
    }

    fn is_null(&self) -> bool {
        matches!(self, Self::Null) || self.kind() == Some(Kind::Null)
    }

    fn is_number(&self) -> bool {
        self.json_type() == JsonType::Number
    }

    #[inline]
    fn json_type(&self) -> JsonType {
        match self {
            Self::Slot { .. } => match self.kind() {
                None | Some(Kind::Null) => JsonType::Null,
                Some(Kind::True | Kind::False) => JsonType::Boolean,
                Some(Kind::Integer | Kind::Decimal) => JsonType::Number,
                Some(Kind::Plain | Kind::Decoded) => JsonType::String,
                Some(Kind::Array) => JsonType::Array,
                Some(Kind::Object | Kind::Indexed) => JsonType::Object,
            },
            Self::Text(_) => JsonType::String,
            Self::Number(_) => JsonType::Number,
            Self::Boolean(_) => JsonType::Boolean,
            Self::Null => JsonType::Null,
            Self::Position { .. } => JsonType::Object,
        }
    }

    fn string_length_within(&self, min: u64, max: u64) -> Option<bool> {
        let text = self.as_string()?;
        // A character has one to four bytes.
        let bytes = text.len() as u64;
        let fewest = bytes.div_ceil(4);
        if bytes < min || fewest > max {
            return Some(false);
        }
        if min <= fewest && bytes <= max {
            return Some(true);
        }
        Some((min..=max).contains(&(text.chars().count() as u64)))
    }

    fn equals_value(&self, expected: &Value) -> bool {
        match expected {
            Value::Null => self.is_null(),
            Value::Bool(expected) => self.as_boolean() == Some(*expected),
            Value::String(expected) => self.as_string().is_some_and(|text| *text == **expected),
            Value::Number(expected) => self.as_number().is_some_and(|number| {
                if let (Some(a), Some(b)) = (number.as_i64(), expected.as_i64()) {
                    return a == b;
                }
                jsonschema_equal(
                    &Value::Number(number.to_number().into_owned()),
                    &Value::Number(expected.clone()),
                )
            }),
            Value::Array(_) | Value::Object(_) => jsonschema_equal(&self.to_value(), expected),
        }
    }

    fn to_value(&self) -> Cow<'a, Value> {
        Cow::Owned(match self {
            Self::Slot { document, index } => to_value(document, *index),
            Self::Text(text) => Value::String((*text).to_owned()),
            Self::Number(number) => Value::Number(number.to_number().into_owned()),
            Self::Boolean(value) => Value::Bool(*value),
            Self::Null => Value::Null,
            Self::Position { name, value } => {
                let mut object = serde_json::Map::new();
                object.insert((*name).to_owned(), value.to_value().into_owned());
                Value::Object(object)
            }
        })
    }

    /// Errors tell the kind of a value and never the value: what is large is not copied for each of them.
    fn lazy_value(&self) -> LazyInstance<'a> {
        let value = match self.json_type() {
            JsonType::String => Value::String(String::new()),
            JsonType::Array => Value::Array(Vec::new()),
            JsonType::Object => Value::Object(serde_json::Map::new()),
            _ => return LazyInstance::Ready(self.to_value()),
        };
        LazyInstance::Ready(Cow::Owned(value))
    }

    fn identity(&self) -> Option<NodeIdentity> {
        match self {
            Self::Slot { document, index } => {
                Some(NodeIdentity::tagged(document.slots.as_ptr().addr(), *index))
            }
            _ => None,
        }
    }
}

/// Equality as JSON Schema has it: numbers by what they mean.
fn jsonschema_equal(a: &Value, b: &Value) -> bool {
    <&Value as Node<'_, jsonschema::json::SerdeJson>>::equals_value(&a, b)
}

/// An object.
#[derive(Clone, Copy, Debug)]
pub(crate) enum TapeObject<'a> {
    Slot { document: &'a Document<'a>, index: u32, count: u32 },
    Position { name: &'a str, value: &'a TapeNode<'a> },
}

impl<'a> Object<'a, Tape> for TapeObject<'a> {
    type Node = TapeNode<'a>;
    type MemberName = &'a str;
    type MembersIter = Members<'a>;

    fn len(&self) -> usize {
        match self {
            Self::Slot { count, .. } => *count as usize,
            Self::Position { .. } => 1,
        }
    }

    #[inline]
    fn get(&self, key: &PreparedKey) -> Option<TapeNode<'a>> {
        match self {
            Self::Slot { document, index, .. } => {
                let value = document.member(*index, &key.text, key.hash)?;
                Some(TapeNode::Slot { document, index: value })
            }
            Self::Position { name, value } => (**name == *key.text).then_some(**value),
        }
    }

    fn members(&self) -> Members<'a> {
        match self {
            Self::Slot { document, index, count } => {
                Members::Slot { document, next: index + 1, left: *count }
            }
            Self::Position { name, value } => Members::Position(Some((name, **value))),
        }
    }
}

/// The members of an object.
#[derive(Debug)]
pub(crate) enum Members<'a> {
    Slot { document: &'a Document<'a>, next: u32, left: u32 },
    Position(Option<(&'a str, TapeNode<'a>)>),
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, TapeNode<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Slot { document, next, left } => {
                *left = left.checked_sub(1)?;
                let document: &'a Document<'a> = document;
                let name = document.string(*next);
                let index = *next + 1;
                *next = document.slots.get(index as usize)?.next;
                Some((name, TapeNode::Slot { document, index }))
            }
            Self::Position(member) => member.take(),
        }
    }
}

/// An array.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TapeArray<'a> {
    document: &'a Document<'a>,
    index: u32,
    count: u32,
}

impl<'a> Array<'a, Tape> for TapeArray<'a> {
    type Node = TapeNode<'a>;
    type ElementsIter = Items<'a>;

    fn len(&self) -> usize {
        self.count as usize
    }

    fn elements(&self) -> Items<'a> {
        Items { document: self.document, next: self.index + 1, left: self.count }
    }

    fn is_unique(&self) -> bool {
        let mut seen: Vec<(u64, u32)> = Vec::with_capacity(self.count as usize);
        seen.extend(self.document.items(self.index).map(|item| (self.document.digest(item), item)));
        seen.sort_unstable();
        // Values that share a digest are next to one another.
        seen.iter().enumerate().all(|(number, (digest, item))| {
            let mut same = seen.iter().skip(number + 1).take_while(|(other, _)| other == digest);
            !same.any(|(_, other)| self.document.are_equal(*item, *other))
        })
    }
}

/// The items of an array.
#[derive(Debug)]
pub(crate) struct Items<'a> {
    document: &'a Document<'a>,
    next: u32,
    left: u32,
}

impl<'a> Iterator for Items<'a> {
    type Item = TapeNode<'a>;

    #[inline]
    fn next(&mut self) -> Option<TapeNode<'a>> {
        self.left = self.left.checked_sub(1)?;
        let index = self.next;
        self.next = self.document.slots.get(index as usize)?.next;
        Some(TapeNode::Slot { document: self.document, index })
    }
}
