//! `{{key:NAME}}` and `{{jwt: {…}}}` in the texts of test files.

use gatehouse_model::did_you_mean;

use super::gateway::TestKeys;
use super::token::{Tokens, claims};

/// What templates are filled with.
pub(crate) struct Templates<'t> {
    keys: &'t TestKeys,
    now_seconds: i64,
}

impl<'t> Templates<'t> {
    pub(crate) fn new(keys: &'t TestKeys, now_millis: u64) -> Self {
        Self { keys, now_seconds: (now_millis / 1000) as i64 }
    }

    /// The time, in seconds since 1970.
    pub(super) fn now_seconds(&self) -> i64 {
        self.now_seconds
    }

    /// The text with its templates filled in. Other double braces stay: they may be Liquid, or a named value's name.
    pub(crate) fn fill(&self, text: &str) -> Result<String, String> {
        let mut filled = String::new();
        let mut rest = text;
        while let Some(start) = rest.find("{{") {
            let (before, at) = rest.split_at(start);
            filled.push_str(before);
            let inner = at.get(2..).unwrap_or_default();
            if let Some(after) = inner.strip_prefix("key:") {
                let end = after.find("}}").ok_or("has `{{key:` without its `}}`")?;
                let (name, tail) = after.split_at(end);
                filled.push_str(&self.key(name.trim())?);
                rest = tail.get(2..).unwrap_or_default();
            } else if let Some(after) = inner.strip_prefix("jwt:") {
                let end = closer(after).ok_or("has `{{jwt:` without its `}}`")?;
                let (mapping, tail) = after.split_at(end);
                filled.push_str(&Tokens::shared().sign(&claims(mapping, self.now_seconds)?)?);
                rest = tail.get(2..).unwrap_or_default();
            } else {
                filled.push_str("{{");
                rest = inner;
            }
        }
        filled.push_str(rest);
        Ok(filled)
    }

    fn key(&self, name: &str) -> Result<String, String> {
        if let Some(key) = self.keys.get(name) {
            return Ok(key.to_owned());
        }
        let hint = match did_you_mean(name, self.keys.names()) {
            Some(near) => format!("; did you mean `{near}`?"),
            None => String::new(),
        };
        Err(format!("names the subscription `{name}`, which the artifacts do not have{hint}"))
    }
}

/// Where the `}}` stands that closes the template, behind the braces of its own mapping.
fn closer(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, '{' | '[') => depth += 1,
            (None, '}' | ']') if depth > 0 => depth -= 1,
            (None, '}') => return text.get(at..)?.starts_with("}}").then_some(at),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_ends_behind_its_mapping() {
        assert_eq!(closer(" {a: {b: 1}}}} c"), Some(12));
        assert_eq!(closer(" {a: '}}'}}}"), Some(10));
        assert_eq!(closer(" {a: 1}"), None);
    }
}
