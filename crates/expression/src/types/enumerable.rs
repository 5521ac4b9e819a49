//! `System.Linq.Enumerable`.

use rust_decimal::Decimal;

use super::comparer::{compare, ignores_case};
use super::dictionary::Key;
use super::grouping::{Grouping, Lookup, Ordered};
use super::hash_set::HashSet;
use super::sequence::{Items, Step, open};
use super::{Array, Definition, Dictionary, Id, List, Query, member};
use crate::class::Type;
use crate::exception::Thrown;
use crate::machine::Call;
use crate::number::{self, Number};
use crate::value::Value;

/// The sequence at 0; null is refused at once, though the rest waits until it is enumerated.
fn source(c: &Call<'_, '_>) -> Result<Value, Thrown> {
    if c.get(0).is_null() { Err(Thrown::argument_null("source")) } else { Ok(c.value(0)) }
}

fn element_of(c: &Call<'_, '_>) -> Type {
    c.class(0)
}

/// Maps each element by the delegate at 1, with its index where `indexed`.
fn select(c: &mut Call<'_, '_>, indexed: bool) -> Result<Value, Thrown> {
    let (source, selector) = (source(c)?, c.value(1));
    Ok(Query::value(c.class(1), move |m| {
        let mut cursor = open(m, &source)?;
        let (selector, mut at) = (selector.clone(), 0);
        Ok(Box::new(Step(move |m: &mut crate::machine::Machine<'_>| match cursor.next(m)? {
            None => Ok(None),
            Some(item) if indexed => {
                at += 1;
                m.invoke(&selector, &[item, Value::Int32(at - 1)]).map(Some)
            }
            Some(item) => m.invoke(&selector, &[item]).map(Some),
        })))
    }))
}

/// What a filter does with the elements that meet its test, and after the first that does not.
#[derive(Clone, Copy, PartialEq)]
enum Filter {
    SkipWhile,
    TakeWhile,
    Where,
}

fn filter(c: &mut Call<'_, '_>, how: Filter, indexed: bool) -> Result<Value, Thrown> {
    let (source, test) = (source(c)?, c.value(1));
    Ok(Query::value(element_of(c), move |m| {
        let mut cursor = open(m, &source)?;
        let (test, mut at, mut over) = (test.clone(), 0, false);
        Ok(Box::new(Step(move |m: &mut crate::machine::Machine<'_>| {
            loop {
                if over && how == Filter::TakeWhile {
                    return Ok(None);
                }
                let Some(item) = cursor.next(m)? else { return Ok(None) };
                m.step()?;
                if over {
                    return Ok(Some(item));
                }
                at += 1;
                let meets = if indexed {
                    m.test(&test, &[item.clone(), Value::Int32(at - 1)])?
                } else {
                    m.test(&test, std::slice::from_ref(&item))?
                };
                match (how, meets) {
                    (Filter::Where | Filter::TakeWhile, true) => return Ok(Some(item)),
                    (Filter::Where, false) | (Filter::SkipWhile, true) => {}
                    (Filter::TakeWhile, false) => over = true,
                    (Filter::SkipWhile, false) => {
                        over = true;
                        return Ok(Some(item));
                    }
                }
            }
        })))
    }))
}

fn skip_take(c: &mut Call<'_, '_>, skip: bool) -> Result<Value, Thrown> {
    let source = source(c)?;
    let count = usize::try_from(c.int(1)?).unwrap_or(0);
    Ok(Query::value(element_of(c), move |m| {
        let mut cursor = open(m, &source)?;
        let mut left = count;
        Ok(Box::new(Step(move |m: &mut crate::machine::Machine<'_>| {
            if skip {
                while left > 0 {
                    left -= 1;
                    m.step()?;
                    if cursor.next(m)?.is_none() {
                        left = 0;
                        return Ok(None);
                    }
                }
                return cursor.next(m);
            }
            if left == 0 {
                return Ok(None);
            }
            left -= 1;
            cursor.next(m)
        })))
    }))
}

