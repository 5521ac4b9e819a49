//! A request as the command line says it.

use std::io::Read as _;

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use gatehouse_policy::Body;
use http::{HeaderName, HeaderValue, Method, Request, Uri};

use crate::offline::Templates;

/// The largest body, in bytes.
const MAX_BODY: u64 = 64 << 20;

/// The body that `-d` means.
pub(super) fn read_data(data: &str) -> Result<Vec<u8>> {
    let Some(file) = data.strip_prefix('@') else { return Ok(data.as_bytes().to_vec()) };
    let mut bytes = Vec::new();
    if file == "-" {
        std::io::stdin().lock().take(MAX_BODY + 1).read_to_end(&mut bytes)?;
    } else {
        let opened = std::fs::File::open(file).with_context(|| file.to_owned())?;
        opened.take(MAX_BODY + 1).read_to_end(&mut bytes).with_context(|| file.to_owned())?;
    }
    if bytes.len() as u64 > MAX_BODY {
        bail!("{file}: larger than {} MiB", MAX_BODY >> 20);
    }
    Ok(bytes)
}

/// The request, with templates filled in.
pub(super) fn build(
    method: &str,
    url: &str,
    headers: &[String],
    body: Vec<u8>,
    templates: &Templates<'_>,
) -> Result<Request<Body>> {
    let fill = |text: &str| templates.fill(text).map_err(|why| anyhow::anyhow!("`{text}` {why}"));
    let url = fill(url)?;
    let uri: Uri = url.parse().with_context(|| format!("`{url}` is no URL"))?;
    if uri.scheme_str() != Some("https") || uri.host().is_none() {
        bail!("`{url}` is no absolute https URL, such as https://api.example/orders/7");
    }
    let method = Method::from_bytes(method.as_bytes()).with_context(|| format!("`{method}` is no method"))?;
    let mut request = Request::new(Body::from(Bytes::from(body)));
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    for header in headers {
        let Some((name, value)) = header.split_once(':') else {
            bail!("`{header}` is no header field; write 'Name: value'");
        };
        let name = HeaderName::from_bytes(name.trim().as_bytes())
            .with_context(|| format!("`{name}` is no name of a header field"))?;
        let value = HeaderValue::from_str(&fill(value.trim())?)
            .with_context(|| format!("`{name}` cannot have this value"))?;
        request.headers_mut().append(name, value);
    }
    Ok(request)
}
