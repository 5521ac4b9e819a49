//! The files of artifacts as text and as trees.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use crate::tree::{Node, parse_json};
use crate::{Diagnostic, Location};

/// The largest information file: 4 MiB.
pub(super) const MAX_INFORMATION: u64 = 4 << 20;
/// The largest policy document: 1 MiB, twice what API Management takes.
pub(super) const MAX_POLICY: u64 = 1 << 20;
/// The largest API definition: 64 MiB.
pub(super) const MAX_DEFINITION: u64 = 64 << 20;

/// The text of a file in UTF-8, without its byte order mark.
pub(super) fn read_text(file: &Arc<Path>, largest: u64) -> Result<String, Diagnostic> {
    let unreadable = |error: std::io::Error| {
        Diagnostic::error(
            "unreadable-file",
            Location::file(Arc::clone(file)),
            format!("the file cannot be read: {error}"),
        )
    };
    // Asked before it is opened: to open a pipe waits for somebody to write.
    if !fs::metadata(file).map_err(unreadable)?.is_file() {
        let location = Location::file(Arc::clone(file));
        return Err(Diagnostic::error("unreadable-file", location, "this is no regular file"));
    }
    let handle = fs::File::open(file).map_err(unreadable)?;
    let mut bytes = Vec::new();
    handle.take(largest + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > largest {
        return Err(Diagnostic::error(
            "file-too-large",
            Location::file(Arc::clone(file)),
            format!("the file is larger than {} MiB", largest >> 20),
        ));
    }
    let start = if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    bytes.drain(..start);
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let before = String::from_utf8_lossy(error.as_bytes().get(..valid).unwrap_or_default()).into_owned();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
        let start = error.as_bytes().get(..2);
        let wide = start.is_some_and(|start| matches!(start, b"\xff\xfe" | b"\xfe\xff"));
        let message = if wide { "the file is UTF-16" } else { "the file is not UTF-8" };
        Diagnostic::error("not-utf8", Location::new(Arc::clone(file), line as u32, column as u32), message)
            .fix("save it as UTF-8")
    })
}

/// A JSON file as a tree.
pub(super) fn read_json(file: &Arc<Path>) -> Result<Node, Diagnostic> {
    parse_json(&read_text(file, MAX_INFORMATION)?, file)
}
