//! `validate-parameters`: header fields, query and path against the definition.
//!
//! Source: <https://learn.microsoft.com/azure/api-management/validate-parameters-policy>. Cookies are checked too, with
//! the actions of the policy itself. Fields that the gateway writes and those that frame a message are no parameters.

use std::sync::Arc;

use gatehouse_validation::openapi::{
    Operation, Parameter, ParameterFault, ParameterLocation, QueryPairs, Values,
};
use gatehouse_validation::{Direction, Variant};
use http::header::COOKIE;
use http::{HeaderMap, HeaderName};
use smallvec::SmallVec;

use super::validation_errors::{
    ACTIONS, Act, Action as Policed, Decided, Errors, NO_SCHEMA, Subject, errors_variable,
};
use crate::compiler::{Builder, Message, Reported};
use crate::document::Element;
use crate::{Action, ErrorPlace, Exchange, Failure, Flow, Policy, Request, World};

const NAME: &str = "validate-parameters";

/// Fields that the gateway itself writes, that frame the message, or that OpenAPI describes elsewhere.
const NO_PARAMETERS: [&str; 17] = [
    "accept",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "te",
    "traceparent",
    "tracestate",
    "transfer-encoding",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-request-id",
];

#[derive(Debug)]
struct ValidateParameters {
    headers: Group,
    query: Group,
    path: Group,
    variable: Option<Arc<str>>,
}

/// The actions of one place that parameters stand in.
#[derive(Clone, Debug)]
struct Group {
    specified: Policed,
    unspecified: Policed,
    named: Vec<(Arc<str>, Policed)>,
}

pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    let attributes = [
        "specified-parameter-action",
        "unspecified-parameter-action",
        "errors-variable-name",
        "error-variable-name",
    ];
    builder.only(element, &attributes, &["headers", "query", "path"]);
    builder.no_text(element);
    let whole = Group {
        specified: builder.required_enumeration(element, "specified-parameter-action", ACTIONS)?,
        unspecified: builder.required_enumeration(element, "unspecified-parameter-action", ACTIONS)?,
        named: Vec::new(),
    };
    let variable = errors_variable(builder, element)?;
    let headers = group(builder, element, "headers", &whole)?;
    let query = group(builder, element, "query", &whole)?;
    let path = group(builder, element, "path", &whole)?;
    builder.want(Variant::plain(Direction::Request));
    Ok(Action::Now(Box::new(ValidateParameters { headers, query, path, variable })))
}

/// The policy with one action for all parameters that the definition names and for those of the query that it does not.
pub(super) fn whole(
    builder: &mut Builder<'_>,
    action: &Policed,
    unnamed_headers: Policed,
    variable: Option<Arc<str>>,
) -> Action {
    let all = Group { specified: action.clone(), unspecified: action.clone(), named: Vec::new() };
    let headers = Group { unspecified: unnamed_headers, ..all.clone() };
    builder.want(Variant::plain(Direction::Request));
    Action::Now(Box::new(ValidateParameters { headers, query: all.clone(), path: all, variable }))
}

fn group(builder: &mut Builder<'_>, element: &Element, name: &str, whole: &Group) -> Result<Group, Reported> {
    let Some(child) = builder.child(element, name) else { return Ok(whole.clone()) };
    let known: &[&str] = if name == "path" {
        &["specified-parameter-action"]
    } else {
        &["specified-parameter-action", "unspecified-parameter-action"]
    };
    builder.only(child, known, &["parameter"]);
    builder.no_text(child);
    let mut group = whole.clone();
    if child.attribute("specified-parameter-action").is_some() {
        group.specified = builder.required_enumeration(child, "specified-parameter-action", ACTIONS)?;
    }
    if child.attribute("unspecified-parameter-action").is_some() {
        group.unspecified = builder.required_enumeration(child, "unspecified-parameter-action", ACTIONS)?;
    }
    for parameter in child.elements() {
        builder.only(parameter, &["name", "action"], &[]);
        let name = builder.literal(parameter, "name")?;
        if group.named.iter().any(|(known, _)| known.eq_ignore_ascii_case(&name)) {
            let message = format!("the parameter `{name}` is there twice");
            return Err(builder.error_with_fix(
                "repeated-element",
                &parameter.location,
                message,
                "keep one of them",
            ));
        }
        let action = builder.required_enumeration(parameter, "action", ACTIONS)?;
        group.named.push((name, action));
    }
    Ok(group)
}

