//! The URLs that a definition says its API answers at.

use std::collections::HashMap;

use super::document::At;
use super::{Reader, wrong_type};
use crate::definition::{Format, probably_unmeant};
use crate::tree::Node;
use crate::{Located, Location};

impl<'a> Reader<'a, '_> {
    /// The servers of the document, of a path or of an operation.
    pub(super) fn servers(&mut self, owner: At<'a>) -> Vec<Located<String>> {
        let key = if self.format == Format::OpenApi20 { "x-servers" } else { "servers" };
        match owner.get(key) {
            Some(list) if list.node.as_sequence().is_some() => {
                list.items().filter_map(|server| self.server(server)).collect()
            }
            Some(other) if !other.node.is_null() => {
                self.diagnostics.push(wrong_type(other, &format!("`{key}`"), "a list"));
                Vec::new()
            }
            _ if self.format == Format::OpenApi20 => self.host(owner),
            _ => Vec::new(),
        }
    }

    fn server(&mut self, server: At<'a>) -> Option<Located<String>> {
        let Some(url) = server.get("url") else {
            self.diagnostics.error("missing-key", server.location(), "the server has no `url`");
            return None;
        };
        let Some(template) = url.node.as_str() else {
            self.diagnostics.push(wrong_type(url, "`url`", "a string"));
            return None;
        };
        let mut variables = HashMap::new();
        for (key, variable) in self.mapping(server, "variables") {
            if let Some(default) = variable.node.get("default").and_then(Node::scalar_text) {
                variables.insert(key.text.as_str(), default);
            }
        }
        let mut text = String::with_capacity(template.len());
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            text.push_str(before);
            let Some((name, after)) = after.split_once('}') else {
                self.leave_out(url.location(), &format!("`{template}` opens a brace that it does not close"));
                return None;
            };
            let Some(value) = variables.get(name) else {
                self.leave_out(
                    url.location(),
                    &format!("the variable `{name}` of `{template}` has no default"),
                );
                return None;
            };
            text.push_str(value);
            rest = after;
        }
        text.push_str(rest);
        Some(Located::new(text, url.location()))
    }

    fn leave_out(&mut self, location: Location, problem: &str) {
        self.diagnostics.push(
            probably_unmeant("unusable-server", location, format!("{problem}; this server is left out"))
                .fix("give the variable a `default`"),
        );
    }

    /// The host and base path of `OpenAPI` 2.0.
    fn host(&mut self, root: At<'a>) -> Vec<Located<String>> {
        let base = root.text("basePath").unwrap_or_default();
        let base = if base.is_empty() || base.starts_with('/') { base } else { format!("/{base}") };
        let Some(host) = root.get("host").filter(|host| !host.node.is_null()) else {
            let place = root.get("basePath").filter(|_| !base.is_empty());
            return place.map(|at| Located::new(base, at.location())).into_iter().collect();
        };
        let Some(name) = host.node.as_str() else {
            self.diagnostics.push(wrong_type(host, "`host`", "a string"));
            return Vec::new();
        };
        let mut schemes: Vec<&str> =
            self.list(root, "schemes").filter_map(|scheme| scheme.node.as_str()).collect();
        if schemes.is_empty() {
            schemes.push("https");
        }
        schemes
            .into_iter()
            .map(|scheme| Located::new(format!("{scheme}://{name}{base}"), host.location()))
            .collect()
    }
}
