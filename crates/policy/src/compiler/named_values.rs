//! `{{named values}}`: put into texts after a document is read and before anything in it is compiled.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;

use gatehouse_model::resources::Resources;
use gatehouse_model::{Diagnostic, Location, Severity, did_you_mean};
use gatehouse_vault::{NamedValues, Resolved};
use secrecy::ExposeSecret as _;

use crate::document::{MAX_DOCUMENT_BYTES, Text};

/// The longest display name, in characters.
const MAX_NAME: usize = 256;

/// The named values that the documents of one workspace, or of the service, see.
pub(super) struct NamedValueTable<'c> {
    values: &'c NamedValues,
    workspace: Option<&'c str>,
    /// Where each is declared.
    resources: &'c Resources,
    /// What takes the place of values that are not there, in a survey.
    stand_ins: Option<StandIns>,
}

/// What a survey takes for values that it cannot know.
struct StandIns {
    /// Whether names that nothing declares have a value too.
    undeclared: bool,
    /// The texts that hold one.
    texts: RefCell<HashSet<Location>>,
    count: Cell<usize>,
}

/// What is put in the place of a value that is not known.
const STAND_IN: &str = "1";

/// A text with its named values put in.
#[derive(Debug)]
pub(crate) struct Substituted {
    /// The text.
    pub(crate) text: Text,
    /// Whether a secret one was put in: then the text must not be shown.
    pub(crate) is_secret: bool,
}

impl<'c> NamedValueTable<'c> {
    pub(super) fn new(workspace: Option<&'c str>, resources: &'c Resources, values: &'c NamedValues) -> Self {
        Self { values, workspace, resources, stand_ins: None }
    }

    /// The same table for a survey: values that are not there are taken for granted, and `undeclared` ones too.
    pub(super) fn with_stand_ins(mut self, undeclared: bool) -> Self {
        self.stand_ins = Some(StandIns { undeclared, texts: RefCell::default(), count: Cell::new(0) });
        self
    }

    /// Whether documents are surveyed and not compiled to be served.
    pub(super) fn is_survey(&self) -> bool {
        self.stand_ins.is_some()
    }

    /// How often a value has been stood in for so far.
    pub(super) fn stood_in(&self) -> usize {
        self.stand_ins.as_ref().map_or(0, |stand_ins| stand_ins.count.get())
    }

    /// Whether a finding may be due to a value that is not known: it is about a value, and one was stood in for since
    /// there were `before` of them, or in the very text.
    pub(super) fn excuses(&self, finding: &Diagnostic, before: usize) -> bool {
        let Some(stand_ins) = &self.stand_ins else { return false };
        if !VALUE_FINDINGS.contains(&finding.id) {
            return false;
        }
        let is_of_text =
            finding.location.as_ref().is_some_and(|location| stand_ins.texts.borrow().contains(location));
        is_of_text || finding.id == "bad-value" && stand_ins.count.get() > before
    }

    /// Takes a text as unknown where it is nothing but the placeholder of a template, such as `{count}`: documents that
    /// stand alone are often templates of other programs.
    pub(super) fn takes_placeholder(&self, text: &Text) {
        let Some(stand_ins) = self.stand_ins.as_ref().filter(|stand_ins| stand_ins.undeclared) else {
            return;
        };
        let inner = text.text.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        let is_name = |name: &str| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        };
        if inner.is_some_and(is_name) {
            stand_ins.texts.borrow_mut().insert(text.location.clone());
        }
    }

    fn stand_in(&self, declared: bool, text: &Text) -> Option<&'static str> {
        let stand_ins = self.stand_ins.as_ref().filter(|stand_ins| declared || stand_ins.undeclared)?;
        stand_ins.texts.borrow_mut().insert(text.location.clone());
        stand_ins.count.set(stand_ins.count.get() + 1);
        Some(STAND_IN)
    }

    /// Puts values in the places of `{{names}}`. Values are taken as they are: a name in a value stays. What keeps
    /// that from being done is told for every name.
    pub(super) fn substitute(&self, text: &Text, owner: &str) -> Result<Substituted, Vec<Diagnostic>> {
        self.substituted(text, owner, true)
    }

    /// As [`substitute`](Self::substitute), but a name that is no named value stays: in a template it is a variable.
    pub(super) fn substitute_known(&self, text: &Text, owner: &str) -> Result<Substituted, Vec<Diagnostic>> {
        self.substituted(text, owner, false)
    }

    fn substituted(&self, text: &Text, owner: &str, is_all: bool) -> Result<Substituted, Vec<Diagnostic>> {
        let mut wrong = Vec::new();
        let mut done = Text::empty(text.location.clone());
        let mut is_secret = false;
        let mut rest = 0;
        while let Some((start, end, name)) = next_name(&text.text, rest) {
            done.append(&text.slice(rest, start));
            match self.values.get(self.workspace, name) {
                None if !is_all => done.append(&text.slice(start, end)),
                Some(Resolved { value: Ok(value), secret }) => {
                    is_secret |= secret;
                    done.push(value.expose_secret(), text.locate(start));
                }
                unknown if let Some(stand_in) = self.stand_in(unknown.is_some(), text) => {
                    done.push(stand_in, text.locate(start));
                }
                None => wrong.push(self.undefined(name, owner, text, start)),
                Some(Resolved { value: Err(why), .. }) => {
                    let declared = self.declared(name);
                    let message = format!(
                        "the policy of {owner} uses the named value `{name}`{declared}, which has no value: {why}"
                    );
                    let finding = Diagnostic::error("named-value-unavailable", text.locate(start), message);
                    wrong.push(if why.is_passing() {
                        finding.severity(Severity::High).fix("until it has one, this policy answers 503")
                    } else {
                        finding
                    });
                }
            }
            rest = end;
            if done.text.len() > MAX_DOCUMENT_BYTES {
                let message = format!(
                    "the text is larger than {MAX_DOCUMENT_BYTES} bytes once its named values are put in"
                );
                wrong.push(Diagnostic::error("policy-size", text.location.clone(), message));
                break;
            }
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        if rest == 0 {
            return Ok(Substituted { text: text.clone(), is_secret: false });
        }
        done.append(&text.slice(rest, text.text.len()));
        Ok(Substituted { text: done, is_secret })
    }

    fn declared(&self, name: &str) -> String {
        let mut all = self.resources.named_values.values();
        let found = all.find(|known| known.display_name == name);
        found.map(|known| format!(" (declared at {})", known.location)).unwrap_or_default()
    }

    fn undefined(&self, name: &str, owner: &str, text: &Text, start: usize) -> Diagnostic {
        let place =
            self.workspace.map_or_else(|| "the service".to_owned(), |name| format!("the workspace `{name}`"));
        let message = format!(
            "the policy of {owner} uses the named value `{name}`, but {place} has none of that display name"
        );
        let fix = match did_you_mean(name, self.values.names(self.workspace)) {
            Some(known) => format!("did you mean `{{{{{known}}}}}`?"),
            None => "add it to the named values".to_owned(),
        };
        Diagnostic::error("unknown-named-value", text.locate(start), message).fix(fix)
    }
}

/// Findings about what a value is, rather than where something stands.
const VALUE_FINDINGS: [&str; 4] =
    ["bad-value", "bad-expression", "expression-not-allowed", "missing-reference"];

/// The next `{{name}}` from an offset on: where it starts, where it ends, and the name.
pub(super) fn next_name(text: &str, from: usize) -> Option<(usize, usize, &str)> {
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
