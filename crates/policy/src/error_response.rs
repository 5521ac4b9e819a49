//! The one place where a failure becomes an answer.

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::failure::{ErrorDetail, ErrorPlace};
use crate::{Body, Failure, Response};

/// The default answer: `{"statusCode":401,"message":"…"}`, with `activityId` from status 500 on, or the same as a problem
/// (RFC 9457) for a client that accepts one.
pub fn error_response(failure: &Failure, request_id: Uuid, accepts_problem: bool) -> Response {
    let status = failure.status;
    let message = failure.public_message.as_ref().unwrap_or(&failure.message);
    let mut body = Map::new();
    let is_graphql = failure.extras.as_ref().is_some_and(|extras| extras.is_graphql);
    let accepts_problem = accepts_problem && !is_graphql;
    if is_graphql {
        let errors = failure.extras.iter().flat_map(|extras| &extras.errors);
        body.insert("errors".into(), errors.map(graphql_error).collect());
    } else if accepts_problem {
        body.insert("type".into(), json!("about:blank"));
        body.insert("title".into(), json!(status.canonical_reason().unwrap_or("Error")));
        body.insert("status".into(), json!(status.as_u16()));
        body.insert("detail".into(), json!(message));
        let errors = failure.extras.as_ref().map(|extras| extras.errors.as_slice()).unwrap_or_default();
        if !errors.is_empty() {
            body.insert("errors".into(), errors.iter().map(error_detail).collect());
        }
    } else {
        body.insert("statusCode".into(), json!(status.as_u16()));
        body.insert("message".into(), json!(message));
    }
    if status.is_server_error() {
        body.insert("activityId".into(), json!(request_id.to_string()));
    }
    let mut response = Response::new(status);
    if let Some(extras) = &failure.extras {
        response.headers.clone_from(&extras.headers);
    }
    let media_type = if accepts_problem { "application/problem+json" } else { "application/json" };
    response.headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response.body = Body::Full(Bytes::from(Value::Object(body).to_string()));
    response
}

fn error_detail(error: &ErrorDetail) -> Value {
    let mut member = Map::new();
    member.insert("detail".into(), json!(error.detail));
    match &error.at {
        ErrorPlace::Pointer(pointer) => member.insert("pointer".into(), json!(format!("#{pointer}"))),
        ErrorPlace::Parameter(name) => member.insert("parameter".into(), json!(name)),
        ErrorPlace::Text { .. } | ErrorPlace::Message => None,
    };
    Value::Object(member)
}

/// An error as GraphQL has it (section 7.1.2).
fn graphql_error(error: &ErrorDetail) -> Value {
    match error.at {
        ErrorPlace::Text { line, column } => {
            json!({"message": error.detail, "locations": [{"line": line, "column": column}]})
        }
        _ => json!({"message": error.detail}),
    }
}

/// Whether a request names `application/problem+json` among what it accepts.
pub fn accepts_problem(headers: &HeaderMap) -> bool {
    headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).any(|value| {
        value.split(',').any(|range| {
            let mut parts = range.split(';').map(str::trim);
            let is_problem = parts.next().is_some_and(|t| t.eq_ignore_ascii_case("application/problem+json"));
            is_problem && !parts.any(|part| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::operation_not_found;

    fn text(response: &Response) -> String {
        String::from_utf8(response.body.bytes().unwrap().to_vec()).unwrap()
    }

    #[test]
    fn the_default_is_azure_api_managements_shape() {
        let response = error_response(&operation_not_found(), Uuid::nil(), false);
        assert_eq!(text(&response), r#"{"statusCode":404,"message":"Resource not found"}"#);
        let failure = Failure::internal("choose", "ExpressionValueEvaluationFailure", "the key was `abc`");
        let response = error_response(&failure, Uuid::nil(), false);
        assert_eq!(
            text(&response),
            r#"{"statusCode":500,"message":"Internal server error","activityId":"00000000-0000-0000-0000-000000000000"}"#
        );
    }

    #[test]
    fn a_client_that_accepts_problems_gets_one() {
        let mut headers = HeaderMap::new();
        assert!(!accepts_problem(&headers));
        headers.insert(ACCEPT, HeaderValue::from_static("text/html, application/problem+json;q=0.5"));
        assert!(accepts_problem(&headers));
        headers.insert(ACCEPT, HeaderValue::from_static("application/problem+json;q=0"));
        assert!(!accepts_problem(&headers));
        let response = error_response(&operation_not_found(), Uuid::nil(), true);
        assert_eq!(response.headers[CONTENT_TYPE], "application/problem+json");
        assert_eq!(
            text(&response),
            r#"{"type":"about:blank","title":"Not Found","status":404,"detail":"Resource not found"}"#
        );
    }
}
