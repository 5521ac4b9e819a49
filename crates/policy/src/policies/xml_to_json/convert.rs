//! XML as JSON, as Newtonsoft's converter writes it.
//!
//! An element is a property; elements of one name are an array in the place of the first. Attributes begin with `@`, text
//! beside attributes or elements is `#text`, a CDATA section `#cdata-section`, an instruction begins with `?`. An empty
//! element is null, one with an end tag the empty text. Comments go.

use gatehouse_expression::dotnet;
use roxmltree::{Document, Node, NodeId};
use serde_json::{Map, Value};

use crate::document::decode_entity;

/// The namespace of Newtonsoft's own attributes: `Array="true"` makes an array of one element.
const NEWTONSOFT: &str = "http://james.newtonking.com/projects/json";

/// Why XML has no JSON of the friendly form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unfit {
    /// The text is no XML, or goes beyond the bounds of the reader.
    #[error("The body is no XML: {0}")]
    Syntax(String),
    /// Two names become one.
    #[error("The body holds the name `{0}` twice once prefixes are written for JavaScript.")]
    Twice(String),
}

/// Converts a document.
pub(super) fn to_json(text: &str, arrays: bool) -> Result<Value, Unfit> {
    let text = text.trim_start_matches('\u{FEFF}');
    dotnet::check_xml(text).map_err(Unfit::Syntax)?;
    let document = Document::parse(text).map_err(|error| Unfit::Syntax(error.to_string()))?;
    let mut root = Map::new();
    if let Some(declaration) = text.trim_start().strip_prefix("<?xml ").and_then(|rest| rest.split_once("?>"))
    {
        root.insert("?xml".to_owned(), declared(declaration.0));
    }
    let converter = Converter { document: &document, arrays };
    let children: Vec<Child<'_>> = document.root().children().filter_map(child).collect();
    converter.group(&children, false, &mut root);
    Ok(Value::Object(root))
}

/// What JavaScript reads with a dot: no declarations and namespaces, attributes as properties, `_` for the colon of a prefix,
/// `$text` for text.
pub(super) fn friendly(value: Value) -> Result<Value, Unfit> {
    match value {
        Value::Object(properties) => {
            let mut map = Map::new();
            for (name, value) in properties {
                if name.starts_with('?') || name == "@xmlns" || name.starts_with("@xmlns:") {
                    continue;
                }
                let name = match name.as_str() {
                    "#text" => "$text".to_owned(),
                    "#cdata-section" => "$cdata".to_owned(),
                    other => other.strip_prefix('@').unwrap_or(other).replace(':', "_"),
                };
                let value = friendly(value)?;
                if map.insert(name.clone(), value).is_some() {
                    return Err(Unfit::Twice(name));
                }
            }
            Ok(Value::Object(map))
        }
        Value::Array(items) => items.into_iter().map(friendly).collect::<Result<_, _>>().map(Value::Array),
        other => Ok(other),
    }
}

/// The attributes of the XML declaration.
fn declared(text: &str) -> Value {
    let mut map = Map::new();
    for name in ["version", "encoding", "standalone"] {
        let value = text.split_once(name).and_then(|(_, rest)| {
            let rest = rest.trim_start().strip_prefix('=')?.trim_start();
            let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
            rest.get(1..)?.split_once(quote)
        });
        if let Some((value, _)) = value {
            map.insert(format!("@{name}"), value.into());
        }
    }
    Value::Object(map)
}

/// What stands in an element.
enum Child<'d> {
    Element(NodeId),
    Text(String),
    Section(&'d str),
    Instruction(&'d str, &'d str),
}

fn child<'d>(node: Node<'_, 'd>) -> Option<Child<'d>> {
    if node.is_element() {
        return Some(Child::Element(node.id()));
    }
    let text = node.document().input_text().get(node.range())?;
    let inner = text.strip_prefix("<?")?.strip_suffix("?>")?;
    let (target, value) = inner.split_once(char::is_whitespace).unwrap_or((inner, ""));
    node.is_pi().then(|| Child::Instruction(target, value.trim_start()))
}

