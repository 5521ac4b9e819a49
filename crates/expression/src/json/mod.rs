//! Newtonsoft's JSON tree: objects, arrays, properties and values that know their parents and may be changed.

mod convert;
mod edit;
mod parse;
mod path;
mod write;

use std::sync::{Arc, Weak};

use indexmap::IndexMap;
use parking_lot::Mutex;

pub(crate) use self::convert::{from_value, kind_word, to_type};
pub(crate) use self::parse::{parse, parse_plain, parse_within};
pub(crate) use self::path::parse_path;
pub(crate) use self::write::escape;

use crate::exception::Thrown;
use crate::types::Id;
use crate::value::Value;

/// Deepest nesting of a tree; everything that walks one relies on it.
pub(crate) const MAX_DEPTH: u16 = 200;

/// A `JToken`. Clones share the token.
#[derive(Clone)]
pub struct Json(Arc<Node>);

struct Node(Mutex<State>);

struct State {
    parent: Weak<Node>,
    /// How many levels there are below and including this token; it never shrinks.
    height: u16,
    /// Where it stood last among its siblings in an array: where to look first.
    place: u32,
    content: Content,
}

type Properties = IndexMap<Arc<str>, Json, foldhash::fast::RandomState>;

pub(crate) enum Content {
    Array(Vec<Json>),
    Object(Properties),
    /// Name and value; the value is missing only while the property moves.
    Property(Arc<str>, Option<Json>),
    /// JSON text as it is.
    Raw(Arc<str>),
    Value(Value),
}

impl Json {
    fn new(content: Content) -> Self {
        Self(Arc::new(Node(Mutex::new(State { parent: Weak::new(), height: 1, place: 0, content }))))
    }

    pub(crate) fn object() -> Self {
        Self::new(Content::Object(Properties::default()))
    }

    pub(crate) fn array() -> Self {
        Self::new(Content::Array(Vec::new()))
    }

    pub(crate) fn value(scalar: Value) -> Self {
        Self::new(Content::Value(scalar))
    }

    pub(crate) fn raw(text: Arc<str>) -> Self {
        Self::new(Content::Raw(text))
    }

    pub(crate) fn new_property(name: Arc<str>, value: &Self) -> Result<Self, Thrown> {
        let property = Self::new(Content::Property(name, None));
        property.put(value)?;
        Ok(property)
    }

    /// JSON text on one line.
    pub fn compact(&self) -> String {
        self.write(false)
    }

    pub(crate) fn class(&self) -> Id {
        match self.0.0.lock().content {
            Content::Array(_) => Id::JArray,
            Content::Object(_) => Id::JObject,
            Content::Property(..) => Id::JProperty,
            Content::Raw(_) => Id::JRaw,
            Content::Value(_) => Id::JValue,
        }
    }

    /// The number of its `JTokenType`.
    pub(crate) fn kind(&self) -> i64 {
        match &self.0.0.lock().content {
            Content::Object(_) => 1,
            Content::Array(_) => 2,
            Content::Property(..) => 4,
            Content::Raw(_) => 13,
            Content::Value(value) => match value {
                Value::Null => 10,
                Value::Boolean(_) => 9,
                Value::Single(_) | Value::Double(_) | Value::Decimal(_) => 7,
                Value::String(_) | Value::Char(_) => 8,
                Value::DateTime(_) | Value::DateTimeOffset(_) => 12,
                Value::Guid(_) => 15,
                Value::TimeSpan(_) => 17,
                Value::Object(o) => {
                    if o.0.class().is(Id::Uri) {
                        16
                    } else if o.0.class().is(Id::BigInteger) {
                        6
                    } else {
                        14
                    }
                }
                _ => 6,
            },
        }
    }

    pub(crate) fn is_object(&self) -> bool {
        matches!(self.0.0.lock().content, Content::Object(_))
    }

    pub(crate) fn is_array(&self) -> bool {
        matches!(self.0.0.lock().content, Content::Array(_))
    }

