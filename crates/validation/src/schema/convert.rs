//! Schemas of every dialect of OpenAPI as JSON Schema 2020-12, each once, however often it is referred to.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::{Dialect, Direction, Variant, formats, resolve};

/// How deep a schema may be nested before its next reference.
const MAX_DEPTH: usize = 200;

/// Collects the schemas that positions of a definition use.
pub(crate) struct Converter<'d> {
    document: &'d Value,
    dialect: Dialect,
    variant: Variant,
    /// The number of each schema by its reference, and whether it is closed (see [`Place`]).
    numbers: HashMap<(String, Place), usize>,
    queue: Vec<(&'d Value, Place)>,
    /// Converted schemas by number.
    schemas: Vec<Entry>,
    current: Vec<usize>,
    fault: Option<String>,
}

/// A converted schema.
pub(crate) struct Entry {
    pub(crate) schema: Value,
    /// The numbers of those that it refers to.
    pub(crate) refers: Vec<usize>,
    /// Why it cannot be used, where that is known already.
    pub(crate) fault: Option<String>,
}

/// Where a schema stands, which decides what refusing additional properties means there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Place {
    /// It says all of a value.
    Whole,
    /// Others beside it say something of the same value.
    Part,
}

impl<'d> Converter<'d> {
    pub(crate) fn new(document: &'d Value, dialect: Dialect, variant: Variant) -> Self {
        Self {
            document,
            dialect,
            variant,
            numbers: HashMap::new(),
            queue: Vec::new(),
            schemas: Vec::new(),
            current: Vec::new(),
            fault: None,
        }
    }

    /// Converts the schema of a position, without those that it refers to.
    pub(crate) fn position(&mut self, schema: &Value) -> Entry {
        self.entry(schema, Place::Whole)
    }

    /// Converts everything that positions have referred to; schemas are found under their number.
    pub(crate) fn finish(mut self) -> Vec<Entry> {
        while let Some((schema, place)) = self.queue.get(self.schemas.len()).copied() {
            let entry = self.entry(schema, place);
            self.schemas.push(entry);
        }
        self.schemas
    }

    fn entry(&mut self, schema: &Value, place: Place) -> Entry {
        self.current.clear();
        self.fault = None;
        let schema = self.schema(schema, place, 0);
        Entry { schema, refers: std::mem::take(&mut self.current), fault: self.fault.take() }
    }

    fn schema(&mut self, schema: &Value, place: Place, depth: usize) -> Value {
        let Value::Object(object) = schema else { return schema.clone() };
        if depth > MAX_DEPTH {
            self.fault.get_or_insert_with(|| format!("it is nested deeper than {MAX_DEPTH} levels"));
            return Value::Bool(true);
        }
        let Some(reference) = object.get("$ref").and_then(Value::as_str) else {
            return self.keywords(object, place, depth);
        };
        let has_siblings = self.dialect == Dialect::OpenApi31
            && object.keys().any(|key| key != "$ref" && !is_annotation(key));
        if !has_siblings {
            return json!({ "$ref": self.reference(reference, place) });
        }
        // Since 3.1 what stands beside a reference holds too.
        let mut converted = self.keywords(object, Place::Part, depth);
        let target = self.reference(reference, Place::Part);
        if let Value::Object(converted) = &mut converted {
            converted.insert("$ref".to_owned(), Value::String(target));
            if place == Place::Whole && self.variant.additional_properties == Some(false) {
                converted.insert("unevaluatedProperties".to_owned(), Value::Bool(false));
            }
        }
        converted
    }

    /// The reference to a schema among the converted ones.
    fn reference(&mut self, reference: &str, place: Place) -> String {
        // The place makes a difference only where additional properties are refused.
        let place = if self.variant.additional_properties == Some(false) { place } else { Place::Whole };
        let key = (reference.to_owned(), place);
        let number = match self.numbers.get(&key) {
            Some(number) => *number,
            None => {
                let Some(target) = resolve(self.document, reference) else {
                    self.fault.get_or_insert_with(|| format!("`{reference}` leads nowhere"));
                    return "#".to_owned();
                };
                let number = self.queue.len();
                self.queue.push((target, place));
                self.numbers.insert(key, number);
                number
            }
        };
        if !self.current.contains(&number) {
            self.current.push(number);
        }
        format!("#/$defs/{number}")
    }

