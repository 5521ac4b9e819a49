//! A connection of the generator.

use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::header::HOST;
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::{CONNECT_TIMEOUT, REQUEST_TIMEOUT, Tally, Target, Worker};
use crate::verbs::bench::arguments::HttpVersion;
use crate::verbs::bench::traffic::Call;

/// How much of an answer that is not as expected is kept, in bytes.
const SHOWN: usize = 300;

/// Sends requests.
pub(super) enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

/// An answer, read to its end.
pub(super) struct Answered {
    pub(super) status: StatusCode,
    /// How the body begins, where it is of interest.
    pub(super) begin: Vec<u8>,
}

impl Sender {
    /// Opens a connection.
    pub(super) async fn connect(target: &Target) -> Result<Self> {
        let connecting = async {
            let address = target.address;
            let stream =
                TcpStream::connect(address).await.with_context(|| format!("no connection to {address}"))?;
            let _ = stream.set_nodelay(true);
            match &target.tls {
                None => Self::speak(stream, target.version).await,
                Some((config, name)) => {
                    let connector = TlsConnector::from(std::sync::Arc::clone(config));
                    let connecting = connector.connect(name.clone(), stream).await;
                    let stream = connecting.with_context(|| format!("no TLS connection to {address}"))?;
                    if target.version == HttpVersion::Http2
                        && stream.get_ref().1.alpn_protocol() != Some(b"h2")
                    {
                        anyhow::bail!("{address} does not speak HTTP/2");
                    }
                    Self::speak(stream, target.version).await
                }
            }
        };
        match tokio::time::timeout(CONNECT_TIMEOUT, connecting).await {
            Ok(connected) => connected,
            Err(_) => {
                anyhow::bail!("no connection to {} within {} s", target.address, CONNECT_TIMEOUT.as_secs())
            }
        }
    }

    async fn speak<S>(stream: S, version: HttpVersion) -> Result<Self>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let stream = TokioIo::new(stream);
        Ok(match version {
            HttpVersion::Http1 => {
                let (sender, connection) = http1::handshake(stream).await?;
                tokio::spawn(connection);
                Self::Http1(sender)
            }
            HttpVersion::Http2 => {
                let (sender, connection) =
                    http2::Builder::new(TokioExecutor::new()).handshake(stream).await?;
                tokio::spawn(connection);
                Self::Http2(sender)
            }
        })
    }

    /// Another one for the same connection, where there can be.
    pub(super) fn share(&self) -> Option<Self> {
        match self {
            Self::Http1(_) => None,
            Self::Http2(sender) => Some(Self::Http2(sender.clone())),
        }
    }

    fn is_closed(&self) -> bool {
        match self {
            Self::Http1(sender) => sender.is_closed(),
            Self::Http2(sender) => sender.is_closed(),
        }
    }

    /// Sends a request and reads the answer to its end.
    pub(super) async fn send(&mut self, target: &Target, call: &Call) -> Result<Answered, String> {
        let exchange = async {
            let request = request(target, call).map_err(|error| error.to_string())?;
            let response = match self {
                Self::Http1(sender) => {
                    sender.ready().await.map_err(|error| error.to_string())?;
                    sender.send_request(request).await
                }
                Self::Http2(sender) => {
                    sender.ready().await.map_err(|error| error.to_string())?;
                    sender.send_request(request).await
                }
            };
            let (head, mut body) = response.map_err(|error| chain(&error))?.into_parts();
            let is_right = call.is_right(head.status);
            let mut begin = Vec::new();
            while let Some(frame) = body.frame().await {
                let frame = frame.map_err(|error| chain(&error))?;
                if let Some(data) = frame.data_ref().filter(|_| !is_right && begin.len() < SHOWN) {
                    begin.extend_from_slice(data.get(..SHOWN.min(data.len())).unwrap_or_default());
                }
            }
            begin.truncate(SHOWN);
            Ok(Answered { status: head.status, begin })
        };
        match tokio::time::timeout(REQUEST_TIMEOUT, exchange).await {
            Ok(outcome) => outcome,
            Err(_) => Err(format!("none within {} s", REQUEST_TIMEOUT.as_secs())),
        }
    }
}

/// What an error says, with what is behind it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

fn request(target: &Target, call: &Call) -> Result<Request<Full<Bytes>>, http::Error> {
    let mut request = Request::new(Full::new(call.body.clone()));
    *request.method_mut() = call.method.clone();
    *request.headers_mut() = call.headers.clone();
    *request.uri_mut() = match target.version {
        HttpVersion::Http1 => Uri::from(call.path.clone()),
        HttpVersion::Http2 => {
            request.headers_mut().remove(HOST);
            let scheme = if target.tls.is_some() { "https" } else { "http" };
            Uri::builder()
                .scheme(scheme)
                .authority(target.authority.as_str())
                .path_and_query(call.path.clone())
                .build()?
        }
    };
    Ok(request)
}

/// A sender that is opened anew where its connection has ended.
pub(super) struct Lasting {
    worker: Rc<Worker>,
    sender: Sender,
    failures: u32,
}

impl Lasting {
    pub(super) fn new(worker: Rc<Worker>, sender: Sender) -> Self {
        Self { worker, sender, failures: 0 }
    }

    /// Sends the request of a number, and tells the tally where it `counts`. `Err`: the gateway cannot be reached.
    pub(super) async fn send(&mut self, number: usize) -> Result<Result<Answered, String>> {
        if self.sender.is_closed() {
            self.sender = Sender::connect(&self.worker.target).await?;
        }
        let Some(call) = self.worker.calls.get(number) else { anyhow::bail!("there are no requests") };
        let outcome = self.sender.send(&self.worker.target, call).await;
        match &outcome {
            Ok(_) => self.failures = 0,
            Err(_) => {
                self.failures += 1;
                // Whatever is wrong, hammering does not mend it.
                tokio::time::sleep(Duration::from_millis(u64::from(self.failures.min(100)))).await;
            }
        }
        Ok(outcome)
    }

    /// Puts an answer into a tally.
    pub(super) fn tell(
        &self,
        tally: &mut Tally,
        number: usize,
        outcome: &Result<Answered, String>,
        time: Duration,
    ) {
        match outcome {
            Ok(answered) => {
                tally.answered(answered.status, time);
                if let Some(call) =
                    self.worker.calls.get(number).filter(|call| !call.is_right(answered.status))
                {
                    tally.unexpected(number, &call.name, answered.status, &answered.begin);
                }
            }
            Err(why) => tally.failed(why),
        }
    }
}
