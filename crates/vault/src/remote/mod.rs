//! Vaults that are asked over the network.
//!
//! Nothing here waits for a request: values are fetched when a configuration is loaded, and anew in the background. The last
//! good value is used while a vault is away, for a bounded time.

mod aws_secrets_manager;
mod azure_key_vault;
mod block_on;
mod error;
mod gcp_secret_manager;
mod hashicorp;
mod local;
mod login;
mod moment;
mod vaults;

pub use self::block_on::block_on;
pub use self::error::VaultError;
pub use self::vaults::Vaults;