    fn keywords(&mut self, object: &Map<String, Value>, place: Place, depth: usize) -> Value {
        let mut out = Map::new();
        let is_composed = COMPOSING.iter().any(|keyword| object.contains_key(*keyword));
        for (key, value) in object {
            match key.as_str() {
                "allOf" | "anyOf" | "oneOf" => {
                    out.insert(key.clone(), self.list(value, Place::Part, depth));
                }
                "not" | "if" | "then" | "else" | "contains" | "propertyNames" => {
                    out.insert(key.clone(), self.schema(value, Place::Part, depth + 1));
                }
                "items" if value.is_array() && self.dialect != Dialect::OpenApi31 => {
                    out.insert("prefixItems".to_owned(), self.list(value, Place::Whole, depth));
                }
                "items" | "additionalItems" | "unevaluatedItems" => {
                    out.insert(key.clone(), self.schema(value, Place::Whole, depth + 1));
                }
                "prefixItems" => {
                    out.insert(key.clone(), self.list(value, Place::Whole, depth));
                }
                "additionalProperties" | "unevaluatedProperties" => {
                    self.additional(key, value, &mut out, depth);
                }
                "properties" => {
                    out.insert(key.clone(), self.properties(value, depth));
                }
                "patternProperties" => {
                    out.insert(key.clone(), self.map(value, Place::Whole, depth));
                }
                "dependentSchemas" => {
                    out.insert(key.clone(), self.map(value, Place::Part, depth));
                }
                "required" => {
                    let required = self.required(value, object);
                    if !matches!(&required, Value::Array(names) if names.is_empty()) {
                        out.insert(key.clone(), required);
                    }
                }
                "dependentRequired" if self.variant.ignore_case => {
                    out.insert(key.clone(), folded_names(value));
                }
                "type" => self.kind(object, value, &mut out),
                // Before 3.1 they say something about `minimum` and `maximum`.
                "exclusiveMinimum" | "exclusiveMaximum"
                    if value.is_boolean() && self.dialect != Dialect::OpenApi31 => {}
                "minimum" | "maximum" if self.dialect != Dialect::OpenApi31 => {
                    let is_minimum = key == "minimum";
                    let exclusive = if is_minimum { "exclusiveMinimum" } else { "exclusiveMaximum" };
                    let is_exclusive = object.get(exclusive).and_then(Value::as_bool) == Some(true);
                    out.insert(if is_exclusive { exclusive.to_owned() } else { key.clone() }, value.clone());
                }
                "enum" => {
                    out.insert(key.clone(), nullable_enumeration(object, value, self.dialect));
                }
                "format" => formats::convert(value, &mut out),
                "$dynamicRef" => {
                    if let Some(reference) = value.as_str() {
                        let target = self.reference(reference, Place::Part);
                        out.insert("$ref".to_owned(), Value::String(target));
                    }
                }
                keyword if is_validating(keyword) => {
                    out.insert(key.clone(), value.clone());
                }
                _ => {}
            }
        }
        formats::bound(object, &mut out);
        if self.variant.additional_properties == Some(false) && place == Place::Whole {
            close(object, is_composed, &mut out);
        }
        if self.is_nullable(object) && !object.contains_key("type") && is_composed {
            return json!({ "anyOf": [{ "type": "null" }, Value::Object(out)] });
        }
        Value::Object(out)
    }

    fn list(&mut self, value: &Value, place: Place, depth: usize) -> Value {
        match value {
            Value::Array(items) => items.iter().map(|item| self.schema(item, place, depth + 1)).collect(),
            other => other.clone(),
        }
    }

    fn map(&mut self, value: &Value, place: Place, depth: usize) -> Value {
        match value {
            Value::Object(entries) => entries
                .iter()
                .map(|(name, inner)| (name.clone(), self.schema(inner, place, depth + 1)))
                .collect(),
            other => other.clone(),
        }
    }

    fn properties(&mut self, value: &Value, depth: usize) -> Value {
        let Value::Object(entries) = value else { return value.clone() };
        let mut out = Map::new();
        for (name, inner) in entries {
            let converted = if self.is_kept_out(inner) {
                Value::Bool(false)
            } else {
                self.schema(inner, Place::Whole, depth + 1)
            };
            let name = if self.variant.ignore_case { name.to_lowercase() } else { name.clone() };
            out.insert(name, converted);
        }
        Value::Object(out)
    }

    fn additional(&mut self, key: &str, value: &Value, out: &mut Map<String, Value>, depth: usize) {
        match self.variant.additional_properties {
            Some(true) if *value == Value::Bool(false) => {}
            Some(false) if *value == Value::Bool(true) => {}
            _ => {
                out.insert(key.to_owned(), self.schema(value, Place::Whole, depth + 1));
            }
        }
    }

    /// Whether a property must not be sent this way (OpenAPI 3.0, Schema Object, `readOnly` and `writeOnly`).
    fn is_kept_out(&self, property: &Value) -> bool {
        let keyword = match self.variant.direction {
            Direction::Request => "readOnly",
            Direction::Response => "writeOnly",
        };
        let flagged = |schema: &Value| schema.get(keyword).and_then(Value::as_bool) == Some(true);
        if flagged(property) && (self.dialect == Dialect::OpenApi31 || property.get("$ref").is_none()) {
            return true;
        }
        super::follow(self.document, property).is_some_and(flagged)
    }

