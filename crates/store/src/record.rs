//! A subscription as the store keeps it.

use std::fmt;

use gatehouse_model::resources::{Scope, SubscriptionState};

use crate::KeyHash;

/// What names a subscription.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubscriptionId {
    /// The workspace it belongs to; `None`: the service itself.
    pub workspace: Option<String>,
    /// Its resource name.
    pub name: String,
}

impl SubscriptionId {
    /// A subscription of the service.
    pub fn service(name: impl Into<String>) -> Self {
        Self { workspace: None, name: name.into() }
    }

    /// A subscription of a workspace.
    pub fn workspace(workspace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { workspace: Some(workspace.into()), name: name.into() }
    }
}

impl fmt::Display for SubscriptionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.workspace {
            Some(workspace) => write!(f, "{workspace}/{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// A subscription with the hashes of its keys. Times are seconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionRecord {
    /// What names it.
    pub id: SubscriptionId,
    /// The name that people read.
    pub display_name: String,
    /// What its keys open.
    pub scope: Scope,
    /// The owner's user id.
    pub owner: Option<String>,
    /// Its state.
    pub state: SubscriptionState,
    /// Whether its requests may be traced.
    pub allow_tracing: bool,
    /// When it was made.
    pub created: i64,
    /// From when on its keys open anything; `None`: from the first moment.
    pub started: Option<i64>,
    /// From when on its keys open nothing any more; `None`: never.
    pub expires: Option<i64>,
    /// Who declared it.
    pub origin: Origin,
    /// The hash of its primary key.
    pub primary: KeyHash,
    /// The hash of its secondary key.
    pub secondary: KeyHash,
}

impl SubscriptionRecord {
    /// Whether its keys open anything at `now` (seconds since 1970): it is active, has begun and has not expired.
    ///
    /// API Management keeps the dates for information only; here they are obeyed.
    pub fn is_open(&self, now: i64) -> bool {
        self.state == SubscriptionState::Active
            && self.started.is_none_or(|started| started <= now)
            && self.expires.is_none_or(|expires| now < expires)
    }
}

/// Who declared a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The artifacts folder: what it says about the subscription wins over what the store says.
    Artifacts,
    /// An administrator, on the command line.
    Cli,
}

impl Origin {
    /// Its name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Artifacts => "artifacts",
            Self::Cli => "cli",
        }
    }

    /// The origin of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Artifacts, Self::Cli].into_iter().find(|origin| origin.as_str() == name)
    }
}
