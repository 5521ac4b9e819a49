//! Trees of both formats: values, places, and every refusal.

use std::path::Path;
use std::sync::Arc;

use serde_json::json;

use super::*;

fn file() -> Arc<Path> {
    Arc::from(Path::new("f"))
}

fn yaml(text: &str) -> Node {
    parse_yaml(text, &file()).unwrap()
}

fn yaml_error(text: &str) -> String {
    parse_yaml(text, &file()).unwrap_err().to_string()
}

fn json(text: &str) -> Node {
    parse_json(text, &file()).unwrap()
}

fn json_error(text: &str) -> String {
    parse_json(text, &file()).unwrap_err().to_string()
}

#[test]
fn yaml_becomes_values() {
    let node = yaml("a: 1\n\"b\": [x, 'true', true, ~, 1.50]\nc: {d: \"e\\n\"}\n200: |\n    x\nflow: {\n}\n");
    assert_eq!(
        node.to_json(),
        json!({"a": 1, "b": ["x", "true", true, null, 1.5], "c": {"d": "e\n"}, "200": "x\n", "flow": {}})
    );
    assert_eq!(yaml("").to_json(), json!(null));
    assert_eq!(yaml("# only a comment\n").to_json(), json!(null));
    assert_eq!(yaml("\u{feff}a: b").to_json(), json!({"a": "b"}));
    assert_eq!(
        yaml("--- !!map\na: !!str 5\nb: !!int '5'\nc: ! 7\n...\n").to_json(),
        json!({"a": "5", "b": 5, "c": "7"})
    );
}

#[test]
fn yaml_knows_where_everything_stands() {
    let text = "# über\nä: x\nlist:\n  - a\n  - { k: v }\nempty:\nmap:\n  deep: \"q\"\nblock: |\n  text\n";
    let node = yaml(text);
    let place = |pointer: &str| {
        let node = node.pointer(pointer).unwrap();
        (node.line, node.column)
    };
    assert_eq!(place(""), (2, 1));
    assert_eq!(place("/ä"), (2, 4));
    assert_eq!(place("/list"), (4, 3));
    assert_eq!(place("/list/0"), (4, 5));
    assert_eq!(place("/list/1"), (5, 5));
    assert_eq!(place("/list/1/k"), (5, 10));
    assert_eq!(place("/map"), (8, 3));
    assert_eq!(place("/map/deep"), (8, 9));
    assert_eq!(place("/block"), (10, 3));
    assert_eq!(place("/empty").0, 6);
    let (key, _) = node.pointer("/map").unwrap().entry("deep").unwrap();
    assert_eq!(key.location(&file()).to_string(), "f:8:3");
    assert_eq!(node.pointer("/list/00"), None);
    assert_eq!(node.pointer("/list/2"), None);
    assert_eq!(yaml("a/b~c: 1").pointer("/a~1b~0c").and_then(Node::as_u64), Some(1));
}

#[test]
fn yaml_keeps_what_the_author_wrote_of_a_number() {
    let node = yaml("[1.10, 0x1F, True, ~, 12, 'x']");
    let texts: Vec<_> = node.as_sequence().unwrap().iter().map(Node::scalar_text).collect();
    assert_eq!(
        texts.iter().map(Option::as_deref).collect::<Vec<_>>(),
        [Some("1.10"), Some("0x1F"), Some("True"), None, Some("12"), Some("x")]
    );
}

#[test]
fn yaml_aliases_are_copies() {
    let node = yaml("base: &b {x: [1, 2]}\nsame: *b\nkey: &k name\n*k : v\n");
    assert_eq!(
        node.to_json(),
        json!({"base": {"x": [1, 2]}, "same": {"x": [1, 2]}, "key": "name", "name": "v"})
    );
}

#[test]
fn yaml_refusals_name_the_place() {
    assert_eq!(yaml_error("a: 1\nb: 2\na: 3\n"), "f:3:1: error: `a` is set twice, first in line 1");
    assert_eq!(
        yaml_error("responses:\n  200: x\n  \"200\": y\n"),
        "f:3:3: error: `200` is set twice, first in line 2"
    );
    assert_eq!(
        yaml_error("a: 1\n---\nb: 2\n"),
        "f:2:1: error: a second document starts here (keep one document to a file)"
    );
    assert_eq!(
        yaml_error("a:\n  - !vault x\n"),
        "f:2:5: error: the tag `!vault` is not known here (leave it out: only the tags of the YAML core schema have a meaning)"
    );
    assert!(yaml_error("a: !!binary aGk=\n").contains("the tag `!!binary` is not known here"));
    assert!(yaml_error("!!set {a, b}\n").contains("the tag `!!set` is not known here"));
    assert_eq!(yaml_error("a: !!int x\n"), "f:1:10: error: `x` is not of the type that its tag `!!int` says");
    assert_eq!(
        yaml_error("a: .inf\n"),
        "f:1:4: error: `.inf` is a number that JSON cannot hold (put it in quotes if it is meant as text)"
    );
    assert_eq!(yaml_error("? [a]\n: 1\n"), "f:1:3: error: a key must be a word or a quoted text");
    assert_eq!(
        yaml_error("a: &x [1, *x]\n"),
        "f:1:11: error: the alias stands within the value that it names"
    );
    assert!(yaml_error("a: *nowhere\n").starts_with("f:1:4: error: this is not YAML: "));
    assert!(yaml_error("a: [1, 2\nb: 3\n").starts_with("f:2:"));
    let tab = yaml_error("a:\n\tb: 1\n");
    assert!(tab.starts_with("f:2:") && tab.contains("indent with spaces"), "{tab}");
}

