use serde_json::{Value, json};

use super::*;

fn value(text: &str) -> Value {
    let document = Document::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"));
    to_value(&document, 0)
}

fn error(text: impl AsRef<[u8]>) -> (String, usize) {
    let error = Document::parse(text.as_ref()).expect_err("refused");
    (error.message, error.offset)
}

#[test]
fn it_reads_what_the_reference_reader_reads() {
    for text in [
        "null",
        " [1, -2, 3.5, 1e2, -0, 0.1E-3, true, false, null, \"\", {}] ",
        "{\"a\":{\"b\":[{\"c\":\"d\"}]},\"e\":[[],[[]]]}",
        "\"\\u0041\\n\\ud83e\\udd80 \\\"x\\\\ \\/ é\"",
        "{\"\\u0061b\":1,\"b\\ta\":\"2345678901234567890\\t\"}",
        "123456789012345678901234567890",
    ] {
        assert_eq!(value(text), serde_json::from_str::<Value>(text).unwrap(), "{text}");
    }
    let members: Vec<String> = (0..100).map(|n| format!("\"k{n}\":{n}")).collect();
    let text = format!("{{{}}}", members.join(","));
    assert_eq!(value(&text), serde_json::from_str::<Value>(&text).unwrap());
}

#[test]
fn what_readers_take_for_different_things_is_refused() {
    assert_eq!(error("{\"a\":1,\"b\":2,\"a\":3}").1, 13);
    assert_eq!(error("{\"a\":1,\"\\u0061\":3}").1, 7);
    let members: Vec<String> = (0..100).map(|n| format!("\"k{}\":{n}", n % 99)).collect();
    assert!(error(format!("{{{}}}", members.join(","))).0.contains("'k0' is there twice"));
    assert_eq!(error("\u{feff}{}").1, 0);
    assert_eq!(error(b"[\"\xff\"]").1, 2);
    assert!(error("[1e400]").0.contains("too large"));
    assert!(error(format!("[{}]", "9".repeat(400))).0.contains("too large"));
    assert!(error("\"\\ud800\"").0.contains("surrogate"));
    assert!(error("\"\\udc00\"").0.contains("surrogate"));
}

#[test]
fn malformed_texts_are_refused_where_they_break() {
    let cases: &[(&str, usize)] = &[
        ("", 0),
        ("  ", 2),
        ("[1,]", 3),
        ("[1 2]", 3),
        ("{\"a\"}", 4),
        ("{\"a\":1,}", 7),
        ("{a:1}", 1),
        ("[01]", 1),
        ("[1.]", 1),
        ("[.5]", 1),
        ("[+1]", 1),
        ("[1e]", 1),
        ("[NaN]", 1),
        ("tru", 0),
        ("[\"a]", 1),
        ("[\"\u{1}\"]", 2),
        ("[\"\\x\"]", 2),
        ("[\"\\u12\"]", 2),
        ("[1]]", 3),
        ("{} 1", 3),
        ("[1}", 2),
        ("{\"a\":1]", 6),
        ("[", 1),
        ("// c\n1", 0),
        ("'a'", 0),
    ];
    for (text, offset) in cases {
        assert_eq!(error(text).1, *offset, "{text}");
        assert!(serde_json::from_str::<Value>(text).is_err(), "{text}");
    }
}

#[test]
fn depth_is_bounded() {
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(Document::parse(deep(MAX_DEPTH).as_bytes()).is_ok());
    assert!(error(deep(MAX_DEPTH + 1)).0.contains("deeper than 128"));
    assert!(error("[".repeat(100_000)).0.contains("deeper than 128"));
}

#[test]
fn control_characters_are_found_at_every_offset() {
    for length in 0..20 {
        for bad in ["\u{0}", "\u{1f}", "\n"] {
            let text = format!("\"{}{bad}é345678901234567890\"", "x".repeat(length));
            assert_eq!(error(&text).1, 1 + length);
        }
        let text = format!("\"{}é\u{7f}\u{80}\u{a0}!\"", "x".repeat(length));
        assert_eq!(value(&text), serde_json::from_str::<Value>(&text).unwrap());
    }
}

#[test]
fn places_are_lines_and_characters() {
    let text = "{\n  \"é\": [1,\n 2]}";
    assert_eq!(Place::of(text.as_bytes(), 0), Place { line: 1, position: 1 });
    assert_eq!(Place::of(text.as_bytes(), text.find('[').unwrap()), Place { line: 2, position: 8 });
    let document = Document::parse(text.as_bytes()).unwrap();
    let path = [PathStep::Name("é"), PathStep::Index(1)];
    assert_eq!(document.locate(path.into_iter()), text.find('2').unwrap());
    assert_eq!(document.locate_key([].into_iter(), "é"), Some(4));
}

#[test]
fn it_fulfils_the_contract_of_the_schema_validator() {
    let text = jsonschema::json::conformance::document().to_string();
    let document = Document::parse(text.as_bytes()).unwrap();
    jsonschema::json::conformance::assert_conformance::<Tape>(&document.root());
}

#[test]
fn numbers_compare_by_what_they_mean() {
    use jsonschema::json::Node as _;
    let document = Document::parse(b"[1.0, 1, 100, 9007199254740993]").unwrap();
    let nodes: Vec<TapeNode<'_>> =
        document.items(0).map(|index| TapeNode::Slot { document: &document, index }).collect();
    assert!(nodes[0].equals_value(&json!(1)) && nodes[1].equals_value(&json!(1.0)));
    assert!(nodes[2].equals_value(&json!(1e2)));
    assert!(!nodes[3].equals_value(&json!(9_007_199_254_740_992_i64)));
}
