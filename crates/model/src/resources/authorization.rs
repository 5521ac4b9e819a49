//! The credential manager: providers of OAuth 2.0 tokens, and connections to them.

use std::collections::BTreeMap;

use secrecy::SecretString;

use crate::{Located, Location};

/// A provider of tokens.
#[derive(Clone, Debug)]
pub struct AuthorizationProvider {
    /// Resource name: what `provider-id` names.
    pub name: String,
    /// What people read.
    pub display_name: Option<String>,
    /// Which service it is.
    pub identity_provider: IdentityProvider,
    /// Where it sends people back to after their consent. May hold `{{named values}}`.
    pub redirect_url: Option<Located<String>>,
    /// How tokens are got.
    pub grant: AuthorizationGrant,
    /// The parameters of that grant, by name. Values may hold `{{named values}}`.
    pub parameters: BTreeMap<&'static str, Located<SecretString>>,
    /// Its connections, by resource name.
    pub authorizations: BTreeMap<String, Authorization>,
    /// Where it stands.
    pub location: Location,
}

/// The services whose endpoints are known, and any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityProvider {
    /// Microsoft Entra ID.
    Entra,
    /// GitHub.
    Github,
    /// Google.
    Google,
    /// Any other, whose endpoints are parameters.
    OAuth2,
}

/// How tokens are got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthorizationGrant {
    /// Somebody consents (RFC 6749, section 4.1).
    AuthorizationCode,
    /// The client itself is asked for (RFC 6749, section 4.4).
    ClientCredentials,
}

/// A connection to a provider.
#[derive(Clone, Debug)]
pub struct Authorization {
    /// Resource name: what `authorization-id` names.
    pub name: String,
    /// Parameters, laid over those of the provider. Values may hold `{{named values}}`.
    pub parameters: BTreeMap<&'static str, Located<SecretString>>,
    /// Who may use it.
    pub access_policies: Vec<AccessPolicy>,
    /// Where it stands.
    pub location: Location,
}

/// Who may use a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessPolicy {
    /// Resource name.
    pub name: String,
    /// The tenant.
    pub tenant_id: String,
    /// The object in that tenant: a managed identity, a service principal, a user, a group.
    pub object_id: String,
    /// The applications through which it may come; empty: any.
    pub app_ids: Vec<String>,
}
