//! Responses: the examples and samples that `mock-response` answers with.

use serde_json::Value;

use super::document::At;
use super::{Reader, wrong_type};
use crate::Diagnostic;
use crate::definition::Format;
use crate::resources::{Example, Representation, ResponseDescription, ResponseStatus};

impl<'a> Reader<'a, '_> {
    pub(super) fn responses(&mut self, operation: At<'a>) -> Vec<ResponseDescription> {
        let mut all = Vec::new();
        for (key, value) in self.mapping(operation, "responses") {
            if key.text.starts_with("x-") {
                continue;
            }
            let Some(status) = status(&key.text, self.format) else {
                self.diagnostics.push(
                    Diagnostic::error(
                        "invalid-status",
                        value.key_location(key),
                        format!("`{}` is no status code", key.text),
                    )
                    .fix("a code such as 200, a range such as 4XX, or `default`"),
                );
                continue;
            };
            let Some(response) = self.resolved(value) else { continue };
            if response.node.as_mapping().is_none() {
                self.diagnostics.push(wrong_type(
                    response,
                    &format!("the response `{}`", key.text),
                    "a mapping",
                ));
                continue;
            }
            let representations = if self.format == Format::OpenApi20 {
                self.representations_of_2(operation, response)
            } else {
                self.representations(response)
            };
            all.push(ResponseDescription { status, representations });
        }
        all
    }

    /// `content` of 3.0 and later.
    fn representations(&mut self, response: At<'a>) -> Vec<Representation> {
        let mut all = Vec::new();
        for (key, media_type) in self.mapping(response, "content") {
            let Some(media_type) = self.resolved(media_type) else { continue };
            let examples = self.examples(media_type);
            let sample = match media_type.get("schema") {
                Some(schema) if examples.is_empty() => self.sampler.response(schema, &key.text),
                _ => None,
            };
            all.push(Representation { content_type: key.text.clone(), examples, sample });
        }
        all
    }

    pub(super) fn examples(&mut self, media_type: At<'a>) -> Vec<Example> {
        if let Some(example) = media_type.get("example") {
            return vec![Example { name: "default".to_owned(), value: example.node.to_json() }];
        }
        let mut all = Vec::new();
        for (key, example) in self.mapping(media_type, "examples") {
            let Some(example) = self.resolved(example) else { continue };
            let value = example
                .get("value")
                .or_else(|| example.get("dataValue"))
                .or_else(|| example.get("serializedValue"));
            if let Some(value) = value {
                all.push(Example { name: key.text.clone(), value: value.node.to_json() });
            }
        }
        all
    }

    /// One `schema` for all of `produces`, and `examples` by media type.
    fn representations_of_2(&mut self, operation: At<'a>, response: At<'a>) -> Vec<Representation> {
        let schema = response.get("schema");
        let examples: Vec<(&str, Value)> = self
            .mapping(response, "examples")
            .map(|(key, value)| (key.text.as_str(), value.node.to_json()))
            .collect();
        let mut types: Vec<&str> = Vec::new();
        if schema.is_some() {
            let owner = if operation.get("produces").is_some() { operation } else { self.root };
            types.extend(self.list(owner, "produces").filter_map(|one| one.node.as_str()));
            if types.is_empty() && examples.is_empty() {
                types.push("application/json");
            }
        }
        for (content_type, _) in &examples {
            if !types.contains(content_type) {
                types.push(content_type);
            }
        }
        let mut all = Vec::with_capacity(types.len());
        for content_type in types {
            let examples: Vec<Example> = examples
                .iter()
                .filter(|(known, _)| *known == content_type)
                .map(|(_, value)| Example { name: "default".to_owned(), value: value.clone() })
                .collect();
            let sample = match schema {
                Some(schema) if examples.is_empty() => self.sampler.response(schema, content_type),
                _ => None,
            };
            all.push(Representation { content_type: content_type.to_owned(), examples, sample });
        }
        all
    }
}

fn status(text: &str, format: Format) -> Option<ResponseStatus> {
    if text == "default" {
        return Some(ResponseStatus::Default);
    }
    let bytes = text.as_bytes();
    match bytes {
        [first @ b'1'..=b'5', b'X' | b'x', b'X' | b'x'] if format != Format::OpenApi20 => {
            Some(ResponseStatus::Range(first - b'0'))
        }
        [b'1'..=b'9', b'0'..=b'9', b'0'..=b'9'] => text.parse().ok().map(ResponseStatus::Code),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_codes_ranges_and_the_default() {
        assert_eq!(status("204", Format::OpenApi30), Some(ResponseStatus::Code(204)));
        assert_eq!(status("4XX", Format::OpenApi31), Some(ResponseStatus::Range(4)));
        assert_eq!(status("default", Format::OpenApi20), Some(ResponseStatus::Default));
        for text in ["2XX", "20", "0200", "099", "ok"] {
            assert_eq!(status(text, Format::OpenApi20), None, "{text}");
        }
    }
}
