//! The folders and files of artifacts: what may stand where, under which names.
//!
//! Sources: `Azure/apiops` (folders with spaces, link folders), `Azure/apiops-cli` (camel case, association files) and
//! `Azure-Samples/apiops-apim` (snake case). Names are compared folded, so one table serves the three spellings.

/// What a folder of one collection holds.
#[derive(Debug)]
pub(super) struct Kind {
    /// The collection's name in resource ids, and the camel-case name of its folder.
    pub(super) collection: &'static str,
    /// What one of them is called in messages.
    pub(super) singular: &'static str,
    /// Further names of the folder, folded.
    pub(super) aliases: &'static [&'static str],
    /// Names of the information file, folded; the first is how it is called in messages.
    pub(super) information: &'static [&'static str],
    /// Whether a folder without an information file is incomplete.
    pub(super) needs_information: bool,
    /// Whether it only says that two resources belong together: an information file may be `{}`.
    pub(super) is_link: bool,
    /// Whether a `policy.xml` may stand here.
    pub(super) policy: bool,
    /// Whether a definition may stand here.
    pub(super) definition: bool,
    /// Collections that an association file (`apis.json`) may list.
    pub(super) associations: &'static [&'static str],
    /// The collections below.
    pub(super) children: &'static [&'static Kind],
    /// Whether the resources of a workspace may refer to those of the service.
    pub(super) shared: bool,
    /// What becomes of it.
    pub(super) standing: Standing,
}

/// What becomes of the resources of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is read.
    Read,
    /// It is checked for syntax and kept out, because nothing here uses it yet.
    KeptOut,
    /// It restricts access and cannot be honoured yet, so it is refused.
    NotYet,
}

/// Compares names of folders and files without case, spaces, dashes and underscores.
pub(super) fn fold(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, ' ' | '_' | '-')).flat_map(char::to_lowercase).collect()
}

impl Kind {
    /// What one of them is called, with its article.
    pub(super) fn one(&self) -> String {
        let article = if self.singular.starts_with(['A', 'O', 'a', 'e', 'i', 'o']) { "an" } else { "a" };
        format!("{article} {}", self.singular)
    }

    /// The kind of a folder below this one.
    pub(super) fn child(&self, folder: &str) -> Option<&'static Kind> {
        let folded = fold(folder);
        self.children
            .iter()
            .copied()
            .find(|kind| fold(kind.collection) == folded || kind.aliases.contains(&folded.as_str()))
    }
}

const LEAF: Kind = Kind {
    collection: "",
    singular: "",
    aliases: &[],
    information: &[],
    needs_information: true,
    is_link: false,
    policy: false,
    definition: false,
    associations: &[],
    children: &[],
    shared: false,
    standing: Standing::Read,
};

const fn link(
    collection: &'static str,
    singular: &'static str,
    information: &'static [&'static str],
) -> Kind {
    Kind { collection, singular, information, is_link: true, ..LEAF }
}

const fn kept_out(
    collection: &'static str,
    singular: &'static str,
    aliases: &'static [&'static str],
) -> Kind {
    Kind { collection, singular, aliases, needs_information: false, standing: Standing::KeptOut, ..LEAF }
}

pub(super) static OPERATIONS: Kind = Kind {
    collection: "operations",
    singular: "operation",
    information: &["operationInformation.json", "apiOperationInformation.json"],
    needs_information: false,
    policy: true,
    ..LEAF
};
pub(super) static API_DIAGNOSTICS: Kind = Kind {
    collection: "diagnostics",
    singular: "diagnostic",
    information: &["diagnosticInformation.json", "apiDiagnosticInformation.json"],
    ..LEAF
};
pub(super) static API_TAGS: Kind = link("tags", "tag", &["tagInformation.json", "apiTagInformation.json"]);
static RELEASES: Kind = kept_out("releases", "release", &[]);
static API_SCHEMAS: Kind = kept_out("schemas", "schema", &[]);
static TAG_DESCRIPTIONS: Kind = kept_out("tagDescriptions", "tag description", &[]);
static RESOLVERS: Kind = kept_out("resolvers", "GraphQL resolver", &[]);
static WIKIS: Kind = kept_out("wikis", "wiki", &[]);

