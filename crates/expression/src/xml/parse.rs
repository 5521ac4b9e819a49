//! Reads XML text. Document types are refused: entities of their own making are how small texts become large ones.

use std::sync::Arc;

use super::{Attribute, Kind, Name, Node, XMLNS, bounds};
use crate::exception::Thrown;
use crate::types::Id;

fn fail(message: impl Into<Arc<str>>) -> Thrown {
    Thrown::new(Id::XmlException, message)
}

/// Reads a document; white space between elements counts for nothing unless it is preserved.
pub(crate) fn parse(text: &str, preserve: bool) -> Result<Arc<Node>, Thrown> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    bounds::check(text).map_err(fail)?;
    let parsed = roxmltree::Document::parse(text).map_err(|e| fail(e.to_string()))?;
    let document = Node::new(Kind::Document, None, declaration(text));
    for child in parsed.root().children() {
        if let Some(node) = convert(&child, preserve)? {
            document.add(&node)?;
        }
    }
    Ok(document)
}

/// The XML declaration's inside, where there is one.
fn declaration(text: &str) -> &str {
    text.trim_start().strip_prefix("<?xml ").and_then(|t| t.split_once("?>")).map_or("", |(d, _)| d.trim())
}

fn convert(node: &roxmltree::Node<'_, '_>, preserve: bool) -> Result<Option<Arc<Node>>, Thrown> {
    let text = node.text().unwrap_or_default();
    if node.is_text() {
        let written = node.document().input_text().get(node.range()).unwrap_or_default();
        if written.starts_with("<![CDATA[")
            && written.ends_with("]]>")
            && written.matches("<![CDATA[").count() == 1
        {
            return Ok(Some(Node::new(Kind::CData, None, text)));
        }
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
    for declared in declarations(node) {
        if declared.name() == Some("xml") {
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

/// The namespaces that an element declares itself. The reader keeps each once, so that those of the parent are the same
/// in memory; comparing their texts would let a small document take long.
fn declarations<'a, 'i>(node: &roxmltree::Node<'a, 'i>) -> Vec<&'a roxmltree::Namespace<'i>> {
    let inherited: Vec<_> = node.parent().map(|p| p.namespaces().collect()).unwrap_or_default();
    let in_scope: Vec<_> = node.namespaces().collect();
    let same = |a: &&roxmltree::Namespace<'i>, b: &&roxmltree::Namespace<'i>| std::ptr::eq(*a, *b);
    if in_scope.len() == inherited.len() && in_scope.iter().zip(&inherited).all(|(a, b)| same(a, b)) {
        return Vec::new();
    }
    in_scope.into_iter().filter(|n| !inherited.iter().any(|i| same(n, i))).collect()
}

#[cfg(test)]
mod tests {
    use super::declarations;

    #[test]
    fn an_element_declares_what_its_parent_has_not() {
        let text = "<a xmlns='u' xmlns:p='1'><p:b/><c xmlns='u' xmlns:p='2' xmlns:q='1'/><d xmlns='u' xmlns:p='1'/></a>";
        let document = roxmltree::Document::parse(text).unwrap();
        let declared: Vec<Vec<_>> = document
            .root_element()
            .children()
            .map(|child| declarations(&child).iter().map(|n| (n.name(), n.uri().to_owned())).collect())
            .collect();
        let (p, q) = ((Some("p"), "2".to_owned()), (Some("q"), "1".to_owned()));
        assert_eq!(declared, [vec![], vec![p, q], vec![]]);
    }
}
