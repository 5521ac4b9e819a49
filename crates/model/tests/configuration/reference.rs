//! The schema, the reference and the reader say the same.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gatehouse_model::configuration::schema;
use gatehouse_model::tree::{Environment, Key, Node, NodeValue, parse_yaml_expanding};
use serde_json::Value;

use super::{FULL, good, read};

fn reference(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference").join(name)
}

/// Every key that the schema allows, with its schema: `listeners[].tls.min_version`, `backends.*.trust`.
fn keys(schema: &Value) -> BTreeMap<String, Value> {
    fn walk(schema: &Value, path: &str, found: &mut BTreeMap<String, Value>) {
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            walk(property, &path, found);
            found.insert(path, property.clone());
        }
        if schema["items"].is_object() {
            walk(&schema["items"], &format!("{path}[]"), found);
        }
        if schema["additionalProperties"].is_object() {
            walk(&schema["additionalProperties"], &format!("{path}.*"), found);
        }
    }
    let mut found = BTreeMap::new();
    walk(schema, "", &mut found);
    found
}

/// Every key that a document has with its place, in the same notation.
fn keys_of<'n>(node: &'n Node, path: &str, found: &mut Vec<(String, &'n Key)>) {
    match &node.value {
        NodeValue::Mapping(entries) => {
            for (key, value) in entries {
                let path = match path {
                    "" => key.text.clone(),
                    "backends" | "certificates" | "loggers" | "waf.apis" | "waf.listeners"
                    | "loggers.*.headers" => format!("{path}.*"),
                    _ => format!("{path}.{}", key.text),
                };
                // The names of backends, certificates, loggers, listeners, APIs and header fields are the user's.
                if !path.ends_with(".*") {
                    found.push((path.clone(), key));
                }
                keys_of(value, &path, found);
            }
        }
        NodeValue::Sequence(entries) => {
            for entry in entries {
                keys_of(entry, &format!("{path}[]"), found);
            }
        }
        _ => {}
    }
}

/// The identity of the full example, and those of other kinds, which have keys that it cannot have.
const SYSTEM: &str = "system: { kind: azure-workload,";
const OTHER_SYSTEMS: [&str; 3] = [
    "system: { kind: issuer, issuer: \"https://gw.example\", subject: gateway, tenant: contoso, client_id: one }",
    "system: { kind: spiffe, socket: /run/spire/agent.sock, object_id: me }",
    "system: { kind: client-credentials, client_id: one, endpoint: \"https://login.example/token\", client_secret: hush }",
];

/// The full example, and the same with identities of other kinds.
fn all_of_full() -> Vec<String> {
    let begin = FULL.find(SYSTEM).unwrap();
    let end = begin + FULL[begin..].find('\n').unwrap();
    let with = |system: &&str| format!("{}{system}{}", &FULL[..begin], &FULL[end..]);
    std::iter::once(FULL.to_owned()).chain(OTHER_SYSTEMS.iter().map(with)).collect()
}

fn full() -> Node {
    parsed(FULL)
}

fn parsed(text: &str) -> Node {
    let file: Arc<Path> = Arc::from(Path::new("full.yaml"));
    parse_yaml_expanding(text, &file, &mut Environment::new(&|_| Some("1".to_owned()))).unwrap()
}

#[test]
fn the_published_schema_is_what_the_reader_says() {
    let path = reference("gatehouse.schema.json");
    let text = format!("{:#}\n", schema());
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(published == text, "{} is not up to date: run this test with UPDATE=1", path.display());
}

#[test]
fn the_schema_has_every_key_of_the_full_example_and_no_other() {
    let mut written = Vec::new();
    for text in all_of_full() {
        let full = parsed(&text);
        let mut found = Vec::new();
        keys_of(&full, "", &mut found);
        written.extend(found.into_iter().map(|(path, _)| path));
        // It is read without a complaint, so that each of these keys is one that the reader takes.
        good(&text);
    }
    written.sort();
    written.dedup();
    assert_eq!(keys(&schema()).into_keys().collect::<Vec<_>>(), written);
}

#[test]
fn the_schema_closes_every_mapping_and_describes_every_key() {
    fn closed(schema: &Value, path: &str) {
        if schema["properties"].is_object() {
            assert_eq!(schema["additionalProperties"], Value::Bool(false), "{path}");
        }
        match schema {
            Value::Object(entries) => {
                entries.iter().for_each(|(key, value)| closed(value, &format!("{path}/{key}")));
            }
            Value::Array(entries) => entries.iter().for_each(|value| closed(value, path)),
            _ => {}
        }
    }
    let schema = schema();
    closed(&schema, "");
    for (key, schema) in keys(&schema) {
        let help = schema["description"].as_str().unwrap_or_default();
        assert!(help.ends_with('.'), "{key}: {help}");
    }
}

#[test]
fn each_key_is_refused_when_it_is_misspelt() {
    let full = full();
    let mut found = Vec::new();
    keys_of(&full, "", &mut found);
    for (path, key) in found {
        let (line, column) = (key.line as usize - 1, key.column as usize - 1);
        let mut lines: Vec<_> = FULL.lines().map(str::to_owned).collect();
        lines[line].replace_range(column..column + key.text.len(), &format!("{}z", key.text));
        let (_, diagnostics) = read(&lines.join("\n"));
        let unknown: Vec<_> = diagnostics.iter().filter(|error| error.id == "unknown-key").collect();
        assert_eq!(unknown.len(), 1, "{path}: {diagnostics}");
        let place = format!("conf/gatehouse.yaml:{}:{}", key.line, key.column);
        assert_eq!(unknown[0].location.as_ref().unwrap().to_string(), place, "{path}");
        assert_eq!(
            unknown[0].fix.as_deref(),
            Some(format!("did you mean `{}`?", key.text).as_str()),
            "{path}"
        );
    }
}

#[test]
fn the_reference_has_a_row_with_the_default_of_every_key() {
    let text = std::fs::read_to_string(reference("configuration.md")).unwrap();
    let rows: BTreeMap<_, _> = text
        .lines()
        .filter_map(|line| {
            let cells: Vec<_> = line.trim_matches('|').split(" | ").map(str::trim).collect();
            let key = cells.first()?.strip_prefix('`')?.strip_suffix('`')?;
            line.starts_with("| `")
                .then(|| (key.to_owned(), cells.get(2).copied().unwrap_or_default().to_owned()))
        })
        .collect();
    let keys = keys(&schema());
    assert_eq!(rows.keys().collect::<Vec<_>>(), keys.keys().collect::<Vec<_>>());
    for (key, schema) in &keys {
        let Some(default) = schema.get("default") else { continue };
        let default = match default {
            Value::String(text) => text.clone(),
            other => other.to_string().replace('"', "").replace(',', ", ").replace(':', ": "),
        };
        assert_eq!(rows[key], format!("`{default}`"), "{key}");
    }
}

#[test]
fn the_examples_of_the_reference_are_read() {
    let text = std::fs::read_to_string(reference("configuration.md")).unwrap();
    let examples: Vec<_> = text
        .split("```yaml\n")
        .skip(1)
        .filter_map(|rest| rest.split_once("```"))
        .map(|(yaml, _)| yaml)
        .collect();
    assert!(examples.len() >= 8, "{}", examples.len());
    for example in examples {
        let mut text = example.to_owned();
        if !text.contains("listeners:") {
            text += "listeners:\n  - name: a\n    zone: internal\n    address: 127.0.0.1:1\n    tls: { certificates: [{ certificate: a, key: a }] }\n";
        }
        if !text.contains("artifacts:") {
            text += "artifacts: a\n";
        }
        good(&text);
    }
}
