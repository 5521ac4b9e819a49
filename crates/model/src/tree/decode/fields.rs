//! The keys of a mapping.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{Context, Shape, Show};
use crate::tree::{Key, Node};
use crate::{Diagnostic, Location, did_you_mean};

/// The keys of one mapping, each asked for by name. What was not asked for is unknown and told at the end.
///
/// The same calls describe the mapping: a function over `Fields` asks for every key before it decides anything, and
/// gets nothing where no mapping is.
pub struct Fields<'f> {
    source: Source<'f>,
    known: Vec<&'static str>,
}

enum Source<'f> {
    Mapping { noun: &'f str, node: &'f Node, entries: &'f [(Key, Node)], context: &'f mut Context },
    Description { properties: Map<String, Value>, required: Vec<&'static str> },
}

impl<'f> Fields<'f> {
    pub(super) fn of(
        noun: &'f str,
        node: &'f Node,
        entries: &'f [(Key, Node)],
        context: &'f mut Context,
    ) -> Self {
        Self { source: Source::Mapping { noun, node, entries, context }, known: Vec::new() }
    }

    pub(super) fn description() -> Self {
        Self {
            source: Source::Description { properties: Map::new(), required: Vec::new() },
            known: Vec::new(),
        }
    }

    /// A key that must be there.
    pub fn required<S: Shape>(&mut self, key: &'static str, shape: S, help: &str) -> Option<S::Value> {
        if let Source::Description { required, .. } = &mut self.source {
            required.push(key);
        }
        if let Source::Mapping { noun, node, entries, context } = &mut self.source
            && !entries.iter().any(|(candidate, _)| candidate.text == key)
        {
            let message = format!("{noun} needs `{key}`: {}", shape.expected());
            let location = context.place(node);
            context.push(Diagnostic::error("missing-key", location, message));
        }
        self.optional(key, shape, help)
    }

    /// A key that may be there; `None` also where its value does not fit.
    #[expect(clippy::needless_pass_by_value, reason = "a shape is made where it is used")]
    pub fn optional<S: Shape>(&mut self, key: &'static str, shape: S, help: &str) -> Option<S::Value> {
        self.read(key, &shape, help, None)
    }

    /// A key with a default, which also stands in for a value that does not fit.
    #[expect(clippy::needless_pass_by_value, reason = "a shape is made where it is used")]
    pub fn or<S: Show>(&mut self, key: &'static str, shape: S, default: S::Value, help: &str) -> S::Value {
        let shown = matches!(self.source, Source::Description { .. }).then(|| shape.show(&default));
        self.read(key, &shape, help, shown).unwrap_or(default)
    }

    /// A key whose default the caller fills in; `default` is how one would write it.
    #[expect(clippy::needless_pass_by_value, reason = "a shape is made where it is used")]
    pub fn defaulting<S: Shape>(
        &mut self,
        key: &'static str,
        shape: S,
        default: Value,
        help: &str,
    ) -> Option<S::Value> {
        self.read(key, &shape, help, Some(default))
    }

    /// A key of a later version: refused, and no unknown one either.
    pub fn later(&mut self, key: &'static str) {
        self.known.push(key);
        if let Source::Mapping { entries, context, .. } = &mut self.source
            && let Some((key, _)) = entries.iter().find(|(candidate, _)| candidate.text == key)
        {
            let location = key.location(context.file());
            context.not_yet_available(location, &format!("`{}`", key.text));
        }
    }

    /// The place of the mapping.
    pub fn location(&self) -> Location {
        match &self.source {
            Source::Mapping { node, context, .. } => context.place(node),
            Source::Description { .. } => Location::file(Arc::<Path>::from(Path::new(""))),
        }
    }

    /// The value of a key as it stands.
    pub fn node(&self, key: &str) -> Option<&'f Node> {
        match &self.source {
            Source::Mapping { entries, .. } => {
                entries.iter().find(|(candidate, _)| candidate.text == key).map(|(_, value)| value)
            }
            Source::Description { .. } => None,
        }
    }

    /// Adds a finding about how values fit together.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        if let Source::Mapping { context, .. } = &mut self.source {
            context.push(diagnostic);
        }
    }

    /// Tells the keys that nobody asked for.
    pub(super) fn finish(self) -> Value {
        match self.source {
            Source::Mapping { noun, entries, context, .. } => {
                for (key, _) in entries.iter().filter(|(key, _)| !self.known.contains(&key.text.as_str())) {
                    let message = format!("unknown key `{}` in {noun}", key.text);
                    let fix = match did_you_mean(&key.text, self.known.iter().copied()) {
                        Some(word) => format!("did you mean `{word}`?"),
                        None => format!("known here: {}", self.known.join(", ")),
                    };
                    let location = key.location(context.file());
                    context.push(Diagnostic::error("unknown-key", location, message).fix(fix));
                }
                Value::Null
            }
            Source::Description { properties, required } => {
                let mut schema =
                    json!({ "type": "object", "additionalProperties": false, "properties": properties });
                if let (false, Value::Object(schema)) = (required.is_empty(), &mut schema) {
                    schema.insert("required".to_owned(), json!(required));
                }
                schema
            }
        }
    }

    fn read<S: Shape>(
        &mut self,
        key: &'static str,
        shape: &S,
        help: &str,
        default: Option<Value>,
    ) -> Option<S::Value> {
        self.known.push(key);
        match &mut self.source {
            Source::Mapping { entries, context, .. } => {
                let (_, node) = entries.iter().find(|(candidate, _)| candidate.text == key)?;
                context.under(format!("`{key}`"), |context| shape.decode(node, context))
            }
            Source::Description { properties, .. } => {
                let mut schema = json!({ "description": help });
                if let (Value::Object(schema), Value::Object(shape)) = (&mut schema, shape.schema()) {
                    if let Some(default) = default {
                        schema.insert("default".to_owned(), default);
                    }
                    schema.extend(shape);
                }
                properties.insert(key.to_owned(), schema);
                None
            }
        }
    }
}
