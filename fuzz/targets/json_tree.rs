//! The JSON reader that keeps places: nothing makes it panic, and every refusal says why.

#![no_main]

use std::path::Path;
use std::sync::Arc;

use gatehouse_model::tree::parse_json;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let file: Arc<Path> = Arc::from(Path::new("api.json"));
    if let Err(finding) = parse_json(text, &file) {
        assert!(!finding.message.is_empty(), "a refusal says why");
    }
});
