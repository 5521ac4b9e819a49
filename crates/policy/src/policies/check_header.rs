//! `check-header`: a header field that must be there, with one of some values.
//!
//! Source: <https://learn.microsoft.com/azure/api-management/check-header-policy>.

use http::{HeaderName, StatusCode};
use subtle::ConstantTimeEq as _;

use crate::compiler::{Builder, Reported};
use crate::document::Element;
use crate::value::{Boolean, Integer, Text};
use crate::{Action, Exchange, Failure, Flow, Policy, World};

#[derive(Debug)]
struct CheckHeader {
    name: Text,
    status: Integer,
    message: Text,
    ignores_case: Boolean,
    values: Vec<Text>,
}

pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    let attributes = ["name", "failed-check-httpcode", "failed-check-error-message", "ignore-case"];
    builder.only(element, &attributes, &["value"]);
    builder.no_text(element);
    let name = builder.text(element, "name");
    if let Some(literal) = name.literal()
        && HeaderName::from_bytes(literal.as_bytes()).is_err()
    {
        let message = format!("`{}` is not the name of a header field", literal.escape_debug());
        let location = element.attribute("name").map_or(&element.location, |known| &known.value.location);
        builder.error("bad-value", location, message);
    }
    let status = builder.integer(element, "failed-check-httpcode", 200..=999);
    let message = builder.text(element, "failed-check-error-message");
    let ignores_case = builder.required_boolean(element, "ignore-case");
    let mut values = Vec::new();
    for value in element.elements_named("value") {
        builder.only(value, &[], &[]);
        values.push(builder.content(value));
    }
    Ok(Action::Now(Box::new(CheckHeader { name, status, message, ignores_case, values })))
}

impl CheckHeader {
    /// What is wrong: the failure with APIM's reason and message, its status and public message to come.
    fn verdict(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<Option<Failure>, Failure> {
        let failure =
            |reason, message| Failure::new(StatusCode::UNAUTHORIZED, "check-header", reason, message);
        let name = self.name.evaluate(exchange, world)?;
        let mut found = exchange.request.headers.get_all(&*name).iter();
        let Some(first) = found.next() else {
            let message = format!("Header {} was not found in the request. Access denied.", &*name);
            return Ok(Some(failure("HeaderNotFound", message)));
        };
        if self.values.is_empty() {
            return Ok(None);
        }
        let is_single = found.next().is_none();
        let value = String::from_utf8_lossy(first.as_bytes()).into_owned();
        if is_single {
            let ignores_case = self.ignores_case.evaluate(exchange, world)?;
            for allowed in &self.values {
                let allowed = allowed.evaluate(exchange, world)?;
                // The allowed value may be a secret: the time of the comparison tells nothing about it.
                let equal = if ignores_case {
                    allowed.to_lowercase().as_bytes().ct_eq(value.to_lowercase().as_bytes())
                } else {
                    allowed.as_bytes().ct_eq(value.as_bytes())
                };
                if equal.into() {
                    return Ok(None);
                }
            }
        }
        let message = format!("Header {} value of {value} is not allowed. Access denied.", &*name);
        Ok(Some(failure("HeaderValueNotAllowed", message).private()))
    }
}

impl Policy for CheckHeader {
    fn apply(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<Flow, Failure> {
        let Some(failure) = self.verdict(exchange, world)? else { return Ok(Flow::Continue) };
        let code = self.status.evaluate(exchange, world)?;
        let status = u16::try_from(code).ok().and_then(|code| StatusCode::from_u16(code).ok());
        let public = self.message.evaluate(exchange, world)?.to_owned();
        let status = status.unwrap_or(StatusCode::UNAUTHORIZED);
        Err(Failure { status, ..failure }.public(public))
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use crate::testing::*;
    use crate::{Body, Exchange};

    const REST: &str =
        "failed-check-httpcode=\"401\" failed-check-error-message=\"Not \\&quot;authorized&quot;\"";

    fn checked(ignores_case: bool, values: &[&str], sent: &[&'static str]) -> Exchange {
        let values =
            values.iter().map(|value| format!("<value>{value}</value>")).collect::<Vec<_>>().concat();
        let policy = format!(
            "<check-header name=\"X-Key\" {REST} ignore-case=\"{ignores_case}\">{values}</check-header>"
        );
        run_with(&document("inbound", &policy), |exchange| {
            for value in sent {
                exchange.request.headers.append("x-key", HeaderValue::from_static(value));
            }
        })
    }

    #[test]
    fn a_field_that_is_missing_fails_with_the_policys_status_and_message() {
        let exchange = checked(false, &[], &[]);
        assert_eq!(exchange.answered(), 401);
        assert_eq!(exchange.answer_text(), r#"{"statusCode":401,"message":"Not \\\"authorized\""}"#);
        let response = exchange.response.unwrap();
        assert_eq!(response.headers["content-type"], "application/json");
        assert!(matches!(response.body, Body::Full(_)));
        let error = exchange.last_error.unwrap();
        assert_eq!((&*error.source, &*error.reason), ("check-header", "HeaderNotFound"));
        assert_eq!(error.message, "Header X-Key was not found in the request. Access denied.");
    }

    #[test]
    fn without_values_any_value_will_do() {
        assert_eq!(checked(false, &[], &["anything"]).answered(), 200);
        assert_eq!(checked(false, &[], &["one", "two"]).answered(), 200);
    }

    #[test]
    fn one_of_the_values_has_to_be_there_and_alone() {
        assert_eq!(checked(false, &["a", "b"], &["b"]).answered(), 200);
        assert_eq!(checked(true, &["Abc"], &["aBC"]).answered(), 200);
        for sent in [&["aBC"][..], &["Abc", "x"], &["Abc", "Abc"], &[""]] {
            let exchange = checked(false, &["Abc"], sent);
            assert_eq!(exchange.answered(), 401, "{sent:?}");
            let error = exchange.last_error.unwrap();
            assert_eq!(error.reason, "HeaderValueNotAllowed");
            assert_eq!(
                error.message,
                format!("Header X-Key value of {} is not allowed. Access denied.", sent[0])
            );
        }
    }

    #[test]
    fn all_four_attributes_are_needed() {
        let whole = format!("name=\"a\" {REST} ignore-case=\"true\"");
        for name in ["name", "failed-check-httpcode", "failed-check-error-message", "ignore-case"] {
            let policy = whole.replace(&format!("{name}=\""), "id=\"");
            let told = findings_in("inbound", &format!("<check-header {policy} />"));
            assert!(told[0].contains(&format!("`check-header` has no attribute `{name}`")), "{told:?}");
        }
    }

    #[test]
    fn bad_values_are_told_where_they_stand() {
        let told = findings_in("inbound", "<check-header name=\"a b\" />");
        let wanted = "policy.xml:1:78: error: `a b` is not the name of a header field";
        assert!(told.iter().any(|told| told.starts_with(wanted)), "{told:?}");
        let told = findings_in("inbound", "<check-header name=\"a\" failed-check-httpcode=\"4\" />");
        let wanted = "must be a whole number from 200 to 999, not `4`";
        assert!(told.iter().any(|told| told.contains(wanted)), "{told:?}");
    }
}