struct Converter<'c, 'd> {
    document: &'c Document<'d>,
    arrays: bool,
}

impl<'c, 'd> Converter<'c, 'd> {
    fn node(&self, id: NodeId) -> Option<Node<'c, 'd>> {
        self.document.get_node(id)
    }

    /// Writes children as properties, those of one name together.
    fn group(&self, children: &[Child<'d>], is_inside: bool, map: &mut Map<String, Value>) {
        let mut groups: indexmap::IndexMap<String, (bool, Vec<Value>)> = indexmap::IndexMap::new();
        for child in children {
            let (name, is_array, value) = match child {
                Child::Element(id) => {
                    let Some(node) = self.node(*id) else { continue };
                    let is_array = self.arrays && is_inside
                        || node.attribute((NEWTONSOFT, "Array")).is_some_and(|value| value == "true");
                    (qualified(node).to_owned(), is_array, self.element(node))
                }
                Child::Text(text) => ("#text".to_owned(), false, Value::from(text.as_str())),
                Child::Section(text) => ("#cdata-section".to_owned(), false, Value::from(*text)),
                Child::Instruction(target, value) => (format!("?{target}"), false, Value::from(*value)),
            };
            let group = groups.entry(name).or_default();
            group.0 |= is_array;
            group.1.push(value);
        }
        for (name, (is_array, mut values)) in groups {
            let value = match values.pop() {
                Some(one) if values.is_empty() && !is_array => one,
                Some(last) => {
                    values.push(last);
                    Value::Array(values)
                }
                None => continue,
            };
            map.insert(name, value);
        }
    }

    fn element(&self, node: Node<'c, 'd>) -> Value {
        let mut map = Map::new();
        attributes(node, &mut map);
        let children = self.children(node);
        if map.is_empty() {
            match children.as_slice() {
                [] if self.is_empty_tag(node) => return Value::Null,
                [] => return Value::from(""),
                [Child::Text(text)] => return Value::from(text.as_str()),
                _ => {}
            }
        }
        self.group(&children, true, &mut map);
        Value::Object(map)
    }

    fn source(&self, from: usize, to: usize) -> &'d str {
        self.document.input_text().get(from..to).unwrap_or_default()
    }

    fn is_empty_tag(&self, node: Node<'c, 'd>) -> bool {
        self.source(node.range().start, node.range().end).ends_with("/>")
    }

    /// The children in their order. The reader joins text and sections, so that both are read from the source.
    fn children(&self, node: Node<'c, 'd>) -> Vec<Child<'d>> {
        if self.is_empty_tag(node) {
            return Vec::new();
        }
        let range = node.range();
        let mut at = range.start + tag_length(self.source(range.start, range.end));
        let end = self.source(range.start, range.end).rfind("</").map_or(range.end, |end| range.start + end);
        let keeps_blanks = node
            .ancestors()
            .find_map(|around| around.attribute(("http://www.w3.org/XML/1998/namespace", "space")))
            == Some("preserve");
        let mut children = Vec::new();
        for inner in node.children().filter(|inner| !inner.is_text()) {
            texts(self.source(at, inner.range().start), keeps_blanks, &mut children);
            children.extend(child(inner));
            at = inner.range().end;
        }
        texts(self.source(at, end), keeps_blanks, &mut children);
        children
    }
}

/// The length of a start tag: a `>` within quotes does not end it.
fn tag_length(source: &str) -> usize {
    let mut quote = None;
    for (at, c) in source.char_indices() {
        if let Some(open) = quote {
            quote = Some(open).filter(|open| *open != c);
        } else if matches!(c, '"' | '\'') {
            quote = Some(c);
        } else if c == '>' {
            return at + 1;
        }
    }
    source.len()
}

/// The name of an element as it is written.
fn qualified<'d>(node: Node<'_, 'd>) -> &'d str {
    let source = node.document().input_text().get(node.range()).unwrap_or_default();
    let name = source.strip_prefix('<').unwrap_or(source);
    name.split(|c: char| c.is_whitespace() || matches!(c, '/' | '>')).next().unwrap_or_default()
}

