//! What an expression yields and what variables hold.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use rust_decimal::Decimal;

use crate::class::Type;
use crate::context::{Side, UrlOf};
use crate::exception::Thrown;
use crate::json::Json;
use crate::machine::Cursor;
use crate::time::{DateTime, DateTimeOffset, TimeSpan};
use crate::types::{Id, registry};
use crate::{number, types};

/// A .NET value. Cloning is cheap and shares objects, as assigning a reference does.
#[derive(Clone)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the policy engine matches what it knows and takes the text of the rest"
)]
pub enum Value {
    /// `null`.
    Null,
    /// `bool`.
    Boolean(bool),
    /// `char`: one UTF-16 unit.
    Char(u16),
    /// `sbyte`.
    SByte(i8),
    /// `byte`.
    Byte(u8),
    /// `short`.
    Int16(i16),
    /// `ushort`.
    UInt16(u16),
    /// `int`.
    Int32(i32),
    /// `uint`.
    UInt32(u32),
    /// `long`.
    Int64(i64),
    /// `ulong`.
    UInt64(u64),
    /// `float`.
    Single(f32),
    /// `double`.
    Double(f64),
    /// `decimal`.
    Decimal(Decimal),
    /// `System.DateTime`.
    DateTime(DateTime),
    /// `System.DateTimeOffset`.
    DateTimeOffset(DateTimeOffset),
    /// `System.TimeSpan`.
    TimeSpan(TimeSpan),
    /// `System.Guid`, as the bytes of its text form.
    Guid([u8; 16]),
    /// `string`.
    String(Arc<str>),
    /// A value of an enumeration.
    Enumeration(Enumeration),
    /// A Newtonsoft `JToken`.
    Json(Json),
    /// A part of `context`.
    Part(Part),
    /// Any other object.
    Object(Handle),
}

/// A value of an enumeration type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Enumeration {
    pub(crate) id: Id,
    pub(crate) number: i64,
}

/// A part of `context`, which reads the exchange when it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Part(pub(crate) PartOf);

/// The parts of `context` that have no data of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum PartOf {
    Body(Side),
    Context,
    Headers(Side),
    LastError,
    MatchedParameters,
    Message(Side),
    Url(UrlOf),
    Variables,
}

/// A reference to an object.
#[derive(Clone)]
pub struct Handle(pub(crate) Arc<dyn Object>);

/// What every class of objects can do.
pub(crate) trait Object: Any + Send + Sync {
    /// Its type at run time.
    fn class(&self) -> Type;

    /// What `ToString()` gives, where that is not the name of the type.
    fn text(&self) -> Option<String> {
        None
    }

    /// Starts to enumerate it, where it is a sequence.
    fn cursor(self: Arc<Self>) -> Option<Box<dyn Cursor>> {
        None
    }

    /// `Equals`, where it compares contents.
    fn equals(&self, _other: &Value) -> Option<bool> {
        None
    }

    /// A hash that agrees with `equals`.
    fn hash(&self) -> Option<u64> {
        None
    }
}

impl Value {
    /// Wraps an object.
    pub(crate) fn object(object: impl Object) -> Self {
        Self::Object(Handle(Arc::new(object)))
    }

    pub(crate) fn handle(object: Arc<dyn Object>) -> Self {
        Self::Object(Handle(object))
    }

    /// A string.
    pub fn text(text: impl Into<Arc<str>>) -> Self {
        Self::String(text.into())
    }

    pub(crate) fn text_or_null(text: Option<impl Into<Arc<str>>>) -> Self {
        text.map_or(Self::Null, |t| Self::String(t.into()))
    }

