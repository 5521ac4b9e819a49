//! Answers kept in memory: what `cache-lookup` finds and `cache-store` keeps. One value a process.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use gatehouse_store::counters::CounterKey;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::shards::{CacheBounds, Shards, Weigh};

/// The most answers under one key, told apart by what the backend's `Vary` names.
const MAX_VARIANTS: usize = 8;
/// What an answer costs beyond its bytes, roughly.
const OVERHEAD: usize = 512;

/// Cached answers within bounds. An answer whose time is over goes in its turn, or when a new one takes its place.
#[derive(Clone)]
pub struct ResponseCache {
    shards: Arc<Shards<CounterKey, Variants>>,
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

/// The answers under one key.
struct Variants(Vec<Arc<CachedResponse>>);

impl ResponseCache {
    /// The largest body that is kept, in bytes: the runtime limit of Azure API Management.
    pub const MAX_BODY: usize = 2 * 1024 * 1024;

    /// An empty one.
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

    /// The answer for a request, if one is kept whose time is not over.
    pub(crate) fn get(
        &self,
        key: CounterKey,
        request: &HeaderMap,
        now_millis: u64,
    ) -> Option<Arc<CachedResponse>> {
        self.shards.look(&key, |Variants(variants)| {
            let is_good =
                |known: &&Arc<CachedResponse>| known.expires_millis > now_millis && known.is_for(request);
            variants.iter().find(is_good).map(Arc::clone)
        })
    }

    /// Keeps an answer, in the place of an older one for the same requests.
    pub(crate) fn put(&self, key: CounterKey, response: CachedResponse, now_millis: u64) {
        let largest = self.shards.largest();
        if response.body.len() > Self::MAX_BODY || response.size() > largest {
            return;
        }
        self.shards.change(&key, |before| {
            let mut variants = before.map(|Variants(variants)| variants).unwrap_or_default();
            variants.retain(|known| known.expires_millis > now_millis && known.varies != response.varies);
            if variants.len() >= MAX_VARIANTS {
                variants.remove(0);
            }
            variants.push(Arc::new(response));
            let mut variants = Variants(variants);
            while variants.0.len() > 1 && variants.weight() > largest {
                variants.0.remove(0);
            }
            variants
        });
    }
}

impl Default for ResponseCache {
    fn default() -> Self {
        Self::new(CacheBounds::default())
    }
}

impl fmt::Debug for ResponseCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseCache").field("usage", &self.usage()).finish_non_exhaustive()
    }
}

impl Weigh for Variants {
    fn weight(&self) -> usize {
        self.0.iter().map(|response| response.size()).sum()
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
    fn too_large_answers_are_not_kept() {
        let bounds = CacheBounds { bytes: 8 * 1024 * 8, entries: 100 };
        let (cache, keys) = (ResponseCache::new(bounds), CounterKeys::new());
        cache.put(keys.key("a"), response(&"x".repeat(9000), 100, None), 0);
        assert_eq!(cache.usage().bytes, 0);
        for index in 0..200_u64 {
            cache.put(keys.key("same"), response(&"x".repeat(100), index + 2, None), index);
        }
        assert_eq!(cache.usage(), CacheBounds { bytes: OVERHEAD + 100, entries: 1 });
        for _ in 0..20 {
            cache.put(keys.key("v"), response("x", 100, Some("de")), 0);
        }
        assert_eq!(cache.usage().entries, 2);
    }
}
