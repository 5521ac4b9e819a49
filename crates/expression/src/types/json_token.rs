//! `JToken`, `JContainer`, and the extension methods of sequences of tokens.

use std::sync::Arc;

use super::{Definition, Id, List, member};
use crate::class::Type;
use crate::exception::Thrown;
use crate::json::{self, Json, from_value, parse_path, to_type};
use crate::machine::Call;
use crate::value::{Enumeration, Value};

/// A conversion of a token to a type.
fn to(c: &mut Call<'_, '_>, class: &Type) -> Result<Value, Thrown> {
    if c.get(0).is_null() {
        return if class.takes_null() { Ok(Value::Null) } else { Err(Thrown::argument_null("value")) };
    }
    let json = c.json(0)?.clone();
    to_type(c.machine, &json, class)
}

/// The token that a value becomes.
fn from(c: &mut Call<'_, '_>) -> Result<Value, Thrown> {
    if c.get(0).is_null() {
        return Ok(Value::Json(Json::value(Value::Null)));
    }
    from_value(c.machine, c.get(0)).map(Value::Json)
}

/// The receiver, which has children: a value has none to look at.
fn container<'a>(c: &Call<'a, '_>) -> Result<&'a Json, Thrown> {
    let json = c.json(0)?;
    if json.scalar().is_some() {
        return Err(no_children());
    }
    Ok(json)
}

fn no_children() -> Thrown {
    Thrown::invalid_operation("Cannot access child value on Newtonsoft.Json.Linq.JValue.")
}

pub(super) fn parsed(c: &mut Call<'_, '_>, text: &str) -> Result<Json, Thrown> {
    c.machine.work(text.len() / 16)?;
    let before = c.machine.left();
    let mut left = before;
    let parsed = json::parse_within(text, &mut left);
    c.machine.allocate(before - left)?;
    let json = parsed.map_err(|error| {
        if error.exhausted {
            Thrown::Limit(crate::machine::TOO_MUCH_MEMORY)
        } else {
            Thrown::new(Id::JsonReaderException, error.to_string())
        }
    })?;
    c.machine.keep(&Value::Json(json.clone()));
    Ok(json)
}

/// A sequence of tokens of that class.
pub(super) fn tokens(class: Id, tokens: impl IntoIterator<Item = Json>) -> Value {
    Value::object(List::new(Type::Plain(class), tokens.into_iter().map(Value::Json).collect()))
}

/// `value[key]`: a property by name or an element by place.
pub(super) fn child(json: &Json, key: &Value) -> Result<Value, Thrown> {
    match key {
        Value::String(name) => {
            if json.is_object() {
                return Ok(json.property(name).map_or(Value::Null, Value::Json));
            }
            if json.is_property() {
                return Ok(json
                    .property_value()
                    .and_then(|v| v.property(name))
                    .map_or(Value::Null, Value::Json));
            }
            if json.is_array() {
                return Err(Thrown::argument(format!(
                    "Accessed JArray values with invalid key value: \"{name}\". Int32 array index expected."
                )));
            }
            Err(Thrown::invalid_operation("Cannot access child value on Newtonsoft.Json.Linq.JValue."))
        }
        Value::Int32(n) => {
            if json.is_array() {
                return usize::try_from(*n)
                    .ok()
                    .and_then(|n| json.item(n))
                    .map(Value::Json)
                    .ok_or_else(Thrown::index);
            }
            if json.is_object() {
                return Err(Thrown::argument(format!(
                    "Accessed JObject values with invalid key value: {n}. Object property name expected."
                )));
            }
            Err(Thrown::invalid_operation("Cannot access child value on Newtonsoft.Json.Linq.JValue."))
        }
        Value::Null => Err(Thrown::argument_null("key")),
        other => Err(Thrown::argument(format!(
            "Accessed JSON values with invalid key value: {}.",
            other.display()
        ))),
    }
}

fn set_child(c: &mut Call<'_, '_>) -> Result<Value, Thrown> {
    let json = c.json(0)?;
    let value = if c.get(2).is_null() { Json::value(Value::Null) } else { c.json(2)?.clone() };
    match c.get(1) {
        Value::String(name) if json.is_object() => json.set(name, &value)?,
        Value::Int32(n) if json.is_array() => {
            let index = usize::try_from(*n).map_err(|_| Thrown::index())?;
            json.set_item(index, &value)?;
        }
        other => {
            return Err(Thrown::invalid_operation(format!(
                "Cannot set child value {} on {}.",
                other.display(),
                c.get(0).class().full_name()
            )));
        }
    }
    Ok(Value::Null)
}

