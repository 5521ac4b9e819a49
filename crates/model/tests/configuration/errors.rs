//! What is refused, where, and what would be right.

use std::fmt::Write;

use super::{FULL, MINIMAL, good, read};

/// The errors of a text, without the name of the file.
fn errors(text: &str) -> Vec<String> {
    let (_, diagnostics) = read(text);
    diagnostics.iter().map(|error| error.to_string().replace("conf/gatehouse.yaml:", "")).collect()
}

/// The errors of the minimal configuration with more at its end; its first new line is line 7.
fn errors_with(more: &str) -> Vec<String> {
    errors(&format!("{MINIMAL}{more}"))
}

/// The errors of a listener whose keys from line 3 are these, with the right certificate.
fn listener_errors(keys: &str) -> Vec<String> {
    let mut text = "artifacts: a\nlisteners:\n".to_owned();
    for (index, line) in keys.lines().enumerate() {
        let _ = writeln!(text, "{}{line}", if index == 0 { "  - " } else { "    " });
    }
    errors(&text)
}

const TLS: &str = "tls: { certificates: [{ certificate: a.pem, key: a.key }] }";

#[test]
fn nothing_and_nonsense() {
    assert_eq!(
        read("").1.to_string(),
        "conf/gatehouse.yaml: error: the configuration is empty (`gatehouse init DIR` writes one to start from)\n"
    );
    assert_eq!(errors("- a"), ["1:1: error: the configuration must be a mapping, not a list"]);
    assert_eq!(errors("service: {}"), [
        "1:1: low: no `artifacts` are named: no API is published (add `artifacts: ./artifacts` with the path of an APIOps folder)",
        "1:1: error: the configuration needs `listeners`: a list of mappings",
    ].into_iter().rev().collect::<Vec<_>>());
    assert_eq!(errors("a: 1\na: 2\n"), ["2:1: error: `a` is set twice, first in line 1"]);
    assert_eq!(
        errors("artifacts: a\nlisteners: []\n"),
        ["2:12: error: `listeners` must not be empty: it must be a list of mappings"]
    );
    assert!(errors("service: { name: a\nlisteners: 1\n")[0].contains("this is not YAML"));
}

#[test]
fn unknown_keys_are_told_with_what_was_meant() {
    for (more, expected) in [
        (
            "artefacts: x",
            "7:1: error: unknown key `artefacts` in the configuration (did you mean `artifacts`?)",
        ),
        ("service: { nmae: x }", "7:12: error: unknown key `nmae` in the service (did you mean `name`?)"),
        (
            "service: { publisher: { mail: x } }",
            "7:25: error: unknown key `mail` in the publisher (did you mean `email`?)",
        ),
        (
            "zones: { extern: {} }",
            "7:10: error: unknown key `extern` in the zones (did you mean `external`?)",
        ),
        (
            "zones: { external: { exposed: all } }",
            "7:22: error: unknown key `exposed` in the external zone (did you mean `expose`?)",
        ),
        (
            "backend_tls: { trsut: [a] }",
            "7:16: error: unknown key `trsut` in backend_tls (did you mean `trust`?)",
        ),
        (
            "backends: { a: { timeout: 1s } }",
            "7:18: error: unknown key `timeout` in a backend (known here: min_version, cipher_suites, key_exchange, trust, client_certificate, connect_timeout, idle_connections)",
        ),
        (
            "store: { db: x }",
            "7:10: error: unknown key `db` in the store (known here: database, counters, key)",
        ),
        (
            "store: { key: { file: a, vault: b } }",
            "7:26: error: unknown key `vault` in the key (known here: file)",
        ),
        (
            "telemetry: { acces_log: off }",
            "7:14: error: unknown key `acces_log` in telemetry (did you mean `access_log`?)",
        ),
        (
            "limits: { header: 1 }",
            "7:11: error: unknown key `header` in the limits (did you mean `headers`?)",
        ),
    ] {
        assert_eq!(errors_with(more), [expected], "{more}");
    }
    assert_eq!(
        listener_errors(&format!(
            "name: a\nzone: internal\nadress: 127.0.0.1:1\naddress: 127.0.0.1:1\n{TLS}"
        )),
        ["5:5: error: unknown key `adress` in a listener (did you mean `address`?)"]
    );
    assert_eq!(
        listener_errors(
            "name: a\nzone: internal\naddress: 127.0.0.1:1\ntls:\n  certs: []\n  certificates: [{ certificate: a, keys: b, key: b }]"
        ),
        [
            "7:7: error: unknown key `certs` in tls (known here: certificates, min_version, cipher_suites, key_exchange, client_certificates)",
            "8:40: error: unknown key `keys` in a certificate (did you mean `key`?)",
        ]
    );
}

