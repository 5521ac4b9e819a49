//! Bodies that do not say what they are: see `shared/waf_body.rs`.

#![no_main]

#[path = "shared/waf_body.rs"]
mod waf_body;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| waf_body::body(b"", body));
