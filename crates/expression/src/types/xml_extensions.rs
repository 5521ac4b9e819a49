//! Extension methods of sequences of nodes.

use std::sync::Arc;

use super::xml_name::name_at;
use super::xml_node::sequence;
use super::{Definition, Id, List, member};
use crate::class::Type;
use crate::exception::Thrown;
use crate::machine::Call;
use crate::value::Value;
use crate::xml::{Kind, Node};

fn nodes(c: &mut Call<'_, '_>) -> Result<Vec<Arc<Node>>, Thrown> {
    Ok(c.items(0)?.iter().filter_map(Value::shared::<Node>).collect())
}

fn below(c: &mut Call<'_, '_>, all: bool) -> Result<Value, Thrown> {
    let name = name_at(c, 1);
    let mut found = Vec::new();
    for node in nodes(c)? {
        let below = if all { node.descendants(false) } else { node.elements() };
        c.machine.work(below.len())?;
        found.extend(
            below.into_iter().filter(|n| n.kind == Kind::Element && (c.count() < 2 || n.name() == name)),
        );
    }
    Ok(sequence(Id::XElement, found))
}

fn attributes(c: &mut Call<'_, '_>) -> Result<Value, Thrown> {
    let name = name_at(c, 1);
    let mut found = Vec::new();
    for node in nodes(c)? {
        found.extend(
            node.attributes()
                .into_iter()
                .filter(|a| c.count() < 2 || Some(&a.name) == name.as_ref())
                .map(|a| Value::handle(a)),
        );
    }
    Ok(Value::object(List::new(Type::Plain(Id::XAttribute), found)))
}

pub(super) const EXTENSIONS: Definition = Definition {
    name: "System.Xml.Linq.Extensions",
    members: &[
        member("extension Elements<T>(IEnumerable<T>): IEnumerable<XElement>", |c| below(c, false)),
        member("extension Elements<T>(IEnumerable<T>, XName): IEnumerable<XElement>", |c| below(c, false)),
        member("extension Descendants<T>(IEnumerable<T>): IEnumerable<XElement>", |c| below(c, true)),
        member("extension Descendants<T>(IEnumerable<T>, XName): IEnumerable<XElement>", |c| below(c, true)),
        member("extension Attributes(IEnumerable<XElement>): IEnumerable<XAttribute>", attributes),
        member("extension Attributes(IEnumerable<XElement>, XName): IEnumerable<XAttribute>", attributes),
        member("extension Remove(IEnumerable<XNode>)", |c| {
            for node in nodes(c)? {
                node.remove()?;
            }
            Ok(Value::Null)
        }),
    ],
    ..Definition::NEW
};
