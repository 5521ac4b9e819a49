//! XML bodies as templates see them: elements by their local name in any case, several of one name as a list.

use std::sync::Arc;

use gatehouse_expression::dotnet;
use indexmap::IndexMap;
use roxmltree::{Document, Node};

use super::data::{Data, Map};

const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// What an element with `xsi:nil="true"` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nil {
    /// An empty text.
    Blank,
    /// Null.
    Null,
}

/// Reads a document: a map with its root element.
///
/// # Errors
/// The text is no XML, or goes beyond the bounds of the reader.
pub(super) fn read(text: &str, nil: Nil) -> Result<Data, String> {
    dotnet::check_xml(text)?;
    let document = Document::parse(text).map_err(|error| error.to_string())?;
    let root = document.root_element();
    let mut map = Map::ignoring_case();
    map.insert(root.tag_name().name().into(), element(root, nil));
    Ok(Data::Map(Arc::new(map)))
}

/// An element without attributes and elements in it is its text.
fn element(node: Node<'_, '_>, nil: Nil) -> Data {
    if node.attribute((XSI, "nil")).is_some_and(|value| matches!(value.trim(), "true" | "1")) {
        return match nil {
            Nil::Blank => Data::text(""),
            Nil::Null => Data::Null,
        };
    }
    let text: String = node.children().filter(Node::is_text).filter_map(|node| node.text()).collect();
    let mut entries: IndexMap<String, (Arc<str>, Vec<Data>)> = IndexMap::new();
    let own = node.attributes().filter(|attribute| attribute.namespace() != Some(XSI));
    for attribute in own {
        let name = attribute.name();
        entries
            .entry(name.to_lowercase())
            .or_insert_with(|| (name.into(), Vec::new()))
            .1
            .push(Data::text(attribute.value()));
    }
    for child in node.children().filter(Node::is_element) {
        let name = child.tag_name().name();
        entries
            .entry(name.to_lowercase())
            .or_insert_with(|| (name.into(), Vec::new()))
            .1
            .push(element(child, nil));
    }
    if entries.is_empty() {
        return Data::text(text);
    }
    let mut map = Map::ignoring_case();
    for (name, mut values) in entries.into_values() {
        let value = match (values.pop(), values.is_empty()) {
            (Some(one), true) => one,
            (Some(last), false) => {
                values.push(last);
                Data::List(values.into())
            }
            (None, _) => Data::Null,
        };
        map.insert(name, value);
    }
    if !text.trim().is_empty() {
        map.insert("#text".into(), Data::text(text.as_str()));
        map = map.with_text(text.into());
    }
    Data::Map(Arc::new(map))
}