/// Attributes and declarations of namespaces in their order, by the names that they are written with.
fn attributes(node: Node<'_, '_>, map: &mut Map<String, Value>) {
    let source = node.document().input_text().get(node.range()).unwrap_or_default();
    let tag = source.get(..tag_length(source)).unwrap_or_default();
    let mut rest = tag.get(1 + qualified(node).len()..).unwrap_or_default();
    let mut others = node.attributes();
    while let Some((name, after)) = rest.split_once('=') {
        let name = name.trim();
        let after = after.trim_start();
        let Some(quote) = after.chars().next().filter(|c| matches!(c, '"' | '\'')) else { break };
        let Some((_, next)) = after.get(1..).and_then(|value| value.split_once(quote)) else { break };
        rest = next;
        let prefix = if name == "xmlns" { Some("") } else { name.strip_prefix("xmlns:") };
        let (namespace, value) = match prefix {
            Some(prefix) => {
                let prefix = Some(prefix).filter(|prefix| !prefix.is_empty());
                let uri = node.lookup_namespace_uri(prefix).unwrap_or_default();
                (Some(uri), uri)
            }
            None => match others.next() {
                Some(attribute) => (attribute.namespace(), attribute.value()),
                None => break,
            },
        };
        if namespace != Some(NEWTONSOFT) {
            map.insert(format!("@{name}"), value.into());
        }
    }
}

/// Cuts source into texts and sections.
fn texts<'d>(source: &'d str, keeps_blanks: bool, children: &mut Vec<Child<'d>>) {
    let mut rest = source;
    while !rest.is_empty() {
        let (text, section, after) = match rest.split_once("<![CDATA[") {
            Some((text, tail)) => match tail.split_once("]]>") {
                Some((section, after)) => (text, Some(section), after),
                None => (text, Some(tail), ""),
            },
            None => (rest, None, ""),
        };
        let text = decoded(text);
        if keeps_blanks && !text.is_empty() || !text.trim_matches([' ', '\t', '\r', '\n']).is_empty() {
            children.push(Child::Text(text));
        }
        children.extend(section.map(Child::Section));
        rest = after;
    }
}

