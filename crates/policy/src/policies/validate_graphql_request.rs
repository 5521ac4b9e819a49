//! `validate-graphql-request`: requests of GraphQL against the schema of their API, and who may ask for which field.
//!
//! Source: <https://learn.microsoft.com/azure/api-management/validate-graphql-request-policy>. A request that does not
//! conform is answered with a block of `errors` and no `data`, and never reaches the backend.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use gatehouse_expression::{Json, Value};
use gatehouse_validation::graphql::{Checked, Field, Graphql, GraphqlError, Schema, Transport};
use gatehouse_validation::{Direction, Variant};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{Method, StatusCode};
use serde_json::json;

use super::content_coding::{self, CodingError};
use super::validation_errors::{INTERNAL, NO_SCHEMA, errors_variable};
use super::whole_body;
use crate::compiler::{Builder, Message, Reported};
use crate::document::Element;
use crate::plan::PolicyFuture;
use crate::value::{Enumeration, Integer};
use crate::{
    Action, AsyncPolicy, BodyError, ErrorDetail, ErrorPlace, Exchange, Failure, Flow, World, builtin,
};

const NAME: &str = "validate-graphql-request";

/// The variable that has the errors of every policy of this kind.
const ALL_ERRORS: &str = "GraphQLErrors";
/// How deep a query may be nested where the policy does not say it.
const MAX_DEPTH: usize = 6;
/// How many errors are told.
const MAX_TOLD: usize = 20;

/// What is done about a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Allow,
    Remove,
    Reject,
    Ignore,
}

/// `deny` stands in an example of the documentation.
const ACTIONS: &[(&str, Act)] = &[
    ("allow", Act::Allow),
    ("remove", Act::Remove),
    ("reject", Act::Reject),
    ("ignore", Act::Ignore),
    ("deny", Act::Reject),
];

#[derive(Debug)]
struct ValidateGraphqlRequest {
    max_size: Integer,
    max_depth: usize,
    variable: Option<Arc<str>>,
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    path: Arc<str>,
    action: Enumeration<Act>,
}

/// A request as it came.
struct Came {
    request: Graphql,
    is_get: bool,
}

pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    let attributes = ["error-variable-name", "errors-variable-name", "max-size", "max-depth"];
    builder.only(element, &attributes, &["authorize"]);
    builder.no_text(element);
    let variable = errors_variable(builder, element)?;
    let max_size = builder.integer(element, "max-size", 0..=super::validate_content::MAX_SIZE);
    let max_depth = match element.attribute("max-depth") {
        Some(_) => builder.literal_integer(element, "max-depth", 1..=1_000).unsigned_abs() as usize,
        None => MAX_DEPTH,
    };
    let mut rules = Vec::new();
    if let Some(authorize) = builder.child(element, "authorize") {
        builder.only(authorize, &[], &["rule"]);
        builder.no_text(authorize);
        for child in authorize.elements() {
            builder.only(child, &["path", "action"], &[]);
            let path = builder.literal(child, "path")?;
            if !is_path(&path) {
                let location = child.attribute("path").map_or(&child.location, |known| &known.value.location);
                let message = format!("`{path}` is no path of a rule");
                let fix = "write `/Type/field`, `/field` of a query or a mutation, or `/__*` for introspection; `*` may end a name";
                return Err(builder.error_with_fix("bad-value", location, message, fix));
            }
            rules.push(Rule { path, action: builder.enumeration(child, "action", ACTIONS, Act::Allow) });
        }
    }
    builder.want(Variant::plain(Direction::Request));
    Ok(Action::Later(Box::new(ValidateGraphqlRequest { max_size, max_depth, variable, rules })))
}

/// Whether a path has one or two names, each of which may end in `*`.
fn is_path(path: &str) -> bool {
    let Some(rest) = path.strip_prefix('/') else { return false };
    let is_name = |name: &str| {
        let stem = name.strip_suffix('*').unwrap_or(name);
        !name.is_empty() && stem.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric())
    };
    rest.split('/').count() <= 2 && rest.split('/').all(is_name)
}

impl AsyncPolicy for ValidateGraphqlRequest {
    fn apply<'a>(&'a self, exchange: &'a mut Exchange, world: &'a World<'a>) -> PolicyFuture<'a> {
        Box::pin(async move {
            let schema = exchange.route.operation.as_ref().and_then(|facts| facts.graphql.clone());
            let Some(schema) = schema else {
                let status = StatusCode::INTERNAL_SERVER_ERROR;
                return Err(Failure::new(status, NAME, "ApiSchema", NO_SCHEMA).public(INTERNAL));
            };
            match self.judge(&schema, exchange, world).await? {
                Ok(()) => Ok(Flow::Continue),
                Err(errors) => {
                    self.record(exchange, &errors);
                    Err(failure(errors))
                }
            }
        })
    }
}

