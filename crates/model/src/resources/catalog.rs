//! All resources of one instance.

use std::collections::BTreeMap;

use super::{
    Api, AuthorizationProvider, Backend, Fragment, Group, LogDiagnostic, Logger, NamedValue, PolicySource,
    Product, Schema, Subscription, Tag, VersionSet,
};

/// The resources of a service and of its workspaces, with every reference between them checked.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// The service's own resources.
    pub service: Resources,
    /// The resources of each workspace, by workspace name.
    pub workspaces: BTreeMap<String, Resources>,
}

impl Catalog {
    /// The service (`None`) and every workspace with its name.
    pub fn scopes(&self) -> impl Iterator<Item = (Option<&str>, &Resources)> {
        std::iter::once((None, &self.service))
            .chain(self.workspaces.iter().map(|(name, resources)| (Some(name.as_str()), resources)))
    }
}

/// Resources by resource name (the folder name, not the display name).
#[derive(Clone, Debug, Default)]
pub struct Resources {
    /// The policy of this scope: all APIs of the service or of the workspace.
    pub policy: Option<PolicySource>,
    /// APIs; a revision that is not current has the name `root;rev=N`.
    pub apis: BTreeMap<String, Api>,
    /// Products.
    pub products: BTreeMap<String, Product>,
    /// Subscriptions as the artifacts declare them (never with keys).
    pub subscriptions: BTreeMap<String, Subscription>,
    /// Named values.
    pub named_values: BTreeMap<String, NamedValue>,
    /// Credential providers with their connections.
    pub authorization_providers: BTreeMap<String, AuthorizationProvider>,
    /// Backends.
    pub backends: BTreeMap<String, Backend>,
    /// Policy fragments.
    pub fragments: BTreeMap<String, Fragment>,
    /// Schemas that policies name.
    pub schemas: BTreeMap<String, Schema>,
    /// Version sets.
    pub version_sets: BTreeMap<String, VersionSet>,
    /// Groups.
    pub groups: BTreeMap<String, Group>,
    /// Tags.
    pub tags: BTreeMap<String, Tag>,
    /// Loggers.
    pub loggers: BTreeMap<String, Logger>,
    /// Diagnostics of the whole scope.
    pub diagnostics: BTreeMap<String, LogDiagnostic>,
}