#[test]
fn an_identity_has_no_keys_of_another_kind() {
    for (identity, expected) in [
        (
            "kind: azure-imds, client_secret: x",
            "7:21: error: `client_secret` has no meaning for the kind `azure-imds`",
        ),
        ("kind: issuer, socket: /x", "7:21: error: `socket` has no meaning for the kind `issuer`"),
        ("kind: app-service, tenant: x", "7:21: error: `tenant` has no meaning for the kind `app-service`"),
        ("kind: spiffe, token_file: x, socket: y", "7:21: error: `spiffe` takes `token_file` or `socket`"),
    ] {
        let errors = errors_with(&format!("identity: {{ system: {{ {identity} }} }}"));
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert!(errors[0].starts_with(expected), "{errors:?}");
    }
    let none: [&str; 0] = [];
    assert_eq!(
        errors_with("identity: { system: { kind: azure-imds, object_id: me, tenant: contoso } }"),
        none
    );
}

#[test]
fn a_login_is_one_way_that_its_vault_knows() {
    let vault = |kind: &str, login: &str| {
        errors_with(&format!(
            "vaults: [{{ match: \"https://v.example\", kind: {kind}, login: {{ {login} }} }}]"
        ))
    };
    let none: [&str; 0] = [];
    for login in
        ["role: r", "certificate: c, key: k", "token: t", "role: r, secret_id: s", "role: r, jwt_file: f"]
    {
        assert_eq!(vault("hashicorp-vault", login), none, "{login}");
    }
    for login in ["", "certificate: c", "role: r, token: t", "secret_id: s"] {
        let errors = vault("hashicorp-vault", login);
        assert!(errors.iter().any(|error| error.contains("a login is a `token`")), "{login}: {errors:?}");
    }
    assert_eq!(vault("aws-secrets-manager", "role: \"arn:aws:iam::1:role/r\""), none);
    assert!(vault("aws-secrets-manager", "token: t")[0].contains("needs the ARN of a `role`"));
    assert!(vault("gcp-secret-manager", "role: r")[0].contains("needs `audience`"));
    assert!(vault("azure-key-vault", "token: t")[0].contains("takes no `login`"));
}

#[test]
fn what_belongs_to_later_versions_is_refused_as_such() {
    for (more, expected) in [
        ("management: {}", "7:1: error: `management` is not yet available in this version"),
        ("portal: {}", "7:1: error: `portal` is not yet available in this version"),
        ("telemetry: { otlp: x }", "7:14: error: `otlp` is not yet available in this version"),
        (
            "store: { database: 'postgres://db/x' }",
            "7:20: error: PostgreSQL is not yet available in this version",
        ),
        (
            "store: { database: 'postgresql://db/x' }",
            "7:20: error: PostgreSQL is not yet available in this version",
        ),
        ("store: { counters: 'redis://cache' }", "7:20: error: Redis is not yet available in this version"),
        ("store: { counters: 'rediss://cache' }", "7:20: error: Redis is not yet available in this version"),
    ] {
        assert_eq!(errors_with(more), [expected], "{more}");
    }
    assert_eq!(
        listener_errors(&format!(
            "name: a\nzone: internal\naddress: 127.0.0.1:1\nserves: [gateway, portal, management]\n{TLS}"
        )),
        [
            "6:23: error: `portal` is not yet available in this version",
            "6:31: error: `management` is not yet available in this version",
        ]
    );
}

