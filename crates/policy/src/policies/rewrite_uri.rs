//! `rewrite-uri`: another path and query for the backend.
//!
//! Source: <https://learn.microsoft.com/azure/api-management/rewrite-uri-policy>. The query parameters of the request that
//! the operation's template has not matched are copied, unless `copy-unmatched-params` says no; one that the new
//! template sets wins over one of the request.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::compiler::{Builder, Reported};
use crate::document::Element;
use crate::value::{Boolean, Text};
use crate::{Action, Exchange, Failure, Flow, Policy, Query, World};

/// What a parameter's value cannot hold in a path: everything with a meaning there. A slash stays, since wildcards
/// match several segments.
const PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'`')
    .add(b'{')
    .add(b'}')
    .add(b'%')
    .add(b'\\');

#[derive(Debug)]
struct RewriteUri {
    template: Text,
    copies_unmatched: Boolean,
}

pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    builder.only(element, &["template", "copy-unmatched-params"], &[])?;
    builder.no_text(element)?;
    let template = builder.text(element, "template")?;
    if let Some(literal) = template.literal()
        && let Err(why) = placeholders(literal)
    {
        let location = element.attribute("template").map_or(&element.location, |known| &known.value.location);
        return Err(builder.error("bad-value", location, why));
    }
    let copies_unmatched = builder.boolean(element, "copy-unmatched-params", true)?;
    Ok(Action::Now(Box::new(RewriteUri { template, copies_unmatched })))
}

impl Policy for RewriteUri {
    fn apply(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<Flow, Failure> {
        let template = self.template.evaluate(exchange, world)?;
        let copies = self.copies_unmatched.evaluate(exchange, world)?;
        let (path, query) = template.trim().split_once('?').unwrap_or((template.trim(), ""));
        let fail = |why: String| Failure::internal("rewrite-uri", "RewriteUriInvalid", why);
        let path =
            fill(path, exchange, |value| utf8_percent_encode(value, PATH).to_string()).map_err(fail)?;
        let mut target = Query::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = fill(name, exchange, str::to_owned).map_err(fail)?;
            let value = fill(value, exchange, str::to_owned).map_err(fail)?;
            target.append(&decoded(&name), &decoded(&value));
        }
        if copies {
            let matched = matched_names(exchange);
            let mut copied: Vec<(String, String)> = Vec::new();
            for (name, value) in exchange.request.url.query.pairs() {
                let is_matched = matched.iter().any(|known| known.eq_ignore_ascii_case(&name));
                if !is_matched && target.first(&name).is_none() {
                    copied.push((name.into_owned(), value.into_owned()));
                }
            }
            for (name, value) in copied {
                target.append(&name, &value);
            }
        }
        let url = &mut exchange.request.url;
        url.path = if path.starts_with('/') { path } else { format!("/{path}") };
        url.query = target;
        Ok(Flow::Continue)
    }
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

/// Puts matched parameters into the place of `{name}`.
fn fill(template: &str, exchange: &Exchange, encode: impl Fn(&str) -> String) -> Result<String, String> {
    let mut filled = String::new();
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        filled.push_str(&rest[..open]);
        let inner = &rest[open + 1..];
        let close = inner
            .find('}')
            .ok_or_else(|| format!("The template `{template}` has a brace that is not closed."))?;
        let name = inner[..close].trim_start_matches('*');
        let parameters = &exchange.request.matched_parameters;
        let value =
            parameters.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value);
        filled.push_str(&encode(value.ok_or_else(|| {
            format!(
                "The template names the parameter `{name}`, which the operation's template has not matched."
            )
        })?));
        rest = &inner[close + 1..];
    }
    filled.push_str(rest);
    Ok(filled)
}

/// The query parameters that the operation's template has matched.
fn matched_names(exchange: &Exchange) -> Vec<String> {
    let Some(operation) = &exchange.route.operation else { return Vec::new() };
    let Some((_, query)) = operation.url_template.split_once('?') else { return Vec::new() };
    query.split('&').map(|pair| pair.split('=').next().unwrap_or(pair).to_owned()).collect()
}

fn placeholders(template: &str) -> Result<(), String> {
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        let inner = &rest[open + 1..];
        let close = inner.find('}').ok_or("the template has a brace that is not closed")?;
        if inner[..close].trim_start_matches('*').is_empty() {
            return Err("the template has a placeholder without a name".to_owned());
        }
        rest = &inner[close + 1..];
    }
    Ok(())
}
