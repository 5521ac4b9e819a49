//! The operations of an OpenAPI definition, compiled: what their parameters, bodies and answers must be.

mod arguments;
mod body;
mod compile;
mod form;
mod media;
mod multipart;
mod outline;
mod parameter;
mod proof;
mod query;
mod style;
mod text;

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

pub use self::arguments::BodyOutline;
pub use self::body::{BodyFault, Stripped, foreign_charset};
pub use self::media::{Encoding, Media, MediaRange};
pub use self::outline::{Standing, Step};
pub use self::parameter::{Parameter, ParameterFault, Values};
pub use self::proof::Proof;
pub use self::query::QueryPairs;
pub use self::style::Location as ParameterLocation;
use crate::schema::{Dialect, Shared, Variant};

/// The most violations that are told of one value.
pub const MAX_VIOLATIONS: usize = 100;

/// A compiled definition.
#[derive(Debug)]
pub struct Api {
    operations: HashMap<(String, String), Arc<Operation>>,
    reports: Vec<Report>,
}

/// Something in a definition that cannot be validated; the rest of it can.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// JSON pointer to what it is about.
    pub pointer: String,
    /// What is wrong.
    pub message: String,
}

/// One operation.
#[derive(Debug)]
pub struct Operation {
    validators: Arc<Validators>,
    parameters: Vec<Parameter>,
    body: Option<RequestBody>,
    responses: Vec<Response>,
    /// The outlines of the schemas, where they are wanted.
    outlines: Option<Arc<outline::Outlines>>,
    /// Parameters of the query that keys stand in.
    query_keys: Arc<[Box<str>]>,
}

/// The validators of a definition, one for each variant.
#[derive(Debug)]
pub(crate) struct Validators {
    variants: Vec<(Variant, Shared)>,
}

/// The body of a request.
#[derive(Debug)]
pub struct RequestBody {
    /// Whether there must be one.
    pub required: bool,
    /// Its content types.
    pub media: Vec<Media>,
}

/// The answers of one status code, or of several.
#[derive(Debug)]
pub struct Response {
    /// Which.
    pub status: Status,
    /// The content types of their bodies.
    pub media: Vec<Media>,
    /// Their header fields.
    pub headers: Vec<Parameter>,
}

/// The status codes that a response stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// One.
    Code(u16),
    /// A hundred: `4` for `4XX`.
    Range(u8),
    /// All others.
    Default,
}

impl Api {
    /// Compiles a definition that stands in one document. `variants`: the readings of its schemas that are wanted.
    pub fn compile(document: &Value, dialect: Dialect, variants: &[Variant]) -> Self {
        compile::compile(document, dialect, variants)
    }

    /// Reads what a definition says of single arguments: [`Operation::query_argument`] and its kin. Nothing is validated by it.
    pub fn outline(document: &Value, dialect: Dialect) -> Self {
        compile::outline(document, dialect)
    }

    /// The operation of a path as the definition writes it, and of a method in upper case.
    pub fn operation(&self, path: &str, method: &str) -> Option<&Arc<Operation>> {
        self.operations.get(&(path.to_owned(), method.to_owned()))
    }

    /// All operations.
    pub fn operations(&self) -> impl Iterator<Item = (&str, &str, &Arc<Operation>)> {
        self.operations.iter().map(|((path, method), operation)| (path.as_str(), method.as_str(), operation))
    }

    /// What cannot be validated.
    pub fn reports(&self) -> &[Report] {
        &self.reports
    }
}

impl Operation {
    /// The parameters of requests.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// The body of requests.
    pub fn body(&self) -> Option<&RequestBody> {
        self.body.as_ref()
    }

    /// The description of answers with a status: that of the code itself, of its range, else the default.
    pub fn response(&self, status: u16) -> Option<&Response> {
        let range = Status::Range((status / 100) as u8);
        [Status::Code(status), range, Status::Default]
            .into_iter()
            .find_map(|wanted| self.responses.iter().find(|response| response.status == wanted))
    }

    /// Whether the definition describes any answers.
    pub fn has_responses(&self) -> bool {
        !self.responses.is_empty()
    }

    pub(crate) fn validator(&self, variant: Variant) -> Option<&Shared> {
        self.validators.get(variant)
    }
}

impl Validators {
    pub(crate) fn get(&self, variant: Variant) -> Option<&Shared> {
        self.variants.iter().find(|(known, _)| *known == variant).map(|(_, shared)| shared)
    }
}

impl RequestBody {
    /// What the definition says of a content type.
    pub fn media(&self, content_type: &str) -> Option<&Media> {
        media::find(&self.media, content_type)
    }
}

impl Response {
    /// What the definition says of a content type.
    pub fn media(&self, content_type: &str) -> Option<&Media> {
        media::find(&self.media, content_type)
    }
}

#[cfg(test)]
mod tests;
