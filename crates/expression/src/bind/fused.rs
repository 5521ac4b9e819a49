//! Comparisons of what the request says with a text: read where it stands, without a string of its own.

use std::sync::Arc;

use super::Node;
use crate::class::Type;
use crate::context::Side;
use crate::machine::Code;
use crate::types::{Id, Method};
use crate::value::{Part, PartOf, Value};

/// A text of the request that a comparison need not copy.
pub(super) enum Fused {
    /// `Headers.GetValueOrDefault(name, default)`.
    Header(Side, Arc<str>, Option<Arc<str>>),
    /// `context.Request.Method`.
    Method,
}

impl Fused {
    /// What a call with these arguments reads.
    pub(super) fn of(method: &Method, arguments: &[Value]) -> Option<Self> {
        match (method.owner, method.name, arguments) {
            (Id::IRequest, "Method", [_]) => Some(Self::Method),
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
                Some(Self::Header(*side, Arc::clone(name), default))
            }
            _ => None,
        }
    }

    /// `== known`, or `!= known` where equality is not `wanted`; `code` yields the text itself.
    pub(super) fn compared(self, code: Code, known: Arc<str>, wanted: bool) -> Node {
        let compare: Code = match self {
            Self::Method => Box::new(move |m| {
                m.step()?;
                Ok(Value::Boolean((m.context.method() == &*known) == wanted))
            }),
            Self::Header(side, name, default) => Box::new(move |m| {
                m.step()?;
                let (mut count, mut same) = (0, false);
                m.context.header(side, &name, &mut |value| {
                    count += 1;
                    same = value == &*known;
                });
                let same = match count {
                    0 => default.as_ref() == Some(&known),
                    1 => same,
                    // Several values are one text, joined by commas.
                    _ => matches!(code(m)?, Value::String(text) if text == known),
                };
                Ok(Value::Boolean(same == wanted))
            }),
        };
        Node::new(Type::BOOLEAN, compare)
    }
}
