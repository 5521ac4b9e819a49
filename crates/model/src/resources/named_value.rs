//! Named values.

use secrecy::SecretString;

use crate::Location;

/// A named value: `{{display name}}` in policies.
#[derive(Clone, Debug)]
pub struct NamedValue {
    /// Resource name.
    pub name: String,
    /// What `{{…}}` matches.
    pub display_name: String,
    /// Whether it must never be shown.
    pub secret: bool,
    /// Where the value comes from.
    pub source: NamedValueSource,
    /// Tags.
    pub tags: Vec<String>,
    /// Where it stands.
    pub location: Location,
}

/// Where the value of a named value comes from.
#[derive(Clone, Debug)]
pub enum NamedValueSource {
    /// The artifacts or the override file.
    Value(SecretString),
    /// A secret that the artifacts leave out: the environment, a file or the store has it.
    External,
    /// A vault.
    KeyVault {
        /// The secret's URL.
        secret_identifier: String,
        /// The client id of the identity that reads it; `None`: the instance's own.
        identity_client_id: Option<String>,
    },
}
