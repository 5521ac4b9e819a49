//! Sequences: how each kind is enumerated, and those that are computed while they are.

use std::sync::Arc;

use super::{Array, Id, List, entries};
use crate::class::Type;
use crate::exception::Thrown;
use crate::machine::{Cursor, Machine};
use crate::value::{Object, PartOf, Value};

/// Starts to enumerate a sequence.
pub(crate) fn open(machine: &mut Machine<'_>, value: &Value) -> Result<Box<dyn Cursor>, Thrown> {
    Ok(match value {
        Value::Null => return Err(Thrown::argument_null("source")),
        Value::String(text) => Items::boxed(text.encode_utf16().map(Value::Char).collect()),
        Value::Json(json) => Items::boxed(json.children().into_iter().map(Value::Json).collect()),
        Value::Part(part)
            if matches!(part.0, PartOf::Headers(_) | PartOf::MatchedParameters | PartOf::Variables) =>
        {
            let class = part.class();
            let (key, of) = (class.argument(0), class.argument(1));
            let pairs = entries(machine, value)?;
            Items::boxed(
                pairs
                    .into_iter()
                    .map(|(k, v)| super::key_value_pair::typed(key.clone(), of.clone(), k, v))
                    .collect(),
            )
        }
        Value::Object(handle) => {
            if let Some(query) = value.downcast::<Query>() {
                let open = Arc::clone(&query.open);
                return open(machine);
            }
            match Arc::clone(&handle.0).cursor() {
                Some(cursor) => cursor,
                None => return Err(Thrown::mismatch("System.Collections.IEnumerable", value)),
            }
        }
        other => return Err(Thrown::mismatch("System.Collections.IEnumerable", other)),
    })
}

/// Starts to enumerate the properties of a JSON object as pairs, as `foreach` over a `JObject` does.
pub(crate) fn open_pairs(machine: &mut Machine<'_>, value: &Value) -> Result<Box<dyn Cursor>, Thrown> {
    let pairs = entries(machine, value)?;
    let pair = |(k, v)| super::key_value_pair::typed(Type::STRING, Type::TOKEN, k, v);
    Ok(Items::boxed(pairs.into_iter().map(pair).collect()))
}

/// Elements that are there already.
pub(super) struct Items(std::vec::IntoIter<Value>);

impl Items {
    pub(super) fn boxed(items: Vec<Value>) -> Box<dyn Cursor> {
        Box::new(Self(items.into_iter()))
    }
}

impl Cursor for Items {
    fn next(&mut self, _: &mut Machine<'_>) -> Result<Option<Value>, Thrown> {
        Ok(self.0.next())
    }
}

/// What starts an enumeration.
pub(crate) type Open = dyn Fn(&mut Machine<'_>) -> Result<Box<dyn Cursor>, Thrown> + Send + Sync;

/// A sequence that is computed whenever it is enumerated.
pub(crate) struct Query {
    element: Type,
    open: Arc<Open>,
}

impl Query {
    pub(crate) fn value(
        element: Type,
        open: impl Fn(&mut Machine<'_>) -> Result<Box<dyn Cursor>, Thrown> + Send + Sync + 'static,
    ) -> Value {
        Value::object(Self { element, open: Arc::new(open) })
    }
}

impl Object for Query {
    fn class(&self) -> Type {
        Type::sequence(self.element.clone())
    }
}

/// A cursor made of a function.
pub(super) struct Step<F>(pub(super) F);

impl<F> Cursor for Step<F>
where
    F: FnMut(&mut Machine<'_>) -> Result<Option<Value>, Thrown> + Send,
{
    fn next(&mut self, machine: &mut Machine<'_>) -> Result<Option<Value>, Thrown> {
        (self.0)(machine)
    }
}

/// The elements as a collection of type `wanted`.
pub(crate) fn collection_of(wanted: &Type, element: Type, items: Vec<Value>) -> Value {
    match wanted {
        Type::Array(_) => Value::object(Array::new(element, items)),
        Type::Generic(Id::HashSet, _) => {
            let set = super::hash_set::HashSet::new(element, false);
            for item in items {
                set.add(item);
            }
            Value::object(set)
        }
        _ => Value::object(List::new(element, items)),
    }
}