#[test]
fn an_external_zone_refuses_management() {
    assert_eq!(
        listener_errors(&format!(
            "name: a\nzone: external\naddress: 127.0.0.1:1\nserves: [management]\n{TLS}"
        )),
        [
            "6:14: error: `management` is not yet available in this version",
            "6:14: error: an external zone refuses `management` (serve it on a listener of the internal zone)",
        ]
    );
}

#[test]
fn missing_keys_are_all_told() {
    assert_eq!(
        listener_errors("serves: [gateway]"),
        [
            "3:5: error: a listener needs `address`: an IP address and a port, such as 0.0.0.0:8443 or [::]:8443",
            "3:5: error: a listener needs `name`: a name of letters, digits, `-`, `_` and `.`, 64 at the most",
            "3:5: error: a listener needs `tls`: a mapping",
            "3:5: error: a listener needs `zone`: external or internal",
        ]
    );
    assert_eq!(
        listener_errors("name: a\nzone: internal\naddress: 127.0.0.1:1\ntls: {}"),
        ["6:10: error: tls needs `certificates`: a list of mappings"]
    );
    assert_eq!(
        listener_errors("name: a\nzone: internal\naddress: 127.0.0.1:1\ntls: { certificates: [] }"),
        ["6:26: error: `certificates` must not be empty: it must be a list of mappings"]
    );
    assert_eq!(
        listener_errors(
            "name: a\nzone: internal\naddress: 127.0.0.1:1\ntls: { certificates: [{ certificate: a.pem }] }"
        ),
        ["6:27: error: a certificate needs `key`: a path"]
    );
    assert_eq!(
        errors_with("backends: { a: { client_certificate: { key: k } } }"),
        ["7:38: error: a client certificate needs `certificate`: a path"]
    );
    assert_eq!(errors_with("store: { key: {} }"), ["7:15: error: the key needs `file`: a path"]);
}

#[test]
fn wrong_types_and_values() {
    for (more, expected) in [
        ("watch: yes", "7:8: error: `watch` must be true or false, not a string"),
        ("overrides: [a]", "7:12: error: `overrides` must be a path, not a list"),
        ("overrides: ''", "7:12: error: `overrides` must be a path: it is empty"),
        ("service: x", "7:10: error: `service` must be a mapping, not a string"),
        (
            "service: { name: 1.10 }",
            "7:18: error: `name` must be text, not a number (put it in quotes if it is meant: \"1.10\")",
        ),
        (
            "service: { publisher: { email: nobody } }",
            "7:32: error: `email` must be a mail address, not `nobody`",
        ),
        (
            "zones: { external: { expose: petstore } }",
            "7:30: error: `expose` must be `all` or a list of API names, not `petstore` (did you mean `[petstore]`?)",
        ),
        (
            "zones: { external: { expose: [a, b, a] } }",
            "7:37: error: `a` stands in `expose` twice, first in line 7",
        ),
        (
            "backend_tls: { min_version: 1.1 }",
            "7:29: error: `min_version` must be 1.2 or 1.3, not `1.1` (did you mean `1.2`?)",
        ),
        (
            "backend_tls: { trust: [] }",
            "7:23: error: `trust` must not be empty: it must be a list of system, paths",
        ),
        (
            "backend_tls: { cipher_suites: [TLS_AES_256_GCM_SHA38] }",
            "7:32: error: an entry of `cipher_suites` must be TLS_AES_256_GCM_SHA384, TLS_AES_128_GCM_SHA256, TLS_CHACHA20_POLY1305_SHA256, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 or TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, not `TLS_AES_256_GCM_SHA38` (did you mean `TLS_AES_256_GCM_SHA384`?)",
        ),
        (
            "backend_tls: { key_exchange: [P-256] }",
            "7:31: error: an entry of `key_exchange` must be X25519MLKEM768, X25519, secp256r1 or secp384r1, not `P-256`",
        ),
        (
            "backends: { a: { idle_connections: -1 } }",
            "7:36: error: `idle_connections` must be a whole number from 0 to 100000, not `-1`",
        ),
        (
            "store: { database: 'mysql://root:secret@x' }",
            "7:20: error: `database` must be `sqlite:` and a path: no other database is known",
        ),
        (
            "store: { database: 'sqlite:' }",
            "7:20: error: `database` must be `sqlite:` and a path: the path is missing",
        ),
        (
            "store: { database: 'sqlite:///var/db' }",
            "7:20: error: `database` must be `sqlite:` and a path, not `sqlite:///var/db` (did you mean `sqlite:/var/db`?)",
        ),
        (
            "store: { database: 'sqlite::memory:' }",
            "7:20: error: `database` must be `sqlite:` and a path: a database in memory outlives nothing",
        ),
        ("store: { counters: disk }", "7:20: error: `counters` must be `memory`: no other place is known"),
        (
            "telemetry: { access_log: true }",
            "7:26: error: `access_log` must be stdout, stderr, off or a path, not a boolean",
        ),
        (
            "artifacts2: a",
            "7:1: error: unknown key `artifacts2` in the configuration (did you mean `artifacts`?)",
        ),
    ] {
        assert_eq!(errors_with(more), [expected], "{more}");
    }
    let (_, diagnostics) = read(&MINIMAL.replace("artifacts: artifacts", "artifacts: { a: b }"));
    assert_eq!(
        diagnostics.to_string(),
        "conf/gatehouse.yaml:1:12: error: `artifacts` must be a path or a list of paths, not a mapping\n"
    );
}

