//! `System.Collections.Generic.KeyValuePair<K, V>`.

use super::{Definition, Form, Id, member};
use crate::class::Type;
use crate::value::{Object, Value};

/// A key with its value.
pub(crate) struct Pair {
    class: Type,
    pub(crate) key: Value,
    pub(crate) value: Value,
}

/// The pair of two default values.
pub(crate) fn pair(key: Option<&Type>, value: Option<&Type>) -> Value {
    let (key, value) = (key.cloned().unwrap_or(Type::OBJECT), value.cloned().unwrap_or(Type::OBJECT));
    let (k, v) = (Value::default_of(&key), Value::default_of(&value));
    typed(key, value, k, v)
}

/// A pair of these types.
pub(crate) fn typed(key_class: Type, value_class: Type, key: Value, value: Value) -> Value {
    Value::object(Pair { class: Type::generic(Id::KeyValuePair, [key_class, value_class]), key, value })
}

impl Object for Pair {
    fn class(&self) -> Type {
        self.class.clone()
    }

    fn text(&self) -> Option<String> {
        Some(format!("[{}, {}]", self.key.display(), self.value.display()))
    }

    fn equals(&self, other: &Value) -> Option<bool> {
        Some(other.downcast::<Self>().is_some_and(|o| self.key.equals(&o.key) && self.value.equals(&o.value)))
    }

    fn hash(&self) -> Option<u64> {
        Some(self.key.hash() ^ self.value.hash().rotate_left(7))
    }
}

pub(super) const KEY_VALUE_PAIR: Definition = Definition {
    name: "System.Collections.Generic.KeyValuePair<K, V>",
    form: Form::Structure,
    bases: &["object"],
    members: &[
        member("new(K, V)", |c| Ok(typed(c.class(0), c.class(1), c.value(0), c.value(1)))),
        member("Key: K", |c| Ok(c.object::<Pair>(0)?.key.clone())),
        member("Value: V", |c| Ok(c.object::<Pair>(0)?.value.clone())),
    ],
    ..Definition::NEW
};
