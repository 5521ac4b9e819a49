//! Answers kept in memory: what `cache-lookup` finds and `cache-store` keeps. One value a process.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::hash::BuildHasher as _;
use std::sync::Arc;

use bytes::Bytes;
use foldhash::fast::RandomState;
use gatehouse_store::counters::CounterKey;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use parking_lot::Mutex;

/// So many parts, each with a lock of its own.
const SHARDS: usize = 8;
/// The most answers under one key, told apart by what the backend's `Vary` names.
const MAX_VARIANTS: usize = 8;
/// What an answer costs beyond its bytes, roughly.
const OVERHEAD: usize = 512;

/// Cached answers, bounded by their bytes. When there is no room, answers go that nobody has asked for lately, the oldest
/// first; an answer whose time is over goes in its turn, or when a new one takes its place.
#[derive(Clone)]
pub struct ResponseCache {
    shards: Arc<[Mutex<Shard>]>,
    shard_bytes: usize,
    hasher: RandomState,
}

/// An answer as it is kept.
#[derive(Debug)]
pub(crate) struct CachedResponse {
    pub(crate) status: StatusCode,
    pub(crate) reason: Option<Arc<str>>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Milliseconds on the world's monotonic clock.
    pub(crate) expires_millis: u64,
    /// The request's fields that the backend's `Vary` names, as they were.
    pub(crate) varies: Vec<(HeaderName, Vec<HeaderValue>)>,
}

#[derive(Default)]
struct Shard {
    slots: HashMap<CounterKey, Slot, RandomState>,
    /// Every key once, in the order in which they are looked at when there is no room.
    order: VecDeque<CounterKey>,
    bytes: usize,
}

#[derive(Default)]
struct Slot {
    variants: Vec<Arc<CachedResponse>>,
    is_used: bool,
}

impl ResponseCache {
    /// What a gateway keeps by default, in bytes.
    pub const DEFAULT_CAPACITY: usize = 64 * 1024 * 1024;
    /// The largest body that is kept, in bytes: the runtime limit of Azure API Management.
    pub const MAX_BODY: usize = 2 * 1024 * 1024;

    /// Room for so many bytes, header fields and upkeep included. Answers larger than an eighth of it are not kept.
    pub fn new(capacity_bytes: usize) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            shard_bytes: capacity_bytes / SHARDS,
            hasher: RandomState::default(),
        }
    }

    /// The bytes in use.
    pub fn bytes(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().bytes).sum()
    }

    /// The answer for a request, if one is kept whose time is not over.
    pub(crate) fn get(
        &self,
        key: CounterKey,
        request: &HeaderMap,
        now_millis: u64,
    ) -> Option<Arc<CachedResponse>> {
        let mut shard = self.shard(key)?.lock();
        let slot = shard.slots.get_mut(&key)?;
        let found = slot
            .variants
            .iter()
            .find(|known| known.expires_millis > now_millis && known.is_for(request))
            .map(Arc::clone)?;
        slot.is_used = true;
        Some(found)
    }

    /// Keeps an answer, in the place of an older one for the same requests.
    pub(crate) fn put(&self, key: CounterKey, response: CachedResponse, now_millis: u64) {
        if response.body.len() > Self::MAX_BODY || response.size() > self.shard_bytes {
            return;
        }
        if let Some(shard) = self.shard(key) {
            shard.lock().put(key, response, now_millis, self.shard_bytes);
        }
    }

    fn shard(&self, key: CounterKey) -> Option<&Mutex<Shard>> {
        self.shards.get(self.hasher.hash_one(key) as usize % SHARDS)
    }
}

impl Default for ResponseCache {
    fn default() -> Self {
        Self::new(Self::DEFAULT_CAPACITY)
    }
}

impl fmt::Debug for ResponseCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseCache").field("bytes", &self.bytes()).finish_non_exhaustive()
    }
}

impl Shard {
    fn put(&mut self, key: CounterKey, response: CachedResponse, now_millis: u64, limit: usize) {
        let slot = match self.slots.entry(key) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                self.order.push_back(key);
                new.insert(Slot::default())
            }
        };
        let before = slot.size();
        slot.variants.retain(|known| known.expires_millis > now_millis && known.varies != response.varies);
        if slot.variants.len() >= MAX_VARIANTS {
            slot.variants.remove(0);
        }
        slot.variants.push(Arc::new(response));
        while slot.variants.len() > 1 && slot.size() > limit {
            slot.variants.remove(0);
        }
        self.bytes = self.bytes - before + slot.size();
        while self.bytes > limit && self.order.len() > 1 {
            self.make_room(key);
        }
    }

    /// Looks at the key that is next: one that was asked for since the last look stays for another round.
    fn make_room(&mut self, newest: CounterKey) {
        let Some(key) = self.order.pop_front() else { return };
        match self.slots.get_mut(&key) {
            Some(slot) if slot.is_used || key == newest => {
                slot.is_used = false;
                self.order.push_back(key);
            }
            _ => {
                let size = self.slots.remove(&key).map_or(0, |slot| slot.size());
                self.bytes = self.bytes.saturating_sub(size);
            }
        }
    }
}

