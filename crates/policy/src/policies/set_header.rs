//! `set-header`: sets, adds to, or takes out a header field.
//!
//! Source: <https://learn.microsoft.com/azure/api-management/set-header-policy>.

use std::fmt;

use http::header::{
    COOKIE, DATE, EXPIRES, HeaderName, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE, LAST_MODIFIED,
    PROXY_AUTHENTICATE, RETRY_AFTER, SET_COOKIE, USER_AGENT, WARNING, WWW_AUTHENTICATE,
};
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::compiler::{Builder, Message, Reported};
use crate::document::Element;
use crate::value::{Enumeration, Text};
use crate::{Action, Exchange, Failure, Flow, Policy, Response, World};

/// What happens where the header field is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ExistsAction {
    Override,
    Skip,
    Append,
    Delete,
}

/// The words of `exists-action`.
pub(super) const EXISTS_ACTIONS: &[(&str, ExistsAction)] = &[
    ("override", ExistsAction::Override),
    ("skip", ExistsAction::Skip),
    ("append", ExistsAction::Append),
    ("delete", ExistsAction::Delete),
];

/// Fields whose values stand on lines of their own; those of others are joined by commas.
const SEPARATE: [HeaderName; 12] = [
    COOKIE,
    DATE,
    EXPIRES,
    IF_MODIFIED_SINCE,
    IF_UNMODIFIED_SINCE,
    LAST_MODIFIED,
    PROXY_AUTHENTICATE,
    RETRY_AFTER,
    SET_COOKIE,
    USER_AGENT,
    WARNING,
    WWW_AUTHENTICATE,
];

/// Fields that belong to the connection or to the framing, which the gateway writes itself.
const FRAMING: [&str; 9] = [
    "cdn-loop",
    "connection",
    "content-length",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// A change of a header field.
#[derive(Debug)]
pub(super) struct HeaderEdit {
    policy: &'static str,
    name: Name,
    action: Enumeration<ExistsAction>,
    values: Vec<Value>,
}

#[derive(Debug)]
enum Name {
    Literal(HeaderName),
    Computed(Text),
}

enum Value {
    Literal(HeaderValue),
    Computed(Text),
}

impl fmt::Debug for Value {
    /// A literal may hold the value of a secret named value: it is not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(value) => write!(f, "literal of {} bytes", value.len()),
            Self::Computed(text) => text.fmt(f),
        }
    }
}

/// A change of a header field with everything computed.
pub(super) struct EvaluatedHeader {
    name: HeaderName,
    action: ExistsAction,
    values: smallvec::SmallVec<[HeaderValue; 1]>,
}

#[derive(Debug)]
struct SetHeader {
    edit: HeaderEdit,
    message: Message,
}

pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    let message = builder.message();
    Ok(Action::Now(Box::new(SetHeader { edit: HeaderEdit::compile(builder, element), message })))
}

impl HeaderEdit {
    pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Self {
        builder.only(element, &["name", "exists-action"], &["value"]);
        builder.no_text(element);
        let name = Self::compile_name(builder, element);
        let action = builder.enumeration(element, "exists-action", EXISTS_ACTIONS, ExistsAction::Override);
        let mut values = Vec::new();
        for value in element.elements_named("value") {
            builder.only(value, &[], &[]);
            values.push(Self::compile_value(builder, value));
        }
        if values.is_empty() && action.literal().is_some_and(|action| action != ExistsAction::Delete) {
            let message = "`set-header` holds no `value`";
            let fix = "add `<value>…</value>`, or take the field out with `exists-action=\"delete\"`";
            builder.error_with_fix("missing-element", &element.location, message, fix);
        }
        Self { policy: builder.policy(), name, action, values }
    }

    fn compile_name(builder: &mut Builder<'_>, element: &Element) -> Name {
        let text = builder.text(element, "name");
        let Some(literal) = text.literal() else { return Name::Computed(text) };
        let location = element.attribute("name").map_or(&element.location, |name| &name.value.location);
        match header_name(literal) {
            Ok(name) => Name::Literal(name),
            Err(why) => {
                builder.error("bad-value", location, why);
                Name::Computed(text)
            }
        }
    }

