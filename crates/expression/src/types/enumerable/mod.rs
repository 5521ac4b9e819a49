//! `System.Linq.Enumerable`.

mod groups;
mod pipeline;
mod totals;

use self::groups::{contains, group_by, join, order, set_operation, to_dictionary, to_lookup};
use self::pipeline::{
    Filter, added, concat, distinct, filter, of_type, select, select_many, skip_take, whole,
};
use self::totals::{
    AVERAGE_DECIMAL, AVERAGE_DECIMAL_BY, AVERAGE_DOUBLE, AVERAGE_DOUBLE_BY, AVERAGE_FLOAT, AVERAGE_FLOAT_BY,
    AVERAGE_INT, AVERAGE_INT_BY, AVERAGE_LONG, AVERAGE_LONG_BY, SUM_DECIMAL, SUM_DECIMAL_BY, SUM_DOUBLE,
    SUM_DOUBLE_BY, SUM_FLOAT, SUM_FLOAT_BY, SUM_INT, SUM_INT_BY, SUM_LONG, SUM_LONG_BY, aggregate, extreme,
};
use super::comparer::ignores_case;
use super::hash_set::HashSet;
use super::sequence::{Step, open};
use super::{Array, Definition, List, Query, member};
use crate::class::Type;
use crate::exception::Thrown;
use crate::machine::Call;
use crate::value::Value;

/// The sequence at 0; null is refused at once, though the rest waits until it is enumerated.
fn source(c: &Call<'_, '_>) -> Result<Value, Thrown> {
    if c.get(0).is_null() { Err(Thrown::argument_null("source")) } else { Ok(c.value(0)) }
}

fn element_of(c: &Call<'_, '_>) -> Type {
    c.class(0)
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

pub(in crate::types) const ENUMERABLE: Definition = Definition {
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
