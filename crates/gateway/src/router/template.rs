//! URL templates of operations: `/orders/{id}/lines/{line}`, `/files/{*path}`, `/find?date={date}`.

use std::sync::Arc;

/// A template taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UrlTemplate {
    /// The path, segment by segment.
    pub segments: Vec<Segment>,
    /// Query parameters that must be there.
    pub query: Vec<QueryParameter>,
}

/// One segment of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// Text, lower case and decoded: Azure API Management compares without regard to case.
    Literal(String),
    /// A whole segment: `{name}`.
    Parameter(Arc<str>),
    /// Text and parameters in one segment: `{name}.json`, `items({id})`.
    Compound(Vec<Part>),
    /// The rest of the path: `{*name}` or `*`, at the end only.
    Rest(Option<Arc<str>>),
}

/// A part of a compound segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Text, lower case and decoded.
    Literal(String),
    /// A parameter: at least one character, up to where the next part begins.
    Parameter(Arc<str>),
}

/// A query parameter that a template asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryParameter {
    /// Its name.
    pub name: Arc<str>,
    /// What its value must be.
    pub value: QueryValue,
}

/// The value of a query parameter that a template asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueryValue {
    /// Any; it becomes a matched parameter of this name.
    Parameter(Arc<str>),
    /// This one.
    Literal(String),
}

/// Why a template cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum TemplateError {
    #[error("`{0}` opens a parameter that is not closed")]
    Unclosed(String),
    #[error("`{0}` has an empty parameter name")]
    EmptyName(String),
    #[error("`{0}` takes the rest of the path, which only the last segment can")]
    RestNotLast(String),
    #[error("`{0}` has two parameters with nothing between them")]
    Adjacent(String),
    #[error("the parameter `{0}` stands twice")]
    Repeated(String),
    #[error("`{0}` in the query must be `name={{parameter}}` or `name=value`")]
    Query(String),
}

impl UrlTemplate {
    /// Reads a template, with or without the slash at its beginning.
    ///
    /// # Errors
    /// What makes it ambiguous or unreadable.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let (path, query) = text.split_once('?').unwrap_or((text, ""));
        let trimmed = path.strip_prefix('/').unwrap_or(path);
        let trimmed = trimmed.strip_suffix('/').unwrap_or(trimmed);
        let mut segments = Vec::new();
        if !trimmed.is_empty() {
            let count = trimmed.split('/').count();
            for (index, part) in trimmed.split('/').enumerate() {
                let segment = Segment::parse(part)?;
                if matches!(segment, Segment::Rest(_)) && index + 1 < count {
                    return Err(TemplateError::RestNotLast(part.to_owned()));
                }
                segments.push(segment);
            }
        }
        let query = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(QueryParameter::parse)
            .collect::<Result<Vec<_>, _>>()?;
        let template = Self { segments, query };
        template.check_names()?;
        Ok(template)
    }

    /// The names of all parameters, in their order.
    pub fn parameter_names(&self) -> impl Iterator<Item = &Arc<str>> {
        let of_path = self.segments.iter().flat_map(|segment| match segment {
            Segment::Parameter(name) | Segment::Rest(Some(name)) => vec![name],
            Segment::Compound(parts) => parts
                .iter()
                .filter_map(|part| if let Part::Parameter(name) = part { Some(name) } else { None })
                .collect(),
            Segment::Literal(_) | Segment::Rest(None) => Vec::new(),
        });
        let of_query = self.query.iter().filter_map(|parameter| match &parameter.value {
            QueryValue::Parameter(name) => Some(name),
            QueryValue::Literal(_) => None,
        });
        of_path.chain(of_query)
    }

    fn check_names(&self) -> Result<(), TemplateError> {
        let mut seen: Vec<&str> = Vec::new();
        for name in self.parameter_names() {
            if seen.contains(&&**name) {
                return Err(TemplateError::Repeated(name.to_string()));
            }
            seen.push(name);
        }
        Ok(())
    }
}

impl Segment {
    fn parse(text: &str) -> Result<Self, TemplateError> {
        if text == "*" {
            return Ok(Self::Rest(None));
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            if open > 0 {
                parts.push(Part::Literal(fold(&rest[..open])));
            }
            let inner = &rest[open + 1..];
            let close = inner.find('}').ok_or_else(|| TemplateError::Unclosed(text.to_owned()))?;
            let name = &inner[..close];
            rest = &inner[close + 1..];
            if let Some(name) = name.strip_prefix('*') {
                if open > 0 || !parts.is_empty() || !rest.is_empty() {
                    return Err(TemplateError::RestNotLast(text.to_owned()));
                }
                return Ok(Self::Rest((!name.is_empty()).then(|| name.into())));
            }
            if name.is_empty() {
                return Err(TemplateError::EmptyName(text.to_owned()));
            }
            if matches!(parts.last(), Some(Part::Parameter(_))) {
                return Err(TemplateError::Adjacent(text.to_owned()));
            }
            parts.push(Part::Parameter(name.into()));
        }
        if !rest.is_empty() {
            parts.push(Part::Literal(fold(rest)));
        }
        Ok(match parts.as_slice() {
            [Part::Parameter(name)] => Self::Parameter(name.clone()),
            [Part::Literal(text)] => Self::Literal(text.clone()),
            [] => Self::Literal(String::new()),
            _ => Self::Compound(parts),
        })
    }
}

