//! A request for every operation, made from examples, defaults and schemas: traffic that the definition allows.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

use super::Reader;
use super::document::At;
use super::parameters::{Declared, bare};
use super::paths::Path;
use super::request_bodies::body;
use super::styles::{Style, pairs};
use crate::definition::Format;

/// What need not be escaped in a URL (RFC 3986 section 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A request that a definition allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExampleRequest {
    /// The operation's resource name.
    pub operation: String,
    /// The method in upper case.
    pub method: String,
    /// The path below the API's, with the query.
    pub path: String,
    /// Header fields.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Option<ExampleBody>,
    /// Why the request is not what the definition asks for.
    pub lacks: Option<String>,
}

/// The body of an [`ExampleRequest`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExampleBody {
    /// The media type.
    pub content_type: String,
    /// The content.
    pub content: String,
}

impl<'a> Reader<'a, '_> {
    /// Makes the request of an operation: what is required, and what is optional where the definition has an example.
    pub(super) fn example_request(
        &mut self,
        path: &Path<'a, '_>,
        operation: At<'a>,
        name: &str,
        method: &str,
    ) -> ExampleRequest {
        let mut filled = path.template.text.clone();
        let mut query: Vec<String> = Vec::new();
        let mut headers: Vec<(String, String)> = Vec::new();
        let mut cookies: Vec<String> = Vec::new();
        let mut form = Map::new();
        let mut in_body = None;
        let mut lacks = None;
        for one in self.declared(path, operation) {
            let Some(at) = self.resolved(one.at) else { continue };
            match one.place {
                "body" => in_body = at.get("schema"),
                "formData" => drop(form.insert(one.name.to_owned(), self.form_field(at))),
                place if one.required || place == "path" || has_example(at) => {
                    let Some(value) = self.parameter_value(at) else {
                        if one.required {
                            lacks = Some(format!(
                                "no value can be made for the {place} parameter `{}`",
                                one.name
                            ));
                        }
                        continue;
                    };
                    let style = Style::of(at, place, self.format);
                    match place {
                        "path" => fill(&mut filled, &one, &style.in_path(one.name, &value)),
                        "query" => query.extend(style.in_query(one.name, &value)),
                        "querystring" => query.extend(pairs(&value)),
                        "cookie" => cookies.extend(style.in_query(one.name, &value)),
                        "header" if !is_apart(one.name) => {
                            headers.push((one.name.to_owned(), style.in_header(&value)));
                        }
                        _ => {}
                    }
                }
                _ => {}
            }
        }
        for name in &path.template.parameters {
            for placeholder in [format!("{{{name}}}"), format!("{{*{name}}}")] {
                filled = filled.replace(&placeholder, "1");
            }
        }
        if !query.is_empty() {
            filled.push(if filled.contains('?') { '&' } else { '?' });
            filled.push_str(&query.join("&"));
        }
        if !cookies.is_empty() {
            headers.push(("Cookie".to_owned(), cookies.join("; ")));
        }
        let made = match self.format {
            Format::OpenApi20 => self.body_of_2(operation, in_body, form),
            _ => self.body_of_3(operation),
        };
        let body = made.unwrap_or_else(|why| {
            lacks = Some(why);
            None
        });
        ExampleRequest {
            operation: name.to_owned(),
            method: method.to_owned(),
            path: filled,
            headers,
            body,
            lacks,
        }
    }

    fn parameter_value(&mut self, at: At<'a>) -> Option<Value> {
        if let Some(example) = self.examples(at).into_iter().next() {
            return Some(example.value);
        }
        if let Some((_, media_type)) = at.get("content").and_then(|content| content.entries().next()) {
            let value = self.media_value(media_type)?;
            return Some(if value.is_string() { value } else { Value::from(value.to_string()) });
        }
        match (at.get("schema"), self.format) {
            (Some(schema), _) => self.sampler.request(schema),
            // A parameter of 2.0 is a schema itself.
            (None, Format::OpenApi20) => self.sampler.request(at),
            (None, _) => Some(Value::from("1")),
        }
    }

    fn form_field(&mut self, at: At<'a>) -> Value {
        if at.text("type").as_deref() == Some("file") {
            return Value::from("gatehouse");
        }
        self.sampler.request(at).unwrap_or(Value::from("1"))
    }

    fn media_value(&mut self, media_type: At<'a>) -> Option<Value> {
        let media_type = self.resolved(media_type)?;
        if let Some(example) = self.examples(media_type).into_iter().next() {
            return Some(example.value);
        }
        self.sampler.request(media_type.get("schema")?)
    }

    fn body_of_3(&mut self, operation: At<'a>) -> Result<Option<ExampleBody>, String> {
        let Some(declared) = operation.get("requestBody").filter(|body| !body.node.is_null()) else {
            return Ok(None);
        };
        let Some(declared) = self.resolved(declared) else { return Ok(None) };
        let mut media_types: Vec<(&str, At<'a>)> = declared
            .get("content")
            .into_iter()
            .flat_map(At::entries)
            .map(|(key, media_type)| (key.text.as_str(), media_type))
            .collect();
        media_types.sort_by_key(|(name, _)| preference(name));
        for (name, media_type) in &media_types {
            let value = self.media_value(*media_type);
            if let Some(body) = body(name, value.as_ref()) {
                return Ok(Some(body));
            }
        }
        match media_types.first() {
            Some((name, _)) if declared.flag("required") => {
                Err(format!("no body of the media type `{name}` can be made from the definition"))
            }
            _ => Ok(None),
        }
    }

    fn body_of_2(
        &mut self,
        operation: At<'a>,
        schema: Option<At<'a>>,
        form: Map<String, Value>,
    ) -> Result<Option<ExampleBody>, String> {
        let owner = if operation.get("consumes").is_some() { operation } else { self.root };
        let mut consumes: Vec<&str> =
            self.list(owner, "consumes").filter_map(|one| one.node.as_str()).collect();
        consumes.sort_by_key(|name| preference(name));
        if let Some(schema) = schema {
            let value = self.sampler.request(schema);
            let name = consumes.first().copied().unwrap_or("application/json");
            return match body(name, value.as_ref()) {
                Some(body) => Ok(Some(body)),
                None => Err(format!("no body of the media type `{name}` can be made from the definition")),
            };
        }
        if form.is_empty() {
            return Ok(None);
        }
        let is_multipart = consumes.iter().any(|name| name.starts_with("multipart/"));
        let name = if is_multipart { "multipart/form-data" } else { "application/x-www-form-urlencoded" };
        Ok(body(name, Some(&Value::Object(form))))
    }
}

