//! `rewrite-uri`: another path and query for the backend.
//!
//! Source: <https://learn.microsoft.com/azure/api-management/rewrite-uri-policy>. The query parameters of the request that
//! the operation's template has not matched are copied, unless `copy-unmatched-params` says no; one that the new
//! template sets wins over one of the request. What is written is sent as it is written; values of parameters are
//! encoded, so that none can add a segment, a query or a parameter.

use http::StatusCode;
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::compiler::{Builder, Reported};
use crate::document::Element;
use crate::value::{Boolean, Text};
use crate::{Action, Exchange, Failure, Flow, Policy, Query, World};

const NAME: &str = "rewrite-uri";

/// What a template cannot hold as it is written (RFC 3986, appendix A); what is encoded already stays.
const WRITTEN: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'`')
    .add(b'{')
    .add(b'}')
    .add(b'^')
    .add(b'|')
    .add(b'\\');
/// What the value of a parameter cannot hold: everything but the unreserved characters.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// What a segment can hold besides (RFC 3986, section 3.3).
const SEGMENT: &AsciiSet = &VALUE
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b':')
    .remove(b'@');
/// The value of a wildcard holds several segments.
const SEGMENTS: &AsciiSet = &SEGMENT.remove(b'/');

#[derive(Debug)]
struct RewriteUri {
    template: Text,
    copies_unmatched: Boolean,
}

pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    builder.only(element, &["template", "copy-unmatched-params"], &[]);
    builder.no_text(element);
    let template = builder.text(element, "template");
    if let Some(literal) = template.literal()
        && let Err(why) = placeholders(literal)
    {
        let location = element.attribute("template").map_or(&element.location, |known| &known.value.location);
        builder.error("bad-value", location, why);
    }
    let copies_unmatched = builder.boolean(element, "copy-unmatched-params", true);
    Ok(Action::Now(Box::new(RewriteUri { template, copies_unmatched })))
}

impl Policy for RewriteUri {
    fn apply(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<Flow, Failure> {
        let template = self.template.evaluate(exchange, world)?;
        let copies = self.copies_unmatched.evaluate(exchange, world)?;
        let (path, query) = template.trim().split_once('?').unwrap_or((template.trim(), ""));
        let filler = Filler { exchange, is_strict: self.template.literal().is_some() };
        let path = filler.fill(path, Part::Path)?;
        let mut target = filler.fill(query, Part::Query)?;
        if path.split('/').any(leaves_its_place) {
            let message = format!("The path `{path}` would leave its place at the backend.");
            let failure = Failure::new(StatusCode::BAD_REQUEST, NAME, "RewriteUriInvalid", message);
            return Err(failure.public("Bad request"));
        }
        if copies {
            let matched = matched_names(exchange);
            let set: Vec<String> = segments(&target).map(name).collect();
            let unmatched = segments(exchange.request.url.query.raw()).filter(|segment| {
                let name = name(segment);
                !matched.iter().chain(&set).any(|known| known.eq_ignore_ascii_case(&name))
            });
            for segment in unmatched {
                if !target.is_empty() {
                    target.push('&');
                }
                target.push_str(segment);
            }
        }
        let url = &mut exchange.request.url;
        url.path = if path.starts_with('/') { path } else { format!("/{path}") };
        url.query = Query::new(target);
        Ok(Flow::Continue)
    }
}

/// The parameters of a query as they are written.
fn segments(query: &str) -> impl Iterator<Item = &str> {
    query.split('&').filter(|segment| !segment.is_empty())
}

/// The name of a parameter, decoded.
fn name(segment: &str) -> String {
    let name = segment.split('=').next().unwrap_or(segment).replace('+', " ");
    percent_decode_str(&name).decode_utf8_lossy().into_owned()
}

/// Whether a segment holds `.` or `..` as somebody behind the gateway may read it: encoded, between encoded slashes or
/// backslashes, or with path parameters behind it; or a NUL. An expression may have written what a client has sent, and
/// requests with such paths are refused.
fn leaves_its_place(segment: &str) -> bool {
    if !segment.contains(['.', '%']) {
        return false;
    }
    let decoded: Vec<u8> = percent_decode_str(segment).collect();
    let is_dots = |part: &[u8]| matches!(part.split(|byte| *byte == b';').next(), Some(b"." | b".."));
    decoded.contains(&0) || decoded.split(|byte| matches!(byte, b'/' | b'\\')).any(is_dots)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Path,
    Query,
}

struct Filler<'f> {
    exchange: &'f Exchange,
    /// Whether a parameter that was not matched is a fault. What an expression gives may hold braces of the client.
    is_strict: bool,
}

