//! What a configuration means.

use std::path::Path;
use std::time::Duration;

use gatehouse_model::Located;
use gatehouse_model::configuration::{
    BackendConnection, CipherSuite, ClientCertificateMode, Counters, Database, Expose, KeyExchange, Limits,
    LogTarget, MasterKey, Role, TlsVersion, Trust, Zone, read,
};

use super::{FULL, MINIMAL, good};

fn paths(paths: &[Located<std::path::PathBuf>]) -> Vec<&Path> {
    paths.iter().map(|path| path.value.as_path()).collect()
}

#[test]
fn every_key_has_its_effect() {
    let configuration = good(FULL);
    assert_eq!(configuration.file, Path::new("conf/gatehouse.yaml"));
    assert_eq!(configuration.service.name, "contoso");
    assert_eq!(configuration.service.region, "westeurope");
    assert_eq!(configuration.service.publisher_name.as_deref(), Some("Contoso"));
    assert_eq!(configuration.service.publisher_email.as_deref(), Some("apis@contoso.example"));
    assert_eq!(
        paths(&configuration.artifacts),
        [Path::new("conf/artifacts"), Path::new("/srv/payments/artifacts")]
    );
    assert_eq!(configuration.artifacts[1].location.to_string(), "conf/gatehouse.yaml:6:26");
    assert_eq!(configuration.overrides.unwrap().value, Path::new("conf/configuration.prod.yaml"));

    let Expose::Apis(external) = &configuration.zones.external else { panic!("not a list") };
    assert_eq!(external.iter().map(|api| api.value.as_str()).collect::<Vec<_>>(), ["petstore", "orders"]);
    assert_eq!(external[1].location.to_string(), "conf/gatehouse.yaml:41:34");
    assert!(matches!(configuration.zones.internal, Expose::All));

    let Database::Sqlite(database) = &configuration.store.database;
    assert_eq!(database.value, Path::new("conf/state/contoso.db"));
    assert_eq!(configuration.store.counters, Counters::Memory);
    let MasterKey::File(key) = &configuration.store.key;
    assert_eq!(key.value, Path::new("conf/state/master.key"));

    let Some(LogTarget::File(log)) = &configuration.telemetry.access_log else { panic!("not a file") };
    assert_eq!(log.value, Path::new("conf/logs/access.jsonl"));
    assert!(!configuration.telemetry.metrics);
    assert!(configuration.watch);
    assert_eq!(
        configuration.limits,
        Limits {
            header_bytes: 32 << 10,
            headers: 64,
            body_bytes: 1 << 30,
            buffered_body_bytes: 65536,
            cache_bytes: 1 << 20,
            cache_entries: 500,
            expression_time: Duration::from_millis(250),
            expression_memory: 64 << 20,
            handshake_timeout: Duration::from_secs(5),
            header_timeout: Duration::from_millis(1500),
            body_timeout: Duration::from_secs(60),
            body_rate: 1000,
            idle_timeout: Duration::from_secs(3600),
            connections: 5000,
            connections_per_client: 100,
            streams: 64,
            requests: 5000,
            one_way_requests: 50,
            passes: 5,
            event_bytes: 1 << 20,
            tokens: 1000,
            proofs: 5000,
            tunnel_idle_timeout: Duration::from_secs(1200),
            drain_timeout: Duration::ZERO,
        }
    );
}

#[test]
fn listeners_read_as_they_are_written() {
    let configuration = good(FULL);
    let [public, operations] = configuration.listeners.as_slice() else { panic!("not two listeners") };
    assert_eq!(public.name, "public");
    assert_eq!(public.zone, Zone::External);
    assert_eq!(public.address.value, "0.0.0.0:8443".parse().unwrap());
    assert_eq!(public.address.location.to_string(), "conf/gatehouse.yaml:11:14");
    assert_eq!(public.serves, [Role::Gateway]);
    assert_eq!(public.hosts, ["api.contoso.example", "*.apis.contoso.example"]);
    assert_eq!(
        public.trusted_proxies.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["10.0.0.0/8", "fd00::/8", "192.0.2.7/32"]
    );
    assert_eq!(public.http_redirect.as_ref().unwrap().value, "0.0.0.0:8080".parse().unwrap());
    assert_eq!(public.location.to_string(), "conf/gatehouse.yaml:9:5");

    assert_eq!(operations.zone, Zone::Internal);
    assert_eq!(operations.address.value, "[::1]:9443".parse().unwrap());
    assert_eq!(operations.serves, [Role::Gateway, Role::Metrics]);
    assert_eq!(operations.hosts, [""; 0]);
    assert_eq!(operations.http_redirect, None);
    assert_eq!(operations.tls.certificates[0].certificate.value, Path::new("/etc/gatehouse/ops.pem"));
}

