//! `System.Collections.Generic.Dictionary<K, V>`, and what all dictionaries have in common.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use indexmap::IndexMap;
use parking_lot::Mutex;

use super::{Definition, Id, comparer, key_value_pair, member};
use crate::class::Type;
use crate::exception::Thrown;
use crate::machine::{Call, Cursor, Machine};
use crate::text::Comparison;
use crate::value::{Object, PartOf, Value};

/// A key, by the equality of its dictionary.
pub(super) struct Key {
    value: Value,
    ignore_case: bool,
}

impl Key {
    pub(super) fn new(value: Value, ignore_case: bool) -> Self {
        Self { value, ignore_case }
    }

    pub(super) fn value(&self) -> &Value {
        &self.value
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        match (&self.value, &other.value) {
            (Value::String(a), Value::String(b)) if self.ignore_case => {
                Comparison::OrdinalIgnoreCase.equal(a, b)
            }
            (a, b) => a.equals(b),
        }
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match &self.value {
            Value::String(text) if self.ignore_case => crate::text::upper(text).hash(state),
            value => value.hash().hash(state),
        }
    }
}

/// A dictionary, in the order in which keys were added.
pub(crate) struct Dictionary {
    key: Type,
    value: Type,
    ignore_case: bool,
    entries: Mutex<(IndexMap<Key, Value>, u64)>,
}

impl Dictionary {
    pub(crate) fn new(key: Type, value: Type, ignore_case: bool) -> Self {
        Self { key, value, ignore_case, entries: Mutex::new((IndexMap::new(), 0)) }
    }

    pub(crate) fn get(&self, key: &Value) -> Option<Value> {
        self.entries.lock().0.get(&Key::new(key.clone(), self.ignore_case)).cloned()
    }

    pub(crate) fn set(&self, key: Value, value: Value) {
        let mut entries = self.entries.lock();
        entries.1 += 1;
        entries.0.insert(Key::new(key, self.ignore_case), value);
    }

    /// False where the key is there already.
    pub(crate) fn add(&self, key: Value, value: Value) -> bool {
        let key = Key::new(key, self.ignore_case);
        let mut entries = self.entries.lock();
        if entries.0.contains_key(&key) {
            return false;
        }
        entries.1 += 1;
        entries.0.insert(key, value);
        true
    }

    pub(crate) fn remove(&self, key: &Value) -> Option<Value> {
        let mut entries = self.entries.lock();
        let removed = entries.0.shift_remove(&Key::new(key.clone(), self.ignore_case));
        entries.1 += u64::from(removed.is_some());
        removed
    }

    /// A dictionary of the same type and equality with what each key and each value is turned into.
    pub(crate) fn map<E>(&self, turn: &mut impl FnMut(&Value) -> Result<Value, E>) -> Result<Self, E> {
        let map = Self::new(self.key.clone(), self.value.clone(), self.ignore_case);
        for (key, value) in self.entries() {
            map.set(turn(&key)?, turn(&value)?);
        }
        Ok(map)
    }

    pub(crate) fn entries(&self) -> Vec<(Value, Value)> {
        self.entries.lock().0.iter().map(|(k, v)| (k.value.clone(), v.clone())).collect()
    }
}

impl Object for Dictionary {
    fn class(&self) -> Type {
        Type::generic(Id::Dictionary, [self.key.clone(), self.value.clone()])
    }

    fn cursor(self: Arc<Self>) -> Option<Box<dyn Cursor>> {
        let version = self.entries.lock().1;
        Some(Box::new(Walk { map: self, at: 0, version }))
    }
}

struct Walk {
    map: Arc<Dictionary>,
    at: usize,
    version: u64,
}

impl Cursor for Walk {
    fn next(&mut self, _: &mut Machine<'_>) -> Result<Option<Value>, Thrown> {
        let entries = self.map.entries.lock();
        if entries.1 != self.version {
            return Err(Thrown::invalid_operation(
                "Collection was modified; enumeration operation may not execute.",
            ));
        }
        let item = entries.0.get_index(self.at).map(|(k, v)| {
            key_value_pair::typed(self.map.key.clone(), self.map.value.clone(), k.value.clone(), v.clone())
        });
        self.at += 1;
        Ok(item)
    }
}