#[test]
fn sizes_and_durations() {
    let size = "must be a size from 1KiB to 1MiB, such as 16KiB";
    let duration = "must be a duration from 10ms to 1h, such as 10s";
    for (value, expected) in [
        ("16KB", format!("{size}, not `16KB` (did you mean `16KiB`?)")),
        ("16k", format!("{size}, not `16k` (did you mean `16KiB`?)")),
        ("\"16 KiB\"", format!("{size}, not `16 KiB` (did you mean `16KiB`?)")),
        ("lots", format!("{size}, not `lots`")),
        ("1023", format!("{size}, not `1023`")),
        ("2MiB", format!("{size}, not `2MiB`")),
        ("-1", format!("{size}, not `-1`")),
        ("1.5", format!("{size}, not `1.5`")),
        ("99999999999999999999GiB", format!("{size}, not `99999999999999999999GiB`")),
        ("[1]", format!("{size}, not a list")),
    ] {
        let text = format!("limits: {{ header_bytes: {value} }}");
        assert_eq!(errors_with(&text), [format!("7:25: error: `header_bytes` {expected}")]);
    }
    for (value, expected) in [
        ("10", format!("{duration}, not `10` (say the unit: `10s` or `10ms`)")),
        ("10sec", format!("{duration}, not `10sec`")),
        ("1m30s", format!("{duration}, not `1m30s`")),
        ("1ms", format!("{duration}, not `1ms`")),
        ("2h", format!("{duration}, not `2h`")),
        ("true", format!("{duration}, not a boolean")),
    ] {
        let text = format!("limits: {{ body_timeout: {value} }}");
        assert_eq!(errors_with(&text), [format!("7:25: error: `body_timeout` {expected}")]);
    }
    assert_eq!(
        errors_with("limits: { headers: 0, streams: '5', body_rate: 4294967296 }"),
        [
            "7:20: error: `headers` must be a whole number from 1 to 1000, not `0`",
            "7:32: error: `streams` must be a whole number from 1 to 10000, not a string",
            "7:48: error: `body_rate` must be a whole number from 0 to 4294967295, not `4294967296`",
        ]
    );
}

