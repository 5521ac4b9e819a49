//! What is done when a request ends, however it ends: the access log's record, the counts, and what policies left
//! for that moment.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use gatehouse_model::configuration::Zone;
use gatehouse_policy::{Body, BodyError, Clock as _, Completion as End, Deferred, Exchange};
use gatehouse_telemetry::access_log::{AccessRecord, ErrorRecord};
use gatehouse_telemetry::metrics::{OperationMetrics, RequestMeasure};
use http::{HeaderValue, Method, StatusCode, Version};
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::ending;
use super::intake::X_REQUEST_ID;
use super::service::Place;
use crate::connection::Connection;

/// The end of one request. It is written when this value is dropped: after the last byte, or when the client is gone
/// or the future of the request is.
pub(super) struct Completion {
    shared: Place,
    exchange: Exchange,
    /// The method as it came; policies may change that of the exchange.
    method: Method,
    listener: Arc<str>,
    zone: Zone,
    tls_version: &'static str,
    tls_cipher: &'static str,
    received_millis: u64,
    metrics: Option<Arc<OperationMetrics>>,
    status: Option<StatusCode>,
    backend_micros: Option<u64>,
    request_id: HeaderValue,
    /// Counts the request's body, where there is one.
    body_in: Option<Arc<AtomicU64>>,
    tunnelled_in: u64,
    bytes_out: u64,
    is_complete: bool,
    /// Whether the backend's answer broke off.
    is_broken: bool,
}

impl Completion {
    /// Boxed, because it goes from hand to hand until the last byte is sent.
    pub(super) fn new(
        shared: Place,
        mut exchange: Exchange,
        connection: &Connection,
        zone: Zone,
    ) -> Box<Self> {
        let mut body_in = None;
        if !exchange.request.body.is_empty() {
            let bytes = Arc::default();
            let inner = std::mem::take(&mut exchange.request.body);
            exchange.request.body = Body::stream(Counted { inner, bytes: Arc::clone(&bytes) });
            body_in = Some(bytes);
        }
        let request_id = exchange.request.headers.get(X_REQUEST_ID).cloned();
        Box::new(Self {
            method: exchange.request.method.clone(),
            listener: Arc::clone(&connection.listener),
            zone,
            tls_version: connection.tls_version,
            tls_cipher: connection.tls_cipher,
            received_millis: shared.clock.now_millis(),
            metrics: None,
            status: None,
            backend_micros: None,
            request_id: request_id.unwrap_or_else(|| HeaderValue::from_static("")),
            body_in,
            tunnelled_in: 0,
            bytes_out: 0,
            is_complete: false,
            is_broken: false,
            shared,
            exchange,
        })
    }

    pub(super) fn exchange(&mut self) -> &mut Exchange {
        &mut self.exchange
    }

    /// The method as it came.
    pub(super) fn method(&self) -> &Method {
        &self.method
    }

    /// When the head was complete, in milliseconds since 1970.
    pub(super) fn received_millis(&self) -> u64 {
        self.received_millis
    }

    /// The request id as a header field.
    pub(super) fn request_id(&self) -> HeaderValue {
        self.request_id.clone()
    }

    /// Says which operation was matched, and how long its backend took.
    pub(super) fn matched(&mut self, metrics: Option<Arc<OperationMetrics>>, backend_micros: Option<u64>) {
        self.metrics = metrics;
        self.backend_micros = backend_micros;
    }

    /// Says which status is being sent.
    pub(super) fn sent(&mut self, status: StatusCode) {
        self.status = Some(status);
    }

    /// Says what went through a tunnel.
    pub(super) fn tunnelled(&mut self, from_client: u64, from_backend: u64) {
        self.tunnelled_in += from_client;
        self.bytes_out += from_backend;
        self.is_complete = true;
    }

    /// The answer's body, which takes this value to its end.
    pub(super) fn into_body(mut self: Box<Self>, body: Body) -> Body {
        match body {
            Body::Empty | Body::Consumed => {
                self.is_complete = true;
                Body::Empty
            }
            Body::Full(bytes) => {
                self.bytes_out = bytes.len() as u64;
                self.is_complete = true;
                Body::Full(bytes)
            }
            stream @ Body::Stream(_) => Body::stream(Tracked { inner: stream, completion: Some(self) }),
        }
    }

    fn error<'r>(&'r self, logged: Option<&'r str>) -> Option<ErrorRecord<'r>> {
        if let Some(error) = &self.exchange.last_error {
            return Some(ErrorRecord {
                source: &error.source,
                reason: &error.reason,
                message: logged.unwrap_or_default(),
                section: error.section,
                path: error.path.as_deref(),
                policy_id: error.policy_id.as_deref(),
            });
        }
        let (source, reason, message) = if self.is_broken {
            ("forward-request", "BackendConnectionFailure", "The backend's answer broke off.")
        } else {
            ("client", "ClientConnectionFailure", "The answer was not sent to its end.")
        };
        (!self.is_complete).then_some(ErrorRecord {
            source,
            reason,
            message,
            section: None,
            path: None,
            policy_id: None,
        })
    }