impl ValidateGraphqlRequest {
    async fn judge(
        &self,
        schema: &Schema,
        exchange: &mut Exchange,
        world: &World<'_>,
    ) -> Result<Result<(), Vec<GraphqlError>>, Failure> {
        let came = match self.read(exchange, world).await? {
            Ok(came) => came,
            Err(message) => return Ok(Err(vec![GraphqlError { message, place: None }])),
        };
        let operation = came.request.operation.as_deref();
        let checked = match schema.check(&came.request.query, operation, self.max_depth) {
            Ok(checked) => checked,
            Err(errors) => return Ok(Err(errors)),
        };
        if came.is_get && !checked.is_query {
            let message = "Only queries are sent with GET.".to_owned();
            return Ok(Err(vec![GraphqlError { message, place: None }]));
        }
        self.authorize(schema, &came, &checked, exchange, world)
    }

    /// Reads the request from the query of a GET, or from the body of a POST.
    async fn read(
        &self,
        exchange: &mut Exchange,
        world: &World<'_>,
    ) -> Result<Result<Came, String>, Failure> {
        let max_size = self.max_size.evaluate(exchange, world)?.unsigned_abs();
        let too_large = || format!("The request exceeds the limit of {max_size} bytes.");
        let query = &exchange.request.url.query;
        if exchange.request.method == Method::GET {
            if query.raw().len() as u64 > max_size {
                return Ok(Err(too_large()));
            }
            let mut texts = query.values("query");
            let (Some(text), None) = (texts.next(), texts.next()) else {
                return Ok(Err("The request has not exactly one `query` in its URL.".to_owned()));
            };
            let operation = query.first("operationName").filter(|name| !name.is_empty());
            let request = Graphql::of_text(text.into_owned(), operation.map(std::borrow::Cow::into_owned));
            return Ok(Ok(Came { request, is_get: true }));
        }
        if exchange.request.method != Method::POST {
            return Ok(Err("Requests of GraphQL are sent with POST or GET.".to_owned()));
        }
        if query.first("query").is_some() || query.first("operationName").is_some() {
            // Servers differ in which of the two they take.
            return Ok(Err("The request has a query in its URL and in its body.".to_owned()));
        }
        let mut types = exchange.request.headers.get_all(CONTENT_TYPE).iter();
        let content_type = match (types.next(), types.next()) {
            (Some(only), None) => String::from_utf8_lossy(only.as_bytes()).into_owned(),
            _ => return Ok(Err("The request has not exactly one content type.".to_owned())),
        };
        if let Some(charset) = gatehouse_validation::openapi::foreign_charset(&content_type) {
            return Ok(Err(format!("The charset '{charset}' is not UTF-8.")));
        }
        let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let transport = match essence.as_str() {
            "application/json" => Transport::Json,
            "application/graphql" => Transport::Text,
            _ => {
                return Ok(Err(
                    "The content type is neither application/json nor application/graphql.".to_owned()
                ));
            }
        };
        let limit = usize::try_from(max_size).unwrap_or(usize::MAX).min(world.buffered_body_bytes);
        let codings = content_coding::codings(&exchange.request.headers);
        let raw = match exchange.request.body.buffer(limit).await {
            Ok(raw) => raw,
            Err(BodyError::TooLarge { .. }) if limit as u64 == max_size => return Ok(Err(too_large())),
            Err(error) => return Err(Failure { source: NAME.into(), ..builtin::request_body(&error) }),
        };
        let decoded = match codings {
            Ok(codings) if codings.is_empty() => Ok(raw),
            Ok(codings) => content_coding::decode(&raw, &codings, limit),
            Err(error) => Err(error),
        };
        let body = match decoded {
            Ok(body) => body,
            Err(CodingError::TooLarge) => return Ok(Err(too_large())),
            Err(error) => return Ok(Err(error.to_string())),
        };
        Ok(match Graphql::read(&body, transport) {
            Ok(request) => Ok(Came { request, is_get: false }),
            Err(malformed) => Err(match malformed.place {
                Some(place) => {
                    format!("{malformed} Line: {}, Position: {}", place.line, place.position)
                }
                None => malformed.to_string(),
            }),
        })
    }