pub(super) static APIS: Kind = Kind {
    collection: "apis",
    singular: "API",
    information: &["apiInformation.json"],
    policy: true,
    definition: true,
    associations: &["tags"],
    children: &[
        &OPERATIONS,
        &API_DIAGNOSTICS,
        &API_TAGS,
        &RELEASES,
        &API_SCHEMAS,
        &TAG_DESCRIPTIONS,
        &RESOLVERS,
        &WIKIS,
    ],
    ..LEAF
};

pub(super) static PRODUCT_APIS: Kind = link("apis", "API of a product", &["productApiInformation.json"]);
pub(super) static PRODUCT_GROUPS: Kind =
    link("groups", "group of a product", &["productGroupInformation.json"]);
pub(super) static PRODUCT_TAGS: Kind =
    link("tags", "tag of a product", &["productTagInformation.json", "tagInformation.json"]);
pub(super) static PRODUCTS: Kind = Kind {
    collection: "products",
    singular: "product",
    information: &["productInformation.json"],
    policy: true,
    associations: &["apis", "groups", "tags"],
    children: &[&PRODUCT_APIS, &PRODUCT_GROUPS, &PRODUCT_TAGS, &WIKIS],
    ..LEAF
};

pub(super) static TAG_APIS: Kind = link("apis", "API with a tag", &["tagApiInformation.json"]);
pub(super) static TAG_PRODUCTS: Kind =
    link("products", "product with a tag", &["tagProductInformation.json"]);
pub(super) static TAGS: Kind = Kind {
    collection: "tags",
    singular: "tag",
    information: &["tagInformation.json"],
    associations: &["apis", "products"],
    children: &[&TAG_APIS, &TAG_PRODUCTS],
    ..LEAF
};

pub(super) static NAMED_VALUES: Kind = Kind {
    collection: "namedValues",
    singular: "named value",
    information: &["namedValueInformation.json"],
    ..LEAF
};
pub(super) static BACKENDS: Kind =
    Kind { collection: "backends", singular: "backend", information: &["backendInformation.json"], ..LEAF };
pub(super) static FRAGMENTS: Kind = Kind {
    collection: "policyFragments",
    singular: "policy fragment",
    information: &["policyFragmentInformation.json"],
    needs_information: false,
    policy: true,
    ..LEAF
};
pub(super) static VERSION_SETS: Kind = Kind {
    collection: "apiVersionSets",
    singular: "version set",
    aliases: &["versionsets"],
    information: &["versionSetInformation.json", "apiVersionSetInformation.json"],
    ..LEAF
};
pub(super) static LOGGERS: Kind = Kind {
    collection: "loggers",
    singular: "logger",
    information: &["loggerInformation.json"],
    shared: true,
    ..LEAF
};
pub(super) static DIAGNOSTICS: Kind = Kind {
    collection: "diagnostics",
    singular: "diagnostic",
    information: &["diagnosticInformation.json"],
    ..LEAF
};
pub(super) static SUBSCRIPTIONS: Kind = Kind {
    collection: "subscriptions",
    singular: "subscription",
    information: &["subscriptionInformation.json"],
    ..LEAF
};
pub(super) static GROUPS: Kind = Kind {
    collection: "groups",
    singular: "group",
    information: &["groupInformation.json"],
    shared: true,
    ..LEAF
};

