//! `check-header`: a header field that must be there, with one of some values.
//!
//! Source: <https://learn.microsoft.com/azure/api-management/check-header-policy>.

use http::{HeaderName, StatusCode};

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
    builder.only(element, &attributes, &["value"])?;
    builder.no_text(element)?;
    let name = builder.text(element, "name")?;
    if let Some(literal) = name.literal()
        && HeaderName::from_bytes(literal.as_bytes()).is_err()
    {
        let message = format!("`{}` is not the name of a header field", literal.escape_debug());
        let location = element.attribute("name").map_or(&element.location, |known| &known.value.location);
        return Err(builder.error("bad-value", location, message));
    }
    let status = builder.integer(element, "failed-check-httpcode", 200..=999)?;
    let message = builder.text(element, "failed-check-error-message")?;
    let ignores_case = builder.required_boolean(element, "ignore-case")?;
    let mut values = Vec::new();
    for value in element.elements_named("value") {
        builder.only(value, &[], &[])?;
        values.push(builder.content(value)?);
    }
    Ok(Action::Now(Box::new(CheckHeader { name, status, message, ignores_case, values })))
}

impl CheckHeader {
    /// What is wrong: reason and message.
    fn verdict(
        &self,
        exchange: &mut Exchange,
        world: &World<'_>,
    ) -> Result<Option<(&'static str, String)>, Failure> {
        let name = self.name.evaluate(exchange, world)?;
        let mut found = exchange.request.headers.get_all(&*name).iter();
        let Some(first) = found.next() else {
            let message = format!("Header {} was not found in the request. Access denied.", &*name);
            return Ok(Some(("HeaderNotFound", message)));
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
                let equal = if ignores_case {
                    allowed.to_lowercase() == value.to_lowercase()
                } else {
                    *allowed == *value
                };
                if equal {
                    return Ok(None);
                }
            }
        }
        let message = format!("Header {} value of {value} is not allowed. Access denied.", &*name);
        Ok(Some(("HeaderValueNotAllowed", message)))
    }
}

impl Policy for CheckHeader {
    fn apply(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<Flow, Failure> {
        let Some((reason, message)) = self.verdict(exchange, world)? else { return Ok(Flow::Continue) };
        let code = self.status.evaluate(exchange, world)?;
        let status = u16::try_from(code).ok().and_then(|code| StatusCode::from_u16(code).ok());
        let public = self.message.evaluate(exchange, world)?.to_owned();
        Err(Failure::new(status.unwrap_or(StatusCode::UNAUTHORIZED), "check-header", reason, message)
            .public(public))
    }
}
