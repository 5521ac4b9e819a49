//! The cryptography of one TLS configuration, for listeners and for backends.

use std::sync::Arc;

use gatehouse_model::configuration::{CipherSuite, KeyExchange, TlsVersion};
use rustls::crypto::{CryptoProvider, SupportedKxGroup, aws_lc_rs};
use rustls::{SupportedCipherSuite, SupportedProtocolVersion};

/// The aws-lc-rs provider narrowed to these suites and groups, in this order. An empty list of suites means the
/// library's safe set; an empty list of groups means [`KeyExchange::DEFAULT`].
pub fn provider(cipher_suites: &[CipherSuite], key_exchange: &[KeyExchange]) -> Arc<CryptoProvider> {
    let default = aws_lc_rs::default_provider();
    let groups = if key_exchange.is_empty() { &KeyExchange::DEFAULT[..] } else { key_exchange };
    Arc::new(CryptoProvider {
        cipher_suites: if cipher_suites.is_empty() {
            default.cipher_suites
        } else {
            cipher_suites.iter().map(|suite| suite_of(*suite)).collect()
        },
        kx_groups: groups.iter().map(|group| group_of(*group)).collect(),
        ..default
    })
}

/// The protocol versions from `lowest` upwards.
pub fn versions(lowest: TlsVersion) -> &'static [&'static SupportedProtocolVersion] {
    static FROM_12: [&SupportedProtocolVersion; 2] = [&rustls::version::TLS13, &rustls::version::TLS12];
    static FROM_13: [&SupportedProtocolVersion; 1] = [&rustls::version::TLS13];
    match lowest {
        TlsVersion::Tls12 => &FROM_12,
        TlsVersion::Tls13 => &FROM_13,
    }
}

fn suite_of(suite: CipherSuite) -> SupportedCipherSuite {
    use aws_lc_rs::cipher_suite as suites;
    match suite {
        CipherSuite::TLS_AES_256_GCM_SHA384 => suites::TLS13_AES_256_GCM_SHA384,
        CipherSuite::TLS_AES_128_GCM_SHA256 => suites::TLS13_AES_128_GCM_SHA256,
        CipherSuite::TLS_CHACHA20_POLY1305_SHA256 => suites::TLS13_CHACHA20_POLY1305_SHA256,
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 => {
            suites::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
        }
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 => {
            suites::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
        }
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 => {
            suites::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
        }
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 => suites::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 => suites::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 => {
            suites::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
        }
    }
}

fn group_of(group: KeyExchange) -> &'static dyn SupportedKxGroup {
    use aws_lc_rs::kx_group as groups;
    match group {
        KeyExchange::X25519Mlkem768 => groups::X25519MLKEM768,
        KeyExchange::X25519 => groups::X25519,
        KeyExchange::Secp256r1 => groups::SECP256R1,
        KeyExchange::Secp384r1 => groups::SECP384R1,
    }
}

/// The IANA name of a suite that a handshake has chosen.
pub fn iana_name(suite: rustls::CipherSuite) -> &'static str {
    use rustls::CipherSuite as Suite;
    match suite {
        Suite::TLS13_AES_256_GCM_SHA384 => "TLS_AES_256_GCM_SHA384",
        Suite::TLS13_AES_128_GCM_SHA256 => "TLS_AES_128_GCM_SHA256",
        Suite::TLS13_CHACHA20_POLY1305_SHA256 => "TLS_CHACHA20_POLY1305_SHA256",
        // From TLS 1.2 on downwards the library's names are IANA's.
        other => other.as_str().unwrap_or("unknown"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_choice_are_those_of_the_configuration() {
        let provider = provider(
            &[CipherSuite::TLS_CHACHA20_POLY1305_SHA256, CipherSuite::TLS_AES_256_GCM_SHA384],
            &[KeyExchange::Secp384r1, KeyExchange::X25519],
        );
        let suites: Vec<_> = provider.cipher_suites.iter().map(|suite| iana_name(suite.suite())).collect();
        assert_eq!(suites, ["TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_256_GCM_SHA384"]);
        let groups: Vec<_> = provider.kx_groups.iter().map(|group| group.name()).collect();
        assert_eq!(groups, [rustls::NamedGroup::secp384r1, rustls::NamedGroup::X25519]);
    }

    #[test]
    fn by_default_the_hybrid_group_comes_first() {
        let provider = provider(&[], &[]);
        assert_eq!(provider.kx_groups[0].name(), rustls::NamedGroup::X25519MLKEM768);
        assert!(!provider.cipher_suites.is_empty());
    }

    #[test]
    fn every_suite_of_the_configuration_has_its_iana_name() {
        for (name, suite, _) in CipherSuite::ALL {
            assert_eq!(iana_name(suite_of(suite).suite()), name);
        }
    }
}