static GATEWAYS: Kind = kept_out("gateways", "self-hosted gateway", &[]);
pub(super) static SCHEMAS: Kind = Kind {
    collection: "schemas",
    singular: "schema",
    aliases: &["globalschemas"],
    information: &["schemaInformation.json", "globalSchemaInformation.json"],
    shared: true,
    ..LEAF
};
static DOCUMENTATIONS: Kind = kept_out("documentations", "documentation page", &[]);
static CERTIFICATES: Kind = kept_out("certificates", "certificate", &[]);
static AUTHORIZATION_SERVERS: Kind = kept_out("authorizationServers", "authorization server", &[]);
pub(super) static ACCESS_POLICIES: Kind = Kind {
    collection: "accessPolicies",
    singular: "access policy",
    information: &["accessPolicyInformation.json", "authorizationAccessPolicyInformation.json"],
    ..LEAF
};
pub(super) static AUTHORIZATIONS: Kind = Kind {
    collection: "authorizations",
    singular: "authorization",
    information: &["authorizationInformation.json"],
    children: &[&ACCESS_POLICIES],
    ..LEAF
};
pub(super) static AUTHORIZATION_PROVIDERS: Kind = Kind {
    collection: "authorizationProviders",
    singular: "authorization provider",
    information: &["authorizationProviderInformation.json"],
    children: &[&AUTHORIZATIONS],
    ..LEAF
};
static OPENID_PROVIDERS: Kind = kept_out("openidConnectProviders", "OpenID Connect provider", &[]);
static IDENTITY_PROVIDERS: Kind = kept_out("identityProviders", "identity provider", &[]);
static CACHES: Kind = kept_out("caches", "external cache", &[]);
static POLICY_RESTRICTIONS: Kind = Kind {
    collection: "policyRestrictions",
    singular: "policy restriction",
    needs_information: false,
    standing: Standing::NotYet,
    ..LEAF
};

/// The root of a workspace.
pub(super) static WORKSPACES: Kind = Kind {
    collection: "workspaces",
    singular: "workspace",
    information: &["workspaceInformation.json"],
    needs_information: false,
    policy: true,
    children: &[
        &APIS,
        &PRODUCTS,
        &SUBSCRIPTIONS,
        &NAMED_VALUES,
        &BACKENDS,
        &FRAGMENTS,
        &VERSION_SETS,
        &GROUPS,
        &TAGS,
        &LOGGERS,
        &DIAGNOSTICS,
        &SCHEMAS,
        &CERTIFICATES,
    ],
    ..LEAF
};

/// The root of the artifacts.
pub(super) static SERVICE: Kind = Kind {
    collection: "",
    singular: "service",
    needs_information: false,
    policy: true,
    children: &[
        &APIS,
        &PRODUCTS,
        &SUBSCRIPTIONS,
        &NAMED_VALUES,
        &BACKENDS,
        &FRAGMENTS,
        &VERSION_SETS,
        &GROUPS,
        &TAGS,
        &LOGGERS,
        &DIAGNOSTICS,
        &WORKSPACES,
        &GATEWAYS,
        &SCHEMAS,
        &DOCUMENTATIONS,
        &CERTIFICATES,
        &AUTHORIZATION_SERVERS,
        &AUTHORIZATION_PROVIDERS,
        &OPENID_PROVIDERS,
        &IDENTITY_PROVIDERS,
        &CACHES,
        &POLICY_RESTRICTIONS,
    ],
    ..LEAF
};

/// The names of definition files, without their extension, folded.
const DEFINITION_STEMS: [&str; 2] = ["specification", "openapispec"];

/// The extensions of definition files.
const DEFINITION_EXTENSIONS: [&str; 8] = ["yaml", "yml", "json", "graphql", "wsdl", "wadl", "proto", "edmx"];

/// What a file in the folder of a kind is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    /// The properties of the resource.
    Information,
    /// The policy document.
    Policy,
    /// The API's definition.
    Definition,
    /// A list of names of the named collection.
    Associations(&'static str),
}

impl Role {
    /// What it is, for messages.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Information => "information file",
            Self::Policy => "policy",
            Self::Definition => "definition",
            Self::Associations(_) => "list",
        }
    }
}

