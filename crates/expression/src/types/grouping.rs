//! `IGrouping`, `IOrderedEnumerable` and `ILookup`.

use std::sync::Arc;

use super::comparer::{Comparer, compare, merge};
use super::sequence::Items;
use super::{Definition, Form, Id, member};
use crate::class::Type;
use crate::exception::Thrown;
use crate::machine::{Cursor, Machine};
use crate::value::{Object, Value};

/// Elements with the key they share.
pub(super) struct Grouping {
    pub(super) key_class: Type,
    pub(super) element: Type,
    pub(super) key: Value,
    pub(super) items: Vec<Value>,
}

impl Object for Grouping {
    fn class(&self) -> Type {
        Type::generic(Id::IGrouping, [self.key_class.clone(), self.element.clone()])
    }

    fn cursor(self: Arc<Self>) -> Option<Box<dyn Cursor>> {
        Some(Items::boxed(self.items.clone()))
    }
}

/// A sequence that is sorted when it is enumerated.
pub(super) struct Ordered {
    pub(super) element: Type,
    pub(super) source: Value,
    /// Selectors of keys, whether they sort downwards, and their comparers.
    pub(super) keys: Vec<(Value, bool, Value)>,
}

impl Ordered {
    fn sorted(&self, machine: &mut Machine<'_>) -> Result<Vec<Value>, Thrown> {
        let mut keyed: Vec<(Vec<Value>, Value)> = Vec::new();
        for item in machine.collect(&self.source)? {
            let mut keys = Vec::with_capacity(self.keys.len());
            for (selector, _, _) in &self.keys {
                keys.push(machine.invoke(selector, std::slice::from_ref(&item))?);
            }
            keyed.push((keys, item));
        }
        merge(machine, &mut keyed, &mut |m, a, b| {
            m.step()?;
            for (n, (_, down, comparer)) in self.keys.iter().enumerate() {
                let (x, y) = (&a.0[n], &b.0[n]);
                let order = match (comparer.downcast::<Comparer>(), x, y) {
                    (Some(how), Value::String(x), Value::String(y)) => how.0.compare(x, y),
                    _ => compare(x, y)?,
                };
                if order.is_ne() {
                    return Ok(if *down { order.reverse() } else { order });
                }
            }
            Ok(std::cmp::Ordering::Equal)
        })?;
        Ok(keyed.into_iter().map(|(_, item)| item).collect())
    }
}

impl Object for Ordered {
    fn class(&self) -> Type {
        Type::generic(Id::IOrderedEnumerable, [self.element.clone()])
    }

    fn cursor(self: Arc<Self>) -> Option<Box<dyn Cursor>> {
        Some(Box::new(Sorting { of: self, sorted: None }))
    }
}

struct Sorting {
    of: Arc<Ordered>,
    sorted: Option<std::vec::IntoIter<Value>>,
}

impl Cursor for Sorting {
    fn next(&mut self, machine: &mut Machine<'_>) -> Result<Option<Value>, Thrown> {
        let sorted = match &mut self.sorted {
            Some(sorted) => sorted,
            None => self.sorted.insert(self.of.sorted(machine)?.into_iter()),
        };
        Ok(sorted.next())
    }
}

/// Groups by key.
pub(super) struct Lookup {
    pub(super) key_class: Type,
    pub(super) element: Type,
    pub(super) groups: Vec<Value>,
}

impl Object for Lookup {
    fn class(&self) -> Type {
        Type::generic(Id::ILookup, [self.key_class.clone(), self.element.clone()])
    }

    fn cursor(self: Arc<Self>) -> Option<Box<dyn Cursor>> {
        Some(Items::boxed(self.groups.clone()))
    }
}

pub(super) const GROUPING: Definition = Definition {
    name: "System.Linq.IGrouping<K, T>",
    form: Form::Interface,
    bases: &["IEnumerable<T>"],
    members: &[member("Key: K", |c| Ok(c.object::<Grouping>(0)?.key.clone()))],
    ..Definition::NEW
};

pub(super) const ORDERED: Definition = Definition {
    name: "System.Linq.IOrderedEnumerable<T>",
    form: Form::Interface,
    bases: &["IEnumerable<T>"],
    ..Definition::NEW
};

pub(super) const LOOKUP: Definition = Definition {
    name: "System.Linq.ILookup<K, T>",
    form: Form::Interface,
    bases: &["IEnumerable<IGrouping<K, T>>"],
    members: &[
        member("Count: int", |c| Ok(Value::Int32(c.object::<Lookup>(0)?.groups.len() as i32))),
        member("Contains(K): bool", |c| {
            let found = c
                .object::<Lookup>(0)?
                .groups
                .iter()
                .any(|g| g.downcast::<Grouping>().is_some_and(|g| g.key.equals(c.get(1))));
            Ok(Value::Boolean(found))
        }),
        member("this[K]: IEnumerable<T>", |c| {
            let lookup: &Lookup = c.object(0)?;
            let found = lookup
                .groups
                .iter()
                .find(|g| g.downcast::<Grouping>().is_some_and(|g| g.key.equals(c.get(1))));
            Ok(found
                .cloned()
                .unwrap_or_else(|| Value::object(super::Array::new(lookup.element.clone(), Vec::new()))))
        }),
    ],
    ..Definition::NEW
};
