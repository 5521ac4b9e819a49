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
    /// Reads `/products/x`, `/apis/x` or `/apis`, relative or as a full resource id, within a workspace or not. The
    /// whole id counts: `/products/apis` is the product with that name, and not every API.
    pub fn parse(text: &str) -> Option<Self> {
        const PROVIDER: &str = "/providers/microsoft.apimanagement/service/";
        let relative = match text.to_ascii_lowercase().find(PROVIDER) {
            Some(at) => text.get(at + PROVIDER.len()..)?.split_once('/')?.1,
            None => text.strip_prefix('/').unwrap_or(text),
        };
        let mut segments: Vec<&str> = relative.trim_end_matches('/').split('/').collect();
        if let [workspaces, _, _, ..] = segments.as_slice()
            && workspaces.eq_ignore_ascii_case("workspaces")
        {
            segments.drain(..2);
        }
        match segments.as_slice() {
            [apis] if apis.eq_ignore_ascii_case("apis") => Some(Self::AllApis),
            [_, ""] => None,
            [products, name] if products.eq_ignore_ascii_case("products") => {
                Some(Self::Product((*name).to_owned()))
            }
            [apis, name] if apis.eq_ignore_ascii_case("apis") => {
                Some(Self::Api(name.split(";rev=").next().unwrap_or(name).to_owned()))
            }
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
        assert_eq!(Scope::parse(&format!("{full}/workspaces/w/apis/echo")), Some(Scope::Api("echo".into())));
        for text in ["/users/1", "/", "", "/products/", "/products", "/products/a/b", full, "/x/apis"] {
            assert_eq!(Scope::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_product_named_apis_opens_no_more_than_itself() {
        let full = "/subscriptions/0/resourceGroups/g/providers/Microsoft.ApiManagement/service/products";
        assert_eq!(Scope::parse("/products/apis"), Some(Scope::Product("apis".into())));
        assert_eq!(Scope::parse(&format!("{full}/products/apis")), Some(Scope::Product("apis".into())));
        assert_eq!(Scope::parse(&format!("{full}/apis")), Some(Scope::AllApis));
        assert_eq!(Scope::parse("/apis/apis"), Some(Scope::Api("apis".into())));
    }
}
