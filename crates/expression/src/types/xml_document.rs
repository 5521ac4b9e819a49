//! `XDocument` and `XDeclaration`.

use std::sync::Arc;

use super::xml_element::add_content;
use super::xml_node::this;
use super::{Definition, Id, member};
use crate::class::Type;
use crate::exception::Thrown;
use crate::machine::Call;
use crate::value::{Object, Value};
use crate::xml::{Kind, Node, parse};

/// The XML declaration.
struct Declaration {
    version: Option<Arc<str>>,
    encoding: Option<Arc<str>>,
    standalone: Option<Arc<str>>,
}

impl Declaration {
    fn inside(&self) -> String {
        let part = |name: &str, value: &Option<Arc<str>>| {
            value.as_ref().map(|v| format!(" {name}=\"{v}\"")).unwrap_or_default()
        };
        format!(
            "{}{}{}",
            part("version", &self.version),
            part("encoding", &self.encoding),
            part("standalone", &self.standalone)
        )
        .trim()
        .to_owned()
    }

    fn read(inside: &str) -> Self {
        let part = |name: &str| {
            let after = inside.split(&format!("{name}=")).nth(1)?;
            let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''))?;
            after.get(1..)?.split(quote).next().map(Arc::from)
        };
        Self { version: part("version"), encoding: part("encoding"), standalone: part("standalone") }
    }
}

impl Object for Declaration {
    fn class(&self) -> Type {
        Type::Plain(Id::XDeclaration)
    }

    fn text(&self) -> Option<String> {
        Some(format!("<?xml {}?>", self.inside()))
    }
}

fn create(c: &mut Call<'_, '_>, contents: &[Value]) -> Result<Value, Thrown> {
    let document = Node::new(Kind::Document, None, "");
    for content in contents {
        match content.downcast::<Declaration>() {
            Some(declaration) => document.set_own_text(&declaration.inside()),
            None => add_content(c.machine, &document, content)?,
        }
    }
    Ok(document.into_value())
}

/// A text as a document.
pub(super) fn document_of(c: &mut Call<'_, '_>, text: &str, preserve: bool) -> Result<Value, Thrown> {
    super::xml_element::charge(c, text)?;
    let document = parse(text, preserve)?.into_value();
    c.machine.keep(&document);
    Ok(document)
}

pub(super) const XDOCUMENT: Definition = Definition {
    name: "System.Xml.Linq.XDocument",
    bases: &["XContainer"],
    members: &[
        member("new()", |c| create(c, &[])),
        member("new(params object[])", |c| {
            let contents = c.items(0)?;
            create(c, &contents)
        }),
        member("new(XDeclaration, params object[])", |c| {
            let mut contents = vec![c.value(0)];
            contents.extend(c.items(1)?);
            create(c, &contents)
        }),
        member("static Parse(string): XDocument", |c| document_of(c, c.text(0)?, false)),
        member("static Parse(string, LoadOptions): XDocument", |c| {
            let preserve = c.enumeration(1) & 1 != 0;
            document_of(c, c.text(0)?, preserve)
        }),
        member("Root: XElement", |c| {
            Ok(this(c)?.elements().into_iter().next().map_or(Value::Null, Node::into_value))
        }),
        member("Declaration: XDeclaration", |c| {
            let inside = this(c)?.own_text();
            Ok(if inside.is_empty() { Value::Null } else { Value::object(Declaration::read(&inside)) })
        }),
        member("set Declaration: XDeclaration", |c| {
            let inside = c.get(1).downcast::<Declaration>().map(Declaration::inside).unwrap_or_default();
            this(c)?.set_own_text(&inside);
            Ok(Value::Null)
        }),
    ],
    ..Definition::NEW
};

pub(super) const XDECLARATION: Definition = Definition {
    name: "System.Xml.Linq.XDeclaration",
    bases: &["object"],
    members: &[
        member("new(string, string, string)", |c| {
            let part = |n| c.text_or_null(n).map(Arc::from);
            Ok(Value::object(Declaration { version: part(0), encoding: part(1), standalone: part(2) }))
        }),
        member("Version: string", |c| Ok(Value::text_or_null(c.object::<Declaration>(0)?.version.clone()))),
        member("Encoding: string", |c| Ok(Value::text_or_null(c.object::<Declaration>(0)?.encoding.clone()))),
        member("Standalone: string", |c| {
            Ok(Value::text_or_null(c.object::<Declaration>(0)?.standalone.clone()))
        }),
        member("ToString(): string", |c| Ok(Value::from(c.get(0).display()))),
    ],
    ..Definition::NEW
};
