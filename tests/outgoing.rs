//! Requests that policies make by themselves, end to end.

use http::{Response, StatusCode};
use http_body_util::Full;

use crate::support::{Api, Backend, Gateway, Landing, TlsBackend, eventually};

/// A landing zone whose gateway trusts its own authority for what it calls.
fn landing() -> Landing {
    Landing::new().with("backend_tls: { trust: [certs/ca.pem] }")
}

fn send(url: &str, attributes: &str, elements: &str) -> String {
    format!(
        "<send-request response-variable-name=\"r\" {attributes}><set-url>{url}</set-url><set-method>POST</set-method>{elements}</send-request>"
    )
}

/// Answers with the status and the body of the response in `r`, or with what it is instead.
const TELL: &str = "<return-response><set-body>@{ var r = (IResponse)context.Variables[\"r\"]; return r == null ? \"null\" : r.StatusCode + \" \" + r.Body.As<string>(); }</set-body></return-response>";

/// Puts what went wrong into fields of the answer.
const ON_ERROR: &str = "<set-header name=\"X-Reason\"><value>@(context.LastError.Source + \" \" + context.LastError.Reason)</value></set-header><set-header name=\"X-Message\"><value>@(context.LastError.Message)</value></set-header>";

fn api(backend: &Backend, inbound: &str) -> Api {
    Api::new("a", &backend.url()).operation("get", "GET", "/x").operation("post", "POST", "/x").policy(&format!(
        "<policies><inbound><base />{inbound}</inbound><backend><base /></backend><outbound><base /></outbound><on-error><base />{ON_ERROR}</on-error></policies>"
    ))
}

#[tokio::test]
async fn a_request_goes_over_checked_tls_with_the_certificate_that_the_policy_names() {
    let landing = landing();
    let identity = landing.authority.server(&["localhost"]);
    let clients = landing.authority.pem();
    let other = TlsBackend::start(&identity, Some(&clients), &["h2", "http/1.1"]);
    landing.authority.client("partner").write(&landing.path("certs/p.pem"), &landing.path("certs/p.key"));
    let backend = Backend::echo();
    let elements = "<set-header name=\"X-A\"><value>1</value></set-header><set-body>@(context.Request.Method)</set-body><authentication-certificate certificate-id=\"partner\" />";
    let landing = landing
        .with("certificates:\n  partner: { certificate: certs/p.pem, key: certs/p.key }")
        .api(api(&backend, &(send(&format!("{}/in?q=1", other.url()), "", elements) + TELL)));
    let gateway = Gateway::start(landing).await;
    let answer = gateway.client().header("cookie", "secret").get("/a/x").await;
    assert_eq!(answer.status, 200, "{} {:?}", answer.text(), answer.headers);
    let text = answer.text();
    let seen: serde_json::Value = serde_json::from_str(text.strip_prefix("200 ").unwrap()).unwrap();
    assert_eq!(seen["certificate"], true);
    assert_eq!((&seen["body"], &seen["headers"]["x-a"]), (&"GET".into(), &"1".into()));
    assert_eq!((&seen["version"], seen["headers"].get("cookie")), (&"HTTP/2.0".into(), None));
    assert!(seen["uri"].as_str().unwrap().ends_with("/in?q=1"));
    assert!(backend.seen().is_empty());
}

#[tokio::test]
async fn a_peer_that_nobody_vouches_for_gets_no_request() {
    let strangers = Landing::new();
    let other = TlsBackend::start(&strangers.authority.server(&["localhost"]), None, &["http/1.1"]);
    let backend = Backend::echo();
    let gateway = Gateway::start(landing().api(api(&backend, &(send(&other.url(), "", "") + TELL)))).await;
    let answer = gateway.client().get("/a/x").await;
    assert_eq!(
        (answer.status, answer.header("x-reason")),
        (StatusCode::INTERNAL_SERVER_ERROR, Some("send-request BackendConnectionFailure"))
    );
    assert_eq!(other.requests(), 0);
}

#[tokio::test]
async fn a_silent_peer_is_waited_for_no_longer_than_the_timeout() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let backend = Backend::echo();
    let landing = landing().api(api(&backend, &(send(&url, "timeout=\"1\"", "") + TELL)));
    let gateway = Gateway::start(landing).await;
    let begun = std::time::Instant::now();
    let answer = gateway.client().get("/a/x").await;
    assert_eq!(answer.header("x-reason"), Some("send-request Timeout"), "{}", answer.text());
    assert!(begun.elapsed() < std::time::Duration::from_secs(10));
}

#[tokio::test]
async fn an_ignored_error_is_null() {
    let backend = Backend::echo();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let inbound = send(&format!("http://{closed}/"), "ignore-error=\"true\"", "") + TELL;
    let gateway = Gateway::start(landing().api(api(&backend, &inbound))).await;
    assert_eq!(gateway.client().get("/a/x").await.text(), "null");
}

