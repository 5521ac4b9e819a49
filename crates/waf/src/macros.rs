//! Macros: texts with `%{VARIABLE}` and `%{COLLECTION.name}` in them.

use crate::names::Names;
use crate::variables::Reference;

/// A text with macros.
#[derive(Clone, Debug)]
pub(crate) struct Macro(Box<[Piece]>);

/// A part of a text with macros.
#[derive(Clone, Debug)]
pub(crate) enum Piece {
    /// Text that stays.
    Text(Box<[u8]>),
    /// The value of a variable.
    Reference(Reference),
}

impl Macro {
    /// A text without macros.
    pub(crate) fn constant(text: &[u8]) -> Self {
        Self(if text.is_empty() { Box::default() } else { Box::new([Piece::Text(text.into())]) })
    }

    /// Reads a text; a reference to no variable is an error.
    pub(crate) fn parse(text: &str, names: &mut Names) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("%{") {
            let (reference, after) = after.split_once('}').ok_or("a macro %{ has no end")?;
            if !before.is_empty() {
                pieces.push(Piece::Text(before.as_bytes().into()));
            }
            pieces.push(Piece::Reference(Reference::parse(reference, names)?));
            rest = after;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.as_bytes().into()));
        }
        Ok(Self(pieces.into()))
    }

    pub(crate) fn pieces(&self) -> &[Piece] {
        &self.0
    }

    pub(crate) fn is_constant(&self) -> bool {
        self.as_constant().is_some()
    }

    /// The text, if it has no macros.
    pub(crate) fn as_constant(&self) -> Option<&[u8]> {
        match &*self.0 {
            [] => Some(b""),
            [Piece::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The reference that is all of the text.
    pub(crate) fn as_reference(&self) -> Option<&Reference> {
        match &*self.0 {
            [Piece::Reference(reference)] => Some(reference),
            _ => None,
        }
    }
}
