//! Matches, groups and captures, and their collections.

use std::sync::Arc;

use super::{Group, Match, expand, find};
use crate::class::Type;
use crate::exception::Thrown;
use crate::machine::{Call, Cursor};
use crate::text;
use crate::types::sequence::Items;
use crate::types::{Definition, Id, member};
use crate::value::{Object, Value};

/// Input and place of a match, group or capture.
fn captured<'a>(c: &Call<'a, '_>) -> Result<(&'a Arc<str>, Option<(usize, usize)>), Thrown> {
    if let Some(found) = c.get(0).downcast::<Match>() {
        return Ok((&found.input, found.spans.first().copied().flatten()));
    }
    let group: &Group = c.object(0)?;
    Ok((&group.input, group.span))
}

pub(in crate::types) const CAPTURE: Definition = Definition {
    name: "System.Text.RegularExpressions.Capture",
    bases: &["object"],
    members: &[
        member("Value: string", |c| {
            let (input, span) = captured(c)?;
            Ok(Value::from(span.and_then(|(s, e)| input.get(s..e)).unwrap_or_default()))
        }),
        member("Index: int", |c| {
            let (input, span) = captured(c)?;
            Ok(Value::Int32(span.map_or(0, |(s, _)| text::units_before(input, s)) as i32))
        }),
        member("Length: int", |c| {
            let (input, span) = captured(c)?;
            Ok(Value::Int32(span.and_then(|(s, e)| input.get(s..e)).map_or(0, text::length) as i32))
        }),
        member("ToString(): string", |c| Ok(Value::from(c.get(0).display()))),
    ],
    ..Definition::NEW
};

pub(in crate::types) const GROUP: Definition = Definition {
    name: "System.Text.RegularExpressions.Group",
    bases: &["System.Text.RegularExpressions.Capture"],
    members: &[
        member("Success: bool", |c| Ok(Value::Boolean(captured(c)?.1.is_some()))),
        member("Name: string", |c| Ok(Value::from(c.get(0).downcast::<Group>().map_or("0", |g| &*g.name)))),
        member("Captures: CaptureCollection", |c| {
            let (input, span) = captured(c)?;
            let one = span.map(|_| {
                Value::object(Group { class: Id::Capture, input: Arc::clone(input), span, name: "".into() })
            });
            Ok(Value::object(Collection {
                class: Id::CaptureCollection,
                items: one.into_iter().collect(),
                names: Vec::new(),
            }))
        }),
    ],
    ..Definition::NEW
};

pub(in crate::types) const MATCH: Definition = Definition {
    name: "System.Text.RegularExpressions.Match",
    bases: &["System.Text.RegularExpressions.Group"],
    members: &[
        member("static Empty: Match", |_| {
            Ok(Value::object(Match { regex: None, input: "".into(), spans: Vec::new(), next: 0 }))
        }),
        member("Groups: GroupCollection", |c| {
            let found: &Match = c.object(0)?;
            let names = found.names();
            let items = names.iter().map(|(n, name)| found.group(*n, name)).collect();
            Ok(Value::object(Collection {
                class: Id::GroupCollection,
                items,
                names: names.into_iter().map(|(_, n)| n).collect(),
            }))
        }),
        member("NextMatch(): Match", |c| {
            let found: &Match = c.object(0)?;
            match &found.regex {
                Some(regex) => find(regex, &found.input, found.next).map(Value::object),
                None => Ok(c.value(0)),
            }
        }),
        member("Result(string): string", |c| {
            let found: &Match = c.object(0)?;
            if found.regex.is_none() {
                return Err(Thrown::not_supported("Result cannot be called on a failed Match."));
            }
            let mut out = String::new();
            expand(found, c.text(1)?, &mut out);
            Ok(Value::from(out))
        }),
    ],
    ..Definition::NEW
};

/// Matches, groups or captures.
pub(super) struct Collection {
    pub(super) class: Id,
    pub(super) items: Vec<Value>,
    pub(super) names: Vec<String>,
}

impl Object for Collection {
    fn class(&self) -> Type {
        Type::Plain(self.class)
    }

    fn cursor(self: Arc<Self>) -> Option<Box<dyn Cursor>> {
        Some(Items::boxed(self.items.clone()))
    }
}

fn count(c: &mut Call<'_, '_>) -> Result<Value, Thrown> {
    Ok(Value::Int32(c.object::<Collection>(0)?.items.len() as i32))
}

fn item(c: &mut Call<'_, '_>) -> Result<Value, Thrown> {
    let index = usize::try_from(c.int(1)?).ok();
    index.and_then(|n| c.object::<Collection>(0).ok()?.items.get(n).cloned()).ok_or_else(Thrown::index)
}

/// A group that is not there counts as one that did not match.
fn no_group() -> Value {
    Value::object(Group { class: Id::RegexGroup, input: "".into(), span: None, name: "".into() })
}

pub(in crate::types) const MATCH_COLLECTION: Definition = Definition {
    name: "System.Text.RegularExpressions.MatchCollection",
    bases: &["object", "IEnumerable<Match>"],
    members: &[member("Count: int", count), member("this[int]: Match", item)],
    ..Definition::NEW
};

pub(in crate::types) const GROUP_COLLECTION: Definition = Definition {
    name: "System.Text.RegularExpressions.GroupCollection",
    bases: &["object", "IEnumerable<System.Text.RegularExpressions.Group>"],
    members: &[
        member("Count: int", count),
        member("this[int]: System.Text.RegularExpressions.Group", |c| {
            Ok(item(c).unwrap_or_else(|_| no_group()))
        }),
        member("this[string]: System.Text.RegularExpressions.Group", |c| {
            let groups: &Collection = c.object(0)?;
            let name = c.text(1)?;
            let at = groups.names.iter().position(|n| n == name);
            Ok(at.and_then(|n| groups.items.get(n).cloned()).unwrap_or_else(no_group))
        }),
    ],
    ..Definition::NEW
};

pub(in crate::types) const CAPTURE_COLLECTION: Definition = Definition {
    name: "System.Text.RegularExpressions.CaptureCollection",
    bases: &["object", "IEnumerable<Capture>"],
    members: &[member("Count: int", count), member("this[int]: Capture", item)],
    ..Definition::NEW
};
