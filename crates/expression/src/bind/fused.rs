//! What expressions read most: texts of the request and variables. They are read where they stand: compared without a
//! string of their own, written straight into the text that they become a part of.

use std::sync::Arc;

use http::HeaderName;

use super::Node;
use super::joining::Buffer;
use crate::class::Type;
use crate::context::{Side, UrlOf};
use crate::exception::Thrown;
use crate::machine::{Code, Machine};
use crate::types::{self, Id, Method};
use crate::value::{Part, PartOf, Value};

/// A read of the exchange with everything known at load.
#[derive(Clone)]
pub(super) enum Fused {
    /// `Headers.GetValueOrDefault(name, default)`.
    Header(Side, HeaderName, Option<Arc<str>>),
    /// `context.Request.Method`.
    Method,
    /// `context.Request.Url.Path`.
    Path(UrlOf),
    /// `context.Variables[name]`, which has to be there; cast to a string where `is_text`.
    Variable { name: Arc<str>, is_text: bool },
}

impl Fused {
    /// What a call with these arguments reads.
    pub(super) fn of(method: &Method, arguments: &[Value]) -> Option<Self> {
        match (method.owner, method.name, arguments) {
            (Id::IRequest, "Method", [_]) => Some(Self::Method),
            (Id::IUrl, "Path", [Value::Part(Part(PartOf::Url(which)))]) => Some(Self::Path(*which)),
            (
                Id::IReadOnlyDictionary,
                "this",
                [Value::Part(Part(PartOf::Variables)), Value::String(name)],
            ) => Some(Self::Variable { name: Arc::clone(name), is_text: false }),
            (
                Id::PolicyExtensions,
                "GetValueOrDefault",
                [Value::Part(Part(PartOf::Headers(side))), Value::String(name), default @ ..],
            ) => {
                let default = match default {
                    [] | [Value::Null] => None,
                    [Value::String(default)] => Some(Arc::clone(default)),
                    _ => return None,
                };
                // A name that no field can have is looked for as any other text is.
                Some(Self::Header(*side, HeaderName::from_bytes(name.as_bytes()).ok()?, default))
            }
            _ => None,
        }
    }

    /// The same as a string, where it is a variable.
    pub(super) fn cast(self, target: &Type) -> Option<Self> {
        match self {
            Self::Variable { name, .. } if *target == Type::STRING => {
                Some(Self::Variable { name, is_text: true })
            }
            _ => None,
        }
    }

    /// The code that yields it.
    pub(super) fn code(&self) -> Code {
        match self.clone() {
            Self::Method => Box::new(|m| {
                m.step()?;
                Ok(Value::String(types::method_name(m.context.method())))
            }),
            Self::Path(which) => Box::new(move |m| {
                m.step()?;
                let path: Arc<str> = m.context.url_path(which).as_ref().into();
                m.allocate(path.len() + 16)?;
                Ok(Value::String(path))
            }),
            Self::Header(side, name, default) => Box::new(move |m| {
                m.step()?;
                let mut found: Option<Arc<str>> = None;
                m.context.header_named(side, &name, &mut |value| {
                    found = Some(match &found {
                        Some(before) => [before, ",", value].concat().into(),
                        None => value.into(),
                    });
                });
                match found {
                    Some(text) => {
                        m.allocate(text.len() + 16)?;
                        Ok(Value::String(text))
                    }
                    None => Ok(default.clone().map_or(Value::Null, Value::String)),
                }
            }),
            Self::Variable { name, is_text } => Box::new(move |m| {
                m.step()?;
                let value = variable(m, &name)?;
                if is_text { value.cast(&Type::STRING) } else { Ok(value) }
            }),
        }
    }

    /// Writes its text, as a concatenation does.
    pub(super) fn write(&self, m: &mut Machine<'_>, out: &mut Buffer) -> Result<(), Thrown> {
        m.step()?;
        let before = out.len();
        match self {
            Self::Method => out.push(m.context.method()),
            Self::Path(which) => out.push(&m.context.url_path(*which)),
            Self::Header(side, name, default) => {
                let mut is_first = true;
                m.context.header_named(*side, name, &mut |value| {
                    if !is_first {
                        out.push(",");
                    }
                    is_first = false;
                    out.push(value);
                });
                if let (true, Some(default)) = (is_first, default) {
                    out.push(default);
                }
            }
            Self::Variable { name, is_text } => {
                let value = variable(m, name)?;
                let value = if *is_text { value.cast(&Type::STRING)? } else { value };
                return super::joining::write(m, &value, out);
            }
        }
        m.allocate(out.len() - before)
    }

    /// Whether it is null or the empty text.
    pub(super) fn is_empty(&self, m: &mut Machine<'_>) -> Result<bool, Thrown> {
        m.step()?;
        Ok(match self {
            Self::Method => m.context.method().is_empty(),
            Self::Path(which) => m.context.url_path(*which).is_empty(),
            Self::Header(side, name, default) => {
                let (mut count, mut is_empty) = (0, true);
                m.context.header_named(*side, name, &mut |value| {
                    count += 1;
                    is_empty &= count == 1 && value.is_empty();
                });
                if count == 0 { default.as_ref().is_none_or(|text| text.is_empty()) } else { is_empty }
            }
            Self::Variable { name, .. } => match variable(m, name)?.cast(&Type::STRING)? {
                Value::String(text) => text.is_empty(),
                _ => true,
            },
        })
    }

    /// `== known`, or `!= known` where equality is not `wanted`; `code` yields the text itself.
    pub(super) fn compared(self, code: Code, known: Arc<str>, wanted: bool) -> Node {
        let compare: Code = match self {
            Self::Method => Box::new(move |m| {
                m.step()?;
                Ok(Value::Boolean((m.context.method() == &*known) == wanted))
            }),
            Self::Path(which) => Box::new(move |m| {
                m.step()?;
                Ok(Value::Boolean((m.context.url_path(which) == *known) == wanted))
            }),
            Self::Header(side, name, default) => {
                let by_default = default.as_ref() == Some(&known);
                Box::new(move |m| {
                    m.step()?;
                    let (mut count, mut same) = (0, false);
                    m.context.header_named(side, &name, &mut |value| {
                        count += 1;
                        same = value == &*known;
                    });
                    let same = match count {
                        0 => by_default,
                        1 => same,
                        // Several values are one text, joined by commas.
                        _ => matches!(code(m)?, Value::String(text) if text == known),
                    };
                    Ok(Value::Boolean(same == wanted))
                })
            }
            Self::Variable { .. } => Box::new(move |m| {
                let same = matches!(code(m)?, Value::String(text) if text == known);
                Ok(Value::Boolean(same == wanted))
            }),
        };
        Node::new(Type::BOOLEAN, compare)
    }
}

fn variable(m: &Machine<'_>, name: &str) -> Result<Value, Thrown> {
    match m.context.variable(name) {
        Some(value) => Ok(value),
        None => Err(Thrown::key_not_found(name)),
    }
}
