//! The `zones` block.

use serde_json::{Value, json};

use super::Zone;
use crate::Located;
use crate::tree::Node;
use crate::tree::decode::{Context, Invalid, List, Placed, Shape, Show, Text, list, located, record, text};

/// What each zone exposes.
#[derive(Clone, Debug)]
pub struct Zones {
    /// Default: nothing.
    pub external: Expose,
    /// Default: all.
    pub internal: Expose,
}

impl Default for Zones {
    fn default() -> Self {
        Self { external: Expose::Apis(Vec::new()), internal: Expose::All }
    }
}

impl Zones {
    /// What a zone exposes.
    pub fn of(&self, zone: Zone) -> &Expose {
        match zone {
            Zone::External => &self.external,
            Zone::Internal => &self.internal,
        }
    }
}

/// A set of APIs by resource name. A revision is exposed with its API; a version is an API with a name of its own.
#[derive(Clone, Debug)]
pub enum Expose {
    /// Every API, those to come too.
    All,
    /// The named ones.
    Apis(Vec<Located<String>>),
}

impl Expose {
    /// Whether the API with this root name is exposed.
    pub fn contains(&self, root: &str) -> bool {
        match self {
            Self::All => true,
            Self::Apis(names) => names.iter().any(|name| name.value == root),
        }
    }
}

impl Zones {
    pub(super) fn shape() -> impl Shape<Value = Self> {
        record("the zones", |fields| {
            let default = Self::default();
            let external = fields.defaulting(
                "external",
                Expose::zone("the external zone", default.external.clone()),
                json!({ "expose": [] }),
                "What listeners of the external zone serve.",
            );
            let internal = fields.defaulting(
                "internal",
                Expose::zone("the internal zone", default.internal.clone()),
                json!({ "expose": "all" }),
                "What listeners of the internal zone serve.",
            );
            Some(Self {
                external: external.unwrap_or(default.external),
                internal: internal.unwrap_or(default.internal),
            })
        })
    }
}

impl Expose {
    fn zone(noun: &'static str, default: Self) -> impl Shape<Value = Self> {
        record(noun, move |fields| {
            Some(fields.or(
                "expose",
                Exposed,
                default.clone(),
                "The names of the APIs that answer here, or `all`. What is not exposed answers 404.",
            ))
        })
    }
}

/// `all`, or a list of API names.
struct Exposed;

impl Exposed {
    fn names() -> List<Placed<Text>> {
        list(located(text())).unique()
    }
}

impl Shape for Exposed {
    type Value = Expose;

    fn decode(&self, node: &Node, context: &mut Context) -> Option<Expose> {
        match node.as_str() {
            Some("all") => Some(Expose::All),
            Some(name) => {
                let invalid = Invalid::default().fix(format!("did you mean `[{name}]`?"));
                context.invalid(node, &self.expected(), invalid);
                None
            }
            None if node.as_sequence().is_some() => Self::names().decode(node, context).map(Expose::Apis),
            None => {
                context.wrong_type(node, &self.expected());
                None
            }
        }
    }

    fn expected(&self) -> String {
        "`all` or a list of API names".to_owned()
    }

    fn expected_entries(&self) -> String {
        self.expected()
    }

    fn schema(&self) -> Value {
        json!({ "oneOf": [{ "const": "all" }, Self::names().schema()] })
    }
}

impl Show for Exposed {
    fn show(&self, value: &Expose) -> Value {
        match value {
            Expose::All => json!("all"),
            Expose::Apis(names) => Self::names().show(names),
        }
    }
}
