//! The scopes that policy documents stand at.

/// A scope, from broad to narrow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum PolicyScope {
    Global,
    Workspace,
    Product,
    Api,
    Operation,
}

impl PolicyScope {
    /// Every scope.
    pub const ALL: &'static [Self] =
        &[Self::Global, Self::Workspace, Self::Product, Self::Api, Self::Operation];

    /// Its name, as `context.LastError.Scope` tells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::Workspace => "workspace",
            Self::Product => "product",
            Self::Api => "api",
            Self::Operation => "operation",
        }
    }
}
