//! `XName` and `XNamespace`.

use std::sync::Arc;

use super::{Definition, Id, member};
use crate::class::Type;
use crate::exception::Thrown;
use crate::machine::Call;
use crate::value::{Object, Value};
use crate::xml::{Name, XMLNS};

/// A namespace.
struct Namespace(Arc<str>);

impl Object for Namespace {
    fn class(&self) -> Type {
        Type::Plain(Id::XNamespace)
    }

    fn text(&self) -> Option<String> {
        Some(self.0.to_string())
    }

    fn equals(&self, other: &Value) -> Option<bool> {
        Some(other.downcast::<Self>().is_some_and(|o| o.0 == self.0))
    }

    fn hash(&self) -> Option<u64> {
        Some(Value::String(Arc::clone(&self.0)).hash())
    }
}

pub(super) fn namespace(text: impl Into<Arc<str>>) -> Value {
    Value::object(Namespace(text.into()))
}

fn read(text: &str) -> Result<Value, Thrown> {
    if text.is_empty() {
        return Err(Thrown::argument("'' is an invalid expanded name."));
    }
    Name::parse(text)
        .map(Value::object)
        .ok_or_else(|| Thrown::new(Id::XmlException, format!("'{text}' is no valid XML name.")))
}

/// The name at an argument; null where null is given.
pub(super) fn name_at(c: &Call<'_, '_>, index: usize) -> Option<Name> {
    c.get(index).downcast::<Name>().cloned()
}

fn joined(c: &Call<'_, '_>) -> Result<Value, Thrown> {
    let space = Arc::clone(&c.object::<Namespace>(0)?.0);
    Name::valid(&space, c.text(1)?).map(Value::object)
}

pub(super) const XNAME: Definition = Definition {
    name: "System.Xml.Linq.XName",
    bases: &["object"],
    members: &[
        member("implicit(string): XName", |c| {
            if c.get(0).is_null() { Ok(Value::Null) } else { read(c.text(0)?) }
        }),
        member("static Get(string): XName", |c| read(c.text(0)?)),
        member("static Get(string, string): XName", |c| {
            Name::valid(c.text(1)?, c.text(0)?).map(Value::object)
        }),
        member("LocalName: string", |c| Ok(Value::String(Arc::clone(&c.object::<Name>(0)?.local)))),
        member("NamespaceName: string", |c| Ok(Value::String(Arc::clone(&c.object::<Name>(0)?.namespace)))),
        member("Namespace: XNamespace", |c| Ok(namespace(Arc::clone(&c.object::<Name>(0)?.namespace)))),
        member("ToString(): string", |c| Ok(Value::from(c.get(0).display()))),
        member("operator ==(XName, XName): bool", |c| Ok(Value::Boolean(c.get(0).equals(c.get(1))))),
        member("operator !=(XName, XName): bool", |c| Ok(Value::Boolean(!c.get(0).equals(c.get(1))))),
    ],
    ..Definition::NEW
};

pub(super) const XNAMESPACE: Definition = Definition {
    name: "System.Xml.Linq.XNamespace",
    bases: &["object"],
    members: &[
        member("implicit(string): XNamespace", |c| Ok(namespace(c.get(0).to_text()))),
        member("static Get(string): XNamespace", |c| Ok(namespace(c.text(0)?))),
        member("static None: XNamespace", |_| Ok(namespace(""))),
        member("static Xml: XNamespace", |_| Ok(namespace("http://www.w3.org/XML/1998/namespace"))),
        member("static Xmlns: XNamespace", |_| Ok(namespace(XMLNS))),
        member("NamespaceName: string", |c| Ok(Value::from(c.get(0).display()))),
        member("GetName(string): XName", |c| joined(c)),
        member("ToString(): string", |c| Ok(Value::from(c.get(0).display()))),
        member("operator +(XNamespace, string): XName", |c| joined(c)),
        member("operator ==(XNamespace, XNamespace): bool", |c| {
            Ok(Value::Boolean(c.get(0).equals(c.get(1))))
        }),
        member("operator !=(XNamespace, XNamespace): bool", |c| {
            Ok(Value::Boolean(!c.get(0).equals(c.get(1))))
        }),
    ],
    ..Definition::NEW
};
