//! The `limits` block: a bound for everything that a client can grow.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::shapes::{duration, size};
use crate::tree::decode::{Fields, Shape, integer, record};

/// The bounds. Sizes are bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The request line and the header fields together; default 16 KiB. Above: 431.
    pub header_bytes: usize,
    /// The number of header fields; default 100. Above: 431.
    pub headers: usize,
    /// The request body, counted as it streams; default 100 MiB. Above: 413.
    pub body_bytes: u64,
    /// A body that a policy needs whole; default 10 MiB. Above: 413 for a request, 502 for a response.
    pub buffered_body_bytes: usize,
    /// What each cache of policies keeps: answers, and values by key; default 64 MiB.
    pub cache_bytes: usize,
    /// Keys of each cache; default 100 000.
    pub cache_entries: usize,
    /// How long one expression may run; default 500 ms. Above: a failure of its policy.
    pub expression_time: Duration,
    /// The memory that one expression may ask for; default 128 MiB. Above: a failure of its policy.
    pub expression_memory: usize,
    /// TCP accept to the end of the TLS handshake; default 10 s.
    pub handshake_timeout: Duration,
    /// From the first byte of a head to its end; default 10 s.
    pub header_timeout: Duration,
    /// Between two reads of a request body, and between two writes of a response to a client that does not read;
    /// default 30 s.
    pub body_timeout: Duration,
    /// The lowest mean rate of a request body in bytes a second, measured after `body_timeout`; default 240. 0: none.
    pub body_rate: u32,
    /// A connection with no request under way; default 75 s.
    pub idle_timeout: Duration,
    /// A WebSocket on which neither side says anything; default 15 min.
    pub tunnel_idle_timeout: Duration,
    /// Client connections of the process; default 20 000.
    pub connections: usize,
    /// Client connections from one address (an IPv6 /64 counts as one); default 0: no bound of its own.
    pub connections_per_client: usize,
    /// Requests under way in the process; default 10 000. Above: 503.
    pub requests: usize,
    /// Bytes of events that wait for the place that their logger names, for each logger; default 16 MiB. Above: dropped, and
    /// counted.
    pub event_bytes: usize,
    /// Verified tokens and answers of introspection that are kept; default 16 384.
    pub tokens: usize,
    /// Proofs of possession (RFC 9449) that are remembered as used; default 200 000. Above: refused.
    pub proofs: usize,
    /// How often a request may come through this service by way of its own backends and requests of policies; default 3.
    /// Above: 508.
    pub passes: usize,
    /// One-way requests of policies under way in the process; default 1 000. Above: dropped, and counted.
    pub one_way_requests: usize,
    /// Concurrent HTTP/2 streams of a connection; default 128.
    pub streams: u32,
    /// How long a stopping process waits for requests under way; default 30 s.
    pub drain_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_bytes: 16 * 1024,
            headers: 100,
            body_bytes: 100 * 1024 * 1024,
            buffered_body_bytes: 10 * 1024 * 1024,
            cache_bytes: 64 * 1024 * 1024,
            cache_entries: 100_000,
            expression_time: Duration::from_millis(500),
            expression_memory: 128 * 1024 * 1024,
            handshake_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            body_rate: 240,
            idle_timeout: Duration::from_secs(75),
            tunnel_idle_timeout: Duration::from_secs(15 * 60),
            connections: 20_000,
            connections_per_client: 0,
            requests: 10_000,
            event_bytes: 16 * 1024 * 1024,
            tokens: 16_384,
            proofs: 200_000,
            passes: 3,
            one_way_requests: 1000,
            streams: 128,
            drain_timeout: Duration::from_secs(30),
        }
    }
}

const KIB: u64 = 1 << 10;
const GIB: u64 = 1 << 30;
const MOMENT: Duration = Duration::from_millis(10);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

