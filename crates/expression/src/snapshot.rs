//! Copies of values that outlive the exchange in which they were made.

use std::fmt;
use std::sync::Arc;

use crate::json::{self, Json};
use crate::types::{Array, Dictionary, Id, List};
use crate::value::Value;
use crate::xml;

/// How deep lists may stand in lists.
const MAX_DEPTH: usize = 200;
/// What a value costs beyond its text, in bytes, roughly.
const OVERHEAD: usize = 32;

/// A value that nothing changes any more: what a cache keeps. Objects in it are copies, so that neither who stored it nor
/// who reads it changes what others see.
#[derive(Clone)]
pub struct Snapshot {
    value: Value,
    bytes: usize,
}

/// Why a value cannot be kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// It is bound to its exchange, or is no plain data.
    #[error(
        "a value of the type {0} cannot be kept: numbers, strings, dates, JSON, XML, arrays, lists and dictionaries can"
    )]
    Type(String),
    /// It is larger than what may be kept, in bytes.
    #[error("the value is larger than {0} bytes")]
    TooLarge(usize),
    /// It holds lists in lists beyond what anybody needs, or itself.
    #[error("the value is nested too deeply")]
    TooDeep,
}

impl Snapshot {
    /// A copy of a value of at most `limit` bytes.
    ///
    /// # Errors
    /// The value is no plain data, too large, or nested too deeply.
    pub fn of(value: &Value, limit: usize) -> Result<Self, SnapshotError> {
        let mut budget = Budget { left: limit, limit };
        let value = copy(value, &mut budget, 0)?;
        Ok(Self { value, bytes: limit - budget.left })
    }

    /// The value, equal to the one that was kept and of the same type.
    pub fn value(&self) -> Value {
        let mut budget = Budget { left: usize::MAX, limit: usize::MAX };
        // What has been copied once can be copied again.
        copy(&self.value, &mut budget, 0).unwrap_or_else(|_| self.value.clone())
    }

    /// What it takes, in bytes, roughly.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl fmt::Debug for Snapshot {
    /// The value may be a secret: it is not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} bytes", self.value.type_name(), self.bytes)
    }
}

struct Budget {
    left: usize,
    limit: usize,
}

impl Budget {
    fn take(&mut self, bytes: usize) -> Result<(), SnapshotError> {
        self.left = self.left.checked_sub(bytes).ok_or(SnapshotError::TooLarge(self.limit))?;
        Ok(())
    }
}

fn copy(value: &Value, budget: &mut Budget, depth: usize) -> Result<Value, SnapshotError> {
    if depth > MAX_DEPTH {
        return Err(SnapshotError::TooDeep);
    }
    budget.take(OVERHEAD)?;
    match value {
        Value::String(text) => budget.take(text.len())?,
        Value::Json(token) => return json_copy(token, budget).map(Value::Json),
        Value::Object(_) => return object_copy(value, budget, depth + 1),
        Value::Part(_) => return Err(SnapshotError::Type(value.type_name())),
        _ => {}
    }
    Ok(value.clone())
}

fn json_copy(token: &Json, budget: &mut Budget) -> Result<Json, SnapshotError> {
    for part in token.descendants(true) {
        budget.take(OVERHEAD)?;
        budget.take(part.name().map_or(0, |name| name.len()))?;
        match part.scalar() {
            Some(Value::String(text)) => budget.take(text.len())?,
            Some(value @ Value::Object(_)) => drop(object_copy(&value, budget, json::MAX_DEPTH.into())?),
            _ => {}
        }
    }
    Ok(token.deep_clone())
}

fn object_copy(value: &Value, budget: &mut Budget, depth: usize) -> Result<Value, SnapshotError> {
    let mut item = |value: &Value| copy(value, budget, depth);
    if let Some(array) = value.downcast::<Array>() {
        if let Some(bytes) = array.bytes() {
            budget.take(bytes.len())?;
            return Ok(Value::bytes(bytes));
        }
        return Ok(Value::object(array.map(&mut item)?));
    }
    if let Some(list) = value.downcast::<List>() {
        return Ok(Value::object(list.map(&mut item)?));
    }
    if let Some(map) = value.downcast::<Dictionary>() {
        return Ok(Value::object(map.map(&mut item)?));
    }
    if let Some(node) = value.shared::<xml::Node>() {
        budget.take(xml_size(&node))?;
        return Ok(Value::handle(node.copy()));
    }
    // An address never changes.
    if value.class().is(Id::Uri) {
        budget.take(value.to_text().len())?;
        return Ok(value.clone());
    }
    Err(SnapshotError::Type(value.type_name()))
}