impl Filler<'_> {
    /// Puts matched parameters into the place of `{name}`.
    fn fill(&self, template: &str, part: Part) -> Result<String, Failure> {
        let mut filled = String::new();
        let mut rest = template;
        while let Some((before, inner)) = rest.split_once('{') {
            filled.extend(utf8_percent_encode(before, WRITTEN));
            let found =
                inner.split_once('}').and_then(|(name, after)| Some((self.value(name, part)?, after)));
            match found {
                Some((value, after)) => {
                    filled.push_str(&value);
                    rest = after;
                }
                None if self.is_strict => {
                    let name = inner.split('}').next().unwrap_or_default();
                    let message = format!(
                        "The template names the parameter `{name}`, which the operation's template has not matched."
                    );
                    return Err(Failure::internal(NAME, "RewriteUriInvalid", message));
                }
                None => {
                    filled.push_str("%7B");
                    rest = inner;
                }
            }
        }
        filled.extend(utf8_percent_encode(rest, WRITTEN));
        Ok(filled)
    }

    fn value(&self, name: &str, part: Part) -> Option<String> {
        let name = name.trim_start_matches('*');
        let parameters = &self.exchange.request.matched_parameters;
        let (_, value) = parameters.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        let kept = match part {
            Part::Query => VALUE,
            Part::Path if self.is_wildcard(name) => SEGMENTS,
            Part::Path => SEGMENT,
        };
        Some(utf8_percent_encode(value, kept).to_string())
    }

    fn is_wildcard(&self, name: &str) -> bool {
        let Some(operation) = &self.exchange.route.operation else { return false };
        let mut wildcards =
            operation.url_template.split("{*").skip(1).filter_map(|rest| rest.split('}').next());
        wildcards.any(|known| known.eq_ignore_ascii_case(name))
    }
}

/// The query parameters that the operation's template has matched.
fn matched_names(exchange: &Exchange) -> Vec<String> {
    let Some(operation) = &exchange.route.operation else { return Vec::new() };
    let Some((_, query)) = operation.url_template.split_once('?') else { return Vec::new() };
    segments(query).map(name).collect()
}