    /// An array of bytes.
    pub fn bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self::object(types::Array::of_bytes(bytes.into()))
    }

    /// An array of strings.
    pub fn strings(texts: impl IntoIterator<Item = impl Into<Arc<str>>>) -> Self {
        Self::object(types::Array::new(
            Type::STRING,
            texts.into_iter().map(|t| Self::String(t.into())).collect(),
        ))
    }

    /// A `JToken` read from JSON text, as `JToken.Parse` reads it.
    pub fn parse_json(text: &str) -> Result<Self, String> {
        crate::json::parse(text).map(Self::Json).map_err(|e| e.to_string())
    }

    /// The object as `T`, if it is one.
    pub(crate) fn downcast<T: Object>(&self) -> Option<&T> {
        match self {
            Self::Object(handle) => {
                let any: &dyn Any = handle.0.as_ref();
                any.downcast_ref()
            }
            _ => None,
        }
    }

    /// The object as a shared `T`, if it is one.
    pub(crate) fn shared<T: Object>(&self) -> Option<Arc<T>> {
        match self {
            Self::Object(handle) => {
                let any: Arc<dyn Any + Send + Sync> = Arc::<dyn Object>::clone(&handle.0);
                any.downcast().ok()
            }
            _ => None,
        }
    }

    /// Whether it is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The text it becomes in an attribute or element: invariant culture, `""` for null, `True`/`False` for `bool`.
    pub fn to_text(&self) -> Arc<str> {
        match self {
            Self::String(text) => Arc::clone(text),
            Self::Null => Arc::from(""),
            other => Arc::from(other.display()),
        }
    }

    /// The condition it states: a `bool`, or the text `true` or `false` in any case.
    pub fn to_boolean(&self) -> Option<bool> {
        match self {
            Self::Boolean(b) => Some(*b),
            Self::Null => None,
            other => {
                let text = other.to_text();
                let text = text.trim();
                if text.eq_ignore_ascii_case("true") {
                    Some(true)
                } else if text.eq_ignore_ascii_case("false") {
                    Some(false)
                } else {
                    None
                }
            }
        }
    }

    /// The whole number it states: any numeric type without a fraction, or the text of one.
    pub fn to_integer(&self) -> Option<i64> {
        match self {
            Self::Null => None,
            Self::String(text) => text.trim().parse().ok(),
            Self::Json(json) => json.scalar().and_then(|v| v.to_integer()),
            other => {
                let number = number::Number::of(other)?;
                number.whole()
            }
        }
    }

    /// Its bytes: a byte array as it is, anything else as UTF-8 text.
    pub fn to_bytes(&self) -> Bytes {
        match self.downcast::<types::Array>().and_then(types::Array::bytes) {
            Some(bytes) => bytes.into(),
            None => Bytes::copy_from_slice(self.to_text().as_bytes()),
        }
    }

    /// The strings in it, where it is a sequence of strings.
    pub fn to_strings(&self) -> Option<Vec<Arc<str>>> {
        let items = self
            .downcast::<types::Array>()
            .map(types::Array::items)
            .or_else(|| self.downcast::<types::List>().map(types::List::items))?;
        Some(items.iter().map(Self::to_text).collect())
    }

    /// The response that `send-request` left, where it is one.
    pub fn as_response(&self) -> Option<&crate::message::Response> {
        self.downcast()
    }

    /// The full .NET name of its type.
    pub fn type_name(&self) -> String {
        if self.is_null() { "null".to_owned() } else { self.class().full_name() }
    }

    /// Its type at run time.
    pub(crate) fn class(&self) -> Type {
        match self {
            Self::Null => Type::Null,
            Self::Boolean(_) => Type::BOOLEAN,
            Self::Char(_) => Type::CHAR,
            Self::SByte(_) => Type::Plain(Id::SByte),
            Self::Byte(_) => Type::BYTE,
            Self::Int16(_) => Type::Plain(Id::Int16),
            Self::UInt16(_) => Type::Plain(Id::UInt16),
            Self::Int32(_) => Type::INT,
            Self::UInt32(_) => Type::Plain(Id::UInt32),
            Self::Int64(_) => Type::LONG,
            Self::UInt64(_) => Type::Plain(Id::UInt64),
            Self::Single(_) => Type::Plain(Id::Single),
            Self::Double(_) => Type::DOUBLE,
            Self::Decimal(_) => Type::Plain(Id::Decimal),
            Self::DateTime(_) => Type::Plain(Id::DateTime),
            Self::DateTimeOffset(_) => Type::Plain(Id::DateTimeOffset),
            Self::TimeSpan(_) => Type::Plain(Id::TimeSpan),
            Self::Guid(_) => Type::Plain(Id::Guid),
            Self::String(_) => Type::STRING,
            Self::Enumeration(e) => Type::Plain(e.id),
            Self::Json(json) => Type::Plain(json.class()),
            Self::Part(part) => part.class(),
            Self::Object(handle) => handle.0.class(),
        }
    }

    /// What `ToString()` with the invariant culture gives; `""` for null.
    pub(crate) fn display(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Boolean(b) => if *b { "True" } else { "False" }.to_owned(),
            Self::Char(unit) => crate::text::from_units(&[*unit]),
            Self::String(text) => text.to_string(),
            Self::DateTime(d) => crate::time::format::date_time(d, "G").unwrap_or_default(),
            Self::DateTimeOffset(d) => crate::time::format::date_time_offset(d, "").unwrap_or_default(),
            Self::TimeSpan(t) => t.to_string(),
            Self::Guid(bytes) => types::guid_text(bytes, 'D'),
            Self::Enumeration(e) => e.name(),
            Self::Json(json) => json.display(),
            Self::Part(part) => part.class().full_name(),
            Self::Object(handle) => handle.0.text().unwrap_or_else(|| handle.0.class().full_name()),
            number => number::display(number),
        }
    }

    /// `object.Equals`.
    #[expect(clippy::float_cmp, reason = "numbers are equal where their values are")]
    pub(crate) fn equals(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Boolean(a), Self::Boolean(b)) => a == b,
            (Self::Char(a), Self::Char(b)) | (Self::UInt16(a), Self::UInt16(b)) => a == b,
            (Self::SByte(a), Self::SByte(b)) => a == b,
            (Self::Byte(a), Self::Byte(b)) => a == b,
            (Self::Int16(a), Self::Int16(b)) => a == b,
            (Self::Int32(a), Self::Int32(b)) => a == b,
            (Self::UInt32(a), Self::UInt32(b)) => a == b,
            (Self::Int64(a), Self::Int64(b)) => a == b,
            (Self::UInt64(a), Self::UInt64(b)) => a == b,
            (Self::Single(a), Self::Single(b)) => a == b || a.is_nan() && b.is_nan(),
            (Self::Double(a), Self::Double(b)) => a == b || a.is_nan() && b.is_nan(),
            (Self::Decimal(a), Self::Decimal(b)) => a == b,
            (Self::DateTime(a), Self::DateTime(b)) => a.ticks == b.ticks,
            (Self::DateTimeOffset(a), Self::DateTimeOffset(b)) => a.utc_ticks() == b.utc_ticks(),
            (Self::TimeSpan(a), Self::TimeSpan(b)) => a == b,
            (Self::Guid(a), Self::Guid(b)) => a == b,
            (Self::String(a), Self::String(b)) => a == b,
            (Self::Enumeration(a), Self::Enumeration(b)) => a == b,
            (Self::Json(a), Self::Json(b)) => a.equals(b),
            (Self::Object(a), _) => a.0.equals(other).unwrap_or_else(|| self.same(other)),
            _ => self.same(other),
        }
    }

    /// `object.ReferenceEquals`.
    pub(crate) fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Object(a), Self::Object(b)) => Arc::ptr_eq(&a.0, &b.0),
            (Self::Json(a), Self::Json(b)) => a.same(b),
            (Self::Part(a), Self::Part(b)) => a == b,
            // Strings are compared by contents: which of two equal strings are one object depends on the compiler's
            // interning, which policies cannot rely on.
            (Self::String(a), Self::String(b)) => a == b,
            _ => false,
        }
    }

    /// `GetHashCode`, stable within an evaluation.
    pub(crate) fn hash(&self) -> u64 {
        use std::hash::{Hash, Hasher};
        let mut hasher = std::hash::DefaultHasher::new();
        std::mem::discriminant(self).hash(&mut hasher);
        match self {
            Self::Null => {}
            Self::Boolean(b) => b.hash(&mut hasher),
            Self::String(s) => s.hash(&mut hasher),
            Self::Guid(g) => g.hash(&mut hasher),
            Self::DateTime(d) => d.ticks.hash(&mut hasher),
            Self::DateTimeOffset(d) => d.utc_ticks().hash(&mut hasher),
            Self::TimeSpan(t) => t.hash(&mut hasher),
            Self::Enumeration(e) => e.hash(&mut hasher),
            Self::Json(json) => json.hash(&mut hasher),
            Self::Part(part) => part.hash(&mut hasher),
            Self::Object(handle) => match handle.0.hash() {
                Some(hash) => hash.hash(&mut hasher),
                None => Arc::as_ptr(&handle.0).cast::<()>().hash(&mut hasher),
            },
            Self::Decimal(d) => d.normalize().hash(&mut hasher),
            number => number::display(number).hash(&mut hasher),
        }
        hasher.finish()
    }

    /// What `default(T)` is.
    pub(crate) fn default_of(class: &Type) -> Self {
        let Type::Plain(id) = class else {
            return match class {
                Type::Generic(Id::KeyValuePair, a) => types::pair(a.first(), a.last()),
                Type::Generic(Id::ValueTuple, a) => {
                    types::tuple(class.clone(), a.iter().map(Self::default_of).collect())
                }
                _ => Self::Null,
            };
        };
        match id {
            Id::Boolean => Self::Boolean(false),
            Id::Char => Self::Char(0),
            Id::SByte => Self::SByte(0),
            Id::Byte => Self::Byte(0),
            Id::Int16 => Self::Int16(0),
            Id::UInt16 => Self::UInt16(0),
            Id::Int32 => Self::Int32(0),
            Id::UInt32 => Self::UInt32(0),
            Id::Int64 => Self::Int64(0),
            Id::UInt64 => Self::UInt64(0),
            Id::Single => Self::Single(0.0),
            Id::Double => Self::Double(0.0),
            Id::Decimal => Self::Decimal(Decimal::ZERO),
            Id::DateTime => Self::DateTime(DateTime::default()),
            Id::DateTimeOffset => Self::DateTimeOffset(DateTimeOffset::default()),
            Id::TimeSpan => Self::TimeSpan(TimeSpan::default()),
            Id::Guid => Self::Guid([0; 16]),
            id if registry().class(*id).is_value() => Self::Enumeration(Enumeration { id: *id, number: 0 }),
            _ => Self::Null,
        }
    }

    /// Whether it may be seen as `target` at run time; null is no instance of anything.
    pub(crate) fn is_instance(&self, target: &Type) -> bool {
        !self.is_null() && self.class().converts_to(target.stripped())
    }

    /// The cast of an object reference or the unboxing of a value.
    pub(crate) fn cast(self, target: &Type) -> Result<Self, Thrown> {
        if self.is_null() {
            return if target.takes_null() { Ok(self) } else { Err(Thrown::null_reference()) };
        }
        // What is cast most often, without a look into the table.
        match (&self, target) {
            (Self::String(_), Type::Plain(Id::String))
            | (Self::Boolean(_), Type::Plain(Id::Boolean))
            | (Self::Int32(_), Type::Plain(Id::Int32)) => return Ok(self),
            _ => {}
        }
        if self.is_instance(target) {
            return Ok(self);
        }
        // Unboxing an enumeration as its number, and the other way about.
        match (&self, target.stripped()) {
            (Self::Enumeration(e), Type::Plain(Id::Int32)) => Ok(Self::Int32(e.number as i32)),
            (Self::Int32(n), Type::Plain(id)) if registry().class(*id).values.iter().len() > 0 => {
                Ok(Self::Enumeration(Enumeration { id: *id, number: i64::from(*n) }))
            }
            _ => Err(Thrown::invalid_cast(&self.class(), target)),
        }
    }
}

