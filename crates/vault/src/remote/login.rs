//! What a vault is reached with.

use gatehouse_identity::managed::ManagedIdentities;
use gatehouse_model::configuration::VaultLogin;

/// What a vault is reached with.
pub(super) struct Login<'a> {
    pub(super) settings: Option<&'a VaultLogin>,
    pub(super) identities: &'a ManagedIdentities,
    /// The client id of the identity; `None`: the system's.
    pub(super) identity: Option<&'a str>,
}
