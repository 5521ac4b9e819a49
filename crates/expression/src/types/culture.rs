//! `System.Globalization.CultureInfo`: every culture here is the invariant one, or is named without effect.

use super::{Definition, Id, member};
use crate::class::Type;
use crate::exception::Thrown;
use crate::value::{Object, Value};

struct Culture(std::sync::Arc<str>);

impl Object for Culture {
    fn class(&self) -> Type {
        Type::Plain(Id::CultureInfo)
    }

    fn text(&self) -> Option<String> {
        Some(self.0.to_string())
    }
}

/// Cultures whose formats would differ are refused rather than formatted wrongly.
fn named(name: &str) -> Result<Value, Thrown> {
    if name.is_empty() {
        return Ok(Value::object(Culture(name.into())));
    }
    Err(Thrown::not_supported(format!(
        "The culture '{name}' is not available: only the invariant culture is."
    )))
}

pub(super) const CULTURE_INFO: Definition = Definition {
    name: "System.Globalization.CultureInfo",
    aliases: &["System.IFormatProvider", "IFormatProvider"],
    bases: &["object"],
    members: &[
        member("new(string)", |c| named(c.text(0)?)),
        member("static InvariantCulture: CultureInfo", |_| named("")),
        member("static CurrentCulture: CultureInfo", |_| named("")),
        member("static CurrentUICulture: CultureInfo", |_| named("")),
        member("static GetCultureInfo(string): CultureInfo", |c| named(c.text(0)?)),
        member("Name: string", |c| Ok(Value::from(c.get(0).display()))),
    ],
    ..Definition::NEW
};
