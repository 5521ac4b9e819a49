//! Writes XML as `XElement.ToString()` does: two spaces a level, none in an element that holds text.

use std::fmt::Write as _;
use std::sync::Arc;

use super::{Attribute, Kind, Name, Node, XMLNS};

/// Prefixes in scope, innermost last.
type Scope = Vec<(String, Arc<str>)>;

pub(super) fn node(node: &Arc<Node>, plain: bool) -> String {
    let mut scope = Scope::new();
    // What the ancestors declare is in scope, but has to be declared again where it is used.
    let mut hints = Scope::new();
    let mut at = node.parent();
    while let Some(parent) = at {
        for attribute in parent.attributes() {
            if let Some(prefix) = attribute.declared_prefix() {
                hints.push((prefix.to_owned(), Arc::clone(&attribute.value.lock())));
            }
        }
        at = parent.parent();
    }
    let mut out = String::new();
    write_node(&mut out, node, plain, 0, &mut scope, &hints);
    out
}

/// A node whose handle is not at hand.
pub(super) fn detached(it: &Node) -> String {
    let copy = it.copy();
    node(&copy, false)
}

pub(super) fn attribute(attribute: &Attribute) -> String {
    let name = match attribute.declared_prefix() {
        Some("") => "xmlns".to_owned(),
        Some(prefix) => format!("xmlns:{prefix}"),
        None => attribute.name.local.to_string(),
    };
    let mut out = format!("{name}=\"");
    escape(&mut out, &attribute.value.lock(), true);
    out.push('"');
    out
}

fn write_node(
    out: &mut String,
    node: &Arc<Node>,
    plain: bool,
    level: usize,
    scope: &mut Scope,
    hints: &Scope,
) {
    match node.kind {
        Kind::Text => escape(out, &node.own_text(), false),
        Kind::CData => {
            out.push_str("<![CDATA[");
            out.push_str(&node.own_text().replace("]]>", "]]]]><![CDATA[>"));
            out.push_str("]]>");
        }
        Kind::Comment => {
            out.push_str("<!--");
            out.push_str(&node.own_text());
            out.push_str("-->");
        }
        Kind::Instruction => {
            let target = node.name().map_or_else(|| "".into(), |n| n.local);
            let _ = write!(out, "<?{target} {}?>", node.own_text());
        }
        Kind::Document => {
            for (n, child) in node.children().iter().enumerate() {
                if n > 0 && !plain {
                    out.push('\n');
                }
                write_node(out, child, plain, level, scope, hints);
            }
        }
        Kind::Element => element(out, node, plain, level, scope, hints),
    }
}

fn element(out: &mut String, node: &Arc<Node>, plain: bool, level: usize, scope: &mut Scope, hints: &Scope) {
    let before = scope.len();
    let attributes = node.attributes();
    for attribute in &attributes {
        if let Some(prefix) = attribute.declared_prefix() {
            scope.push((prefix.to_owned(), Arc::clone(&attribute.value.lock())));
        }
    }
    let mut declared = String::new();
    let name = node.name().unwrap_or_else(|| Name { namespace: "".into(), local: "".into() });
    let tag = qualified(&name, scope, hints, &mut declared, false);
    out.push('<');
    out.push_str(&tag);
    let mut shown = String::new();
    for attribute in &attributes {
        shown.push(' ');
        match attribute.declared_prefix() {
            Some("") => shown.push_str("xmlns"),
            Some(prefix) => {
                shown.push_str("xmlns:");
                shown.push_str(prefix);
            }
            None => shown.push_str(&qualified(&attribute.name, scope, hints, &mut declared, true)),
        }
        shown.push_str("=\"");
        escape(&mut shown, &attribute.value.lock(), true);
        shown.push('"');
    }
    out.push_str(&shown);
    out.push_str(&declared);
    let children = node.children();
    if children.is_empty() {
        out.push_str(" />");
        scope.truncate(before);
        return;
    }
    out.push('>');
    // Once text is written, what follows it in the element is not indented.
    let mut mixed = plain;
    for child in &children {
        mixed |= matches!(child.kind, Kind::Text | Kind::CData);
        if !mixed {
            line(out, level + 1);
        }
        write_node(out, child, mixed, level + 1, scope, hints);
    }
    if !mixed {
        line(out, level);
    }
    out.push_str("</");
    out.push_str(&tag);
    out.push('>');
    scope.truncate(before);
}

/// The name with the prefix in scope for its namespace; one is declared where there is none.
fn qualified(
    name: &Name,
    scope: &mut Scope,
    hints: &Scope,
    declared: &mut String,
    attribute: bool,
) -> String {
    let bound = |scope: &Scope, prefix: &str| {
        scope.iter().rev().find(|(p, _)| p == prefix).map(|(_, n)| Arc::clone(n))
    };
    if name.namespace.is_empty() {
        if !attribute && bound(scope, "").is_some_and(|n| !n.is_empty()) {
            declared.push_str(" xmlns=\"\"");
            scope.push((String::new(), "".into()));
        }
        return name.local.to_string();
    }
    if &*name.namespace == "http://www.w3.org/XML/1998/namespace" {
        return format!("xml:{}", name.local);
    }
    if &*name.namespace == XMLNS {
        return format!("xmlns:{}", name.local);
    }
    let usable = |p: &str| !(attribute && p.is_empty());
    let in_scope = scope
        .iter()
        .rev()
        .find(|(p, n)| *n == name.namespace && usable(p) && bound(scope, p).as_ref() == Some(n))
        .map(|(p, _)| p.clone());
    let prefix = match in_scope {
        Some(prefix) => prefix,
        None => {
            let hinted =
                hints.iter().find(|(p, n)| *n == name.namespace && usable(p)).map(|(p, _)| p.clone());
            let prefix = hinted
                .unwrap_or_else(|| if attribute { format!("p{}", scope.len() + 1) } else { String::new() });
            let key = if prefix.is_empty() { " xmlns".to_owned() } else { format!(" xmlns:{prefix}") };
            declared.push_str(&key);
            declared.push_str("=\"");
            escape(declared, &name.namespace, true);
            declared.push('"');
            scope.push((prefix.clone(), Arc::clone(&name.namespace)));
            prefix
        }
    };
    if prefix.is_empty() { name.local.to_string() } else { format!("{prefix}:{}", name.local) }
}

fn line(out: &mut String, level: usize) {
    out.push('\n');
    for _ in 0..level {
        out.push_str("  ");
    }
}

fn escape(out: &mut String, text: &str, attribute: bool) {
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' if attribute => out.push_str("&quot;"),
            '\n' if attribute => out.push_str("&#xA;"),
            '\r' if attribute => out.push_str("&#xD;"),
            '\t' if attribute => out.push_str("&#x9;"),
            c => out.push(c),
        }
    }
}
