//! From a template to text.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use super::data::Data;
use super::filters::Arguments;
use super::numbers::{compare, equal, integer};
use super::syntax::{Condition, Expression, Filtered, Loop, Node, Offset, Operator, Step, Template};

/// What a template reads beside its own variables.
pub(crate) trait Values {
    /// The value of a name outside and how many of the keys after it have led there.
    fn value(&self, root: &str, keys: &[Data]) -> (Data, usize);

    /// The time.
    fn now(&self) -> SystemTime;
}

/// What rendering may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Bytes of the text.
    pub(crate) bytes: usize,
    /// Parts of the template that are run.
    pub(crate) steps: usize,
}

/// Why there is no text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RenderError {
    #[error("The filter `{0}` failed: {1}.")]
    Filter(&'static str, String),
    #[error("The text is longer than {0} bytes.")]
    TooLong(usize),
    #[error("The template runs more than {0} steps.")]
    TooManySteps(usize),
    #[error("A range is longer than {0}.")]
    Range(usize),
}

/// The longest range.
const MAX_RANGE: usize = 100_000;

/// Renders a template.
///
/// # Errors
/// A filter fails, or a bound is met.
pub(crate) fn render(
    template: &Template,
    values: &dyn Values,
    bounds: Bounds,
) -> Result<String, RenderError> {
    let mut renderer = Renderer {
        values,
        bounds,
        steps: 0,
        globals: HashMap::new(),
        locals: Vec::new(),
        counters: HashMap::new(),
        cycles: HashMap::new(),
        offsets: HashMap::new(),
        changed: None,
    };
    let mut out = String::new();
    renderer.nodes(&template.nodes, &mut out)?;
    Ok(out)
}

struct Renderer<'r> {
    values: &'r dyn Values,
    bounds: Bounds,
    steps: usize,
    /// What `assign` and `capture` set.
    globals: HashMap<Arc<str>, Data>,
    /// What loops set, the innermost last.
    locals: Vec<(Arc<str>, Data)>,
    counters: HashMap<Arc<str>, i64>,
    cycles: HashMap<Arc<str>, usize>,
    offsets: HashMap<Arc<str>, usize>,
    changed: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Next,
    Break,
    Continue,
}

