//! Compiled validators for OpenAPI, JSON Schema, XML Schema, SOAP and GraphQL. Pure: knows nothing of the gateway.

#![forbid(unsafe_code)]
