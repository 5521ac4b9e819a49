//! Redirects that are followed.

use super::*;

fn follow() -> ForwardOptions {
    ForwardOptions { follow_redirects: true, ..ForwardOptions::default() }
}

/// Redirects `/from` to another place and answers everything else with what it sees.
async fn redirecting(status: u16, to: String) -> SocketAddr {
    peers::plain(move |request| {
        let to = to.clone();
        async move {
            if request.uri().path() == "/from" {
                let mut answer = peers::text("");
                *answer.status_mut() = StatusCode::from_u16(status).unwrap();
                answer.headers_mut().insert("location", HeaderValue::try_from(to).unwrap());
                return answer;
            }
            let fields = ["authorization", "content-type", "x-kept"]
                .map(|name| {
                    request.headers().get(name).map_or("-", |value| value.to_str().unwrap()).to_owned()
                })
                .join(" ");
            let line = format!("{} {} {fields}", request.method(), request.uri());
            let body = collect(request.into_body()).await.unwrap().to_bytes();
            peers::text(format!("{line} {}", String::from_utf8_lossy(&body)))
        }
    })
    .await
}

async fn follow_from(core: &Core, address: SocketAddr) -> (StatusCode, String) {
    let mut exchange = exchange(Method::POST, &http_url(address), "/from");
    for (name, value) in [("authorization", "secret"), ("content-type", "text/plain"), ("x-kept", "1")] {
        set(&mut exchange, name, value);
    }
    exchange.request.body = Body::from(Bytes::from_static(b"body"));
    let response = core.forward_with(&mut exchange, &follow()).await.unwrap();
    let body = read(response.body).await.unwrap();
    (response.status, String::from_utf8(body.to_vec()).unwrap())
}

#[test]
fn methods_and_bodies_change_as_the_status_says() {
    run(async {
        let core = Core::new();
        let seen = follow_from(&core, redirecting(307, "/to?q".to_owned()).await).await;
        assert_eq!(seen, (StatusCode::OK, "POST /to?q secret text/plain 1 body".to_owned()));
        let seen = follow_from(&core, redirecting(303, "/to".to_owned()).await).await;
        assert_eq!(seen, (StatusCode::OK, "GET /to secret - 1 ".to_owned()));
    });
}

#[test]
fn credentials_stay_with_their_authority() {
    run(async {
        let core = Core::new();
        let other = redirecting(302, "/".to_owned()).await;
        let seen = follow_from(&core, redirecting(308, format!("http://{other}/to")).await).await;
        assert_eq!(seen, (StatusCode::OK, "POST /to - text/plain 1 body".to_owned()));
    });
}

#[test]
fn a_circle_ends_and_what_may_not_be_followed_is_passed_on() {
    run(async {
        let core = Core::new();
        let (status, _) = follow_from(&core, redirecting(307, "/from".to_owned()).await).await;
        assert_eq!(status, StatusCode::TEMPORARY_REDIRECT);
        assert_eq!(core.counts.opened.get() + core.counts.reused.get(), 11);
        let (status, _) = follow_from(&core, redirecting(302, "ftp://a.example/".to_owned()).await).await;
        assert_eq!(status, StatusCode::FOUND);
    });
}

#[test]
fn https_never_leads_to_http() {
    run(async {
        let core = Core::new();
        let config = core.authority.issue("localhost").server(&["http/1.1"]);
        let address = peers::secure(config, 1, |_| async {
            let mut answer = peers::text("");
            *answer.status_mut() = StatusCode::FOUND;
            answer.headers_mut().insert("location", HeaderValue::from_static("http://localhost:1/"));
            answer
        })
        .await;
        let mut exchange = exchange(Method::GET, &format!("https://localhost:{}", address.port()), "/");
        let response = core.forward_with(&mut exchange, &follow()).await.unwrap();
        assert_eq!(response.status, StatusCode::FOUND);
    });
}

#[test]
fn redirects_are_passed_on_unless_told_otherwise() {
    run(async {
        let address = redirecting(302, "/to".to_owned()).await;
        let (status, _) = Core::new().get(&http_url(address), "/from").await.unwrap();
        assert_eq!(status, StatusCode::FOUND);
    });
}
