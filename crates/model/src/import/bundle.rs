//! Makes one document of a definition in several files.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::definition::{self, At, Documents, Format, Reference, References, Role, is_example_reference};
use crate::tree::{MAX_DEPTH, Node, NodeValue};
use crate::{Diagnostic, Diagnostics, Severity};

/// How many values the bundled document may have.
const MAX_NODES: usize = 5_000_000;

/// The definition with every schema of another file under its components, and everything else of other files copied to
/// where it is used.
pub(crate) fn bundle(
    file: &Arc<Path>,
    text: &str,
    folder: &Path,
    format: Format,
) -> Result<Value, Box<Diagnostic>> {
    let mut diagnostics = Diagnostics::new();
    let root = definition::tree(file, text.strip_prefix('\u{feff}').unwrap_or(text), &mut diagnostics)?;
    let documents = Documents::load(root, file, folder, &mut diagnostics);
    let references = References::resolve(&documents, &mut diagnostics);
    if let Some(error) = diagnostics.into_iter().find(|one| one.severity == Severity::Error) {
        return Err(Box::new(error));
    }
    let Some(root) = documents.root() else { return Ok(Value::Null) };
    let place: &[&str] =
        if format == Format::OpenApi20 { &["definitions"] } else { &["components", "schemas"] };
    let taken = place
        .iter()
        .try_fold(root.node, |node, key| node.get(key))
        .and_then(Node::as_mapping)
        .unwrap_or_default()
        .iter()
        .map(|(key, _)| key.text.clone())
        .collect();
    let mut bundler =
        Bundler { references: &references, place, taken, names: HashMap::new(), queue: Vec::new(), nodes: 0 };
    let mut bundled = bundler.keywords(root, false, 0)?;
    let mut schemas = Vec::new();
    while let Some((name, at)) = bundler.queue.pop() {
        schemas.push((name, bundler.keywords(at, true, 0)?));
    }
    schemas.sort_by(|a, b| a.0.cmp(&b.0));
    let mut target = &mut bundled;
    for key in place {
        let Value::Object(object) = target else { return Ok(bundled) };
        target = object.entry((*key).to_owned()).or_insert_with(|| Value::Object(Map::new()));
    }
    if let Value::Object(object) = target {
        object.extend(schemas);
    }
    Ok(bundled)
}

struct Bundler<'a, 'd> {
    references: &'d References<'a>,
    /// Where schemas stand in the bundled document.
    place: &'static [&'static str],
    /// Names that schemas have.
    taken: HashSet<String>,
    /// The schemas of other files that got names, by the address of their node.
    names: HashMap<*const Node, String>,
    /// Those that are not copied yet.
    queue: Vec<(String, At<'a>)>,
    nodes: usize,
}

