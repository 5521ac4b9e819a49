//! Where the values of named values come from: secret providers behind one trait, and their resolution for a
//! whole catalog.
//!
//! Every name gets an outcome of its own. A value that is missing or not to be had is no error by itself: the
//! policy compiler reports it where something needs it, with both ends named.

#![forbid(unsafe_code)]

mod environment;
mod files;
mod provider;
mod remote;
mod resolve;

pub use self::environment::Environment;
pub use self::files::Files;
pub use self::provider::{Place, ProviderError, SecretProvider};
pub use self::remote::{VaultError, Vaults, block_on};
pub use self::resolve::{NamedValues, Resolved, Unfilled, Unresolved, resolve, resolve_with};
