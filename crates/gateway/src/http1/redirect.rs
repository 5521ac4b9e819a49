//! The plain port: 308 to https, and nothing else.

use gatehouse_model::configuration::Limits;
use http::StatusCode;
use memchr::memchr;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;

use super::head;
use super::serve::linger;
use crate::client::authority;
use crate::client::refusal::Refusal;

/// Reads one request head and sends the client to the same place on the https port. Hosts that the listener does not
/// answer to get the 421 that they get there: a stranger's name must not become the address of an answer.
pub(crate) async fn redirect<S>(mut stream: S, port: u16, hosts: &[String], limits: &Limits)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let answer = match timeout(limits.header_timeout, read_head(&mut stream, limits)).await {
        Ok(Some(Ok(head))) => location(&head, port, hosts).map_or_else(refuse, |to| moved(&to)),
        Ok(Some(Err(refusal))) => refuse(refusal.status()),
        Ok(None) => return,
        Err(_) => refuse(Refusal::HeadTooSlow.status()),
    };
    let written = timeout(limits.body_timeout, async {
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await
    })
    .await;
    if let Ok(Ok(())) = written {
        linger(&mut stream).await;
    }
}

/// The head, or nothing where the client ends before it.
async fn read_head<S: AsyncRead + Unpin>(
    stream: &mut S,
    limits: &Limits,
) -> Option<Result<Vec<u8>, Refusal>> {
    let mut head = Vec::new();
    let mut searched = 0;
    loop {
        if stream.read_buf(&mut head).await.ok()? == 0 {
            return None;
        }
        let end = head::find_end(&head, &mut searched);
        if end.unwrap_or(head.len()) > limits.header_bytes {
            return Some(Err(Refusal::HeadTooLarge));
        }
        if let Some(end) = end {
            head.truncate(end);
            return Some(head::check(&head, limits.headers).map(|_| head));
        }
    }
}

/// The https address of the request with this head, which has been judged good; else the status that refuses it.
fn location(head: &[u8], port: u16, hosts: &[String]) -> Result<String, StatusCode> {
    // A field value may hold other bytes; the request line and Host do not.
    let text = String::from_utf8_lossy(head);
    let (host, target) = host_and_target(&text).ok_or(Refusal::Host.status())?;
    if !authority::is_served(&host.to_ascii_lowercase(), hosts) {
        return Err(StatusCode::MISDIRECTED_REQUEST);
    }
    Ok(if port == 443 { format!("https://{host}{target}") } else { format!("https://{host}:{port}{target}") })
}

fn host_and_target(head: &str) -> Option<(&str, &str)> {
    let mut lines = head.split("\r\n").filter(|line| !line.is_empty());
    let target = lines.next()?.split(' ').nth(1)?;
    let target = if target.starts_with('/') {
        target
    } else {
        let rest = target.split_once("://")?.1;
        rest.get(memchr(b'/', rest.as_bytes())?..)?
    };
    let host = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("host"))
        .and_then(|(_, value)| authority::host(value.trim_matches([' ', '\t'])))?;
    Some((host, target))
}

fn moved(location: &str) -> String {
    format!(
        "HTTP/1.1 308 Permanent Redirect\r\nLocation: {location}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )
}

fn refuse(status: StatusCode) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_location_keeps_host_and_target() {
        let of = |head: &str, port| location(head.as_bytes(), port, &[]).ok();
        let head = "GET /a/b?c=d HTTP/1.1\r\nX: 1\r\nHost: API.example:8080\r\n\r\n";
        assert_eq!(of(head, 8443).as_deref(), Some("https://API.example:8443/a/b?c=d"));
        assert_eq!(of(head, 443).as_deref(), Some("https://API.example/a/b?c=d"));
        let head = "GET http://a.example/x HTTP/1.1\r\nHost: a.example\r\n\r\n";
        assert_eq!(of(head, 443).as_deref(), Some("https://a.example/x"));
        assert_eq!(of("GET / HTTP/1.0\r\n\r\n", 443), None);
        assert_eq!(of("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 443), None);
    }

    #[test]
    fn only_hosts_that_are_served_become_a_location() {
        let hosts = ["api.example".to_owned()];
        let of = |host: &str| {
            let head = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
            location(head.as_bytes(), 443, &hosts)
        };
        assert_eq!(of("API.example.:80"), Ok("https://API.example/".to_owned()));
        assert_eq!(of("evil.example"), Err(StatusCode::MISDIRECTED_REQUEST));
        assert_eq!(of("api.example@evil.example"), Err(StatusCode::BAD_REQUEST));
    }
}
