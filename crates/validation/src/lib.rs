//! Compiled validators for OpenAPI, JSON Schema, XML Schema, SOAP and GraphQL. Pure: knows nothing of the gateway.

#![forbid(unsafe_code)]

pub mod graphql;
pub mod json;
pub mod openapi;
mod schema;
pub mod xml;

pub use jsonschema::Draft;

pub use self::schema::{Dialect, Direction, SchemaResource, Variant, Violation};
