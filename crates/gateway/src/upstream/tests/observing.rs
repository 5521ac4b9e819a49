//! What an observer hears.

use tokio::io::AsyncWriteExt as _;

use super::*;

/// What was told of one request to the entity `blue` that has failed.
async fn told(url: &str, options: &ForwardOptions) -> Option<Reason> {
    let core = Core::with(&[single("blue", url)], |settings| {
        settings.connect_timeout = Duration::from_millis(200);
    });
    let mut exchange = exchange(Method::GET, "entity:blue", "/");
    core.forward_with(&mut exchange, options).await.unwrap_err();
    let failures = core.counts.failures.take();
    let [(Some(backend), reason)] = &failures[..] else { panic!("{failures:?}") };
    assert_eq!(backend, "blue");
    *reason
}

#[test]
fn each_failure_has_its_reason() {
    run(async {
        let options = ForwardOptions::default();
        let closed = {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            listener.local_addr().unwrap()
        };
        assert_eq!(told(&http_url(closed), &options).await, Some(Reason::Connect));
        assert_eq!(told("http://nowhere.invalid", &options).await, Some(Reason::Connect));

        let garbage = peers::canned("SSH-2.0-OpenSSH_9.9\r\n\r\n").await;
        assert_eq!(told(&http_url(garbage), &options).await, Some(Reason::Protocol));
        let at_once = peers::raw(|mut stream, _| async move {
            stream.write_all(b"SSH-2.0-OpenSSH_9.9\r\n").await.unwrap();
            peers::head(&mut stream).await;
        })
        .await;
        assert_eq!(told(&format!("https://{at_once}"), &options).await, Some(Reason::Tls));

        let dying = peers::raw(|mut stream, _| async move { drop(peers::head(&mut stream).await) }).await;
        assert_eq!(told(&http_url(dying), &options).await, Some(Reason::Reset));

        let silent = peers::raw(|stream, _| async move {
            std::future::pending::<()>().await;
            drop(stream);
        })
        .await;
        let hasty = ForwardOptions { timeout: Duration::from_millis(50), ..ForwardOptions::default() };
        assert_eq!(told(&http_url(silent), &hasty).await, Some(Reason::Timeout));
        // A handshake that does not end within its own bound is no connection.
        assert_eq!(told(&format!("https://{silent}"), &options).await, Some(Reason::Connect));
    });
}

#[test]
fn a_pool_s_requests_are_those_of_its_members() {
    run(async {
        let address = peers::plain(|_| async { peers::text("ok") }).await;
        let core = Core::with(&[single("a", &http_url(address)), pool("all", &[("a", 1, 1)])], |_| {});
        core.get("entity:all", "/").await.unwrap();
        core.get(&http_url(address), "/").await.unwrap();
        let seen = core.counts.backends.take();
        assert_eq!(seen, [Some("a".to_owned()), Some("a".to_owned()), None], "one connection, two answers");
    });
}
