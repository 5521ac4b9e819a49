//! APIs.

use std::collections::BTreeMap;
use std::path::PathBuf;

use url::Url;

use super::{LogDiagnostic, Operation, PolicySource};
use crate::{Located, Location};

/// An API: one revision of one version.
#[derive(Clone, Debug)]
pub struct Api {
    /// Resource name: `root` for the current revision, `root;rev=N` for others.
    pub name: String,
    /// The name without `;rev=N`.
    pub root: String,
    /// The revision; default `1`.
    pub revision: String,
    /// Whether requests without `;rev=` reach this revision.
    pub is_current: bool,
    /// Whether it answers at all; default true.
    pub is_online: bool,
    /// The name that people read.
    pub display_name: String,
    /// What it is for.
    pub description: Option<String>,
    /// URL path below the host, without slashes at its ends and without the version; may be empty; unique together
    /// with the version, without regard to case.
    ///
    /// Requests reach the API below this path, and with a version set of scheme `Segment` and a version below
    /// `path/version`: Azure Resource Manager keeps the two apart (an extract has `"path": "sw", "apiVersion": "v1"` for
    /// `/sw/v1`), so a path that ends in the version answers at `path/v1/v1`. `;rev=N` follows after both. With the
    /// schemes `Query` and `Header` the path stays as it is, and the API without version, the original one, answers
    /// requests that name none.
    pub path: String,
    /// Where requests go unless a policy says otherwise.
    pub service_url: Option<Located<Url>>,
    /// What kind of API it is.
    pub kind: ApiKind,
    /// The protocols it is published with. `http` is published as https: there is no plain HTTP here.
    pub protocols: Vec<Protocol>,
    /// The version identifier; `None` for the original version of a set, or without a set.
    pub version: Option<String>,
    /// The version set's resource name.
    pub version_set: Option<Located<String>>,
    /// Whether a key is needed where no open product covers the API; default true.
    pub subscription_required: bool,
    /// Where the key stands in a request.
    pub key_names: KeyParameterNames,
    /// Operations by resource name.
    pub operations: BTreeMap<String, Operation>,
    /// The policy of the API's scope.
    pub policy: Option<PolicySource>,
    /// Diagnostics of the API.
    pub diagnostics: BTreeMap<String, LogDiagnostic>,
    /// Tags by resource name.
    pub tags: Vec<String>,
    /// The definition file that the operations were read from.
    pub definition: Option<PathBuf>,
    /// Where the API stands.
    pub location: Location,
}

/// The kind of an API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ApiKind {
    /// REST and everything else that is plain HTTP.
    #[default]
    Http,
    /// SOAP pass-through.
    Soap,
    /// GraphQL: one endpoint.
    GraphQl,
    /// WebSocket pass-through.
    WebSocket,
    /// gRPC: HTTP/2 with trailers.
    Grpc,
    /// `OData`.
    OData,
}

/// A protocol that an API is published with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Protocol {
    Http,
    Https,
    Ws,
    Wss,
}

/// The names under which a subscription key may stand in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyParameterNames {
    /// Header; default `Ocp-Apim-Subscription-Key`.
    pub header: String,
    /// Query parameter, looked at only where the header is absent; default `subscription-key`.
    pub query: String,
}

impl Default for KeyParameterNames {
    fn default() -> Self {
        Self { header: "Ocp-Apim-Subscription-Key".to_owned(), query: "subscription-key".to_owned() }
    }
}
