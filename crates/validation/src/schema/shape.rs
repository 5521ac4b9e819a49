//! The outline of a schema: what kinds of values it takes. Values that come as text, of parameters and forms, are read
//! after it.

use serde_json::{Map, Value};

use super::{Dialect, follow};

/// How deep an outline goes; what is deeper is text.
const MAX_DEPTH: usize = 6;
/// How many properties an outline may have in all.
const MAX_PROPERTIES: usize = 20_000;

/// A set of kinds of JSON values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kinds(u8);

impl Kinds {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const STRING: Self = Self(1);
    pub(crate) const NUMBER: Self = Self(2);
    pub(crate) const BOOLEAN: Self = Self(4);
    pub(crate) const NULL: Self = Self(8);
    pub(crate) const ARRAY: Self = Self(16);
    pub(crate) const OBJECT: Self = Self(32);

    pub(crate) fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    fn and(self, other: Self) -> Self {
        if self.is_empty() {
            return other;
        }
        if other.is_empty() { self } else { Self(self.0 & other.0) }
    }

    fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn of_name(name: &str) -> Self {
        match name {
            "string" => Self::STRING,
            "number" | "integer" => Self::NUMBER,
            "boolean" => Self::BOOLEAN,
            "null" => Self::NULL,
            "array" => Self::ARRAY,
            "object" => Self::OBJECT,
            _ => Self::NONE,
        }
    }

    fn of_value(value: &Value) -> Self {
        match value {
            Value::Null => Self::NULL,
            Value::Bool(_) => Self::BOOLEAN,
            Value::Number(_) => Self::NUMBER,
            Value::String(_) => Self::STRING,
            Value::Array(_) => Self::ARRAY,
            Value::Object(_) => Self::OBJECT,
        }
    }
}

/// The outline of a schema.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shape {
    /// The kinds of values that it takes; none where it does not say.
    pub(crate) kinds: Kinds,
    /// The outline of an array's items.
    pub(crate) items: Option<Box<Self>>,
    /// The outlines of an object's properties.
    pub(crate) properties: Vec<(Box<str>, Self)>,
    /// The outline of properties that are not named; `None` where there may be none.
    pub(crate) additional: Option<Box<Self>>,
}

impl Shape {
    /// The outline of a schema of a definition.
    pub(crate) fn of(document: &Value, dialect: Dialect, schema: &Value) -> Self {
        let mut reader = Reader { document, dialect, left: MAX_PROPERTIES };
        reader.shape(schema, 0)
    }

    pub(crate) fn is_array(&self) -> bool {
        self.kinds.has(Kinds::ARRAY)
    }

    pub(crate) fn is_object(&self) -> bool {
        self.kinds.has(Kinds::OBJECT)
    }

    /// The outline of a property.
    pub(crate) fn property(&self, name: &str) -> Option<&Self> {
        let named = self.properties.iter().find(|(known, _)| **known == *name).map(|(_, shape)| shape);
        named.or(self.additional.as_deref())
    }

    fn merge(&mut self, other: Self, is_alternative: bool) {
        self.kinds = if is_alternative { self.kinds.or(other.kinds) } else { self.kinds.and(other.kinds) };
        self.items = self.items.take().or(other.items);
        self.additional = self.additional.take().or(other.additional);
        for (name, shape) in other.properties {
            match self.properties.iter_mut().find(|(known, _)| *known == name) {
                Some((_, known)) => known.kinds = known.kinds.or(shape.kinds),
                None => self.properties.push((name, shape)),
            }
        }
    }
}

struct Reader<'d> {
    document: &'d Value,
    dialect: Dialect,
    left: usize,
}

impl Reader<'_> {
    fn shape(&mut self, schema: &Value, depth: usize) -> Shape {
        let mut shape = Shape::default();
        let Some(Value::Object(object)) = follow(self.document, schema) else { return shape };
        if depth > MAX_DEPTH {
            return shape;
        }
        shape.kinds = self.kinds(object);
        if let Some(items) = object.get("items") {
            shape.items = Some(Box::new(self.shape(items, depth + 1)));
        }
        if let Some(Value::Object(properties)) = object.get("properties") {
            for (name, property) in properties {
                let Some(left) = self.left.checked_sub(1) else { break };
                self.left = left;
                shape.properties.push((name.as_str().into(), self.shape(property, depth + 1)));
            }
        }
        match object.get("additionalProperties") {
            Some(inner @ Value::Object(_)) => {
                shape.additional = Some(Box::new(self.shape(inner, depth + 1)));
            }
            Some(Value::Bool(true)) => shape.additional = Some(Box::default()),
            _ => {}
        }
        for (keyword, is_alternative) in [("allOf", false), ("anyOf", true), ("oneOf", true)] {
            let Some(Value::Array(parts)) = object.get(keyword) else { continue };
            let mut combined: Option<Shape> = None;
            for part in parts {
                let part = self.shape(part, depth + 1);
                match &mut combined {
                    Some(combined) => combined.merge(part, is_alternative),
                    None => combined = Some(part),
                }
            }
            if let Some(combined) = combined {
                shape.merge(combined, false);
            }
        }
        shape
    }

    fn kinds(&self, object: &Map<String, Value>) -> Kinds {
        let mut kinds = match object.get("type") {
            Some(Value::String(name)) => Kinds::of_name(name),
            Some(Value::Array(names)) => names
                .iter()
                .filter_map(Value::as_str)
                .fold(Kinds::NONE, |kinds, name| kinds.or(Kinds::of_name(name))),
            _ => {
                let values = object.get("enum").and_then(Value::as_array).into_iter().flatten();
                let values = values.chain(object.get("const"));
                let of_values = values.fold(Kinds::NONE, |kinds, value| kinds.or(Kinds::of_value(value)));
                if !of_values.is_empty() {
                    of_values
                } else if object.contains_key("properties") {
                    Kinds::OBJECT
                } else if object.contains_key("items") {
                    Kinds::ARRAY
                } else {
                    Kinds::NONE
                }
            }
        };
        let nullable = match self.dialect {
            Dialect::Swagger2 => "x-nullable",
            Dialect::OpenApi30 | Dialect::OpenApi31 => "nullable",
        };
        if object.get(nullable).and_then(Value::as_bool) == Some(true) && !kinds.is_empty() {
            kinds = kinds.or(Kinds::NULL);
        }
        kinds
    }
}
