//! What is computed element by element, when the result is enumerated.

use super::super::Query;
use super::super::hash_set::HashSet;
use super::super::sequence::{Items, Step, open};
use super::{element_of, source};
use crate::class::Type;
use crate::exception::Thrown;
use crate::machine::{Call, Machine};
use crate::value::Value;

/// Maps each element by the delegate at 1, with its index where `indexed`.
pub(super) fn select(c: &mut Call<'_, '_>, indexed: bool) -> Result<Value, Thrown> {
    let (source, selector) = (source(c)?, c.value(1));
    Ok(Query::value(c.class(1), move |m| {
        let mut cursor = open(m, &source)?;
        let (selector, mut at) = (selector.clone(), 0);
        Ok(Box::new(Step(move |m: &mut Machine<'_>| match cursor.next(m)? {
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
pub(super) enum Filter {
    SkipWhile,
    TakeWhile,
    Where,
}

pub(super) fn filter(c: &mut Call<'_, '_>, how: Filter, indexed: bool) -> Result<Value, Thrown> {
    let (source, test) = (source(c)?, c.value(1));
    Ok(Query::value(element_of(c), move |m| {
        let mut cursor = open(m, &source)?;
        let (test, mut at, mut over) = (test.clone(), 0, false);
        Ok(Box::new(Step(move |m: &mut Machine<'_>| {
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

pub(super) fn skip_take(c: &mut Call<'_, '_>, skip: bool) -> Result<Value, Thrown> {
    let source = source(c)?;
    let count = usize::try_from(c.int(1)?).unwrap_or(0);
    Ok(Query::value(element_of(c), move |m| {
        let mut cursor = open(m, &source)?;
        let mut left = count;
        Ok(Box::new(Step(move |m: &mut Machine<'_>| {
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
pub(super) fn whole(
    element: Type,
    make: impl Fn(&mut Machine<'_>) -> Result<Vec<Value>, Thrown> + Send + Sync + 'static,
) -> Value {
    Query::value(element, move |m| Ok(Items::boxed(make(m)?)))
}

pub(super) fn select_many(c: &mut Call<'_, '_>, with_result: bool) -> Result<Value, Thrown> {
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

pub(super) fn of_type(c: &mut Call<'_, '_>, cast: bool) -> Result<Value, Thrown> {
    let (source, class) = (source(c)?, c.class(0));
    let wanted = class.clone();
    Ok(Query::value(class, move |m| {
        let mut cursor = open(m, &source)?;
        let wanted = wanted.clone();
        Ok(Box::new(Step(move |m: &mut Machine<'_>| {
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

pub(super) fn concat(c: &mut Call<'_, '_>) -> Result<Value, Thrown> {
    let (first, second) = (source(c)?, c.value(1));
    Ok(Query::value(element_of(c), move |m| {
        let mut cursor = open(m, &first)?;
        let (second, mut in_second) = (second.clone(), false);
        Ok(Box::new(Step(move |m: &mut Machine<'_>| {
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

pub(super) fn added(c: &mut Call<'_, '_>, first: bool) -> Result<Value, Thrown> {
    let (source, item) = (source(c)?, c.value(1));
    Ok(whole(element_of(c), move |m| {
        let mut items = m.collect(&source)?;
        let at = if first { 0 } else { items.len() };
        items.insert(at, item.clone());
        Ok(items)
    }))
}

pub(super) fn distinct(c: &mut Call<'_, '_>, ignore_case: bool) -> Result<Value, Thrown> {
    let (source, class) = (source(c)?, element_of(c));
    let element = class.clone();
    Ok(Query::value(class, move |m| {
        let mut cursor = open(m, &source)?;
        let seen = HashSet::new(element.clone(), ignore_case);
        Ok(Box::new(Step(move |m: &mut Machine<'_>| {
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
