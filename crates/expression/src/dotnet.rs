//! What templates need of .NET beside expressions: the same functions with the same results.

use std::sync::Arc;
use std::time::SystemTime;

use crate::exception::Thrown;
use crate::json::Json;
use crate::time::{self, DateTime};
use crate::types;
use crate::value::Value;

/// What a `JToken` is made of.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a token is one of three")]
pub enum Token {
    /// A `JObject`: names and values in their order.
    Object(Vec<(Arc<str>, Json)>),
    /// A `JArray`.
    Array(Vec<Json>),
    /// A `JValue`, or the text of a `JRaw`.
    Value(Value),
}

impl Json {
    /// What the token is made of; a property counts as its value.
    pub fn token(&self) -> Token {
        if self.is_object() {
            let entry = |name: Arc<str>| self.property(&name).map(|value| (name, value));
            Token::Object(self.names().into_iter().filter_map(entry).collect())
        } else if self.is_array() {
            Token::Array(self.children())
        } else {
            let value = self.property_value();
            match value {
                Some(value) => value.token(),
                None => Token::Value(self.scalar().unwrap_or(Value::Null)),
            }
        }
    }

    /// A token read from JSON text; with `dates`, strings that look like dates are dates, as Newtonsoft reads them by
    /// default.
    ///
    /// # Errors
    /// What is wrong with the text, and where.
    pub fn read(text: &str, dates: bool) -> Result<Self, String> {
        let read = if dates { crate::json::parse(text) } else { crate::json::parse_plain(text) };
        read.map_err(|error| error.to_string())
    }
}

impl DateTime {
    /// `DateTime.TryParse` with the invariant culture; `now` completes a text without a date.
    pub fn parse(text: &str, now: SystemTime) -> Option<Self> {
        time::parse::to_date_time(time::parse::any(text, Self::from_system(now).ticks)?)
    }

    /// `ToString(format)` with the invariant culture; `None` if there is no such format.
    pub fn format(&self, format: &str) -> Option<String> {
        time::format::date_time(self, format)
    }
}

/// Whether the text of a document stays within what the reader of XML takes: depth, attributes, namespaces.
///
/// # Errors
/// What goes beyond.
pub fn check_xml(text: &str) -> Result<(), String> {
    crate::xml::check(text)
}

/// `Regex.Replace` of the first `most` matches.
///
/// # Errors
/// The pattern is no regular expression, or matching takes too long.
pub fn replace_pattern(text: &str, pattern: &str, with: &str, most: usize) -> Result<String, String> {
    types::replace_pattern(text, pattern, with, most).map_err(|thrown| match thrown {
        Thrown::Exception(exception) => exception.message.to_string(),
        Thrown::Limit(what) => what.to_owned(),
    })
}

/// `WebUtility.HtmlEncode`.
pub fn html_encode(text: &str) -> String {
    types::html_encode(text)
}

/// `WebUtility.UrlEncode`.
pub fn url_encode(text: &str) -> String {
    types::url_encode(text, true)
}

/// `WebUtility.UrlDecode`.
pub fn url_decode(text: &str) -> String {
    types::url_decode(text)
}