    /// Applies the rules to every field that is asked for; the first that has something to say of a field counts.
    fn authorize(
        &self,
        schema: &Schema,
        came: &Came,
        checked: &Checked,
        exchange: &mut Exchange,
        world: &World<'_>,
    ) -> Result<Result<(), Vec<GraphqlError>>, Failure> {
        if self.rules.is_empty() {
            return Ok(Ok(()));
        }
        let mut actions: Vec<Option<Act>> = vec![None; self.rules.len()];
        let (mut rejected, mut removed, mut told) = (Vec::new(), BTreeSet::new(), Vec::new());
        for (field, place) in checked.fields() {
            for (rule, known) in self.rules.iter().zip(&mut actions) {
                if !schema.is_meant(&rule.path, field) {
                    continue;
                }
                let action = match *known {
                    Some(action) => action,
                    None => *known.insert(rule.action.evaluate(exchange, world)?),
                };
                let error = |message: String| GraphqlError { message, place: Some(place) };
                match action {
                    Act::Ignore => continue,
                    Act::Allow => {}
                    Act::Reject => {
                        rejected.push(error(format!("The field '{}' may not be asked for.", path_of(field))));
                    }
                    Act::Remove => {
                        told.push(error(format!("The field '{}' has been taken out.", path_of(field))));
                        removed.insert(field.clone());
                    }
                }
                break;
            }
        }
        if !rejected.is_empty() {
            return Ok(Err(rejected));
        }
        if removed.is_empty() {
            return Ok(Ok(()));
        }
        let Some(text) = checked.without(&removed) else { return Ok(Err(told)) };
        self.record(exchange, &told);
        if came.is_get {
            let query = &mut exchange.request.url.query;
            query.remove("query");
            query.append("query", &text);
        } else {
            whole_body::replace(exchange, Message::Request, Bytes::from(came.request.with_query(text)));
            exchange.request.headers.remove(CONTENT_ENCODING);
        }
        Ok(Ok(()))
    }

    /// Puts errors into the variables.
    fn record(&self, exchange: &mut Exchange, errors: &[GraphqlError]) {
        let objects: serde_json::Value = errors.iter().take(MAX_TOLD).map(object).collect();
        let Ok(array) = Json::read(&objects.to_string(), false) else { return };
        if let Some(variable) = &self.variable {
            exchange.variables.set(variable, Value::Json(array.clone()));
        }
        exchange.variables.set(&Arc::from(ALL_ERRORS), Value::Json(array));
    }
}

fn path_of(field: &Field) -> String {
    format!("/{}/{}", field.parent, field.name)
}

fn object(error: &GraphqlError) -> serde_json::Value {
    match error.place {
        Some((line, column)) => {
            json!({"message": error.message, "locations": [{"line": line, "column": column}]})
        }
        None => json!({"message": error.message}),
    }
}

fn failure(errors: Vec<GraphqlError>) -> Failure {
    let message = errors.first().map(|error| error.message.clone()).unwrap_or_default();
    let mut failure = Failure::new(StatusCode::BAD_REQUEST, NAME, "Bad request", message).private();
    let extras = failure.extras.get_or_insert_default();
    extras.is_graphql = true;
    extras.errors = errors
        .into_iter()
        .take(MAX_TOLD)
        .map(|error| ErrorDetail {
            detail: error.message,
            at: error.place.map_or(ErrorPlace::Message, |(line, column)| ErrorPlace::Text { line, column }),
        })
        .collect();
    failure
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::findings_in;

    #[test]
    fn paths_have_one_or_two_names() {
        for good in ["/Query/user", "/user", "/__*", "/User/*", "/User/s*"] {
            assert!(is_path(good), "{good}");
        }
        for bad in ["", "/", "user", "/a/b/c", "/a b", "/*a", "/a/"] {
            assert!(!is_path(bad), "{bad}");
        }
    }

    #[test]
    fn its_attributes_are_checked() {
        let told = findings_in("inbound", "<validate-graphql-request />");
        assert!(told[0].contains("max-size"), "{told:?}");
        let rule = |text: &str| {
            findings_in(
                "inbound",
                &format!(
                    "<validate-graphql-request max-size=\"1\"><authorize><rule {text} /></authorize></validate-graphql-request>"
                ),
            )
        };
        assert!(rule("path=\"user\"")[0].contains("is no path of a rule"));
        assert!(rule("path=\"/user\" action=\"refuse\"")[0].contains("action"));
        assert!(rule("path=\"/user\" action=\"reject\"").is_empty());
    }
}
