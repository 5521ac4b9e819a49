//! `serve --keys FILE`: subscription keys that an operator gives instead of those that are made.

use std::path::Path;
use std::sync::Arc;

use gatehouse_model::tree::{NodeValue, parse_yaml};
use gatehouse_model::{Diagnostic, Diagnostics, Location};
use gatehouse_store::{KeyHasher, KeyKind, Store, SubscriptionId, SubscriptionKey};

/// The keys of a file. The file has an entry a subscription: `NAME: { primary: KEY, secondary: KEY }`, with
/// `WORKSPACE/NAME` for one of a workspace.
#[derive(Debug)]
pub(crate) struct KeysFile {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    id: SubscriptionId,
    keys: Vec<(KeyKind, SubscriptionKey)>,
    location: Location,
}

/// Reads the file; everything that is wrong is told at once.
pub(crate) fn read_keys_file(file: &Path) -> Result<KeysFile, Diagnostics> {
    let name: Arc<Path> = Arc::from(file);
    let mut findings = Diagnostics::new();
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => {
            findings.error(
                "unreadable",
                Location::file(name),
                format!("the keys file cannot be read: {error}"),
            );
            return Err(findings);
        }
    };
    let root = match parse_yaml(&text, &name) {
        Ok(root) => root,
        Err(finding) => {
            findings.push(finding);
            return Err(findings);
        }
    };
    let mut entries = Vec::new();
    let shape = "an entry is `NAME: { primary: KEY, secondary: KEY }`";
    let NodeValue::Mapping(subscriptions) = &root.value else {
        findings.push(
            Diagnostic::error("wrong-type", root.location(&name), "the keys file must be a mapping")
                .fix(shape),
        );
        return Err(findings);
    };
    for (key, node) in subscriptions {
        let location = Location::new(Arc::clone(&name), key.line, key.column);
        let id = match key.text.split_once('/') {
            Some((workspace, subscription)) => SubscriptionId::workspace(workspace, subscription),
            None => SubscriptionId::service(key.text.as_str()),
        };
        let NodeValue::Mapping(fields) = &node.value else {
            let message = format!("the entry `{}` must be a mapping", key.text);
            findings.push(Diagnostic::error("wrong-type", node.location(&name), message).fix(shape));
            continue;
        };
        let mut keys = Vec::new();
        for (field, value) in fields {
            let kind = KeyKind::ALL.into_iter().find(|kind| kind.as_str() == field.text);
            let parsed = value.scalar_text().map(|text| SubscriptionKey::parse(&text));
            let place = Location::new(Arc::clone(&name), field.line, field.column);
            match (kind, parsed) {
                (Some(kind), Some(Ok(key))) => keys.push((kind, key)),
                (None, _) => {
                    let message = format!("unknown key `{}`", field.text);
                    findings.push(
                        Diagnostic::error("unknown-key", place, message).fix("`primary` or `secondary`"),
                    );
                }
                (Some(_), Some(Err(why))) => {
                    findings.error("bad-value", value.location(&name), why.to_string());
                }
                (Some(_), None) => findings.error("wrong-type", value.location(&name), "a key is a text"),
            }
        }
        entries.push(Entry { id, keys, location });
    }
    if findings.has_errors() { Err(findings) } else { Ok(KeysFile { entries }) }
}

impl KeysFile {
    /// Whether the file gives both keys of a subscription.
    pub(crate) fn gives(&self, id: &SubscriptionId) -> bool {
        self.entries.iter().any(|entry| entry.id == *id && entry.keys.len() == KeyKind::ALL.len())
    }

    /// Puts the keys into the store; those that are there already are left as they are.
    pub(crate) fn apply(&self, store: &dyn Store, hasher: &KeyHasher) -> Result<(), Diagnostics> {
        let mut findings = Diagnostics::new();
        for entry in &self.entries {
            if let Err(message) = entry.apply(store, hasher) {
                findings.error("keys-file", entry.location.clone(), message);
            }
        }
        if findings.has_errors() { Err(findings) } else { Ok(()) }
    }
}

impl Entry {
    fn apply(&self, store: &dyn Store, hasher: &KeyHasher) -> Result<(), String> {
        let record = store.subscription(&self.id).map_err(|error| error.to_string())?;
        let Some(record) = record else { return Err(format!("there is no subscription `{}`", self.id)) };
        for (kind, key) in &self.keys {
            let hash = hasher.hash(key);
            let current = match kind {
                KeyKind::Primary => record.primary,
                KeyKind::Secondary => record.secondary,
            };
            if current != hash {
                store.replace_key(&self.id, *kind, &hash).map_err(|error| error.to_string())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<KeysFile, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keys.yaml");
        std::fs::write(&file, text).unwrap();
        read_keys_file(&file)
            .map_err(|findings| findings.to_string().replace(&format!("{}", file.display()), "keys.yaml"))
    }

    #[test]
    fn entries_are_read_for_the_service_and_for_workspaces() {
        let file = read("one: { primary: a, secondary: b }\nteam/two: { primary: c }\n").unwrap();
        assert!(file.gives(&SubscriptionId::service("one")));
        assert!(!file.gives(&SubscriptionId::workspace("team", "two")), "only one of the keys");
    }

    #[test]
    fn everything_that_is_wrong_is_told_with_its_place() {
        let errors = read("one: { first: a }\ntwo: 3\nthree: { primary: 'a b' }\n").unwrap_err();
        assert!(errors.contains("keys.yaml:1:8: error: unknown key `first`"), "{errors}");
        assert!(errors.contains("keys.yaml:2:6: error: the entry `two` must be a mapping"), "{errors}");
        assert!(errors.contains("keys.yaml:3:"), "{errors}");
    }
}