#[test]
fn a_certificate_may_say_its_own_settings() {
    let configuration = good(FULL);
    let tls = &configuration.listeners[0].tls;
    assert_eq!(tls.settings.min_version, TlsVersion::Tls13);
    assert_eq!(tls.settings.cipher_suites, [CipherSuite::TLS_AES_256_GCM_SHA384]);
    assert_eq!(tls.settings.key_exchange, [KeyExchange::X25519Mlkem768, KeyExchange::X25519]);
    let clients = &tls.settings.client_certificates;
    assert_eq!(clients.mode, ClientCertificateMode::Optional);
    assert_eq!(paths(&clients.trust), [Path::new("conf/certs/clients-ca.pem")]);
    let fetched = Path::new("conf/state/crls/pkiexample-95c393c2891c5a13.crl");
    assert_eq!(paths(&clients.crls), [Path::new("conf/certs/clients.crl"), fetched]);

    let [first, legacy] = tls.certificates.as_slice() else { panic!("not two certificates") };
    assert_eq!(first.settings, tls.settings);
    assert_eq!(first.hosts, ["api.contoso.example"]);
    assert_eq!(first.certificate.value, Path::new("conf/certs/api.pem"));
    assert_eq!(first.key.value, Path::new("conf/certs/api.key"));
    assert_eq!(legacy.hosts, ["*.apis.contoso.example"]);
    assert_eq!(legacy.settings.min_version, TlsVersion::Tls12);
    assert_eq!(
        legacy.settings.cipher_suites,
        [CipherSuite::TLS_AES_256_GCM_SHA384, CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]
    );
    assert_eq!(legacy.settings.key_exchange, [KeyExchange::X25519]);
    assert_eq!(legacy.settings.client_certificates.mode, ClientCertificateMode::Off);
}

#[test]
fn backends_inherit_what_they_do_not_say() {
    let configuration = good(FULL);
    let [Trust::System, Trust::File(own)] = configuration.backend_tls.trust.as_slice() else {
        panic!("trust")
    };
    assert_eq!(own.value, Path::new("conf/certs/backends-ca.pem"));
    assert_eq!(configuration.backend_tls.key_exchange, [KeyExchange::X25519]);
    let ledger = &configuration.backends["ledger"];
    assert_eq!(ledger.min_version, TlsVersion::Tls12);
    assert_eq!(ledger.cipher_suites, [CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]);
    assert_eq!(ledger.key_exchange, [KeyExchange::Secp256r1]);
    assert_eq!(ledger.client_certificate.as_ref().unwrap().key.value, Path::new("conf/certs/us.key"));
    assert_eq!(ledger.connect_timeout, Duration::from_millis(500));
    assert_eq!(ledger.idle_connections, 8);

    let configuration = good(&format!(
        "{MINIMAL}backend_tls: {{ trust: [ca.pem], key_exchange: [X25519] }}\nbackends: {{ a: {{}}, b: {{ trust: [system] }} }}\n"
    ));
    let [a, b] = ["a", "b"].map(|id| &configuration.backends[id]);
    assert_eq!(a.trust, configuration.backend_tls.trust);
    assert_eq!(a.key_exchange, [KeyExchange::X25519]);
    assert_eq!(a.connect_timeout, Duration::from_secs(3));
    assert_eq!(b.trust, [Trust::System]);
}

