//! Counting the tokens of a language model's answer: as the model reports them, or else by estimate.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf as _, Bytes};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http_body::{Body as HttpBody, Frame, SizeHint};
use parking_lot::Mutex;
use serde_json::Value;

use super::{Body, BodyError, Response};
use crate::language_model::{estimate, reported_use, streamed_text};

/// Tokens that a model has used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenUse {
    /// Of the prompt.
    pub prompt: u64,
    /// Of the answer.
    pub completion: u64,
    /// Of both, and what else the model counts.
    pub total: u64,
}

/// Counts the tokens of one exchange. Clones count the same.
#[derive(Clone, Debug)]
pub struct TokenWatch {
    /// The estimate of the prompt.
    prompt: u64,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Debug, Default)]
struct Seen {
    reported: Option<TokenUse>,
    /// Estimated from what was streamed.
    completion: u64,
    is_streamed: bool,
}

/// The longest line of a stream that is looked at.
const LONGEST_LINE: usize = 1024 * 1024;

impl TokenWatch {
    /// A watch for a prompt of about so many tokens.
    pub(crate) fn new(prompt: u64) -> Self {
        Self { prompt, seen: Arc::default() }
    }

    /// What is known of the tokens; nothing before the model has answered.
    pub(crate) fn used(&self) -> Option<TokenUse> {
        let seen = self.seen.lock();
        seen.reported.or_else(|| {
            seen.is_streamed.then(|| TokenUse {
                prompt: self.prompt,
                completion: seen.completion,
                total: self.prompt + seen.completion,
            })
        })
    }

    /// Whether the answer streams, so that its tokens are known at its end.
    pub(crate) fn is_streamed(&self) -> bool {
        self.seen.lock().is_streamed
    }

    /// Looks at the answer of a model: a whole one is read, one that streams is watched on its way.
    ///
    /// # Errors
    /// What reading the answer ends in.
    pub(crate) async fn look_at(&self, response: &mut Response, bound: usize) -> Result<(), BodyError> {
        if !response.status.is_success() || response.headers.contains_key(CONTENT_ENCODING) {
            return Ok(());
        }
        let has_type = |wanted: &[u8]| {
            response.headers.get(CONTENT_TYPE).is_some_and(|value| {
                value.as_bytes().get(..wanted.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(wanted))
            })
        };
        if has_type(b"text/event-stream") {
            self.seen.lock().is_streamed = true;
            let body = std::mem::take(&mut response.body);
            response.body = Body::stream(Watched { inner: body, line: Vec::new(), watch: self.clone() });
            return Ok(());
        }
        let length = response.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        if !has_type(b"application/json") || length.is_some_and(|length: usize| length > bound) {
            return Ok(());
        }
        let whole = response.body.buffer(bound).await?;
        if let Ok(answer) = serde_json::from_slice::<Value>(&whole) {
            self.seen.lock().reported = reported_use(&answer);
        }
        Ok(())
    }

    /// A line of a stream of server-sent events.
    fn line(&self, line: &[u8]) {
        let Some(data) = line.strip_prefix(b"data:") else { return };
        let Ok(event) = serde_json::from_slice::<Value>(data.trim_ascii()) else { return };
        let mut seen = self.seen.lock();
        if let Some(reported) = reported_use(&event) {
            // Some report the prompt first and the answer last.
            let before = seen.reported.unwrap_or_default();
            let (prompt, completion) =
                (reported.prompt.max(before.prompt), reported.completion.max(before.completion));
            let total = reported.total.max(prompt + completion);
            seen.reported = Some(TokenUse { prompt, completion, total });
        }
        streamed_text(&event, &mut |text| seen.completion += estimate(text));
    }
}

/// A body that is watched on its way.
struct Watched {
    inner: Body,
    /// What has come of the current line.
    line: Vec<u8>,
    watch: TokenWatch,
}

impl Watched {
    fn look(&mut self, data: &Bytes) {
        let mut rest = data.clone();
        while let Some(end) = memchr::memchr(b'\n', &rest) {
            let part = rest.split_to(end);
            rest.advance(1);
            if self.line.len() + part.len() <= LONGEST_LINE {
                self.line.extend_from_slice(&part);
                self.watch.line(self.line.trim_ascii_end());
            }
            self.line.clear();
        }
        // A line that is too long is not kept: its end is no line of its own then.
        if self.line.len() + rest.len() <= LONGEST_LINE {
            self.line.extend_from_slice(&rest);
        } else {
            self.line.clear();
            self.line.push(b':');
        }
    }
}

impl HttpBody for Watched {
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
            self.look(data);
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

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use http::{HeaderValue, StatusCode};
    use http_body_util::StreamBody;

    use super::*;

    fn answer(media_type: &'static str, parts: &[&'static str]) -> Response {
        let mut response = Response::new(StatusCode::OK);
        response.headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        let frames: Vec<Result<Frame<Bytes>, BodyError>> =
            parts.iter().map(|part| Ok(Frame::data(Bytes::from_static(part.as_bytes())))).collect();
        response.body = Body::stream(StreamBody::new(futures_util::stream::iter(frames)));
        response
    }

    fn watched(media_type: &'static str, parts: &[&'static str]) -> (Option<TokenUse>, String) {
        let watch = TokenWatch::new(7);
        let mut response = answer(media_type, parts);
        watch.look_at(&mut response, 1024).now_or_never().expect("nothing waits").expect("a whole answer");
        let body = response.body.buffer(4096).now_or_never().expect("nothing waits").expect("a body");
        (watch.used(), String::from_utf8(body.to_vec()).unwrap())
    }

    const USE: TokenUse = TokenUse { prompt: 9, completion: 12, total: 21 };

    #[test]
    fn a_whole_answer_reports_its_tokens() {
        let text = r#"{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":12,"total_tokens":21}}"#;
        assert_eq!(watched("application/json; charset=utf-8", &[text]), (Some(USE), text.to_owned()));
        assert_eq!(watched("application/json", &["{}"]).0, None);
        assert_eq!(watched("text/plain", &[text]).0, None);
    }

    #[test]
    fn a_stream_reports_its_tokens_or_is_counted() {
        let parts = [
            "data: {\"choices\":[{\"delta\":{\"content\":\"Hello\"}}]}\r\n\r\nda",
            "ta: {\"choices\":[{\"delta\":{\"content\":\" world\"}}]}\n\n",
            "data: [DONE]\n\n",
        ];
        let (used, body) = watched("text/event-stream", &parts);
        assert_eq!(used, Some(TokenUse { prompt: 7, completion: 2, total: 9 }));
        assert_eq!(body, parts.concat());
        let last = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":12,\"total_tokens\":21}}\n\n";
        assert_eq!(watched("text/event-stream", &[parts[0], parts[1], last]).0, Some(USE));
        let parts = [
            "data: {\"message\":{\"usage\":{\"input_tokens\":9,\"output_tokens\":1}}}\n",
            "data: {\"usage\":{\"output_tokens\":12}}\n",
        ];
        assert_eq!(watched("text/event-stream", &parts).0, Some(USE));
    }

    #[test]
    fn a_line_without_end_takes_no_memory() {
        let watch = TokenWatch::new(0);
        let mut watched = Watched { inner: Body::Empty, line: Vec::new(), watch };
        for _ in 0..64 {
            watched.look(&Bytes::from(vec![b'x'; 64 * 1024]));
            assert!(watched.line.len() <= LONGEST_LINE);
        }
    }
}