/// Escapes everything that has a meaning in a URL.
pub(super) fn escaped(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// Whether the parameter says itself what it is like.
fn has_example(parameter: At<'_>) -> bool {
    parameter.get("example").is_some() || parameter.get("examples").is_some()
}

/// Fields that are described elsewhere (OpenAPI 3.1.1, section 4.8.12.1).
fn is_apart(name: &str) -> bool {
    ["accept", "content-type", "authorization"].iter().any(|other| name.eq_ignore_ascii_case(other))
}

fn fill(path: &mut String, one: &Declared<'_>, value: &str) {
    let value = if value.is_empty() { "1" } else { value };
    let name = bare(one.name);
    for placeholder in [format!("{{{name}}}"), format!("{{*{name}}}")] {
        *path = path.replace(&placeholder, value);
    }
}

/// Which media type is taken where there are several: the lowest.
fn preference(media_type: &str) -> u8 {
    let essence = media_type.to_ascii_lowercase();
    match essence.split(';').next().unwrap_or_default().trim() {
        "application/json" => 0,
        json if json.ends_with("+json") || json.ends_with("/*") => 1,
        "application/x-www-form-urlencoded" => 2,
        "multipart/form-data" => 3,
        plain if plain.starts_with("text/") => 4,
        _ => 5,
    }
}
