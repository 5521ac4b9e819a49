//! Schemas of their own.

use serde_json::Value;

use crate::Location;

/// A schema that `validate-content` may name.
#[derive(Clone, Debug)]
pub struct Schema {
    /// Resource name: its `schema-id`.
    pub name: String,
    /// The schema.
    pub text: SchemaText,
    /// Where it stands.
    pub location: Location,
}

/// The text of a schema.
#[derive(Clone, Debug)]
pub enum SchemaText {
    /// A JSON schema.
    Json(Value),
    /// An XML schema.
    Xml(String),
}
