//! What every reader of artifacts needs: where values come from, and where findings go.

use std::cell::RefCell;

use crate::{Diagnostic, Diagnostics, Location};

/// The environment and the findings of one load.
pub(super) struct Context<'a> {
    environment: &'a dyn Fn(&str) -> Option<String>,
    diagnostics: RefCell<Diagnostics>,
    muted: RefCell<Vec<Location>>,
}

impl<'a> Context<'a> {
    /// No findings yet.
    pub(super) fn new(environment: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { environment, diagnostics: RefCell::default(), muted: RefCell::default() }
    }

    /// All findings, each once, in the order of files and lines. One fault can be met twice where an override is laid
    /// over several revisions.
    pub(super) fn into_diagnostics(self) -> Diagnostics {
        let mut sorted = self.diagnostics.into_inner();
        sorted.sort();
        let mut diagnostics = Diagnostics::new();
        let mut last: Option<(Option<Location>, String)> = None;
        for diagnostic in sorted {
            let this = (diagnostic.location.clone(), diagnostic.message.clone());
            if last.as_ref() != Some(&this) {
                diagnostics.push(diagnostic);
            }
            last = Some(this);
        }
        diagnostics
    }

    /// The environment.
    pub(super) fn environment(&self) -> &'a dyn Fn(&str) -> Option<String> {
        self.environment
    }

    /// Adds a finding.
    pub(super) fn push(&self, diagnostic: Diagnostic) {
        if diagnostic.location.as_ref().is_some_and(|location| self.muted.borrow().contains(location)) {
            return;
        }
        self.diagnostics.borrow_mut().push(diagnostic);
    }

    /// Adds all findings of another reader.
    pub(super) fn extend(&self, diagnostics: Diagnostics) {
        self.diagnostics.borrow_mut().extend(diagnostics);
    }

    /// Says nothing more of these places: what is wrong with them is known, and the rest would be a consequence.
    pub(super) fn mute(&self, locations: Vec<Location>) {
        self.muted.borrow_mut().extend(locations);
    }

    /// Adds an error.
    pub(super) fn error(&self, id: &'static str, location: Location, message: impl Into<String>) {
        self.push(Diagnostic::error(id, location, message));
    }

    /// Replaces the placeholders `{#NAME#}` (or `{#[NAME]#}`) of a text by the environment variable of that name, as
    /// the pipelines of `APIOps` do.
    pub(super) fn expand(&self, text: &str, location: &Location) -> String {
        let mut result = String::new();
        let mut rest = text;
        while let Some(start) = rest.find("{#") {
            let (before, placeholder) = rest.split_at(start);
            result.push_str(before);
            let Some((inner, after)) = placeholder.get(2..).and_then(|inner| inner.split_once("#}")) else {
                result.push_str(placeholder);
                return result;
            };
            rest = after;
            let name = inner.trim();
            let name = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
            let is_name = !name.is_empty()
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'));
            match (self.environment)(name) {
                _ if !is_name => {
                    result.push_str("{#");
                    result.push_str(inner);
                    result.push_str("#}");
                }
                Some(value) => result.push_str(&value),
                None => {
                    self.push(
                        Diagnostic::error(
                            "unset-placeholder",
                            location.clone(),
                            format!("the placeholder `{{#{inner}#}}` has no value"),
                        )
                        .fix(format!("set the environment variable `{name}`")),
                    );
                    self.mute(vec![location.clone()]);
                    return text.to_owned();
                }
            }
        }
        result.push_str(rest);
        result
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn placeholders_take_environment_variables() {
        let environment = |name: &str| (name == "HOST").then(|| "api.example".to_owned());
        let context = Context::new(&environment);
        let location = Location::new(Path::new("a.json"), 3, 5);
        assert_eq!(
            context.expand("https://{#HOST#}/{#[HOST]#}", &location),
            "https://api.example/api.example"
        );
        assert_eq!(context.expand("{# not a name #} {#open", &location), "{# not a name #} {#open");
        assert!(context.diagnostics.borrow().is_empty());
        context.expand("{#PORT#}", &location);
        assert_eq!(
            context.into_diagnostics().to_string(),
            "a.json:3:5: error: the placeholder `{#PORT#}` has no value (set the environment variable `PORT`)\n"
        );
    }
}
