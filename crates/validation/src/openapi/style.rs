//! The styles of parameters (OpenAPI 3.0, "Style Values"; OpenAPI 2.0, `collectionFormat`): how arrays and objects are
//! written as text.

use serde_json::Value;

use crate::schema::Dialect;

/// A style.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Form,
    SpaceDelimited,
    PipeDelimited,
    TabDelimited,
    DeepObject,
    Simple,
    Label,
    Matrix,
}

/// Where a parameter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Location {
    /// In the path.
    Path,
    /// In the query.
    Query,
    /// In a header field.
    Header,
    /// In a cookie.
    Cookie,
    /// The whole query (OpenAPI 3.2).
    QueryString,
}

impl Style {
    /// The style of a parameter, and whether it is exploded.
    pub(crate) fn of(parameter: &Value, location: Location, dialect: Dialect) -> (Self, bool) {
        if dialect == Dialect::Swagger2 {
            return match parameter.get("collectionFormat").and_then(Value::as_str) {
                Some("ssv") => (Self::SpaceDelimited, false),
                Some("tsv") => (Self::TabDelimited, false),
                Some("pipes") => (Self::PipeDelimited, false),
                Some("multi") => (Self::Form, true),
                _ if matches!(location, Location::Query) => (Self::Form, false),
                _ => (Self::Simple, false),
            };
        }
        let style =
            parameter.get("style").and_then(Value::as_str).and_then(Self::named).unwrap_or(match location {
                Location::Path | Location::Header => Self::Simple,
                Location::Query | Location::Cookie | Location::QueryString => Self::Form,
            });
        let explode = parameter.get("explode").and_then(Value::as_bool);
        (style, explode.unwrap_or(matches!(style, Self::Form)))
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "form" | "cookie" => Self::Form,
            "spaceDelimited" => Self::SpaceDelimited,
            "pipeDelimited" => Self::PipeDelimited,
            "deepObject" => Self::DeepObject,
            "simple" => Self::Simple,
            "label" => Self::Label,
            "matrix" => Self::Matrix,
            _ => return None,
        })
    }

    /// Takes the text of several values apart, before its escapes are decoded.
    pub(crate) fn split(self, text: &str) -> Vec<&str> {
        match self {
            Self::SpaceDelimited => split_on(text, &["%20", "+", " "]),
            Self::PipeDelimited => split_on(text, &["|", "%7C", "%7c"]),
            Self::TabDelimited => split_on(text, &["%09", "\t"]),
            _ => text.split(',').collect(),
        }
    }
}

fn split_on<'t>(text: &'t str, separators: &[&str]) -> Vec<&'t str> {
    let mut parts = Vec::new();
    let mut rest = text;
    loop {
        let next = separators.iter().filter_map(|one| Some((rest.find(one)?, one.len()))).min();
        let Some((at, length)) = next else {
            parts.push(rest);
            return parts;
        };
        parts.push(rest.get(..at).unwrap_or_default());
        rest = rest.get(at + length..).unwrap_or_default();
    }
}
