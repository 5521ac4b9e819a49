//! Subscriptions.

use crate::Location;

/// A subscription: what a pair of keys opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Resource name.
    pub name: String,
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
    /// Where it stands.
    pub location: Location,
}

/// What the keys of a subscription open.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// `/products/{name}`.
    Product(String),
    /// `/apis/{name}`: all revisions of the API with this root name.
    Api(String),
    /// `/apis`: every API.
    AllApis,
}

impl Scope {
    /// Reads `/products/x`, `/apis/x` or `/apis`, relative or at the end of a full resource id.
    pub fn parse(text: &str) -> Option<Self> {
        let trimmed = text.trim_end_matches('/');
        if trimmed == "apis" || trimmed.ends_with("/apis") {
            return Some(Self::AllApis);
        }
        let (head, name) = trimmed.rsplit_once('/')?;
        let collection = head.rsplit('/').next()?;
        match (collection, name.is_empty()) {
            (_, true) => None,
            ("products", _) => Some(Self::Product(name.to_owned())),
            ("apis", _) => Some(Self::Api(name.split(";rev=").next().unwrap_or(name).to_owned())),
            _ => None,
        }
    }
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Product(name) => write!(f, "/products/{name}"),
            Self::Api(name) => write!(f, "/apis/{name}"),
            Self::AllApis => f.write_str("/apis"),
        }
    }
}

/// The state of a subscription; only `Active` opens anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum SubscriptionState {
    Active,
    Suspended,
    Expired,
    Submitted,
    Rejected,
    Cancelled,
}

impl SubscriptionState {
    /// Every state with its name.
    pub const ALL: [(&'static str, Self); 6] = [
        ("active", Self::Active),
        ("suspended", Self::Suspended),
        ("expired", Self::Expired),
        ("submitted", Self::Submitted),
        ("rejected", Self::Rejected),
        ("cancelled", Self::Cancelled),
    ];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(_, state)| *state == self).map_or("", |(name, _)| name)
    }

    /// The state of that name, in any case.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, state)| *state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_read_relative_and_absolute() {
        let full = "/subscriptions/0/resourceGroups/g/providers/Microsoft.ApiManagement/service/s";
        assert_eq!(Scope::parse("/products/starter"), Some(Scope::Product("starter".into())));
        assert_eq!(Scope::parse(&format!("{full}/products/starter")), Some(Scope::Product("starter".into())));
        assert_eq!(Scope::parse(&format!("{full}/apis/echo;rev=2")), Some(Scope::Api("echo".into())));
        assert_eq!(Scope::parse("/apis"), Some(Scope::AllApis));
        assert_eq!(Scope::parse(&format!("{full}/apis")), Some(Scope::AllApis));
        assert_eq!(Scope::parse("/users/1"), None);
    }
}
