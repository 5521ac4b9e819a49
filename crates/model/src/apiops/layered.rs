//! The value of an artifact with the values that overrides lay over it, merged as they are read.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::context::Context;
use crate::Location;
use crate::tree::{Key, Node, NodeValue};

/// A value and the values laid over it. Mappings merge key by key (names without regard to case, as Azure Resource
/// Manager reads them); everything else is replaced by the topmost.
#[derive(Clone, Debug)]
pub(super) struct Layered<'a> {
    base: Source<'a>,
    over: Vec<Source<'a>>,
}

/// A value and the file it stands in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'a> {
    /// The file.
    pub(super) file: &'a Arc<Path>,
    /// The value.
    pub(super) node: &'a Node,
}

impl Source<'_> {
    /// Where the value stands.
    pub(super) fn location(&self) -> Location {
        self.node.location(self.file)
    }
}

impl<'a> Layered<'a> {
    /// A value without anything laid over it.
    pub(super) fn new(file: &'a Arc<Path>, node: &'a Node) -> Self {
        Self { base: Source { file, node }, over: Vec::new() }
    }

    /// Lays a value over it.
    pub(super) fn push(&mut self, file: &'a Arc<Path>, node: &'a Node) {
        self.over.push(Source { file, node });
    }

    /// The value that counts.
    pub(super) fn top(&self) -> Source<'a> {
        self.over.last().copied().unwrap_or(self.base)
    }

    /// Where the resource's own value stands.
    pub(super) fn base_location(&self) -> Location {
        self.base.location()
    }

    /// The value of a key, and the layer that says it.
    pub(super) fn get(&self, name: &str) -> Option<(usize, Layered<'a>)> {
        let mut found: Vec<(usize, Source<'a>)> = Vec::new();
        for (height, layer) in self.layers().enumerate().collect::<Vec<_>>().into_iter().rev() {
            let Some((_, node)) =
                entries(layer.node).iter().find(|(key, _)| key.text.eq_ignore_ascii_case(name))
            else {
                continue;
            };
            let mapping = node.as_mapping().is_some();
            if !mapping && !found.is_empty() {
                break;
            }
            found.push((height, Source { file: layer.file, node }));
            if !mapping {
                break;
            }
        }
        let height = found.first()?.0;
        let mut sources = found.into_iter().rev().map(|(_, source)| source);
        let base = sources.next()?;
        Some((height, Self { base, over: sources.collect() }))
    }

    /// Every key of every layer.
    pub(super) fn keys(&self) -> impl Iterator<Item = (&'a Arc<Path>, &'a Key)> + '_ {
        self.layers().flat_map(|layer| entries(layer.node).iter().map(move |(key, _)| (layer.file, key)))
    }

    /// Whether two keys of one layer are the same name.
    pub(super) fn repeated_key(&self) -> Option<(&'a Arc<Path>, &'a Key)> {
        self.layers().find_map(|layer| {
            let entries = entries(layer.node);
            entries.iter().enumerate().find_map(|(at, (key, _))| {
                let repeated =
                    entries.iter().take(at).any(|(earlier, _)| earlier.text.eq_ignore_ascii_case(&key.text));
                repeated.then_some((layer.file, key))
            })
        })
    }

    /// The merged value, with its placeholders replaced.
    pub(super) fn to_json(&self, context: &Context<'_>) -> Value {
        if self.top().node.as_mapping().is_none() {
            return json(self.top(), context);
        }
        let mut merged = serde_json::Map::new();
        for (_, key) in self.keys() {
            if merged.keys().any(|known| known.eq_ignore_ascii_case(&key.text)) {
                continue;
            }
            if let Some((_, value)) = self.get(&key.text) {
                merged.insert(key.text.clone(), value.to_json(context));
            }
        }
        Value::Object(merged)
    }

    fn layers(&self) -> impl Iterator<Item = Source<'a>> + '_ {
        std::iter::once(self.base).chain(self.over.iter().copied())
    }
}

fn entries(node: &Node) -> &[(Key, Node)] {
    node.as_mapping().unwrap_or_default()
}

fn json(source: Source<'_>, context: &Context<'_>) -> Value {
    let inner = |node| json(Source { file: source.file, node }, context);
    match &source.node.value {
        NodeValue::String(text) => Value::String(context.expand(text, &source.location())),
        NodeValue::Sequence(items) => items.iter().map(inner).collect(),
        NodeValue::Mapping(entries) => {
            entries.iter().map(|(key, node)| (key.text.clone(), inner(node))).collect()
        }
        _ => source.node.to_json(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::parse_json;

    #[test]
    fn mappings_merge_and_everything_else_is_replaced() {
        let nothing = |_: &str| None;
        let context = Context::new(&nothing);
        let file: Arc<Path> = Arc::from(Path::new("a.json"));
        let base = parse_json(
            r#"{"url": "a", "tls": {"chain": true, "name": true}, "tags": [1, 2], "x": {"y": 1}}"#,
            &file,
        )
        .unwrap();
        let over = parse_json(r#"{"URL": "b", "tls": {"name": false}, "tags": [3], "x": 7}"#, &file).unwrap();
        let top = parse_json(r#"{"x": {"z": 1}}"#, &file).unwrap();
        let mut layered = Layered::new(&file, &base);
        layered.push(&file, &over);
        assert_eq!(
            layered.to_json(&context),
            serde_json::json!({"url": "b", "tls": {"chain": true, "name": false}, "tags": [3], "x": 7})
        );
        layered.push(&file, &top);
        assert_eq!(layered.to_json(&context)["x"], serde_json::json!({"z": 1}));
        assert_eq!(layered.get("url").unwrap().0, 1);
        assert_eq!(layered.get("x").unwrap().0, 2);
        assert!(layered.get("nothing").is_none());
    }
}
