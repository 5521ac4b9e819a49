//! The override file of the `APIOps` publisher: `configuration.<environment>.yaml`.
//!
//! Sections are lists of `- name: … properties: {…}`, named after the collections, with the sections of child
//! resources (`diagnostics`, `operations`, `policies` …) inside an entry. Sources: `Azure/apiops` `Configuration.cs` and
//! `OverrideDto.cs`, `Azure/apiops-cli` `override-merger.ts`.

use std::path::Path;
use std::sync::Arc;

use super::context::Context;
use super::document::{MAX_INFORMATION, read_text};
use super::folder::Entry;
use super::layout::{self, Kind, Role, Standing};
use super::reference::root_name;
use crate::tree::{Environment, Node, parse_yaml_expanding};
use crate::{Diagnostic, Located, Location, did_you_mean};

/// What an override file says of one resource, or of the whole service.
#[derive(Debug, Default)]
pub(super) struct Override {
    properties: Option<Node>,
    policy: Option<Located<Node>>,
    sections: Vec<(&'static Kind, Vec<(Located<String>, Override)>)>,
}

/// An override file.
#[derive(Debug)]
pub(super) struct Overrides {
    file: Arc<Path>,
    text: String,
    root: Override,
}

/// What overrides say of one resource: nothing, one entry, or the entries of an API and of one of its revisions.
#[derive(Clone, Debug, Default)]
pub(super) struct Overlay<'a> {
    source: Option<&'a Overrides>,
    layers: Vec<&'a Override>,
}

impl Overrides {
    /// Reads an override file; faults go into the findings.
    pub(super) fn read(context: &Context<'_>, file: &Located<std::path::PathBuf>) -> Option<Self> {
        let path: Arc<Path> = Arc::from(file.value.as_path());
        let text = match read_text(&path, MAX_INFORMATION) {
            Ok(text) => text,
            Err(diagnostic) => {
                let message = format!("the override file `{}`: {}", path.display(), diagnostic.message);
                context.push(Diagnostic { message, location: Some(file.location.clone()), ..diagnostic });
                return None;
            }
        };
        let mut environment = Environment::new(context.environment());
        let root = parse_yaml_expanding(&text, &path, &mut environment);
        let (diagnostics, unresolved) = environment.into_findings();
        context.extend(diagnostics);
        context.mute(unresolved);
        let root = match root {
            Ok(root) => root,
            Err(diagnostic) => {
                context.push(diagnostic);
                return None;
            }
        };
        let reader = Reader { context, file: &path };
        let root = reader.entry(&layout::SERVICE, "the override file", &root, true);
        Some(Self { file: path, text, root })
    }

    /// The overrides of the whole service.
    pub(super) fn overlay(&self) -> Overlay<'_> {
        Overlay { source: Some(self), layers: vec![&self.root] }
    }

    /// Refuses entries whose names match no resource.
    pub(super) fn check(&self, context: &Context<'_>, service: &Entry) {
        self.root.check(context, service);
    }

    /// The text of a policy override, moved to where it stands in the file, so that a place in the text is a place in
    /// the file: exactly for a value on one line, by line for a block.
    fn placed(&self, value: &Located<String>) -> String {
        let text = &value.value;
        let (line, column) = (value.location.line as usize, value.location.column as usize);
        if text.starts_with("<?") || line == 0 {
            return text.clone();
        }
        let opening = self.text.lines().nth(line - 1).and_then(|found| found.chars().nth(column - 1));
        let (lines, spaces) = match opening {
            Some('|' | '>') => (line, 0),
            _ if text.trim_end().contains('\n') => (line - 1, 0),
            Some('"' | '\'') => (line - 1, column),
            _ => (line - 1, column - 1),
        };
        format!("{}{}{text}", "\n".repeat(lines), " ".repeat(spaces))
    }
}

impl Override {
    /// Refuses policies of resources that have none, and entries whose names match no resource.
    fn check(&self, context: &Context<'_>, entry: &Entry) {
        if let Some(policy) = &self.policy
            && entry.file(Role::Policy).is_none()
        {
            context.push(
                Diagnostic::error(
                    "unmatched-override",
                    policy.location.clone(),
                    format!("this overrides the policy of `{}`, which has none", entry.folder.display()),
                )
                .fix("add a policy.xml there"),
            );
        }
        for (kind, entries) in &self.sections {
            for (name, inner) in entries {
                if let Some(child) = entry.child(kind, &name.value) {
                    inner.check(context, child);
                    continue;
                }
                let known = entry.children(kind).map(|child| child.name.as_str());
                let mut diagnostic = Diagnostic::error(
                    "unmatched-override",
                    name.location.clone(),
                    format!("this overrides the {} `{}`, which has no folder", kind.singular, name.value),
                );
                diagnostic.fix =
                    did_you_mean(&name.value, known).map(|known| format!("did you mean `{known}`?"));
                context.push(diagnostic);
            }
        }
    }
}