fn placeholders(template: &str) -> Result<(), String> {
    let mut rest = template;
    while let Some((_, inner)) = rest.split_once('{') {
        let (name, after) = inner.split_once('}').ok_or("the template has a brace that is not closed")?;
        if name.trim_start_matches('*').is_empty() {
            return Err("the template has a placeholder without a name".to_owned());
        }
        rest = after;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::OperationFacts;
    use crate::testing::*;

    fn asked(template: &str, query: &str, parameters: &[(&str, &str)]) -> impl FnOnce(&mut Exchange) {
        let operation = Arc::new(OperationFacts {
            id: "op".into(),
            name: "op".into(),
            method: "GET".into(),
            url_template: template.into(),
            responses: Vec::new(),
            validation: None,
            soap: None,
            graphql: None,
        });
        let query = Query::new(query);
        let parameters: Vec<(Arc<str>, String)> =
            parameters.iter().map(|(name, value)| ((*name).into(), (*value).to_owned())).collect();
        move |exchange| {
            exchange.route.operation = Some(operation);
            exchange.request.url.query = query;
            exchange.request.matched_parameters = parameters.into_iter().collect();
        }
    }

    fn rewritten(attributes: &str, prepare: impl FnOnce(&mut Exchange)) -> Exchange {
        run_with(&document("inbound", &format!("<rewrite-uri {attributes} />")), prepare)
    }

    fn target(exchange: &Exchange) -> String {
        let url = &exchange.request.url;
        format!("{}?{}", url.path, url.query.raw())
    }

    #[test]
    fn the_examples_of_the_documentation() {
        let get = || asked("/get?a={b}", "a=b&c=d", &[("b", "b")]);
        assert_eq!(target(&rewritten("template=\"/put\"", get())), "/put?c=d");
        assert_eq!(target(&rewritten("template=\"/put\" copy-unmatched-params=\"false\"", get())), "/put?");
        let stores =
            asked("/{storenumber}/{ordernumber}", "", &[("storenumber", "7"), ("ordernumber", "8 9")]);
        assert_eq!(
            target(&rewritten(
                "template=\"/v2/US/hardware/{storenumber}&amp;{ordernumber}?City=city&amp;State=state\"",
                stores
            )),
            "/v2/US/hardware/7&8%209?City=city&State=state"
        );
    }

    #[test]
    fn the_template_wins_and_what_is_written_stays() {
        let ask = asked("/x", "b=1&%62=2&c=%20+&flag", &[]);
        assert_eq!(
            target(&rewritten("template=\"y?$filter=a eq 'b'&amp;B=3\"", ask)),
            "/y?$filter=a%20eq%20'b'&B=3&c=%20+&flag"
        );
    }

    #[test]
    fn a_value_adds_no_segment_query_or_parameter() {
        let ask = |template| asked(template, "", &[("id", "a/b?c&d=é")]);
        assert_eq!(
            target(&rewritten("template=\"/u/{ID}?q={id}\"", ask("/u/{id}"))),
            "/u/a%2Fb%3Fc&d=%C3%A9?q=a%2Fb%3Fc%26d%3D%C3%A9"
        );
        assert_eq!(target(&rewritten("template=\"/u/{id}\"", ask("/u/{*id}"))), "/u/a/b%3Fc&d=%C3%A9?");
    }

    #[test]
    fn what_an_expression_writes_cannot_climb_in_disguise() {
        let template = "template=\"@(&quot;/u/&quot; + context.Request.MatchedParameters[&quot;id&quot;])\"";
        let climbs =
            ["%2e%2e%2fadmin", "..%2Fadmin", "a%2f..", "..\\admin", "..%5cadmin", "..;x/admin", "a%00b"];
        for value in climbs {
            let exchange = rewritten(template, asked("/{id}", "", &[("id", value)]));
            assert_eq!(exchange.answered(), 400, "{value}");
            assert_eq!(exchange.last_error.unwrap().reason, "RewriteUriInvalid");
        }
        for (value, written) in [("a%2Fb", "/u/a%2Fb?"), ("..a%2fb..", "/u/..a%2fb..?"), ("a;..", "/u/a;..?")]
        {
            assert_eq!(target(&rewritten(template, asked("/{id}", "", &[("id", value)]))), written);
        }
    }

    #[test]
    fn a_value_cannot_climb() {
        for (template, value) in
            [("/{id}", ".."), ("/{*id}", "a/../../b"), ("/{*id}", "./x"), ("/{*id}", "..")]
        {
            let exchange = rewritten("template=\"/u/{id}/x\"", asked(template, "", &[("id", value)]));
            assert_eq!(exchange.answered(), 400, "{value}");
            assert_eq!(exchange.last_error.unwrap().reason, "RewriteUriInvalid");
        }
        let exchange = rewritten("template=\"/u/{id}/x\"", asked("/{*id}", "", &[("id", "..a/b..")]));
        assert_eq!(target(&exchange), "/u/..a/b../x?");
    }

    #[test]
    fn a_parameter_that_was_not_matched_is_named() {
        let exchange = rewritten("template=\"/u/{nobody}\"", asked("/{id}", "", &[("id", "1")]));
        assert_eq!(exchange.answered(), 500);
        assert!(exchange.last_error.unwrap().message.contains("the parameter `nobody`"));
    }

    #[test]
    fn an_expression_may_give_braces_of_the_client() {
        let exchange = rewritten("template=\"@(&quot;/{id}/{x&quot;)\"", asked("/{id}", "", &[("id", "1")]));
        assert_eq!(target(&exchange), "/1/%7Bx?");
    }

    #[test]
    fn what_cannot_be_is_told_at_load() {
        for (template, wanted) in
            [("/a/{b", "a brace that is not closed"), ("/a/{}", "a placeholder without a name")]
        {
            let told = findings_in("inbound", &format!("<rewrite-uri template=\"{template}\" />"));
            assert!(told[0].starts_with("policy.xml:1:81: error: ") && told[0].contains(wanted), "{told:?}");
        }
        let told = findings_in("outbound", "<rewrite-uri template=\"/\" />");
        assert!(told[0].contains("`rewrite-uri` cannot stand in the section `outbound`"), "{told:?}");
    }
}
