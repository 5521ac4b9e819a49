//! `System.Collections.Generic.HashSet<T>`.

use std::sync::Arc;

use indexmap::IndexSet;
use parking_lot::Mutex;

use super::dictionary::Key;
use super::sequence::Items;
use super::{Definition, Id, comparer, member};
use crate::class::Type;
use crate::exception::Thrown;
use crate::machine::{Call, Cursor};
use crate::value::{Object, Value};

/// A set, in the order in which elements were added.
pub(crate) struct HashSet {
    element: Type,
    ignore_case: bool,
    items: Mutex<IndexSet<Key>>,
}

impl HashSet {
    pub(crate) fn new(element: Type, ignore_case: bool) -> Self {
        Self { element, ignore_case, items: Mutex::new(IndexSet::new()) }
    }

    /// False where it is there already.
    pub(crate) fn add(&self, value: Value) -> bool {
        self.items.lock().insert(Key::new(value, self.ignore_case))
    }

    pub(crate) fn contains(&self, value: &Value) -> bool {
        self.items.lock().contains(&Key::new(value.clone(), self.ignore_case))
    }

    pub(crate) fn remove(&self, value: &Value) -> bool {
        self.items.lock().shift_remove(&Key::new(value.clone(), self.ignore_case))
    }

    pub(crate) fn items(&self) -> Vec<Value> {
        self.items.lock().iter().map(|k| k.value().clone()).collect()
    }
}

impl Object for HashSet {
    fn class(&self) -> Type {
        Type::generic(Id::HashSet, [self.element.clone()])
    }

    fn cursor(self: Arc<Self>) -> Option<Box<dyn Cursor>> {
        Some(Items::boxed(self.items()))
    }
}

fn this<'a>(c: &Call<'a, '_>) -> Result<&'a HashSet, Thrown> {
    c.object(0)
}

/// The other sequence as a set with this one's equality.
fn other(c: &mut Call<'_, '_>) -> Result<HashSet, Thrown> {
    let set = this(c)?;
    let other = HashSet::new(set.element.clone(), set.ignore_case);
    for item in c.items(1)? {
        other.add(item);
    }
    Ok(other)
}

fn create(c: &mut Call<'_, '_>, items: Option<usize>, comparer: Option<usize>) -> Result<Value, Thrown> {
    let set = HashSet::new(c.class(0), comparer.is_some_and(|n| comparer::ignores_case(c.get(n))));
    if let Some(index) = items {
        for item in c.items(index)? {
            set.add(item);
        }
    }
    Ok(Value::object(set))
}

pub(super) const HASH_SET: Definition = Definition {
    name: "System.Collections.Generic.HashSet<T>",
    bases: &["object", "ISet<T>", "IReadOnlyCollection<T>"],
    members: &[
        member("new()", |c| create(c, None, None)),
        member("new(IEnumerable<T>)", |c| create(c, Some(0), None)),
        member("new(int)", |c| create(c, None, None)),
        member("new(int, IEqualityComparer<T>)", |c| create(c, None, Some(1))),
        member("TryGetValue(T, out T): bool", |c| {
            let wanted = c.value(1);
            let found = this(c)?.items().into_iter().find(|item| {
                let set = HashSet::new(Type::OBJECT, this(c).is_ok_and(|set| set.ignore_case));
                set.add(item.clone());
                set.contains(&wanted)
            });
            Ok(c.tried(found))
        }),
        member("SymmetricExceptWith(IEnumerable<T>)", |c| {
            for item in other(c)?.items() {
                let set = this(c)?;
                if !set.remove(&item) {
                    set.add(item);
                }
            }
            Ok(Value::Null)
        }),
        member("IsProperSubsetOf(IEnumerable<T>): bool", |c| {
            let (items, other) = (this(c)?.items(), other(c)?);
            Ok(Value::Boolean(items.len() < other.items().len() && items.iter().all(|i| other.contains(i))))
        }),
        member("IsProperSupersetOf(IEnumerable<T>): bool", |c| {
            let (items, set) = (other(c)?.items(), this(c)?);
            Ok(Value::Boolean(items.len() < set.items().len() && items.iter().all(|i| set.contains(i))))
        }),
        member("TrimExcess()", |_| Ok(Value::Null)),
        member("EnsureCapacity(int): int", |c| Ok(Value::Int32(c.int(1)?.max(0)))),
        member("new(IEqualityComparer<T>)", |c| create(c, None, Some(0))),
        member("new(IEnumerable<T>, IEqualityComparer<T>)", |c| create(c, Some(0), Some(1))),
        member("Count: int", |c| Ok(Value::Int32(this(c)?.items.lock().len() as i32))),
        member("Add(T): bool", |c| {
            c.machine.allocate(size_of::<Value>())?;
            Ok(Value::Boolean(this(c)?.add(c.value(1))))
        }),
        member("Contains(T): bool", |c| Ok(Value::Boolean(this(c)?.contains(c.get(1))))),
        member("Remove(T): bool", |c| Ok(Value::Boolean(this(c)?.remove(c.get(1))))),
        member("Clear()", |c| {
            this(c)?.items.lock().clear();
            Ok(Value::Null)
        }),
        member("UnionWith(IEnumerable<T>)", |c| {
            for item in c.items(1)? {
                this(c)?.add(item);
            }
            Ok(Value::Null)
        }),
        member("IntersectWith(IEnumerable<T>)", |c| {
            let other = other(c)?;
            this(c)?.items.lock().retain(|k| other.contains(k.value()));
            Ok(Value::Null)
        }),
        member("ExceptWith(IEnumerable<T>)", |c| {
            let other = other(c)?;
            this(c)?.items.lock().retain(|k| !other.contains(k.value()));
            Ok(Value::Null)
        }),
        member("IsSubsetOf(IEnumerable<T>): bool", |c| {
            let other = other(c)?;
            Ok(Value::Boolean(this(c)?.items().iter().all(|i| other.contains(i))))
        }),
        member("IsSupersetOf(IEnumerable<T>): bool", |c| {
            let other = other(c)?;
            Ok(Value::Boolean(other.items().iter().all(|i| this(c).is_ok_and(|t| t.contains(i)))))
        }),
        member("Overlaps(IEnumerable<T>): bool", |c| {
            let other = other(c)?;
            Ok(Value::Boolean(this(c)?.items().iter().any(|i| other.contains(i))))
        }),
        member("SetEquals(IEnumerable<T>): bool", |c| {
            let other = other(c)?;
            let items = this(c)?.items();
            Ok(Value::Boolean(items.len() == other.items().len() && items.iter().all(|i| other.contains(i))))
        }),
        member("RemoveWhere(Predicate<T>): int", |c| {
            let mut removed = 0;
            for item in this(c)?.items() {
                if c.machine.test(c.get(1), std::slice::from_ref(&item))? {
                    this(c)?.remove(&item);
                    removed += 1;
                }
            }
            Ok(Value::Int32(removed))
        }),
    ],
    ..Definition::NEW
};
