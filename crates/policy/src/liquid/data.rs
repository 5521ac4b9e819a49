//! Values of templates.

use std::fmt;
use std::sync::Arc;

use gatehouse_expression::dotnet::Token;
use gatehouse_expression::{DateTime, Json, Value};
use indexmap::IndexMap;
use rust_decimal::Decimal;

/// A value of a template.
#[derive(Clone)]
pub(crate) enum Data {
    Null,
    Boolean(bool),
    Integer(i64),
    Real(f64),
    Decimal(Decimal),
    Text(Arc<str>),
    Date(DateTime),
    List(Arc<[Self]>),
    Map(Arc<Map>),
    /// An entry of a map, as a loop over it sees it.
    Pair(Arc<(Arc<str>, Self)>),
    /// `empty` or `blank`: equal to what holds nothing.
    Empty,
}

/// Values by name, in their order.
#[derive(Default)]
pub(crate) struct Map {
    entries: IndexMap<Arc<str>, (Arc<str>, Data)>,
    ignores_case: bool,
    /// What it is as text: of an element with attributes, the text in it.
    text: Option<Arc<str>>,
}

impl Map {
    /// An empty one, whose names are found in any case.
    pub(crate) fn ignoring_case() -> Self {
        Self { ignores_case: true, ..Self::default() }
    }

    /// With a text of its own.
    pub(crate) fn with_text(mut self, text: Arc<str>) -> Self {
        self.text = Some(text);
        self
    }

    pub(crate) fn insert(&mut self, name: Arc<str>, value: Data) {
        self.entries.insert(self.key(&name), (name, value));
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Data> {
        let lower;
        let key = if self.ignores_case {
            lower = name.to_lowercase();
            lower.as_str()
        } else {
            name
        };
        self.entries.get(key).map(|(_, value)| value)
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn entries(&self) -> impl DoubleEndedIterator<Item = (&Arc<str>, &Data)> {
        self.entries.values().map(|(name, value)| (name, value))
    }

    fn key(&self, name: &Arc<str>) -> Arc<str> {
        if self.ignores_case { name.to_lowercase().into() } else { Arc::clone(name) }
    }
}

impl Data {
    pub(crate) fn text(text: impl Into<Arc<str>>) -> Self {
        Self::Text(text.into())
    }

    /// A value of an expression or a variable.
    pub(crate) fn of_value(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Boolean(value) => Self::Boolean(*value),
            Value::Double(value) => Self::Real(*value),
            Value::Single(value) => Self::Real(f64::from(*value)),
            Value::Decimal(value) => Self::Decimal(*value),
            Value::DateTime(value) => Self::Date(*value),
            Value::Json(json) => Self::of_json(json),
            Value::SByte(_)
            | Value::Byte(_)
            | Value::Int16(_)
            | Value::UInt16(_)
            | Value::Int32(_)
            | Value::UInt32(_)
            | Value::Int64(_) => value.to_integer().map_or(Self::Null, Self::Integer),
            other => match other.to_strings() {
                Some(texts) => Self::List(texts.into_iter().map(Self::Text).collect()),
                None => Self::Text(other.to_text()),
            },
        }
    }

    /// A JSON token.
    pub(crate) fn of_json(json: &Json) -> Self {
        match json.token() {
            Token::Object(entries) => {
                let mut map = Map::default();
                for (name, value) in entries {
                    map.insert(name, Self::of_json(&value));
                }
                Self::Map(Arc::new(map))
            }
            Token::Array(items) => Self::List(items.iter().map(Self::of_json).collect()),
            Token::Value(value) => Self::of_value(&value),
        }
    }

    /// What a loop runs over; `None`: it is no collection.
    pub(super) fn items(&self) -> Option<Vec<Self>> {
        match self {
            Self::List(items) => Some(items.to_vec()),
            Self::Map(map) => Some(
                map.entries()
                    .map(|(name, value)| Self::Pair(Arc::new((Arc::clone(name), value.clone()))))
                    .collect(),
            ),
            Self::Text(text) => Some(text.chars().map(|c| Self::text(c.to_string())).collect()),
            _ => None,
        }
    }

    /// Everything but null and false counts as true.
    pub(super) fn is_true(&self) -> bool {
        !matches!(self, Self::Null | Self::Boolean(false))
    }

    /// What stands for it within a text.
    pub(super) fn write(&self, out: &mut String) {
        match self {
            Self::Null | Self::Empty => {}
            Self::Boolean(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::List(items) => items.iter().for_each(|item| out.push_str(&item.to_text())),
            Self::Map(map) => match &map.text {
                Some(text) => out.push_str(text),
                None => map.entries().for_each(|(name, value)| write_pair(name, value, out)),
            },
            other => out.push_str(&other.to_text()),
        }
    }

    /// What .NET's `ToString()` gives.
    pub(super) fn to_text(&self) -> Arc<str> {
        match self {
            Self::Null | Self::Empty => Arc::default(),
            Self::Boolean(value) => if *value { "True" } else { "False" }.into(),
            Self::Integer(value) => value.to_string().into(),
            Self::Real(value) => Value::Double(*value).to_text(),
            Self::Decimal(value) => Value::Decimal(*value).to_text(),
            Self::Text(text) => Arc::clone(text),
            Self::Date(date) => Value::DateTime(*date).to_text(),
            Self::List(_) | Self::Map(_) => {
                let mut out = String::new();
                self.write(&mut out);
                out.into()
            }
            Self::Pair(pair) => {
                let mut out = String::new();
                write_pair(&pair.0, &pair.1, &mut out);
                out.into()
            }
        }
    }

    /// How many values it holds.
    pub(super) fn size(&self) -> i64 {
        let size = match self {
            Self::Text(text) => text.encode_utf16().count(),
            Self::List(items) => items.len(),
            Self::Map(map) => map.len(),
            _ => 0,
        };
        i64::try_from(size).unwrap_or(i64::MAX)
    }
}

fn write_pair(name: &str, value: &Data, out: &mut String) {
    out.extend(["[", name, ", ", &value.to_text(), "]"]);
}

impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A literal may hold the value of a secret named value: it is not shown.
        let kind = match self {
            Self::Null => "null",
            Self::Boolean(_) => "boolean",
            Self::Integer(_) | Self::Real(_) | Self::Decimal(_) => "number",
            Self::Text(_) => "text",
            Self::Date(_) => "date",
            Self::List(_) => "list",
            Self::Map(_) | Self::Pair(_) => "map",
            Self::Empty => "empty",
        };
        f.write_str(kind)
    }
}
