//! Who this instance is towards others: managed identities, from which policies and vaults get access tokens.

mod instance_issuer;
mod kind;
mod tokens;
mod workload_api;

pub use self::instance_issuer::{InstanceIssuer, IssuerKeysUnusable};
pub use self::kind::{Federation, IdentityKind, SpiffeSource, TokenFailure};
pub use self::tokens::{AccessToken, ManagedIdentities};