#[test]
fn yaml_bombs_go_off_at_once() {
    let laughs: Vec<_> = (1..20)
        .map(|level| format!("l{level}: &l{level} [{}]", vec![format!("*l{}", level - 1); 10].join(", ")))
        .collect();
    let laughs = format!("l0: &l0 [{}]\n{}\n", ["x"; 10].join(", "), laughs.join("\n"));
    assert!(yaml_error(&laughs).contains("anchors and aliases make more than"));

    let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 20), vec!["*a"; 40].join(", "));
    assert!(yaml_error(&long).contains("MiB of text"));

    let block: Vec<_> = (0..=MAX_DEPTH).map(|level| format!("{}k:", " ".repeat(level))).collect();
    let block = block.join("\n");
    assert!(yaml_error(&block).contains("levels of nesting"));
    assert!(yaml_error(&"[".repeat(100_000)).contains("levels of nesting"));

    let chain: Vec<_> = (1..=MAX_DEPTH).map(|level| format!("- &c{level} [*c{}]", level - 1)).collect();
    let chain = format!("- &c0 [x]\n{}\n", chain.join("\n"));
    assert!(yaml_error(&chain).contains("levels of nesting"));
}

#[test]
fn environment_variables_stand_in_any_value() {
    let environment = |name: &str| match name {
        "PORT" => Some("8443".to_owned()),
        "HOST" => Some("api.example".to_owned()),
        "EVIL" => Some("x, y: [1]\nz: 2".to_owned()),
        _ => None,
    };
    let mut variables = Environment::new(&environment);
    let text = "port: ${PORT}\ntext: \"${PORT}\"\nurl: https://${HOST}:${PORT}/\nescaped: $${PORT}$$\n${HOST}: key\nevil: ${EVIL}\ncheap: $5\nflow: [${PORT}, a${HOST}, { b: ${PORT}, ${HOST}: \"$${HOST}\" }, {$: {}}]\n";
    let node = parse_yaml_expanding(text, &file(), &mut variables).unwrap();
    let (diagnostics, unresolved) = variables.into_findings();
    assert!(diagnostics.is_empty() && unresolved.is_empty(), "{diagnostics}");
    assert_eq!(
        node.to_json(),
        json!({
            "port": 8443, "text": "8443", "url": "https://api.example:8443/", "escaped": "${PORT}$$",
            "${HOST}": "key", "evil": "x, y: [1]\nz: 2", "cheap": "$5",
            "flow": [8443, "aapi.example", { "b": 8443, "${HOST}": "${HOST}" }, { "$": {} }]
        })
    );
    assert_eq!(yaml("a: ${PORT}").to_json(), json!({"a": "${PORT}"}));
}

#[test]
fn an_unset_environment_variable_is_told_with_its_place() {
    let environment = |name: &str| (name == "SET").then(|| "s".to_owned());
    let mut variables = Environment::new(&environment);
    let text = "a: x-${SET}-$${no}-${MISSING}\nb:\n  - |\n    line\n    ${GONE}\nc: \"\\t${1X}\"\n";
    parse_yaml_expanding(text, &file(), &mut variables).unwrap();
    let (diagnostics, unresolved) = variables.into_findings();
    assert_eq!(unresolved.iter().map(ToString::to_string).collect::<Vec<_>>(), ["f:1:4", "f:4:5", "f:6:4"]);
    assert_eq!(
        diagnostics.to_string().lines().collect::<Vec<_>>(),
        [
            "f:1:20: error: the environment variable `MISSING` is not set",
            "f:5:5: error: the environment variable `GONE` is not set",
            "f:6:7: error: `${` begins the name of an environment variable, and none follows (write `${NAME}`, or `$${` for the two characters)",
        ]
    );
}

#[test]
fn malformed_references_cost_no_more_than_their_length() {
    let environment = |_: &str| None;
    let started = std::time::Instant::now();
    let text = format!("a: '{}'", "${".repeat(1 << 20));
    let mut variables = Environment::new(&environment);
    parse_yaml_expanding(&text, &file(), &mut variables).unwrap();
    let (diagnostics, _) = variables.into_findings();
    assert_eq!(diagnostics.len(), 1, "one scalar, one finding");
    assert!(started.elapsed() < std::time::Duration::from_secs(60), "{:?}", started.elapsed());
}

