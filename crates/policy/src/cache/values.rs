//! Values by key: what `cache-store-value` keeps for `cache-lookup-value`.

use std::fmt;
use std::sync::Arc;

use gatehouse_expression::Snapshot;
use gatehouse_store::counters::Answer;

use super::shards::{CacheBounds, Shards, Weigh};

/// What an entry costs beyond its key and its value, roughly.
const OVERHEAD: usize = 128;

/// A place for values that outlive an exchange: the memory of the process, or a server that several processes share.
///
/// A cache may forget at any time, and one that cannot be reached has nothing and keeps nothing: callers never get an
/// error. `now_millis` is a clock that never goes back.
pub trait ValueCache: Send + Sync {
    /// The value of a key whose time is not over.
    fn get(&self, key: &ValueKey, now_millis: u64) -> Answer<Option<ValueFound>>;

    /// Keeps a value, in the place of an older one.
    fn put(&self, key: ValueKey, value: Snapshot, lifetime: Lifetime, now_millis: u64) -> Answer<()>;

    /// Forgets a key.
    fn remove(&self, key: &ValueKey) -> Answer<()>;

    /// The right to renew a value that is due: whoever asks after another has it gets `false`, until the value is put, the
    /// right is given back, or `millis` are over. Without a value nobody has to wait for another.
    fn claim(&self, key: &ValueKey, millis: u64, now_millis: u64) -> Answer<bool>;

    /// Gives the right to renew back.
    fn release(&self, key: &ValueKey) -> Answer<()>;
}

/// What a value is kept under. Workspaces do not see each other's values.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ValueKey {
    /// The workspace of the policy; `None`: the service.
    pub workspace: Option<Arc<str>>,
    /// What the policy names.
    pub key: Arc<str>,
}

/// How long a value counts, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// Until it is gone.
    pub expires: u64,
    /// Until it is due to be renewed.
    pub refresh: u64,
}

/// A value that was found.
#[derive(Clone, Debug)]
pub struct ValueFound {
    /// The value.
    pub value: Snapshot,
    /// Whether it is time to renew it.
    pub is_due: bool,
}

/// Values in the memory of the process.
#[derive(Clone)]
pub struct MemoryValues {
    shards: Arc<Shards<ValueKey, Entry>>,
}

struct Entry {
    value: Snapshot,
    key_bytes: usize,
    refresh_millis: u64,
    expires_millis: u64,
    claimed_until_millis: u64,
}

impl MemoryValues {
    /// An empty cache.
    pub fn new(bounds: CacheBounds) -> Self {
        Self { shards: Arc::new(Shards::new(bounds)) }
    }

    /// Other bounds from now on.
    pub fn set_bounds(&self, bounds: CacheBounds) {
        self.shards.set_bounds(bounds);
    }

    /// What is in use.
    pub fn usage(&self) -> CacheBounds {
        self.shards.usage()
    }
}

impl Default for MemoryValues {
    fn default() -> Self {
        Self::new(CacheBounds::default())
    }
}

impl ValueCache for MemoryValues {
    fn get(&self, key: &ValueKey, now_millis: u64) -> Answer<Option<ValueFound>> {
        let found = self.shards.look(key, |entry| {
            (entry.expires_millis > now_millis).then(|| ValueFound {
                value: entry.value.clone(),
                is_due: entry.refresh_millis <= now_millis,
            })
        });
        if found.is_none() {
            self.shards.remove_if(key, |entry| entry.expires_millis <= now_millis);
        }
        Answer::Ready(found)
    }

    fn put(&self, key: ValueKey, value: Snapshot, lifetime: Lifetime, now_millis: u64) -> Answer<()> {
        let entry = Entry {
            value,
            key_bytes: key.key.len() + key.workspace.as_ref().map_or(0, |name| name.len()),
            refresh_millis: now_millis.saturating_add(lifetime.refresh),
            expires_millis: now_millis.saturating_add(lifetime.expires),
            claimed_until_millis: 0,
        };
        if entry.weight() > self.shards.largest() {
            // The older value no longer counts, and for the new one there is no room.
            self.shards.remove(&key);
        } else {
            self.shards.change(&key, |_| entry);
        }
        Answer::Ready(())
    }

