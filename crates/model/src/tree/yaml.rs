//! YAML 1.2 into a tree, on the events of `granit-parser`.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use granit_parser::{ErrorKind, Event, Marker, Options, Parser, ScalarStyle, ScanError, Span, Tag};

use super::environment::{Environment, Origin, mask, unmask};
use super::node::duplicate_key;
use super::{Key, MAX_DEPTH, Node, NodeValue, scalar};
use crate::{Diagnostic, Location};

/// How many nodes the anchors and aliases of a document may copy, and how many bytes of text with them.
const MAX_COPIED_NODES: usize = 500_000;
const MAX_COPIED_BYTES: usize = 32 << 20;

/// Reads one YAML 1.2 document with the core schema. Anchors and aliases are resolved, within a bound; duplicate keys,
/// keys that are no scalars, tags outside the core schema and further documents are refused. An empty text is null.
pub fn parse_yaml(text: &str, file: &Arc<Path>) -> Result<Node, Diagnostic> {
    Builder::new(text, file, None).document()
}

/// The same, with `${NAME}` replaced in every scalar that is a value: before a plain scalar gets its type, so that
/// `${PORT}` can be a number. `$${` stands for `${`. A scalar that names something unset stays as it is.
pub fn parse_yaml_expanding(
    text: &str,
    file: &Arc<Path>,
    environment: &mut Environment<'_>,
) -> Result<Node, Diagnostic> {
    Builder::new(text, file, Some(environment)).document()
}

struct Builder<'e, 'l> {
    text: &'e str,
    file: &'e Arc<Path>,
    environment: Option<&'e mut Environment<'l>>,
    open: Vec<Open>,
    anchors: HashMap<usize, Option<Anchor>>,
    copied_nodes: usize,
    copied_bytes: usize,
}

/// A collection whose end has not been reached.
struct Open {
    line: u32,
    column: u32,
    anchor: usize,
    contents: Contents,
}

enum Contents {
    Sequence(Vec<Node>),
    Mapping { entries: Vec<(Key, Node)>, key: Option<Key> },
}

/// A finished node that an alias may copy.
struct Anchor {
    node: Node,
    nodes: usize,
    bytes: usize,
}

impl<'e, 'l> Builder<'e, 'l> {
    fn new(text: &'e str, file: &'e Arc<Path>, environment: Option<&'e mut Environment<'l>>) -> Self {
        Self {
            text: text.strip_prefix('\u{feff}').unwrap_or(text),
            file,
            environment,
            open: Vec::new(),
            anchors: HashMap::new(),
            copied_nodes: 0,
            copied_bytes: 0,
        }
    }

    fn document(mut self) -> Result<Node, Diagnostic> {
        let mut root = None;
        let mut options = Options::default();
        options.set_emit_comments(false);
        let document = match self.environment {
            Some(_) => mask(self.text),
            None => Cow::Borrowed(self.text),
        };
        let mut parser = Parser::new_from_str_with_options(&document, options);
        while let Some(event) = parser.next_event() {
            let (event, span) = event.map_err(|error| self.syntax(&error))?;
            let at = span.start;
            let finished = match event {
                Event::DocumentStart(..) if root.is_some() => {
                    return Err(self
                        .error("multiple-documents", &at, "a second document starts here")
                        .fix("keep one document to a file"));
                }
                Event::Alias(id) => Some((self.alias(id, &at)?, at)),
                Event::Scalar(text, style, anchor, tag) => {
                    self.check_tag(tag.as_deref(), &["str", "int", "float", "bool", "null"], &span)?;
                    // The parser says `~` where nothing stands.
                    let text = if style == ScalarStyle::Plain && span.is_empty() { "".into() } else { text };
                    let text = if self.environment.is_some() { unmask(text) } else { text };
                    let node = if self.expects_key() {
                        self.placed(NodeValue::String(text.into_owned()), &at)
                    } else {
                        self.scalar(&text, style, tag.as_deref(), &at)?
                    };
                    self.keep_anchor(anchor, &node, &at)?;
                    Some((node, at))
                }
                Event::SequenceStart(_, anchor, tag) => {
                    self.check_tag(tag.as_deref(), &["seq"], &span)?;
                    self.start(Contents::Sequence(Vec::new()), anchor, &at)?;
                    None
                }
                Event::MappingStart(_, anchor, tag) => {
                    self.check_tag(tag.as_deref(), &["map"], &span)?;
                    self.start(Contents::Mapping { entries: Vec::new(), key: None }, anchor, &at)?;
                    None
                }
                Event::SequenceEnd | Event::MappingEnd => self.end(&at)?.map(|node| (node, at)),
                // Starts and ends of stream and document.
                _ => None,
            };
            if let Some((node, at)) = finished
                && let Some(node) = self.add(node, &at)?
            {
                root = Some(node);
            }
        }
        Ok(root.unwrap_or_else(|| Node::new(NodeValue::Null, 1, 1)))
    }

