//! Broken documents: whatever is wrong with one, reading it ends, and what is found has a place.

use std::path::Path;

use crate::definition::read;

const OPENAPI: &str = r##"{"openapi": "3.1.0", "info": {"title": "t", "version": "1"},
"servers": [{"url": "https://{h}/v1", "variables": {"h": {"default": "a.example"}}}],
"paths": {
 "/a/{id}": {"$ref": "#/components/pathItems/one", "parameters": [{"$ref": "#/components/parameters/id"}]},
 "/b/{*rest}": {"get": {"operationId": "b", "parameters": [{"name": "rest", "in": "path", "required": true},
   {"name": "q", "in": "query", "required": true}], "responses": {"2XX": {"$ref": "#/components/responses/r"}}}}},
"components": {
 "pathItems": {"one": {"post": {"summary": "s", "responses": {"200": {"content": {"application/json":
   {"schema": {"$ref": "#/components/schemas/Node"}, "examples": {"e": {"$ref": "#/components/examples/e"}}}}}}}}},
 "parameters": {"id": {"name": "id", "in": "path", "required": true, "schema": {"type": "string", "minLength": 3}}},
 "responses": {"r": {"description": "r", "content": {"application/json": {"schema": {"allOf": [
   {"$ref": "#/components/schemas/Node"}, {"required": ["next"], "properties": {"n": {"type": ["null", "integer"],
   "exclusiveMinimum": 3, "multipleOf": 2}}}]}}}}},
 "examples": {"e": {"value": {"x": [1, 2.5, null]}}},
 "schemas": {"Node": {"type": "object", "required": ["next"], "properties": {"next": {"$ref": "#/components/schemas/Node"},
   "all": {"type": "array", "minItems": 2, "items": {"oneOf": [{"type": "null"}, {"$ref": "#/components/schemas/Node"}]}}}}}}}
"##;

const GRAPHQL: &str = "\"\"\"d\"\"\" type Query @a(b: \"c\") {\n  a(b: [Int!]! = [1, -2.5e3]): String # c\n}\nunion U = | A | B\n";

const WADL: &str = r##"<application xmlns="http://wadl.dev.java.net/2009/02"><resources base="https://a.example">
<resource path="a/{b}" type="#t"><param name="b" style="template"/><method href="#m"/></resource></resources>
<resource_type id="t"><method name="PUT"><response status="200"><representation mediaType="a/b"/></response></method>
<resource path="c"><method href="#m"/></resource></resource_type><method id="m" name="GET"/></application>"##;

/// A sequence of numbers that is always the same (xorshift, Marsaglia 2003).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

fn mutated(text: &str, numbers: &mut Numbers) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    for _ in 0..=numbers.below(3) {
        let at = numbers.below(characters.len());
        match numbers.below(5) {
            0 => drop(characters.remove(at)),
            1 => characters.truncate(at.max(1)),
            2 => {
                characters[at] =
                    ['{', '}', '"', '#', '/', '0', '-', '\n', 'é', '~', '%', ':'][numbers.below(12)];
            }
            3 => {
                let end = (at + numbers.below(40)).min(characters.len());
                let piece: Vec<char> = characters[at..end].to_vec();
                let to = numbers.below(characters.len());
                characters.splice(to..to, piece);
            }
            _ => {
                let end = (at + numbers.below(40)).min(characters.len());
                characters.drain(at..end);
            }
        }
        if characters.is_empty() {
            characters.push(' ');
        }
    }
    characters.into_iter().collect()
}

#[test]
fn reading_ends_whatever_is_wrong() {
    let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15);
    let mut outcomes = [0_usize; 2];
    for (file, text, rounds) in [
        ("a.json", OPENAPI, 3000),
        ("a.yaml", OPENAPI, 1500),
        ("a.graphql", GRAPHQL, 3000),
        ("a.wadl", WADL, 3000),
    ] {
        let (definition, diagnostics) = read(Path::new(file), text);
        assert!(diagnostics.is_empty(), "{file}: {diagnostics}");
        assert!(!definition.unwrap().operations.is_empty());
        for _ in 0..rounds {
            let broken = mutated(text, &mut numbers);
            let lines = broken.lines().count() as u32 + 1;
            let (definition, diagnostics) = read(Path::new(file), &broken);
            outcomes[usize::from(diagnostics.has_errors())] += 1;
            assert!(definition.is_some() || diagnostics.has_errors(), "neither read nor refused:\n{broken}");
            for one in &diagnostics {
                let place = one.location.as_ref().unwrap();
                assert!((1..=lines).contains(&place.line) && place.column > 0, "{one}\n{broken}");
            }
        }
    }
    // Both happen, else the mutations are not worth much.
    assert!(outcomes.iter().all(|count| *count > 500), "{outcomes:?}");
}

#[test]
fn resource_types_that_bring_themselves_end() {
    let inner = "<resource path='x' type='#t'/>".repeat(8);
    let text = format!(
        "<application><resources><resource path='a' type='#t'/></resources><resource_type id='t'>{inner}</resource_type></application>"
    );
    let (_, diagnostics) = read(Path::new("a.wadl"), &text);
    assert!(diagnostics.iter().any(|one| one.id == "too-large"), "{diagnostics}");
    assert_eq!(diagnostics.len(), 1);
}

#[test]
fn deep_documents_are_read_on_a_small_stack() {
    let depth = 180;
    let schema = "{\"items\": ".repeat(depth) + "{}" + &"}".repeat(depth);
    let text = format!(
        "{{\"openapi\": \"3.1.0\", \"info\": {{\"title\": \"t\"}}, \"paths\": {{}}, \"components\": {{\"schemas\": {{\"a\": {schema}}}}}}}"
    );
    let (definition, diagnostics) = std::thread::Builder::new()
        .stack_size(2 << 20)
        .spawn(move || read(Path::new("a.json"), &text))
        .unwrap()
        .join()
        .unwrap();
    assert!(diagnostics.is_empty() && definition.is_some(), "{diagnostics}");
}
