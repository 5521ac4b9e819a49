//! The schemas of a definition, each as a document of its own.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;

use roxmltree::Node;

use super::files::Parsed;
use super::{WSDL, XSD, attribute};
use crate::resources::QName;

/// The schemas of all files.
pub(super) struct Schemas {
    texts: Vec<(String, String)>,
    /// The elements that they declare at their top.
    elements: HashSet<QName>,
    /// The types that they define at their top.
    types: HashSet<QName>,
    wrappers: BTreeMap<String, Vec<Wrapper>>,
}

/// The element around the parts of an rpc message.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wrapper {
    name: String,
    /// The name and the type of each part.
    parts: Vec<(String, QName)>,
}

/// The name of the schemas of the file of a number: the first is the file, or its first schema.
fn name(file: usize, schema: usize) -> String {
    if schema == 0 { format!("wsdl-{file}") } else { format!("wsdl-{file}-{schema}") }
}

/// Collects the schemas in the definitions, and the files that consist of one.
pub(super) fn collect(files: &[Parsed<'_>]) -> Schemas {
    let mut schemas = Schemas {
        texts: Vec::new(),
        elements: HashSet::new(),
        types: HashSet::new(),
        wrappers: BTreeMap::new(),
    };
    for (number, file) in files.iter().enumerate() {
        let root = file.document.root_element();
        let nodes: Vec<Node<'_, '_>> = if root.has_tag_name((XSD, "schema")) {
            vec![root]
        } else {
            root.children()
                .filter(|child| child.has_tag_name((WSDL, "types")))
                .flat_map(|types| types.children())
                .filter(|child| child.has_tag_name((XSD, "schema")))
                .collect()
        };
        for (count, node) in nodes.into_iter().enumerate() {
            schemas.declare(node);
            schemas.texts.push((name(number, count), standalone(file, node)));
        }
    }
    schemas
}

impl Schemas {
    /// Whether an element is declared.
    pub(super) fn has_element(&self, name: &QName) -> bool {
        contains(&self.elements, name)
    }

    /// Whether a type is defined.
    pub(super) fn has_type(&self, name: &QName) -> bool {
        name.namespace == XSD || contains(&self.types, name)
    }

    /// Declares the element around the parts of an rpc message.
    ///
    /// # Errors
    /// Why it cannot be declared.
    pub(super) fn wrap(&mut self, element: &QName, parts: Vec<(String, QName)>) -> Result<(), String> {
        let wrapper = Wrapper { name: element.name.clone(), parts };
        let known = self.wrappers.entry(element.namespace.clone()).or_default();
        match known.iter().find(|known| known.name == wrapper.name) {
            Some(same) if *same == wrapper => Ok(()),
            Some(_) => Err(format!("two operations send different `{}`", element.name)),
            None if self.elements.contains(element) => {
                Err(format!("`{}` is an element of a schema, too", element.name))
            }
            None => {
                known.push(wrapper);
                Ok(())
            }
        }
    }

    /// All schemas by name, with those of rpc messages.
    pub(super) fn texts(&self) -> Vec<(String, String)> {
        let wrappers = self
            .wrappers
            .iter()
            .enumerate()
            .map(|(number, (namespace, wrappers))| (format!("rpc-{number}"), write(namespace, wrappers)));
        self.texts.iter().cloned().chain(wrappers).collect()
    }

    fn declare(&mut self, schema: Node<'_, '_>) {
        let namespace = schema.attribute("targetNamespace").unwrap_or_default();
        for child in schema.children() {
            let Some(name) = child.attribute("name") else { continue };
            let name = QName { namespace: namespace.to_owned(), name: name.to_owned() };
            match child.tag_name().name() {
                "element" => drop(self.elements.insert(name)),
                "complexType" | "simpleType" => drop(self.types.insert(name)),
                _ => {}
            }
        }
    }
}

/// Whether a name is declared, in its namespace or in a schema without one, which takes that of those that include it.
fn contains(names: &HashSet<QName>, name: &QName) -> bool {
    names.contains(name) || names.contains(&QName { namespace: String::new(), name: name.name.clone() })
}

/// The schema of the elements around the parts of rpc messages.
fn write(namespace: &str, wrappers: &[Wrapper]) -> String {
    let mut prefixes: HashMap<&str, usize> = HashMap::new();
    for (_, kind) in wrappers.iter().flat_map(|wrapper| &wrapper.parts) {
        let next = prefixes.len();
        prefixes.entry(&kind.namespace).or_insert(next);
    }
    let mut ordered: Vec<_> = prefixes.iter().map(|(namespace, number)| (*number, *namespace)).collect();
    ordered.sort_unstable();
    let mut text = format!("<xs:schema xmlns:xs=\"{XSD}\"");
    if !namespace.is_empty() {
        let _ = write!(text, " targetNamespace=\"{}\"", attribute(namespace));
    }
    for (number, namespace) in &ordered {
        let _ = write!(text, " xmlns:n{number}=\"{}\"", attribute(namespace));
    }
    text.push('>');
    for (_, other) in &ordered {
        if *other != XSD && *other != namespace {
            let _ = write!(text, "<xs:import namespace=\"{}\" />", attribute(other));
        }
    }
    for wrapper in wrappers {
        let _ =
            write!(text, "<xs:element name=\"{}\"><xs:complexType><xs:sequence>", attribute(&wrapper.name));
        for (name, kind) in &wrapper.parts {
            let number = prefixes.get(kind.namespace.as_str()).copied().unwrap_or_default();
            let _ = write!(
                text,
                "<xs:element name=\"{}\" type=\"n{number}:{}\" form=\"unqualified\" />",
                attribute(name),
                attribute(&kind.name)
            );
        }
        text.push_str("</xs:sequence></xs:complexType></xs:element>");
    }
    text.push_str("</xs:schema>");
    text
}

/// A schema with the namespaces that are declared around it, and with locations that lead to its companions.
fn standalone(file: &Parsed<'_>, node: Node<'_, '_>) -> String {
    let start = node.range().start;
    let raw = file.text.get(node.range()).unwrap_or_default();
    // What is replaced, from the end on, so that places stay right.
    let mut edits: Vec<(std::ops::Range<usize>, String)> = Vec::new();
    for inner in node.descendants() {
        let is_reference = inner.tag_name().namespace() == Some(XSD)
            && matches!(inner.tag_name().name(), "import" | "include" | "redefine");
        let location =
            inner.attributes().find(|attribute| is_reference && attribute.name() == "schemaLocation");
        if let Some(location) = location {
            let replacement = match file.links.get(location.value()) {
                Some(number) => format!("schemaLocation=\"/schemas/{}\"", name(*number, 0)),
                None => String::new(),
            };
            edits.push((location.range(), replacement));
        }
    }
    let name_length =
        raw.bytes().skip(1).take_while(|byte| !byte.is_ascii_whitespace() && !matches!(byte, b'>' | b'/'));
    let after_name = 1 + name_length.count();
    let declared = declared(raw.get(after_name..).unwrap_or_default());
    let mut inherited = String::new();
    for namespace in node.namespaces() {
        let own = match namespace.name() {
            Some("xml") => continue,
            Some(prefix) => format!("xmlns:{prefix}"),
            None => "xmlns".to_owned(),
        };
        if !declared.contains(&own.as_str()) {
            let _ = write!(inherited, " {own}=\"{}\"", attribute(namespace.uri()));
        }
    }
    edits.push((start + after_name..start + after_name, inherited));
    edits.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
    let mut text = raw.to_owned();
    for (range, replacement) in edits {
        let range = range.start - start..range.end - start;
        if text.get(range.clone()).is_some() {
            text.replace_range(range, &replacement);
        }
    }
    text
}

/// The names of the attributes of a start tag, from behind its name on.
fn declared(tag: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut rest = tag;
    loop {
        rest = rest.trim_start();
        let Some(equals) = rest.find(['=', '>']) else { return names };
        if rest.as_bytes().get(equals) == Some(&b'>') {
            return names;
        }
        let (name, value) = rest.split_at(equals);
        names.push(name.trim());
        let value = value.get(1..).unwrap_or_default().trim_start();
        let Some(quote) = value.chars().next() else { return names };
        let Some(end) = value.get(1..).and_then(|value| value.find(quote)) else { return names };
        rest = value.get(end + 2..).unwrap_or_default();
    }
}
