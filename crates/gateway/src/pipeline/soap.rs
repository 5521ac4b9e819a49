//! Which operation of a SOAP service a request is for: by the query, by `SOAPAction` (SOAP 1.1, section 6.1.1), by the
//! `action` of the content type (RFC 3902), and by the body where those leave it open.

use std::collections::{HashMap, HashSet};

use gatehouse_model::resources::{Api, ApiKind};
use gatehouse_policy::{Exchange, Failure, Query, Request, builtin};
use gatehouse_validation::xml::{ElementName, body_element};
use http::header::CONTENT_TYPE;

/// The parameter of the query that names the action.
const PARAMETER: &str = "soapAction";

/// How the operations of a service are told apart.
#[derive(Debug, Default)]
pub(crate) struct SoapRouting {
    /// The values of `soapAction` in templates.
    keys: HashSet<String>,
    /// Actions that more than one operation has.
    shared: HashSet<String>,
    /// The action and the key of the operations whose requests begin with an element.
    elements: HashMap<ElementName, Vec<(String, String)>>,
}

impl SoapRouting {
    /// Of an API that is a SOAP service.
    pub(crate) fn of(api: &Api) -> Option<Self> {
        if api.kind != ApiKind::Soap {
            return None;
        }
        let mut routing = Self::default();
        for operation in api.operations.values() {
            if let Some((_, literal)) = operation.url_template.split_once("soapAction=") {
                let decoded = percent_encoding::percent_decode_str(literal).decode_utf8_lossy();
                routing.keys.insert(decoded.into_owned());
            }
            let Some(soap) = &operation.soap else { continue };
            if soap.key != soap.action {
                routing.shared.insert(soap.action.clone());
            }
            if let Some(first) = soap.elements.first() {
                let name = ElementName { namespace: first.namespace.clone(), name: first.name.clone() };
                let entry = (soap.action.clone(), soap.key.clone());
                routing.elements.entry(name).or_default().push(entry);
            }
        }
        Some(routing)
    }

    /// The query that finds the operation of a request. A body is read only where nothing else tells the operation.
    ///
    /// # Errors
    /// What is wrong with the request.
    pub(super) async fn query(&self, request: &mut Request, limit: usize) -> Result<Query, Failure> {
        let action = action(request).map_err(|message| builtin::bad_request(message.to_owned()))?;
        if self.keys.contains(&action) || !action.is_empty() && !self.shared.contains(&action) {
            return Ok(query(request, &action));
        }
        let body = request.body.buffer(limit).await.map_err(|error| builtin::request_body(&error))?;
        let element = body_element(&body);
        let candidates =
            element.and_then(|element| self.elements.get(&element)).map_or(&[][..], Vec::as_slice);
        let found = candidates.iter().find(|(known, _)| action.is_empty() || *known == action);
        Ok(query(request, found.map_or(action.as_str(), |(_, key)| key)))
    }

    /// The query as far as the head tells it.
    pub(super) fn of_head(exchange: &Exchange) -> Query {
        let action = action(&exchange.request).unwrap_or_default();
        query(&exchange.request, &action)
    }
}

/// A template as it is written for a wildcard in Azure API Management, `/soapAction={any}`, as one of a query.
pub(crate) fn template(kind: ApiKind, template: &str) -> String {
    match template.trim_start_matches('/').strip_prefix("soapAction=") {
        Some(value) if kind == ApiKind::Soap => format!("/?soapAction={value}"),
        _ => template.to_owned(),
    }
}

fn query(request: &Request, action: &str) -> Query {
    let mut query = request.original_url.query.clone();
    query.remove(PARAMETER);
    query.append(PARAMETER, action);
    query
}

/// The action that a request names; empty where it names none.
fn action(request: &Request) -> Result<String, &'static str> {
    if let Some(action) = request.original_url.query.first(PARAMETER) {
        return Ok(action.into_owned());
    }
    let mut fields = request.headers.get_all("soapaction").iter();
    if let Some(first) = fields.next() {
        if fields.next().is_some() {
            return Err("The request has more than one SOAPAction.");
        }
        let text = std::str::from_utf8(first.as_bytes()).map_err(|_| "SOAPAction is not UTF-8.")?;
        return Ok(text.trim().trim_matches('"').to_owned());
    }
    let content_type = request.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    Ok(content_type.and_then(of_content_type).unwrap_or_default())
}

/// The `action` of a content type; a `;` may stand within quotation marks.
fn of_content_type(content_type: &str) -> Option<String> {
    let mut is_quoted = false;
    content_type
        .split(|character| {
            is_quoted ^= character == '"';
            character == ';' && !is_quoted
        })
        .skip(1)
        .filter_map(|parameter| parameter.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("action"))
        .map(|(_, value)| value.trim().trim_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_types_name_actions() {
        let of = |text: &str| of_content_type(text).unwrap_or_default();
        assert_eq!(of("application/soap+xml; charset=utf-8; action=\"urn:a;b\""), "urn:a;b");
        assert_eq!(of("application/soap+xml;Action=urn:a"), "urn:a");
        assert_eq!(of("application/soap+xml"), "");
    }

    #[test]
    fn wildcards_may_be_written_without_a_question_mark() {
        assert_eq!(template(ApiKind::Soap, "/soapAction={any}"), "/?soapAction={any}");
        assert_eq!(template(ApiKind::Http, "/soapAction={any}"), "/soapAction={any}");
        assert_eq!(template(ApiKind::Soap, "/?soapAction=a"), "/?soapAction=a");
    }
}
