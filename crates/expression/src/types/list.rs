//! `System.Collections.Generic.List<T>`.

use std::sync::Arc;

use parking_lot::Mutex;

use super::{Array, Definition, Id, member};
use crate::class::Type;
use crate::exception::Thrown;
use crate::machine::{Call, Cursor, Machine};
use crate::value::{Object, Value};

/// A list, and how often it was changed.
pub(crate) struct List {
    element: Type,
    items: Mutex<(Vec<Value>, u64)>,
}

impl List {
    pub(crate) fn new(element: Type, items: Vec<Value>) -> Self {
        Self { element, items: Mutex::new((items, 0)) }
    }

    pub(crate) fn items(&self) -> Vec<Value> {
        self.items.lock().0.clone()
    }

    pub(crate) fn len(&self) -> usize {
        self.items.lock().0.len()
    }

    pub(crate) fn item(&self, index: usize) -> Option<Value> {
        self.items.lock().0.get(index).cloned()
    }

    /// A list of the same type with what each element is turned into.
    pub(crate) fn map<E>(&self, turn: &mut impl FnMut(&Value) -> Result<Value, E>) -> Result<Self, E> {
        let items = self.items().iter().map(turn).collect::<Result<_, E>>()?;
        Ok(Self::new(self.element.clone(), items))
    }

    pub(crate) fn edit<T>(&self, change: impl FnOnce(&mut Vec<Value>) -> T) -> T {
        let mut items = self.items.lock();
        items.1 += 1;
        change(&mut items.0)
    }
}

impl Object for List {
    fn class(&self) -> Type {
        Type::generic(Id::List, [self.element.clone()])
    }

    fn cursor(self: Arc<Self>) -> Option<Box<dyn Cursor>> {
        let version = self.items.lock().1;
        Some(Box::new(Walk { list: self, at: 0, version }))
    }
}

struct Walk {
    list: Arc<List>,
    at: usize,
    version: u64,
}

impl Cursor for Walk {
    fn next(&mut self, _: &mut Machine<'_>) -> Result<Option<Value>, Thrown> {
        let items = self.list.items.lock();
        if items.1 != self.version {
            return Err(Thrown::invalid_operation(
                "Collection was modified; enumeration operation may not execute.",
            ));
        }
        let item = items.0.get(self.at).cloned();
        self.at += 1;
        Ok(item)
    }
}

fn this<'a>(c: &Call<'a, '_>) -> Result<&'a List, Thrown> {
    c.object(0)
}

fn place(c: &Call<'_, '_>, index: usize, limit: usize) -> Result<usize, Thrown> {
    usize::try_from(c.int(index)?).ok().filter(|n| *n < limit).ok_or_else(Thrown::index)
}

/// Keeps the elements for which the delegate at 1 gives `keep`.
fn filtered(c: &mut Call<'_, '_>, keep: bool) -> Result<Vec<Value>, Thrown> {
    let mut found = Vec::new();
    for item in this(c)?.items() {
        c.machine.step()?;
        if c.machine.test(c.get(1), std::slice::from_ref(&item))? == keep {
            found.push(item);
        }
    }
    Ok(found)
}

fn find(c: &mut Call<'_, '_>, last: bool) -> Result<Option<(usize, Value)>, Thrown> {
    let mut items: Vec<(usize, Value)> = this(c)?.items().into_iter().enumerate().collect();
    if last {
        items.reverse();
    }
    for (n, item) in items {
        if c.machine.test(c.get(1), std::slice::from_ref(&item))? {
            return Ok(Some((n, item)));
        }
    }
    Ok(None)
}

fn sort(c: &mut Call<'_, '_>) -> Result<Value, Thrown> {
    let list = this(c)?;
    let mut items = list.items();
    let by = c.value(1);
    super::comparer::sort(c.machine, &mut items, &by)?;
    list.edit(|i| *i = items);
    Ok(Value::Null)
}

fn range(c: &Call<'_, '_>, start: usize, count: usize) -> Result<std::ops::Range<usize>, Thrown> {
    super::string::range(c.int(start)?, c.int(count)?, this(c)?.len()).map(|(s, n)| s..s + n)
}

