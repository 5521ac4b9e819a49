//! How this crate, and the vaults above it, ask others over HTTP: by a client that is handed in.

use std::path::PathBuf;
use std::time::Duration;

use futures_util::future::BoxFuture;
use url::Url;
use zeroize::Zeroizing;

/// What a request over a socket says of its host.
static LOCAL: std::sync::LazyLock<Url> = std::sync::LazyLock::new(|| {
    Url::parse("http://localhost/").unwrap_or_else(|_| unreachable!("a literal"))
});

/// Sends requests for credentials. They go straight to where they are addressed, by no proxy, and no redirect is followed:
/// what they carry is for that place alone.
pub trait HttpClient: Send + Sync {
    /// Sends a request and gives the whole answer.
    fn send(&self, request: HttpRequest) -> BoxFuture<'static, Result<HttpResponse, HttpError>>;
}

/// A request. It does not show what it holds.
pub struct HttpRequest {
    /// `GET`, `POST` or `PUT`.
    pub method: &'static str,
    /// Where it goes.
    pub url: Url,
    /// Header fields.
    pub headers: Vec<(&'static str, Zeroizing<String>)>,
    /// Its body.
    pub body: Zeroizing<Vec<u8>>,
    /// Time until the answer is there to its last byte.
    pub timeout: Duration,
    /// The longest answer that is taken, in bytes; a megabyte by default.
    pub limit: usize,
    /// The Unix socket that takes it, as a call of gRPC: bodies are messages without their frames, and of those that are
    /// answered the first one counts.
    pub socket: Option<PathBuf>,
    /// What the client shows of itself: a certificate with its intermediates and its key, as PEM.
    pub certificate: Option<Zeroizing<String>>,
}

/// An answer. It does not show what it holds.
pub struct HttpResponse {
    /// Its status code.
    pub status: u16,
    /// Header fields, their names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Zeroizing<Vec<u8>>,
}

/// Why there is no answer. The text holds nothing of the request but its host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct HttpError(pub String);

impl HttpRequest {
    /// The time that credentials may take.
    pub const TIMEOUT: Duration = Duration::from_secs(10);

    /// The longest answer by default.
    pub const LIMIT: usize = 1024 * 1024;

    /// A request without body.
    pub fn get(url: Url) -> Self {
        Self {
            method: "GET",
            url,
            headers: Vec::new(),
            body: Zeroizing::default(),
            timeout: Self::TIMEOUT,
            limit: Self::LIMIT,
            socket: None,
            certificate: None,
        }
    }

    /// A call of gRPC over a Unix socket.
    pub fn grpc(socket: PathBuf, method: &str, message: Vec<u8>) -> Self {
        let mut url = LOCAL.clone();
        url.set_path(method);
        let body = Zeroizing::new(message);
        Self { method: "POST", body, socket: Some(socket), ..Self::get(url) }
    }

    /// A form (WHATWG URL, `application/x-www-form-urlencoded`).
    pub fn form(url: Url, fields: &[(&str, &str)]) -> Self {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        Self { method: "POST", body: Zeroizing::new(body.into_bytes()), ..Self::get(url) }
            .header("content-type", "application/x-www-form-urlencoded")
    }

    /// A JSON text.
    pub fn json(url: Url, body: &str) -> Self {
        Self { method: "POST", body: Zeroizing::new(body.as_bytes().to_vec()), ..Self::get(url) }
            .header("content-type", "application/json")
    }

    /// Adds a header field.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, Zeroizing::new(value.into())));
        self
    }
}

impl HttpResponse {
    /// The first header field of a name, which is given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The seconds of `Retry-After`, where it is a number.
    pub fn retry_after(&self) -> Option<u64> {
        self.header("retry-after")?.trim().parse().ok()
    }
}
