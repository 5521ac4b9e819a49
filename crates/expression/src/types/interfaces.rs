//! The collection interfaces. Their members work on whatever object is behind them.

use super::dictionary::{add, item, lookup, set};
use super::hash_set::HashSet;
use super::{Array, Definition, Dictionary, Form, List, entries, member};
use crate::class::Type;
use crate::exception::Thrown;
use crate::machine::Call;
use crate::value::Value;

fn count(c: &mut Call<'_, '_>) -> Result<Value, Thrown> {
    let value = c.get(0);
    let n = if let Some(list) = value.downcast::<List>() {
        list.len()
    } else if let Some(array) = value.downcast::<Array>() {
        array.len()
    } else if let Value::Json(json) = value {
        json.len()
    } else if matches!(value, Value::Part(_)) || value.downcast::<Dictionary>().is_some() {
        entries(c.machine, value)?.len()
    } else {
        c.items(0)?.len()
    };
    Ok(Value::Int32(n as i32))
}

fn element(c: &mut Call<'_, '_>) -> Result<Value, Thrown> {
    let index = usize::try_from(c.int(1)?).map_err(|_| Thrown::index())?;
    let value = c.get(0);
    let found = if let Some(list) = value.downcast::<List>() {
        list.item(index)
    } else if let Some(array) = value.downcast::<Array>() {
        array.item(index)
    } else if let Value::Json(json) = value {
        json.item(index).map(Value::Json)
    } else {
        c.items(0)?.into_iter().nth(index)
    };
    found.ok_or_else(Thrown::index)
}

fn fixed() -> Thrown {
    Thrown::not_supported("Collection was of a fixed size.")
}

fn append(c: &mut Call<'_, '_>) -> Result<Value, Thrown> {
    c.machine.allocate(size_of::<Value>())?;
    let value = c.get(0);
    if let Some(list) = value.downcast::<List>() {
        list.edit(|i| i.push(c.value(1)));
    } else if let Some(set) = value.downcast::<HashSet>() {
        return Ok(Value::Boolean(set.add(c.value(1))));
    } else if let Value::Json(json) = value {
        json.add(c.json(1)?)?;
    } else {
        return Err(fixed());
    }
    Ok(Value::Null)
}

fn remove(c: &mut Call<'_, '_>) -> Result<Value, Thrown> {
    let value = c.get(0);
    if let Some(list) = value.downcast::<List>() {
        let at = list.items().iter().position(|i| i.equals(c.get(1)));
        if let Some(at) = at {
            list.edit(|i| i.remove(at));
        }
        return Ok(Value::Boolean(at.is_some()));
    }
    if let Some(set) = value.downcast::<HashSet>() {
        return Ok(Value::Boolean(set.remove(c.get(1))));
    }
    if let Value::Json(json) = value {
        let at = if let Value::Json(token) = c.get(1) { json.position(token) } else { None };
        return Ok(Value::Boolean(at.and_then(|n| json.remove_at(n)).is_some()));
    }
    Err(fixed())
}

fn clear(c: &mut Call<'_, '_>) -> Result<Value, Thrown> {
    let value = c.get(0);
    if let Some(list) = value.downcast::<List>() {
        list.edit(Vec::clear);
    } else if let Some(map) = value.downcast::<Dictionary>() {
        for (key, _) in map.entries() {
            map.remove(&key);
        }
    } else if let Value::Json(json) = value {
        json.clear();
    } else {
        return Err(fixed());
    }
    Ok(Value::Null)
}

fn position(c: &mut Call<'_, '_>) -> Result<Option<usize>, Thrown> {
    let wanted = c.value(1);
    // Newtonsoft's arrays look for the token itself.
    if let (Value::Json(array), Value::Json(token)) = (c.get(0), &wanted) {
        return Ok(array.position(token));
    }
    Ok(c.items(0)?.iter().position(|i| i.equals(&wanted)))
}

fn keys(c: &mut Call<'_, '_>) -> Result<Value, Thrown> {
    let keys = entries(c.machine, c.get(0))?.into_iter().map(|(k, _)| k).collect();
    Ok(Value::object(List::new(c.class(0), keys)))
}

fn values(c: &mut Call<'_, '_>) -> Result<Value, Thrown> {
    let values = entries(c.machine, c.get(0))?.into_iter().map(|(_, v)| v).collect();
    Ok(Value::object(List::new(c.class(1), values)))
}

fn contains_key(c: &mut Call<'_, '_>) -> Result<Value, Thrown> {
    Ok(Value::Boolean(lookup(c.machine, c.get(0), c.get(1))?.is_some()))
}

fn try_get(c: &mut Call<'_, '_>) -> Result<Value, Thrown> {
    let found = lookup(c.machine, c.get(0), c.get(1))?;
    let is = found.is_some();
    c.out.push(found.unwrap_or_else(|| Value::default_of(&c.class(1))));
    Ok(Value::Boolean(is))
}

const INTERFACE: Definition = Definition { form: Form::Interface, ..Definition::NEW };

pub(super) const ENUMERABLE: Definition = Definition {
    name: "System.Collections.IEnumerable",
    members: &[member("GetEnumerator(): System.Collections.IEnumerator", |c| {
        super::enumerator::start(c, Type::OBJECT)
    })],
    ..INTERFACE
};