pub(super) const LIST: Definition = Definition {
    name: "System.Collections.Generic.List<T>",
    bases: &["object", "IList<T>", "IReadOnlyList<T>"],
    members: &[
        member("new()", |c| Ok(Value::object(List::new(c.class(0), Vec::new())))),
        member("new(int)", |c| Ok(Value::object(List::new(c.class(0), Vec::new())))),
        member("new(IEnumerable<T>)", |c| {
            let items = c.items(0)?;
            Ok(Value::object(List::new(c.class(0), items)))
        }),
        member("Count: int", |c| Ok(Value::Int32(this(c)?.len() as i32))),
        member("Capacity: int", |c| Ok(Value::Int32(this(c)?.len() as i32))),
        member("this[int]: T", |c| {
            usize::try_from(c.int(1)?).ok().and_then(|n| this(c).ok()?.item(n)).ok_or_else(Thrown::index)
        }),
        member("set this[int]: T", |c| {
            let at = place(c, 1, this(c)?.len())?;
            this(c)?.edit(|i| i[at] = c.value(2));
            Ok(Value::Null)
        }),
        member("Add(T)", |c| {
            c.machine.allocate(size_of::<Value>())?;
            this(c)?.edit(|i| i.push(c.value(1)));
            Ok(Value::Null)
        }),
        member("AddRange(IEnumerable<T>)", |c| {
            let more = c.items(1)?;
            this(c)?.edit(|i| i.extend(more));
            Ok(Value::Null)
        }),
        member("Insert(int, T)", |c| {
            let at = place(c, 1, this(c)?.len() + 1)?;
            c.machine.allocate(size_of::<Value>())?;
            this(c)?.edit(|i| i.insert(at, c.value(2)));
            Ok(Value::Null)
        }),
        member("InsertRange(int, IEnumerable<T>)", |c| {
            let at = place(c, 1, this(c)?.len() + 1)?;
            let more = c.items(2)?;
            this(c)?.edit(|i| drop(i.splice(at..at, more)));
            Ok(Value::Null)
        }),
        member("Remove(T): bool", |c| {
            let list = this(c)?;
            let at = list.items().iter().position(|i| i.equals(c.get(1)));
            if let Some(at) = at {
                list.edit(|i| i.remove(at));
            }
            Ok(Value::Boolean(at.is_some()))
        }),
        member("RemoveAt(int)", |c| {
            let at = place(c, 1, this(c)?.len())?;
            this(c)?.edit(|i| i.remove(at));
            Ok(Value::Null)
        }),
        member("RemoveRange(int, int)", |c| {
            let range = range(c, 1, 2)?;
            this(c)?.edit(|i| drop(i.drain(range)));
            Ok(Value::Null)
        }),
        member("RemoveAll(Predicate<T>): int", |c| {
            let kept = filtered(c, false)?;
            let list = this(c)?;
            let removed = list.len() - kept.len();
            list.edit(|i| *i = kept);
            Ok(Value::Int32(removed as i32))
        }),
        member("Clear()", |c| {
            this(c)?.edit(Vec::clear);
            Ok(Value::Null)
        }),
        member("Contains(T): bool", |c| {
            Ok(Value::Boolean(this(c)?.items().iter().any(|i| i.equals(c.get(1)))))
        }),
        member("IndexOf(T): int", |c| {
            Ok(Value::Int32(
                this(c)?.items().iter().position(|i| i.equals(c.get(1))).map_or(-1, |n| n as i32),
            ))
        }),
        member("LastIndexOf(T): int", |c| {
            Ok(Value::Int32(
                this(c)?.items().iter().rposition(|i| i.equals(c.get(1))).map_or(-1, |n| n as i32),
            ))
        }),
        member("Exists(Predicate<T>): bool", |c| Ok(Value::Boolean(find(c, false)?.is_some()))),
        member("Find(Predicate<T>): T", |c| {
            let default = Value::default_of(&c.class(0));
            Ok(find(c, false)?.map_or(default, |(_, v)| v))
        }),
        member("FindLast(Predicate<T>): T", |c| {
            let default = Value::default_of(&c.class(0));
            Ok(find(c, true)?.map_or(default, |(_, v)| v))
        }),
        member("FindIndex(Predicate<T>): int", |c| {
            Ok(Value::Int32(find(c, false)?.map_or(-1, |(n, _)| n as i32)))
        }),
        member("FindLastIndex(Predicate<T>): int", |c| {
            Ok(Value::Int32(find(c, true)?.map_or(-1, |(n, _)| n as i32)))
        }),
        member("FindAll(Predicate<T>): List<T>", |c| {
            let found = filtered(c, true)?;
            Ok(Value::object(List::new(c.class(0), found)))
        }),
        member("TrueForAll(Predicate<T>): bool", |c| Ok(Value::Boolean(filtered(c, false)?.is_empty()))),
        member("ForEach(Action<T>)", |c| {
            for item in this(c)?.items() {
                c.invoke(1, &[item])?;
            }
            Ok(Value::Null)
        }),
        member("ConvertAll<R>(Converter<T, R>): List<R>", |c| {
            let mut converted = Vec::new();
            for item in this(c)?.items() {
                converted.push(c.invoke(1, &[item])?);
            }
            Ok(Value::object(List::new(c.class(1), converted)))
        }),
        member("GetRange(int, int): List<T>", |c| {
            let range = range(c, 1, 2)?;
            Ok(Value::object(List::new(c.class(0), this(c)?.items()[range].to_vec())))
        }),
        member("Sort()", sort),
        member("Sort(Comparison<T>)", sort),
        member("Sort(IEqualityComparer<T>)", sort),
        member("Reverse()", |c| {
            this(c)?.edit(|i| i.reverse());
            Ok(Value::Null)
        }),
        member("ToArray(): T[]", |c| {
            let items = this(c)?.items();
            c.machine.allocate(items.len() * size_of::<Value>())?;
            Ok(Value::object(Array::new(c.class(0), items)))
        }),
        member("CopyTo(T[])", |c| {
            let array: &Array = c.object(1)?;
            for (n, item) in this(c)?.items().into_iter().enumerate() {
                array.set(n, item)?;
            }
            Ok(Value::Null)
        }),
        member("AsReadOnly(): IReadOnlyList<T>", |c| Ok(c.value(0))),
        member("TrimExcess()", |_| Ok(Value::Null)),
    ],
    ..Definition::NEW
};