#[test]
fn addresses_and_names() {
    let wrong = "`address` must be an IP address and a port, such as 0.0.0.0:8443 or [::]:8443";
    for (address, expected) in [
        ("127.0.0.1", format!("{wrong}: `127.0.0.1` has no port")),
        ("\":8443\"", format!("{wrong}, not `:8443` (did you mean `0.0.0.0:8443`?)")),
        ("\"*:8443\"", format!("{wrong}, not `*:8443` (did you mean `0.0.0.0:8443`?)")),
        (
            "localhost:8443",
            format!("{wrong}: a host name is no address to listen on (did you mean `127.0.0.1:8443`?)"),
        ),
        ("127.0.0.1:65536", format!("{wrong}: `65536` is no port; the highest is 65535")),
        ("127.0.0.1:http", format!("{wrong}, not `127.0.0.1:http`")),
        ("300.0.0.1:1", format!("{wrong}, not `300.0.0.1:1`")),
        (
            "\"fe80::1:8443\"",
            format!("{wrong}, not `fe80::1:8443` (an IPv6 address stands in brackets: `[fe80::1]:8443`)"),
        ),
        ("8443", format!("{wrong}, not a number (put it in quotes if it is meant: \"8443\")")),
    ] {
        let keys = format!("name: a\nzone: internal\naddress: {address}\n{TLS}");
        assert_eq!(listener_errors(&keys), [format!("5:14: error: {expected}")], "{address}");
    }
    assert_eq!(
        listener_errors(&format!("name: a b\nzone: dmz\naddress: 127.0.0.1:1\n{TLS}")),
        [
            "3:11: error: `name` must be a name of letters, digits, `-`, `_` and `.`, 64 at the most, not `a b`",
            "4:11: error: `zone` must be external or internal, not `dmz`",
        ]
    );
    good(&MINIMAL.replace("127.0.0.1:8443", "127.0.0.1:0"));
}

#[test]
fn hosts_and_networks() {
    let host = "an entry of `hosts` must be a host name such as api.example.com or *.example.com";
    for (value, expected) in [
        ("'*'", format!("{host}: `*` alone stands for every host (leave the key out to answer to all)")),
        ("'a.*.example'", format!("{host}: `*` may only be the whole first label")),
        ("'a*.example'", format!("{host}: `*` may only be the whole first label")),
        ("api.example:443", format!("{host}: the port is no part of it (did you mean `api.example`?)")),
        (
            "https://api.example/x",
            format!("{host}: the scheme is no part of it (did you mean `api.example`?)"),
        ),
        (
            "bücher.example",
            format!(
                "{host}: it has characters outside ASCII (write an internationalized name in its `xn--` form)"
            ),
        ),
        ("-a.example", format!("{host}, not `-a.example`")),
        ("a..example", format!("{host}, not `a..example`")),
        ("a_b.example", format!("{host}, not `a_b.example`")),
        ("'*.'", format!("{host}, not `*.`")),
        ("'[::g]'", format!("{host}, not `[::g]`")),
    ] {
        let keys = format!("name: a\nzone: internal\naddress: 127.0.0.1:1\nhosts: [{value}]\n{TLS}");
        assert_eq!(listener_errors(&keys), [format!("6:13: error: {expected}")], "{value}");
    }
    let network = "an entry of `trusted_proxies` must be a network such as 10.0.0.0/8 or an IP address";
    for (value, expected) in [
        (
            "10.0.0.1/8",
            format!(
                "{network}: `10.0.0.1/8` has bits behind its prefix (did you mean `10.0.0.0/8` or `10.0.0.1`?)"
            ),
        ),
        ("10.0.0.0/33", format!("{network}: the prefix must be a number from 0 to 32")),
        ("'fd00::/129'", format!("{network}: the prefix must be a number from 0 to 128")),
        ("10.0.0.0/x", format!("{network}: the prefix must be a number from 0 to 32")),
        ("10.0.0/8", format!("{network}, not `10.0.0/8`")),
        ("proxy.example", format!("{network}, not `proxy.example`")),
    ] {
        let keys =
            format!("name: a\nzone: internal\naddress: 127.0.0.1:1\ntrusted_proxies: [{value}]\n{TLS}");
        assert_eq!(listener_errors(&keys), [format!("6:23: error: {expected}")], "{value}");
    }
}

