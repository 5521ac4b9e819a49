//! Content types.

use crate::schema::Shape;

/// A content type, or a range of them, without parameters and in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaRange {
    kind: Box<str>,
    subtype: Box<str>,
}

/// What a definition says of one content type.
#[derive(Debug)]
pub struct Media {
    /// The content types.
    pub range: MediaRange,
    /// The position of its schema; `None` where it has none.
    pub(crate) position: Option<u32>,
    /// What messages call the schema.
    pub definition: Box<str>,
    /// How text becomes values, for forms.
    pub(crate) shape: Option<Shape>,
    /// How the properties of forms are written.
    pub(crate) encodings: Vec<(Box<str>, PropertyEncoding)>,
    /// The outline of its schema, where outlines are wanted.
    pub(crate) outline: Option<u32>,
}

/// How one property of a form is written.
#[derive(Clone, Debug, Default)]
pub(crate) struct PropertyEncoding {
    pub(crate) content_types: Vec<MediaRange>,
    pub(crate) style: Option<super::style::Style>,
    pub(crate) explode: Option<bool>,
}

/// The languages that bodies are validated in after a schema of JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// JSON.
    Json,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `multipart/*`.
    Multipart,
    /// Text.
    Text,
    /// XML: it takes a schema of its own.
    Xml,
    /// Bytes.
    Binary,
}

impl MediaRange {
    /// Reads a content type or a range; parameters are left out.
    pub fn parse(text: &str) -> Option<Self> {
        let essence = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if essence == "*" {
            return Some(Self { kind: "*".into(), subtype: "*".into() });
        }
        let (kind, subtype) = essence.split_once('/')?;
        let is_token = |part: &str| {
            !part.is_empty()
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
        };
        (is_token(kind) && is_token(subtype)).then(|| Self { kind: kind.into(), subtype: subtype.into() })
    }

    /// Whether a content type is within the range; the higher the number, the nearer.
    pub fn matches(&self, other: &Self) -> Option<u8> {
        if *self == *other {
            return Some(3);
        }
        if &*self.kind == "*" {
            return Some(0);
        }
        if self.kind != other.kind {
            return None;
        }
        if &*self.subtype == "*" {
            return Some(1);
        }
        // `application/*+json`
        let suffix = self.subtype.strip_prefix("*+")?;
        other.subtype.rsplit_once('+').is_some_and(|(_, own)| own == suffix).then_some(2)
    }

    /// How bodies of this type are written.
    pub fn encoding(&self) -> Encoding {
        let is = |suffix: &str| {
            &*self.subtype == suffix || self.subtype.rsplit_once('+').is_some_and(|(_, own)| own == suffix)
        };
        if is("json") {
            Encoding::Json
        } else if is("xml") {
            Encoding::Xml
        } else if &*self.kind == "multipart" {
            Encoding::Multipart
        } else if &*self.kind == "application" && &*self.subtype == "x-www-form-urlencoded" {
            Encoding::Form
        } else if &*self.kind == "text" {
            Encoding::Text
        } else {
            Encoding::Binary
        }
    }
}

impl Media {
    /// Whether it says what bodies must be.
    pub fn has_schema(&self) -> bool {
        self.position.is_some()
    }

    pub(crate) fn encoding_of(&self, property: &str) -> Option<&PropertyEncoding> {
        self.encodings.iter().find(|(name, _)| **name == *property).map(|(_, encoding)| encoding)
    }
}

/// The nearest of the content types that a definition names.
pub(super) fn find<'m>(all: &'m [Media], content_type: &str) -> Option<&'m Media> {
    let wanted = MediaRange::parse(content_type)?;
    all.iter()
        .filter_map(|media| Some((media.range.matches(&wanted)?, media)))
        .max_by_key(|(nearness, _)| *nearness)
        .map(|(_, media)| media)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_match_what_they_cover() {
        let near = |range: &str, other: &str| {
            MediaRange::parse(range).unwrap().matches(&MediaRange::parse(other).unwrap())
        };
        assert_eq!(near("Application/JSON; charset=utf-8", "application/json"), Some(3));
        assert_eq!(near("application/*+json", "application/hal+json"), Some(2));
        assert_eq!(near("application/*", "application/json"), Some(1));
        assert_eq!(near("*/*", "text/plain"), Some(0));
        assert_eq!(near("application/json", "application/hal+json"), None);
        assert_eq!(near("text/*", "application/json"), None);
        assert_eq!(MediaRange::parse("json"), None);
        assert_eq!(MediaRange::parse("a/b c"), None);
    }
}