/// The tokens that a path finds.
fn select(c: &mut Call<'_, '_>) -> Result<Vec<Json>, Thrown> {
    let json = c.json(0)?;
    let path = parse_path(c.text(1)?).map_err(|m| Thrown::new(Id::JsonException, m))?;
    c.machine.work(json.len() + 8)?;
    Ok(path.select(json))
}

fn select_one(c: &mut Call<'_, '_>, strict: bool) -> Result<Value, Thrown> {
    let mut found = select(c)?;
    match found.len() {
        0 if strict => Err(Thrown::new(Id::JsonException, format!("Path '{}' does not exist.", c.text(1)?))),
        0 => Ok(Value::Null),
        1 => Ok(found.pop().map_or(Value::Null, Value::Json)),
        _ => Err(Thrown::new(Id::JsonException, "Path returned multiple tokens.")),
    }
}

fn beside(c: &mut Call<'_, '_>, after: bool) -> Result<Value, Thrown> {
    let json = c.json(0)?.clone();
    let parent = json.parent().ok_or_else(|| Thrown::invalid_operation("The parent is missing."))?;
    let at = parent.position(&json).unwrap_or(0) + usize::from(after);
    let token = from_value(c.machine, c.get(1))?;
    parent.insert(at, &token)?;
    Ok(Value::Null)
}

fn sibling(c: &Call<'_, '_>, step: isize) -> Result<Value, Thrown> {
    let json = c.json(0)?;
    let Some(parent) = json.parent() else { return Ok(Value::Null) };
    let at = parent.position(json).and_then(|n| n.checked_add_signed(step));
    Ok(at.and_then(|n| parent.item(n)).map_or(Value::Null, Value::Json))
}

fn text(c: &Call<'_, '_>) -> Result<Value, Thrown> {
    let json = c.json(0)?;
    let indented = c.enumeration(1) == 1;
    Ok(Value::from(json.write(indented)))
}

macro_rules! casts {
    ($($class:literal => $type:expr),* $(,)?) => {
        [$(
            member(concat!("explicit(JToken): ", $class), |c| to(c, &$type)),
            member(concat!("implicit(", $class, "): JToken"), from),
        )*]
    };
}

const CASTS: [super::Member; 44] = casts!(
    "string" => Type::STRING,
    "bool" => Type::BOOLEAN,
    "int" => Type::INT,
    "long" => Type::LONG,
    "double" => Type::DOUBLE,
    "decimal" => Type::Plain(Id::Decimal),
    "float" => Type::Plain(Id::Single),
    "short" => Type::Plain(Id::Int16),
    "byte" => Type::BYTE,
    "uint" => Type::Plain(Id::UInt32),
    "ulong" => Type::Plain(Id::UInt64),
    "DateTime" => Type::Plain(Id::DateTime),
    "DateTimeOffset" => Type::Plain(Id::DateTimeOffset),
    "Guid" => Type::Plain(Id::Guid),
    "TimeSpan" => Type::Plain(Id::TimeSpan),
    "Uri" => Type::Plain(Id::Uri),
    "bool?" => Type::nullable(Type::BOOLEAN),
    "int?" => Type::nullable(Type::INT),
    "long?" => Type::nullable(Type::LONG),
    "double?" => Type::nullable(Type::DOUBLE),
    "DateTime?" => Type::nullable(Type::Plain(Id::DateTime)),
    "byte[]" => Type::array(Type::BYTE),
);

const fn with_casts<const N: usize, const M: usize>(
    own: [super::Member; N],
    casts: &[super::Member; 44],
) -> [super::Member; M] {
    let mut all = [const { member("new()", |_| Ok(Value::Null)) }; M];
    let mut n = 0;
    while n < N {
        all[n] = own[n];
        n += 1;
    }
    let mut k = 0;
    while k < 44 {
        all[N + k] = casts[k];
        k += 1;
    }
    all
}

