//! `XAttribute`.

use std::sync::Arc;

use super::xml_element::text_of;
use super::xml_name::name_at;
use super::{Definition, Id, member};
use crate::class::Type;
use crate::exception::Thrown;
use crate::machine::Call;
use crate::value::Value;
use crate::xml::Attribute;

fn this<'a>(c: &Call<'a, '_>) -> Result<&'a Attribute, Thrown> {
    c.object(0)
}

/// The value as another type; null stays null where it may.
fn to(c: &Call<'_, '_>, class: &Type) -> Result<Value, Thrown> {
    if c.get(0).is_null() {
        return if class.takes_null() { Ok(Value::Null) } else { Err(Thrown::argument_null("attribute")) };
    }
    let text = Value::String(Arc::clone(&this(c)?.value.lock()));
    super::change(&text, class)
}

/// Explicit conversions of an attribute or element.
macro_rules! conversions {
    ($from:literal, $to:expr) => {
        [
            member(concat!("explicit(", $from, "): string"), |c| $to(c, &Type::STRING)),
            member(concat!("explicit(", $from, "): bool"), |c| $to(c, &Type::BOOLEAN)),
            member(concat!("explicit(", $from, "): int"), |c| $to(c, &Type::INT)),
            member(concat!("explicit(", $from, "): int?"), |c| $to(c, &Type::nullable(Type::INT))),
            member(concat!("explicit(", $from, "): long"), |c| $to(c, &Type::LONG)),
            member(concat!("explicit(", $from, "): double"), |c| $to(c, &Type::DOUBLE)),
            member(concat!("explicit(", $from, "): decimal"), |c| $to(c, &Type::Plain(Id::Decimal))),
            member(concat!("explicit(", $from, "): DateTime"), |c| $to(c, &Type::Plain(Id::DateTime))),
            member(concat!("explicit(", $from, "): Guid"), |c| $to(c, &Type::Plain(Id::Guid))),
        ]
    };
}
pub(super) use conversions;

const CONVERSIONS: [super::Member; 9] = conversions!("XAttribute", to);

pub(super) const XATTRIBUTE: Definition = Definition {
    name: "System.Xml.Linq.XAttribute",
    bases: &["XObject"],
    members: &[
        CONVERSIONS[0],
        CONVERSIONS[1],
        CONVERSIONS[2],
        CONVERSIONS[3],
        CONVERSIONS[4],
        CONVERSIONS[5],
        CONVERSIONS[6],
        CONVERSIONS[7],
        CONVERSIONS[8],
        member("new(XName, object)", |c| {
            let name = name_at(c, 0).ok_or_else(|| Thrown::argument_null("name"))?;
            if c.get(1).is_null() {
                return Err(Thrown::argument_null("value"));
            }
            Ok(Value::handle(Attribute::new(name, text_of(c.get(1)).into())))
        }),
        member("Name: XName", |c| Ok(Value::object(this(c)?.name.clone()))),
        member("Value: string", |c| Ok(Value::String(Arc::clone(&this(c)?.value.lock())))),
        member("set Value: string", |c| {
            *this(c)?.value.lock() = c.shared_text(1)?;
            Ok(Value::Null)
        }),
        member("SetValue(object)", |c| {
            *this(c)?.value.lock() = text_of(c.get(1)).into();
            Ok(Value::Null)
        }),
        member("IsNamespaceDeclaration: bool", |c| Ok(Value::Boolean(this(c)?.declares()))),
        member("Remove()", |c| {
            let attribute = this(c)?;
            let parent = attribute
                .parent
                .lock()
                .upgrade()
                .ok_or_else(|| Thrown::invalid_operation("The parent is missing."))?;
            parent.remove_attribute(&attribute.name);
            Ok(Value::Null)
        }),
        member("ToString(): string", |c| Ok(Value::from(c.get(0).display()))),
    ],
    ..Definition::NEW
};
