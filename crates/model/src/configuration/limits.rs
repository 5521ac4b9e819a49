//! The `limits` block: a bound for everything that a client can grow.

use std::time::Duration;

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
    /// Client connections of the process; default 20 000.
    pub connections: usize,
    /// Client connections from one address (an IPv6 /64 counts as one); default 0: no bound of its own.
    pub connections_per_client: usize,
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
            handshake_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            body_rate: 240,
            idle_timeout: Duration::from_secs(75),
            connections: 20_000,
            connections_per_client: 0,
            streams: 128,
            drain_timeout: Duration::from_secs(30),
        }
    }
}
