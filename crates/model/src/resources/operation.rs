//! Operations of APIs.

use std::fmt;

use serde_json::Value;

use super::PolicySource;
use crate::Location;

/// One operation: a method and a URL template.
#[derive(Clone, Debug)]
pub struct Operation {
    /// Resource name: the normalised operation id of the definition, or the folder's name.
    pub name: String,
    /// Upper-case HTTP method, or `*` for all of them.
    pub method: String,
    /// The name that people read.
    pub display_name: String,
    /// What it does.
    pub description: Option<String>,
    /// The template below the API's path, beginning with `/`: literal segments, `{name}`, `{*name}` at the end, `*`,
    /// and required query parameters after `?` (`/find?date={date}`).
    pub url_template: String,
    /// Path parameters and the query parameters of the definition.
    pub parameters: Vec<Parameter>,
    /// What the definition says of answers; `mock-response` reads it.
    pub responses: Vec<ResponseDescription>,
    /// The policy of the operation's scope.
    pub policy: Option<PolicySource>,
    /// The path and the method that the definition describes it under, where one does.
    pub described: Option<DescribedAt>,
    /// How it is told apart from others, where it is spoken to in SOAP.
    pub soap: Option<SoapBinding>,
    /// Where the operation stands.
    pub location: Location,
}

/// Where a definition describes an operation: the path and the method of an `OpenAPI` definition, the name and the action of a
/// WSDL definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribedAt {
    /// The path, or the name, as the definition writes it.
    pub path: String,
    /// The method in upper case, or the action.
    pub method: String,
}

/// A path or query parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Whether it stands in the query.
    pub in_query: bool,
    /// Whether it must be there.
    pub required: bool,
}

/// What the definition says of one status code.
#[derive(Clone, Debug)]
pub struct ResponseDescription {
    /// The status code, range or default.
    pub status: ResponseStatus,
    /// The bodies, by content type.
    pub representations: Vec<Representation>,
}

/// The statuses that a response description covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseStatus {
    /// One code.
    Code(u16),
    /// A hundred of codes: `2` for `2XX`.
    Range(u8),
    /// Every code not named otherwise.
    Default,
}

/// One body of a response.
#[derive(Clone, Debug)]
pub struct Representation {
    /// The media type.
    pub content_type: String,
    /// Examples in the order of the definition.
    pub examples: Vec<Example>,
    /// A body made from the schema where the definition has no example: small, valid, always the same.
    pub sample: Option<Value>,
}

/// An example body.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// Its name; `default` where the definition gives none.
    pub name: String,
    /// Its value: a string stands for itself in other media types than JSON.
    pub value: Value,
}

/// What a WSDL definition says of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SoapBinding {
    /// Its SOAP action; may be empty, and other operations may have the same.
    pub action: String,
    /// The value of `soapAction` in its template.
    pub key: String,
    /// The elements in the body of its requests; none where they are not known.
    pub elements: Vec<QName>,
}

/// A name in a namespace of XML.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QName {
    /// The namespace; empty for none.
    pub namespace: String,
    /// The local name.
    pub name: String,
}

impl fmt::Display for QName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            f.write_str(&self.name)
        } else {
            write!(f, "{{{}}}{}", self.namespace, self.name)
        }
    }
}
