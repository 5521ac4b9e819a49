//! The tolerant reader of policy documents: text in, a tree with the place of everything out.
//!
//! Policy documents look like XML and are not: expressions stand in them as they are, with quotes, `<` and `&`. The
//! reader switches to the lexical rules of C# where a value begins with `@(` or `@{`, and reads the entity-escaped
//! spelling of the same documents (`&quot;`, `&amp;&amp;`) as well. White space and line breaks inside expressions are
//! kept, because a `//` comment ends with its line.

mod cursor;
mod element;
mod entity;
mod reader;
mod text;

use std::path::Path;
use std::sync::Arc;

use gatehouse_model::resources::PolicySource;
use gatehouse_model::{Diagnostic, Location};

pub use self::element::{Attribute, Element, Node};
pub(crate) use self::entity::decode as decode_entity;
pub use self::text::{Text, TextKind};

/// The largest document, in bytes; the limit of Azure API Management.
pub const MAX_DOCUMENT_BYTES: usize = 512 * 1024;

/// The deepest nesting of elements.
pub const MAX_DEPTH: usize = 100;

/// The most elements of one document.
pub const MAX_ELEMENTS: usize = 20_000;

/// The most attributes of one element.
pub const MAX_ATTRIBUTES: usize = 64;

/// Reads a document and gives its root element.
///
/// # Errors
/// The first thing that keeps the text from being a policy document, with its place and what would be right.
pub fn read(source: &PolicySource) -> Result<Element, Diagnostic> {
    reader::read(&source.text, &source.file)
}

/// Reads a document from bytes: checks size and UTF-8, and leaves out a byte order mark.
///
/// # Errors
/// As [`read`].
pub fn read_bytes(bytes: &[u8], file: &Arc<Path>) -> Result<Element, Diagnostic> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let sound = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let sound = std::str::from_utf8(sound).unwrap_or_default();
        let mut cursor = cursor::Cursor::new(sound, file);
        cursor.skip_to(sound.len());
        Diagnostic::error("invalid-utf8", cursor.location(), "the document is not UTF-8 here")
            .fix("save the file with the encoding UTF-8")
    })?;
    reader::read(&Arc::from(text), file)
}

fn syntax(location: Location, message: impl Into<String>) -> Diagnostic {
    Diagnostic::error("policy-syntax", location, message)
}

#[cfg(test)]
mod tests;
