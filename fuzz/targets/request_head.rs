//! The judgement of HTTP/1 request heads: it never panics, and what it lets pass ends where its first empty line does,
//! however the bytes come.

#![no_main]

use gatehouse_gateway::probe::judge_head;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let whole = judge_head(bytes, bytes.len());
    for piece in [1, 7] {
        assert_eq!(judge_head(bytes, piece), whole, "the pieces that bytes come in change nothing");
    }
    if let Some(length) = whole {
        let head = &bytes[..length];
        assert!(head.ends_with(b"\r\n\r\n"), "a head ends with an empty line");
        assert!(!head[..length - 2].windows(4).any(|four| four == b"\r\n\r\n"), "and with the first one");
        assert!(!head.contains(&0), "no NUL passes");
    }
});