impl<'a> Overlay<'a> {
    /// What is said of a child resource.
    pub(super) fn child(&self, kind: &'static Kind, name: &str) -> Self {
        let root = root_name(name);
        let mut layers = self.find(kind, root);
        if root != name {
            layers.extend(self.find(kind, name));
        }
        Self { source: self.source, layers }
    }

    fn find(&self, kind: &Kind, name: &str) -> Vec<&'a Override> {
        let mut found = Vec::new();
        for layer in &self.layers {
            for (section, entries) in &layer.sections {
                if section.collection == kind.collection {
                    let matching = entries.iter().filter(|(entry, _)| entry.value.eq_ignore_ascii_case(name));
                    found.extend(matching.map(|(_, inner)| inner));
                }
            }
        }
        found
    }

    /// The properties laid over the resource's own, lowest first, with their file.
    pub(super) fn properties(&self) -> impl Iterator<Item = (&'a Arc<Path>, &'a Node)> + '_ {
        let file = self.source.map(|source| &source.file);
        self.layers.iter().filter_map(move |layer| Some((file?, layer.properties.as_ref()?)))
    }

    /// The policy document that takes the place of the resource's own, and its file.
    pub(super) fn policy(&self, context: &Context<'_>) -> Option<(String, Arc<Path>)> {
        let source = self.source?;
        let policy = self.layers.iter().rev().find_map(|layer| layer.policy.as_ref())?;
        let text = policy.value.as_str()?;
        let expanded = context.expand(text, &policy.location);
        Some((source.placed(&Located::new(expanded, policy.location.clone())), Arc::clone(&source.file)))
    }
}

struct Reader<'r> {
    context: &'r Context<'r>,
    file: &'r Arc<Path>,
}