const OWN: [super::Member; 38] = [
    member("static Parse(string): JToken", |c| parsed(c, c.text(0)?).map(Value::Json)),
    member("static FromObject(object): JToken", |c| {
        if c.get(0).is_null() {
            return Err(Thrown::argument_null("o"));
        }
        let made = from_value(c.machine, c.get(0))?;
        Ok(Value::Json(if made.parent().is_some() { made.deep_clone() } else { made }))
    }),
    member("static DeepEquals(JToken, JToken): bool", |c| {
        Ok(Value::Boolean(match (c.get(0), c.get(1)) {
            (Value::Json(a), Value::Json(b)) => a.deep_equals(b),
            (a, b) => a.is_null() && b.is_null(),
        }))
    }),
    member("this[object]: JToken", |c| child(c.json(0)?, c.get(1))),
    member("set this[object]: JToken", set_child),
    member("Type: JTokenType", |c| {
        Ok(Value::Enumeration(Enumeration { id: Id::JTokenType, number: c.json(0)?.kind() }))
    }),
    member("HasValues: bool", |c| Ok(Value::Boolean(c.json(0)?.len() > 0))),
    member("Parent: JContainer", |c| Ok(c.json(0)?.parent().map_or(Value::Null, Value::Json))),
    member("Root: JToken", |c| Ok(Value::Json(c.json(0)?.root()))),
    member("Path: string", |c| Ok(Value::from(c.json(0)?.path()))),
    member("First: JToken", |c| {
        Ok(container(c)?.children().into_iter().next().map_or(Value::Null, Value::Json))
    }),
    member("Last: JToken", |c| Ok(container(c)?.children().pop().map_or(Value::Null, Value::Json))),
    member("Next: JToken", |c| sibling(c, 1)),
    member("Previous: JToken", |c| sibling(c, -1)),
    member("Children(): IEnumerable<JToken>", |c| Ok(tokens(Id::JToken, c.json(0)?.children()))),
    member("Children<T>(): IEnumerable<T>", |c| of_type(c, c.json(0)?.children())),
    member("Values<T>(): IEnumerable<T>", |c| {
        let children = c.json(0)?.children();
        converted(c, children)
    }),
    member("AfterSelf(): IEnumerable<JToken>", |c| {
        let json = c.json(0)?;
        let all = json.parent().map(|p| p.children()).unwrap_or_default();
        let at = all.iter().position(|t| t.same(json)).map_or(0, |n| n + 1);
        Ok(tokens(Id::JToken, all.into_iter().skip(at)))
    }),
    member("Ancestors(): IEnumerable<JToken>", |c| {
        let mut found = Vec::new();
        let mut at = c.json(0)?.parent();
        while let Some(json) = at {
            at = json.parent();
            found.push(json);
        }
        Ok(tokens(Id::JToken, found))
    }),
    member("Value<T>(object): T", |c| {
        let found = child(c.json(0)?, c.get(1))?;
        value_of(c, &found)
    }),
    member("SelectToken(string): JToken", |c| select_one(c, false)),
    member("SelectToken(string, bool): JToken", |c| {
        let strict = c.boolean(2)?;
        select_one(c, strict)
    }),
    member("SelectTokens(string): IEnumerable<JToken>", |c| Ok(tokens(Id::JToken, select(c)?))),
    member("SelectTokens(string, bool): IEnumerable<JToken>", |c| Ok(tokens(Id::JToken, select(c)?))),
    member("ToObject<T>(): T", |c| {
        let (json, class) = (c.json(0)?.clone(), c.class(0));
        to_type(c.machine, &json, &class)
    }),
    member("DeepClone(): JToken", |c| {
        c.machine.work(c.json(0)?.len())?;
        Ok(Value::Json(c.json(0)?.deep_clone()))
    }),
    member("Remove()", |c| {
        c.json(0)?.remove()?;
        Ok(Value::Null)
    }),
    member("Replace(JToken)", |c| {
        let with = if c.get(1).is_null() { Json::value(Value::Null) } else { c.json(1)?.clone() };
        c.json(0)?.replace(&with)?;
        Ok(Value::Null)
    }),
    member("AddAfterSelf(object)", |c| beside(c, true)),
    member("AddBeforeSelf(object)", |c| beside(c, false)),
    member("ToString(): string", |c| Ok(Value::from(c.get(0).display()))),
    member("ToString(Formatting): string", |c| text(c)),
    member("ToString(Formatting, params object[]): string", |c| text(c)),
    member("operator ==(JToken, JToken): bool", |c| Ok(Value::Boolean(c.get(0).same(c.get(1))))),
    member("operator !=(JToken, JToken): bool", |c| Ok(Value::Boolean(!c.get(0).same(c.get(1))))),
    member("Equals(object): bool", |c| Ok(Value::Boolean(c.get(0).equals(c.get(1))))),
    member("ToObject(System.Type): object", |c| {
        let json = c.json(0)?.clone();
        let class = c.object::<super::object::TypeObject>(1)?.0.clone();
        to_type(c.machine, &json, &class)
    }),
    member("BeforeSelf(): IEnumerable<JToken>", |c| {
        let json = c.json(0)?;
        let all = json.parent().map(|p| p.children()).unwrap_or_default();
        let at = all.iter().position(|t| t.same(json)).unwrap_or(0);
        Ok(tokens(Id::JToken, all.into_iter().take(at)))
    }),
];

