//! `cache-store`: keeps the answer as it stands for a `cache-lookup` of a later request.
//!
//! Source: <https://learn.microsoft.com/azure/api-management/cache-store-policy>. Without `cache-response` only answers with
//! the status 200 are kept. Never kept are parts of answers, answers that set cookies (they are for one user), answers
//! that vary by everything, and bodies of more than 2 MiB. A body that streams is kept while it passes.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use gatehouse_store::counters::CounterKey;
use http::header::{HeaderName, SET_COOKIE, VARY};
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::cache_lookup::control_downstream;
use crate::cache::CachedResponse;
use crate::compiler::{Builder, Reported};
use crate::document::Element;
use crate::value::{Boolean, Integer};
use crate::{Action, Body, BodyError, Exchange, Failure, Flow, Policy, ResponseCache, World};

#[derive(Debug)]
struct CacheStore {
    duration: Integer,
    condition: Option<Boolean>,
}

pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    builder.only(element, &["duration", "cache-response"], &[]);
    builder.no_text(element);
    let duration = builder.integer(element, "duration", 0..=i64::from(i32::MAX));
    let condition = builder.optional_boolean(element, "cache-response");
    Ok(Action::Now(Box::new(CacheStore { duration, condition })))
}

impl Policy for CacheStore {
    fn apply(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<Flow, Failure> {
        let Some(place) = exchange.marks.cache else { return Ok(Flow::Continue) };
        let condition = match &self.condition {
            Some(condition) => Some(condition.evaluate(exchange, world)?),
            None => None,
        };
        let duration = self.duration.evaluate(exchange, world)?.unsigned_abs();
        let Exchange { request, response: Some(response), .. } = exchange else { return Ok(Flow::Continue) };
        let is_wanted = condition.unwrap_or(response.status == StatusCode::OK);
        let is_part = matches!(response.status, StatusCode::PARTIAL_CONTENT | StatusCode::NOT_MODIFIED);
        let Some(varies) = varies(&response.headers, &request.headers) else { return Ok(Flow::Continue) };
        if !is_wanted || is_part || duration == 0 || response.headers.contains_key(SET_COOKIE) {
            return Ok(Flow::Continue);
        }
        exchange.marks.cache = None;
        let now = world.clock.monotonic_micros() / 1000;
        let entry = CachedResponse {
            status: response.status,
            reason: response.reason.clone(),
            headers: response.headers.clone(),
            body: Bytes::new(),
            expires_millis: now.saturating_add(duration.saturating_mul(1000)),
            varies,
        };
        match &mut response.body {
            Body::Empty => world.response_cache.put(place.key, entry, now),
            // The bytes may be a part of a larger buffer, which would be kept with them.
            Body::Full(bytes) if bytes.len() <= ResponseCache::MAX_BODY => {
                let entry = CachedResponse { body: Bytes::copy_from_slice(bytes), ..entry };
                world.response_cache.put(place.key, entry, now);
            }
            Body::Consumed | Body::Full(_) => return Ok(Flow::Continue),
            Body::Stream(_) => {
                let body = std::mem::take(&mut response.body);
                let recording = Recording {
                    cache: world.response_cache.clone(),
                    key: place.key,
                    entry,
                    now,
                    kept: BytesMut::new(),
                };
                response.body = Body::stream(Recorded { body, recording: Some(recording) });
            }
        }
        control_downstream(&mut response.headers, &place, duration);
        Ok(Flow::Continue)
    }
}

/// The request's fields that an answer's `Vary` names; `None` where it names everything.
fn varies(answer: &HeaderMap, request: &HeaderMap) -> Option<Vec<(HeaderName, Vec<HeaderValue>)>> {
    let mut names = Vec::new();
    for value in answer.get_all(VARY) {
        for name in value.to_str().ok()?.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            // `*` is the name of no field.
            names.push(HeaderName::from_bytes(name.as_bytes()).ok().filter(|_| name != "*")?);
        }
    }
    names.sort_by(|one, other| one.as_str().cmp(other.as_str()));
    names.dedup();
    let values = |name: HeaderName| {
        let values = request.get_all(&name).iter().cloned().collect();
        (name, values)
    };
    Some(names.into_iter().map(values).collect())
}

/// A body that is kept once it has passed whole.
struct Recorded {
    body: Body,
    recording: Option<Recording>,
}

struct Recording {
    cache: ResponseCache,
    key: CounterKey,
    entry: CachedResponse,
    now: u64,
    kept: BytesMut,
}

impl Recorded {
    fn see(&mut self, frame: &Frame<Bytes>) {
        let Some(recording) = &mut self.recording else { return };
        match frame.data_ref() {
            Some(data) if recording.kept.len() + data.len() <= ResponseCache::MAX_BODY => {
                recording.kept.extend_from_slice(data);
            }
            // Too much, or trailers, which are not kept.
            _ => self.recording = None,
        }
    }

    fn finish(&mut self) {
        if let Some(Recording { cache, key, entry, now, kept }) = self.recording.take() {
            cache.put(key, CachedResponse { body: kept.freeze(), ..entry }, now);
        }
    }
}

impl HttpBody for Recorded {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        match &frame {
            Some(Ok(frame)) => {
                self.see(frame);
                // Whoever knows that nothing follows may not ask again.
                if self.body.is_end_stream() {
                    self.finish();
                }
            }
            Some(Err(_)) => self.recording = None,
            None => self.finish(),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
