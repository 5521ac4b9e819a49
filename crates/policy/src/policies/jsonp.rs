//! `jsonp`: wraps a JSON answer in a call of the function that the request names, so that a script element can load it.
//!
//! Source: <https://learn.microsoft.com/azure/api-management/jsonp-policy>. Without the parameter the answer stays as it is,
//! and so does one that is not JSON or is compressed: it would be no script.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, StatusCode};

use super::whole_body;
use crate::compiler::{Builder, Message, Reported};
use crate::document::Element;
use crate::plan::PolicyFuture;
use crate::value::Text;
use crate::{Action, AsyncPolicy, Exchange, Failure, Flow, World};

const NAME: &str = "jsonp";
/// The longest name of a function.
const MAX_CALLBACK: usize = 256;

#[derive(Debug)]
struct Jsonp {
    parameter: Text,
}

pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    builder.only(element, &["callback-parameter-name"], &[]);
    builder.no_text(element);
    let parameter = builder.text(element, "callback-parameter-name");
    if parameter.literal().is_some_and(|name| name.is_empty()) {
        let location = element
            .attribute("callback-parameter-name")
            .map_or(&element.location, |known| &known.value.location);
        let message = "the attribute `callback-parameter-name` names no query parameter";
        return Err(builder.error("bad-value", location, message));
    }
    Ok(Action::Later(Box::new(Jsonp { parameter })))
}

impl AsyncPolicy for Jsonp {
    fn apply<'a>(&'a self, exchange: &'a mut Exchange, world: &'a World<'a>) -> PolicyFuture<'a> {
        Box::pin(async move {
            let parameter = self.parameter.evaluate(exchange, world)?;
            // The query as the client sent it: policies may have taken the parameter out for the backend.
            let Some(callback) = exchange.request.original_url.query.first(&parameter) else {
                return Ok(Flow::Continue);
            };
            let callback = callback.into_owned();
            if !is_function(&callback) {
                let message = format!(
                    "Value of callback parameter {} is not a valid JavaScript identifier.",
                    parameter.escape_debug()
                );
                return Err(Failure::new(StatusCode::BAD_REQUEST, NAME, "CallbackParameterInvalid", message));
            }
            let is_json = exchange.response.as_ref().is_some_and(|response| {
                whole_body::media_type(&response.headers).is_none_or(|known| whole_body::is_json(&known))
            });
            if !is_json || !whole_body::is_readable(exchange, Message::Response) {
                return Ok(Flow::Continue);
            }
            let body = whole_body::read(exchange, Message::Response, world, NAME).await?;
            whole_body::replace(exchange, Message::Response, call(&callback, &body));
            if let Some(response) = &mut exchange.response {
                let script = HeaderValue::from_static("application/javascript");
                response.headers.insert(CONTENT_TYPE, script);
                response.headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
            }
            Ok(Flow::Continue)
        })
    }
}

/// The call. The two line separators of Unicode may stand in JSON, but not in strings of older scripts.
fn call(callback: &str, json: &[u8]) -> Bytes {
    let mut script = Vec::with_capacity(callback.len() + json.len() + 3);
    script.extend_from_slice(callback.as_bytes());
    script.push(b'(');
    let mut rest = json.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(json);
    while let Some(at) = memchr::memmem::find(rest, b"\xE2\x80").filter(|at| at + 2 < rest.len()) {
        let (before, after) = rest.split_at(at);
        script.extend_from_slice(before);
        let (found, after) = after.split_at(3);
        match found {
            b"\xE2\x80\xA8" => script.extend_from_slice(b"\\u2028"),
            b"\xE2\x80\xA9" => script.extend_from_slice(b"\\u2029"),
            other => script.extend_from_slice(other),
        }
        rest = after;
    }
    script.extend_from_slice(rest);
    script.extend_from_slice(b");");
    script.into()
}

