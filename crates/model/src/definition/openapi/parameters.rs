//! Parameters of an operation, and what they do to its template.

use super::document::At;
use super::paths::Path;
use super::{Reader, wrong_type};
use crate::definition::template::Template;
use crate::definition::{Format, probably_unmeant};
use crate::resources::Parameter;
use crate::{Diagnostic, Location, did_you_mean};

/// A parameter that has been looked up.
pub(super) struct Declared<'a> {
    pub(super) name: &'a str,
    pub(super) place: &'a str,
    pub(super) required: bool,
    /// Whether the path declares it, for every method.
    is_shared: bool,
    pub(super) at: At<'a>,
}

impl<'a> Reader<'a, '_> {
    /// The path and query parameters of an operation. Required query parameters become part of the template.
    pub(super) fn parameters(
        &mut self,
        path: &Path<'a, '_>,
        operation: At<'a>,
        label: &str,
        location: &Location,
        template: &mut Template,
    ) -> Vec<Parameter> {
        let declared = self.declared(path, operation);
        let mut parameters = Vec::with_capacity(declared.len());
        for name in &path.template.parameters {
            let is_declared = declared.iter().any(|one| one.place == "path" && bare(one.name) == name);
            if !is_declared {
                let message = format!("the path parameter `{name}` of `{label}` is not declared");
                let mut error = Diagnostic::error("undeclared-parameter", location.clone(), message);
                let others = declared
                    .iter()
                    .filter(|one| {
                        one.place == "path" && !path.template.parameters.iter().any(|p| p == bare(one.name))
                    })
                    .map(|one| one.name);
                error = error.fix(match did_you_mean(name, others) {
                    Some(meant) => format!("is the declared `{meant}` meant?"),
                    None => {
                        format!("add it to `parameters`: {{ name: {name}, in: path, required: true, … }}")
                    }
                });
                self.diagnostics.push(error);
            }
            parameters.push(Parameter { name: name.clone(), in_query: false, required: true });
        }
        for one in declared {
            match one.place {
                "path" if !path.template.parameters.iter().any(|name| name == bare(one.name)) => {
                    let message = format!(
                        "the path parameter `{}` does not occur in `{}`",
                        one.name, path.template.text
                    );
                    let error = Diagnostic::error("unused-parameter", one.at.location(), message)
                        .fix(format!("write `{{{}}}` into the path, or remove the parameter", one.name));
                    self.report(error);
                }
                "query" => {
                    if one.required {
                        self.require(one.name, one.at, label, template);
                    }
                    parameters.push(Parameter {
                        name: one.name.to_owned(),
                        in_query: true,
                        required: one.required,
                    });
                }
                _ => {}
            }
        }
        parameters
    }

    /// Makes a required query parameter part of the template, where names stand only once.
    fn require(&mut self, name: &str, at: At<'a>, label: &str, template: &mut Template) {
        let problem = if template.parameters.iter().any(|known| known == name) {
            "the path has a parameter of the same name"
        } else if name.contains(['{', '}', '?', '&', '=', '#', '*']) {
            "a template cannot hold its name"
        } else if names_query(&template.text, name) {
            "the path says its value"
        } else {
            template.require(name);
            return;
        };
        self.diagnostics.push(probably_unmeant(
            "optional-query-parameter",
            at.location(),
            format!("`{label}` answers without the required query parameter `{name}` too: {problem}"),
        ));
    }

    /// The parameters of the path and of the operation, which may replace them.
    pub(super) fn declared(&mut self, path: &Path<'a, '_>, operation: At<'a>) -> Vec<Declared<'a>> {
        let mut declared: Vec<Declared<'a>> = Vec::new();
        for at in &path.parameters {
            if let Some(one) = self.parameter(*at, true) {
                declared.push(one);
            }
        }
        for at in self.list(operation, "parameters") {
            let Some(one) = self.parameter(at, false) else { continue };
            match declared.iter_mut().find(|known| known.name == one.name && known.place == one.place) {
                Some(known) if known.is_shared => *known = one,
                Some(_) => {
                    let message = format!("the {} parameter `{}` is declared twice", one.place, one.name);
                    self.diagnostics.error("duplicate-parameter", at.location(), message);
                }
                None => declared.push(one),
            }
        }
        declared
    }

    fn parameter(&mut self, at: At<'a>, is_shared: bool) -> Option<Declared<'a>> {
        let target = self.resolved(at)?;
        if target.node.as_mapping().is_none() {
            self.report(wrong_type(target, "a parameter", "a mapping"));
            return None;
        }
        let places = places(self.format);
        let Some(place) = target.node.get("in").and_then(|place| place.as_str()) else {
            let error = Diagnostic::error("missing-key", target.location(), "the parameter has no `in`");
            self.report(error.fix(format!("one of {}", places.join(", "))));
            return None;
        };
        if !places.contains(&place) {
            let at = target.get("in").unwrap_or(target);
            let message = format!("a parameter cannot stand in `{place}`");
            let meant = did_you_mean(place, places.iter().copied());
            let fix = meant.map_or_else(
                || format!("one of {}", places.join(", ")),
                |meant| format!("did you mean `{meant}`?"),
            );
            self.report(Diagnostic::error("unknown-parameter-place", at.location(), message).fix(fix));
            return None;
        }
        let Some(name) =
            target.node.get("name").and_then(|name| name.as_str()).filter(|name| !name.is_empty())
        else {
            let error = Diagnostic::error("missing-key", target.location(), "the parameter has no `name`");
            self.report(error);
            return None;
        };
        let required = target.get("required").filter(|required| !required.node.is_null());
        if let Some(other) = required.filter(|required| required.node.as_bool().is_none()) {
            self.report(wrong_type(other, "`required`", "true or false"));
        }
        Some(Declared { name, place, required: target.flag("required"), is_shared, at })
    }
}

fn places(format: Format) -> &'static [&'static str] {
    match format {
        Format::OpenApi20 => &["path", "query", "header", "body", "formData"],
        Format::OpenApi32 => &["path", "query", "header", "cookie", "querystring"],
        _ => &["path", "query", "header", "cookie"],
    }
}

/// The name without the star that marks the rest of a path.
pub(super) fn bare(name: &str) -> &str {
    name.strip_prefix('*').unwrap_or(name)
}

/// Whether the query of a template sets a parameter already.
fn names_query(template: &str, name: &str) -> bool {
    template.split_once('?').is_some_and(|(_, query)| {
        query.split('&').any(|pair| pair.split_once('=').map_or(pair, |(key, _)| key) == name)
    })
}