    /// The names that are required this way: neither read-only nor write-only ones where those are kept out.
    fn required(&self, value: &Value, object: &Map<String, Value>) -> Value {
        let Value::Array(names) = value else { return value.clone() };
        let mut kept_out = Vec::new();
        self.collect_kept_out(object, &mut kept_out, 0);
        names
            .iter()
            .filter(|name| !name.as_str().is_some_and(|name| kept_out.contains(&name)))
            .map(|name| match name.as_str() {
                Some(name) if self.variant.ignore_case => Value::String(name.to_lowercase()),
                _ => name.clone(),
            })
            .collect()
    }

    fn collect_kept_out<'s>(
        &'s self,
        object: &'s Map<String, Value>,
        names: &mut Vec<&'s str>,
        depth: usize,
    ) {
        const MAX_ALL_OF: usize = 8;
        if let Some(Value::Object(properties)) = object.get("properties") {
            let kept_out = properties.iter().filter(|(_, property)| self.is_kept_out(property));
            names.extend(kept_out.map(|(name, _)| name.as_str()));
        }
        if let Some(Value::Array(parts)) = object.get("allOf")
            && depth < MAX_ALL_OF
        {
            for part in parts {
                if let Some(Value::Object(part)) = super::follow(self.document, part) {
                    self.collect_kept_out(part, names, depth + 1);
                }
            }
        }
    }

    fn kind(&self, object: &Map<String, Value>, value: &Value, out: &mut Map<String, Value>) {
        if *value == "file" && self.dialect != Dialect::OpenApi31 {
            return;
        }
        let converted = match value {
            Value::String(name) if self.is_nullable(object) && name != "null" => json!([name, "null"]),
            other => other.clone(),
        };
        out.insert("type".to_owned(), converted);
    }

    fn is_nullable(&self, object: &Map<String, Value>) -> bool {
        is_nullable(object, self.dialect)
    }
}

/// Keywords whose schemas say something of the same value as the schema that they stand in.
const COMPOSING: [&str; 7] = ["allOf", "anyOf", "oneOf", "if", "dependentSchemas", "$dynamicRef", "$ref"];

fn is_nullable(object: &Map<String, Value>, dialect: Dialect) -> bool {
    let keyword = match dialect {
        Dialect::Swagger2 => "x-nullable",
        Dialect::OpenApi30 => "nullable",
        Dialect::OpenApi31 => return false,
    };
    object.get(keyword).and_then(Value::as_bool) == Some(true)
}

/// Null belongs to an enumeration that is nullable.
fn nullable_enumeration(object: &Map<String, Value>, value: &Value, dialect: Dialect) -> Value {
    match value {
        Value::Array(values) if is_nullable(object, dialect) && !values.contains(&Value::Null) => {
            values.iter().cloned().chain([Value::Null]).collect()
        }
        other => other.clone(),
    }
}

/// Refuses what an object schema does not name.
fn close(object: &Map<String, Value>, is_composed: bool, out: &mut Map<String, Value>) {
    let is_object = object.get("type").is_some_and(|kind| *kind == "object" || has_type(kind, "object"))
        || object.contains_key("properties");
    if is_composed {
        out.entry("unevaluatedProperties").or_insert(Value::Bool(false));
    } else if is_object {
        out.entry("additionalProperties").or_insert(Value::Bool(false));
    }
}

fn has_type(kind: &Value, wanted: &str) -> bool {
    kind.as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == wanted))
}

fn folded_names(value: &Value) -> Value {
    match value {
        Value::Object(entries) => {
            entries.iter().map(|(name, names)| (name.to_lowercase(), folded_names(names))).collect()
        }
        Value::Array(names) => names.iter().map(folded_names).collect(),
        Value::String(name) => Value::String(name.to_lowercase()),
        other => other.clone(),
    }
}

/// Keywords that say something about values and hold no schemas.
fn is_validating(keyword: &str) -> bool {
    matches!(
        keyword,
        "const"
            | "multipleOf"
            | "minimum"
            | "maximum"
            | "exclusiveMinimum"
            | "exclusiveMaximum"
            | "minLength"
            | "maxLength"
            | "pattern"
            | "minItems"
            | "maxItems"
            | "uniqueItems"
            | "minContains"
            | "maxContains"
            | "minProperties"
            | "maxProperties"
            | "dependentRequired"
    )
}

/// Keywords beside a reference that say nothing about values.
fn is_annotation(keyword: &str) -> bool {
    matches!(
        keyword,
        "title"
            | "description"
            | "summary"
            | "default"
            | "example"
            | "examples"
            | "deprecated"
            | "readOnly"
            | "writeOnly"
            | "externalDocs"
            | "xml"
            | "discriminator"
            | "$comment"
            | "$id"
            | "$schema"
            | "$anchor"
            | "$defs"
            | "definitions"
    ) || keyword.starts_with("x-")
}