/// Keys and values of anything that is a dictionary.
pub(crate) fn entries(machine: &mut Machine<'_>, value: &Value) -> Result<Vec<(Value, Value)>, Thrown> {
    if let Some(map) = value.downcast::<Dictionary>() {
        return Ok(map.entries());
    }
    if let Value::Json(json) = value
        && json.is_object()
    {
        let entry = |name: Arc<str>| json.property(&name).map(|v| (Value::String(name), Value::Json(v)));
        return Ok(json.names().into_iter().filter_map(entry).collect());
    }
    if let Value::Part(part) = value {
        return Ok(match part.0 {
            PartOf::Headers(side) => {
                let mut names: Vec<Arc<str>> = Vec::new();
                machine.context.header_names(side, &mut |n| names.push(n.into()));
                names
                    .into_iter()
                    .map(|n| {
                        let mut values: Vec<Arc<str>> = Vec::new();
                        machine.context.header(side, &n, &mut |v| values.push(v.into()));
                        (Value::String(n), Value::strings(values))
                    })
                    .collect()
            }
            PartOf::MatchedParameters => {
                let mut found = Vec::new();
                machine.context.matched_parameters(&mut |n, v| found.push((Value::from(n), Value::from(v))));
                found
            }
            PartOf::Variables => {
                let mut found = Vec::new();
                machine.context.variables(&mut |n, v| found.push((Value::from(n), v.clone())));
                found
            }
            _ => return Err(Thrown::mismatch("System.Collections.IDictionary", value)),
        });
    }
    Err(if value.is_null() {
        Thrown::null_reference()
    } else {
        Thrown::mismatch("System.Collections.IDictionary", value)
    })
}

/// The value of a key in anything that is a dictionary.
pub(super) fn lookup(machine: &mut Machine<'_>, map: &Value, key: &Value) -> Result<Option<Value>, Thrown> {
    if key.is_null() {
        return Err(Thrown::argument_null("key"));
    }
    if let Some(map) = map.downcast::<Dictionary>() {
        return Ok(map.get(key));
    }
    match (map, key) {
        (Value::Json(json), Value::String(name)) => Ok(json.property(name).map(Value::Json)),
        (Value::Part(part), Value::String(name)) => Ok(match part.0 {
            PartOf::Headers(side) => {
                let mut values: Vec<Arc<str>> = Vec::new();
                machine.context.header(side, name, &mut |v| values.push(v.into()));
                (!values.is_empty()).then(|| Value::strings(values))
            }
            PartOf::MatchedParameters => {
                let mut found = None;
                machine.context.matched_parameters(&mut |n, v| {
                    if n.eq_ignore_ascii_case(name) {
                        found = Some(Value::from(v));
                    }
                });
                found
            }
            PartOf::Variables => machine.context.variable(name),
            _ => None,
        }),
        (Value::Null, _) => Err(Thrown::null_reference()),
        _ => Ok(None),
    }
}

fn this<'a>(c: &Call<'a, '_>) -> Result<&'a Dictionary, Thrown> {
    c.object(0)
}

/// `Add`, on any dictionary that can be changed.
pub(super) fn add(c: &mut Call<'_, '_>) -> Result<Value, Thrown> {
    if c.get(1).is_null() {
        return Err(Thrown::argument_null("key"));
    }
    c.machine.allocate(2 * size_of::<Value>())?;
    if let (Value::Json(json), Value::String(name)) = (c.get(0), c.get(1)) {
        let value = crate::json::from_value(c.machine, c.get(2))?;
        let property = crate::json::Json::new_property(Arc::clone(name), &value)?;
        json.add(&property)?;
        return Ok(Value::Null);
    }
    if this(c)?.add(c.value(1), c.value(2)) {
        return Ok(Value::Null);
    }
    Err(Thrown::argument(format!(
        "An item with the same key has already been added. Key: {}",
        c.get(1).display()
    )))
}

