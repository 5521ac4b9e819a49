//! Tunnels through HTTP proxies (RFC 9110 section 9.3.6).

use gatehouse_policy::Proxy;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The longest head of a proxy's answer.
const HEAD: usize = 16 * 1024;

/// Asks a proxy for a tunnel to a host and port; afterwards the stream leads there.
pub(super) async fn tunnel(stream: &mut TcpStream, target: String, proxy: &Proxy) -> Result<(), String> {
    let mut head = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n").into_bytes();
    if let Some(authorization) = &proxy.authorization {
        head.extend_from_slice(b"Proxy-Authorization: ");
        head.extend_from_slice(authorization.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    let failed =
        |error: std::io::Error| format!("the proxy {}:{} breaks off: {error}", proxy.host, proxy.port);
    stream.write_all(&head).await.map_err(failed)?;
    let mut answer = Vec::new();
    // Byte by byte: what follows the head is the other side's.
    while !answer.ends_with(b"\r\n\r\n") {
        if answer.len() >= HEAD {
            return Err(format!("the answer of the proxy {}:{} is too long", proxy.host, proxy.port));
        }
        answer.push(stream.read_u8().await.map_err(failed)?);
    }
    let line = answer.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let status = line.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5));
    match status {
        Some(status) if status.starts_with('2') => Ok(()),
        Some(status) => {
            Err(format!("the proxy {}:{} answers with the status {status}", proxy.host, proxy.port))
        }
        None => Err(format!("the answer of the proxy {}:{} is not HTTP", proxy.host, proxy.port)),
    }
}