impl Renderer<'_> {
    fn step(&mut self, out: &str) -> Result<(), RenderError> {
        self.steps += 1;
        if self.steps > self.bounds.steps {
            return Err(RenderError::TooManySteps(self.bounds.steps));
        }
        if out.len() > self.bounds.bytes {
            return Err(RenderError::TooLong(self.bounds.bytes));
        }
        Ok(())
    }

    fn nodes(&mut self, nodes: &[Node], out: &mut String) -> Result<Then, RenderError> {
        for node in nodes {
            self.step(out)?;
            let then = self.node(node, out)?;
            if then != Then::Next {
                return Ok(then);
            }
        }
        self.step(out)?;
        Ok(Then::Next)
    }

    fn node(&mut self, node: &Node, out: &mut String) -> Result<Then, RenderError> {
        match node {
            Node::Text(text) => out.push_str(text),
            Node::Output(filtered) => self.filtered(filtered)?.write(out),
            Node::Assign(name, filtered) => {
                let value = self.filtered(filtered)?;
                self.globals.insert(Arc::clone(name), value);
            }
            Node::Capture(name, body) => {
                let mut text = String::new();
                let then = self.nodes(body, &mut text)?;
                self.globals.insert(Arc::clone(name), Data::text(text));
                return Ok(then);
            }
            Node::If(branches) => {
                for (condition, body) in branches {
                    if self.holds(condition)? {
                        return self.nodes(body, out);
                    }
                }
            }
            Node::Case(value, branches) => return self.case(value, branches, out),
            Node::For(each) => return self.each(each, out),
            Node::Cycle(name, values) => {
                let name = self.value(name)?.to_text();
                let at = self.cycles.entry(name).or_default();
                let value = values.get(*at);
                *at = (*at + 1) % values.len().max(1);
                if let Some(value) = value {
                    self.value(value)?.write(out);
                }
            }
            Node::Count(name, by) => {
                let count = self.counters.entry(Arc::clone(name)).or_default();
                let shown = if *by > 0 { *count } else { count.saturating_sub(1) };
                *count = count.saturating_add(*by);
                out.push_str(&shown.to_string());
            }
            Node::IfChanged(body) => {
                let mut text = String::new();
                let then = self.nodes(body, &mut text)?;
                if self.changed.as_ref() != Some(&text) {
                    out.push_str(&text);
                    self.changed = Some(text);
                }
                return Ok(then);
            }
            Node::Break => return Ok(Then::Break),
            Node::Continue => return Ok(Then::Continue),
        }
        Ok(Then::Next)
    }

    fn case(
        &mut self,
        value: &Expression,
        branches: &[(Option<Vec<Expression>>, Vec<Node>)],
        out: &mut String,
    ) -> Result<Then, RenderError> {
        let value = self.value(value)?;
        let mut is_found = false;
        for (values, body) in branches {
            let fits = match values {
                Some(values) => {
                    let mut fits = false;
                    for candidate in values {
                        fits |= equal(&value, &self.value(candidate)?);
                    }
                    is_found |= fits;
                    fits
                }
                None => !is_found,
            };
            if fits {
                let then = self.nodes(body, out)?;
                if then != Then::Next {
                    return Ok(then);
                }
            }
        }
        Ok(Then::Next)
    }

    fn each(&mut self, each: &Loop, out: &mut String) -> Result<Then, RenderError> {
        let collection = self.value(&each.collection)?;
        let all = match &collection {
            Data::List(_) => collection.items(),
            Data::Null => None,
            _ if each.is_json => Some(vec![collection]),
            _ => collection.items(),
        };
        let mut items = all.unwrap_or_default();
        let from = match &each.offset {
            None => 0,
            Some(Offset::Continue) => self.offsets.get(&each.name).copied().unwrap_or(0),
            Some(Offset::At(offset)) => whole(&self.value(offset)?).unwrap_or(0),
        };
        items.drain(..from.min(items.len()));
        if let Some(limit) = &each.limit
            && let Some(limit) = whole(&self.value(limit)?)
        {
            items.truncate(limit);
        }
        self.offsets.insert(Arc::clone(&each.name), from + items.len());
        if items.is_empty() {
            return self.nodes(&each.otherwise, out);
        }
        if each.is_reversed {
            items.reverse();
        }
        let outer = self.locals.len();
        let length = items.len();
        for (index, item) in items.into_iter().enumerate() {
            if each.is_json && index > 0 {
                out.push(',');
            }
            self.locals.push((Arc::clone(&each.variable), item));
            self.locals.push(("forloop".into(), position(each, index, length)));
            let then = self.nodes(&each.body, out);
            self.locals.truncate(outer);
            if then? == Then::Break {
                break;
            }
        }
        Ok(Then::Next)
    }

    fn filtered(&mut self, filtered: &Filtered) -> Result<Data, RenderError> {
        let mut value = self.value(&filtered.value)?;
        for (filter, arguments) in &filtered.filters {
            let arguments =
                arguments.iter().map(|argument| self.value(argument)).collect::<Result<Vec<_>, _>>()?;
            let with = Arguments { values: &arguments, now: self.values.now(), limit: self.bounds.bytes };
            value = (filter.apply)(&value, &with).map_err(|why| RenderError::Filter(filter.name, why))?;
        }
        Ok(value)
    }

    fn holds(&mut self, condition: &Condition) -> Result<bool, RenderError> {
        Ok(match condition {
            Condition::Always => true,
            Condition::Not(inner) => !self.holds(inner)?,
            Condition::Test(value) => self.value(value)?.is_true(),
            Condition::And(left, right) => self.holds(left)? && self.holds(right)?,
            Condition::Or(left, right) => self.holds(left)? || self.holds(right)?,
            Condition::Compare(left, operator, right) => {
                let (left, right) = (self.value(left)?, self.value(right)?);
                compares(&left, *operator, &right)
            }
        })
    }

    fn value(&mut self, expression: &Expression) -> Result<Data, RenderError> {
        match expression {
            Expression::Literal(data) => Ok(data.clone()),
            Expression::Range(first, last) => {
                let first = integer(&self.value(first)?).unwrap_or(0);
                let last = integer(&self.value(last)?).unwrap_or(0);
                let length = usize::try_from(last.saturating_sub(first)).unwrap_or(0);
                if length > MAX_RANGE {
                    return Err(RenderError::Range(MAX_RANGE));
                }
                Ok(Data::List((first..=last).map(Data::Integer).collect()))
            }
            Expression::Path(root, steps) => {
                let mut keys = Vec::with_capacity(steps.len());
                let mut is_named = Vec::with_capacity(steps.len());
                for step in steps {
                    keys.push(match step {
                        Step::Name(name) => Data::Text(Arc::clone(name)),
                        Step::Value(value) => self.value(value)?,
                    });
                    is_named.push(matches!(step, Step::Name(_)));
                }
                let local = self.locals.iter().rev().find(|(name, _)| name == root).map(|(_, value)| value);
                let own = local.or_else(|| self.globals.get(root)).cloned();
                let own = own.or_else(|| self.counters.get(root).copied().map(Data::Integer));
                let (mut value, taken) = match own {
                    Some(value) => (value, 0),
                    None => self.values.value(root, &keys),
                };
                for (key, is_named) in keys.iter().zip(is_named).skip(taken) {
                    value = part(&value, key, is_named);
                }
                Ok(value)
            }
        }
    }
}