    fn compile_value(builder: &mut Builder<'_>, element: &Element) -> Value {
        let text = builder.content(element);
        let Some(literal) = text.literal() else { return Value::Computed(text) };
        let Ok(value) = HeaderValue::from_bytes(literal.as_bytes()) else {
            let message = "the value of a header field cannot hold line breaks or other control characters";
            builder.error("bad-value", &element.text().location, message);
            return Value::Computed(text);
        };
        Value::Literal(value)
    }

    /// Name, action and values for this exchange.
    pub(super) fn evaluate(
        &self,
        exchange: &mut Exchange,
        world: &World<'_>,
    ) -> Result<EvaluatedHeader, Failure> {
        let unfit = |why: String| Failure::internal(self.policy, "HeaderInvalid", why);
        let name = match &self.name {
            Name::Literal(name) => name.clone(),
            Name::Computed(text) => header_name(&text.evaluate(exchange, world)?).map_err(unfit)?,
        };
        let action = self.action.evaluate(exchange, world)?;
        let mut values = smallvec::SmallVec::new();
        for value in &self.values {
            values.push(match value {
                Value::Literal(value) => value.clone(),
                Value::Computed(text) => {
                    let made = |text: &str| HeaderValue::from_bytes(text.trim().as_bytes());
                    text.read(exchange, world, made)?.map_err(|_| {
                        unfit(format!(
                            "The value of the header {name} holds a line break or a control character."
                        ))
                    })?
                }
            });
        }
        Ok(EvaluatedHeader { name, action, values })
    }
}

impl EvaluatedHeader {
    /// Makes the change.
    pub(super) fn apply(self, headers: &mut HeaderMap) {
        let Self { name, action, values } = self;
        match action {
            ExistsAction::Delete => {
                headers.remove(&name);
                return;
            }
            ExistsAction::Skip if headers.contains_key(&name) => return,
            ExistsAction::Override | ExistsAction::Skip if values.len() == 1 => {
                for value in values {
                    headers.insert(&name, value);
                }
                return;
            }
            ExistsAction::Override | ExistsAction::Skip | ExistsAction::Append => {}
        }
        let mut all: Vec<HeaderValue> = match action {
            ExistsAction::Append => headers.get_all(&name).iter().cloned().collect(),
            _ => Vec::new(),
        };
        all.extend(values);
        if SEPARATE.contains(&name) {
            headers.remove(&name);
            for value in all {
                headers.append(&name, value);
            }
            return;
        }
        let joined = all.iter().map(HeaderValue::as_bytes).collect::<Vec<_>>().join(&b","[..]);
        if let Ok(joined) = HeaderValue::from_bytes(&joined) {
            headers.insert(name, joined);
        }
    }
}

impl Policy for SetHeader {
    fn apply(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<Flow, Failure> {
        let edit = self.edit.evaluate(exchange, world)?;
        match self.message {
            Message::Request => edit.apply(&mut exchange.request.headers),
            Message::Response => {
                let response = exchange.response.get_or_insert_with(|| Response::new(StatusCode::OK));
                edit.apply(&mut response.headers);
            }
        }
        Ok(Flow::Continue)
    }
}

/// The name of a header field that a policy may change.
pub(super) fn header_name(name: &str) -> Result<HeaderName, String> {
    let name = name.trim();
    let parsed = HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| format!("`{}` is not the name of a header field", name.escape_debug()))?;
    if FRAMING.contains(&parsed.as_str()) {
        return Err(format!("the header field `{parsed}` is written by the gateway and cannot be changed"));
    }
    Ok(parsed)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use crate::testing::*;

