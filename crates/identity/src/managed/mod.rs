//! Who this instance is towards others: managed identities, from which policies and vaults get access tokens.

mod kind;
mod tokens;

pub use self::kind::{IdentityKind, TokenFailure};
pub use self::tokens::{AccessToken, ManagedIdentities};