    fn start(&mut self, contents: Contents, anchor: usize, at: &Marker) -> Result<(), Diagnostic> {
        if self.expects_key() {
            return Err(self.complex_key(at));
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(self.too_deep(at));
        }
        let Location { line, column, .. } = self.location(at);
        if anchor != 0 {
            self.anchors.insert(anchor, None);
        }
        self.open.push(Open { line, column, anchor, contents });
        Ok(())
    }

    fn end(&mut self, at: &Marker) -> Result<Option<Node>, Diagnostic> {
        let Some(open) = self.open.pop() else { return Ok(None) };
        let value = match open.contents {
            Contents::Sequence(items) => NodeValue::Sequence(items),
            Contents::Mapping { entries, .. } => {
                if let Some((second, first)) = duplicate_key(&entries) {
                    return Err(Diagnostic::error(
                        "duplicate-key",
                        second.location(self.file),
                        format!("`{}` is set twice, first in line {}", second.text, first.line),
                    ));
                }
                NodeValue::Mapping(entries)
            }
        };
        let node = Node::new(value, open.line, open.column);
        self.keep_anchor(open.anchor, &node, at)?;
        Ok(Some(node))
    }

    /// Puts a finished node where it belongs; the root comes back.
    fn add(&mut self, node: Node, at: &Marker) -> Result<Option<Node>, Diagnostic> {
        let Location { line, column, .. } = self.location(at);
        match self.open.last_mut().map(|open| &mut open.contents) {
            None => return Ok(Some(node)),
            Some(Contents::Sequence(items)) => items.push(node),
            Some(Contents::Mapping { entries, key }) => match (key.take(), node) {
                (Some(key), node) => entries.push((key, node)),
                (None, Node { value: NodeValue::String(text), .. }) => {
                    *key = Some(Key { text, line, column });
                }
                (None, node) => match node.scalar_text() {
                    Some(text) => *key = Some(Key { text: text.into_owned(), line, column }),
                    None => return Err(self.complex_key(at)),
                },
            },
        }
        Ok(None)
    }

    fn expects_key(&self) -> bool {
        matches!(self.open.last(), Some(Open { contents: Contents::Mapping { key: None, .. }, .. }))
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        tag: Option<&Tag>,
        at: &Marker,
    ) -> Result<Node, Diagnostic> {
        let expanded = match &mut self.environment {
            Some(environment) if text.contains("${") => {
                let origin =
                    Origin { document: self.text, file: self.file, line: at.line(), column: at.col() };
                environment.expand(text, &origin)
            }
            _ => None,
        };
        let text = expanded.as_deref().unwrap_or(text);
        let wanted = tag.filter(|tag| tag.is_yaml_core_schema()).map(Tag::suffix);
        // The tag `!` and every other style than plain make text of a scalar.
        let plain = style == ScalarStyle::Plain && tag.is_none();
        if wanted == Some("str") || (wanted.is_none() && !plain) {
            return Ok(self.placed(NodeValue::String(text.to_owned()), at));
        }
        let value = scalar::resolve(text).map_err(|scalar::NotFinite| {
            self.error("number", at, format!("`{text}` is a number that JSON cannot hold"))
                .fix("put it in quotes if it is meant as text")
        })?;
        let fits = match wanted {
            None => true,
            Some("null") => matches!(value, NodeValue::Null),
            Some("bool") => matches!(value, NodeValue::Boolean(_)),
            Some("int") => matches!(&value, NodeValue::Number(number) if !number.is_f64()),
            Some(_) => matches!(value, NodeValue::Number(_)),
        };
        if !fits {
            let wanted = wanted.unwrap_or_default();
            return Err(self.error(
                "tag",
                at,
                format!("`{text}` is not of the type that its tag `!!{wanted}` says"),
            ));
        }
        let same = match &value {
            NodeValue::Number(number) => number.to_string() == text,
            NodeValue::Boolean(value) => matches!((value, text), (true, "true") | (false, "false")),
            _ => true,
        };
        let node = self.placed(value, at);
        Ok(if same { node } else { node.written(text) })
    }