pub(super) const ENUMERABLE_OF_T: Definition = Definition {
    name: "System.Collections.Generic.IEnumerable<T>",
    bases: &["System.Collections.IEnumerable"],
    members: &[member("GetEnumerator(): System.Collections.Generic.IEnumerator<T>", |c| {
        let element = c.class(0);
        super::enumerator::start(c, element)
    })],
    ..INTERFACE
};

pub(super) const COLLECTION: Definition = Definition {
    name: "System.Collections.Generic.ICollection<T>",
    bases: &["IEnumerable<T>"],
    members: &[
        member("Count: int", count),
        member("IsReadOnly: bool", |_| Ok(Value::Boolean(false))),
        member("Add(T)", append),
        member("Remove(T): bool", remove),
        member("Clear()", clear),
        member("Contains(T): bool", |c| Ok(Value::Boolean(position(c)?.is_some()))),
    ],
    ..INTERFACE
};

pub(super) const LIST: Definition = Definition {
    name: "System.Collections.Generic.IList<T>",
    bases: &["ICollection<T>"],
    members: &[
        member("this[int]: T", element),
        member("set this[int]: T", |c| {
            let index = usize::try_from(c.int(1)?).map_err(|_| Thrown::index())?;
            if let Some(list) = c.get(0).downcast::<List>() {
                if index >= list.len() {
                    return Err(Thrown::index());
                }
                list.edit(|i| i[index] = c.value(2));
                return Ok(Value::Null);
            }
            if let Value::Json(json) = c.get(0) {
                json.set_item(index, c.json(2)?)?;
                return Ok(Value::Null);
            }
            c.object::<Array>(0)?.set(index, c.value(2))?;
            Ok(Value::Null)
        }),
        member("IndexOf(T): int", |c| Ok(Value::Int32(position(c)?.map_or(-1, |n| n as i32)))),
        member("Insert(int, T)", |c| {
            let at = usize::try_from(c.int(1)?).map_err(|_| Thrown::index())?;
            let list: &List = c.object(0)?;
            if at > list.len() {
                return Err(Thrown::index());
            }
            c.machine.allocate(size_of::<Value>())?;
            list.edit(|i| i.insert(at, c.value(2)));
            Ok(Value::Null)
        }),
        member("RemoveAt(int)", |c| {
            let at = usize::try_from(c.int(1)?).map_err(|_| Thrown::index())?;
            if let Value::Json(json) = c.get(0) {
                return json.remove_at(at).map(|_| Value::Null).ok_or_else(Thrown::index);
            }
            let list: &List = c.object(0)?;
            if at >= list.len() {
                return Err(Thrown::index());
            }
            list.edit(|i| i.remove(at));
            Ok(Value::Null)
        }),
    ],
    ..INTERFACE
};

pub(super) const READ_ONLY_COLLECTION: Definition = Definition {
    name: "System.Collections.Generic.IReadOnlyCollection<T>",
    bases: &["IEnumerable<T>"],
    members: &[member("Count: int", count)],
    ..INTERFACE
};

pub(super) const READ_ONLY_LIST: Definition = Definition {
    name: "System.Collections.Generic.IReadOnlyList<T>",
    bases: &["IReadOnlyCollection<T>"],
    members: &[member("this[int]: T", element)],
    ..INTERFACE
};

pub(super) const DICTIONARY: Definition = Definition {
    name: "System.Collections.Generic.IDictionary<K, V>",
    bases: &["ICollection<KeyValuePair<K, V>>"],
    members: &[
        member("this[K]: V", item),
        member("set this[K]: V", set),
        member("Keys: ICollection<K>", keys),
        member("Values: ICollection<V>", values),
        member("ContainsKey(K): bool", contains_key),
        member("TryGetValue(K, out V): bool", try_get),
        member("Add(K, V)", add),
        member("Remove(K): bool", |c| {
            if let (Value::Json(json), Some(name)) = (c.get(0), c.text_or_null(1)) {
                return Ok(Value::Boolean(json.remove_property(name).is_some()));
            }
            Ok(Value::Boolean(c.object::<Dictionary>(0)?.remove(c.get(1)).is_some()))
        }),
        member("Clear()", clear),
    ],
    ..INTERFACE
};

pub(super) const READ_ONLY_DICTIONARY: Definition = Definition {
    name: "System.Collections.Generic.IReadOnlyDictionary<K, V>",
    bases: &["IReadOnlyCollection<KeyValuePair<K, V>>"],
    members: &[
        member("this[K]: V", item),
        member("Keys: IEnumerable<K>", keys),
        member("Values: IEnumerable<V>", values),
        member("ContainsKey(K): bool", contains_key),
        member("TryGetValue(K, out V): bool", try_get),
    ],
    ..INTERFACE
};

pub(super) const SET: Definition = Definition {
    name: "System.Collections.Generic.ISet<T>",
    bases: &["ICollection<T>"],
    members: &[member("Add(T): bool", append)],
    ..INTERFACE
};

pub(super) const EQUALITY_COMPARER: Definition = Definition {
    name: "System.Collections.Generic.IEqualityComparer<T>",
    aliases: &["System.Collections.Generic.IComparer", "IComparer"],
    ..INTERFACE
};