const ALL: [super::Member; 82] = with_casts(OWN, &CASTS);

pub(super) const JTOKEN: Definition = Definition {
    name: "Newtonsoft.Json.Linq.JToken",
    bases: &["object", "IEnumerable<JToken>"],
    members: &ALL,
    ..Definition::NEW
};

/// `Value<T>()`: the token where it is one, what it holds where it fits, a conversion otherwise; null is the default.
fn value_of(c: &mut Call<'_, '_>, found: &Value) -> Result<Value, Thrown> {
    let class = c.class(0);
    let Value::Json(json) = found else { return Ok(Value::default_of(&class)) };
    let json = json.clone();
    if let Some(scalar) = json.scalar() {
        if Value::Json(json.clone()).is_instance(&class) && class != Type::OBJECT {
            return Ok(Value::Json(json));
        }
        if scalar.is_null() {
            return if class.takes_null() {
                Ok(Value::Null)
            } else {
                Err(Thrown::new(Id::InvalidCastException, "Null object cannot be converted to a value type."))
            };
        }
        return super::change(&scalar, &class);
    }
    let token = Value::Json(json);
    if token.is_instance(&class) {
        return Ok(token);
    }
    Err(Thrown::new(
        Id::InvalidCastException,
        format!("Cannot cast {} to {}.", token.class().full_name(), Type::TOKEN.full_name()),
    ))
}

fn of_type(c: &Call<'_, '_>, children: Vec<Json>) -> Result<Value, Thrown> {
    let class = c.class(0);
    let found = children.into_iter().map(Value::Json).filter(|t| t.is_instance(&class)).collect();
    Ok(Value::object(List::new(class, found)))
}

fn converted(c: &mut Call<'_, '_>, children: Vec<Json>) -> Result<Value, Thrown> {
    let class = c.class(0);
    let mut found = Vec::with_capacity(children.len());
    for json in children {
        c.machine.step()?;
        found.push(if Value::Json(json.clone()).is_instance(&class) {
            Value::Json(json)
        } else {
            to_type(c.machine, &json, &class)?
        });
    }
    Ok(Value::object(List::new(class, found)))
}

/// Adds content to a container: a token, a value, or each of a sequence.
pub(super) fn add_content(c: &mut Call<'_, '_>, to: &Json, content: &Value) -> Result<(), Thrown> {
    c.machine.step()?;
    c.machine.allocate(64)?;
    let many = matches!(content, Value::Object(_))
        && content.class().element().is_some()
        && content.class() != Type::array(Type::BYTE);
    if many {
        for item in c.machine.collect(content)? {
            add_content(c, to, &item)?;
        }
        return Ok(());
    }
    let token = if content.is_null() { Json::value(Value::Null) } else { from_value(c.machine, content)? };
    to.add(&token)
}

pub(super) const JCONTAINER: Definition = Definition {
    name: "Newtonsoft.Json.Linq.JContainer",
    bases: &["JToken"],
    members: &[
        member("Count: int", |c| Ok(Value::Int32(c.json(0)?.len() as i32))),
        member("Add(object)", |c| {
            let (json, content) = (c.json(0)?.clone(), c.value(1));
            add_content(c, &json, &content)?;
            Ok(Value::Null)
        }),
        member("AddFirst(object)", |c| {
            let token = from_value(c.machine, c.get(1))?;
            c.json(0)?.insert(0, &token)?;
            Ok(Value::Null)
        }),
        member("RemoveAll()", |c| {
            c.json(0)?.clear();
            Ok(Value::Null)
        }),
        member("ReplaceAll(object)", |c| {
            let (json, content) = (c.json(0)?.clone(), c.value(1));
            json.clear();
            add_content(c, &json, &content)?;
            Ok(Value::Null)
        }),
        member("Descendants(): IEnumerable<JToken>", |c| {
            let found = c.json(0)?.descendants(false);
            c.machine.work(found.len())?;
            Ok(tokens(Id::JToken, found))
        }),
        member("DescendantsAndSelf(): IEnumerable<JToken>", |c| {
            let found = c.json(0)?.descendants(true);
            c.machine.work(found.len())?;
            Ok(tokens(Id::JToken, found))
        }),
        member("Merge(object)", |c| {
            let content = from_value(c.machine, c.get(1))?;
            merge(c.json(0)?, &content)?;
            Ok(Value::Null)
        }),
    ],
    ..Definition::NEW
};