impl QueryParameter {
    fn parse(pair: &str) -> Result<Self, TemplateError> {
        let (name, value) = pair.split_once('=').ok_or_else(|| TemplateError::Query(pair.to_owned()))?;
        let value = match value.strip_prefix('{').map(|inner| inner.strip_suffix('}')) {
            Some(Some(parameter)) if !parameter.is_empty() => QueryValue::Parameter(parameter.into()),
            Some(_) => return Err(TemplateError::Query(pair.to_owned())),
            None => {
                let decoded = percent_encoding::percent_decode_str(value).decode_utf8_lossy();
                QueryValue::Literal(decoded.into_owned())
            }
        };
        Ok(Self { name: name.into(), value })
    }
}

/// Matches a compound segment and gives the parameters' values; `decoded` as it came, `folded` in lower case.
pub(super) fn match_compound<'s>(
    parts: &'s [Part],
    decoded: &'s str,
    mut found: impl FnMut(&'s Arc<str>, &'s str),
) -> bool {
    let folded = decoded.to_ascii_lowercase();
    let mut at = 0;
    for (index, part) in parts.iter().enumerate() {
        match part {
            Part::Literal(text) => {
                if !folded[at..].starts_with(text.as_str()) {
                    return false;
                }
                at += text.len();
            }
            Part::Parameter(name) => {
                let first = at + decoded[at..].chars().next().map_or(0, char::len_utf8);
                let end = match parts.get(index + 1) {
                    // The last literal binds at the end of the segment, the others where they stand first.
                    Some(Part::Literal(next)) if index + 2 == parts.len() => {
                        folded.strip_suffix(next.as_str()).map(str::len).filter(|end| *end >= first)
                    }
                    Some(Part::Literal(next)) => {
                        folded.get(first..).and_then(|tail| tail.find(next)).map(|i| first + i)
                    }
                    _ => Some(decoded.len()),
                };
                match end {
                    Some(end) if end > at => {
                        found(name, &decoded[at..end]);
                        at = end;
                    }
                    _ => return false,
                }
            }
        }
    }
    at == decoded.len()
}

fn fold(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compound(template: &str, segment: &str) -> Option<Vec<String>> {
        let Segment::Compound(parts) = Segment::parse(template).unwrap() else {
            panic!("{template} is not compound")
        };
        let mut values = Vec::new();
        match_compound(&parts, segment, |name, value| values.push(format!("{name}={value}")))
            .then_some(values)
    }

    #[test]
    fn compound_segments_match_from_left_to_right() {
        assert_eq!(compound("{name}.{kind}", "a.b.json"), Some(vec!["name=a".into(), "kind=b.json".into()]));
        assert_eq!(compound("{name}.json", "a.json.json"), Some(vec!["name=a.json".into()]));
        assert_eq!(compound("Items({id})", "items(7)"), Some(vec!["id=7".into()]));
        assert_eq!(compound("items({id})", "items()"), None);
        assert_eq!(compound("v{n}", "w1"), None);
        assert_eq!(compound("{a}-{b}", "é-ü"), Some(vec!["a=é".into(), "b=ü".into()]));
    }

    #[test]
    fn bad_templates_are_named() {
        assert_eq!(UrlTemplate::parse("/a/{b").unwrap_err(), TemplateError::Unclosed("{b".into()));
        assert_eq!(UrlTemplate::parse("/{}").unwrap_err(), TemplateError::EmptyName("{}".into()));
        assert_eq!(UrlTemplate::parse("/{*a}/b").unwrap_err(), TemplateError::RestNotLast("{*a}".into()));
        assert_eq!(UrlTemplate::parse("/{a}{b}").unwrap_err(), TemplateError::Adjacent("{a}{b}".into()));
        assert_eq!(UrlTemplate::parse("/{a}/{a}").unwrap_err(), TemplateError::Repeated("a".into()));
        assert_eq!(UrlTemplate::parse("/a?b").unwrap_err(), TemplateError::Query("b".into()));
    }

    #[test]
    fn query_parameters_are_read() {
        let template = UrlTemplate::parse("/find?date={day}&kind=full").unwrap();
        assert_eq!(template.query.len(), 2);
        assert_eq!(template.parameter_names().map(|name| &**name).collect::<Vec<_>>(), ["day"]);
    }
}
