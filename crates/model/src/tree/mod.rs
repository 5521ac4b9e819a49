//! YAML and JSON as one tree that knows where everything stands.

pub mod decode;
mod environment;
mod json;
mod node;
mod scalar;
#[cfg(test)]
mod tests;
mod yaml;

pub use self::environment::Environment;
pub use self::json::parse_json;
pub use self::node::{Key, Node, NodeValue};
pub use self::yaml::{parse_yaml, parse_yaml_expanding};

/// How deeply collections may nest. Readers of a tree may recurse: this bounds their stack.
pub const MAX_DEPTH: usize = 192;