/// Puts what another container holds into this one: properties are replaced, objects merged, elements added.
fn merge(into: &Json, from: &Json) -> Result<(), Thrown> {
    if into.is_array() && from.is_array() {
        for item in from.children() {
            into.add(&item)?;
        }
        return Ok(());
    }
    for name in from.names() {
        let Some(value) = from.property(&name) else { continue };
        match into.property(&name) {
            Some(mine) if mine.is_object() && value.is_object() || mine.is_array() && value.is_array() => {
                merge(&mine, &value)?;
            }
            Some(_) if value.is_null() => {}
            _ => into.set(&name, &value)?,
        }
    }
    Ok(())
}

fn sequence(c: &mut Call<'_, '_>) -> Result<Vec<Json>, Thrown> {
    Ok(c.items(0)?
        .into_iter()
        .filter_map(|v| if let Value::Json(json) = v { Some(json) } else { None })
        .collect())
}

pub(super) const EXTENSIONS: Definition = Definition {
    name: "Newtonsoft.Json.Linq.Extensions",
    members: &[
        member("extension Value<T>(IEnumerable<JToken>): T", |c| {
            if c.get(0).is_null() {
                return Err(Thrown::argument_null("value"));
            }
            let found = c.value(0);
            value_of(c, &found)
        }),
        member("extension Values<T>(IEnumerable<JToken>): IEnumerable<JToken>", values),
        member("extension Values(IEnumerable<JToken>): IEnumerable<JToken>", values),
        member("extension Values(IEnumerable<JToken>, object): IEnumerable<JToken>", |c| {
            let mut found = Vec::new();
            let key: Arc<str> = c.get(1).to_text();
            for json in sequence(c)? {
                found.extend(json.property(&key));
            }
            Ok(tokens(Id::JToken, found))
        }),
        member("extension Values<T>(IEnumerable<JToken>, object): IEnumerable<T>", |c| {
            let mut found = Vec::new();
            let key: Arc<str> = c.get(1).to_text();
            for json in sequence(c)? {
                found.extend(json.property(&key));
            }
            converted(c, found)
        }),
        member("extension Children<T>(IEnumerable<T>): IEnumerable<JToken>", |c| {
            let found = sequence(c)?.iter().flat_map(Json::children).collect::<Vec<_>>();
            Ok(tokens(Id::JToken, found))
        }),
        member("extension Properties(IEnumerable<JObject>): IEnumerable<JProperty>", |c| {
            let found = sequence(c)?.iter().flat_map(Json::children).collect::<Vec<_>>();
            Ok(tokens(Id::JProperty, found))
        }),
        member("extension Ancestors<T>(IEnumerable<T>): IEnumerable<JToken>", |c| {
            let mut found = Vec::new();
            for json in sequence(c)? {
                let mut at = json.parent();
                while let Some(json) = at {
                    at = json.parent();
                    found.push(json);
                }
            }
            Ok(tokens(Id::JToken, found))
        }),
        member("extension Descendants<T>(IEnumerable<T>): IEnumerable<JToken>", |c| {
            let found = sequence(c)?.iter().flat_map(|j| j.descendants(false)).collect::<Vec<_>>();
            c.machine.work(found.len())?;
            Ok(tokens(Id::JToken, found))
        }),
    ],
    ..Definition::NEW
};

fn values(c: &mut Call<'_, '_>) -> Result<Value, Thrown> {
    let found: Vec<Json> = sequence(c)?
        .iter()
        .flat_map(|j| if j.is_property() { j.property_value().into_iter().collect() } else { j.children() })
        .collect();
    if c.types.is_empty() { Ok(tokens(Id::JToken, found)) } else { converted(c, found) }
}