    /// The lines of `name` after a policy, where `before` stood.
    fn after(before: &[&'static str], policy: &str, name: &str) -> Vec<String> {
        let exchange = run_with(&document("inbound", policy), |exchange| {
            for value in before {
                exchange.request.headers.append(
                    http::HeaderName::from_bytes(name.as_bytes()).unwrap(),
                    HeaderValue::from_static(value),
                );
            }
        });
        assert_eq!(exchange.answered(), 200, "{:?}", exchange.last_error);
        let values = exchange.request.headers.get_all(name).iter();
        values.map(|value| value.to_str().unwrap().to_owned()).collect()
    }

    fn set(name: &str, action: &str, values: &[&str]) -> String {
        let values =
            values.iter().map(|value| format!("<value>{value}</value>")).collect::<Vec<_>>().concat();
        format!("<set-header name=\"{name}\" exists-action=\"{action}\">{values}</set-header>")
    }

    #[test]
    fn override_is_the_default_and_takes_the_place_of_all() {
        assert_eq!(
            after(&["1", "2"], "<set-header name=\"X-A\"><value> 3 </value></set-header>", "x-a"),
            ["3"]
        );
        assert_eq!(after(&["1"], &set("x-a", "override", &["2", "3"]), "x-a"), ["2,3"]);
    }

    #[test]
    fn append_skip_and_delete() {
        assert_eq!(after(&[], &set("x-a", "append", &["2"]), "x-a"), ["2"]);
        assert_eq!(after(&["1"], &set("x-a", "append", &["2"]), "x-a"), ["1,2"]);
        assert_eq!(after(&["1"], &set("x-a", "skip", &["2"]), "x-a"), ["1"]);
        assert_eq!(after(&[], &set("x-a", "skip", &["2"]), "x-a"), ["2"]);
        assert_eq!(after(&["1", "2"], &set("x-a", "delete", &[]), "x-a"), Vec::<String>::new());
        assert_eq!(after(&[], &set("x-a", "delete", &[]), "x-a"), Vec::<String>::new());
    }

    #[test]
    fn cookies_stand_on_lines_of_their_own() {
        assert_eq!(after(&["a=1"], &set("Cookie", "append", &["b=2"]), "cookie"), ["a=1", "b=2"]);
    }

    #[test]
    fn the_section_says_which_message_is_meant() {
        let exchange = run(&document("outbound", &set("x-a", "override", &["1"])));
        assert!(exchange.request.headers.is_empty());
        assert_eq!(exchange.response.unwrap().headers["x-a"], "1");
    }

    #[test]
    fn expressions_give_name_action_and_values() {
        let policy = "<set-header name=\"@(&quot;x-&quot; + &quot;b&quot;)\" exists-action=\"@(&quot;append&quot;)\"><value>@(context.Request.Method)</value></set-header>";
        assert_eq!(after(&["1"], policy, "x-b"), ["1,GET"]);
    }

    #[test]
    fn a_line_break_from_an_expression_is_refused() {
        let exchange = run(&document(
            "inbound",
            "<set-header name=\"x-a\"><value>@(\"a\\r\\nb: c\")</value></set-header>",
        ));
        assert_eq!(exchange.answered(), 500);
        let error = exchange.last_error.unwrap();
        assert_eq!((&*error.source, &*error.reason), ("set-header", "HeaderInvalid"));
        assert!(exchange.request.headers.is_empty());
    }

    #[test]
    fn what_cannot_be_is_told_at_load() {
        let cases = [
            (set("a b", "override", &["1"]), "`a b` is not the name of a header field"),
            (
                set("Content-Length", "override", &["1"]),
                "the header field `content-length` is written by the gateway",
            ),
            (
                set("x", "replace", &["1"]),
                "must be one of `override`, `skip`, `append`, `delete`, not `replace`",
            ),
            (set("x", "append", &[]), "`set-header` holds no `value`"),
            (set("x", "append", &["a\nb"]), "the value of a header field cannot hold line breaks"),
        ];
        for (policy, wanted) in cases {
            let told = findings_in("inbound", &policy);
            assert!(told.len() == 1 && told[0].contains(wanted), "{told:?}");
        }
    }
}