/// A text with its references resolved and its line ends as line feeds.
fn decoded(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find('&') {
        let (before, reference) = rest.split_at(at);
        out.push_str(before);
        // The reader has taken the text: every reference is good.
        let (c, length) = decode_entity(reference).unwrap_or(('&', 1));
        out.push(c);
        rest = reference.get(length..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(xml: &str) -> String {
        to_json(xml, false).unwrap_or_else(|error| panic!("{xml}: {error}")).to_string()
    }

    /// What Newtonsoft.Json 12 gives.
    #[test]
    fn documents_are_written_as_newtonsoft_does() {
        for (xml, wanted) in [
            ("<a/>", r#"{"a":null}"#),
            ("<a></a>", r#"{"a":""}"#),
            ("<a> </a>", r#"{"a":""}"#),
            ("<a>x</a>", r#"{"a":"x"}"#),
            ("<a b=\"1\"/>", r#"{"a":{"@b":"1"}}"#),
            ("<a b=\"1\">x</a>", r##"{"a":{"@b":"1","#text":"x"}}"##),
            ("<a><b>1</b></a>", r#"{"a":{"b":"1"}}"#),
            ("<a><b>1</b><c/><b>2</b></a>", r#"{"a":{"b":["1","2"],"c":null}}"#),
            ("<a>x<b/>y</a>", r##"{"a":{"#text":["x","y"],"b":null}}"##),
            ("<a><![CDATA[x<y]]></a>", r##"{"a":{"#cdata-section":"x<y"}}"##),
            ("<a>p<![CDATA[x]]>q</a>", r##"{"a":{"#text":["p","q"],"#cdata-section":"x"}}"##),
            (
                "<?xml version=\"1.0\" encoding=\"utf-8\"?><a/>",
                r#"{"?xml":{"@version":"1.0","@encoding":"utf-8"},"a":null}"#,
            ),
            (
                "<?xml version=\"1.0\" standalone=\"yes\"?><a/>",
                r#"{"?xml":{"@version":"1.0","@standalone":"yes"},"a":null}"#,
            ),
            (
                "<a xmlns=\"urn:d\" xmlns:p=\"urn:p\" p:x=\"1\"><p:b>1</p:b><b/></a>",
                r#"{"a":{"@xmlns":"urn:d","@xmlns:p":"urn:p","@p:x":"1","p:b":"1","b":null}}"#,
            ),
            ("<s:E xmlns:s=\"urn:s\"><s:B/></s:E>", r#"{"s:E":{"@xmlns:s":"urn:s","s:B":null}}"#),
            ("<a><!-- c --><b/></a>", r#"{"a":{"b":null}}"#),
            ("<a><?pi do it?><b/></a>", r#"{"a":{"?pi":"do it","b":null}}"#),
            ("<?top x?><a/>", r#"{"?top":"x","a":null}"#),
            (
                "<a xml:space=\"preserve\"> <b/> </a>",
                r##"{"a":{"@xml:space":"preserve","#text":[" "," "],"b":null}}"##,
            ),
            ("<a t=\"&lt;&amp;\">&gt;&#65;</a>", r##"{"a":{"@t":"<&","#text":">A"}}"##),
            ("<a>\n  <b>x</b>\n</a>", r#"{"a":{"b":"x"}}"#),
            (
                "<a xmlns:json=\"http://james.newtonking.com/projects/json\"><b json:Array=\"true\">1</b></a>",
                r#"{"a":{"b":["1"]}}"#,
            ),
            (
                "<a><b xsi:nil=\"true\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"/></a>",
                r#"{"a":{"b":{"@xsi:nil":"true","@xmlns:xsi":"http://www.w3.org/2001/XMLSchema-instance"}}}"#,
            ),
            ("<a>true</a>", r#"{"a":"true"}"#),
            ("<a><b><c>1</c></b><b/></a>", r#"{"a":{"b":[{"c":"1"},null]}}"#),
            (
                "<r xmlns:p=\"u\" xmlns:q=\"u\"><q:a/></r>",
                r#"{"r":{"@xmlns:p":"u","@xmlns:q":"u","q:a":null}}"#,
            ),
            ("<a>2020-01-02T03:04:05Z</a>", r#"{"a":"2020-01-02T03:04:05Z"}"#),
            ("<a b='>' c = \"'\"><d/></a>", r#"{"a":{"@b":">","@c":"'","d":null}}"#),
        ] {
            assert_eq!(json(xml), wanted, "{xml}");
        }
    }

    #[test]
    fn children_may_always_be_arrays() {
        let json = |xml| to_json(xml, true).unwrap().to_string();
        assert_eq!(json("<a><b x=\"1\"><c/></b></a>"), r#"{"a":{"b":[{"@x":"1","c":[null]}]}}"#);
        assert_eq!(json("<a>x</a>"), r#"{"a":"x"}"#);
    }

    #[test]
    fn names_may_suit_javascript() {
        let friendly = |xml| friendly(to_json(xml, false).unwrap());
        let xml = "<?xml version=\"1.0\"?><s:a xmlns:s=\"u\" id=\"7\">x<s:b/><![CDATA[y]]></s:a>";
        assert_eq!(
            friendly(xml).unwrap().to_string(),
            r#"{"s_a":{"id":"7","$text":"x","s_b":null,"$cdata":"y"}}"#
        );
        assert_eq!(friendly("<a b=\"1\"><b/></a>"), Err(Unfit::Twice("b".to_owned())));
    }

    #[test]
    fn what_is_no_xml_or_too_deep_is_refused() {
        for xml in ["", "<a>", "{}", "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>", "<a b=\"1\" b=\"2\"/>"] {
            assert!(matches!(to_json(xml, false), Err(Unfit::Syntax(_))), "{xml}");
        }
        let deep = "<a>".repeat(10_000) + &"</a>".repeat(10_000);
        assert!(matches!(to_json(&deep, false), Err(Unfit::Syntax(_))));
    }
}
