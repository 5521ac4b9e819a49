//! `XObject`, `XNode` and the nodes that hold text.

use std::sync::Arc;

use super::{Definition, Id, List, member};
use crate::class::Type;
use crate::exception::Thrown;
use crate::machine::Call;
use crate::value::{Enumeration, Value};
use crate::xml::{Attribute, Kind, Name, Node};

pub(super) fn this(c: &Call<'_, '_>) -> Result<Arc<Node>, Thrown> {
    c.shared(0)
}

/// Nodes as a sequence of that type.
pub(super) fn sequence(class: Id, nodes: impl IntoIterator<Item = Arc<Node>>) -> Value {
    Value::object(List::new(Type::Plain(class), nodes.into_iter().map(Node::into_value).collect()))
}

fn siblings(c: &Call<'_, '_>) -> Result<(Vec<Arc<Node>>, usize), Thrown> {
    let node = this(c)?;
    let all = node.parent().map(|p| p.children()).unwrap_or_default();
    let at = all.iter().position(|n| Arc::ptr_eq(n, &node)).unwrap_or(0);
    Ok((all, at))
}

fn beside(c: &mut Call<'_, '_>, after: bool) -> Result<Value, Thrown> {
    let node = this(c)?;
    let parent = node.parent().ok_or_else(|| Thrown::invalid_operation("The parent is missing."))?;
    let at = parent.position(&node).unwrap_or(0) + usize::from(after);
    let content = c.value(1);
    super::xml_element::add_content_at(c.machine, &parent, &content, Some(at))?;
    Ok(Value::Null)
}

pub(super) const XOBJECT: Definition = Definition {
    name: "System.Xml.Linq.XObject",
    bases: &["object"],
    members: &[
        member("Parent: XElement", |c| {
            let parent = match c.get(0).downcast::<Attribute>() {
                Some(attribute) => attribute.parent.lock().upgrade(),
                None => this(c)?.parent(),
            };
            Ok(parent.filter(|p| p.kind == Kind::Element).map_or(Value::Null, Node::into_value))
        }),
        member("Document: XDocument", |c| {
            let mut at = match c.get(0).downcast::<Attribute>() {
                Some(attribute) => attribute.parent.lock().upgrade(),
                None => Some(this(c)?),
            };
            while let Some(node) = &at {
                if node.kind == Kind::Document {
                    break;
                }
                at = node.parent();
            }
            Ok(at.map_or(Value::Null, Node::into_value))
        }),
        member("NodeType: XmlNodeType", |c| {
            let number = match c.get(0).shared::<Node>().map(|n| n.kind) {
                None => 2,
                Some(Kind::Element) => 1,
                Some(Kind::Text) => 3,
                Some(Kind::CData) => 4,
                Some(Kind::Instruction) => 7,
                Some(Kind::Comment) => 8,
                Some(Kind::Document) => 9,
            };
            Ok(Value::Enumeration(Enumeration { id: Id::XmlNodeType, number }))
        }),
    ],
    ..Definition::NEW
};

