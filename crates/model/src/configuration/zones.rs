//! The `zones` block.

use super::Zone;
use crate::Located;

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

/// A set of APIs by resource name; a version or a revision is exposed with the name of its root.
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