impl<'a> Bundler<'a, '_> {
    /// A copy of something with keywords. `is_schema`: whether a schema stands here; `depth`: how deep the copy stands,
    /// which a reader of the bundled document must be able to follow.
    fn keywords(&mut self, at: At<'a>, is_schema: bool, depth: usize) -> Result<Value, Box<Diagnostic>> {
        self.nodes += 1;
        if self.nodes > MAX_NODES || depth > MAX_DEPTH {
            return Err(Box::new(Diagnostic::error(
                "too-large",
                at.location(),
                "the definition becomes too large when it is made one file",
            )));
        }
        match &at.node.value {
            NodeValue::Sequence(_) => at
                .items()
                .map(|item| self.keywords(item, is_schema, depth + 1))
                .collect::<Result<Vec<_>, _>>()
                .map(Value::Array),
            NodeValue::Mapping(_) => {
                if let Some(text) = at.node.get("$ref").and_then(Node::as_str) {
                    return self.reference(at, text, is_schema, depth);
                }
                let mut object = Map::new();
                for (key, value) in at.entries() {
                    object.insert(key.text.clone(), self.member(&key.text, value, is_schema, depth + 1)?);
                }
                Ok(Value::Object(object))
            }
            _ => Ok(at.node.to_json()),
        }
    }

    fn member(
        &mut self,
        key: &str,
        value: At<'a>,
        in_schema: bool,
        depth: usize,
    ) -> Result<Value, Box<Diagnostic>> {
        let named = |bundler: &mut Self, is_schema: bool| -> Result<Value, Box<Diagnostic>> {
            if value.node.as_mapping().is_none() {
                return bundler.keywords(value, is_schema, depth);
            }
            let mut object = Map::new();
            for (name, one) in value.entries() {
                object.insert(name.text.clone(), bundler.keywords(one, is_schema, depth + 1)?);
            }
            Ok(Value::Object(object))
        };
        match Role::of(key) {
            Role::Examples if value.node.as_mapping().is_some() => {
                let mut object = Map::new();
                for (name, example) in value.entries() {
                    let copy = if is_example_reference(example.node) {
                        self.keywords(example, false, depth + 1)?
                    } else {
                        example.node.to_json()
                    };
                    object.insert(name.text.clone(), copy);
                }
                Ok(Value::Object(object))
            }
            Role::Data | Role::Examples => Ok(value.node.to_json()),
            Role::Names => {
                let of_schemas = matches!(
                    key,
                    "properties"
                        | "patternProperties"
                        | "dependentSchemas"
                        | "dependencies"
                        | "definitions"
                        | "$defs"
                        | "schemas"
                );
                named(self, of_schemas)
            }
            Role::Keywords => {
                self.keywords(value, in_schema || matches!(key, "schema" | "itemSchema"), depth)
            }
        }
    }

    fn reference(
        &mut self,
        at: At<'a>,
        text: &str,
        is_schema: bool,
        depth: usize,
    ) -> Result<Value, Box<Diagnostic>> {
        let Some(target) = self.references.target(at) else { return Ok(at.node.to_json()) };
        let (is_here, is_own) = (at.document.index == 0, target.document.index == 0);
        if is_own {
            let fragment = text.split_once('#').map_or("", |(_, fragment)| fragment);
            // What stands here keeps its text, except where it calls this file by its name.
            let is_plain = is_here && (text.starts_with('#') || Reference::parse(text).is_err());
            let within = if is_plain { text.to_owned() } else { format!("#{fragment}") };
            return self.beside(at, &within, is_schema, depth);
        }
        if is_schema {
            let name = self.name(target, text);
            return self.beside(at, &format!("#/{}/{name}", self.place.join("/")), is_schema, depth);
        }
        self.keywords(target, is_schema, depth + 1)
    }

    /// The reference, with what stands beside it.
    fn beside(
        &mut self,
        at: At<'a>,
        text: &str,
        is_schema: bool,
        depth: usize,
    ) -> Result<Value, Box<Diagnostic>> {
        let mut object = Map::new();
        for (key, value) in at.entries() {
            let copy = match key.text.as_str() {
                "$ref" => Value::String(text.to_owned()),
                other => self.member(other, value, is_schema, depth + 1)?,
            };
            object.insert(key.text.clone(), copy);
        }
        Ok(Value::Object(object))
    }

    /// The name of a schema of another file: that of its place there, or of the file.
    fn name(&mut self, target: At<'a>, text: &str) -> String {
        if let Some(name) = self.names.get(&std::ptr::from_ref(target.node)) {
            return name.clone();
        }
        let last = Reference::parse(text).ok().and_then(|reference| {
            reference.fragment.rsplit('/').next().filter(|last| !last.is_empty()).map(str::to_owned)
        });
        let stem = target.document.file.file_stem().and_then(|stem| stem.to_str()).unwrap_or("schema");
        let plain: String = last
            .as_deref()
            .unwrap_or(stem)
            .chars()
            .map(|one| if one.is_ascii_alphanumeric() || matches!(one, '-' | '_' | '.') { one } else { '_' })
            .collect();
        let mut name = plain.clone();
        let mut number = 1;
        while !self.taken.insert(name.clone()) {
            number += 1;
            name = format!("{plain}{number}");
        }
        self.names.insert(std::ptr::from_ref(target.node), name.clone());
        self.queue.push((name.clone(), target));
        name
    }
}