impl Slot {
    fn size(&self) -> usize {
        self.variants.iter().map(|response| response.size()).sum()
    }
}

impl CachedResponse {
    fn is_for(&self, request: &HeaderMap) -> bool {
        self.varies.iter().all(|(name, values)| request.get_all(name).iter().eq(values))
    }

    fn size(&self) -> usize {
        let fields = |name: &HeaderName, value: &HeaderValue| name.as_str().len() + value.len() + 64;
        let headers: usize = self.headers.iter().map(|(name, value)| fields(name, value)).sum();
        let varies: usize = self
            .varies
            .iter()
            .flat_map(|(name, values)| values.iter().map(move |value| fields(name, value)))
            .sum();
        OVERHEAD + self.body.len() + headers + varies
    }
}

#[cfg(test)]
mod tests {
    use gatehouse_store::counters::CounterKeys;

    use super::*;

    fn response(body: &str, expires_millis: u64, language: Option<&'static str>) -> CachedResponse {
        let vary = |value| (http::header::ACCEPT_LANGUAGE, vec![HeaderValue::from_static(value)]);
        CachedResponse {
            status: StatusCode::OK,
            reason: None,
            headers: HeaderMap::new(),
            body: Bytes::copy_from_slice(body.as_bytes()),
            expires_millis,
            varies: language.map(vary).into_iter().collect(),
        }
    }

    fn body(cache: &ResponseCache, key: CounterKey, language: &'static str, now: u64) -> Option<Bytes> {
        let mut request = HeaderMap::new();
        request.insert(http::header::ACCEPT_LANGUAGE, HeaderValue::from_static(language));
        cache.get(key, &request, now).map(|found| found.body.clone())
    }

    #[test]
    fn an_answer_is_found_until_its_time_is_over() {
        let (cache, keys) = (ResponseCache::default(), CounterKeys::new());
        cache.put(keys.key("a"), response("one", 100, None), 0);
        assert_eq!(body(&cache, keys.key("a"), "de", 99).unwrap(), "one");
        assert_eq!(body(&cache, keys.key("a"), "de", 100), None);
        assert_eq!(body(&cache, keys.key("b"), "de", 0), None);
        cache.put(keys.key("a"), response("two", 300, None), 100);
        assert_eq!(body(&cache, keys.key("a"), "de", 200).unwrap(), "two");
    }

    #[test]
    fn what_the_backend_varies_by_is_kept_apart() {
        let (cache, key) = (ResponseCache::default(), CounterKeys::new().key("a"));
        cache.put(key, response("Hallo", 100, Some("de")), 0);
        cache.put(key, response("Hello", 100, Some("en")), 0);
        assert_eq!(body(&cache, key, "de", 1).unwrap(), "Hallo");
        assert_eq!(body(&cache, key, "en", 1).unwrap(), "Hello");
        assert_eq!(body(&cache, key, "fr", 1), None);
    }

    #[test]
    fn bytes_are_bounded_and_the_used_ones_stay() {
        let keys = CounterKeys::new();
        let mut shard = Shard::default();
        let limit = 10 * (OVERHEAD + 100);
        let text = "x".repeat(100);
        for index in 0..100 {
            shard.put(keys.key(index), response(&text, 100, None), 0, limit);
            if let Some(slot) = shard.slots.get_mut(&keys.key(0)) {
                slot.is_used = true;
            }
            assert!(shard.bytes <= limit);
            assert_eq!(shard.order.len(), shard.slots.len());
            assert_eq!(shard.bytes, shard.slots.values().map(Slot::size).sum::<usize>());
        }
        assert_eq!(shard.slots.len(), 10);
        assert!(shard.slots.contains_key(&keys.key(0)) && shard.slots.contains_key(&keys.key(99)));
    }

    #[test]
    fn too_large_answers_are_not_kept() {
        let (cache, keys) = (ResponseCache::new(8 * 1024 * 8), CounterKeys::new());
        cache.put(keys.key("a"), response(&"x".repeat(9000), 100, None), 0);
        assert_eq!(cache.bytes(), 0);
        for index in 0..200_u64 {
            cache.put(keys.key("same"), response(&"x".repeat(100), index + 2, None), index);
        }
        assert_eq!(cache.bytes(), OVERHEAD + 100);
        for _ in 0..20 {
            cache.put(keys.key("v"), response("x", 100, Some("de")), 0);
        }
        assert_eq!(cache.shards.iter().map(|shard| shard.lock().order.len()).sum::<usize>(), 2);
    }
}
