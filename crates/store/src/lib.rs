//! What must outlive the process, behind one trait, and the counters of rate limits and quotas.
//!
//! Subscription keys are never kept: only [`KeyHash`]es of them, keyed by the [`MasterKey`]. A request finds
//! its subscription in a [`KeyRing`], which is built at load and needs no database.

#![forbid(unsafe_code)]

pub mod counters;
mod debug_token;
mod key_ring;
mod master_key;
mod provision;
mod record;
mod sealed;
mod sqlite;
mod store;
mod subscription_key;
mod traces;

pub use self::debug_token::{DebugToken, DebugTokenError, DebugTokens};
pub use self::key_ring::KeyRing;
pub use self::master_key::{MasterKey, MasterKeyError};
pub use self::provision::{IssuedKeys, ProvisionError, effective, provision};
pub use self::record::{Origin, SubscriptionId, SubscriptionRecord};
pub use self::sealed::{SealError, Sealer};
pub use self::sqlite::Sqlite;
pub use self::store::{Revision, Store, StoreError};
pub use self::subscription_key::{InvalidKey, KeyHash, KeyHasher, KeyKind, SubscriptionKey};
pub use self::traces::{TraceFolder, TraceStore};