fn xml_size(node: &Arc<xml::Node>) -> usize {
    let of = |node: &Arc<xml::Node>| {
        let name = node.name().map_or(0, |name| name.local.len() + name.namespace.len());
        let attributes: usize = node
            .attributes()
            .iter()
            .map(|attribute| OVERHEAD + attribute.name.local.len() + attribute.value.lock().len())
            .sum();
        OVERHEAD + name + attributes + node.own_text().len()
    };
    node.descendants(true).iter().map(of).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class::Type;

    fn kept(value: &Value) -> Value {
        Snapshot::of(value, 10_000).expect("plain data").value()
    }

    #[test]
    fn plain_values_come_back_with_their_types() {
        for value in [
            Value::Null,
            Value::Boolean(true),
            Value::Int64(i64::MIN),
            Value::Double(0.1),
            Value::Guid([7; 16]),
            Value::from("text"),
        ] {
            let back = kept(&value);
            assert!(back.equals(&value), "{value:?}");
            assert_eq!(back.type_name(), value.type_name());
        }
        let bytes = kept(&Value::bytes([1, 2, 3]));
        assert_eq!(&*bytes.to_bytes(), [1, 2, 3]);
    }

    #[test]
    fn json_is_a_copy_that_keeps_its_kinds() {
        let json = json::parse(r#"{"when":"2020-01-02T03:04:05Z","n":[1,null,"2020"]}"#).unwrap();
        let snapshot = Snapshot::of(&Value::Json(json.clone()), 10_000).unwrap();
        json.clear();
        let Value::Json(first) = snapshot.value() else { panic!("JSON") };
        assert_eq!(first.compact(), r#"{"when":"2020-01-02T03:04:05Z","n":[1,null,"2020"]}"#);
        assert_eq!(first.property("when").unwrap().kind(), 12);
        first.clear();
        let Value::Json(second) = snapshot.value() else { panic!("JSON") };
        assert_eq!(second.len(), 2);
    }

    #[test]
    fn lists_and_dictionaries_are_copied_with_what_they_hold() {
        let inner = Value::object(List::new(Type::STRING, vec![Value::from("a")]));
        let map = Dictionary::new(Type::STRING, Type::OBJECT, true);
        map.set(Value::from("Key"), inner.clone());
        let back = kept(&Value::object(map));
        inner.downcast::<List>().unwrap().edit(Vec::clear);
        let map = back.downcast::<Dictionary>().unwrap();
        let list = map.get(&Value::from("KEY")).unwrap();
        assert_eq!(list.to_strings().unwrap().len(), 1);
        assert_eq!(list.type_name(), "System.Collections.Generic.List`1[System.String]");
    }

    #[test]
    fn xml_is_a_copy() {
        let node = xml::parse("<a b=\"1\"><c>x</c></a>", false).unwrap();
        let back = kept(&Value::handle(node));
        assert!(back.display().contains("<c>x</c>"), "{}", back.display());
    }

    #[test]
    fn what_is_too_large_too_deep_or_bound_to_its_exchange_is_refused() {
        let text = Value::from("x".repeat(100));
        assert_eq!(Snapshot::of(&text, 100).err(), Some(SnapshotError::TooLarge(100)));
        assert_eq!(Snapshot::of(&text, 132).unwrap().bytes(), 132);
        let itself = Value::object(List::new(Type::OBJECT, Vec::new()));
        itself.downcast::<List>().unwrap().edit(|items| items.push(itself.clone()));
        assert_eq!(Snapshot::of(&itself, 1_000_000).err(), Some(SnapshotError::TooDeep));
        itself.downcast::<List>().unwrap().edit(Vec::clear);
        let context = Value::Part(crate::value::Part(crate::value::PartOf::Context));
        let Err(SnapshotError::Type(name)) = Snapshot::of(&context, 100) else { panic!("refused") };
        assert!(!name.is_empty());
    }
}
