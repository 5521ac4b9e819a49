//! `gatehouse.yaml`: what it means, what is refused, and the schema and the reference that describe it.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "helpers of tests")]

mod errors;
mod reference;
mod values;

use std::path::Path;

use gatehouse_model::Diagnostics;
use gatehouse_model::configuration::{Configuration, parse};

/// Every key that this version takes.
const FULL: &str = include_str!("full.yaml");

/// Every block that there will ever be.
const WHOLE: &str = include_str!("whole.yaml");

const MINIMAL: &str = "\
artifacts: artifacts
listeners:
  - name: public
    zone: external
    address: 127.0.0.1:8443
    tls: { certificates: [{ certificate: a.pem, key: a.key }] }
";

fn read(text: &str) -> (Option<Configuration>, Diagnostics) {
    let environment = |name: &str| match name {
        "PORT" => Some("8443".to_owned()),
        "TEAM" | "STAGE" => Some("payments".to_owned()),
        "HOME" => Some("/home/gatehouse".to_owned()),
        "CONNECTIONS" => Some("500".to_owned()),
        _ => None,
    };
    parse(text, Path::new("conf/gatehouse.yaml"), &environment)
}

fn good(text: &str) -> Configuration {
    let (configuration, diagnostics) = read(text);
    assert!(diagnostics.is_empty(), "{diagnostics}");
    configuration.expect("a configuration without errors")
}
