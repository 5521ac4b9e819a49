//! Products, groups and tags.

use super::PolicySource;
use crate::{Located, Location};

/// A product: APIs that are subscribed to together.
#[derive(Clone, Debug)]
pub struct Product {
    /// Resource name.
    pub name: String,
    /// The name that people read.
    pub display_name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Terms of use.
    pub terms: Option<String>,
    /// Whether developers see it.
    pub published: bool,
    /// Whether a key is needed; a product without is open. Default true.
    pub subscription_required: bool,
    /// Whether a subscription waits for approval.
    pub approval_required: bool,
    /// How many subscriptions a user may have.
    pub subscriptions_limit: Option<u32>,
    /// The root names of its APIs.
    pub apis: Vec<Located<String>>,
    /// The names of the groups that see it.
    pub groups: Vec<Located<String>>,
    /// Tags by resource name.
    pub tags: Vec<String>,
    /// The policy of the product's scope.
    pub policy: Option<PolicySource>,
    /// Where it stands.
    pub location: Location,
}

/// A group of users.
#[derive(Clone, Debug)]
pub struct Group {
    /// Resource name.
    pub name: String,
    /// The name that people read.
    pub display_name: String,
    /// What it is for.
    pub description: Option<String>,
    /// `system`, `custom` or `external`.
    pub kind: String,
    /// The group's id at its identity provider.
    pub external_id: Option<String>,
    /// Where it stands.
    pub location: Location,
}

/// A tag.
#[derive(Clone, Debug)]
pub struct Tag {
    /// Resource name.
    pub name: String,
    /// The name that people read.
    pub display_name: String,
    /// Where it stands.
    pub location: Location,
}