    pub(crate) fn is_property(&self) -> bool {
        matches!(self.0.0.lock().content, Content::Property(..))
    }

    /// Whether it is a `JValue` that holds null.
    pub(crate) fn is_null(&self) -> bool {
        matches!(self.0.0.lock().content, Content::Value(Value::Null))
    }

    /// What a `JValue` holds.
    pub(crate) fn scalar(&self) -> Option<Value> {
        match &self.0.0.lock().content {
            Content::Value(value) => Some(value.clone()),
            Content::Raw(text) => Some(Value::String(Arc::clone(text))),
            _ => None,
        }
    }

    /// Sets what a `JValue` holds.
    pub(crate) fn set_scalar(&self, value: Value) {
        if let Content::Value(place) = &mut self.0.0.lock().content {
            *place = value;
        }
    }

    /// Name of a property.
    pub(crate) fn name(&self) -> Option<Arc<str>> {
        match &self.0.0.lock().content {
            Content::Property(name, _) => Some(Arc::clone(name)),
            _ => None,
        }
    }

    /// Value of a property.
    pub(crate) fn property_value(&self) -> Option<Self> {
        match &self.0.0.lock().content {
            Content::Property(_, value) => value.clone(),
            _ => None,
        }
    }

    /// The property of that name.
    pub(crate) fn property_node(&self, name: &str) -> Option<Self> {
        match &self.0.0.lock().content {
            Content::Object(properties) => properties.get(name).cloned(),
            _ => None,
        }
    }

    /// The value of the property of that name.
    pub(crate) fn property(&self, name: &str) -> Option<Self> {
        self.property_node(name)?.property_value()
    }

    /// The names of an object's properties.
    pub(crate) fn names(&self) -> Vec<Arc<str>> {
        match &self.0.0.lock().content {
            Content::Object(properties) => properties.keys().cloned().collect(),
            _ => Vec::new(),
        }
    }

    /// The tokens directly below: properties of an object, elements of an array, the value of a property.
    pub(crate) fn children(&self) -> Vec<Self> {
        match &self.0.0.lock().content {
            Content::Array(items) => items.clone(),
            Content::Object(properties) => properties.values().cloned().collect(),
            Content::Property(_, value) => value.iter().cloned().collect(),
            _ => Vec::new(),
        }
    }

    /// How many tokens are directly below.
    pub(crate) fn len(&self) -> usize {
        match &self.0.0.lock().content {
            Content::Array(items) => items.len(),
            Content::Object(properties) => properties.len(),
            Content::Property(_, value) => usize::from(value.is_some()),
            _ => 0,
        }
    }

    pub(crate) fn item(&self, index: usize) -> Option<Self> {
        match &self.0.0.lock().content {
            Content::Array(items) => items.get(index).cloned(),
            Content::Object(properties) => properties.get_index(index).map(|(_, p)| p.clone()),
            Content::Property(_, value) if index == 0 => value.clone(),
            _ => None,
        }
    }

    pub(crate) fn parent(&self) -> Option<Self> {
        self.0.0.lock().parent.upgrade().map(Self)
    }

    pub(crate) fn root(&self) -> Self {
        let mut at = self.clone();
        while let Some(parent) = at.parent() {
            at = parent;
        }
        at
    }

    /// Everything below, in document order.
    pub(crate) fn descendants(&self, and_self: bool) -> Vec<Self> {
        let mut found = Vec::new();
        let mut open =
            if and_self { vec![self.clone()] } else { self.children().into_iter().rev().collect() };
        while let Some(next) = open.pop() {
            open.extend(next.children().into_iter().rev());
            found.push(next);
        }
        found
    }