/// `map[key] = value`.
pub(super) fn set(c: &mut Call<'_, '_>) -> Result<Value, Thrown> {
    if c.get(1).is_null() {
        return Err(Thrown::argument_null("key"));
    }
    c.machine.allocate(2 * size_of::<Value>())?;
    if let (Value::Json(json), Value::String(name)) = (c.get(0), c.get(1)) {
        let value = crate::json::from_value(c.machine, c.get(2))?;
        json.set(name, &value)?;
        return Ok(Value::Null);
    }
    this(c)?.set(c.value(1), c.value(2));
    Ok(Value::Null)
}

/// `map[key]`, which throws where the key is missing.
pub(super) fn item(c: &mut Call<'_, '_>) -> Result<Value, Thrown> {
    match lookup(c.machine, c.get(0), c.get(1))? {
        Some(value) => Ok(value),
        None => Err(Thrown::key_not_found(&c.get(1).display())),
    }
}

fn with_comparer(c: &Call<'_, '_>, index: usize) -> bool {
    comparer::ignores_case(c.get(index))
}

fn copied(c: &mut Call<'_, '_>, ignore_case: bool) -> Result<Value, Thrown> {
    let map = Dictionary::new(c.class(0), c.class(1), ignore_case);
    for (key, value) in entries(c.machine, c.get(0))? {
        c.machine.allocate(2 * size_of::<Value>())?;
        map.set(key, value);
    }
    Ok(Value::object(map))
}

pub(super) const DICTIONARY: Definition = Definition {
    name: "System.Collections.Generic.Dictionary<K, V>",
    bases: &["object", "IDictionary<K, V>", "IReadOnlyDictionary<K, V>"],
    members: &[
        member("new()", |c| Ok(Value::object(Dictionary::new(c.class(0), c.class(1), false)))),
        member("new(int)", |c| Ok(Value::object(Dictionary::new(c.class(0), c.class(1), false)))),
        member("new(IEqualityComparer<K>)", |c| {
            Ok(Value::object(Dictionary::new(c.class(0), c.class(1), with_comparer(c, 0))))
        }),
        member("new(IDictionary<K, V>)", |c| copied(c, false)),
        member("new(IDictionary<K, V>, IEqualityComparer<K>)", |c| {
            let ignore_case = with_comparer(c, 1);
            copied(c, ignore_case)
        }),
        member("Count: int", |c| Ok(Value::Int32(this(c)?.entries.lock().0.len() as i32))),
        member("Keys: ICollection<K>", |c| {
            let keys = this(c)?.entries().into_iter().map(|(k, _)| k).collect();
            Ok(Value::object(super::List::new(c.class(0), keys)))
        }),
        member("Values: ICollection<V>", |c| {
            let values = this(c)?.entries().into_iter().map(|(_, v)| v).collect();
            Ok(Value::object(super::List::new(c.class(1), values)))
        }),
        member("this[K]: V", item),
        member("set this[K]: V", set),
        member("Add(K, V)", add),
        member("TryAdd(K, V): bool", |c| {
            c.machine.allocate(2 * size_of::<Value>())?;
            Ok(Value::Boolean(this(c)?.add(c.value(1), c.value(2))))
        }),
        member("ContainsKey(K): bool", |c| {
            Ok(Value::Boolean(lookup(c.machine, c.get(0), c.get(1))?.is_some()))
        }),
        member("ContainsValue(V): bool", |c| {
            Ok(Value::Boolean(this(c)?.entries().iter().any(|(_, v)| v.equals(c.get(1)))))
        }),
        member("Remove(K, out V): bool", |c| {
            let found = this(c)?.remove(c.get(1));
            let is = found.is_some();
            let class = c.class(1);
            c.out.push(found.unwrap_or_else(|| Value::default_of(&class)));
            Ok(Value::Boolean(is))
        }),
        member("TryGetValue(K, out V): bool", |c| {
            let found = lookup(c.machine, c.get(0), c.get(1))?;
            let is = found.is_some();
            c.out.push(found.unwrap_or_else(|| Value::default_of(&c.class(1))));
            Ok(Value::Boolean(is))
        }),
        member("Remove(K): bool", |c| Ok(Value::Boolean(this(c)?.remove(c.get(1)).is_some()))),
        member("Clear()", |c| {
            let mut entries = this(c)?.entries.lock();
            entries.0.clear();
            entries.1 += 1;
            Ok(Value::Null)
        }),
    ],
    ..Definition::NEW
};