    fn check_tag(&self, tag: Option<&Tag>, allowed: &[&str], span: &Span) -> Result<(), Diagnostic> {
        match tag {
            None => Ok(()),
            Some(tag) if tag.is_yaml_core_schema() && allowed.contains(&tag.suffix()) => Ok(()),
            Some(tag) if tag.handle().is_empty() && tag.suffix() == "!" => Ok(()),
            Some(tag) => {
                let at = span.tag_start().unwrap_or(span.start);
                let name = if let Some(name) = tag.suffix_in_namespace("tag:yaml.org,2002:") {
                    format!("!!{name}")
                } else {
                    tag.to_string()
                };
                Err(self
                    .error("tag", &at, format!("the tag `{name}` is not known here"))
                    .fix("leave it out: only the tags of the YAML core schema have a meaning"))
            }
        }
    }

    fn keep_anchor(&mut self, anchor: usize, node: &Node, at: &Marker) -> Result<(), Diagnostic> {
        if anchor != 0 {
            let (nodes, bytes) = weight(node);
            self.charge(nodes, bytes, at)?;
            self.anchors.insert(anchor, Some(Anchor { node: node.clone(), nodes, bytes }));
        }
        Ok(())
    }

    fn alias(&mut self, id: usize, at: &Marker) -> Result<Node, Diagnostic> {
        let Some(Some(anchor)) = self.anchors.get(&id) else {
            return Err(self.error("alias", at, "the alias stands within the value that it names"));
        };
        let (nodes, bytes) = (anchor.nodes, anchor.bytes);
        self.charge(nodes, bytes, at)?;
        match self.anchors.get(&id) {
            // An alias stands a level deeper than its anchor at the most, but chains of them could go on for ever.
            Some(Some(anchor)) if self.open.len() + depth(&anchor.node) <= MAX_DEPTH => {
                Ok(anchor.node.clone())
            }
            _ => Err(self.too_deep(at)),
        }
    }

    fn charge(&mut self, nodes: usize, bytes: usize, at: &Marker) -> Result<(), Diagnostic> {
        self.copied_nodes = self.copied_nodes.saturating_add(nodes);
        self.copied_bytes = self.copied_bytes.saturating_add(bytes);
        if self.copied_nodes > MAX_COPIED_NODES || self.copied_bytes > MAX_COPIED_BYTES {
            return Err(self.error(
                "alias",
                at,
                format!(
                    "anchors and aliases make more than {MAX_COPIED_NODES} values or {} MiB of text out of this file",
                    MAX_COPIED_BYTES >> 20
                ),
            ));
        }
        Ok(())
    }

    fn too_deep(&self, at: &Marker) -> Diagnostic {
        self.error("too-deep", at, format!("more than {MAX_DEPTH} levels of nesting"))
    }

    fn complex_key(&self, at: &Marker) -> Diagnostic {
        self.error("complex-key", at, "a key must be a word or a quoted text")
    }

    fn syntax(&self, error: &ScanError) -> Diagnostic {
        let (at, info) = (error.marker(), error.info());
        if matches!(error.kind(), ErrorKind::RecursionLimitExceeded) {
            return self.too_deep(at);
        }
        let error = self.error("yaml-syntax", at, format!("this is not YAML: {info}"));
        if info.contains("tab") {
            return error.fix("indent with spaces: YAML takes no tabs");
        }
        error
    }

    fn error(&self, id: &'static str, at: &Marker, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(id, self.location(at), message)
    }

    fn placed(&self, value: NodeValue, at: &Marker) -> Node {
        let Location { line, column, .. } = self.location(at);
        Node::new(value, line, column)
    }

    fn location(&self, at: &Marker) -> Location {
        let line = u32::try_from(at.line()).unwrap_or(u32::MAX);
        let column = u32::try_from(at.col()).unwrap_or(u32::MAX).saturating_add(1);
        Location::new(Arc::clone(self.file), line, column)
    }
}

/// How many nodes a tree has, and how many bytes of text.
fn weight(node: &Node) -> (usize, usize) {
    let add = |(nodes, bytes): (usize, usize), (more, text): (usize, usize)| (nodes + more, bytes + text);
    match &node.value {
        NodeValue::String(text) => (1, text.len()),
        NodeValue::Sequence(items) => items.iter().map(weight).fold((1, 0), add),
        NodeValue::Mapping(entries) => {
            entries.iter().map(|(key, value)| add((0, key.text.len()), weight(value))).fold((1, 0), add)
        }
        NodeValue::Null | NodeValue::Boolean(_) | NodeValue::Number(_) => (1, 0),
    }
}

/// How many collections stand within each other.
fn depth(node: &Node) -> usize {
    match &node.value {
        NodeValue::Sequence(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        NodeValue::Mapping(entries) => 1 + entries.iter().map(|(_, value)| depth(value)).max().unwrap_or(0),
        _ => 0,
    }
}
