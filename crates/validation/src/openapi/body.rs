//! Bodies.

use super::media::{Encoding, Media, MediaRange};
use super::{MAX_VIOLATIONS, Operation, form, multipart};
use crate::json::{Document, TapeNode};
use crate::schema::{Shared, Variant, Violation};

/// How often a body is looked at again after properties have been taken out of it.
const MAX_ROUNDS: usize = 16;
/// How many properties are taken out of it at once.
const MAX_STRIPPED: usize = 10_000;

/// Why a body is not what the definition says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BodyFault {
    /// It cannot be read, or does not conform to its schema.
    Invalid(Vec<Violation>),
    /// Its schema cannot be used.
    Broken(String),
}

impl Operation {
    /// Judges a body. `content_type`: as the message says it, with its parameters; `encoding`: the language that the
    /// body is read in; `variant`: one of those that the definition was compiled for.
    pub fn validate(
        &self,
        media: &Media,
        variant: Variant,
        encoding: Encoding,
        content_type: &str,
        body: &[u8],
    ) -> Result<(), BodyFault> {
        let invalid = |message: String| BodyFault::Invalid(vec![Violation::whole(message)]);
        if matches!(encoding, Encoding::Json | Encoding::Form | Encoding::Text)
            && let Some(charset) = foreign_charset(content_type)
        {
            return Err(invalid(format!("The charset '{charset}' is not UTF-8.")));
        }
        let judge = match media.position {
            None => None,
            Some(position) => {
                let shared = self.validator(variant);
                let shared = shared.ok_or_else(|| BodyFault::Broken("it was not compiled".to_owned()))?;
                if let Some(fault) = shared.fault(position) {
                    return Err(BodyFault::Broken(fault.to_owned()));
                }
                Some((shared, position))
            }
        };
        match encoding {
            Encoding::Json => json(body, judge, variant),
            Encoding::Form => made_json(form::of_media(body, media), judge),
            Encoding::Multipart => made_json(multipart::of_media(body, content_type, media), judge),
            Encoding::Text => {
                let text = std::str::from_utf8(body).map_err(|error| {
                    let violation = Violation::at("The text is not UTF-8.", body, error.valid_up_to());
                    BodyFault::Invalid(vec![violation])
                })?;
                text_value(text, media, judge)
            }
            Encoding::Xml | Encoding::Binary => Ok(()),
        }
    }
}

/// What is taken out of a body, and what is left of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stripped {
    /// The body without what the definition does not name.
    pub body: Vec<u8>,
    /// What has been taken out.
    pub removed: Vec<Violation>,
}

impl Operation {
    /// Takes the properties out of a JSON body that may not be there; `None` where there are none.
    ///
    /// # Errors
    /// What is wrong with the body beside them.
    pub fn strip(
        &self,
        media: &Media,
        variant: Variant,
        content_type: &str,
        body: &[u8],
    ) -> Result<Option<Stripped>, BodyFault> {
        if let Some(charset) = foreign_charset(content_type) {
            let message = format!("The charset '{charset}' is not UTF-8.");
            return Err(BodyFault::Invalid(vec![Violation::whole(message)]));
        }
        let Some(position) = media.position else { return Ok(None) };
        let shared = self.validator(variant);
        let shared = shared.ok_or_else(|| BodyFault::Broken("it was not compiled".to_owned()))?;
        if let Some(fault) = shared.fault(position) {
            return Err(BodyFault::Broken(fault.to_owned()));
        }
        let mut stripped: Option<Stripped> = None;
        // What has been taken out may have hidden more of it.
        for _ in 0..MAX_ROUNDS {
            let current = stripped.as_ref().map_or(body, |stripped| stripped.body.as_slice());
            let document = Document::parse(current).map_err(|error| {
                BodyFault::Invalid(vec![Violation::at(error.message, current, error.offset)])
            })?;
            let root = document.root();
            if shared.is_valid(position, &root) {
                return Ok(stripped);
            }
            let found = shared.violations(position, &root, Some(&document), MAX_STRIPPED);
            if !found.iter().all(|violation| violation.is_undeclared) {
                return Err(BodyFault::Invalid(found.into_iter().take(MAX_VIOLATIONS).collect()));
            }
            let pointers = found.iter().map(|violation| violation.pointer.as_str()).collect();
            let left = crate::json::without(&document, &pointers).into_bytes();
            let mut removed = stripped.map(|stripped| stripped.removed).unwrap_or_default();
            removed.extend(found.into_iter().take(MAX_VIOLATIONS.saturating_sub(removed.len())));
            stripped = Some(Stripped { body: left, removed });
        }
        let message = "The body has too many properties that the definition does not name.";
        Err(BodyFault::Invalid(vec![Violation::whole(message)]))
    }
}