/// Whether a text names a function: identifiers of ASCII letters, with dots between them.
fn is_function(text: &str) -> bool {
    let is_identifier = |part: &str| {
        let is_start = |c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '$');
        part.starts_with(is_start)
            && part.chars().all(|c| is_start(c) || c.is_ascii_digit())
            && !RESERVED.contains(&part)
    };
    text.len() <= MAX_CALLBACK && text.split('.').all(is_identifier)
}

/// Words of ECMA-262, section 12.7.2, that cannot be called.
const RESERVED: [&str; 43] = [
    "arguments",
    "await",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "continue",
    "debugger",
    "default",
    "delete",
    "do",
    "else",
    "enum",
    "eval",
    "export",
    "extends",
    "false",
    "finally",
    "for",
    "function",
    "if",
    "import",
    "in",
    "instanceof",
    "new",
    "null",
    "return",
    "super",
    "switch",
    "this",
    "throw",
    "true",
    "try",
    "typeof",
    "var",
    "void",
    "while",
    "with",
    "yield",
    "let",
    "static",
    "implements",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;
    use crate::{Body, Query, Response};

    const POLICY: &str = "<jsonp callback-parameter-name=\"cb\" />";

    fn answered(query: &str, content_type: Option<&'static str>, body: &'static str) -> Exchange {
        let world = TestWorld::new();
        let mut response = Response::new(StatusCode::OK);
        if let Some(content_type) = content_type {
            response.headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        response.body = Body::Full(body.into());
        *world.answer.borrow_mut() = Some(Ok(response));
        let mut exchange = exchange();
        exchange.request.original_url.query = Query::new(query);
        world.run(&plan(&document("outbound", POLICY)), &mut exchange);
        exchange
    }

    #[test]
    fn json_is_wrapped_where_the_request_names_a_function() {
        let exchange = answered("cb=app.load_1", Some("application/json; charset=utf-8"), "{\"a\":1}");
        assert_eq!(exchange.answer_text(), "app.load_1({\"a\":1});");
        let headers = &exchange.response.unwrap().headers;
        assert_eq!(headers[CONTENT_TYPE], "application/javascript");
        assert_eq!(headers[X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert_eq!(
            answered("CB=$f", None, "[\"\u{2028}\u{2029}\u{2014}\"]").answer_text(),
            "$f([\"\\u2028\\u2029\u{2014}\"]);"
        );
    }

    #[test]
    fn anything_else_stays_as_it_is() {
        let plain = answered("a=1", Some("application/json"), "{}");
        assert_eq!(plain.answer_text(), "{}");
        assert_eq!(plain.response.unwrap().headers[CONTENT_TYPE], "application/json");
        assert_eq!(answered("cb=f", Some("text/html"), "<p>").answer_text(), "<p>");
        assert_eq!(answered("cb=f", Some("application/json"), "").answer_text(), "");
    }

    #[test]
    fn what_is_no_function_is_refused() {
        for callback in ["alert(1)", "a..b", "1a", "", "a-b", "new", "a.delete", "%C3%A9", "a%0A"] {
            let exchange = answered(&format!("cb={callback}"), Some("application/json"), "{}");
            assert_eq!(exchange.answered(), 400, "{callback}");
            let error = exchange.last_error.unwrap();
            assert_eq!((&*error.source, &*error.reason), ("jsonp", "CallbackParameterInvalid"));
            assert_eq!(error.message, "Value of callback parameter cb is not a valid JavaScript identifier.");
        }
    }

    #[test]
    fn what_cannot_be_is_told_at_load() {
        let told = findings_in("outbound", "<jsonp callback-parameter-name=\"\" />");
        assert!(told[0].contains("names no query parameter"), "{told:?}");
        let told = findings_in("inbound", POLICY);
        assert!(told[0].contains("`jsonp` cannot stand in the section `inbound`"), "{told:?}");
        let told = findings_in("outbound", &POLICY.repeat(2));
        assert!(told[0].contains("`jsonp` may stand once in a section"), "{told:?}");
    }
}
