//! `{{named values}}`: put into texts after a document is read and before anything in it is compiled.

use std::collections::HashMap;

use gatehouse_model::resources::{NamedValue, NamedValueSource, Resources};
use gatehouse_model::{Diagnostic, did_you_mean};
use secrecy::{ExposeSecret as _, SecretString};

use super::NamedValues;
use crate::document::Text;

/// The longest display name, in characters.
const MAX_NAME: usize = 256;

/// The named values that the documents of one workspace, or of the service, see.
pub(super) struct NamedValueTable<'c> {
    by_display_name: HashMap<&'c str, &'c NamedValue>,
    source: &'c dyn NamedValues,
    workspace: Option<&'c str>,
}

/// A text with its named values put in.
#[derive(Debug)]
pub(crate) struct Substituted {
    /// The text.
    pub(crate) text: Text,
    /// Whether a secret one was put in: then the text must not be shown.
    pub(crate) is_secret: bool,
}

impl<'c> NamedValueTable<'c> {
    pub(super) fn new(
        workspace: Option<&'c str>,
        resources: &'c Resources,
        source: &'c dyn NamedValues,
    ) -> Self {
        let by_display_name =
            resources.named_values.values().map(|value| (value.display_name.as_str(), value)).collect();
        Self { by_display_name, source, workspace }
    }

    /// Puts values in the places of `{{names}}`. Values are taken as they are: a name in a value stays.
    ///
    /// In a template with a syntax of its own (`known_only`), double braces that name nothing are left alone.
    pub(super) fn substitute(
        &self,
        text: &Text,
        owner: &str,
        known_only: bool,
    ) -> Result<Substituted, Diagnostic> {
        let mut done = Text::empty(text.location.clone());
        let mut is_secret = false;
        let mut rest = 0;
        while let Some((start, end, name)) = next_name(&text.text, rest) {
            let Some(named_value) = self.by_display_name.get(name) else {
                if known_only {
                    done.append(&text.slice(rest, end));
                    rest = end;
                    continue;
                }
                return Err(self.undefined(name, owner, text, start));
            };
            done.append(&text.slice(rest, start));
            let value = self.value(named_value).map_err(|why| {
                let message = format!(
                    "the policy of {owner} uses the named value `{name}` (declared at {}), which has no value: {why}",
                    named_value.location
                );
                Diagnostic::error("named-value-unavailable", text.locate(start), message)
            })?;
            is_secret |= named_value.secret || !matches!(named_value.source, NamedValueSource::Value(_));
            done.push(value.expose_secret(), text.locate(start));
            rest = end;
        }
        if rest == 0 {
            return Ok(Substituted { text: text.clone(), is_secret: false });
        }
        done.append(&text.slice(rest, text.text.len()));
        Ok(Substituted { text: done, is_secret })
    }

    fn value(&self, named_value: &NamedValue) -> Result<SecretString, String> {
        match &named_value.source {
            NamedValueSource::Value(value) => Ok(value.clone()),
            NamedValueSource::External | NamedValueSource::KeyVault { .. } => {
                self.source.value(self.workspace, named_value)
            }
        }
    }

    fn undefined(&self, name: &str, owner: &str, text: &Text, start: usize) -> Diagnostic {
        let place =
            self.workspace.map_or_else(|| "the service".to_owned(), |name| format!("the workspace `{name}`"));
        let message = format!(
            "the policy of {owner} uses the named value `{name}`, but {place} has none of that display name"
        );
        let fix = match did_you_mean(name, self.by_display_name.keys().copied()) {
            Some(known) => format!("did you mean `{{{{{known}}}}}`?"),
            None => "add it to the named values".to_owned(),
        };
        Diagnostic::error("unknown-named-value", text.locate(start), message).fix(fix)
    }
}

/// The next `{{name}}` from an offset on: where it starts, where it ends, and the name.
fn next_name(text: &str, from: usize) -> Option<(usize, usize, &str)> {
    let mut at = from;
    loop {
        let start = at + text.get(at..)?.find("{{")?;
        let rest = text.get(start + 2..)?;
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        if (1..=MAX_NAME).contains(&length) && rest.get(length..).is_some_and(|tail| tail.starts_with("}}")) {
            return Some((start, start + 2 + length + 2, rest.get(..length)?));
        }
        at = start + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_between_double_braces_count() {
        assert_eq!(next_name("a {{b-c.d_1}} e", 0), Some((2, 13, "b-c.d_1")));
        assert_eq!(next_name("{{{x}}}", 0), Some((1, 6, "x")));
        assert_eq!(next_name("{{ x }} {{context.Variables[\"x\"]}} {{}}", 0), None);
        assert_eq!(next_name("{{a", 0), None);
    }
}
