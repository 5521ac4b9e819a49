//! `System.Numerics.BigInteger`, as JSON gives it for a whole number beyond 64 bits: it is shown, compared and converted.

use std::sync::Arc;

use super::{Definition, Form, Id, member};
use crate::class::Type;
use crate::exception::Thrown;
use crate::number;
use crate::value::{Object, Value};

/// A whole number of any size, by its digits.
pub(crate) struct BigInteger(Arc<str>);

impl BigInteger {
    /// Reads digits after an optional sign.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (sign, digits) = match text.strip_prefix('-') {
            Some(digits) => ("-", digits),
            None => ("", text.strip_prefix('+').unwrap_or(text)),
        };
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let digits = digits.trim_start_matches('0');
        Some(Self(if digits.is_empty() { "0".into() } else { format!("{sign}{digits}").into() }))
    }

    /// The value of type `wanted` that it converts to, where there is such a conversion.
    pub(crate) fn to(&self, wanted: &Type) -> Option<Result<Value, Thrown>> {
        let Type::Plain(id) = wanted else { return None };
        let too_large =
            |name: &str| Thrown::overflow(&format!("Value was either too large or too small for {name}."));
        Some(match id {
            Id::String => Ok(Value::String(Arc::clone(&self.0))),
            Id::Double => Ok(Value::Double(self.0.parse().unwrap_or(f64::NAN))),
            Id::Single => Ok(Value::Single(self.0.parse().unwrap_or(f32::NAN))),
            Id::Decimal => {
                number::parse_decimal(&self.0).map(Value::Decimal).ok_or_else(|| too_large("a Decimal"))
            }
            Id::Boolean => Err(too_large("an Int32")),
            id => {
                let (least, most) = number::range(*id)?;
                let whole = self.0.parse::<i128>().ok().filter(|n| (least..=most).contains(n));
                let name = super::registry().class(*id).name.trim_start_matches("System.");
                whole.map(|n| number::wrap(n, *id)).ok_or_else(|| too_large(&format!("an {name}")))
            }
        })
    }
}

impl Object for BigInteger {
    fn class(&self) -> Type {
        Type::Plain(Id::BigInteger)
    }

    fn text(&self) -> Option<String> {
        Some(self.0.to_string())
    }

    fn equals(&self, other: &Value) -> Option<bool> {
        Some(other.downcast::<Self>().is_some_and(|other| other.0 == self.0))
    }

    fn hash(&self) -> Option<u64> {
        Some(Value::String(Arc::clone(&self.0)).hash())
    }
}

pub(super) const BIG_INTEGER: Definition = Definition {
    name: "System.Numerics.BigInteger",
    form: Form::Structure,
    bases: &["object"],
    members: &[member("ToString(): string", |c| Ok(Value::from(c.get(0).display())))],
    ..Definition::NEW
};