fn json(body: &[u8], judge: Option<(&Shared, u32)>, variant: Variant) -> Result<(), BodyFault> {
    let parsed = if variant.ignore_case { Document::parse_folding(body) } else { Document::parse(body) };
    let document =
        parsed.map_err(|error| BodyFault::Invalid(vec![Violation::at(error.message, body, error.offset)]))?;
    let Some((shared, position)) = judge else { return Ok(()) };
    let root = document.root();
    if shared.is_valid(position, &root) {
        return Ok(());
    }
    Err(BodyFault::Invalid(shared.violations(position, &root, Some(&document), MAX_VIOLATIONS)))
}

/// Judges JSON that was made of a body in another language.
fn made_json(made: Result<String, String>, judge: Option<(&Shared, u32)>) -> Result<(), BodyFault> {
    let unreadable = |why: String| {
        let mut message = why;
        if let Some(first) = message.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        BodyFault::Invalid(vec![Violation::whole(message + ".")])
    };
    let made = made.map_err(unreadable)?;
    let Some((shared, position)) = judge else { return Ok(()) };
    let document = Document::parse(made.as_bytes())
        .map_err(|error| BodyFault::Invalid(vec![Violation::whole(error.message)]))?;
    let root = document.root();
    if shared.is_valid(position, &root) {
        return Ok(());
    }
    Err(BodyFault::Invalid(shared.violations(position, &root, None, MAX_VIOLATIONS)))
}

fn text_value(text: &str, media: &Media, judge: Option<(&Shared, u32)>) -> Result<(), BodyFault> {
    let Some((shared, position)) = judge else { return Ok(()) };
    let mut candidates = vec![TapeNode::Text(text)];
    if media.shape.as_ref().is_some_and(|shape| shape.kinds.has(crate::schema::Kinds::NUMBER)) {
        candidates.extend(TapeNode::number(text.trim()));
    }
    if let "true" | "false" = text.trim() {
        candidates.push(TapeNode::Boolean(text.trim() == "true"));
    }
    if candidates.iter().any(|node| shared.is_valid(position, node)) {
        return Ok(());
    }
    Err(BodyFault::Invalid(shared.violations(position, &TapeNode::Text(text), None, MAX_VIOLATIONS)))
}

/// The charset of a content type, unless it is UTF-8 or a part of it.
pub fn foreign_charset(content_type: &str) -> Option<String> {
    let parameters = content_type.split(';').skip(1);
    let charset = parameters
        .filter_map(|parameter| parameter.split_once('='))
        .filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))
        .map(|(_, value)| value.trim().trim_matches('"').to_ascii_lowercase())
        .find(|charset| !matches!(charset.as_str(), "utf-8" | "utf8" | "us-ascii" | "ascii"))?;
    Some(charset.chars().filter(char::is_ascii_graphic).take(40).collect())
}

impl Media {
    /// How bodies of this type are written.
    pub fn encoding(&self, content_type: &str) -> Encoding {
        MediaRange::parse(content_type).map_or_else(|| self.range.encoding(), |range| range.encoding())
    }
}
