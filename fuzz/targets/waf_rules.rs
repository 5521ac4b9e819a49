//! Rules: whatever stands in a rule file, reading it ends in rules or in errors.

#![no_main]

use gatehouse_waf::{Options, RuleSet, RuleSource};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    // Files are not the reader's business here.
    if text.to_ascii_lowercase().contains("include") || text.to_ascii_lowercase().contains("fromfile") {
        return;
    }
    let source = RuleSource::Text { name: "fuzz".into(), text: text.into(), folder: ".".into() };
    let _ = RuleSet::load(&[source], &Options::default());
});
