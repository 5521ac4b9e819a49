//! Broken configuration files and broken JSON: reading ends, and every refusal says where and why.

#![allow(missing_docs, clippy::unwrap_used)]

use std::path::Path;
use std::sync::Arc;

use gatehouse_model::configuration::parse;
use gatehouse_model::tree::{NodeValue, parse_json, parse_yaml};

const CONFIGURATION: &str = r#"service: { name: contoso, region: "west", publisher: { name: Contoso, email: a@contoso.example } }
artifacts: [./base, "./${HOME}/top"]
listeners:
  - name: public
    zone: external
    address: 0.0.0.0:8443
    serves: [gateway, metrics]
    hosts: [api.contoso.example]
    tls:
      certificates:
        - { certificate: certs/api.pem, key: certs/api.key, hosts: ["*.contoso.example"] }
      min_version: "1.2"
      client_certificates: &client { mode: optional, trust: [ca.pem], crls: [] }
    trusted_proxies: [10.0.0.0/8, "fd00::/8"]
    http_redirect: 0.0.0.0:8080
zones: { external: { expose: [petstore] }, internal: { expose: all } }
backend_tls: { min_version: "1.3", trust: [system] }
limits: { header_bytes: 16KiB, headers: 100, body_bytes: 1GiB, header_timeout: 10s, idle_timeout: 75s }
telemetry: { access_log: stdout, metrics: true }
watch: true # and so on
"#;

const JSON: &str = r#"{"properties": {"displayName": "a \u00e9\ud83d\ude00", "path": "", "n": [0, -1.5e+3, true, null, {}],
 "deep": [[[[{"a": [1, 2]}]]]]}, "properties2": "\\\/\"\b\f\n\r\t"}"#;

/// A sequence of numbers that is always the same (xorshift, Marsaglia 2003).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }

    fn mutated(&mut self, text: &str) -> String {
        const CHARACTERS: [char; 20] = [
            '{', '}', '[', ']', '"', '\'', ':', ',', '#', '&', '*', '!', '|', '-', '\n', '\t', '$', '\\',
            'é', '\0',
        ];
        let mut characters: Vec<char> = text.chars().collect();
        for _ in 0..=self.below(3) {
            let at = self.below(characters.len());
            let end = (at + self.below(30)).min(characters.len());
            match self.below(5) {
                0 => drop(characters.drain(at..end)),
                1 => characters.truncate(at.max(1)),
                2 => characters[at] = CHARACTERS[self.below(CHARACTERS.len())],
                3 => characters.insert(at, CHARACTERS[self.below(CHARACTERS.len())]),
                _ => {
                    let piece: Vec<char> = characters[at..end].to_vec();
                    let to = self.below(characters.len());
                    characters.splice(to..to, piece);
                }
            }
            if characters.is_empty() {
                break;
            }
        }
        characters.into_iter().collect()
    }
}

#[test]
fn a_broken_configuration_has_an_error_with_a_place() {
    let environment = |name: &str| (name == "HOME").then(|| "home".to_owned());
    let file = Path::new("gatehouse.yaml");
    assert!(parse(CONFIGURATION, file, &environment).0.is_some(), "the seed is good");
    let mut numbers = Numbers(1);
    let (mut taken, mut refused) = (0, 0);
    for _ in 0..6_000 {
        let text = numbers.mutated(CONFIGURATION);
        let (configuration, findings) = parse(&text, file, &environment);
        match configuration {
            Some(_) if !findings.has_errors() => taken += 1,
            _ => {
                refused += 1;
                let mut errors = findings.into_iter();
                let first = errors.next().unwrap_or_else(|| panic!("refused without a reason:\n{text}"));
                assert_eq!(first.location.map(|place| place.file), Some(file.into()));
                assert!(!first.message.is_empty());
            }
        }
    }
    assert!(taken > 100 && refused > 1_000, "{taken} taken, {refused} refused");
}

#[test]
fn broken_json_is_refused_where_another_reader_refuses_it() {
    let file: Arc<Path> = Arc::from(Path::new("api.json"));
    let mut numbers = Numbers(2);
    let (mut taken, mut refused) = (0, 0);
    for _ in 0..20_000 {
        let text = numbers.mutated(JSON);
        let other: Result<serde_json::Value, _> = serde_json::from_str(&text);
        match (parse_json(&text, &file), other) {
            (Ok(node), Ok(value)) => {
                taken += 1;
                let NodeValue::Mapping(fields) = &node.value else { continue };
                assert_eq!(Some(fields.len()), value.as_object().map(serde_json::Map::len), "{text}");
            }
            (Ok(_), Err(error)) => panic!("taken, but {error}:\n{text}"),
            (Err(finding), _) => {
                refused += 1;
                let line = finding.location.map_or(0, |place| place.line);
                assert!(!finding.message.is_empty() && line > 0, "{text}");
            }
        }
    }
    assert!(taken > 100 && refused > 1_000, "{taken} taken, {refused} refused");
}

#[test]
fn broken_yaml_never_runs_away() {
    let file: Arc<Path> = Arc::from(Path::new("a.yaml"));
    let mut numbers = Numbers(3);
    for _ in 0..6_000 {
        let text = numbers
            .mutated("a: &a [1, *a, {b: !!str 3, <<: {c: |\n  text\n}}]\n---\n? [k]\n: >-\n  folded\n");
        if let Err(finding) = parse_yaml(&text, &file) {
            assert!(!finding.message.is_empty(), "{text}");
        }
    }
}