#[tokio::test]
async fn metadata_services_and_listeners_of_the_instance_are_refused_in_every_spelling() {
    let backend = Backend::echo();
    let landing = landing();
    let inbound = send("@(context.Request.Headers.GetValueOrDefault(\"x-url\"))", "timeout=\"2\"", "") + TELL;
    let own = landing.internal_port;
    let gateway = Gateway::start(landing.api(api(&backend, &inbound))).await;
    for url in [
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "http://2852039166/latest/".to_owned(),
        "http://0xa9.0xfe.0xa9.0xfe/".to_owned(),
        "http://[::ffff:169.254.169.254]/".to_owned(),
        "http://[64:ff9b::a9fe:a9fe]/".to_owned(),
        "http://[fd00:ec2::254]/latest/".to_owned(),
        "http://[fe80::1]/".to_owned(),
        "http://0.0.0.0/".to_owned(),
        format!("https://127.0.0.1:{own}/metrics"),
        format!("https://localhost:{own}/metrics"),
        format!("https://[::ffff:127.0.0.1]:{own}/metrics"),
    ] {
        let answer = gateway.client().header("x-url", &url).get("/a/x").await;
        assert_eq!(answer.status, 500, "{url}: {}", answer.text());
        assert_eq!(answer.header("x-reason"), Some("send-request BackendConnectionFailure"), "{url}");
        assert!(answer.header("x-message").unwrap().contains("may not be connected to"), "{url}");
    }
    let scrape = gateway.internal_client().get("/metrics").await.text();
    assert!(scrape.contains("gatehouse_egress_refused_total{reason=\"forbidden\"} 11"), "{scrape}");
    let other = Backend::echo();
    let answer = gateway.client().header("x-url", &other.url()).get("/a/x").await;
    assert!(answer.text().starts_with("200 "), "{}", answer.text());
}

#[tokio::test]
async fn rules_of_the_configuration_decide_what_policies_reach_and_leave_backends_alone() {
    let (backend, other) = (Backend::echo(), Backend::echo());
    let port = other.address.port();
    let inbound = send("@(context.Request.Headers.GetValueOrDefault(\"x-url\"))", "", "") + TELL;
    let base = "<set-backend-service base-url=\"@(context.Request.Headers.GetValueOrDefault(&quot;x-url&quot;))\" />";
    let landing = landing()
        .with("egress: { default: deny, allow: [localhost] }")
        .api(api(&backend, &inbound))
        .api(Api::new("plain", &backend.url()).operation("get", "GET", "/x"))
        .api(Api::new("base", &backend.url()).operation("get", "GET", "/x").inbound(base));
    let gateway = Gateway::start(landing).await;
    let ask = async |path: &str, url: &str| gateway.client().header("x-url", url).get(path).await;
    let named = format!("http://localhost:{port}/");
    let numbered = format!("http://127.0.0.1:{port}/");
    assert!(ask("/a/x", &named).await.text().starts_with("200 "));
    let refused = ask("/a/x", &numbered).await;
    assert!(
        refused.header("x-message").unwrap().contains("`egress.allow` does not name it"),
        "{:?}",
        refused.headers
    );
    assert_eq!(ask("/plain/x", "-").await.status, 200);
    assert_eq!(ask("/base/x", &named).await.status, 200);
    assert_eq!(ask("/base/x", &numbered).await.status, 500);
    assert_eq!((backend.seen().len(), other.seen().len()), (1, 2));
}

#[tokio::test]
async fn a_redirect_of_a_backend_does_not_lead_to_where_requests_may_not_go() {
    let landing = landing();
    let own = landing.internal_port;
    let backend = Backend::answering(move |seen| {
        let location = match seen.uri.as_str() {
            "/metadata" => "http://169.254.169.254/latest/".to_owned(),
            _ => format!("https://127.0.0.1:{own}/metrics"),
        };
        let mut response = Response::new(Full::default());
        *response.status_mut() = StatusCode::FOUND;
        response.headers_mut().insert("location", location.parse().unwrap());
        response
    });
    let policy = "<policies><inbound><base /></inbound><backend><forward-request follow-redirects=\"true\" /></backend><outbound><base /></outbound><on-error><base /></on-error></policies>";
    let api = Api::new("a", &backend.url()).operation("get", "GET", "/{way}").policy(policy);
    let gateway = Gateway::start(landing.api(api)).await;
    for path in ["/a/metadata", "/a/own"] {
        let answer = gateway.client().get(path).await;
        assert_eq!(answer.status, 500, "{}", answer.text());
    }
    let rows = gateway.access_log(2).await;
    for row in rows {
        let message = row["error"]["message"].as_str().unwrap();
        assert!(message.contains("may not be connected to"), "{message}");
    }
}

#[tokio::test]
async fn a_copy_carries_the_request_and_a_one_way_request_keeps_nobody_waiting() {
    let (backend, other) = (Backend::echo(), Backend::echo());
    let inbound = format!(
        "<send-request mode=\"copy\" response-variable-name=\"r\"><set-url>{url}/copy</set-url></send-request><send-one-way-request mode=\"copy\"><set-url>{url}/one-way</set-url></send-one-way-request><send-one-way-request><set-url>http://169.254.169.254/</set-url><set-method>GET</set-method></send-one-way-request>",
        url = other.url()
    );
    let gateway = Gateway::start(landing().api(api(&backend, &inbound))).await;
    let answer = gateway.client().header("x-mine", "1").send("POST", "/a/x", "hello").await;
    assert_eq!((answer.status.as_u16(), &answer.json()["body"]), (200, &"hello".into()));
    eventually("the one-way request", || other.seen().len() == 2).await;
    for seen in other.seen() {
        assert_eq!((seen.method.as_str(), &*seen.body), ("POST", &b"hello"[..]));
        assert_eq!(seen.headers["x-mine"], "1");
        assert_eq!(seen.headers["host"], other.address.to_string());
    }
    let scrape = gateway.internal_client().get("/metrics").await.text();
    assert!(scrape.contains("gatehouse_one_way_requests_total{outcome=\"failed\"} 1"), "{scrape}");
}
