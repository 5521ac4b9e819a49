use super::*;

fn judge(head: &str) -> Result<Head, Refusal> {
    check(head.as_bytes(), 100)
}

fn with(fields: &str) -> Result<Head, Refusal> {
    judge(&format!("POST /a HTTP/1.1\r\nHost: a\r\n{fields}\r\n"))
}

const NO_BODY: Head = Head { framing: Framing::None, websocket: false };

#[test]
fn good_heads_pass() {
    assert_eq!(judge("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), Ok(NO_BODY));
    assert_eq!(judge("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), Ok(NO_BODY));
    assert_eq!(judge("GET / HTTP/1.0\r\n\r\n"), Ok(NO_BODY));
    assert_eq!(judge("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"), Ok(NO_BODY));
    assert_eq!(judge("GET https://A:1/x?y HTTP/1.1\r\nHost: a:1\r\n\r\n"), Ok(NO_BODY));
    assert_eq!(judge("GET /x?{\"a\" HTTP/1.1\r\nHost: a\r\n\r\n"), Err(Refusal::Target));
    assert_eq!(judge("GET /{x} HTTP/1.1\r\nHost: a\r\nX: \t caf\u{e9} \r\nY:\r\n\r\n"), Ok(NO_BODY));
    assert_eq!(with("content-length: 3\r\n").unwrap().framing, Framing::Length(3));
    assert_eq!(with("Content-Length: 0\r\n").unwrap().framing, Framing::None);
    assert_eq!(with("Transfer-Encoding: Chunked\r\n").unwrap().framing, Framing::Chunked);
}

#[test]
fn ambiguous_lengths_are_refused() {
    for (fields, refusal) in [
        ("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", Refusal::TransferEncoding),
        ("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", Refusal::TransferEncoding),
        ("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", Refusal::TransferEncoding),
        ("Content-Length: 4\r\nContent-Length: 5\r\n", Refusal::ContentLength),
        ("Content-Length: 4\r\nContent-Length: 4\r\n", Refusal::ContentLength),
        ("Content-Length: 4, 4\r\n", Refusal::ContentLength),
        ("Content-Length: +4\r\n", Refusal::ContentLength),
        ("Content-Length: -4\r\n", Refusal::ContentLength),
        ("Content-Length: 0x4\r\n", Refusal::ContentLength),
        ("Content-Length:\r\n", Refusal::ContentLength),
        ("Content-Length: 18446744073709551616\r\n", Refusal::ContentLength),
        ("Transfer-Encoding: xchunked\r\n", Refusal::TransferEncoding),
        ("Transfer-Encoding: chunked, identity\r\n", Refusal::TransferEncoding),
        ("Transfer-Encoding: gzip, chunked\r\n", Refusal::TransferEncoding),
        ("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", Refusal::TransferEncoding),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", Refusal::TransferEncoding),
        ("Transfer-Encoding: \"chunked\"\r\n", Refusal::TransferEncoding),
        ("Transfer-Encoding:\r\n", Refusal::TransferEncoding),
        ("Transfer-Encoding: \x0bchunked\r\n", Refusal::FieldValue),
    ] {
        assert_eq!(with(fields), Err(refusal), "{fields:?}");
    }
    let old = "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(judge(old), Err(Refusal::TransferEncoding));
}

#[test]
fn field_lines_are_exact() {
    for (fields, refusal) in [
        ("X : 1\r\n", Refusal::FieldName),
        ("Transfer-Encoding : chunked\r\n", Refusal::FieldName),
        ("X\r\n", Refusal::FieldName),
        (": x\r\n", Refusal::FieldName),
        ("X\0: 1\r\n", Refusal::FieldName),
        ("X(y): 1\r\n", Refusal::FieldName),
        ("\u{e9}: 1\r\n", Refusal::FieldName),
        ("X: 1\r\n folded\r\n", Refusal::FieldValue),
        ("X: 1\r\n\tfolded\r\n", Refusal::FieldValue),
        ("X: a\0b\r\n", Refusal::FieldValue),
        ("X: a\x7fb\r\n", Refusal::FieldValue),
        ("X: a\x1bb\r\n", Refusal::FieldValue),
        ("X: a\rb\r\n", Refusal::FieldValue),
        ("X: a\nY: b\r\n", Refusal::LineEnd),
        ("X: a\r\r\n", Refusal::FieldValue),
    ] {
        assert_eq!(with(fields), Err(refusal), "{fields:?}");
    }
    assert_eq!(judge("GET / HTTP/1.1\nHost: a\n\n"), Err(Refusal::LineEnd));
    assert_eq!(judge("GET / HTTP/1.1\r\nHost: a\r\n\n"), Err(Refusal::LineEnd));
    assert_eq!(judge("GET / HTTP/1.1\r\n Host: a\r\n\r\n"), Err(Refusal::FieldValue));
}

#[test]
fn there_is_one_host_and_it_is_the_targets() {
    for (head, refusal) in [
        ("GET / HTTP/1.1\r\n\r\n", Refusal::Host),
        ("GET / HTTP/1.1\r\nHost:\r\n\r\n", Refusal::Host),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", Refusal::Host),
        ("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", Refusal::Host),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", Refusal::Host),
        ("GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", Refusal::Host),
        ("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", Refusal::Host),
        ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", Refusal::Host),
        ("GET https://b/ HTTP/1.1\r\nHost: a\r\n\r\n", Refusal::AuthorityMismatch),
        ("GET https://a:1/ HTTP/1.1\r\nHost: a\r\n\r\n", Refusal::AuthorityMismatch),
        ("GET https://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", Refusal::Target),
        ("GET https://a/ HTTP/1.1\r\n\r\n", Refusal::Host),
    ] {
        assert_eq!(judge(head), Err(refusal), "{head:?}");
    }
}

#[test]
fn request_lines_are_exact() {
    for (line, refusal) in [
        ("GET  / HTTP/1.1", Refusal::RequestLine),
        ("GET /  HTTP/1.1", Refusal::RequestLine),
        (" GET / HTTP/1.1", Refusal::Method),
        ("GET\t/ HTTP/1.1", Refusal::Method),
        ("GET / HTTP/1.1 ", Refusal::RequestLine),
        ("GET /a b HTTP/1.1", Refusal::RequestLine),
        ("GET / HTTP/1.2", Refusal::Version),
        ("GET / HTTP/2.0", Refusal::Version),
        ("GET / HTTP/0.9", Refusal::Version),
        ("GET / http/1.1", Refusal::Version),
        ("GET / HTTP/1.10", Refusal::Version),
        ("GET /", Refusal::RequestLine),
        ("GET", Refusal::RequestLine),
        ("G(T / HTTP/1.1", Refusal::Method),
        ("PRI * HTTP/2.0", Refusal::Version),
        ("CONNECT a:443 HTTP/1.1", Refusal::Method),
        ("GET a:443 HTTP/1.1", Refusal::Target),
        ("GET * HTTP/1.1", Refusal::Target),
        ("GET a HTTP/1.1", Refusal::Target),
        ("GET ftp://a/ HTTP/1.1", Refusal::Target),
        ("GET https:/a HTTP/1.1", Refusal::Target),
        ("GET https:///a HTTP/1.1", Refusal::Target),
        ("GET /a#b HTTP/1.1", Refusal::Target),
        ("GET /\u{e9} HTTP/1.1", Refusal::Target),
        ("GET /\0 HTTP/1.1", Refusal::Target),
        ("GET /\x7f HTTP/1.1", Refusal::Target),
        ("GET /?\x01 HTTP/1.1", Refusal::Target),
    ] {
        assert_eq!(judge(&format!("{line}\r\nHost: a\r\n\r\n")), Err(refusal), "{line:?}");
    }
}

#[test]
fn a_websocket_is_asked_for_by_both_fields_and_has_no_body() {
    let ask = |fields: &str| judge(&format!("GET /ws HTTP/1.1\r\nHost: a\r\n{fields}\r\n"));
    assert!(ask("Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n").unwrap().websocket);
    assert!(!ask("Upgrade: websocket\r\n").unwrap().websocket);
    assert!(!ask("Connection: upgrade\r\nUpgrade: h2c\r\n").unwrap().websocket);
    let body = "Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n";
    assert_eq!(ask(body), Err(Refusal::UpgradeWithBody));
    let chunks = "Connection: upgrade\r\nUpgrade: h2c\r\nTransfer-Encoding: chunked\r\n";
    assert_eq!(ask(chunks), Err(Refusal::UpgradeWithBody));
}

#[test]
fn fields_are_counted() {
    let many = "X: 1\r\n".repeat(99);
    assert!(with(&many).is_ok());
    let more = "X: 1\r\n".repeat(100);
    assert_eq!(with(&more), Err(Refusal::TooManyFields));
}

#[test]
fn the_end_is_found_at_any_split() {
    let head = b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nrest";
    let end = head.len() - 4;
    let mut searched = 0;
    for length in 0..end {
        assert_eq!(find_end(&head[..length], &mut searched), None, "{length}");
    }
    assert_eq!(find_end(head, &mut searched), Some(end));
    assert_eq!(find_end(head, &mut 0), Some(end));
    assert_eq!(find_end(b"GET / HTTP/1.1\nHost: a\n\nx", &mut 0), Some(24));
}

/// Run with optimisation: `CARGO_PROFILE_TEST_OPT_LEVEL=3 cargo test -p gatehouse-gateway judging -- --ignored --nocapture`.
#[test]
#[ignore = "measures"]
fn judging_a_typical_head_costs_less_than_half_a_microsecond() {
    let head = b"GET /orders/v2/4711/lines?page=2&size=50 HTTP/1.1\r\nHost: api.contoso.example\r\n\
        User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0\r\n\
        Accept: application/json\r\nAccept-Encoding: gzip, deflate, br\r\nAccept-Language: en-GB,en;q=0.9\r\n\
        Ocp-Apim-Subscription-Key: 0123456789abcdef0123456789abcdef\r\nX-Request-Id: 0190-abcdef-0123\r\n\
        Connection: keep-alive\r\n\r\n";
    let rounds = 1_000_000;
    let start = std::time::Instant::now();
    for _ in 0..rounds {
        let bytes = std::hint::black_box(&head[..]);
        let end = find_end(bytes, &mut 0).unwrap();
        std::hint::black_box(check(&bytes[..end], 100).unwrap());
    }
    let each = start.elapsed() / rounds;
    println!("{each:?} for {} bytes", head.len());
    assert!(each < std::time::Duration::from_nanos(500));
}
