//! `XContainer` and `XElement`.

use std::sync::Arc;

use super::xml_attribute::conversions;
use super::xml_name::{name_at, namespace};
use super::xml_node::{sequence, this};
use super::{Definition, Id, List, member};
use crate::class::Type;
use crate::exception::Thrown;
use crate::machine::{Call, Machine};
use crate::value::Value;
use crate::xml::{Attribute, Kind, Name, Node, parse};

/// Text as XML has it: truth values in lower case, dates in ISO 8601.
pub(super) fn text_of(value: &Value) -> String {
    match value {
        Value::Boolean(b) => if *b { "true" } else { "false" }.to_owned(),
        Value::DateTime(d) => crate::time::format::json(d),
        Value::DateTimeOffset(d) => {
            crate::time::format::date_time_offset(d, "yyyy-MM-ddTHH:mm:ss.FFFFFFFzzz").unwrap_or_default()
        }
        other => other.display(),
    }
}

/// Adds content: nodes, attributes, text, or a sequence of them.
pub(super) fn add_content(machine: &mut Machine<'_>, to: &Arc<Node>, content: &Value) -> Result<(), Thrown> {
    add_content_at(machine, to, content, None)
}

pub(super) fn add_content_at(
    machine: &mut Machine<'_>,
    to: &Arc<Node>,
    content: &Value,
    at: Option<usize>,
) -> Result<(), Thrown> {
    machine.step()?;
    machine.allocate(64)?;
    if content.is_null() {
        return Ok(());
    }
    if let Some(node) = content.shared::<Node>() {
        return to.insert(at.unwrap_or(usize::MAX), &node);
    }
    if let Some(attribute) = content.shared::<Attribute>() {
        return to.add_attribute(&attribute);
    }
    if let Value::Object(_) = content
        && content.class().element().is_some()
    {
        for (n, item) in machine.collect(content)?.iter().enumerate() {
            add_content_at(machine, to, item, at.map(|a| a + n))?;
        }
        return Ok(());
    }
    let text = text_of(content);
    machine.allocate(text.len())?;
    match at {
        Some(at) => to.insert(at, &Node::new(Kind::Text, None, &text)),
        None => to.add_text(&text),
    }
}

fn named(nodes: Vec<Arc<Node>>, name: Option<Name>) -> impl Iterator<Item = Arc<Node>> {
    nodes.into_iter().filter(move |n| n.kind == Kind::Element && n.name() == name)
}

fn replace_nodes(c: &mut Call<'_, '_>) -> Result<Value, Thrown> {
    let node = this(c)?;
    node.clear();
    let content = c.value(1);
    add_content(c.machine, &node, &content)?;
    Ok(Value::Null)
}

pub(super) const XCONTAINER: Definition = Definition {
    name: "System.Xml.Linq.XContainer",
    bases: &["XNode"],
    members: &[
        member("Element(XName): XElement", |c| {
            Ok(named(this(c)?.elements(), name_at(c, 1)).next().map_or(Value::Null, Node::into_value))
        }),
        member("Elements(): IEnumerable<XElement>", |c| Ok(sequence(Id::XElement, this(c)?.elements()))),
        member("Elements(XName): IEnumerable<XElement>", |c| {
            Ok(sequence(Id::XElement, named(this(c)?.elements(), name_at(c, 1))))
        }),
        member("Descendants(): IEnumerable<XElement>", |c| {
            Ok(sequence(
                Id::XElement,
                this(c)?.descendants(false).into_iter().filter(|n| n.kind == Kind::Element),
            ))
        }),
        member("Descendants(XName): IEnumerable<XElement>", |c| {
            Ok(sequence(Id::XElement, named(this(c)?.descendants(false), name_at(c, 1))))
        }),
        member("DescendantNodes(): IEnumerable<XNode>", |c| {
            Ok(sequence(Id::XNode, this(c)?.descendants(false)))
        }),
        member("Nodes(): IEnumerable<XNode>", |c| Ok(sequence(Id::XNode, this(c)?.children()))),
        member("FirstNode: XNode", |c| {
            Ok(this(c)?.children().into_iter().next().map_or(Value::Null, Node::into_value))
        }),
        member("LastNode: XNode", |c| Ok(this(c)?.children().pop().map_or(Value::Null, Node::into_value))),
        member("Add(object)", |c| {
            let (node, content) = (this(c)?, c.value(1));
            add_content(c.machine, &node, &content)?;
            Ok(Value::Null)
        }),
        member("Add(params object[])", |c| {
            let (node, content) = (this(c)?, c.value(1));
            add_content(c.machine, &node, &content)?;
            Ok(Value::Null)
        }),
        member("AddFirst(object)", |c| {
            let (node, content) = (this(c)?, c.value(1));
            add_content_at(c.machine, &node, &content, Some(0))?;
            Ok(Value::Null)
        }),
        member("ReplaceNodes(object)", replace_nodes),
        member("RemoveNodes()", |c| {
            this(c)?.clear();
            Ok(Value::Null)
        }),
    ],
    ..Definition::NEW
};

