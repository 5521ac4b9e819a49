//! What one text must be.

use std::fmt::Write as _;

use fancy_regex::Regex;
use gatehouse_model::tree::Node;
use gatehouse_model::tree::decode::{Context, Invalid, Shape, record};
use serde_json::{Value, json};

use crate::offline::{Scalar, Templates};

/// How many steps a regular expression may take.
const MAX_BACKTRACKS: usize = 100_000;

/// What one text must be.
#[derive(Debug)]
pub(super) enum Matcher {
    Present,
    Absent,
    Equals(String),
    Contains(String),
    Matches(Pattern),
}

/// A regular expression.
#[derive(Debug)]
pub(super) struct Pattern(Regex);

impl Matcher {
    /// What differs.
    pub(super) fn difference(&self, got: Option<&str>) -> Option<String> {
        match (self, got) {
            (Self::Present, Some(_)) | (Self::Absent, None) => None,
            (Self::Present, None) => Some("expected to be present, but it is absent".to_owned()),
            (Self::Absent, Some(got)) => Some(format!("expected to be absent, got {}", quoted(got))),
            (Self::Equals(wanted), Some(got)) if wanted == got => None,
            (Self::Contains(wanted), Some(got)) if got.contains(wanted.as_str()) => None,
            (Self::Matches(pattern), Some(got)) if pattern.is_match(got) => None,
            (Self::Equals(wanted), got) => {
                Some(format!("expected {}, got {}", quoted(wanted), optional(got)))
            }
            (Self::Contains(wanted), got) => {
                Some(format!("expected {} in it, got {}", quoted(wanted), optional(got)))
            }
            (Self::Matches(pattern), got) => {
                Some(format!("expected a match of `{}`, got {}", pattern.as_str(), optional(got)))
            }
        }
    }

    /// With templates filled in; what cannot be filled in matches nothing by itself.
    pub(super) fn filled(&self, templates: &Templates<'_>) -> std::borrow::Cow<'_, Self> {
        match self {
            Self::Equals(text) if text.contains("{{") => {
                let text = templates.fill(text).unwrap_or_else(|_| text.clone());
                std::borrow::Cow::Owned(Self::Equals(text))
            }
            other => std::borrow::Cow::Borrowed(other),
        }
    }
}

impl Clone for Matcher {
    fn clone(&self) -> Self {
        match self {
            Self::Present => Self::Present,
            Self::Absent => Self::Absent,
            Self::Equals(text) => Self::Equals(text.clone()),
            Self::Contains(text) => Self::Contains(text.clone()),
            Self::Matches(Pattern(regex)) => Self::Matches(Pattern(regex.clone())),
        }
    }
}

fn optional(got: Option<&str>) -> String {
    got.map_or_else(|| "none".to_owned(), quoted)
}

impl Pattern {
    /// Its text.
    pub(super) fn as_str(&self) -> &str {
        self.0.as_str()
    }

    fn parse(text: &str) -> Result<Self, Invalid> {
        let built = fancy_regex::RegexBuilder::new(text).backtrack_limit(MAX_BACKTRACKS).build();
        built.map(Self).map_err(|error| Invalid::because(error.to_string()))
    }

    /// Whether a text matches; one that takes too many steps does not.
    pub(super) fn is_match(&self, text: &str) -> bool {
        self.0.is_match(text).unwrap_or(false)
    }
}

/// `present`, `absent`, the text itself, or `{ equals | contains | matches: … }`.
pub(super) struct MatcherShape;

impl Shape for MatcherShape {
    type Value = Matcher;

    fn decode(&self, node: &Node, context: &mut Context) -> Option<Matcher> {
        match node.as_str() {
            Some("present") => return Some(Matcher::Present),
            Some("absent") => return Some(Matcher::Absent),
            _ => {}
        }
        if let Some(text) = node.scalar_text() {
            return Some(Matcher::Equals(text.into_owned()));
        }
        let shape = record("a matcher", |fields| {
            let equals = fields.optional("equals", Scalar, "The text.").map(Matcher::Equals);
            let contains = fields.optional("contains", Scalar, "A part of it.").map(Matcher::Contains);
            let matches =
                fields.optional("matches", PatternShape, "A regular expression.").map(Matcher::Matches);
            match (equals, contains, matches) {
                (Some(one), None, None) | (None, Some(one), None) | (None, None, Some(one)) => Some(one),
                _ => {
                    let message = "a matcher has exactly one of `equals`, `contains` and `matches`";
                    let location = fields.location();
                    fields.push(gatehouse_model::Diagnostic::error("invalid-value", location, message));
                    None
                }
            }
        });
        shape.decode(node, context)
    }

    fn expected(&self) -> String {
        "a text, `present`, `absent`, or a mapping with `equals`, `contains` or `matches`".to_owned()
    }

    fn expected_entries(&self) -> String {
        "texts".to_owned()
    }

    fn schema(&self) -> Value {
        json!({ "type": ["string", "number", "boolean", "object"] })
    }
}

/// A regular expression as it is written.
pub(super) struct PatternShape;

impl Shape for PatternShape {
    type Value = Pattern;

    fn decode(&self, node: &Node, context: &mut Context) -> Option<Pattern> {
        let text = Scalar.decode(node, context)?;
        Pattern::parse(&text).map_err(|invalid| context.invalid(node, &self.expected(), invalid)).ok()
    }

    fn expected(&self) -> String {
        "a regular expression".to_owned()
    }

    fn expected_entries(&self) -> String {
        "regular expressions".to_owned()
    }

    fn schema(&self) -> Value {
        json!({ "type": "string" })
    }
}

/// A text of any length as a difference shows it.
pub(super) fn quoted(text: &str) -> String {
    const SHOWN: usize = 300;
    let mut shown = String::from("`");
    for c in text.chars().take(SHOWN) {
        // Writing to a string cannot fail.
        let _ = if c.is_control() && c != '\n' {
            write!(shown, "{}", c.escape_default())
        } else {
            write!(shown, "{c}")
        };
    }
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown.push('`');
    shown
}