#[test]
fn two_listeners_cannot_be_one() {
    let listener = |name: &str, address: &str, more: &str| {
        format!("  - {{ name: {name}, zone: internal, address: \"{address}\", {TLS}{more} }}\n")
    };
    let with = |second: String| {
        errors(&format!(
            "artifacts: a\nlisteners:\n{}{second}",
            listener("a", "0.0.0.0:8443", ", http_redirect: 0.0.0.0:8080")
        ))
    };
    assert_eq!(
        with(listener("a", "0.0.0.0:8444", "")),
        ["4:5: error: two listeners are named `a`, the first in line 3"]
    );
    assert_eq!(
        with(listener("b", "0.0.0.0:8443", "")),
        ["4:41: error: `0.0.0.0:8443` is taken by `0.0.0.0:8443` in line 3 already"]
    );
    assert_eq!(
        with(listener("b", "127.0.0.1:8443", "")),
        ["4:41: error: `127.0.0.1:8443` is taken by `0.0.0.0:8443` in line 3 already"]
    );
    assert_eq!(
        with(listener("b", "127.0.0.1:8080", "")),
        ["4:41: error: `127.0.0.1:8080` is taken by `0.0.0.0:8080` in line 3 already"]
    );
    assert_eq!(with(listener("b", "[::]:8443", "")), [""; 0]);
    assert_eq!(with(listener("b", "127.0.0.1:8444", "")), [""; 0]);
    assert_eq!(
        errors(&format!(
            "artifacts: a\nlisteners:\n{}",
            listener("a", "0.0.0.0:8443", ", http_redirect: 0.0.0.0:8443")
        )),
        ["3:133: error: `0.0.0.0:8443` is taken by `0.0.0.0:8443` in line 3 already"]
    );
}

#[test]
fn tls_settings_that_cannot_work() {
    let listener =
        |tls: &str| listener_errors(&format!("name: a\nzone: internal\naddress: 127.0.0.1:1\ntls:\n{tls}"));
    let certificate = "  certificates: [{ certificate: a.pem, key: a.key }]\n";
    let old = "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384";
    let useless = format!(
        "error: `{old}` is a suite of TLS 1.2, and `min_version` is 1.3 (leave the suite out, or set `min_version: \"1.2\"`)"
    );
    assert_eq!(
        listener(&format!("{certificate}  cipher_suites: [TLS_AES_128_GCM_SHA256, {old}]")),
        [format!("8:47: {useless}")]
    );
    assert_eq!(listener(&format!("{certificate}  min_version: \"1.2\"\n  cipher_suites: [{old}]")), [""; 0]);
    // An entry inherits what it does not say, and is told what that makes of it.
    assert_eq!(
        listener(&format!(
            "  certificates: [{{ certificate: a.pem, key: a.key, min_version: \"1.3\" }}]\n  min_version: \"1.2\"\n  cipher_suites: [{old}]"
        )),
        [format!("7:22: {useless}")]
    );
    assert_eq!(
        listener(&format!(
            "  certificates: [{{ certificate: a.pem, key: a.key, cipher_suites: [{old}] }}]\n"
        )),
        [format!("7:72: {useless}")]
    );
    assert_eq!(
        errors_with(&format!("backend_tls: {{ cipher_suites: [{old}] }}")),
        [format!("7:32: {useless}")]
    );
    assert_eq!(
        errors_with(&format!(
            "backend_tls: {{ min_version: \"1.2\", cipher_suites: [{old}] }}\nbackends:\n  a: {{ min_version: \"1.3\" }}"
        )),
        [format!("9:6: {useless}")]
    );
    assert_eq!(
        listener(&format!("{certificate}  key_exchange: []")),
        [
            "8:21: error: `key_exchange` must not be empty: it must be a list of X25519MLKEM768, X25519, secp256r1, secp384r1"
        ]
    );
    assert_eq!(
        listener(&format!("{certificate}  key_exchange: [X25519, X25519]")),
        ["8:30: error: `X25519` stands in `key_exchange` twice, first in line 8"]
    );
    assert_eq!(
        listener(
            "  certificates:\n  - { certificate: a, key: a, hosts: [x.example] }\n  - { certificate: b, key: b, hosts: [y.example, X.example] }"
        ),
        ["9:54: error: `x.example` has two certificates, the first in line 8"]
    );
}

