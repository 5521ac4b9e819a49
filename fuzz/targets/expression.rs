//! Policy expressions: nothing makes the compiler panic, and every refusal has a place within the text.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for source in [text.to_owned(), format!("@({text})"), format!("@{{{text}}}")] {
        if let Err(findings) = gatehouse_expression::compile(&source) {
            assert!(!findings.is_empty(), "a refusal says why");
        }
    }
});
