//! Whom the gateway trusts, and how it proves who it is.

use gatehouse_model::configuration::{ClientIdentity, KeyExchange, TlsVersion};
use rcgen::date_time_ymd;

use super::*;

async fn backend(leaf: &certificates::Leaf) -> SocketAddr {
    peers::secure(leaf.server(&["http/1.1"]), 1, |_| async { peers::text("ok") }).await
}

async fn refusal(core: &Core, url: &str) -> String {
    match core.get(url, "/").await {
        Err(UpstreamError::Connection(text)) => text,
        other => panic!("{url} gave {other:?}"),
    }
}

#[test]
fn names_and_addresses_are_verified() {
    run(async {
        let core = Core::new();
        let named = backend(&core.authority.issue("localhost")).await;
        let (status, _) = core.get(&format!("https://localhost:{}", named.port()), "/").await.unwrap();
        assert_eq!(status, StatusCode::OK);
        let text = refusal(&core, &format!("https://127.0.0.1:{}", named.port())).await;
        assert!(text.contains("not valid for"), "{text}");
        let addressed = backend(&core.authority.issue("127.0.0.1")).await;
        let (status, _) = core.get(&format!("https://127.0.0.1:{}", addressed.port()), "/").await.unwrap();
        assert_eq!(status, StatusCode::OK);
    });
}

#[test]
fn ipv6_addresses_are_hosts_too() {
    run(async {
        let core = Core::new();
        let backend = backend(&core.authority.issue("::1")).await;
        let Ok(listener) = tokio::net::TcpListener::bind("[::1]:0").await else {
            println!("ignored: there is no IPv6 here");
            return;
        };
        let port = listener.local_addr().unwrap().port();
        tokio::task::spawn_local(async move {
            let (mut outer, _) = listener.accept().await.unwrap();
            let mut inner = tokio::net::TcpStream::connect(backend).await.unwrap();
            let _ = tokio::io::copy_bidirectional(&mut outer, &mut inner).await;
        });
        let (status, _) = core.get(&format!("https://[::1]:{port}"), "/").await.unwrap();
        assert_eq!(status, StatusCode::OK);
    });
}

#[test]
fn strangers_and_expired_certificates_are_refused() {
    run(async {
        let core = Core::new();
        let stranger = backend(&Authority::new().issue("localhost")).await;
        let text = refusal(&core, &format!("https://localhost:{}", stranger.port())).await;
        assert!(text.contains("UnknownIssuer"), "{text}");
        let expired = core.authority.issue_with("localhost", |params| {
            params.not_before = date_time_ymd(2020, 1, 1);
            params.not_after = date_time_ymd(2021, 1, 1);
        });
        let text = refusal(&core, &format!("https://localhost:{}", backend(&expired).await.port())).await;
        assert!(text.contains("expired"), "{text}");
    });
}

#[test]
fn each_switch_leaves_out_its_own_check() {
    run(async {
        let core = Core::new();
        let stranger = Authority::new();
        let unknown = backend(&stranger.issue("localhost")).await;
        let misnamed = backend(&core.authority.issue("other.example")).await;
        let both = backend(&stranger.issue("other.example")).await;
        let entity = |name: &str, address: SocketAddr, chain: bool, check_name: bool| Backend {
            tls: BackendTls { validate_certificate_chain: chain, validate_certificate_name: check_name },
            ..single(name, &format!("https://localhost:{}", address.port()))
        };
        let core = Core::with(
            &[
                entity("no-chain", unknown, false, true),
                entity("no-chain-wrong-name", both, false, true),
                entity("no-name", misnamed, true, false),
                entity("no-name-unknown", both, true, false),
                entity("nothing", both, false, false),
            ],
            |settings| settings.trust = vec![Trust::File(here(core.authority.file.clone()))],
        );
        for name in ["no-chain", "no-name", "nothing"] {
            assert_eq!(core.get(&format!("entity:{name}"), "/").await.unwrap().0, StatusCode::OK, "{name}");
        }
        for name in ["no-chain-wrong-name", "no-name-unknown"] {
            refusal(&core, &format!("entity:{name}")).await;
        }
    });
}

#[test]
fn a_client_certificate_is_shown_where_one_is_configured() {
    run(async {
        let core = Core::new();
        let config = core.authority.mutual(&core.authority.issue("localhost"));
        let address = peers::secure(config, 1, |_| async { peers::text("ok") }).await;
        let url = format!("https://localhost:{}", address.port());
        let error = core.get(&url, "/").await.unwrap_err();
        assert!(matches!(error, UpstreamError::Connection(_)), "{error:?}");
        let own = core.authority.issue("gateway.example");
        let known = Core::with(&[], |settings| {
            settings.trust = vec![Trust::File(here(core.authority.file.clone()))];
            settings.client_certificate = Some(ClientIdentity {
                certificate: here(own.certificate_file.clone()),
                key: here(own.key_file.clone()),
            });
        });
        assert_eq!(known.get(&url, "/").await.unwrap().0, StatusCode::OK);
    });
}

#[test]
fn tls_1_2_is_spoken_only_where_it_is_allowed() {
    run(async {
        let core = Core::new();
        let config = core.authority.issue("localhost").server_with(&[], &[&rustls::version::TLS12]);
        let address = peers::secure(config, 1, |_| async { peers::text("ok") }).await;
        let url = format!("https://localhost:{}", address.port());
        refusal(&core, &url).await;
        let lenient = Core::with(&[], |settings| {
            settings.trust = vec![Trust::File(here(core.authority.file.clone()))];
            settings.min_version = TlsVersion::Tls12;
            settings.key_exchange = vec![KeyExchange::Secp384r1];
        });
        assert_eq!(lenient.get(&url, "/").await.unwrap().0, StatusCode::OK);
    });
}
