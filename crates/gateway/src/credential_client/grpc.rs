//! One call of gRPC, of whose answers the first message counts.

use bytes::{Buf as _, Bytes, BytesMut};
use gatehouse_identity::http_client::{HttpRequest, HttpResponse};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::UnixStream;
use zeroize::Zeroizing;

use super::MAX_ANSWER;

/// A flag and the length.
const FRAME_HEAD: usize = 5;

/// Sends the request's message and reads the first one that comes back.
pub(super) async fn call(stream: UnixStream, request: &HttpRequest) -> Result<HttpResponse, String> {
    let said = |error: hyper::Error| format!("no gRPC: {error}");
    let connecting = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (mut sender, connection) = connecting.await.map_err(said)?;
    let connection = tokio::spawn(connection);
    let outcome = exchange(&mut sender, request).await;
    connection.abort();
    outcome
}

async fn exchange(
    sender: &mut hyper::client::conn::http2::SendRequest<Full<Bytes>>,
    request: &HttpRequest,
) -> Result<HttpResponse, String> {
    let length = u32::try_from(request.body.len()).map_err(|_| "the message is too long")?;
    let mut frame = BytesMut::with_capacity(FRAME_HEAD + request.body.len());
    frame.extend_from_slice(&[0]);
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(&request.body);
    let mut builder = http::Request::builder()
        .method("POST")
        .uri(request.url.as_str())
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    for (name, value) in &request.headers {
        builder = builder.header(*name, value.as_str());
    }
    let outgoing = builder.body(Full::new(frame.freeze())).map_err(|error| error.to_string())?;
    let said = |error: hyper::Error| format!("no gRPC: {error}");
    let answer = sender.send_request(outgoing).await.map_err(said)?;
    let (parts, mut body) = answer.into_parts();
    let mut headers: Vec<(String, String)> = texts(&parts.headers);
    let mut received = BytesMut::new();
    let mut message = Zeroizing::new(Vec::new());
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(said)?;
        if let Some(trailers) = frame.trailers_ref() {
            headers.extend(texts(trailers));
        }
        let Ok(data) = frame.into_data() else { continue };
        if received.len() + data.len() > MAX_ANSWER {
            return Err("the answer is too long".to_owned());
        }
        received.extend_from_slice(&data);
        if let Some(length) = whole(&received)? {
            received.advance(FRAME_HEAD);
            message = Zeroizing::new(received.split_to(length).to_vec());
            break;
        }
    }
    Ok(HttpResponse { status: parts.status.as_u16(), headers, body: message })
}

/// The length of the message, once all of it is there.
fn whole(received: &[u8]) -> Result<Option<usize>, String> {
    let [flag, a, b, c, d, rest @ ..] = received else { return Ok(None) };
    if *flag != 0 {
        return Err("the answer is compressed".to_owned());
    }
    let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
    if length > MAX_ANSWER {
        return Err("the answer is too long".to_owned());
    }
    Ok((rest.len() >= length).then_some(length))
}

fn texts(fields: &http::HeaderMap) -> Vec<(String, String)> {
    let text = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
    };
    fields.iter().filter_map(text).collect()
}
