//! API definitions in every format that is imported: nothing makes the reader panic or run away.

#![no_main]

use std::path::Path;

use gatehouse_model::definition::read;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &str)| {
    let (format, text) = input;
    let names = ["specification.json", "specification.yaml", "specification.wsdl", "specification.graphql"];
    let name = names[usize::from(format) % names.len()];
    let (definition, findings) = read(Path::new(name), text);
    assert!(definition.is_some() || findings.has_errors(), "what is refused has an error");
});
