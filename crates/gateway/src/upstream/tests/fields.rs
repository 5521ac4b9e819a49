//! The head that a backend sees.

use secrecy::SecretString;

use super::*;

async fn seen(core: &Core, exchange: &mut Exchange) -> String {
    let response = core.forward(exchange).await.unwrap();
    String::from_utf8(read(response.body).await.unwrap().to_vec()).unwrap()
}

#[test]
fn the_request_is_written_anew() {
    run(async {
        let address = peers::mirror().await;
        let core = Core::new();
        let mut exchange = exchange(Method::GET, &format!("http://{address}/base/"), "/a%2Fb/ c?x=1&y");
        for (name, value) in [
            ("connection", "close, x-secret"),
            ("x-secret", "1"),
            ("keep-alive", "timeout=9"),
            ("proxy-authorization", "Basic eA=="),
            ("proxy-connection", "keep-alive"),
            ("upgrade", "h2c"),
            ("te", "gzip, trailers"),
            ("transfer-encoding", "chunked"),
            ("content-length", "7"),
            ("expect", "100-continue"),
            ("x-kept", "yes"),
            ("cookie", "a=1"),
            ("cookie", "b=2"),
        ] {
            set(&mut exchange, name, value);
        }
        let head = seen(&core, &mut exchange).await;
        let mut lines: Vec<&str> = head.trim_end().split("\r\n").collect();
        assert_eq!(lines.remove(0), "GET /base/a%2Fb/%20c?x=1&y HTTP/1.1");
        lines.sort_unstable();
        assert_eq!(
            lines,
            [
                "connection: te",
                "cookie: a=1; b=2",
                &format!("host: {address}"),
                "te: trailers",
                "x-kept: yes"
            ]
        );
        assert!(exchange.request.headers.contains_key("x-secret"), "policies still see the client's fields");
    });
}

#[test]
fn a_host_that_a_policy_has_set_is_sent() {
    run(async {
        let address = peers::mirror().await;
        let core = Core::new();
        let mut exchange = exchange(Method::GET, &http_url(address), "/");
        exchange.request.headers.insert("host", HeaderValue::from_static("Gateway.Example:8443"));
        assert!(seen(&core, &mut exchange).await.contains(&format!("host: {address}\r\n")));
        exchange.request.headers.insert("host", HeaderValue::from_static("tenant.example"));
        assert!(seen(&core, &mut exchange).await.contains("host: tenant.example\r\n"));
    });
}

#[test]
fn credentials_of_the_backend_take_the_place_of_the_clients() {
    run(async {
        let address = peers::mirror().await;
        let mut backend = single("orders", &http_url(address));
        let secret = |text: &str| {
            let location = Location::file(Path::new("backends"));
            Located::new(SecretString::from(text.to_owned()), location)
        };
        backend.credentials.headers = vec![("X-Api-Key".to_owned(), vec![secret("k1"), secret("k2")])];
        backend.credentials.authorization = Some(("Bearer".to_owned(), secret("token")));
        backend.credentials.query = vec![("code".to_owned(), vec![secret("a b")])];
        let core = Core::with(&[backend], |_| {});
        let mut exchange = exchange(Method::GET, "entity:orders", "/x?y=1");
        set(&mut exchange, "authorization", "Bearer of-the-client");
        set(&mut exchange, "x-api-key", "of-the-client");
        let head = seen(&core, &mut exchange).await;
        assert!(head.starts_with("GET /x?y=1&code=a%20b HTTP/1.1\r\n"), "{head}");
        assert!(head.contains("authorization: Bearer token\r\n"), "{head}");
        assert!(head.contains("x-api-key: k1\r\nx-api-key: k2\r\n"), "{head}");
        assert!(!head.contains("of-the-client"), "{head}");
        assert!(!format!("{:?}", core.backends).contains("token"));
    });
}

#[test]
fn the_answer_loses_what_belongs_to_the_connection() {
    run(async {
        let address = peers::canned(
            "HTTP/1.1 404 Not Here\r\nconnection: keep-alive, x-hop\r\nx-hop: 1\r\nkeep-alive: timeout=5\r\n\
             upgrade: h2c\r\nx-kept: 1\r\ncontent-length: 2\r\n\r\nno",
        )
        .await;
        let core = Core::new();
        let response = core.forward(&mut exchange(Method::GET, &http_url(address), "/")).await.unwrap();
        assert_eq!(response.status, StatusCode::NOT_FOUND);
        assert_eq!(response.reason.as_deref(), Some("Not Here"));
        let mut names: Vec<_> = response.headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["content-length", "x-kept"]);
        assert_eq!(read(response.body).await.unwrap(), "no");
    });
}

#[test]
fn interim_answers_stay_here() {
    run(async {
        let address = peers::canned(
            "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
        )
        .await;
        let core = Core::new();
        let (status, body) = core.get(&http_url(address), "/").await.unwrap();
        assert_eq!((status, &*body), (StatusCode::OK, &b"ok"[..]));
    });
}

#[test]
fn nothing_is_sent_without_a_backend_or_to_an_unknown_one() {
    run(async {
        let core = Core::new();
        let mut request = exchange(Method::GET, "http://unused.example", "/");
        request.backend = BackendChoice::Service;
        assert_eq!(core.forward(&mut request).await.unwrap_err(), UpstreamError::NoBackend);
        let error = core.forward(&mut exchange(Method::GET, "entity:gone", "/")).await.unwrap_err();
        assert_eq!(error, UpstreamError::UnknownBackend("gone".to_owned()));
    });
}
