//! GraphQL over HTTP: where the text of a request stands.

use std::fmt;

use serde_json::{Map, Value};

use crate::json::{Document, Place, to_value};

/// How a request is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// An object of JSON in the body.
    Json,
    /// The text itself in the body: `application/graphql`.
    Text,
}

/// A request as it is sent.
#[derive(Clone, Debug)]
pub struct Graphql {
    /// The text.
    pub query: String,
    /// The operation that is to run.
    pub operation: Option<String>,
    /// All members of the object, where it is sent as one.
    members: Option<Map<String, Value>>,
}

/// Why there is no request in a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// What is wrong, as a sentence.
    pub message: String,
    /// Where in the body.
    pub place: Option<Place>,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Graphql {
    /// A request whose text stands by itself.
    pub fn of_text(query: String, operation: Option<String>) -> Self {
        Self { query, operation, members: None }
    }

    /// Reads a request from a body.
    ///
    /// # Errors
    /// Why there is none in it.
    pub fn read(body: &[u8], transport: Transport) -> Result<Self, Malformed> {
        let wrong = |message: &str| Malformed { message: message.to_owned(), place: None };
        if transport == Transport::Text {
            let text = std::str::from_utf8(body).map_err(|_| wrong("The body is not UTF-8."))?;
            return Ok(Self::of_text(text.to_owned(), None));
        }
        let document = Document::parse(body).map_err(|error| Malformed {
            place: Some(Place::of(body, error.offset)),
            message: error.message,
        })?;
        let Value::Object(members) = to_value(&document, 0) else {
            return Err(wrong("The body must be one object with a `query`."));
        };
        let Some(query) = members.get("query").and_then(Value::as_str).map(str::to_owned) else {
            return Err(wrong("The body has no `query` that is a string."));
        };
        let operation = match members.get("operationName") {
            None | Some(Value::Null) => None,
            // Some clients send an empty name for none.
            Some(Value::String(name)) => Some(name.clone()).filter(|name| !name.is_empty()),
            Some(_) => return Err(wrong("`operationName` is not a string.")),
        };
        if !matches!(members.get("variables"), None | Some(Value::Null | Value::Object(_))) {
            return Err(wrong("`variables` is not an object."));
        }
        Ok(Self { query, operation, members: Some(members) })
    }

    /// The body with another text.
    pub fn with_query(&self, query: String) -> Vec<u8> {
        match &self.members {
            None => query.into_bytes(),
            Some(members) => {
                let mut members = members.clone();
                members.insert("query".to_owned(), Value::String(query));
                Value::Object(members).to_string().into_bytes()
            }
        }
    }
}