#[test]
fn defaults_stand_in_for_what_is_left_out() {
    let configuration = good(MINIMAL);
    assert_eq!(configuration.service.name, "gatehouse");
    assert_eq!(configuration.service.region, "local");
    assert_eq!(paths(&configuration.artifacts), [Path::new("conf/artifacts")]);
    assert!(configuration.overrides.is_none());
    assert!(matches!(&configuration.zones.external, Expose::Apis(names) if names.is_empty()));
    assert!(matches!(configuration.zones.internal, Expose::All));
    let Database::Sqlite(database) = &configuration.store.database;
    assert_eq!(database.value, Path::new("conf/data/gatehouse.db"));
    let MasterKey::File(key) = &configuration.store.key;
    assert_eq!(key.value, Path::new("conf/data/master.key"));
    assert_eq!(configuration.telemetry.access_log, Some(LogTarget::Stdout));
    assert!(configuration.telemetry.metrics);
    assert_eq!(configuration.limits, Limits::default());
    assert!(!configuration.watch);

    let listener = &configuration.listeners[0];
    assert_eq!(listener.serves, [Role::Gateway]);
    assert_eq!(listener.tls.settings.min_version, TlsVersion::Tls13);
    assert_eq!(listener.tls.settings.cipher_suites, []);
    assert_eq!(listener.tls.settings.key_exchange, KeyExchange::DEFAULT);
    assert_eq!(listener.tls.settings.client_certificates.mode, ClientCertificateMode::Off);
    let default = BackendConnection::default();
    assert_eq!(configuration.backend_tls.trust, default.trust);
    assert_eq!(configuration.backend_tls.min_version, TlsVersion::Tls13);

    // An empty block says the same as none.
    let empty = good(&format!(
        "{MINIMAL}service: {{}}\nzones: {{ external: {{}}, internal: {{}} }}\nbackend_tls: {{}}\nbackends: {{}}\nstore: {{}}\ntelemetry: {{}}\nlimits: {{}}\n"
    ));
    assert_eq!(format!("{:?}", empty.limits), format!("{:?}", configuration.limits));
    assert!(matches!(&empty.zones.external, Expose::Apis(names) if names.is_empty()));
    assert!(matches!(empty.zones.internal, Expose::All));
    let Database::Sqlite(database) = &empty.store.database;
    assert_eq!(database.value, Path::new("conf/data/gatehouse.db"));
}

#[test]
fn the_access_log_may_be_off() {
    for (text, expected) in
        [("off", None), ("stdout", Some(LogTarget::Stdout)), ("stderr", Some(LogTarget::Stderr))]
    {
        let configuration = good(&format!("{MINIMAL}telemetry: {{ access_log: {text} }}\n"));
        assert_eq!(configuration.telemetry.access_log, expected, "{text}");
    }
}

#[test]
fn a_file_is_read_with_its_folder() {
    let folder = std::env::temp_dir().join(format!("gatehouse-configuration-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("gatehouse.yaml");

    std::fs::write(&file, MINIMAL).unwrap();
    let (configuration, diagnostics) = read(&file, &|_| None);
    assert!(diagnostics.is_empty(), "{diagnostics}");
    assert_eq!(configuration.unwrap().artifacts[0].value, folder.join("artifacts"));

    std::fs::write(&file, b"watch: true\nservice: { name: \xff }\n").unwrap();
    let (configuration, diagnostics) = read(&file, &|_| None);
    assert!(configuration.is_none());
    assert_eq!(
        diagnostics.to_string(),
        format!("{}:2:1: error: this line is not UTF-8 text\n", file.display())
    );

    std::fs::write(&file, vec![b'#'; (4 << 20) + 1]).unwrap();
    let (_, diagnostics) = read(&file, &|_| None);
    assert_eq!(diagnostics.to_string(), format!("{}: error: larger than 4 MiB\n", file.display()));

    std::fs::remove_dir_all(&folder).unwrap();
    let (configuration, diagnostics) = read(&file, &|_| None);
    assert!(configuration.is_none());
    assert!(diagnostics.to_string().starts_with(&format!("{}: error: cannot be read: ", file.display())));
}

#[test]
fn the_whole_contract_is_read_but_for_what_is_not_yet_available() {
    let (configuration, diagnostics) = super::read(super::WHOLE);
    assert_eq!(
        diagnostics.to_string().lines().collect::<Vec<_>>(),
        [
            "conf/gatehouse.yaml:40:15: error: `endpoint` must be an https URL such as https://vault.example.com: invalid international domain name",
            "conf/gatehouse.yaml:50:1: error: `management` is not yet available in this version",
            "conf/gatehouse.yaml:51:1: error: `portal` is not yet available in this version",
            "conf/gatehouse.yaml:52:34: error: `otlp` is not yet available in this version",
        ]
    );
    let configuration = configuration.unwrap();
    assert_eq!(configuration.listeners[0].hosts, ["api.contoso.example"]);
    assert_eq!(configuration.telemetry.access_log, Some(LogTarget::Stdout));
    assert_eq!(configuration.limits, Limits::default());
}
