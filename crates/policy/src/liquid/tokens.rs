//! Text, outputs and tags.

use std::sync::Arc;

use super::fault::{Fault, fault};

/// A piece of a template; outputs and tags with the offset of their markup.
#[derive(Clone, Debug)]
pub(super) enum Token {
    Text(Arc<str>),
    Output(usize, String),
    Tag(usize, String),
}

/// Cuts a text into text, outputs and tags. A hyphen takes spaces and tabs before it away, or one line end or the spaces
/// after it.
pub(super) fn tokenize(text: &str, tokens: &mut Vec<Token>) -> Result<(), Fault> {
    let mut at = 0;
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let next = [rest.find("{{"), rest.find("{%")].into_iter().flatten().min();
        let Some(found) = next else {
            push_text(tokens, rest);
            return Ok(());
        };
        let start = at + found;
        let mut before = text.get(at..start).unwrap_or_default();
        let is_tag = text.get(start..).is_some_and(|tail| tail.starts_with("{%"));
        let mut inner = start + 2;
        if text.get(inner..).is_some_and(|tail| tail.starts_with('-')) {
            before = before.trim_end_matches([' ', '\t']);
            inner += 1;
        }
        push_text(tokens, before);
        let close = if is_tag { "%}" } else { "}}" };
        let Some(length) = end_of(text.get(inner..).unwrap_or_default(), close) else {
            let open = if is_tag { "{%" } else { "{{" };
            return Err(fault(start, format!("`{open}` does not end")).fix(format!("end it with `{close}`")));
        };
        let mut end = inner + length;
        let mut markup = text.get(inner..end).unwrap_or_default();
        end += 2;
        if let Some(trimmed) = markup.strip_suffix('-') {
            markup = trimmed;
            let tail = text.get(end..).unwrap_or_default();
            end += if tail.starts_with("\r\n") {
                2
            } else if tail.starts_with('\n') {
                1
            } else {
                tail.len() - tail.trim_start_matches([' ', '\t']).len()
            };
        }
        let markup = decoded(markup);
        let name = markup.trim();
        if is_tag && ["raw", "comment"].contains(&name) {
            let (body, after) = verbatim(text, end, name).ok_or_else(|| {
                fault(start, format!("`{{% {name} %}}` does not end")).fix(format!("add `{{% end{name} %}}`"))
            })?;
            if name == "raw" {
                push_text(tokens, text.get(end..body).unwrap_or_default());
            }
            end = after;
        } else if is_tag {
            tokens.push(Token::Tag(inner, markup));
        } else {
            tokens.push(Token::Output(inner, markup));
        }
        at = end;
    }
}

fn push_text(tokens: &mut Vec<Token>, text: &str) {
    if !text.is_empty() {
        tokens.push(Token::Text(text.into()));
    }
}

/// Where markup ends: quotes in it do not count.
fn end_of(text: &str, close: &str) -> Option<usize> {
    let mut quote = None;
    for (at, c) in text.char_indices() {
        if let Some(open) = quote {
            quote = Some(open).filter(|open| *open != c);
        } else if matches!(c, '\'' | '"') {
            quote = Some(c);
        } else if text.get(at..).is_some_and(|tail| tail.starts_with(close)) {
            return Some(at);
        }
    }
    None
}

/// Markup within XML may be escaped.
fn decoded(markup: &str) -> String {
    if !markup.contains('&') {
        return markup.to_owned();
    }
    let known = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    known.iter().fold(markup.to_owned(), |text, (entity, c)| text.replace(entity, c))
}

/// Where the body of `raw` or `comment` ends, and where the text goes on.
fn verbatim(text: &str, from: usize, name: &str) -> Option<(usize, usize)> {
    let mut at = from;
    loop {
        let start = at + text.get(at..)?.find("{%")?;
        let inner = text.get(start + 2..)?;
        let length = inner.find("%}")?;
        let tag = inner.get(..length)?.trim_start_matches('-').trim_end_matches('-').trim();
        if tag.strip_prefix("end") == Some(name) {
            return Some((start, start + 2 + length + 2));
        }
        at = start + 2;
    }
}
