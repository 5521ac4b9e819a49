//! A body of which the firewall has read the beginning: what was read goes on, then the rest as it comes.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use gatehouse_policy::{Body, BodyError};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt as _;

/// Frames that were read, and the rest.
pub(super) struct HeldBody {
    read: VecDeque<Frame<Bytes>>,
    rest: Body,
}

impl HeldBody {
    /// Reads frames until `take` wants no more or the body ends; gives the body back whole. A body that breaks off before is an
    /// error: what was read of it has not been judged.
    pub(super) async fn read(
        mut body: Body,
        mut take: impl FnMut(&Bytes) -> bool,
    ) -> Result<Body, BodyError> {
        if let Some(bytes) = body.bytes() {
            take(&bytes.clone());
            return Ok(body);
        }
        let mut read = VecDeque::new();
        while let Some(frame) = body.frame().await {
            let frame = frame?;
            let wants_more = frame.data_ref().is_none_or(&mut take);
            read.push_back(frame);
            if !wants_more {
                break;
            }
        }
        Ok(Body::stream(Self { read, rest: body }))
    }
}

impl HttpBody for HeldBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(frame) = self.read.pop_front() {
            return Poll::Ready(Some(Ok(frame)));
        }
        Pin::new(&mut self.rest).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.read.is_empty() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let held: u64 = self.read.iter().filter_map(Frame::data_ref).map(|data| data.len() as u64).sum();
        let rest = self.rest.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(held.saturating_add(rest.lower()));
        if let Some(upper) = rest.upper().and_then(|upper| upper.checked_add(held)) {
            hint.set_upper(upper);
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_read_goes_on_and_the_rest_follows() {
        let frames = ["one", "two", "three"].map(|text| Ok::<_, BodyError>(Frame::data(Bytes::from(text))));
        let body = Body::stream(http_body_util::StreamBody::new(futures_util::stream::iter(frames)));
        let mut seen = 0;
        let mut body = HeldBody::read(body, |data| {
            seen += data.len();
            seen < 6
        })
        .await
        .unwrap();
        assert_eq!(seen, 6);
        assert_eq!(body.buffer(100).await.unwrap(), "onetwothree");
    }
}
