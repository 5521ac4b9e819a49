//! The `loggers` block: where the events of loggers go instead of where the artifacts say.

use std::path::PathBuf;

use secrecy::SecretString;
use url::Url;

use super::shapes::path;
use crate::tree::decode::{Invalid, Parsed, Shape, map, parsed, record, text};
use crate::{Diagnostic, Located, Location};

/// Where the events of a logger go.
#[derive(Clone, Debug)]
pub struct LoggerSink {
    /// The place.
    pub target: LoggerTarget,
    /// Where the entry stands.
    pub location: Location,
}

/// A place for events.
#[derive(Clone, Debug)]
pub enum LoggerTarget {
    /// A file to which JSON lines are appended.
    File(Located<PathBuf>),
    /// A URL to which JSON lines are posted.
    Url {
        /// The URL.
        url: Url,
        /// Header fields of every request; values may hold `{{named values}}`.
        headers: Vec<(Located<String>, SecretString)>,
    },
}

impl LoggerSink {
    pub(super) fn shape() -> impl Shape<Value = Self> {
        record("a logger", |fields| {
            let file = fields.optional("file", path(), "A file to which events are appended as JSON lines.");
            let url = fields.optional("url", url(), "A URL to which events are posted as JSON lines.");
            let headers = fields.optional(
                "headers",
                map("header names with their values", text()),
                "Header fields of every request to `url`; values may hold `{{named values}}`.",
            );
            let location = fields.location();
            let mut refuse = |message: &str, fix: &str| {
                fields.push(Diagnostic::error("bad-value", location.clone(), message).fix(fix));
                None
            };
            let target = match (file, url, headers) {
                (Some(file), None, None) => LoggerTarget::File(file),
                (None, Some(url), headers) => LoggerTarget::Url {
                    url,
                    headers: headers
                        .unwrap_or_default()
                        .into_iter()
                        .map(|(name, value)| (name, SecretString::from(value)))
                        .collect(),
                },
                (Some(_), _, _) => {
                    return refuse("a logger has either `file` or `url` with `headers`", "keep one");
                }
                (None, None, _) => {
                    return refuse("a logger needs `file` or `url`", "such as `file: logs/events.jsonl`");
                }
            };
            Some(Self { target, location })
        })
    }
}

/// An absolute URL of `https` or `http`.
fn url() -> Parsed<Url> {
    parsed(
        ["an absolute URL such as https://logs.example.com/in", "URLs"],
        "^https?://[^/]",
        |text| {
            let url = Url::parse(text).map_err(|error| Invalid::because(error.to_string()))?;
            if !matches!(url.scheme(), "http" | "https") {
                return Err(Invalid::because(format!("`{}` is no scheme of HTTP", url.scheme())));
            }
            if !url.username().is_empty() || url.password().is_some() {
                return Err(Invalid::because("it holds a user name or a password")
                    .fix("put an `Authorization` field into `headers`"));
            }
            Ok(url)
        },
        Url::to_string,
    )
}