/// The text in the element as another type.
fn to(c: &Call<'_, '_>, class: &Type) -> Result<Value, Thrown> {
    if c.get(0).is_null() {
        return if class.takes_null() { Ok(Value::Null) } else { Err(Thrown::argument_null("element")) };
    }
    super::change(&Value::from(this(c)?.value()), class)
}

fn create(c: &mut Call<'_, '_>) -> Result<Value, Thrown> {
    let name = name_at(c, 0).ok_or_else(|| Thrown::argument_null("name"))?;
    let element = Node::element(name);
    for content in c.arguments.get(1..).unwrap_or_default() {
        add_content(c.machine, &element, content)?;
    }
    Ok(element.into_value())
}

fn set_attribute(c: &mut Call<'_, '_>) -> Result<Value, Thrown> {
    let (node, name) = (this(c)?, name_at(c, 1).ok_or_else(|| Thrown::argument_null("name"))?);
    if c.get(2).is_null() {
        node.remove_attribute(&name);
        return Ok(Value::Null);
    }
    let text: Arc<str> = text_of(c.get(2)).into();
    match node.attribute(&name) {
        Some(attribute) => *attribute.value.lock() = text,
        None => node.add_attribute(&Attribute::new(name, text))?,
    }
    Ok(Value::Null)
}

fn attributes(nodes: Vec<Arc<Attribute>>) -> Value {
    Value::object(List::new(
        Type::Plain(Id::XAttribute),
        nodes.into_iter().map(|a| Value::handle(a)).collect(),
    ))
}

fn set_value(c: &mut Call<'_, '_>) -> Result<Value, Thrown> {
    let node = this(c)?;
    if c.get(1).is_null() {
        return Err(Thrown::argument_null("value"));
    }
    node.clear();
    node.add_text(&text_of(c.get(1)))?;
    Ok(Value::Null)
}

const CONVERSIONS: [super::Member; 9] = conversions!("XElement", to);