impl Enumeration {
    /// Its name, or its number where it has none.
    pub(crate) fn name(self) -> String {
        let class = registry().class(self.id);
        if let Some((name, _)) = class.values.iter().find(|(_, n)| *n == self.number) {
            return (*name).to_owned();
        }
        if class.form == types::Form::Flags {
            let mut left = self.number;
            let mut names: Vec<&str> = Vec::new();
            for (name, n) in class.values.iter().rev() {
                if *n != 0 && left & n == *n {
                    left &= !n;
                    names.push(name);
                }
            }
            if left == 0 && !names.is_empty() {
                names.reverse();
                return names.join(", ");
            }
        }
        self.number.to_string()
    }
}

impl Part {
    pub(crate) fn class(self) -> Type {
        match self.0 {
            PartOf::Body(_) => Type::Plain(Id::IMessageBody),
            PartOf::Context => Type::Plain(Id::IContext),
            PartOf::Headers(_) => {
                Type::generic(Id::IReadOnlyDictionary, [Type::STRING, Type::array(Type::STRING)])
            }
            PartOf::LastError => Type::Plain(Id::ILastError),
            PartOf::MatchedParameters => Type::generic(Id::IReadOnlyDictionary, [Type::STRING, Type::STRING]),
            PartOf::Message(Side::Request) => Type::Plain(Id::IRequest),
            PartOf::Message(Side::Response) => Type::Plain(Id::IResponse),
            PartOf::Url(_) => Type::Plain(Id::IUrl),
            PartOf::Variables => Type::generic(Id::IReadOnlyDictionary, [Type::STRING, Type::OBJECT]),
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::String(text) => write!(f, "{text:?}"),
            other => write!(f, "{}({})", other.class(), other.display()),
        }
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.class())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text.into())
    }
}

impl From<bool> for Value {
    fn from(b: bool) -> Self {
        Self::Boolean(b)
    }
}

impl From<i32> for Value {
    fn from(n: i32) -> Self {
        Self::Int32(n)
    }
}

impl From<i64> for Value {
    fn from(n: i64) -> Self {
        Self::Int64(n)
    }
}
