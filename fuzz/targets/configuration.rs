//! `gatehouse.yaml`: it never panics, and a configuration that is not given comes with an error.

#![no_main]

use std::path::Path;

use gatehouse_model::configuration::parse;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let environment = |name: &str| (name == "HOME").then(|| "/home/operator".to_owned());
    let (configuration, findings) = parse(text, Path::new("gatehouse.yaml"), &environment);
    assert!(configuration.is_some() || findings.has_errors(), "what is refused has an error");
});