impl Limits {
    pub(super) fn shape() -> impl Shape<Value = Self> {
        record("the limits", |fields| {
            let default = Self::default();
            Some(Self {
                header_bytes: bytes(
                    fields,
                    "header_bytes",
                    KIB..=1024 * KIB,
                    default.header_bytes,
                    "The request line and the header fields together. Above: 431.",
                ),
                headers: count(
                    fields,
                    "headers",
                    1..=1000,
                    default.headers,
                    "The number of header fields. Above: 431.",
                ),
                body_bytes: fields.or(
                    "body_bytes",
                    size(1..=1024 * GIB),
                    default.body_bytes,
                    "The request body, counted as it streams. Above: 413.",
                ),
                buffered_body_bytes: bytes(
                    fields,
                    "buffered_body_bytes",
                    1..=GIB,
                    default.buffered_body_bytes,
                    "A body that a policy needs whole. Above: 413 for a request, 502 for a response.",
                ),
                cache_bytes: bytes(
                    fields,
                    "cache_bytes",
                    KIB..=1024 * GIB,
                    default.cache_bytes,
                    "What each cache of policies keeps: answers, and values by key. What is larger than an eighth is not kept.",
                ),
                cache_entries: count(
                    fields,
                    "cache_entries",
                    1..=100_000_000,
                    default.cache_entries,
                    "Keys of each cache of policies.",
                ),
                expression_time: fields.or(
                    "expression_time",
                    duration(MOMENT..=Duration::from_secs(60)),
                    default.expression_time,
                    "How long one expression may run. Above: the policy fails.",
                ),
                expression_memory: bytes(
                    fields,
                    "expression_memory",
                    1024 * KIB..=4 * GIB,
                    default.expression_memory,
                    "The memory that one expression may ask for, freed or not. Above: the policy fails.",
                ),
                handshake_timeout: fields.or(
                    "handshake_timeout",
                    duration(MOMENT..=HOUR),
                    default.handshake_timeout,
                    "From the TCP connection to the end of the TLS handshake.",
                ),
                header_timeout: fields.or(
                    "header_timeout",
                    duration(MOMENT..=HOUR),
                    default.header_timeout,
                    "From the first byte of a head to its end.",
                ),
                body_timeout: fields.or(
                    "body_timeout",
                    duration(MOMENT..=HOUR),
                    default.body_timeout,
                    "Between two reads of a request body, and between two writes of a response to a client that does not read.",
                ),
                body_rate: narrowed(fields.or(
                    "body_rate",
                    integer(0..=u64::from(u32::MAX)),
                    u64::from(default.body_rate),
                    "The lowest mean rate of a request body in bytes a second, measured after `body_timeout`. 0: none.",
                )),
                idle_timeout: fields.or(
                    "idle_timeout",
                    duration(MOMENT..=DAY),
                    default.idle_timeout,
                    "A connection with no request under way.",
                ),
                tunnel_idle_timeout: fields.or(
                    "tunnel_idle_timeout",
                    duration(MOMENT..=DAY),
                    default.tunnel_idle_timeout,
                    "A WebSocket on which neither side says anything.",
                ),
                connections: count(
                    fields,
                    "connections",
                    1..=10_000_000,
                    default.connections,
                    "Client connections of the process.",
                ),
                connections_per_client: count(
                    fields,
                    "connections_per_client",
                    0..=10_000_000,
                    default.connections_per_client,
                    "Client connections from one address; an IPv6 /64 counts as one. 0: no bound of its own.",
                ),
                requests: count(
                    fields,
                    "requests",
                    1..=10_000_000,
                    default.requests,
                    "Requests under way in the process. Above: 503.",
                ),
                event_bytes: bytes(
                    fields,
                    "event_bytes",
                    KIB..=GIB,
                    default.event_bytes,
                    "Events of `log-to-eventhub` that wait for their place, for each logger. Above: dropped, and counted.",
                ),
                tokens: count(
                    fields,
                    "tokens",
                    32..=10_000_000,
                    default.tokens,
                    "Verified tokens and answers of introspection that are kept, about a kilobyte each. Above: those go that were not asked for lately. Counts from a start on.",
                ),
                proofs: count(
                    fields,
                    "proofs",
                    1..=100_000_000,
                    default.proofs,
                    "Proofs of possession (RFC 9449) that are remembered as used, about 100 bytes each. Above: new ones are refused. Counts from a start on.",
                ),
                passes: count(
                    fields,
                    "passes",
                    1..=100,
                    default.passes,
                    "How often one request may pass through this service, when a backend or a policy leads back to it. Above: 508.",
                ),
                one_way_requests: count(
                    fields,
                    "one_way_requests",
                    0..=1_000_000,
                    default.one_way_requests,
                    "Requests of `send-one-way-request` under way in the process. Above: dropped, and counted.",
                ),
                streams: narrowed(fields.or(
                    "streams",
                    integer(1..=10_000),
                    u64::from(default.streams),
                    "Concurrent HTTP/2 streams of a connection.",
                )),
                drain_timeout: fields.or(
                    "drain_timeout",
                    duration(Duration::ZERO..=HOUR),
                    default.drain_timeout,
                    "How long a stopping process waits for requests under way.",
                ),
            })
        })
    }
}

fn bytes(
    fields: &mut Fields<'_>,
    key: &'static str,
    range: RangeInclusive<u64>,
    default: usize,
    help: &str,
) -> usize {
    fields.or(key, size(range), default as u64, help) as usize
}

fn count(
    fields: &mut Fields<'_>,
    key: &'static str,
    range: RangeInclusive<u64>,
    default: usize,
    help: &str,
) -> usize {
    fields.or(key, integer(range), default as u64, help) as usize
}

/// A number whose range has been checked.
fn narrowed(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}