#[test]
fn client_certificates_need_somebody_who_vouches() {
    let clients = |settings: &str| {
        listener_errors(&format!(
            "name: a\nzone: internal\naddress: 127.0.0.1:1\ntls:\n  certificates: [{{ certificate: a.pem, key: a.key }}]\n  client_certificates: {settings}"
        ))
    };
    for mode in ["required", "optional"] {
        assert_eq!(
            clients(&format!("{{ mode: {mode} }}")),
            [
                "8:28: error: client certificates are asked for, and `trust` names nobody who vouches for them (add `trust: [clients-ca.pem]` with the PEM file of the authority)"
            ]
        );
    }
    assert_eq!(
        clients("{ mode: required, trust: [] }"),
        ["8:53: error: `trust` must not be empty: it must be a list of any, paths"]
    );
    assert_eq!(
        clients("{ trust: [ca.pem] }"),
        [
            "8:28: error: `trust` and `crls` have no effect without `mode`, whose default is off (add `mode: required` or `mode: optional`)"
        ]
    );
    assert_eq!(clients("{ mode: \"off\", trust: [ca.pem] }"), [""; 0]);
    assert_eq!(clients("{ mode: off, trust: [ca.pem] }"), [""; 0]);
    assert_eq!(
        clients("{ mode: require, trust: [ca.pem] }"),
        ["8:36: error: `mode` must be off, optional or required, not `require` (did you mean `required`?)"]
    );
}

#[test]
fn unset_variables_are_told_once() {
    assert_eq!(
        errors(&MINIMAL.replace("127.0.0.1:8443", "127.0.0.1:${UNSET}")),
        ["5:24: error: the environment variable `UNSET` is not set"]
    );
    assert_eq!(
        errors_with("limits: { headers: \"${UNSET}\" }\nwatch: ${ALSO}\n"),
        [
            "7:21: error: the environment variable `UNSET` is not set",
            "8:8: error: the environment variable `ALSO` is not set",
        ]
    );
    assert_eq!(
        errors_with("limits: { headers: ${UNSET} }"),
        ["7:20: error: the environment variable `UNSET` is not set"]
    );
}

#[test]
fn all_errors_of_a_file_are_told_in_its_order() {
    let broken = FULL
        .replace("region: westeurope", "regoin: westeurope")
        .replace("zone: internal", "zone: intrenal")
        .replace("headers: 64", "headers: many")
        .replace("watch: true", "watch: sometimes");
    let (configuration, diagnostics) = read(&broken);
    assert_eq!(
        diagnostics.to_string().lines().collect::<Vec<_>>(),
        [
            "conf/gatehouse.yaml:4:3: error: unknown key `regoin` in the service (did you mean `region`?)",
            "conf/gatehouse.yaml:36:11: error: `zone` must be external or internal, not `intrenal` (did you mean `internal`?)",
            "conf/gatehouse.yaml:118:12: error: `headers` must be a whole number from 1 to 1000, not a string",
            "conf/gatehouse.yaml:141:8: error: `watch` must be true or false, not a string",
        ]
    );
    // What is right is there, so that the artifacts can be checked in the same run.
    let configuration = configuration.unwrap();
    assert_eq!(configuration.artifacts.len(), 2);
    assert_eq!(configuration.listeners.len(), 1);
    assert!(diagnostics.has_errors());
}

#[test]
fn a_file_that_ends_anywhere_is_told_and_nothing_breaks() {
    let ends: Vec<_> = FULL.char_indices().map(|(end, _)| end).collect();
    for end in ends {
        let (configuration, diagnostics) = read(&FULL[..end]);
        let complete = configuration.is_some_and(|configuration| !configuration.listeners.is_empty());
        assert!(complete || diagnostics.has_errors(), "{end}");
    }
}

#[test]
fn a_backend_knows_where_it_stands() {
    let configuration = good(&format!("{MINIMAL}backends:\n  ledger: {{ idle_connections: 1 }}\n"));
    let place = configuration.backends["ledger"].location.as_ref().map(ToString::to_string);
    assert_eq!(place.as_deref(), Some("conf/gatehouse.yaml:8:11"));
    assert_eq!(configuration.backend_tls.location, None);
}