    fn finish(&mut self) {
        let body_in = self.body_in.as_ref().map_or(0, |bytes| bytes.load(Ordering::Relaxed));
        let bytes_in = body_in + self.tunnelled_in;
        for entry in std::mem::take(&mut self.exchange.deferred) {
            match entry {
                Deferred::Completed(act) => {
                    let monotonic_millis = self.shared.clock.monotonic_micros() / 1000;
                    let now_millis = self.shared.clock.now_millis();
                    let end = End { bytes_in, bytes_out: self.bytes_out, now_millis, monotonic_millis };
                    act(&end, &*self.shared.counters);
                }
                Deferred::Measured(act) => act(&mut |measure| {
                    self.shared.metrics.custom(measure.name, measure.dimensions, measure.value);
                }),
                // What waits for an answer that has not come has nothing to do.
                Deferred::Response(_) | Deferred::Tokens(_) => {}
            }
        }
        let duration_us = self.shared.clock.monotonic_micros().saturating_sub(self.exchange.started_micros);
        let status = self.status.map(|status| status.as_u16());
        let measure = RequestMeasure {
            status,
            duration_us,
            backend_us: self.backend_micros,
            bytes_in,
            bytes_out: self.bytes_out,
        };
        let error = self.exchange.last_error.as_ref();
        let operation = self.metrics.as_ref().unwrap_or(&self.shared.unmatched);
        operation.record(&measure);
        if let Some(limit) = error.and_then(ending::limit) {
            operation.limited(limit);
        }
        if let Some(metrics) = self.shared.listeners.load().get(&self.listener) {
            metrics.request(status);
            if let Some(reason) = error.and_then(|error| ending::refusal(error, self.status)) {
                metrics.refuse_request(reason);
            }
        }
        let Some(log) = &self.shared.access_log else { return };
        let message = self.exchange.last_error.as_ref().map(|error| {
            let snapshot = self.shared.snapshot.load();
            let text = if error.is_private { PRIVATE } else { error.message.as_str() };
            snapshot.secrets.mask(text).into_owned()
        });
        let request = &self.exchange.request;
        let route = &self.exchange.route;
        log.record(&AccessRecord {
            time_millis: self.received_millis,
            request_id: self.request_id.to_str().unwrap_or_default(),
            listener: &self.listener,
            zone: self.zone.as_str(),
            client_ip: request.client_ip,
            method: self.method.as_str(),
            host: Some(request.original_url.host.as_bytes()),
            path: request.original_url.path.as_bytes(),
            protocol: protocol(request.version),
            tls_version: Some(self.tls_version),
            tls_cipher: Some(self.tls_cipher),
            client_certificate: request.certificate.as_ref().map(|known| known.thumbprint_sha256.as_str()),
            status,
            bytes_in,
            bytes_out: self.bytes_out,
            duration_us,
            backend_us: self.backend_micros,
            api: route.api.as_ref().map(|api| &*api.id),
            operation: route.operation.as_ref().map(|operation| &*operation.id),
            product: route.product.as_ref().map(|product| &*product.id),
            subscription: route.subscription.as_ref().map(|subscription| &*subscription.id),
            error: self.error(message.as_deref()),
        });
    }
}

impl Drop for Completion {
    fn drop(&mut self) {
        self.finish();
    }
}

/// What the log says instead of a message that holds what the client has sent.
const PRIVATE: &str = "The message holds what the client has sent and is not logged.";

/// A version as the access log names it.
pub(super) fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_2 => "HTTP/2",
        Version::HTTP_10 => "HTTP/1.0",
        _ => "HTTP/1.1",
    }
}

/// An answer's body that counts its bytes and ends the request with its own end.
struct Tracked {
    inner: Body,
    completion: Option<Box<Completion>>,
}

impl HttpBody for Tracked {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(context);
        let is_over = match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                let length = frame.data_ref().map_or(0, Bytes::len) as u64;
                if let Some(completion) = &mut self.completion {
                    completion.bytes_out += length;
                }
                self.inner.is_end_stream()
            }
            Poll::Ready(None) => true,
            Poll::Ready(Some(Err(_))) => {
                if let Some(completion) = &mut self.completion {
                    completion.is_broken = true;
                }
                false
            }
            Poll::Pending => false,
        };
        if is_over && let Some(mut completion) = self.completion.take() {
            completion.is_complete = true;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// A request's body that counts its bytes.
struct Counted {
    inner: Body,
    bytes: Arc<AtomicU64>,
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(data) = frame.data_ref()
        {
            self.bytes.fetch_add(data.len() as u64, Ordering::Relaxed);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