pub(super) const XELEMENT: Definition = Definition {
    name: "System.Xml.Linq.XElement",
    bases: &["XContainer"],
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
        member("new(XName)", create),
        member("new(XName, object)", create),
        member("new(XName, params object[])", create),
        member("new(XElement)", |c| Ok(this(c)?.copy().into_value())),
        member("static Parse(string): XElement", |c| element_of(c, c.text(0)?, false)),
        member("static Parse(string, LoadOptions): XElement", |c| {
            element_of(c, c.text(0)?, c.enumeration(1) & 1 != 0)
        }),
        member("Name: XName", |c| Ok(this(c)?.name().map_or(Value::Null, Value::object))),
        member("set Name: XName", |c| {
            let name = name_at(c, 1).ok_or_else(|| Thrown::argument_null("value"))?;
            this(c)?.rename(name);
            Ok(Value::Null)
        }),
        member("Value: string", |c| Ok(Value::from(this(c)?.value()))),
        member("set Value: string", set_value),
        member("SetValue(object)", set_value),
        member("HasElements: bool", |c| Ok(Value::Boolean(!this(c)?.elements().is_empty()))),
        member("HasAttributes: bool", |c| Ok(Value::Boolean(!this(c)?.attributes().is_empty()))),
        member("IsEmpty: bool", |c| Ok(Value::Boolean(this(c)?.children().is_empty()))),
        member("Attribute(XName): XAttribute", |c| {
            Ok(name_at(c, 1)
                .and_then(|n| this(c).ok()?.attribute(&n))
                .map_or(Value::Null, |a| Value::handle(a)))
        }),
        member("Attributes(): IEnumerable<XAttribute>", |c| Ok(attributes(this(c)?.attributes()))),
        member("Attributes(XName): IEnumerable<XAttribute>", |c| {
            Ok(attributes(name_at(c, 1).and_then(|n| this(c).ok()?.attribute(&n)).into_iter().collect()))
        }),
        member("FirstAttribute: XAttribute", |c| {
            Ok(this(c)?.attributes().into_iter().next().map_or(Value::Null, |a| Value::handle(a)))
        }),
        member("DescendantsAndSelf(): IEnumerable<XElement>", |c| {
            Ok(sequence(
                Id::XElement,
                this(c)?.descendants(true).into_iter().filter(|n| n.kind == Kind::Element),
            ))
        }),
        member("SetAttributeValue(XName, object)", set_attribute),
        member("SetElementValue(XName, object)", |c| {
            let (node, name) = (this(c)?, name_at(c, 1).ok_or_else(|| Thrown::argument_null("name"))?);
            let found = named(node.elements(), Some(name.clone())).next();
            match (found, c.get(2)) {
                (Some(element), Value::Null) => element.remove()?,
                (None, Value::Null) => {}
                (Some(element), value) => {
                    element.clear();
                    element.add_text(&text_of(value))?;
                }
                (None, value) => {
                    let element = Node::element(name);
                    element.add_text(&text_of(value))?;
                    node.add(&element)?;
                }
            }
            Ok(Value::Null)
        }),
        member("RemoveAll()", |c| {
            this(c)?.clear();
            this(c)?.clear_attributes();
            Ok(Value::Null)
        }),
        member("RemoveAttributes()", |c| {
            this(c)?.clear_attributes();
            Ok(Value::Null)
        }),
        member("GetDefaultNamespace(): XNamespace", |c| {
            Ok(namespace(this(c)?.namespace_of("").unwrap_or_else(|| "".into())))
        }),
        member("GetNamespaceOfPrefix(string): XNamespace", |c| {
            Ok(this(c)?.namespace_of(c.text(1)?).map_or(Value::Null, namespace))
        }),
        member("GetPrefixOfNamespace(XNamespace): string", |c| {
            Ok(match &*c.get(1).display() {
                crate::xml::XML => Value::from("xml"),
                crate::xml::XMLNS => Value::from("xmlns"),
                other => Value::text_or_null(this(c)?.prefix_of(other)),
            })
        }),
    ],
    ..Definition::NEW
};

/// Counts what reading XML text costs.
pub(super) fn charge(c: &mut Call<'_, '_>, text: &str) -> Result<(), Thrown> {
    c.machine.work(text.len() / 16)?;
    // A node for each tag and for the text after it, in the reader's tree and in ours, and what `=` may be an attribute.
    let tags = text.bytes().filter(|b| *b == b'<').count();
    let attributes = text.bytes().filter(|b| *b == b'=').count();
    let nodes = tags.saturating_mul(480).saturating_add(attributes.saturating_mul(240));
    c.machine.allocate(nodes.saturating_add(text.len().saturating_mul(2)))
}

/// The root element of a text.
pub(super) fn element_of(c: &mut Call<'_, '_>, text: &str, preserve: bool) -> Result<Value, Thrown> {
    charge(c, text)?;
    let document = parse(text, preserve)?;
    let root = document
        .elements()
        .into_iter()
        .next()
        .ok_or_else(|| Thrown::new(Id::XmlException, "Root element is missing."))?;
    root.remove()?;
    let root = root.into_value();
    c.machine.keep(&root);
    Ok(root)
}
