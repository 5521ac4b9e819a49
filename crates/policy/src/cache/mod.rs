//! What is kept for later requests: whole answers, and values of policies.

mod responses;
mod shards;
mod values;

pub use self::responses::ResponseCache;
pub use self::shards::CacheBounds;
pub use self::values::{Lifetime, MemoryValues, ValueCache, ValueFound, ValueKey};

pub(crate) use self::responses::CachedResponse;