pub(super) const XNODE: Definition = Definition {
    name: "System.Xml.Linq.XNode",
    bases: &["XObject"],
    members: &[
        member("NextNode: XNode", |c| {
            let (all, at) = siblings(c)?;
            Ok(all.get(at + 1).cloned().map_or(Value::Null, Node::into_value))
        }),
        member("PreviousNode: XNode", |c| {
            let (all, at) = siblings(c)?;
            Ok(at.checked_sub(1).and_then(|n| all.get(n).cloned()).map_or(Value::Null, Node::into_value))
        }),
        member("ElementsAfterSelf(): IEnumerable<XElement>", |c| {
            let (all, at) = siblings(c)?;
            Ok(sequence(Id::XElement, all.into_iter().skip(at + 1).filter(|n| n.kind == Kind::Element)))
        }),
        member("ElementsBeforeSelf(): IEnumerable<XElement>", |c| {
            let (all, at) = siblings(c)?;
            Ok(sequence(Id::XElement, all.into_iter().take(at).filter(|n| n.kind == Kind::Element)))
        }),
        member("ElementsAfterSelf(XName): IEnumerable<XElement>", |c| {
            let (all, at) = siblings(c)?;
            let name = super::xml_name::name_at(c, 1);
            let named = move |n: &Arc<Node>| n.kind == Kind::Element && n.name() == name;
            Ok(sequence(Id::XElement, all.into_iter().skip(at + 1).filter(named)))
        }),
        member("ElementsBeforeSelf(XName): IEnumerable<XElement>", |c| {
            let (all, at) = siblings(c)?;
            let name = super::xml_name::name_at(c, 1);
            let named = move |n: &Arc<Node>| n.kind == Kind::Element && n.name() == name;
            Ok(sequence(Id::XElement, all.into_iter().take(at).filter(named)))
        }),
        member("NodesAfterSelf(): IEnumerable<XNode>", |c| {
            let (all, at) = siblings(c)?;
            Ok(sequence(Id::XNode, all.into_iter().skip(at + 1)))
        }),
        member("NodesBeforeSelf(): IEnumerable<XNode>", |c| {
            let (all, at) = siblings(c)?;
            Ok(sequence(Id::XNode, all.into_iter().take(at)))
        }),
        member("Ancestors(XName): IEnumerable<XElement>", |c| {
            let name = super::xml_name::name_at(c, 1);
            let mut found = Vec::new();
            let mut at = this(c)?.parent();
            while let Some(node) = at {
                at = node.parent();
                if node.kind == Kind::Element && node.name() == name {
                    found.push(node);
                }
            }
            Ok(sequence(Id::XElement, found))
        }),
        member("Ancestors(): IEnumerable<XElement>", |c| {
            let mut found = Vec::new();
            let mut at = this(c)?.parent();
            while let Some(node) = at {
                at = node.parent();
                if node.kind == Kind::Element {
                    found.push(node);
                }
            }
            Ok(sequence(Id::XElement, found))
        }),
        member("Remove()", |c| {
            this(c)?.remove()?;
            Ok(Value::Null)
        }),
        member("ReplaceWith(object)", |c| {
            let node = this(c)?;
            beside(c, true)?;
            node.remove()?;
            Ok(Value::Null)
        }),
        member("AddAfterSelf(object)", |c| beside(c, true)),
        member("AddBeforeSelf(object)", |c| beside(c, false)),
        member("ToString(): string", |c| Ok(Value::from(this(c)?.write(false)))),
        member("ToString(SaveOptions): string", |c| {
            Ok(Value::from(this(c)?.write(c.enumeration(1) & 1 != 0)))
        }),
        member("static DeepEquals(XNode, XNode): bool", |c| {
            Ok(Value::Boolean(match (c.get(0).shared::<Node>(), c.get(1).shared::<Node>()) {
                (Some(a), Some(b)) => a.deep_equals(&b),
                (None, None) => true,
                _ => false,
            }))
        }),
    ],
    ..Definition::NEW
};

fn text_node(c: &Call<'_, '_>, kind: Kind) -> Result<Value, Thrown> {
    Ok(Node::new(kind, None, c.text(0)?).into_value())
}

fn own_text(c: &mut Call<'_, '_>) -> Result<Value, Thrown> {
    Ok(Value::String(this(c)?.own_text()))
}

fn set_own_text(c: &mut Call<'_, '_>) -> Result<Value, Thrown> {
    this(c)?.set_own_text(c.text(1)?);
    Ok(Value::Null)
}

pub(super) const XTEXT: Definition = Definition {
    name: "System.Xml.Linq.XText",
    bases: &["XNode"],
    members: &[
        member("new(string)", |c| text_node(c, Kind::Text)),
        member("Value: string", own_text),
        member("set Value: string", set_own_text),
    ],
    ..Definition::NEW
};

pub(super) const XCDATA: Definition = Definition {
    name: "System.Xml.Linq.XCData",
    bases: &["XText"],
    members: &[member("new(string)", |c| text_node(c, Kind::CData))],
    ..Definition::NEW
};

pub(super) const XCOMMENT: Definition = Definition {
    name: "System.Xml.Linq.XComment",
    bases: &["XNode"],
    members: &[
        member("new(string)", |c| text_node(c, Kind::Comment)),
        member("Value: string", own_text),
        member("set Value: string", set_own_text),
    ],
    ..Definition::NEW
};

pub(super) const XPROCESSING_INSTRUCTION: Definition = Definition {
    name: "System.Xml.Linq.XProcessingInstruction",
    bases: &["XNode"],
    members: &[
        member("new(string, string)", |c| {
            let name = Name::valid("", c.text(0)?)?;
            Ok(Node::new(Kind::Instruction, Some(name), c.text(1)?).into_value())
        }),
        member("Data: string", own_text),
        member("Target: string", |c| Ok(Value::text_or_null(this(c)?.name().map(|n| n.local)))),
    ],
    ..Definition::NEW
};