impl Reader<'_> {
    /// Reads an entry: its properties and the sections inside it.
    fn entry(&self, kind: &'static Kind, what: &str, node: &Node, is_root: bool) -> Override {
        let mut result = Override::default();
        if node.is_null() {
            return result;
        }
        let Some(entries) = node.as_mapping() else {
            self.wrong_type(node, &format!("{what} must be a mapping"));
            return result;
        };
        for (key, value) in entries {
            let location = key.location(self.file);
            let folded = layout::fold(&key.text);
            match folded.as_str() {
                "name" if !is_root => {}
                "apimservicename" if is_root => {}
                "properties" if !is_root => self.properties(kind, value, &mut result),
                "environment" if is_root => self.context.error(
                    "not-yet-available",
                    location,
                    "`environment` (prefixes for several environments in one service) is not available",
                ),
                "policies" | "servicepolicies" if kind.policy => self.policies(value, &mut result),
                _ => match kind.child(&key.text) {
                    Some(child) if child.standing == Standing::NotYet => self.context.error(
                        "not-yet-available",
                        location,
                        format!("`{}` is not yet available", key.text),
                    ),
                    Some(child) => result.sections.push((child, self.section(child, value))),
                    None => self.unknown(kind, &key.text, location, is_root),
                },
            }
        }
        result
    }

    fn properties(&self, kind: &Kind, value: &Node, result: &mut Override) {
        let Some(entries) = value.as_mapping() else {
            if !value.is_null() {
                self.wrong_type(value, "`properties` must be a mapping");
            }
            return;
        };
        let mut kept = value.clone();
        if kind.collection == layout::APIS.collection && kind.definition {
            let fixed = ["apiRevision", "isCurrent"];
            for (key, _) in entries.iter().filter(|(key, _)| fixed.contains(&key.text.as_str())) {
                self.context.push(
                    Diagnostic::error(
                        "fixed-property",
                        key.location(self.file),
                        format!("`{}` cannot be overridden; it has no effect, as in APIOps", key.text),
                    )
                    .severity(crate::Severity::Low),
                );
            }
            if let crate::tree::NodeValue::Mapping(entries) = &mut kept.value {
                entries.retain(|(key, _)| !fixed.contains(&key.text.as_str()));
            }
        }
        result.properties = Some(kept);
    }

    /// The entries of a section.
    fn section(&self, kind: &'static Kind, node: &Node) -> Vec<(Located<String>, Override)> {
        let mut result: Vec<(Located<String>, Override)> = Vec::new();
        for (name, item) in self.items(kind.collection, node) {
            if let Some((first, _)) =
                result.iter().find(|(first, _)| first.value.eq_ignore_ascii_case(&name.value))
            {
                self.context.error(
                    "duplicate-name",
                    name.location.clone(),
                    format!("`{}` is overridden twice, first in line {}", name.value, first.location.line),
                );
            }
            let inner = self.entry(kind, &format!("`{}`", name.value), item, false);
            result.push((name, inner));
        }
        result
    }

    /// The section of the one policy that a resource has.
    fn policies(&self, node: &Node, result: &mut Override) {
        for (name, item) in self.items("policies", node) {
            if !name.value.eq_ignore_ascii_case("policy") {
                self.context.push(
                    Diagnostic::error(
                        "unmatched-override",
                        name.location,
                        format!("there is no policy `{}`", name.value),
                    )
                    .fix("every resource has one policy, named `policy`"),
                );
                continue;
            }
            let properties = item.as_mapping().unwrap_or_default();
            for (key, value) in properties {
                match key.text.as_str() {
                    "name" => {}
                    "properties" => self.policy_properties(value, result),
                    other => self.context.push(
                        Diagnostic::error(
                            "unknown-property",
                            key.location(self.file),
                            format!("unknown property `{other}`"),
                        )
                        .fix("a policy has `properties` with `format` and `value`"),
                    ),
                }
            }
        }
    }

    fn policy_properties(&self, node: &Node, result: &mut Override) {
        for (key, value) in node.as_mapping().unwrap_or_default() {
            let location = value.location(self.file);
            match (key.text.as_str(), value.as_str()) {
                ("format", Some("rawxml" | "xml")) => {}
                ("format", _) => self.context.push(
                    Diagnostic::error(
                        "unknown-value",
                        location,
                        "the format of a policy must be `rawxml` or `xml`",
                    )
                    .fix("write the document itself into `value`"),
                ),
                ("value", Some(_)) => result.policy = Some(Located::new(value.clone(), location)),
                ("value", None) => self.wrong_type(value, "`value` must be a policy document"),
                (other, _) => self.context.push(
                    Diagnostic::error(
                        "unknown-property",
                        key.location(self.file),
                        format!("unknown property `{other}`"),
                    )
                    .fix("a policy has `format` and `value`"),
                ),
            }
        }
    }

    /// The items of a section that have a name.
    fn items<'n>(&self, section: &str, node: &'n Node) -> Vec<(Located<String>, &'n Node)> {
        let Some(items) = node.as_sequence() else {
            if !node.is_null() {
                self.wrong_type(node, &format!("`{section}` must be a list of `- name: …`"));
            }
            return Vec::new();
        };
        let named = items.iter().filter_map(|item| {
            let name = item.get("name").and_then(|name| Some((name.scalar_text()?, name)));
            let Some((text, name)) = name else {
                self.context.error(
                    "missing-property",
                    item.location(self.file),
                    format!("an entry of `{section}` has no `name`"),
                );
                return None;
            };
            let location = name.location(self.file);
            Some((Located::new(self.context.expand(&text, &location), location), item))
        });
        named.collect()
    }

    fn unknown(&self, kind: &Kind, key: &str, location: Location, is_root: bool) {
        let (_, mut known) = layout::names(kind);
        if kind.policy {
            known.push("policies".to_owned());
        }
        known.push(if is_root { "apimServiceName" } else { "properties" }.to_owned());
        let mut diagnostic = Diagnostic::error(
            "unknown-section",
            location,
            format!("unknown key `{key}` in the override file"),
        );
        diagnostic.fix = did_you_mean(key, known.iter().map(String::as_str))
            .map(|known| format!("did you mean `{known}`?"))
            .or_else(|| {
                (!is_root).then(|| "put the properties of the resource under `properties`".to_owned())
            });
        self.context.push(diagnostic);
    }

    fn wrong_type(&self, node: &Node, message: &str) {
        self.context.error("wrong-type", node.location(self.file), format!("{message}, not {}", node.kind()));
    }
}
