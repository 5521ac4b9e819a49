//! Ordering, grouping, joining and the set operations.

use super::super::comparer::ignores_case;
use super::super::dictionary::Key;
use super::super::grouping::{Grouping, Lookup, Ordered};
use super::super::hash_set::HashSet;
use super::super::{Array, Dictionary, Id};
use super::pipeline::whole;
use super::{element_of, source};
use crate::class::Type;
use crate::exception::Thrown;
use crate::machine::{Call, Machine};
use crate::value::Value;

pub(super) fn order(c: &mut Call<'_, '_>, down: bool, then: bool) -> Result<Value, Thrown> {
    let key = (c.value(1), down, c.value(2));
    if then {
        let before: &Ordered = c.object(0)?;
        let mut keys = before.keys.clone();
        keys.push(key);
        return Ok(Value::object(Ordered {
            element: before.element.clone(),
            source: before.source.clone(),
            keys,
        }));
    }
    Ok(Value::object(Ordered { element: element_of(c), source: source(c)?, keys: vec![key] }))
}

/// Groups in the order of their first elements.
pub(super) fn groups(
    m: &mut Machine<'_>,
    source: &Value,
    key: &Value,
    value: Option<&Value>,
    key_class: &Type,
    element: &Type,
) -> Result<Vec<Value>, Thrown> {
    let mut found: indexmap::IndexMap<Key, Vec<Value>> = indexmap::IndexMap::new();
    for item in m.collect(source)? {
        let k = m.invoke(key, std::slice::from_ref(&item))?;
        let v = match value {
            Some(value) => m.invoke(value, &[item])?,
            None => item,
        };
        found.entry(Key::new(k, false)).or_default().push(v);
    }
    Ok(found
        .into_iter()
        .map(|(k, items)| {
            Value::object(Grouping {
                key_class: key_class.clone(),
                element: element.clone(),
                key: k.value().clone(),
                items,
            })
        })
        .collect())
}

pub(super) fn group_by(c: &mut Call<'_, '_>, with_value: bool) -> Result<Value, Thrown> {
    let (source, key, value) = (source(c)?, c.value(1), with_value.then(|| c.value(2)));
    let (key_class, element) = (c.class(1), c.class(if with_value { 2 } else { 0 }));
    let class = Type::generic(Id::IGrouping, [key_class.clone(), element.clone()]);
    Ok(whole(class, move |m| groups(m, &source, &key, value.as_ref(), &key_class, &element)))
}

pub(super) fn to_lookup(c: &mut Call<'_, '_>, with_value: bool) -> Result<Value, Thrown> {
    let (source, key, value) = (source(c)?, c.value(1), with_value.then(|| c.value(2)));
    let (key_class, element) = (c.class(1), c.class(if with_value { 2 } else { 0 }));
    let groups = groups(c.machine, &source, &key, value.as_ref(), &key_class, &element)?;
    Ok(Value::object(Lookup { key_class, element, groups }))
}

pub(super) fn to_dictionary(
    c: &mut Call<'_, '_>,
    value: Option<usize>,
    comparer: Option<usize>,
) -> Result<Value, Thrown> {
    let class = c.class(if value.is_some() { 2 } else { 0 });
    let map = Dictionary::new(c.class(1), class, comparer.is_some_and(|n| ignores_case(c.get(n))));
    for item in c.items(0)? {
        let key = c.invoke(1, std::slice::from_ref(&item))?;
        let value = match value {
            Some(index) => c.invoke(index, &[item])?,
            None => item,
        };
        if key.is_null() {
            return Err(Thrown::argument_null("key"));
        }
        let shown = key.display();
        if !map.add(key, value) {
            return Err(Thrown::argument(format!(
                "An item with the same key has already been added. Key: {shown}"
            )));
        }
    }
    Ok(Value::object(map))
}

pub(super) fn join(c: &mut Call<'_, '_>, grouped: bool) -> Result<Value, Thrown> {
    let (outer, inner) = (source(c)?, c.value(1));
    let (outer_key, inner_key, result) = (c.value(2), c.value(3), c.value(4));
    let inner_class = c.class(1);
    Ok(whole(c.class(3), move |m| {
        let mut by_key: indexmap::IndexMap<Key, Vec<Value>> = indexmap::IndexMap::new();
        for item in m.collect(&inner)? {
            let key = m.invoke(&inner_key, std::slice::from_ref(&item))?;
            by_key.entry(Key::new(key, false)).or_default().push(item);
        }
        let mut found = Vec::new();
        for item in m.collect(&outer)? {
            let key = m.invoke(&outer_key, std::slice::from_ref(&item))?;
            let matches = by_key.get(&Key::new(key, false)).cloned().unwrap_or_default();
            if grouped {
                let matches = Value::object(Array::new(inner_class.clone(), matches));
                found.push(m.invoke(&result, &[item, matches])?);
            } else {
                for other in matches {
                    found.push(m.invoke(&result, &[item.clone(), other])?);
                }
            }
        }
        Ok(found)
    }))
}

/// Elements of the first sequence, by whether the second has them.
pub(super) fn set_operation(
    c: &mut Call<'_, '_>,
    keep: fn(in_second: bool) -> bool,
    both: bool,
) -> Result<Value, Thrown> {
    let (first, second) = (source(c)?, c.value(1));
    let (element, ignore_case) = (element_of(c), ignores_case(c.get(2)));
    let class = element.clone();
    Ok(whole(element, move |m| {
        let other = HashSet::new(class.clone(), ignore_case);
        let more = m.collect(&second)?;
        for item in &more {
            other.add(item.clone());
        }
        let seen = HashSet::new(class.clone(), ignore_case);
        let mut found = Vec::new();
        for item in m.collect(&first)? {
            if (both || keep(other.contains(&item))) && seen.add(item.clone()) {
                found.push(item);
            }
        }
        if both {
            found.extend(more.into_iter().filter(|i| seen.add(i.clone())));
        }
        Ok(found)
    }))
}

pub(super) fn contains(c: &mut Call<'_, '_>) -> Result<Value, Thrown> {
    // A Newtonsoft container is asked itself, and looks for the token, not for one that is like it.
    if let (Value::Json(json), Value::Json(token), 2) = (c.get(0), c.get(1), c.count()) {
        return Ok(Value::Boolean(json.position(token).is_some()));
    }
    let (wanted, ignore_case) = (Key::new(c.value(1), ignores_case(c.get(2))), ignores_case(c.get(2)));
    Ok(Value::Boolean(c.items(0)?.into_iter().any(|i| Key::new(i, ignore_case) == wanted)))
}
