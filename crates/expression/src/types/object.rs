//! `object`, `dynamic`, `System.Type`, `System.Enum` and the like.

use super::{Definition, Form, member, pure, registry};
use crate::class::Type;
use crate::exception::Thrown;
use crate::machine::Call;
use crate::types::Id;
use crate::value::{Enumeration, Object, Value};

pub(super) const OBJECT: Definition = Definition {
    name: "System.Object",
    aliases: &["object"],
    members: &[
        member("new()", |_| Ok(Value::object(Plain))),
        member("ToString(): string", |c| Ok(Value::from(c.get(0).display()))),
        member("Equals(object): bool", |c| Ok(Value::Boolean(c.get(0).equals(c.get(1))))),
        member("GetHashCode(): int", |c| Ok(Value::Int32(c.get(0).hash() as i32))),
        member("GetType(): System.Type", |c| Ok(type_object(c.get(0).class()))),
        member("static Equals(object, object): bool", |c| Ok(Value::Boolean(c.get(0).equals(c.get(1))))),
        member("static ReferenceEquals(object, object): bool", |c| {
            Ok(Value::Boolean(c.get(0).same(c.get(1))))
        }),
    ],
    ..Definition::NEW
};

pub(super) const VOID: Definition =
    Definition { name: "System.Void", aliases: &["void"], form: Form::Structure, ..Definition::NEW };

pub(super) const DYNAMIC: Definition = Definition { name: "dynamic", ..Definition::NEW };

pub(super) const DISPOSABLE: Definition = Definition {
    name: "System.IDisposable",
    form: Form::Interface,
    members: &[member("Dispose()", |_| Ok(Value::Null))],
    ..Definition::NEW
};

pub(super) const ENVIRONMENT: Definition = Definition {
    name: "System.Environment",
    members: &[pure("static NewLine: string", |_| Ok(Value::from("\n")))],
    ..Definition::NEW
};

pub(super) const TYPE: Definition = Definition {
    name: "System.Type",
    bases: &["object"],
    members: &[
        member("Name: string", |c| {
            let class = &c.object::<TypeObject>(0)?.0;
            let full = class.full_name();
            let name = full.split('[').next().unwrap_or_default().rsplit('.').next().unwrap_or_default();
            Ok(Value::from(if matches!(class, Type::Array(_)) {
                format!("{name}[]")
            } else {
                name.to_owned()
            }))
        }),
        member("FullName: string", |c| Ok(Value::from(c.object::<TypeObject>(0)?.0.full_name()))),
        member("Namespace: string", |c| {
            let full = c.object::<TypeObject>(0)?.0.full_name();
            Ok(Value::text_or_null(full.split('`').next().and_then(|f| f.rsplit_once('.')).map(|(n, _)| n)))
        }),
        member("IsArray: bool", |c| {
            Ok(Value::Boolean(matches!(c.object::<TypeObject>(0)?.0, Type::Array(_))))
        }),
        member("IsValueType: bool", |c| Ok(Value::Boolean(c.object::<TypeObject>(0)?.0.is_value()))),
        member("operator ==(System.Type, System.Type): bool", |c| {
            Ok(Value::Boolean(c.get(0).equals(c.get(1))))
        }),
        member("operator !=(System.Type, System.Type): bool", |c| {
            Ok(Value::Boolean(!c.get(0).equals(c.get(1))))
        }),
    ],
    ..Definition::NEW
};

/// The enumeration that the first argument is.
fn enumeration(c: &Call<'_, '_>) -> Result<Type, Thrown> {
    let class = c.object::<TypeObject>(0)?.0.clone();
    if crate::bind::is_enumeration(&class) {
        return Ok(class);
    }
    Err(Thrown::argument("Type provided must be an Enum. (Parameter 'enumType')"))
}