    pub(crate) fn position(&self, child: &Self) -> Option<usize> {
        let (place, name) = {
            let state = child.0.0.lock();
            let name = match &state.content {
                Content::Property(name, _) => Some(Arc::clone(name)),
                _ => None,
            };
            (state.place as usize, name)
        };
        let found = match &self.0.0.lock().content {
            Content::Array(items) => {
                let here = |at: &usize| items.get(*at).is_some_and(|item| item.same(child));
                let near = [place, place + 1, place.saturating_sub(1)];
                near.into_iter().find(here).or_else(|| items.iter().position(|item| item.same(child)))
            }
            Content::Object(properties) => name.and_then(|name| properties.get_index_of(&*name)),
            Content::Property(_, value) => value.as_ref().filter(|value| value.same(child)).map(|_| 0),
            Content::Raw(_) | Content::Value(_) => None,
        };
        if let Some(at) = found {
            child.0.0.lock().place = at as u32;
        }
        found
    }

    pub(crate) fn deep_clone(&self) -> Self {
        let (content, height) = {
            let state = self.0.0.lock();
            let content = match &state.content {
                Content::Array(items) => Content::Array(items.iter().map(Self::deep_clone).collect()),
                Content::Object(properties) => {
                    Content::Object(properties.iter().map(|(n, p)| (Arc::clone(n), p.deep_clone())).collect())
                }
                Content::Property(name, value) => {
                    Content::Property(Arc::clone(name), value.as_ref().map(Self::deep_clone))
                }
                Content::Raw(text) => Content::Raw(Arc::clone(text)),
                Content::Value(value) => Content::Value(value.clone()),
            };
            (content, state.height)
        };
        let copy = Self::new(content);
        copy.0.0.lock().height = height;
        for child in copy.children() {
            child.0.0.lock().parent = Arc::downgrade(&copy.0);
        }
        copy
    }

    pub(crate) fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// `Equals`: values compare by contents, containers by identity.
    pub(crate) fn equals(&self, other: &Self) -> bool {
        self.same(other)
            || matches!((self.scalar(), other.scalar()), (Some(a), Some(b)) if convert::scalars_equal(&a, &b))
    }

    /// `JToken.DeepEquals`.
    pub(crate) fn deep_equals(&self, other: &Self) -> bool {
        if self.same(other) {
            return true;
        }
        if let (Some(a), Some(b)) = (self.scalar(), other.scalar()) {
            return convert::scalars_equal(&a, &b);
        }
        if self.class() != other.class() || self.len() != other.len() {
            return false;
        }
        if self.is_object() {
            return self.names().iter().all(
                |n| matches!((self.property(n), other.property(n)), (Some(a), Some(b)) if a.deep_equals(&b)),
            );
        }
        self.name() == other.name()
            && self.children().iter().zip(other.children()).all(|(a, b)| a.deep_equals(&b))
    }

    pub(crate) fn hash(&self, hasher: &mut impl std::hash::Hasher) {
        use std::hash::Hash as _;
        match self.scalar() {
            Some(value) => value.hash().hash(hasher),
            None => Arc::as_ptr(&self.0).hash(hasher),
        }
    }

    /// Its place in the tree, such as `items[0].name`.
    pub(crate) fn path(&self) -> String {
        let mut steps = Vec::new();
        let mut at = self.clone();
        while let Some(parent) = at.parent() {
            if let Some(name) = at.name() {
                steps.push(path::name_step(&name));
            } else if parent.is_array() {
                steps.push(format!("[{}]", parent.position(&at).unwrap_or_default()));
            }
            at = parent;
        }
        if let Some(name) = at.name() {
            steps.push(path::name_step(&name));
        }
        let mut text = String::new();
        for step in steps.iter().rev() {
            if !text.is_empty() && !step.starts_with('[') {
                text.push('.');
            }
            text.push_str(step);
        }
        text
    }

    fn with<T>(&self, read: impl FnOnce(&Content) -> T) -> T {
        read(&self.0.0.lock().content)
    }
}

impl std::fmt::Debug for Json {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.write(false))
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.deep_equals(other)
    }
}
