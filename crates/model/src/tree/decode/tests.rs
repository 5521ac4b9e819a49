//! Shapes read values, tell everything that is wrong, and describe themselves.

use std::path::Path;
use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::tree::{parse_json, parse_yaml};

#[derive(Debug, PartialEq)]
struct Dish {
    name: String,
    size: u64,
    hot: bool,
    tags: Vec<u8>,
}

const TAGS: &[(&str, u8)] = &[("vegan", 1), ("spicy", 2)];

fn dish() -> impl Shape<Value = Dish> {
    record("a dish", |fields| {
        let name = fields.required("name", text(), "What it is called.");
        let size = fields.or("size", integer(1..=9), 2, "How much of it.");
        let hot = fields.or("hot", boolean(), true, "Whether it is hot.");
        let tags =
            fields.or("tags", list(choice(TAGS).later(&["raw"])).unique(), vec![1], "What it is like.");
        fields.later("photo");
        Some(Dish { name: name?, size, hot, tags })
    })
}

fn read<S: Shape>(shape: &S, text: &str) -> (Option<S::Value>, Vec<String>) {
    let file: Arc<Path> = Arc::from(Path::new("menu"));
    let node = if text.starts_with('{') { parse_json(text, &file) } else { parse_yaml(text, &file) }.unwrap();
    let mut context = Context::new(file, "the menu");
    let value = shape.decode(&node, &mut context);
    (value, context.into_diagnostics().iter().map(ToString::to_string).collect())
}

#[test]
fn a_record_reads_its_keys_and_defaults() {
    let (value, errors) = read(&dish(), "name: soup\nhot: false\ntags: [spicy]\n");
    assert_eq!(errors, [""; 0]);
    assert_eq!(value, Some(Dish { name: "soup".to_owned(), size: 2, hot: false, tags: vec![2] }));
    let (value, errors) = read(&dish(), r#"{ "name": "pie", "size": 9 }"#);
    assert_eq!(errors, [""; 0]);
    assert_eq!(value, Some(Dish { name: "pie".to_owned(), size: 9, hot: true, tags: vec![1] }));
}

#[test]
fn all_errors_are_told_at_once() {
    let (value, errors) = read(
        &dish(),
        "size: 10\nhot: maybe\ntags: [spicey, raw, vegan, Vegan]\nnmae: x\nfizz: 1\nphoto: p\n",
    );
    assert_eq!(value, None);
    assert_eq!(
        errors,
        [
            "menu:1:1: error: a dish needs `name`: text",
            "menu:1:7: error: `size` must be a whole number from 1 to 9, not `10`",
            "menu:2:6: error: `hot` must be true or false, not a string",
            "menu:3:28: error: `Vegan` stands in `tags` twice, first in line 3",
            "menu:3:8: error: an entry of `tags` must be vegan or spicy, not `spicey` (did you mean `spicy`?)",
            "menu:3:16: error: `raw` is not yet available in this version",
            "menu:3:28: error: an entry of `tags` must be vegan or spicy, not `Vegan` (did you mean `vegan`?)",
            "menu:6:1: error: `photo` is not yet available in this version",
            "menu:4:1: error: unknown key `nmae` in a dish (did you mean `name`?)",
            "menu:5:1: error: unknown key `fizz` in a dish (known here: name, size, hot, tags, photo)",
        ]
    );
}

#[test]
fn wrong_types_say_what_would_be_right() {
    for (text, expected) in [
        (
            "name: 7.50",
            "menu:1:7: error: `name` must be text, not a number (put it in quotes if it is meant: \"7.50\")",
        ),
        ("name: [a]", "menu:1:7: error: `name` must be text, not a list"),
        ("name: ''", "menu:1:7: error: `name` must be text: it is empty"),
        ("name: x\nsize: '3'", "menu:2:7: error: `size` must be a whole number from 1 to 9, not a string"),
        ("name: x\nsize: 1.5", "menu:2:7: error: `size` must be a whole number from 1 to 9, not `1.5`"),
        ("name: x\ntags: spicy", "menu:2:7: error: `tags` must be a list of vegan, spicy, not a string"),
        ("- name: x", "menu:1:1: error: the menu must be a mapping, not a list"),
    ] {
        assert_eq!(read(&dish(), text).1, [expected], "{text}");
    }
    let (_, errors) = read(&dish(), "name: x\nhot:\n");
    assert_eq!(errors.len(), 1);
    assert!(errors[0].starts_with("menu:2:"), "{errors:?}");
    assert!(
        errors[0].ends_with(
            "error: `hot` has no value; it must be true or false (leave the key out for its default)"
        ),
        "{errors:?}"
    );
}

#[test]
fn lists_and_maps_keep_places() {
    let shape = map("dishes by number", one_or_many(located(text())));
    let (value, errors) = read(&shape, "a: x\nb: [y, z]\nc: []\nd: {}\ne: [1]\n");
    let places: Vec<_> = value
        .unwrap()
        .iter()
        .flat_map(|(name, values)| {
            values.iter().map(|value| format!("{} {} {}", name.value, value.value, value.location))
        })
        .collect();
    assert_eq!(places, ["a x menu:1:4", "b y menu:2:5", "b z menu:2:8"]);
    assert_eq!(
        errors,
        [
            "menu:3:4: error: `c` must not be empty: it must be a list of texts",
            "menu:4:4: error: `d` must be text or a list of texts, not a mapping",
            "menu:5:5: error: an entry of `e` must be text, not a number (put it in quotes if it is meant: \"1\")",
        ]
    );
}

#[test]
fn a_shape_describes_itself() {
    assert_eq!(
        dish().schema(),
        json!({
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "name": { "description": "What it is called.", "type": "string", "minLength": 1 },
                "size": { "description": "How much of it.", "default": 2, "type": "integer", "minimum": 1, "maximum": 9 },
                "hot": { "description": "Whether it is hot.", "default": true, "type": "boolean" },
                "tags": {
                    "description": "What it is like.", "default": ["vegan"],
                    "type": "array", "items": { "enum": ["vegan", "spicy"] }, "uniqueItems": true
                }
            },
            "required": ["name"]
        })
    );
}