pub(super) const ENUM: Definition = Definition {
    name: "System.Enum",
    form: Form::Structure,
    bases: &["object"],
    members: &[
        member("ToString(): string", |c| Ok(Value::from(c.get(0).display()))),
        member("ToString(string): string", |c| {
            let Value::Enumeration(e) = c.get(0) else { return Ok(Value::from(c.get(0).display())) };
            Ok(Value::from(match c.text_or_null(1).unwrap_or("G") {
                "" | "G" | "g" | "F" | "f" => e.name(),
                "D" | "d" => e.number.to_string(),
                "X" | "x" => format!("{:08X}", e.number),
                _ => {
                    return Err(Thrown::format(
                        "Format string can be only \"G\", \"g\", \"X\", \"x\", \"F\", \"f\", \"D\" or \"d\".",
                    ));
                }
            }))
        }),
        member("HasFlag(System.Enum): bool", |c| {
            let (a, b) = (c.enumeration(0), c.enumeration(1));
            Ok(Value::Boolean(a & b == b))
        }),
        member("static Parse<T>(string): T", |c| parse(&c.class(0), c.text(0)?, false)),
        member("static Parse<T>(string, bool): T", |c| parse(&c.class(0), c.text(0)?, c.boolean(1)?)),
        member("static Parse(System.Type, string): object", |c| {
            parse(&c.object::<TypeObject>(0)?.0.clone(), c.text(1)?, false)
        }),
        member("static Parse(System.Type, string, bool): object", |c| {
            parse(&c.object::<TypeObject>(0)?.0.clone(), c.text(1)?, c.boolean(2)?)
        }),
        member("static TryParse<T>(string, out T): bool", |c| try_parse(c, false)),
        member("static TryParse<T>(string, bool, out T): bool", |c| {
            let ignore = c.boolean(1)?;
            try_parse(c, ignore)
        }),
        member("static IsDefined(System.Type, object): bool", |c| {
            let class = enumeration(c)?;
            let wanted = c.get(1);
            Ok(Value::Boolean(registry().class(class.id()).values.iter().any(|(n, v)| match wanted {
                Value::String(s) => s.as_ref() == *n,
                Value::Enumeration(e) => e.number == *v,
                other => other.to_integer() == Some(*v),
            })))
        }),
        member("static GetName(System.Type, object): string", |c| {
            let class = enumeration(c)?;
            let number = match c.get(1) {
                Value::Enumeration(e) => Some(e.number),
                other => other.to_integer(),
            };
            Ok(Value::text_or_null(
                registry().class(class.id()).values.iter().find(|(_, v)| Some(*v) == number).map(|(n, _)| *n),
            ))
        }),
    ],
    ..Definition::NEW
};

fn try_parse(c: &mut Call<'_, '_>, ignore_case: bool) -> Result<Value, Thrown> {
    let class = c.class(0);
    let parsed = c.text_or_null(0).and_then(|t| parse(&class, t, ignore_case).ok());
    let found = parsed.is_some();
    c.out.push(parsed.unwrap_or_else(|| Value::default_of(&class)));
    Ok(Value::Boolean(found))
}

fn parse(class: &Type, text: &str, ignore_case: bool) -> Result<Value, Thrown> {
    let values = registry().class(class.id()).values;
    let mut number = 0;
    for part in text.split(',').map(str::trim) {
        let found =
            values.iter().find(|(n, _)| if ignore_case { n.eq_ignore_ascii_case(part) } else { *n == part });
        number |= match found {
            Some((_, n)) => *n,
            None => part
                .parse::<i64>()
                .map_err(|_| Thrown::argument(format!("Requested value '{part}' was not found.")))?,
        };
    }
    Ok(Value::Enumeration(Enumeration { id: class.id(), number }))
}

/// A `System.Type`.
pub(crate) struct TypeObject(pub(crate) Type);

/// `typeof(T)`.
pub(crate) fn type_object(class: Type) -> Value {
    Value::object(TypeObject(class))
}

impl Object for TypeObject {
    fn class(&self) -> Type {
        Type::Plain(Id::Type)
    }

    fn text(&self) -> Option<String> {
        Some(self.0.full_name())
    }

    fn equals(&self, other: &Value) -> Option<bool> {
        Some(other.downcast::<Self>().is_some_and(|o| o.0 == self.0))
    }
}

/// `new object()`.
struct Plain;

impl Object for Plain {
    fn class(&self) -> Type {
        Type::OBJECT
    }
}
