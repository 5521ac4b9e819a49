//! API definitions: `OpenAPI` 2.0, 3.0, 3.1, GraphQL and WADL, read into operations.
