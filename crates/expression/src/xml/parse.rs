//! Reads XML text. Document types are refused: entities of their own making are how small texts become large ones.

use std::sync::Arc;

use super::{Attribute, Kind, MAX_DEPTH, Name, Node, XMLNS};
use crate::exception::Thrown;
use crate::types::Id;

fn fail(message: impl Into<Arc<str>>) -> Thrown {
    Thrown::new(Id::XmlException, message)
}

/// Reads a document; white space between elements counts for nothing unless it is preserved.
pub(crate) fn parse(text: &str, preserve: bool) -> Result<Arc<Node>, Thrown> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    too_deep(text)?;
    let parsed = roxmltree::Document::parse(text).map_err(|e| fail(e.to_string()))?;
    let document = Node::new(Kind::Document, None, declaration(text));
    for child in parsed.root().children() {
        if let Some(node) = convert(&child, preserve)? {
            document.add(&node)?;
        }
    }
    Ok(document)
}

/// Text nested too deeply is refused before it is read: reading it takes a frame a level.
fn too_deep(text: &str) -> Result<(), Thrown> {
    let bytes = text.as_bytes();
    let mut depth = 0_usize;
    for (n, byte) in bytes.iter().enumerate() {
        match (byte, bytes.get(n + 1)) {
            (b'<', Some(b'/')) | (b'/', Some(b'>')) => depth = depth.saturating_sub(1),
            (b'<', Some(b'!' | b'?')) => {}
            (b'<', _) => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(fail(format!("Elements are nested deeper than {MAX_DEPTH} levels.")));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// The XML declaration's inside, where there is one.
fn declaration(text: &str) -> &str {
    text.trim_start().strip_prefix("<?xml ").and_then(|t| t.split_once("?>")).map_or("", |(d, _)| d.trim())
}

fn convert(node: &roxmltree::Node<'_, '_>, preserve: bool) -> Result<Option<Arc<Node>>, Thrown> {
    let text = node.text().unwrap_or_default();
    if node.is_text() {
        let blank = text.chars().all(char::is_whitespace);
        return Ok((preserve || !blank).then(|| Node::new(Kind::Text, None, text)));
    }
    if node.is_comment() {
        return Ok(Some(Node::new(Kind::Comment, None, text)));
    }
    if let Some(instruction) = node.pi() {
        let name = Name { namespace: "".into(), local: instruction.target.into() };
        return Ok(Some(Node::new(Kind::Instruction, Some(name), instruction.value.unwrap_or_default())));
    }
    let name = |namespace: Option<&str>, local: &str| Name {
        namespace: namespace.unwrap_or_default().into(),
        local: local.into(),
    };
    let element = Node::element(name(node.tag_name().namespace(), node.tag_name().name()));
    let inherited: Vec<_> = node.parent().map(|p| p.namespaces().collect()).unwrap_or_default();
    for declared in node.namespaces() {
        if inherited
            .iter()
            .any(|n: &&roxmltree::Namespace<'_>| n.name() == declared.name() && n.uri() == declared.uri())
            || declared.name() == Some("xml")
        {
            continue;
        }
        let name = match declared.name() {
            Some(prefix) => Name { namespace: XMLNS.into(), local: prefix.into() },
            None => Name { namespace: "".into(), local: "xmlns".into() },
        };
        element.add_attribute(&Attribute::new(name, declared.uri().into()))?;
    }
    for attribute in node.attributes() {
        element.add_attribute(&Attribute::new(
            name(attribute.namespace(), attribute.name()),
            attribute.value().into(),
        ))?;
    }
    for child in node.children() {
        if let Some(child) = convert(&child, preserve)? {
            element.add(&child)?;
        }
    }
    let written = node.document().input_text().get(node.range()).unwrap_or_default();
    if element.children().is_empty() && !written.ends_with("/>") {
        element.add_text("")?;
    }
    Ok(Some(element))
}
