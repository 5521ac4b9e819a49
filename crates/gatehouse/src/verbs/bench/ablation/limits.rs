//! Limits of calls, raised for the time of a load test: they count as ever, and refuse nothing.

use gatehouse_model::Diagnostics;
use gatehouse_model::resources::PolicySource;
use gatehouse_policy::document::Element;

use super::Documents;
use crate::verbs::bench::experiment::Edit;

/// The policies whose limits are raised.
const LIMITERS: [&str; 4] = ["rate-limit", "rate-limit-by-key", "quota", "quota-by-key"];
/// Their attributes that bound something.
const BOUNDS: [&str; 2] = ["calls", "bandwidth"];
/// What they are raised to: the most that `rate-limit` counts.
const RAISED: &str = "4294967295";

/// How the limits of the documents are raised, and what is to be told about it.
pub(in crate::verbs::bench) fn raised(
    documents: &Documents<'_>,
) -> Result<(Vec<Edit>, Vec<String>), Diagnostics> {
    let (mut edits, mut notes) = (Vec::new(), Vec::new());
    for (source, root) in documents.roots()? {
        let mut open = vec![&root];
        while let Some(element) = open.pop() {
            if LIMITERS.contains(&element.name.as_str()) {
                let before = edits.len();
                limit(source, element, &mut edits);
                if edits.len() > before {
                    notes.push(format!(
                        "{}: the limits of `{}` are raised: it counts, and refuses nothing",
                        element.location, element.name
                    ));
                }
            }
            open.extend(element.elements());
        }
    }
    Ok((edits, notes))
}

/// The limits of an element and of the APIs and operations in it.
fn limit(source: &PolicySource, element: &Element, edits: &mut Vec<Edit>) {
    let tag = element.span.start..element.inner_span().start;
    for name in BOUNDS {
        if let Some((from, to)) = source.text.get(tag.clone()).and_then(|tag| value_of(tag, name)) {
            let (start, end) = (tag.start + from, tag.start + to);
            edits.push(Edit { file: source.file.to_path_buf(), start, end, text: RAISED.to_owned() });
        }
    }
    element.elements().for_each(|inner| limit(source, inner, edits));
}

/// Where the value of an attribute stands in its tag, without the quotes. What an expression computes is left alone.
fn value_of(tag: &str, name: &str) -> Option<(usize, usize)> {
    let mut quote = None;
    let mut at = 0;
    while let Some(c) = tag.get(at..)?.chars().next() {
        match quote {
            Some(open) if c == open => quote = None,
            None if c == '"' || c == '\'' => quote = Some(c),
            None if c.is_ascii_whitespace() => {
                let rest = tag.get(at + 1..)?;
                let after =
                    rest.strip_prefix(name).map(str::trim_start).and_then(|rest| rest.strip_prefix('='));
                if let Some(value) = after.map(str::trim_start) {
                    let open = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
                    let inner = value.get(1..)?;
                    let length = inner.find(open)?;
                    let start = tag.len() - inner.len();
                    let is_literal = !inner.trim_start().starts_with('@');
                    return is_literal.then_some((start, start + length));
                }
            }
            Some(_) | None => {}
        }
        at += c.len_utf8();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_outside_of_other_values() {
        let of =
            |tag: &str| value_of(tag, "calls").and_then(|(from, to)| tag.get(from..to).map(str::to_owned));
        assert_eq!(of(r#"<rate-limit calls="5" renewal-period="60" />"#).as_deref(), Some("5"));
        assert_eq!(
            of("<rate-limit renewal-period='60'\n  calls = '{{limit}}'>").as_deref(),
            Some("{{limit}}")
        );
        assert_eq!(of(r#"<q key=" calls='7'" calls="9">"#).as_deref(), Some("9"));
        assert_eq!(of(r#"<q calls="@(1 + 1)">"#), None);
        assert_eq!(of(r#"<q recalls="1">"#), None);
    }
}
