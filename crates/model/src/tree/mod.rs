//! YAML and JSON as one tree that knows where everything stands.
