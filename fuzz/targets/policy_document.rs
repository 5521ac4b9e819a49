//! The reader of policy documents: it never panics, whatever the encoding claims to be.

#![no_main]

use std::path::Path;
use std::sync::Arc;

use gatehouse_policy::document::read_bytes;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let file: Arc<Path> = Arc::from(Path::new("policy.xml"));
    if let Err(finding) = read_bytes(bytes, &file) {
        assert!(!finding.message.is_empty(), "a refusal says why");
    }
});