/// The role of a file in the folder of a kind.
pub(super) fn role(kind: &Kind, file: &str) -> Option<Role> {
    let folded = fold(file);
    if kind.information.iter().any(|name| fold(name) == folded) {
        return Some(Role::Information);
    }
    if kind.policy && folded == "policy.xml" {
        return Some(Role::Policy);
    }
    if let Some((stem, extension)) = folded.rsplit_once('.') {
        if kind.definition && DEFINITION_STEMS.contains(&stem) && DEFINITION_EXTENSIONS.contains(&extension) {
            return Some(Role::Definition);
        }
        if extension == "json" {
            return kind.associations.iter().find(|name| **name == stem).map(|name| Role::Associations(name));
        }
    }
    None
}

/// Whether a file is there for people or for tools beside the gateway: read-me files, licences, files whose names
/// begin with a dot, and the settings of the `APIOps` tools themselves.
pub(super) fn is_documentation(file: &str) -> bool {
    let lower = file.to_lowercase();
    let extension = lower.rsplit_once('.').map_or("", |(_, extension)| extension);
    lower.starts_with('.')
        || lower.starts_with("readme")
        || lower.starts_with("license")
        || lower.starts_with("licence")
        || extension == "md"
        || (lower.starts_with("configuration.") && matches!(extension, "yaml" | "yml"))
}

/// The names that files and folders of a kind may have, for suggestions.
pub(super) fn names(kind: &Kind) -> (Vec<String>, Vec<String>) {
    let mut files: Vec<String> = kind.information.iter().take(1).map(|name| (*name).to_owned()).collect();
    if kind.policy {
        files.push("policy.xml".to_owned());
    }
    if kind.definition {
        files.extend(
            ["yaml", "json", "graphql", "wadl", "wsdl"]
                .iter()
                .map(|extension| format!("specification.{extension}")),
        );
    }
    files.extend(kind.associations.iter().map(|name| format!("{name}.json")));
    let folders = kind.children.iter().flat_map(|child| {
        std::iter::once(child.collection.to_owned())
            .chain(child.aliases.iter().map(|alias| (*alias).to_owned()))
    });
    (files, folders.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_spellings_are_one_folder() {
        for spelling in ["named values", "namedValues", "named_values"] {
            assert_eq!(SERVICE.child(spelling).unwrap().collection, "namedValues", "{spelling}");
        }
        for spelling in ["version sets", "versionSets", "version_sets", "apiVersionSets"] {
            assert_eq!(SERVICE.child(spelling).unwrap().collection, "apiVersionSets", "{spelling}");
        }
        assert!(SERVICE.child("name values").is_none());
        assert!(WORKSPACES.child("workspaces").is_none());
    }

    #[test]
    fn files_have_the_role_that_their_folder_gives_them() {
        for name in ["apiInformation.json", "api_information.json", "apiinformation.json"] {
            assert_eq!(role(&APIS, name), Some(Role::Information), "{name}");
        }
        for name in ["specification.yaml", "specification.graphql", "openapispec.yaml"] {
            assert_eq!(role(&APIS, name), Some(Role::Definition), "{name}");
        }
        assert_eq!(role(&PRODUCTS, "apis.json"), Some(Role::Associations("apis")));
        assert_eq!(role(&PRODUCTS, "specification.yaml"), None);
        assert_eq!(role(&BACKENDS, "policy.xml"), None);
    }

    #[test]
    fn documentation_is_told_from_artifacts() {
        for name in ["README", "wiki.md", "LICENSE", ".gitignore", "configuration.prod.yaml", "Notes.md"] {
            assert!(is_documentation(name), "{name}");
        }
        for name in ["policy.xml", "policies.xml", "api.yaml", "configuration.json"] {
            assert!(!is_documentation(name), "{name}");
        }
    }
}