impl Policy for ValidateParameters {
    fn apply(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<Flow, Failure> {
        let mut errors = Errors::new(NAME, Message::Request, self.variable.as_ref());
        let operation = exchange.route.operation.as_ref().and_then(|facts| facts.validation.clone());
        let Some(operation) = operation else {
            let action = self.strictest(exchange, world)?;
            let subject = Subject { kind: "ApiSchema", name: "" };
            errors.add(action, subject, "", NO_SCHEMA.to_owned(), false, ErrorPlace::Message);
            return errors.conclude(exchange);
        };
        // Actions that are expressions look at the exchange: they are worked out before its parts are borrowed.
        let mut actions: SmallVec<[Act; 16]> = SmallVec::new();
        let mut specified =
            [&self.headers, &self.query, &self.path].map(|group| Decided::new(&group.specified));
        for parameter in operation.parameters() {
            let (group, place) = self.group(parameter.location);
            let action = match group.own(&parameter.name) {
                Some(own) => own.evaluate(exchange, world)?,
                None => match specified.get_mut(place) {
                    Some(decided) => decided.get(exchange, world)?,
                    None => Act::Prevent,
                },
            };
            actions.push(action);
        }
        let unspecified = Unspecified {
            headers: self.headers.others(exchange, world)?,
            query: self.query.others(exchange, world)?,
        };
        let raw = exchange.request.url.query.raw().to_owned();
        check(&operation, &actions, &unspecified, &raw, &exchange.request, &mut errors);
        errors.conclude(exchange)
    }
}

/// The actions for parameters that the definition does not name.
struct Unspecified<'p> {
    headers: (Act, Vec<(&'p str, Act)>),
    query: (Act, Vec<(&'p str, Act)>),
}

impl ValidateParameters {
    fn group(&self, location: ParameterLocation) -> (&Group, usize) {
        match location {
            ParameterLocation::Header | ParameterLocation::Cookie => (&self.headers, 0),
            ParameterLocation::Query | ParameterLocation::QueryString => (&self.query, 1),
            ParameterLocation::Path => (&self.path, 2),
        }
    }

    fn strictest(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<Act, Failure> {
        let mut strictest = Act::Ignore;
        for group in [&self.headers, &self.query, &self.path] {
            strictest = strictest.max(group.specified.evaluate(exchange, world)?);
        }
        Ok(strictest)
    }
}

impl Group {
    fn own(&self, name: &str) -> Option<&Policed> {
        self.named.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, action)| action)
    }

    fn others(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<(Act, Vec<(&str, Act)>), Failure> {
        let mut named = Vec::with_capacity(self.named.len());
        for (name, action) in &self.named {
            named.push((&**name, action.evaluate(exchange, world)?));
        }
        Ok((self.unspecified.evaluate(exchange, world)?, named))
    }
}

fn check(
    operation: &Operation,
    actions: &[Act],
    unspecified: &Unspecified<'_>,
    query: &str,
    request: &Request,
    errors: &mut Errors<'_>,
) {
    let pairs = match QueryPairs::parse(query) {
        Ok(pairs) => pairs,
        Err(name) => {
            let action = actions.iter().copied().max().unwrap_or(Act::Prevent).max(unspecified.query.0);
            let details = "The query cannot be read: an escape is not UTF-8.".to_owned();
            let name: String = name.chars().take(64).collect();
            let subject = Subject { kind: "QueryParameter", name: &name };
            errors.add(action, subject, "IncorrectMessage", details, true, ErrorPlace::Message);
            return;
        }
    };
    let cookies = cookies(&request.headers);
    for (parameter, action) in operation.parameters().iter().zip(actions) {
        if *action == Act::Ignore {
            continue;
        }
        let fault = match parameter.location {
            ParameterLocation::Query => operation.check(parameter, &Values::Query(&pairs)),
            ParameterLocation::QueryString => operation.check(parameter, &Values::Whole(query)),
            ParameterLocation::Path => {
                let found = request.matched_parameters.iter().filter(|(name, _)| **name == *parameter.name);
                operation.check(parameter, &Values::Texts(found.map(|(_, value)| value.as_str()).collect()))
            }
            ParameterLocation::Header => header(operation, parameter, &request.headers),
            ParameterLocation::Cookie => {
                let found = cookies.iter().filter(|(name, _)| *name == &*parameter.name);
                operation.check(parameter, &Values::Texts(found.map(|(_, value)| *value).collect()))
            }
        };
        if let Err(fault) = fault {
            tell(parameter, fault, *action, errors);
        }
        if errors.prevents() {
            return;
        }
    }
    let action_of = |name: &str, others: &(Act, Vec<(&str, Act)>)| {
        let own = others.1.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        own.map_or(others.0, |(_, action)| *action)
    };
    let is_needed = |others: &(Act, Vec<(&str, Act)>)| {
        others.0 != Act::Ignore || others.1.iter().any(|(_, action)| *action != Act::Ignore)
    };
    if is_needed(&unspecified.query) {
        for (name, _) in pairs.iter() {
            if !operation.parameters().iter().any(|parameter| parameter.covers(name)) {
                unknown(
                    name,
                    "QueryParameter",
                    "query parameter",
                    action_of(name, &unspecified.query),
                    errors,
                );
            }
        }
    }
    if is_needed(&unspecified.headers) {
        for name in request.headers.keys() {
            if !is_specified(operation, name) {
                let name = name.as_str();
                unknown(name, "RequestHeader", "header", action_of(name, &unspecified.headers), errors);
            }
        }
    }
}

fn is_specified(operation: &Operation, name: &HeaderName) -> bool {
    NO_PARAMETERS.binary_search(&name.as_str()).is_ok()
        || operation.parameters().iter().any(|parameter| {
            parameter.location == ParameterLocation::Header
                && parameter.name.eq_ignore_ascii_case(name.as_str())
        })
}

fn unknown(name: &str, kind: &'static str, what: &str, action: Act, errors: &mut Errors<'_>) {
    let name: String = name.chars().take(64).collect();
    let details = format!("Unspecified {what} {name} is not allowed.");
    let place = ErrorPlace::Parameter(name.clone());
    errors.add(action, Subject { kind, name: &name }, "Unspecified", details, true, place);
}

/// Checks a header field of a message.
pub(super) fn header(
    operation: &Operation,
    parameter: &Parameter,
    headers: &HeaderMap,
) -> Result<(), ParameterFault> {
    let mut values: SmallVec<[&str; 2]> = SmallVec::new();
    for value in headers.get_all(&*parameter.name) {
        match std::str::from_utf8(value.as_bytes()) {
            Ok(text) => values.push(text),
            Err(_) => return Err(ParameterFault::Unreadable("it is not UTF-8".to_owned())),
        }
    }
    operation.check(parameter, &Values::Texts(values))
}

/// Names and values of all cookies (RFC 6265, section 4.2.1).
fn cookies(headers: &HeaderMap) -> Vec<(&str, &str)> {
    let fields = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    fields.flat_map(|field| field.split(';')).filter_map(|pair| pair.trim().split_once('=')).collect()
}

/// Adds the errors that a fault of a parameter, or of a header field of an answer, is.
pub(super) fn tell(parameter: &Parameter, fault: ParameterFault, action: Act, errors: &mut Errors<'_>) {
    let (kind, what) = match parameter.location {
        ParameterLocation::Path => ("PathParameter", "path parameter"),
        ParameterLocation::Query | ParameterLocation::QueryString => ("QueryParameter", "query parameter"),
        ParameterLocation::Cookie => ("RequestCookie", "cookie"),
        ParameterLocation::Header if errors.is_of_response() => ("ResponseHeader", "header"),
        ParameterLocation::Header => ("RequestHeader", "header"),
    };
    let name = &*parameter.name;
    let subject = Subject { kind, name };
    let place = || ErrorPlace::Parameter(name.to_owned());
    let side = if errors.is_of_response() { "Response" } else { "Request" };
    match fault {
        ParameterFault::Missing => {
            let details = format!(
                "Value of the {what} {name} does not conform to the definition. The required {what} is missing."
            );
            errors.add(action, subject, "IncorrectMessage", details, true, place());
        }
        ParameterFault::Multiple => {
            let details = format!("{side} cannot contain multiple values for the {what} {name}.");
            errors.add(action, subject, "IncorrectMessage", details, true, place());
        }
        ParameterFault::Unreadable(why) => {
            let details =
                format!("Value of the {what} {name} cannot be parsed according to the definition. {why}");
            errors.add(action, subject, "IncorrectMessage", details, true, place());
        }
        ParameterFault::Invalid(violations) => {
            for violation in &violations {
                let text = violation.details();
                let details =
                    format!("Value of the {what} {name} does not conform to the definition. {text}");
                errors.add(action, subject, "IncorrectMessage", details, true, place());
            }
        }
        ParameterFault::Broken(why) => {
            let mut what = what.to_owned();
            what.get_mut(..1).into_iter().for_each(str::make_ascii_uppercase);
            let details = format!("{what} {name} cannot be validated. {why}");
            errors.add(action, subject, "ValidationError", details, false, place());
        }
    }
}
