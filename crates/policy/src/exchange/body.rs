//! Bodies: streamed where they can be, whole where a policy needs it.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt as _;
use http_body_util::combinators::UnsyncBoxBody;

/// The body of a request or of an answer.
#[derive(Default)]
pub enum Body {
    /// No bytes.
    #[default]
    Empty,
    /// All bytes.
    Full(Bytes),
    /// Taken by an expression that did not ask for it to be kept; nothing is left to send.
    Consumed,
    /// Bytes as they arrive, with trailers.
    Stream(UnsyncBoxBody<Bytes, BodyError>),
}

/// Why a body ended before its end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// The peer went away.
    #[error("the peer closed the connection before the body was complete")]
    Aborted,
    /// The framing was broken.
    #[error("the body is not framed as HTTP says: {0}")]
    Malformed(String),
    /// The bound on a request's body or on a buffered body was passed.
    #[error("the body is larger than {limit} bytes")]
    TooLarge {
        /// The bound in bytes.
        limit: u64,
    },
    /// Nothing arrived, or too little, for too long.
    #[error("the body came too slowly")]
    TooSlow,
}

impl Body {
    /// A body that streams.
    pub fn stream(body: impl HttpBody<Data = Bytes, Error = BodyError> + Send + 'static) -> Self {
        if body.is_end_stream() { Self::Empty } else { Self::Stream(body.boxed_unsync()) }
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Empty | Self::Consumed => true,
            Self::Full(bytes) => bytes.is_empty(),
            Self::Stream(_) => false,
        }
    }

    /// The bytes where the body is whole already.
    pub fn bytes(&self) -> Option<&Bytes> {
        static NONE: Bytes = Bytes::new();
        match self {
            Self::Empty | Self::Consumed => Some(&NONE),
            Self::Full(bytes) => Some(bytes),
            Self::Stream(_) => None,
        }
    }

    /// Reads the body to its end and keeps it. Trailers of a buffered body are dropped.
    ///
    /// # Errors
    /// What the stream reports, and `TooLarge` beyond `limit` bytes.
    pub async fn buffer(&mut self, limit: usize) -> Result<Bytes, BodyError> {
        let stream = match self {
            Self::Empty | Self::Consumed => return Ok(Bytes::new()),
            Self::Full(bytes) => return Ok(bytes.clone()),
            Self::Stream(stream) => stream,
        };
        let too_large = BodyError::TooLarge { limit: limit as u64 };
        if stream.size_hint().lower() > limit as u64 {
            return Err(too_large);
        }
        let mut first: Option<Bytes> = None;
        let mut rest = BytesMut::new();
        while let Some(frame) = stream.frame().await {
            let Ok(data) = frame?.into_data() else { continue };
            if first.as_ref().map_or(0, Bytes::len) + rest.len() + data.len() > limit {
                return Err(too_large);
            }
            match &first {
                None => first = Some(data),
                Some(head) => {
                    if rest.is_empty() {
                        rest.extend_from_slice(head);
                        first = Some(Bytes::new());
                    }
                    rest.extend_from_slice(&data);
                }
            }
        }
        let whole = if rest.is_empty() { first.unwrap_or_default() } else { rest.freeze() };
        *self = Self::Full(whole.clone());
        Ok(whole)
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        if bytes.is_empty() { Self::Empty } else { Self::Full(bytes) }
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut *self {
            Self::Empty | Self::Consumed => Poll::Ready(None),
            Self::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                *self = Self::Empty;
                Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
            }
            Self::Stream(stream) => Pin::new(stream).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty | Self::Consumed => true,
            Self::Full(bytes) => bytes.is_empty(),
            Self::Stream(stream) => stream.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty | Self::Consumed => SizeHint::with_exact(0),
            Self::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Stream(stream) => stream.size_hint(),
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("Empty"),
            Self::Consumed => f.write_str("Consumed"),
            Self::Full(bytes) => write!(f, "Full({} bytes)", bytes.len()),
            Self::Stream(_) => f.write_str("Stream"),
        }
    }
}