    fn remove(&self, key: &ValueKey) -> Answer<()> {
        self.shards.remove(key);
        Answer::Ready(())
    }

    fn claim(&self, key: &ValueKey, millis: u64, now_millis: u64) -> Answer<bool> {
        let claimed = self.shards.look(key, |entry| {
            let is_free = entry.claimed_until_millis <= now_millis;
            if is_free {
                entry.claimed_until_millis = now_millis.saturating_add(millis);
            }
            Some(is_free)
        });
        Answer::Ready(claimed.unwrap_or(true))
    }

    fn release(&self, key: &ValueKey) -> Answer<()> {
        self.shards.look(key, |entry| {
            entry.claimed_until_millis = 0;
            Some(())
        });
        Answer::Ready(())
    }
}

impl Weigh for Entry {
    fn weight(&self) -> usize {
        OVERHEAD + self.key_bytes + self.value.bytes()
    }
}

impl fmt::Debug for MemoryValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryValues").field("usage", &self.usage()).finish_non_exhaustive()
    }
}

impl fmt::Debug for ValueKey {
    /// Keys are made of what clients send, such as tokens: they are not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key of {} bytes", self.key.len())
    }
}

#[cfg(test)]
mod tests {
    use gatehouse_expression::Value;

    use super::*;

    const MINUTE: Lifetime = Lifetime { expires: 60_000, refresh: 30_000 };

    fn key(workspace: Option<&str>, key: &str) -> ValueKey {
        ValueKey { workspace: workspace.map(Arc::from), key: key.into() }
    }

    fn put(cache: &MemoryValues, key: ValueKey, text: &str, now: u64) {
        let value = Snapshot::of(&Value::from(text), 1_000_000).unwrap();
        cache.put(key, value, MINUTE, now).ready().unwrap();
    }

    fn get(cache: &MemoryValues, key: &ValueKey, now: u64) -> Option<(String, bool)> {
        let found = cache.get(key, now).ready().unwrap()?;
        Some((found.value.value().to_text().to_string(), found.is_due))
    }

    #[test]
    fn a_value_is_found_until_its_time_is_over_and_due_before() {
        let (cache, a) = (MemoryValues::default(), key(None, "a"));
        put(&cache, a.clone(), "one", 0);
        assert_eq!(get(&cache, &a, 29_999), Some(("one".into(), false)));
        assert_eq!(get(&cache, &a, 30_000), Some(("one".into(), true)));
        assert_eq!(get(&cache, &a, 60_000), None);
        assert_eq!(cache.usage(), CacheBounds { bytes: 0, entries: 0 });
    }

    #[test]
    fn workspaces_do_not_see_each_others_values() {
        let cache = MemoryValues::default();
        put(&cache, key(Some("w"), "a"), "one", 0);
        assert_eq!(get(&cache, &key(None, "a"), 1), None);
        assert!(get(&cache, &key(Some("w"), "a"), 1).is_some());
        cache.remove(&key(Some("w"), "a")).ready().unwrap();
        assert_eq!(get(&cache, &key(Some("w"), "a"), 1), None);
    }

    #[test]
    fn one_at_a_time_may_renew() {
        let (cache, a) = (MemoryValues::default(), key(None, "a"));
        let claim = |now| cache.claim(&a, 10, now).ready().unwrap();
        assert!(claim(0) && claim(0));
        put(&cache, a.clone(), "one", 0);
        assert!(claim(0) && !claim(9) && claim(10) && !claim(11));
        cache.release(&a).ready().unwrap();
        assert!(claim(11) && !claim(12));
        put(&cache, a.clone(), "two", 12);
        assert!(claim(12));
    }

    #[test]
    fn a_value_without_room_takes_the_older_one_with_it() {
        let cache = MemoryValues::new(CacheBounds { bytes: 8 * 1000, entries: 100 });
        put(&cache, key(None, "a"), "small", 0);
        put(&cache, key(None, "a"), &"x".repeat(1000), 0);
        assert_eq!(get(&cache, &key(None, "a"), 0), None);
        for index in 0..1000 {
            put(&cache, key(None, &index.to_string()), "small", 0);
        }
        let usage = cache.usage();
        assert!(usage.bytes <= 8000 && usage.entries <= 104 && usage.entries > 10, "{usage:?}");
    }
}