fn whole(data: &Data) -> Option<usize> {
    usize::try_from(integer(data)?).ok()
}

/// `forloop`.
fn position(each: &Loop, index: usize, length: usize) -> Data {
    let number = |number: usize| Data::Integer(i64::try_from(number).unwrap_or(i64::MAX));
    let mut map = super::Map::default();
    for (name, value) in [
        ("name", Data::Text(Arc::clone(&each.name))),
        ("length", number(length)),
        ("index", number(index + 1)),
        ("index0", number(index)),
        ("rindex", number(length - index)),
        ("rindex0", number(length - index - 1)),
        ("first", Data::Boolean(index == 0)),
        ("last", Data::Boolean(index + 1 == length)),
    ] {
        map.insert(name.into(), value);
    }
    Data::Map(Arc::new(map))
}

/// A part of a value: what a map has under a name, an item of a list by its number, and `size`, `first` and `last`.
fn part(value: &Data, key: &Data, is_named: bool) -> Data {
    match (value, key) {
        (Data::Map(map), key) if map.get(&key.to_text()).is_some() => {
            map.get(&key.to_text()).cloned().unwrap_or(Data::Null)
        }
        (Data::List(items), Data::Integer(index)) => {
            let count = i64::try_from(items.len()).unwrap_or(i64::MAX);
            let index = if *index < 0 { index.saturating_add(count) } else { *index };
            usize::try_from(index).ok().and_then(|index| items.get(index)).cloned().unwrap_or(Data::Null)
        }
        (Data::Pair(pair), key) => match (&*key.to_text(), key) {
            ("Key", _) | (_, Data::Integer(0)) => Data::Text(Arc::clone(&pair.0)),
            ("Value", _) | (_, Data::Integer(1)) => pair.1.clone(),
            (name, _) if *name == *pair.0 => pair.1.clone(),
            _ => Data::Null,
        },
        (_, Data::Text(name)) if is_named => match &**name {
            "size" if value.items().is_some() => Data::Integer(value.size()),
            "first" => value.items().and_then(|items| items.into_iter().next()).unwrap_or(Data::Null),
            "last" => value.items().and_then(|mut items| items.pop()).unwrap_or(Data::Null),
            _ => Data::Null,
        },
        _ => Data::Null,
    }
}

fn compares(left: &Data, operator: Operator, right: &Data) -> bool {
    use std::cmp::Ordering::{Greater, Less};
    let order = || compare(left, right);
    let text = |test: fn(&str, &str) -> bool| match left {
        Data::Text(text) => test(text, &right.to_text()),
        _ => false,
    };
    match operator {
        Operator::Equal => equal(left, right),
        Operator::NotEqual => !equal(left, right),
        Operator::Less => order() == Some(Less),
        Operator::Greater => order() == Some(Greater),
        Operator::LessOrEqual => order().is_some_and(|order| order != Greater),
        Operator::GreaterOrEqual => order().is_some_and(|order| order != Less),
        Operator::Contains => match left {
            Data::List(items) => items.iter().any(|item| equal(item, right)),
            _ => text(|text, part| text.contains(part)),
        },
        Operator::StartsWith => match left {
            Data::List(items) => items.first().is_some_and(|item| equal(item, right)),
            _ => text(|text, part| text.starts_with(part)),
        },
        Operator::EndsWith => match left {
            Data::List(items) => items.last().is_some_and(|item| equal(item, right)),
            _ => text(|text, part| text.ends_with(part)),
        },
        Operator::HasKey => matches!(left, Data::Map(map) if map.get(&right.to_text()).is_some()),
        Operator::HasValue => {
            matches!(left, Data::Map(map) if map.entries().any(|(_, value)| equal(value, right)))
        }
    }
}