/// A sequence that is made whole when its enumeration starts.
fn whole(
    element: Type,
    make: impl Fn(&mut crate::machine::Machine<'_>) -> Result<Vec<Value>, Thrown> + Send + Sync + 'static,
) -> Value {
    Query::value(element, move |m| Ok(Items::boxed(make(m)?)))
}

fn select_many(c: &mut Call<'_, '_>, with_result: bool) -> Result<Value, Thrown> {
    let (source, selector, result) = (source(c)?, c.value(1), c.value(2));
    let element = c.class(if with_result { 2 } else { 1 });
    Ok(whole(element, move |m| {
        let mut all = Vec::new();
        for item in m.collect(&source)? {
            let inner = m.invoke(&selector, std::slice::from_ref(&item))?;
            for one in m.collect(&inner)? {
                all.push(if with_result { m.invoke(&result, &[item.clone(), one])? } else { one });
            }
        }
        Ok(all)
    }))
}

/// The elements for which the test at 1 holds (all where there is none).
fn tested(c: &mut Call<'_, '_>) -> Result<Vec<Value>, Thrown> {
    let items = c.items(0)?;
    if c.count() < 2 {
        return Ok(items);
    }
    let mut found = Vec::new();
    for item in items {
        if c.machine.test(c.get(1), std::slice::from_ref(&item))? {
            found.push(item);
        }
    }
    Ok(found)
}

/// The first element that meets the test at 1, if there is one.
fn first(c: &mut Call<'_, '_>) -> Result<Option<Value>, Thrown> {
    let source = source(c)?;
    let mut cursor = open(c.machine, &source)?;
    while let Some(item) = cursor.next(c.machine)? {
        c.machine.step()?;
        if c.count() < 2 || c.machine.test(c.get(1), std::slice::from_ref(&item))? {
            return Ok(Some(item));
        }
    }
    Ok(None)
}

fn none(c: &Call<'_, '_>) -> Thrown {
    if c.count() > 1 && c.get(1).class().is_delegate() {
        Thrown::invalid_operation("Sequence contains no matching element")
    } else {
        Thrown::no_elements()
    }
}

fn single(c: &mut Call<'_, '_>) -> Result<Option<Value>, Thrown> {
    let mut items = tested(c)?;
    if items.len() > 1 {
        return Err(Thrown::invalid_operation(if c.count() > 1 {
            "Sequence contains more than one matching element"
        } else {
            "Sequence contains more than one element"
        }));
    }
    Ok(items.pop())
}

fn default(c: &Call<'_, '_>) -> Value {
    Value::default_of(&element_of(c))
}

fn order(c: &mut Call<'_, '_>, down: bool, then: bool) -> Result<Value, Thrown> {
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
fn groups(
    m: &mut crate::machine::Machine<'_>,
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

fn group_by(c: &mut Call<'_, '_>, with_value: bool) -> Result<Value, Thrown> {
    let (source, key, value) = (source(c)?, c.value(1), with_value.then(|| c.value(2)));
    let (key_class, element) = (c.class(1), c.class(if with_value { 2 } else { 0 }));
    let class = Type::generic(Id::IGrouping, [key_class.clone(), element.clone()]);
    Ok(whole(class, move |m| groups(m, &source, &key, value.as_ref(), &key_class, &element)))
}

fn to_lookup(c: &mut Call<'_, '_>, with_value: bool) -> Result<Value, Thrown> {
    let (source, key, value) = (source(c)?, c.value(1), with_value.then(|| c.value(2)));
    let (key_class, element) = (c.class(1), c.class(if with_value { 2 } else { 0 }));
    let groups = groups(c.machine, &source, &key, value.as_ref(), &key_class, &element)?;
    Ok(Value::object(Lookup { key_class, element, groups }))
}

fn to_dictionary(
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

/// Elements of the first sequence, by whether the second has them.
fn set_operation(
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

/// Numbers by the selector at 1, where there is one.
fn numbers(c: &mut Call<'_, '_>) -> Result<Vec<Value>, Thrown> {
    let mut found = Vec::new();
    for item in c.items(0)? {
        let value = if c.count() > 1 { c.invoke(1, &[item])? } else { item };
        if !value.is_null() {
            found.push(value);
        }
    }
    Ok(found)
}

fn sum(c: &mut Call<'_, '_>, id: Id) -> Result<Value, Thrown> {
    let values = numbers(c)?;
    Ok(match id {
        Id::Double => Value::Double(values.iter().filter_map(Number::of).map(Number::double).sum()),
        Id::Single => {
            Value::Single(values.iter().filter_map(Number::of).map(Number::double).sum::<f64>() as f32)
        }
        Id::Decimal => {
            let mut total = Decimal::ZERO;
            for n in values.iter().filter_map(Number::of).filter_map(Number::decimal) {
                total = total.checked_add(n).ok_or_else(|| {
                    Thrown::overflow("Value was either too large or too small for a Decimal.")
                })?;
            }
            Value::Decimal(total)
        }
        _ => {
            let total: i128 =
                values.iter().filter_map(Number::of).filter_map(Number::whole).map(i128::from).sum();
            match number::range(id) {
                Some((least, most)) if (least..=most).contains(&total) => number::wrap(total, id),
                _ => return Err(Thrown::overflow("Arithmetic operation resulted in an overflow.")),
            }
        }
    })
}

fn average(c: &mut Call<'_, '_>) -> Result<Value, Thrown> {
    let values = numbers(c)?;
    if values.is_empty() {
        return Err(Thrown::no_elements());
    }
    if values.iter().all(|v| matches!(v, Value::Decimal(_))) {
        let total: Decimal = values.iter().filter_map(Number::of).filter_map(Number::decimal).sum();
        return Ok(Value::Decimal(total / Decimal::from(values.len())));
    }
    let total: f64 = values.iter().filter_map(Number::of).map(Number::double).sum();
    Ok(Value::Double(total / values.len() as f64))
}

/// The smallest or largest element, or what the selector at 1 gives for them.
fn extreme(c: &mut Call<'_, '_>, largest: bool) -> Result<Value, Thrown> {
    let result = c.class(c.types.len().saturating_sub(1));
    let mut best: Option<Value> = None;
    for item in c.items(0)? {
        let value = if c.count() > 1 { c.invoke(1, &[item])? } else { item };
        if value.is_null() {
            continue;
        }
        best = Some(match best {
            None => value,
            Some(before) => {
                let order = compare(&value, &before)?;
                if (largest && order.is_gt()) || (!largest && order.is_lt()) { value } else { before }
            }
        });
    }
    match best {
        Some(best) => Ok(best),
        None if result.takes_null() => Ok(Value::Null),
        None => Err(Thrown::no_elements()),
    }
}

fn contains(c: &mut Call<'_, '_>) -> Result<Value, Thrown> {
    let (wanted, ignore_case) = (Key::new(c.value(1), ignores_case(c.get(2))), ignores_case(c.get(2)));
    Ok(Value::Boolean(c.items(0)?.into_iter().any(|i| Key::new(i, ignore_case) == wanted)))
}

fn concat(c: &mut Call<'_, '_>) -> Result<Value, Thrown> {
    let (first, second) = (source(c)?, c.value(1));
    Ok(Query::value(element_of(c), move |m| {
        let mut cursor = open(m, &first)?;
        let (second, mut in_second) = (second.clone(), false);
        Ok(Box::new(Step(move |m: &mut crate::machine::Machine<'_>| {
            if let Some(item) = cursor.next(m)? {
                return Ok(Some(item));
            }
            if in_second {
                return Ok(None);
            }
            in_second = true;
            cursor = open(m, &second)?;
            cursor.next(m)
        })))
    }))
}

fn added(c: &mut Call<'_, '_>, first: bool) -> Result<Value, Thrown> {
    let (source, item) = (source(c)?, c.value(1));
    Ok(whole(element_of(c), move |m| {
        let mut items = m.collect(&source)?;
        let at = if first { 0 } else { items.len() };
        items.insert(at, item.clone());
        Ok(items)
    }))
}

fn of_type(c: &mut Call<'_, '_>, cast: bool) -> Result<Value, Thrown> {
    let (source, class) = (source(c)?, c.class(0));
    let wanted = class.clone();
    Ok(Query::value(class, move |m| {
        let mut cursor = open(m, &source)?;
        let wanted = wanted.clone();
        Ok(Box::new(Step(move |m: &mut crate::machine::Machine<'_>| {
            loop {
                m.step()?;
                match cursor.next(m)? {
                    None => return Ok(None),
                    Some(item) if cast => return item.cast(&wanted).map(Some),
                    Some(item) if item.is_instance(&wanted) => return Ok(Some(item)),
                    Some(_) => {}
                }
            }
        })))
    }))
}

fn join(c: &mut Call<'_, '_>, grouped: bool) -> Result<Value, Thrown> {
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

fn aggregate(c: &mut Call<'_, '_>, seeded: bool) -> Result<Value, Thrown> {
    let mut items = c.items(0)?.into_iter();
    let (mut total, by) =
        if seeded { (c.value(1), 2) } else { (items.next().ok_or_else(Thrown::no_elements)?, 1) };
    for item in items {
        total = c.invoke(by, &[total, item])?;
        c.machine.charge(&total)?;
    }
    if c.count() > 3 { c.invoke(3, &[total]) } else { Ok(total) }
}

/// `Sum` and `Average` of one number type, alone and by a selector.
macro_rules! totals {
    ($type:literal, $average:literal, $id:ident) => {
        [
            member(concat!("extension Sum(IEnumerable<", $type, ">): ", $type), |c| sum(c, Id::$id)),
            member(concat!("extension Sum<T>(IEnumerable<T>, Func<T, ", $type, ">): ", $type), |c| {
                sum(c, Id::$id)
            }),
            member(concat!("extension Average(IEnumerable<", $type, ">): ", $average), average),
            member(
                concat!("extension Average<T>(IEnumerable<T>, Func<T, ", $type, ">): ", $average),
                average,
            ),
        ]
    };
}

const SUM_INT_FORMS: [super::Member; 4] = totals!("int", "double", Int32);
const SUM_INT: super::Member = SUM_INT_FORMS[0];
const SUM_INT_BY: super::Member = SUM_INT_FORMS[1];
const AVERAGE_INT: super::Member = SUM_INT_FORMS[2];
const AVERAGE_INT_BY: super::Member = SUM_INT_FORMS[3];
const SUM_LONG_FORMS: [super::Member; 4] = totals!("long", "double", Int64);
const SUM_LONG: super::Member = SUM_LONG_FORMS[0];
const SUM_LONG_BY: super::Member = SUM_LONG_FORMS[1];
const AVERAGE_LONG: super::Member = SUM_LONG_FORMS[2];
const AVERAGE_LONG_BY: super::Member = SUM_LONG_FORMS[3];
const SUM_FLOAT_FORMS: [super::Member; 4] = totals!("float", "float", Single);
const SUM_FLOAT: super::Member = SUM_FLOAT_FORMS[0];
const SUM_FLOAT_BY: super::Member = SUM_FLOAT_FORMS[1];
const AVERAGE_FLOAT: super::Member = SUM_FLOAT_FORMS[2];
const AVERAGE_FLOAT_BY: super::Member = SUM_FLOAT_FORMS[3];
const SUM_DOUBLE_FORMS: [super::Member; 4] = totals!("double", "double", Double);
const SUM_DOUBLE: super::Member = SUM_DOUBLE_FORMS[0];
const SUM_DOUBLE_BY: super::Member = SUM_DOUBLE_FORMS[1];
const AVERAGE_DOUBLE: super::Member = SUM_DOUBLE_FORMS[2];
const AVERAGE_DOUBLE_BY: super::Member = SUM_DOUBLE_FORMS[3];
const SUM_DECIMAL_FORMS: [super::Member; 4] = totals!("decimal", "decimal", Decimal);
const SUM_DECIMAL: super::Member = SUM_DECIMAL_FORMS[0];
const SUM_DECIMAL_BY: super::Member = SUM_DECIMAL_FORMS[1];
const AVERAGE_DECIMAL: super::Member = SUM_DECIMAL_FORMS[2];
const AVERAGE_DECIMAL_BY: super::Member = SUM_DECIMAL_FORMS[3];

pub(super) const ENUMERABLE: Definition = Definition {
    name: "System.Linq.Enumerable",
    members: &[
        SUM_INT,
        SUM_INT_BY,
        AVERAGE_INT,
        AVERAGE_INT_BY,
        SUM_LONG,
        SUM_LONG_BY,
        AVERAGE_LONG,
        AVERAGE_LONG_BY,
        SUM_FLOAT,
        SUM_FLOAT_BY,
        AVERAGE_FLOAT,
        AVERAGE_FLOAT_BY,
        SUM_DOUBLE,
        SUM_DOUBLE_BY,
        AVERAGE_DOUBLE,
        AVERAGE_DOUBLE_BY,
        SUM_DECIMAL,
        SUM_DECIMAL_BY,
        AVERAGE_DECIMAL,
        AVERAGE_DECIMAL_BY,
        member("extension Select<T, R>(IEnumerable<T>, Func<T, R>): IEnumerable<R>", |c| select(c, false)),
        member("extension Select<T, R>(IEnumerable<T>, Func<T, int, R>): IEnumerable<R>", |c| {
            select(c, true)
        }),
        member("extension Where<T>(IEnumerable<T>, Func<T, bool>): IEnumerable<T>", |c| {
            filter(c, Filter::Where, false)
        }),
        member("extension Where<T>(IEnumerable<T>, Func<T, int, bool>): IEnumerable<T>", |c| {
            filter(c, Filter::Where, true)
        }),
        member("extension TakeWhile<T>(IEnumerable<T>, Func<T, bool>): IEnumerable<T>", |c| {
            filter(c, Filter::TakeWhile, false)
        }),
        member("extension SkipWhile<T>(IEnumerable<T>, Func<T, bool>): IEnumerable<T>", |c| {
            filter(c, Filter::SkipWhile, false)
        }),
        member("extension Skip<T>(IEnumerable<T>, int): IEnumerable<T>", |c| skip_take(c, true)),
        member("extension Take<T>(IEnumerable<T>, int): IEnumerable<T>", |c| skip_take(c, false)),
        member("extension SkipLast<T>(IEnumerable<T>, int): IEnumerable<T>", |c| {
            let (source, count) = (source(c)?, usize::try_from(c.int(1)?).unwrap_or(0));
            Ok(whole(element_of(c), move |m| {
                let mut items = m.collect(&source)?;
                items.truncate(items.len().saturating_sub(count));
                Ok(items)
            }))
        }),
        member("extension TakeLast<T>(IEnumerable<T>, int): IEnumerable<T>", |c| {
            let (source, count) = (source(c)?, usize::try_from(c.int(1)?).unwrap_or(0));
            Ok(whole(element_of(c), move |m| {
                let mut items = m.collect(&source)?;
                let from = items.len().saturating_sub(count);
                Ok(items.split_off(from))
            }))
        }),
        member("extension SelectMany<T, R>(IEnumerable<T>, Func<T, IEnumerable<R>>): IEnumerable<R>", |c| {
            select_many(c, false)
        }),
        member(
            "extension SelectMany<T, M, R>(IEnumerable<T>, Func<T, IEnumerable<M>>, Func<T, M, R>): IEnumerable<R>",
            |c| select_many(c, true),
        ),
        member("extension First<T>(IEnumerable<T>): T", |c| first(c)?.ok_or_else(|| none(c))),
        member("extension First<T>(IEnumerable<T>, Func<T, bool>): T", |c| first(c)?.ok_or_else(|| none(c))),
        member("extension FirstOrDefault<T>(IEnumerable<T>): T", |c| {
            Ok(first(c)?.unwrap_or_else(|| default(c)))
        }),
        member("extension FirstOrDefault<T>(IEnumerable<T>, Func<T, bool>): T", |c| {
            Ok(first(c)?.unwrap_or_else(|| default(c)))
        }),
        member("extension Last<T>(IEnumerable<T>): T", |c| tested(c)?.pop().ok_or_else(|| none(c))),
        member("extension Last<T>(IEnumerable<T>, Func<T, bool>): T", |c| {
            tested(c)?.pop().ok_or_else(|| none(c))
        }),
        member("extension LastOrDefault<T>(IEnumerable<T>): T", |c| {
            Ok(tested(c)?.pop().unwrap_or_else(|| default(c)))
        }),
        member("extension LastOrDefault<T>(IEnumerable<T>, Func<T, bool>): T", |c| {
            Ok(tested(c)?.pop().unwrap_or_else(|| default(c)))
        }),
        member("extension Single<T>(IEnumerable<T>): T", |c| single(c)?.ok_or_else(|| none(c))),
        member("extension Single<T>(IEnumerable<T>, Func<T, bool>): T", |c| {
            single(c)?.ok_or_else(|| none(c))
        }),
        member("extension SingleOrDefault<T>(IEnumerable<T>): T", |c| {
            Ok(single(c)?.unwrap_or_else(|| default(c)))
        }),
        member("extension SingleOrDefault<T>(IEnumerable<T>, Func<T, bool>): T", |c| {
            Ok(single(c)?.unwrap_or_else(|| default(c)))
        }),
        member("extension ElementAt<T>(IEnumerable<T>, int): T", |c| {
            let index = usize::try_from(c.int(1)?).map_err(|_| Thrown::index())?;
            c.items(0)?.into_iter().nth(index).ok_or_else(Thrown::index)
        }),
        member("extension ElementAtOrDefault<T>(IEnumerable<T>, int): T", |c| {
            let index = usize::try_from(c.int(1)?).unwrap_or(usize::MAX);
            Ok(c.items(0)?.into_iter().nth(index).unwrap_or_else(|| default(c)))
        }),
        member("extension Any<T>(IEnumerable<T>): bool", |c| Ok(Value::Boolean(first(c)?.is_some()))),
        member("extension Any<T>(IEnumerable<T>, Func<T, bool>): bool", |c| {
            Ok(Value::Boolean(first(c)?.is_some()))
        }),
        member("extension All<T>(IEnumerable<T>, Func<T, bool>): bool", |c| {
            let source = source(c)?;
            let mut cursor = open(c.machine, &source)?;
            while let Some(item) = cursor.next(c.machine)? {
                c.machine.step()?;
                if !c.machine.test(c.get(1), &[item])? {
                    return Ok(Value::Boolean(false));
                }
            }
            Ok(Value::Boolean(true))
        }),
        member("extension Count<T>(IEnumerable<T>): int", |c| Ok(Value::Int32(tested(c)?.len() as i32))),
        member("extension Count<T>(IEnumerable<T>, Func<T, bool>): int", |c| {
            Ok(Value::Int32(tested(c)?.len() as i32))
        }),
        member("extension LongCount<T>(IEnumerable<T>): long", |c| Ok(Value::Int64(tested(c)?.len() as i64))),
        member("extension Contains<T>(IEnumerable<T>, T): bool", contains),
        member("extension Contains<T>(IEnumerable<T>, T, IEqualityComparer<T>): bool", contains),
        member("extension ToArray<T>(IEnumerable<T>): T[]", |c| {
            let items = c.items(0)?;
            Ok(Value::object(Array::new(element_of(c), items)))
        }),
        member("extension ToList<T>(IEnumerable<T>): List<T>", |c| {
            let items = c.items(0)?;
            Ok(Value::object(List::new(element_of(c), items)))
        }),
        member("extension ToHashSet<T>(IEnumerable<T>): HashSet<T>", |c| {
            let set = HashSet::new(element_of(c), false);
            for item in c.items(0)? {
                set.add(item);
            }
            Ok(Value::object(set))
        }),
        member("extension ToHashSet<T>(IEnumerable<T>, IEqualityComparer<T>): HashSet<T>", |c| {
            let set = HashSet::new(element_of(c), ignores_case(c.get(1)));
            for item in c.items(0)? {
                set.add(item);
            }
            Ok(Value::object(set))
        }),
        member("extension ToDictionary<T, K>(IEnumerable<T>, Func<T, K>): Dictionary<K, T>", |c| {
            to_dictionary(c, None, None)
        }),
        member(
            "extension ToDictionary<T, K>(IEnumerable<T>, Func<T, K>, IEqualityComparer<K>): Dictionary<K, T>",
            |c| to_dictionary(c, None, Some(2)),
        ),
        member(
            "extension ToDictionary<T, K, V>(IEnumerable<T>, Func<T, K>, Func<T, V>): Dictionary<K, V>",
            |c| to_dictionary(c, Some(2), None),
        ),
        member(
            "extension ToDictionary<T, K, V>(IEnumerable<T>, Func<T, K>, Func<T, V>, IEqualityComparer<K>): Dictionary<K, V>",
            |c| to_dictionary(c, Some(2), Some(3)),
        ),
        member("extension ToLookup<T, K>(IEnumerable<T>, Func<T, K>): ILookup<K, T>", |c| {
            to_lookup(c, false)
        }),
        member("extension ToLookup<T, K, V>(IEnumerable<T>, Func<T, K>, Func<T, V>): ILookup<K, V>", |c| {
            to_lookup(c, true)
        }),
        member("extension GroupBy<T, K>(IEnumerable<T>, Func<T, K>): IEnumerable<IGrouping<K, T>>", |c| {
            group_by(c, false)
        }),
        member(
            "extension GroupBy<T, K, V>(IEnumerable<T>, Func<T, K>, Func<T, V>): IEnumerable<IGrouping<K, V>>",
            |c| group_by(c, true),
        ),
        member("extension OrderBy<T, K>(IEnumerable<T>, Func<T, K>): IOrderedEnumerable<T>", |c| {
            order(c, false, false)
        }),
        member(
            "extension OrderBy<T, K>(IEnumerable<T>, Func<T, K>, IEqualityComparer<K>): IOrderedEnumerable<T>",
            |c| order(c, false, false),
        ),
        member("extension OrderByDescending<T, K>(IEnumerable<T>, Func<T, K>): IOrderedEnumerable<T>", |c| {
            order(c, true, false)
        }),
        member(
            "extension OrderByDescending<T, K>(IEnumerable<T>, Func<T, K>, IEqualityComparer<K>): IOrderedEnumerable<T>",
            |c| order(c, true, false),
        ),
        member("extension ThenBy<T, K>(IOrderedEnumerable<T>, Func<T, K>): IOrderedEnumerable<T>", |c| {
            order(c, false, true)
        }),
        member(
            "extension ThenByDescending<T, K>(IOrderedEnumerable<T>, Func<T, K>): IOrderedEnumerable<T>",
            |c| order(c, true, true),
        ),
        member("extension Distinct<T>(IEnumerable<T>): IEnumerable<T>", |c| distinct(c, false)),
        member("extension Distinct<T>(IEnumerable<T>, IEqualityComparer<T>): IEnumerable<T>", |c| {
            let ignore_case = ignores_case(c.get(1));
            distinct(c, ignore_case)
        }),
        member("extension Union<T>(IEnumerable<T>, IEnumerable<T>): IEnumerable<T>", |c| {
            set_operation(c, |_| true, true)
        }),
        member("extension Intersect<T>(IEnumerable<T>, IEnumerable<T>): IEnumerable<T>", |c| {
            set_operation(c, |found| found, false)
        }),
        member(
            "extension Intersect<T>(IEnumerable<T>, IEnumerable<T>, IEqualityComparer<T>): IEnumerable<T>",
            |c| set_operation(c, |found| found, false),
        ),
        member("extension Except<T>(IEnumerable<T>, IEnumerable<T>): IEnumerable<T>", |c| {
            set_operation(c, |found| !found, false)
        }),
        member(
            "extension Except<T>(IEnumerable<T>, IEnumerable<T>, IEqualityComparer<T>): IEnumerable<T>",
            |c| set_operation(c, |found| !found, false),
        ),
        member("extension Concat<T>(IEnumerable<T>, IEnumerable<T>): IEnumerable<T>", concat),
        member("extension Append<T>(IEnumerable<T>, T): IEnumerable<T>", |c| added(c, false)),
        member("extension Prepend<T>(IEnumerable<T>, T): IEnumerable<T>", |c| added(c, true)),
        member("extension Reverse<T>(IEnumerable<T>): IEnumerable<T>", |c| {
            let source = source(c)?;
            Ok(whole(element_of(c), move |m| {
                let mut items = m.collect(&source)?;
                items.reverse();
                Ok(items)
            }))
        }),
        member("extension DefaultIfEmpty<T>(IEnumerable<T>): IEnumerable<T>", |c| {
            let (source, default) = (source(c)?, default(c));
            Ok(whole(element_of(c), move |m| {
                let items = m.collect(&source)?;
                Ok(if items.is_empty() { vec![default.clone()] } else { items })
            }))
        }),
        member("extension DefaultIfEmpty<T>(IEnumerable<T>, T): IEnumerable<T>", |c| {
            let (source, default) = (source(c)?, c.value(1));
            Ok(whole(element_of(c), move |m| {
                let items = m.collect(&source)?;
                Ok(if items.is_empty() { vec![default.clone()] } else { items })
            }))
        }),
        member(
            "extension Zip<A, B, R>(IEnumerable<A>, IEnumerable<B>, Func<A, B, R>): IEnumerable<R>",
            |c| {
                let (first, second, result) = (source(c)?, c.value(1), c.value(2));
                Ok(whole(c.class(2), move |m| {
                    let (a, b) = (m.collect(&first)?, m.collect(&second)?);
                    a.into_iter().zip(b).map(|(x, y)| m.invoke(&result, &[x, y])).collect()
                }))
            },
        ),
        member(
            "extension Join<A, B, K, R>(IEnumerable<A>, IEnumerable<B>, Func<A, K>, Func<B, K>, Func<A, B, R>): IEnumerable<R>",
            |c| join(c, false),
        ),
        member(
            "extension GroupJoin<A, B, K, R>(IEnumerable<A>, IEnumerable<B>, Func<A, K>, Func<B, K>, Func<A, IEnumerable<B>, R>): IEnumerable<R>",
            |c| join(c, true),
        ),
        member("extension SequenceEqual<T>(IEnumerable<T>, IEnumerable<T>): bool", |c| {
            let (a, b) = (c.items(0)?, c.items(1)?);
            Ok(Value::Boolean(a.len() == b.len() && a.iter().zip(&b).all(|(x, y)| x.equals(y))))
        }),
        member("extension Aggregate<T>(IEnumerable<T>, Func<T, T, T>): T", |c| aggregate(c, false)),
        member("extension Aggregate<T, A>(IEnumerable<T>, A, Func<A, T, A>): A", |c| aggregate(c, true)),
        member("extension Aggregate<T, A, R>(IEnumerable<T>, A, Func<A, T, A>, Func<A, R>): R", |c| {
            aggregate(c, true)
        }),
        member("extension Max<T>(IEnumerable<T>): T", |c| extreme(c, true)),
        member("extension Max<T, R>(IEnumerable<T>, Func<T, R>): R", |c| extreme(c, true)),
        member("extension Min<T>(IEnumerable<T>): T", |c| extreme(c, false)),
        member("extension Min<T, R>(IEnumerable<T>, Func<T, R>): R", |c| extreme(c, false)),
        member("extension OfType<R>(System.Collections.IEnumerable): IEnumerable<R>", |c| of_type(c, false)),
        member("extension Cast<R>(System.Collections.IEnumerable): IEnumerable<R>", |c| of_type(c, true)),
        member("extension AsEnumerable<T>(IEnumerable<T>): IEnumerable<T>", source_of),
        member("static Range(int, int): IEnumerable<int>", |c| {
            let (start, count) = (c.int(0)?, c.int(1)?);
            if count < 0 {
                return Err(Thrown::out_of_range(
                    "count",
                    "Specified argument was out of the range of valid values.",
                ));
            }
            Ok(Query::value(Type::INT, move |_| {
                let mut at = 0;
                Ok(Box::new(Step(move |_: &mut crate::machine::Machine<'_>| {
                    if at >= count {
                        return Ok(None);
                    }
                    at += 1;
                    Ok(Some(Value::Int32(start.wrapping_add(at - 1))))
                })))
            }))
        }),
        member("static Repeat<T>(T, int): IEnumerable<T>", |c| {
            let (item, count) = (c.value(0), c.int(1)?);
            if count < 0 {
                return Err(Thrown::out_of_range(
                    "count",
                    "Specified argument was out of the range of valid values.",
                ));
            }
            Ok(Query::value(element_of(c), move |_| {
                let (item, mut left) = (item.clone(), count);
                Ok(Box::new(Step(move |_: &mut crate::machine::Machine<'_>| {
                    if left <= 0 {
                        return Ok(None);
                    }
                    left -= 1;
                    Ok(Some(item.clone()))
                })))
            }))
        }),
        member("static Empty<T>(): IEnumerable<T>", |c| Ok(Array::filled(element_of(c), 0))),
    ],
    ..Definition::NEW
};

fn source_of(c: &mut Call<'_, '_>) -> Result<Value, Thrown> {
    source(c)
}

fn distinct(c: &mut Call<'_, '_>, ignore_case: bool) -> Result<Value, Thrown> {
    let (source, class) = (source(c)?, element_of(c));
    let element = class.clone();
    Ok(Query::value(class, move |m| {
        let mut cursor = open(m, &source)?;
        let seen = HashSet::new(element.clone(), ignore_case);
        Ok(Box::new(Step(move |m: &mut crate::machine::Machine<'_>| {
            loop {
                m.step()?;
                match cursor.next(m)? {
                    None => return Ok(None),
                    Some(item) if seen.add(item.clone()) => return Ok(Some(item)),
                    Some(_) => {}
                }
            }
        })))
    }))
}