#[test]
fn json_becomes_values_with_places() {
    let text = "{\n  \"ä\": \"€\", \"b\": [1, -2.5e1, true, false, null],\n  \"c\": {\"d\": \"\\u00e9\\ud83d\\ude00\\n\\\"\"}\n}";
    let node = json(text);
    assert_eq!(node.to_json(), serde_json::from_str::<serde_json::Value>(text).unwrap());
    let place = |pointer: &str| {
        let node = node.pointer(pointer).unwrap();
        (node.line, node.column)
    };
    assert_eq!(place(""), (1, 1));
    assert_eq!(place("/ä"), (2, 8));
    assert_eq!(place("/b"), (2, 18));
    assert_eq!(place("/b/1"), (2, 22));
    assert_eq!(place("/c/d"), (3, 14));
    assert_eq!(json("\u{feff}[]").to_json(), json!([]));
    assert_eq!(json("1.10").scalar_text().as_deref(), Some("1.10"));
}

#[test]
fn json_refusals_name_the_place() {
    for (text, expected) in [
        ("", "f:1:1: error: the text ends where a value must stand"),
        ("{\"a\": 1,\n \"a\": 2}", "f:2:2: error: `a` is set twice, first in line 1"),
        ("{\"a\": 1,}", "f:1:9: error: a comma must not stand before `}`"),
        ("[1,\n]", "f:2:1: error: a comma must not stand before `]`"),
        ("{a: 1}", "f:1:2: error: a key in double quotes must stand here"),
        ("{\"a\" 1}", "f:1:6: error: `:` must follow the key `a`"),
        ("{\"a\": 1 \"b\": 2}", "f:1:9: error: `,` or `}` must stand here"),
        ("[1 2]", "f:1:4: error: `,` or `]` must stand here"),
        ("[1] x", "f:1:5: error: the value ends here, and more text follows"),
        ("[01]", "f:1:2: error: this is not a JSON number"),
        ("[-]", "f:1:2: error: this is not a JSON number"),
        ("[1.]", "f:1:4: error: digits must follow the point"),
        ("[1e]", "f:1:4: error: digits must follow the exponent"),
        ("[1e999]", "f:1:2: error: no finite number of double precision is that large"),
        ("[+1]", "f:1:2: error: a value must stand here"),
        ("[NaN]", "f:1:2: error: a value must stand here"),
        ("[tru]", "f:1:2: error: a value must stand here"),
        ("['a']", "f:1:2: error: a value must stand here"),
        ("[1, // x\n2]", "f:1:5: error: a value must stand here"),
        ("\"abc", "f:1:5: error: the text ends within a string"),
        ("\"a\nb\"", "f:1:3: error: the line ends within a string"),
        ("\"a\u{1}\"", "f:1:3: error: a control character must be written as an escape"),
        ("\"\\x41\"", "f:1:2: error: JSON has no such escape"),
        ("\"\\u12g4\"", "f:1:2: error: four hexadecimal digits must follow `\\u`"),
        ("\"\\ud800\"", "f:1:2: error: half of a surrogate pair stands alone"),
        ("\"\\ud800\\u0041\"", "f:1:2: error: half of a surrogate pair stands alone"),
        ("\"\\udc00\"", "f:1:2: error: half of a surrogate pair stands alone"),
    ] {
        assert_eq!(json_error(text), expected, "{text}");
    }
    assert!(json_error(&"[".repeat(100_000)).contains("levels of nesting"));
    assert!(json_error(&"{\"a\":".repeat(100_000)).contains("levels of nesting"));
}

#[test]
fn a_large_object_with_a_duplicate_key_is_refused() {
    let keys: Vec<_> = (0..1000).chain([500]).map(|key| format!("\"k{key}\": 0")).collect();
    assert!(
        json_error(&format!("{{{}}}", keys.join(",\n")))
            .starts_with("f:1001:1: error: `k500` is set twice, first in line 501")
    );
}

#[test]
fn json_agrees_with_another_reader_on_definitions_of_the_world() {
    let Some(root) = std::env::var_os("GATEHOUSE_CORPORA") else {
        println!("ignored: GATEHOUSE_CORPORA is not set");
        return;
    };
    let mut read = 0;
    for entry in std::fs::read_dir(Path::new(&root).join("openapi")).unwrap() {
        let path: Arc<Path> = entry.unwrap().path().into();
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("json") => {
                let expected: serde_json::Value =
                    serde_json::from_str(text.trim_start_matches('\u{feff}')).unwrap();
                let node = parse_json(&text, &path).unwrap_or_else(|error| panic!("{error}"));
                assert_eq!(node.to_json(), expected, "{}", path.display());
                // YAML, unlike JSON, has no C1 control characters.
                if !text.contains(|character| matches!(character, '\u{80}'..='\u{9f}')) {
                    let node = parse_yaml(&text, &path).unwrap_or_else(|error| panic!("{error}"));
                    assert_eq!(node.to_json(), expected, "{} as YAML", path.display());
                }
            }
            Some("yaml" | "yml") => match parse_yaml(&text, &path) {
                Ok(node) => {
                    let entries = node.as_mapping();
                    assert!(entries.is_some_and(|entries| !entries.is_empty()), "{}", path.display());
                }
                // Some published definitions do say a thing twice.
                Err(error) => assert_eq!(error.id, "duplicate-key", "{error}"),
            },
            _ => continue,
        }
        read += 1;
    }
    assert!(read > 10, "{read} files");
}
