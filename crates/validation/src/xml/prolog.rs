//! What stands before the root element: neither a document type nor another encoding than UTF-8.

/// Why a document is not even read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) message: &'static str,
    pub(super) offset: usize,
}

/// Checks everything before the root element.
pub(super) fn check(document: &[u8]) -> Result<(), Refused> {
    let refuse = |message, offset| Err(Refused { message, offset });
    if document.starts_with(b"\xff\xfe") || document.starts_with(b"\xfe\xff") || document.contains(&0) {
        return refuse("The document is not UTF-8.", 0);
    }
    let mut at = if document.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
    loop {
        let rest = document.get(at..).unwrap_or_default();
        let blank = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        at += blank;
        let rest = document.get(at..).unwrap_or_default();
        let end = if rest.starts_with(b"<?") {
            let end = memchr::memmem::find(rest, b"?>").map(|end| end + 2);
            let instruction = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
            if rest.starts_with(b"<?xml ") && !is_utf8(instruction) {
                return refuse("The document has another encoding than UTF-8.", at);
            }
            end
        } else if rest.starts_with(b"<!--") {
            memchr::memmem::find(rest, b"-->").map(|end| end + 3)
        } else if rest.starts_with(b"<!") {
            return refuse("A document type is not allowed.", at);
        } else {
            return Ok(());
        };
        match end {
            Some(end) => at += end,
            None => return refuse("The document ends before its root element.", at),
        }
    }
}

/// Whether an XML declaration names no encoding but UTF-8 or a part of it.
fn is_utf8(declaration: &[u8]) -> bool {
    let text = String::from_utf8_lossy(declaration).to_ascii_lowercase();
    let Some((_, after)) = text.split_once("encoding") else { return true };
    let value = after.trim_start().trim_start_matches('=').trim_start();
    let Some(quote) = value.chars().next().filter(|quote| matches!(quote, '"' | '\'')) else { return false };
    let name = value.trim_start_matches(quote).split(quote).next().unwrap_or_default();
    matches!(name, "utf-8" | "utf8" | "us-ascii" | "ascii")
}
